"""PDF documents by pypdfium2: what is in them, and their pages as pictures with the text beside."""

import math
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from ontune.errors import MissingExtra, SourceError
from ontune.files import sha256_file
from ontune.pages import Page, read_page, write_page
from ontune_converters.page_ranges import parse_ranges

__all__ = ["Document", "Job", "Look", "inspect", "render"]

POINTS = 72  # an inch
ENCRYPTED = (4, 5)  # FPDF_ERR_PASSWORD, FPDF_ERR_SECURITY
PLAIN = {ord("\r"): None, 0x02: "-", 0xFFFE: "-"}  # of the text layer: the library's marks for hyphens at line ends
JPEG_SIDE = 65_500  # pixels: libjpeg's limit
SUFFIXES = {"jpeg": ".jpg", "png": ".png"}


@dataclass(frozen=True)
class Look:
    """How pages become pictures: by DPI, or by their longest side in pixels."""

    dpi: float = 150
    longest_side: int | None = None
    format: str = "jpeg"
    quality: int = 90
    max_pixels: int = 40_000_000

    def scale(self, width: float, height: float) -> float:
        """Pixels a point, for a page of that size in points."""
        return self.longest_side / max(width, height) if self.longest_side else self.dpi / POINTS

    def __str__(self) -> str:
        """What decides the pictures' bytes beside the document and the versions of the libraries."""
        size = f"longest side {self.longest_side}" if self.longest_side else f"{self.dpi:g} dpi"
        return f"{size}, {self.format}" + f" quality {self.quality}" * (self.format == "jpeg")


@dataclass(frozen=True)
class Document:
    """A document whose pages have been looked at: `name` opens their ids, `chosen` are their numbers from 1."""

    path: Path
    name: str
    sha256: str
    pages: int
    chosen: tuple[int, ...]
    password: str | None = None

    @property
    def file(self) -> str:
        """The document's name with its suffix, without folders of this computer."""
        return str(Path(self.name).with_name(self.path.name))


@dataclass(frozen=True)
class Job:
    """Pages of one document that one process renders into a folder."""

    document: Document
    numbers: tuple[int, ...]
    look: Look
    folder: Path


def pdfium() -> ModuleType:
    """pypdfium2. Raises MissingExtra."""
    try:
        import pypdfium2
    except ImportError:
        raise MissingExtra("pypdfium2", "pdf") from None
    return pypdfium2


@contextmanager
def _opened(path: Path, password: str | None) -> Generator[Any]:
    """The open document. Raises SourceError where it is encrypted or broken."""
    library = pdfium()
    try:
        document = library.PdfDocument(path, password=password)
    except library.PdfiumError as error:
        if error.err_code in ENCRYPTED:
            wrong = "the given password does not open it" if password else "name its password: --password-env VARIABLE"
            raise SourceError(f"{path}: encrypted: {wrong}") from None
        raise SourceError(f"{path}: broken, or no PDF: {error}") from None
    with document:
        document.init_forms()  # before any page, or the values of forms stay undrawn
        yield document


def inspect(path: Path, name: str, ranges: str, look: Look, password: str | None) -> Document:
    """The document, its chosen pages counted and measured before any is drawn. Raises SourceError with all faults."""
    with _opened(path, password) as document:
        count = len(document)
        if not count:
            raise SourceError(f"{path}: broken: it has no page")
        chosen = parse_ranges(ranges, count, str(path))
        faults = [fault for number in chosen for fault in _size_faults(document, number, look)]
    SourceError.check([f"{path}: {fault}" for fault in faults])
    return Document(path, name, sha256_file(path), count, tuple(chosen), password)


def _size_faults(document: Any, number: int, look: Look) -> Iterator[str]:
    try:
        width, height = document.get_page_size(number - 1)
    except pdfium().PdfiumError as error:
        yield f"page {number}: broken: {error}"
        return
    if not (0 < width < math.inf and 0 < height < math.inf):
        yield f"page {number}: broken: {width:g} x {height:g} points"
        return
    scale = look.scale(width, height)
    across, down = math.ceil(width * scale), math.ceil(height * scale)
    if (pixels := across * down) > look.max_pixels:
        yield (
            f"page {number}: huge: {width:.0f} x {height:.0f} points would be {pixels:,} pixels, over --max-pixels "
            f"{look.max_pixels:,}: take less with --longest-side, or leave it out with --pages"
        )
    elif look.format == "jpeg" and max(across, down) > JPEG_SIDE:
        yield (
            f"page {number}: huge: {across} x {down} pixels, but no side of a JPEG has more than {JPEG_SIDE}: take "
            "less with --longest-side, or --format png"
        )


def render(job: Job) -> list[Page | str]:
    """Each page of the job, written; what is wrong with it where it is broken. A page that is there already stays."""
    done = [_done(job, number) for number in job.numbers]
    if all(done):
        return [page for page in done if page]
    with _opened(job.document.path, job.document.password) as document:
        return [page or _render(document, job, number) for page, number in zip(done, job.numbers, strict=True)]


def _files(job: Job, number: int) -> tuple[str, str]:
    """The page's id, which is its files' stem too, and its picture's name."""
    page_id = f"{job.document.name}-{number:04}"
    return page_id, f"{page_id}{SUFFIXES[job.look.format]}"


def _done(job: Job, number: int) -> Page | None:
    """The page as an interrupted run with the same settings has left it."""
    page = read_page(job.folder, f"{_files(job, number)[0]}.json")
    made_from = (job.document.sha256, str(job.look))
    return page if page and (page.document_sha256, page.settings) == made_from else None


def _render(document: Any, job: Job, number: int) -> Page | str:
    """Draws one page. What the library cannot load, or has no memory for, is said instead."""
    try:
        loaded = document[number - 1]
    except pdfium().PdfiumError as error:
        return f"{job.document.path}: page {number}: broken: {error}"
    try:
        text = loaded.get_textpage().get_text_range().translate(PLAIN)
        scale = job.look.scale(*loaded.get_size())
        bitmap = loaded.render(scale=scale, rev_byteorder=True)  # as Pillow has them: swapping costs as much as drawing
        return _write(job, number, bitmap.to_pil(), text, scale)
    except (pdfium().PdfiumError, MemoryError) as error:
        return f"{job.document.path}: page {number}: broken: {error or 'out of memory'}"
    finally:
        loaded.close()


def _write(job: Job, number: int, image: Any, text: str, scale: float) -> Page:
    """The picture first: its record beside it says that it is whole."""
    page_id, file = _files(job, number)
    path = job.folder / file
    path.parent.mkdir(parents=True, exist_ok=True)
    options = {"quality": job.look.quality} if job.look.format == "jpeg" else {"compress_level": 1}
    image.save(path, job.look.format, **options)
    document = job.document
    page = Page(
        *(page_id, document.file, document.sha256, number, document.pages, file, *image.size),
        dpi=round(scale * POINTS, 2),
        text_chars=len(text.strip()),
        settings=str(job.look),
    )
    write_page(job.folder, page, text)
    return page
