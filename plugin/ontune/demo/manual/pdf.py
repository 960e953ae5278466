"""A PDF document of drawings and words: pages as content streams, words in a text layer, the same bytes each time."""

import zlib
from collections.abc import Iterable

__all__ = ["FONTS", "words", "write_pdf"]

FONTS = ("Helvetica-Bold", "Times-Bold", "Courier-Bold", "Helvetica")  # every PDF reader has them


def words(x: float, y: float, text: str, font: int, size: float, stretch: float = 100) -> str:
    """The operators that write one line from (x, y) on, points from the lower left corner; `stretch`: width in %."""
    escaped = text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
    return f"BT /F{font} {size:.2f} Tf {stretch:.2f} Tz {x:.2f} {y:.2f} Td ({escaped}) Tj ET"


def write_pdf(pages: Iterable[str], size: tuple[int, int]) -> bytes:
    """The document; a page is its content stream."""
    fonts = "".join(f"/F{at}<</Type/Font/Subtype/Type1/BaseFont/{name}>>" for at, name in enumerate(FONTS))
    objects = [b"<</Type/Catalog/Pages 2 0 R>>", b""]
    for content in pages:
        data = zlib.compress(content.encode("latin-1"))
        objects.append(f"<</Type/Page/Parent 2 0 R/Contents {len(objects) + 2} 0 R>>".encode())
        objects.append(b"<</Length %d/Filter/FlateDecode>>\nstream\n%s\nendstream" % (len(data), data))
    kids = " ".join(f"{number} 0 R" for number in range(3, len(objects) + 1, 2))
    box = f"/MediaBox[0 0 {size[0]} {size[1]}]/Resources<</Font<<{fonts}>>>>"  # every page inherits both
    objects[1] = f"<</Type/Pages/Count {len(objects) // 2 - 1}/Kids[{kids}]{box}>>".encode()
    return _file(objects)


def _file(objects: list[bytes]) -> bytes:
    """The objects, numbered from 1, with the table of where each begins."""
    parts, places, length = [b"%PDF-1.4\n"], [], 9
    for number, content in enumerate(objects, start=1):
        places.append(length)
        parts.append(b"%d 0 obj\n%s\nendobj\n" % (number, content))
        length += len(parts[-1])
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    head = b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    tail = b"trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, length)
    return b"".join([*parts, head, table, tail])
