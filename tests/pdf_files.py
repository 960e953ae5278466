"""Small PDF files, written by hand: pages of text, with a picture or a form, encrypted, of any size."""

import hashlib
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Sheet", "pdf", "with_field"]

A4 = (595, 842)
PADDING = bytes.fromhex("28bf4e5e4e758a4164004e56fffa01082e2e00b6d0683e802f0ca9fe6453697a")  # of the standard handler


@dataclass(frozen=True)
class Sheet:
    """A page: lines of text from the top, and a JPEG that fills its lower half (bytes, width, height)."""

    lines: Sequence[str] = ()
    size: tuple[float, float] = A4
    picture: tuple[bytes, int, int] | None = None

    def content(self) -> bytes:
        """The page's drawing: a frame, the text, the picture."""
        width, height = self.size
        parts = [f"1 w 20 20 {width - 40} {height - 40} re S"]
        for at, line in enumerate(self.lines):
            escaped = line.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
            parts.append(f"BT /F 11 Tf 40 {height - 50 - 14 * at} Td ({escaped}) Tj ET")
        if self.picture:
            parts.append(f"q {width - 80} 0 0 {height / 2 - 80} 40 40 cm /P Do Q")
        return "\n".join(parts).encode("latin-1")


def pdf(sheets: Sequence[Sheet], locked_with: str | None = None, broken_page: int | None = None) -> bytes:
    """A document; `locked_with`: a password that it is encrypted under, with 40-bit RC4.

    The object of `broken_page` (from 0) is no page.
    """
    key, handler = _security(locked_with) if locked_with else (None, b"")
    objects: dict[int, bytes] = {
        1: b"<</Type/Catalog/Pages 2 0 R>>",
        3: b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    }
    kids: list[str] = []
    for at, sheet in enumerate(sheets):
        page, content, picture = 10 + 3 * at, 11 + 3 * at, 12 + 3 * at
        kids.append(f"{page} 0 R")
        pictures = f"/XObject<</P {picture} 0 R>>" if sheet.picture else ""
        objects[page] = (
            f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 {sheet.size[0]} {sheet.size[1]}]"
            f"/Resources<</Font<</F 3 0 R>>{pictures}>>/Contents {content} 0 R>>"
        ).encode()
        if at == broken_page:
            objects[page] = b"(no page)"
        objects[content] = _stream(b"/Filter/FlateDecode", zlib.compress(sheet.content()), content, key)
        if sheet.picture:
            data, width, height = sheet.picture
            kind = (
                f"/Type/XObject/Subtype/Image/Width {width}/Height {height}/ColorSpace/DeviceRGB"
                "/BitsPerComponent 8/Filter/DCTDecode"
            )
            objects[picture] = _stream(kind.encode(), data, picture, key)
    objects[2] = f"<</Type/Pages/Count {len(kids)}/Kids[{' '.join(kids)}]>>".encode()
    if handler:
        objects[4] = handler
    return _file(objects, encrypted=bool(handler))


def with_field(document: bytes) -> bytes:
    """The document with a form's field on its page, drawn as a black square of 100 points."""
    field = b"<</Type/Annot/Subtype/Widget/FT/Tx/T(a)/V(60)/F 4/Rect[50 50 150 150]/P 10 0 R/AP<</N 51 0 R>>>>"
    square = b"<</Type/XObject/Subtype/Form/BBox[0 0 100 100]/Length 22>>\nstream\n0 g 0 0 100 100 re f  \nendstream"
    head = document.partition(b"xref\n")[0].replace(b"/Type/Page/", b"/Type/Page/Annots[50 0 R]/")
    head = head.replace(b"/Type/Catalog/", b"/Type/Catalog/AcroForm<</Fields[50 0 R]>>/")
    objects = b"50 0 obj\n%s\nendobj\n51 0 obj\n%s\nendobj\n" % (field, square)
    return head + objects + b"trailer\n<</Size 60/Root 1 0 R>>\n%%EOF\n"


def _file(objects: dict[int, bytes], encrypted: bool) -> bytes:
    body = b"%PDF-1.4\n"
    places: dict[int, int] = {}
    for number, content in sorted(objects.items()):
        places[number] = len(body)
        body += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    start = len(body)
    body += b"xref\n0 1\n0000000000 65535 f \n"
    body += b"".join(b"%d 1\n%010d 00000 n \n" % place for place in sorted(places.items()))
    security = b"/Encrypt 4 0 R" if encrypted else b""
    ids = b"/ID[<00><00>]"
    return body + b"trailer\n<</Size %d/Root 1 0 R%s%s>>\nstartxref\n%d\n%%%%EOF\n" % (
        *(max(objects) + 1, security, ids, start),
    )


def _stream(keys: bytes, data: bytes, number: int, key: bytes | None) -> bytes:
    if key:
        data = _rc4(_md5(key + number.to_bytes(3, "little") + b"\0\0")[:10], data)
    return b"<</Length %d%s>>\nstream\n%s\nendstream" % (len(data), keys, data)


def _security(password: str) -> tuple[bytes, bytes]:
    """The key, and the handler's dictionary (PDF 1.4, algorithms 3.2 to 3.4, revision 2)."""
    padded = (password.encode("latin-1") + PADDING)[:32]
    owner = _rc4(_md5(padded)[:5], padded)
    key = _md5(padded + owner + (0xFFFFFFFC).to_bytes(4, "little") + b"\0")[:5]
    user = _rc4(key, PADDING)
    return key, b"<</Filter/Standard/V 1/R 2/O<%s>/U<%s>/P -4>>" % (owner.hex().encode(), user.hex().encode())


def _md5(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()  # the standard's


def _rc4(key: bytes, data: bytes) -> bytes:
    state = list(range(256))
    j = 0
    for i in range(256):
        j = (j + state[i] + key[i % len(key)]) % 256
        state[i], state[j] = state[j], state[i]
    i = j = 0
    out = bytearray()
    for byte in data:
        i = (i + 1) % 256
        j = (j + state[i]) % 256
        state[i], state[j] = state[j], state[i]
        out.append(byte ^ state[(state[i] + state[j]) % 256])
    return bytes(out)
