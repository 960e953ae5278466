"""One page of a PDF document as a picture file, for a question about it."""

from pathlib import Path
from types import ModuleType

from ontune.errors import InputError, MissingExtra

__all__ = ["draw_page"]

POINTS = 72  # an inch
MAX_PIXELS = 40_000_000  # a picture that fills the memory is an error instead


def draw_page(path: Path, number: int, file: Path, dpi: float = 150) -> Path:
    """`file` with page `number` (from 1) as PNG. Raises InputError for what has no such page."""
    library = _pdfium()
    where = f"{path}#{number}"
    try:
        with library.PdfDocument(path) as document:
            document.init_forms()  # before any page, or the values of forms stay undrawn
            if not 1 <= number <= len(document):
                raise InputError(f"{where}: the document has the pages 1 to {len(document)}")
            page = document[number - 1]
            scale = dpi / POINTS
            width, height = page.get_size()
            if width * height * scale**2 > MAX_PIXELS:
                raise InputError(f"{where}: huge: {width:.0f} x {height:.0f} points: give it as a picture")
            image = page.render(scale=scale).to_pil()
    except library.PdfiumError as error:
        raise InputError(f"{where}: encrypted, broken, or no PDF: {error}") from None
    image.save(file, compress_level=1)
    return file


def _pdfium() -> ModuleType:
    try:
        import pypdfium2
    except ImportError:
        raise MissingExtra("pypdfium2", "pdf") from None
    return pypdfium2
