import hashlib
import io
import random
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from ontune_converters.pictures import BadPicture, Shelf, find_picture, read_picture

RED, WHITE, HALF = (255, 0, 0), (255, 255, 255), (255, 127, 127)
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:c68f\nsize 905795\n"


def two(mode, left, right):
    """Four pixels wide, two high: the left half one colour, the right half another."""
    image = Image.new(mode, (4, 2), left)
    image.paste(right, (2, 0, 4, 2))
    return image


def palette(transparent):
    image = Image.new("P", (4, 2), 0)
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.paste(1, (2, 0, 4, 2))
    return image, {"transparency": transparent} if transparent is not None else {}


def deep(left, right, **options):
    values = np.zeros((2, 4), np.uint16)
    values[:, :2], values[:, 2:] = left, right
    return Image.fromarray(values), options


def key(colour):
    """Options that write a PNG's tRNS chunk: pixels of this one value are transparent."""
    return {"transparency": colour}


# name: what is saved, in which format, and the pixels (left, right) expected; None: copied byte for byte.
CASES = {
    "RGB": ((two("RGB", RED, WHITE), {}), "PNG", None),
    "grey": ((two("L", 7, 200), {}), "PNG", None),
    "black and white": ((two("1", 0, 1), {}), "PNG", None),
    "palette": (palette(None), "PNG", None),
    "JPEG": ((two("RGB", RED, WHITE), {}), "JPEG", None),
    "grey JPEG": ((two("L", 7, 200), {}), "JPEG", None),
    "WebP": ((two("RGB", RED, WHITE), {"lossless": True}), "WEBP", None),
    "RGBA clear": ((two("RGBA", (0, 0, 0, 0), (*RED, 255)), {}), "PNG", (WHITE, RED)),
    "RGBA half": ((two("RGBA", (*RED, 128), (*RED, 255)), {}), "PNG", (HALF, RED)),
    "RGBA opaque": ((two("RGBA", (*RED, 255), (*WHITE, 255)), {}), "PNG", (RED, WHITE)),
    "LA": ((two("LA", (0, 0), (9, 255)), {}), "PNG", (WHITE, (9, 9, 9))),
    "LA half": ((two("LA", (0, 127), (9, 255)), {}), "PNG", ((128, 128, 128), (9, 9, 9))),
    "palette tRNS": (palette(0), "PNG", (WHITE, (0, 0, 255))),
    "palette tRNS half": (palette(bytes([128, 255])), "PNG", (HALF, (0, 0, 255))),
    "GIF transparent": (palette(1), "GIF", (RED, WHITE)),
    "RGB tRNS": ((two("RGB", RED, (1, 2, 3)), key((1, 2, 3))), "PNG", (RED, WHITE)),
    "grey tRNS": ((two("L", 7, 200), key(7)), "PNG", (WHITE, (200,) * 3)),
    "WebP alpha": ((two("RGBA", (0, 0, 0, 0), (*RED, 255)), {"lossless": True}), "WEBP", (WHITE, RED)),
    "16 bits": (deep(0, 65535), "PNG", ((0, 0, 0), WHITE)),
    "16 bits, dark": (deep(255, 256), "PNG", ((1, 1, 1), (1, 1, 1))),
    "16 bits, middle": (deep(32768, 300 * 257 // 2), "PNG", ((128,) * 3, (150,) * 3)),
    "16 bits tRNS": (deep(40000, 0, **key(40000)), "PNG", (WHITE, (0, 0, 0))),
    "16 bits TIFF": (deep(0, 65535), "TIFF", ((0, 0, 0), WHITE)),
    "CMYK": ((two("CMYK", (0, 255, 255, 0), (0, 0, 0, 0)), {}), "TIFF", (RED, WHITE)),
    "CMYK JPEG": ((two("CMYK", (0, 0, 0, 255), (0, 0, 0, 0)), {"quality": 100}), "JPEG", ((0, 0, 0), WHITE)),
}


@pytest.mark.parametrize("case", CASES)
def test_pixels(tmp_path, case):
    (image, options), form, expected = CASES[case]
    path = tmp_path / f"picture.{form.lower()}"
    image.save(path, form, **options)
    picture = read_picture(path)
    assert picture.source_sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    if expected is None:
        assert (picture.content, picture.sha256) == (None, picture.source_sha256)
        assert picture.suffix == {"PNG": ".png", "JPEG": ".jpg", "WEBP": ".webp"}[form]
        return
    assert picture.suffix == ".png"
    assert picture.sha256 == hashlib.sha256(picture.content).hexdigest()
    flat = Image.open(io.BytesIO(picture.content))
    flat.load()
    assert (flat.format, flat.mode, flat.size, flat.info) == ("PNG", "RGB", (4, 2), {})
    near = 2 if form == "JPEG" else 0
    for x, colour in ((0, expected[0]), (3, expected[1])):
        assert np.abs(np.subtract(flat.getpixel((x, 1)), colour)).max() <= near, (x, flat.getpixel((x, 1)))


# Where the pixel that is stored top left belongs, for each EXIF orientation (TIFF 6.0, tag 274).
CORNERS = {1: (0, 0), 2: (3, 0), 3: (3, 1), 4: (0, 1), 5: (0, 0), 6: (1, 0), 7: (1, 3), 8: (0, 3)}


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("orientation", CORNERS)
def test_orientation(tmp_path, orientation, form):
    image = Image.new("RGB", (4, 2), WHITE)
    image.putpixel((0, 0), (0, 0, 0))
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"JPEG": {"quality": 100, "subsampling": 0}, "WEBP": {"lossless": True}, "PNG": {}}[form]
    path = tmp_path / "turned"
    image.save(path, form, exif=exif, **options)
    picture = read_picture(path)
    if orientation == 1:
        assert picture.content is None
        return
    turned = Image.open(io.BytesIO(picture.content))
    assert turned.size == ((4, 2) if orientation < 5 else (2, 4))
    assert not turned.getexif()
    darkest = np.asarray(turned.convert("L")).argmin()
    assert (darkest % turned.width, darkest // turned.width) == CORNERS[orientation]


def test_transparent_and_turned(tmp_path):
    image = two("RGBA", (0, 0, 0, 0), (*RED, 255))
    exif = Image.Exif()
    exif[0x0112] = 6  # stored left is shown on top
    image.save(tmp_path / "both.png", exif=exif)
    flat = Image.open(io.BytesIO(read_picture(tmp_path / "both.png").content))
    assert (flat.size, flat.getpixel((0, 0)), flat.getpixel((0, 3))) == ((2, 4), WHITE, RED)


@given(values=st.lists(st.integers(0, 65535), min_size=1, max_size=8), key=st.integers(0, 65535))
def test_sixteen_bits_are_scaled_and_keyed(tmp_path_factory, values, key):
    path = tmp_path_factory.mktemp("deep") / "deep.png"
    Image.fromarray(np.array([values], np.uint16)).save(path, transparency=key)
    flat = Image.open(io.BytesIO(read_picture(path).content))
    grey = [255 if value == key else round(value / 257) for value in values]
    assert [flat.getpixel((x, 0)) for x in range(len(values))] == [(value,) * 3 for value in grey]


def test_the_same_picture_gives_the_same_bytes(tmp_path):
    two("RGBA", (0, 0, 0, 0), (*RED, 255)).save(tmp_path / "a.png")
    assert read_picture(tmp_path / "a.png").content == read_picture(tmp_path / "a.png").content


def test_a_profile_and_texts_are_not_carried_along(tmp_path):
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Author", "someone")
    two("RGBA", (0, 0, 0, 0), (*RED, 255)).save(tmp_path / "a.png", pnginfo=texts, icc_profile=b"profile", dpi=(72, 72))
    assert Image.open(io.BytesIO(read_picture(tmp_path / "a.png").content)).info == {}


def encoded(form, size=(64, 64)):
    buffer = io.BytesIO()
    noise = random.Random(7).randbytes(3 * size[0] * size[1])
    Image.frombytes("RGB", size, noise).save(buffer, form)
    return buffer.getvalue()


def flipped(content):
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 0xFF]) + content[middle + 1 :]


