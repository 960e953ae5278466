"""Pages of documents: a folder with a picture of each, its text layer beside it, and one index."""

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, cast

from ontune.errors import InputError
from ontune.files import write_atomic, write_lines

__all__ = ["INDEX", "Page", "read_page", "read_pages", "read_text", "write_index", "write_page"]

INDEX = "pages.jsonl"


@dataclass(frozen=True)
class Page:
    """One page: `page` counts from 1 in its document, `image` is a file of the folder; its text is in `text_file`."""

    page_id: str
    document: str
    document_sha256: str
    page: int
    pages: int
    image: str
    width: int
    height: int
    dpi: float
    text_chars: int
    settings: str

    @property
    def text_file(self) -> str:
        """The file beside the picture that holds this record and the text."""
        return str(Path(self.image).with_suffix(".json"))


def write_page(folder: Path, page: Page, text: str) -> None:
    """Writes the page's record with its text, atomically."""
    write_atomic(folder / page.text_file, json.dumps({**asdict(page), "text": text}, indent=2, ensure_ascii=False))


def write_index(folder: Path, pages: list[Page]) -> None:
    """Writes the index: one page a line, without texts."""
    write_lines(folder / INDEX, (json.dumps(asdict(page), ensure_ascii=False) for page in pages))


def read_pages(folder: Path) -> list[Page]:
    """The pages of a folder, in the order of its index. Raises InputError with every bad line and missing picture."""
    index = folder / INDEX
    if not index.is_file():
        raise InputError(f"{folder}: no {INDEX} in it: expected a folder that `ontune convert pages` has written")
    pages: list[Page] = []
    faults: list[str] = []
    # As bytes: a document's name may hold what `splitlines` takes for a line's end.
    for number, line in enumerate(index.read_bytes().rstrip().split(b"\n"), start=1):
        try:
            pages.append(_page(json.loads(line)))
        except (ValueError, TypeError) as error:
            faults.append(f"{index}:{number}: no page: {error}")
    faults += [f"{index}: {page.page_id}: {page.image} is not there" for page in pages if not _is_there(folder, page)]
    InputError.check(faults)
    return pages


def read_page(folder: Path, text_file: str) -> Page | None:
    """The page of a record beside its picture; None where there is none, or none that is whole."""
    try:
        record = json.loads((folder / text_file).read_bytes())
        page = _page({key: value for key, value in record.items() if key != "text"})
    except (OSError, ValueError, TypeError, AttributeError):
        return None
    return page if _is_there(folder, page) else None


def read_text(folder: Path, page: Page) -> str:
    """The page's text layer; empty for a scan without one. Raises InputError where its file is none."""
    path = folder / page.text_file
    try:
        return str(json.loads(path.read_bytes())["text"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: no text of page {page.page_id}: {error!r}") from None


def _page(record: Any) -> Page:
    keys = [field.name for field in fields(Page)]
    if not isinstance(record, dict) or cast("dict[str, Any]", record).keys() != set(keys):
        raise ValueError(f"expected an object with the keys {keys}")
    page = Page(**cast("dict[str, Any]", record))
    texts = {key: getattr(page, key) for key in ("page_id", "document", "document_sha256", "image", "settings")}
    numbers = {key: getattr(page, key) for key in ("page", "pages", "width", "height", "dpi", "text_chars")}
    wrong = [f"{key} is {text!r}: expected a text" for key, text in texts.items() if not isinstance(text, str)]
    wrong += [f"{key} is {it!r}: expected a number" for key, it in numbers.items() if type(it) not in {int, float}]
    if wrong:
        raise ValueError("; ".join(wrong))
    return page


def _is_there(folder: Path, page: Page) -> bool:
    return (folder / page.image).is_file()