@pytest.mark.parametrize(
    ("content", "reason", "text"),
    [
        (POINTER, "lfs_pointer", "run git lfs pull"),
        (b"", "unreadable", "0 bytes"),
        (b"<html>", "unreadable", "no picture"),
        (encoded("JPEG")[:-200], "truncated", "truncated"),
        (encoded("PNG")[:-200], "truncated", "truncated"),
        (encoded("PNG")[:20], "unreadable", "bad.png"),
        (flipped(encoded("PNG")), "unreadable", "bad.png: "),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "unreadable", "no picture"),
    ],
)
def test_damage_is_told_by_its_kind(tmp_path, content, reason, text):
    path = tmp_path / "bad.png"
    path.write_bytes(content)
    with pytest.raises(BadPicture, match=text) as caught:
        read_picture(path)
    assert caught.value.reason == reason
    assert "bad.png" in caught.value.detail


def test_floating_point_is_no_picture(tmp_path):
    Image.new("F", (4, 4), 0.5).save(tmp_path / "f.tiff")
    with pytest.raises(BadPicture, match="mode F: expected grey, palette, RGB or CMYK"):
        read_picture(tmp_path / "f.tiff")


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow's own, about what it reads in spite of the damage
@given(data=st.data())
def test_damaged_files_never_crash(tmp_path_factory, data):
    content = bytearray(encoded(data.draw(st.sampled_from(["PNG", "JPEG", "GIF", "TIFF", "WEBP", "BMP"])), (16, 16)))
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("fuzz") / "fuzz"
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    with suppress(BadPicture):
        assert read_picture(path).path == path


@pytest.fixture
def tree(tmp_path):
    """A source with a picture, one in capitals, and links inside and out of it."""
    source = tmp_path / "source"
    (source / "sub").mkdir(parents=True)
    (tmp_path / "secret.png").write_bytes(b"x")
    for name in ("a.png", "sub/B.PNG", "sub/c.png", "sub/C.png"):
        (source / name).write_bytes(b"x")
    (source / "inner.png").symlink_to(source / "a.png")
    (source / "outer.png").symlink_to(tmp_path / "secret.png")
    (source / "folder").symlink_to(tmp_path)
    (source / "loop.png").symlink_to(source / "loop.png")
    (source / "dangling.png").symlink_to(source / "nothing.png")
    return source


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("a.png", "a.png"),
        ("sub/../a.png", "path_escape"),
        ("inner.png", "inner.png"),
        ("sub/b.png", "sub/B.PNG"),
        ("A.PNG", "a.png"),
        ("sub/C.PNG", "missing"),  # c.png and C.png: no telling which
        ("missing.png", "missing"),
        ("nowhere/a.png", "missing"),
        ("sub", "missing"),
        ("dangling.png", "missing"),
        ("loop.png", "missing"),
        ("outer.png", "path_escape"),
        ("folder/secret.png", "path_escape"),
        ("../secret.png", "path_escape"),
        ("/etc/passwd", "path_escape"),
        ("", "path_escape"),
        ("a\0.png", "path_escape"),
        ("x" * 300, "unreadable"),
    ],
)
def test_find_picture(tree, name, found):
    if "." in found:
        assert find_picture(tree, name, tree) == tree / found
    else:
        with pytest.raises(BadPicture) as caught:
            find_picture(tree, name, tree)
        assert caught.value.reason == found


def test_a_link_may_lead_where_its_source_says(tree):
    assert find_picture(tree, "outer.png", tree.parent) == tree / "outer.png"


def test_what_cannot_be_read_is_unreadable(tree):
    with pytest.raises(BadPicture, match="sub: Is a directory") as caught:
        read_picture(tree / "sub")
    assert caught.value.reason == "unreadable"


def test_names_on_the_shelf_are_their_own(tmp_path):
    two("RGB", RED, WHITE).save(tmp_path / "one.png")
    two("RGB", WHITE, RED).save(tmp_path / "two.png")
    two("RGBA", (*RED, 0), (*RED, 255)).save(tmp_path / "clear.png")
    shelf = Shelf(tmp_path)
    names = []
    for file in ("one.png", "two.png", "clear.png"):
        picture = read_picture(tmp_path / file)
        names.append(shelf.name("sub/page.PNG", picture))
        shelf.add(names[-1], picture)
    assert len(set(names)) == 3
    assert all(name.startswith("sub/page-") and name.endswith(".png") for name in names)
    assert [shelf.media[name].read_bytes() == (tmp_path / "one.png").read_bytes() for name in names] == [
        True,
        False,
        False,
    ]
    assert Image.open(shelf.media[names[2]]).getpixel((0, 0)) == WHITE
    assert len(shelf.name("ä" * 200 + ".png", picture).encode()) < 255
