"""What a model is shown: pictures as the host that trained it cuts them, and text with media in its place."""

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from ontune.errors import DatasetError
from ontune.inference.prompts import Pictures, messages
from ontune.inference.videos import Videos
from ontune.pictures import upright
from ontune.sharegpt import Sample, Turn

MOST, LEAST = 20000, 1024
SIZES = st.tuples(st.integers(1, 700), st.integers(1, 700)) | st.tuples(st.integers(1, 9), st.integers(300, 4000))
MODES = st.sampled_from(["RGB", "L", "P", "1"])  # what converters write: opaque, upright, eight bits


def noise(size: tuple[int, int], mode: str = "RGB") -> Image.Image:
    values = np.random.default_rng(size[0]).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    return Image.fromarray(values).convert(mode)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("pictures")


@pytest.fixture(scope="module")
def llamafactory_rule():
    """LLaMA-Factory's own function."""
    from llamafactory.data.mm_plugin import get_mm_plugin

    tokens = {"image_token": "<|image_pad|>", "video_token": "<|video_pad|>"}
    plugin = get_mm_plugin("qwen2_vl", **tokens)
    return lambda image: plugin._preprocess_image(image, image_max_pixels=MOST, image_min_pixels=LEAST)


def outcome(call):
    """The picture as size and bytes, or None where there is none."""
    try:
        picture = call()
    except (DatasetError, ValueError):
        return None
    return picture.mode, picture.size, picture.tobytes()


@settings(max_examples=150)
@given(SIZES, MODES)
@example((10000, 11), "RGB")  # too thin after its sides were stretched
@example((11, 10000), "RGB")
@example((1, 9000), "RGB")  # no width is left
@example((160, 125), "P")  # at the limit
@example((32, 32), "1")
def test_pictures_are_cut_as_llamafactory_cuts_them(folder, llamafactory_rule, size, mode) -> None:
    path = folder / "picture.png"
    noise(size, mode).save(path)
    ours = outcome(lambda: Pictures("llamafactory", MOST, LEAST).open(path, 14))
    assert ours == outcome(lambda: llamafactory_rule(Image.open(path)))


@settings(max_examples=150)
@given(SIZES, MODES, st.sampled_from([14, 16]))
@example((2000, 9), "RGB", 14)  # thinner than 200 to 1: refused by both
@example((5, 5), "L", 16)
def test_pictures_are_cut_as_qwen_vl_utils_cuts_them(folder, size, mode, patch) -> None:
    from qwen_vl_utils.vision_process import fetch_image

    path = folder / "picture.png"
    noise(size, mode).save(path)
    ours = outcome(lambda: Pictures("qwen_vl_utils", MOST).open(path, patch))
    request = {"image": str(path), "max_pixels": MOST}  # the least number of tokens is its own default
    assert ours == outcome(lambda: fetch_image(request, image_patch_size=patch))
    if ours:
        assert not any(side % (2 * patch) for side in ours[1])


def clear(size: tuple[int, int]) -> Image.Image:
    picture = noise(size).convert("RGBA")
    picture.putalpha(noise(size, "L"))
    return picture


def turned(size: tuple[int, int], orientation: int) -> tuple[Image.Image, dict]:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return noise(size), {"exif": exif}


ODD = {
    "RGBA": lambda: (clear((300, 90)), {}),
    "LA": lambda: (clear((300, 90)).convert("LA"), {}),
    "palette with a transparent colour": lambda: (noise((90, 30), "P"), {"transparency": 3}),
    "16 bits": lambda: (Image.fromarray((np.arange(300 * 90, dtype=np.uint16) * 2).reshape(90, 300)), {}),
    **{f"EXIF {number}": (lambda number=number: turned((300, 90), number)) for number in range(2, 9)},
}


@pytest.mark.parametrize("rule", ["llamafactory", "qwen_vl_utils"])
@pytest.mark.parametrize("name", ODD)
def test_odd_pictures_are_made_opaque_and_upright_first(tmp_path, llamafactory_rule, name, rule) -> None:
    picture, options = ODD[name]()
    picture.save(tmp_path / "odd.png", **options)
    with Image.open(tmp_path / "odd.png") as opened:
        opened.load()
        plain = upright(opened)
    assert plain is not None
    plain.save(tmp_path / "plain.png")
    pictures = Pictures(rule, MOST, LEAST)
    found = outcome(lambda: pictures.open(tmp_path / "odd.png", 14))
    assert found == outcome(lambda: pictures.open(tmp_path / "plain.png", 14))
    if rule == "llamafactory":
        assert found == outcome(lambda: llamafactory_rule(Image.open(tmp_path / "plain.png")))


def png(size: tuple[int, int] = (60, 60)) -> bytes:
    file = io.BytesIO()
    noise(size).save(file, "PNG")
    return file.getvalue()


def huge() -> bytes:
    """A header that promises 2.5 thousand million pixels."""
    text = bytearray(png())
    text[16:24] = (50_000).to_bytes(4) * 2
    return bytes(text[:29]) + (0).to_bytes(4) + bytes(text[33:])


def floats() -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.ones((40, 40), dtype=np.float32)).save(file, "TIFF")
    return file.getvalue()


BROKEN = {
    "missing": None,
    "empty": b"",
    "text": b"no picture",
    "LFS pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
    "truncated": png()[:1500],
    "header alone": png()[:40],
    "a chunk's length is wrong": png()[:36] + b"\x00" + png()[37:],  # of Pillow's errors a SyntaxError
    "huge": huge(),
    "floating point": floats(),
}


@pytest.mark.parametrize("rule", ["llamafactory", "qwen_vl_utils"])
@pytest.mark.parametrize("name", BROKEN)
def test_what_is_no_picture_is_named(tmp_path, name, rule) -> None:
    path = tmp_path / "broken.png"
    if BROKEN[name] is not None:
        path.write_bytes(BROKEN[name])
    with pytest.raises(DatasetError, match=r"broken\.png: not a readable picture: \w+"):
        Pictures(rule, MOST, LEAST).open(path, 14)


def encoded(kind: str) -> bytes:
    file = io.BytesIO()
    noise((64, 48), "P" if kind == "GIF" else "RGB").save(file, kind)
    return file.getvalue()


FORMATS = {kind: encoded(kind) for kind in ("PNG", "JPEG", "GIF", "TIFF", "WEBP", "BMP")}


@settings(max_examples=200)
@given(st.sampled_from(sorted(FORMATS)), st.data())
def test_damage_is_an_error_of_ours_or_none(folder, kind, data) -> None:
    text = bytearray(FORMATS[kind])
    for _ in range(data.draw(st.integers(1, 4))):
        text[data.draw(st.integers(0, len(text) - 1))] = data.draw(st.integers(0, 255))
    path = folder / "damaged"
    path.write_bytes(bytes(text)[: data.draw(st.integers(0, len(text)))])
    outcome(lambda: Pictures("llamafactory", MOST, LEAST).open(path, 14))


def test_text_in_a_png_is_no_matter(tmp_path) -> None:
    note = PngInfo()
    note.add_text("title", "x" * 100)
    noise((56, 56)).save(tmp_path / "a.png", pnginfo=note)
    assert Pictures("llamafactory").open(tmp_path / "a.png", 14).tobytes() == noise((56, 56)).tobytes()


@pytest.mark.parametrize("rule", ["llamafactory", "qwen_vl_utils"])
def test_a_broken_video_is_named(tmp_path, rule) -> None:
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    for name in ("broken.mp4", "missing.mp4"):
        with pytest.raises(DatasetError, match=f"{name}: not a readable video"):
            Videos(rule).open(tmp_path / name, 14)


def image(path: str) -> dict:
    return {"type": "image", "image": f"data/{path}"}


def video(path: str) -> dict:
    return {"type": "video", "video": f"data/{path}"}


def text(words: str) -> dict:
    return {"type": "text", "text": words}


GOLD = Turn("gpt", "{}")
CHATS = {
    "no media": ((Turn("human", "Which?"), GOLD), "", (), (), [text("Which?")]),
    "before": ((Turn("human", "<image>Which?"), GOLD), "", ("a",), (), [image("a"), text("Which?")]),
    "behind": ((Turn("human", "Which?\n<image>"), GOLD), "", ("a",), (), [text("Which?\n"), image("a")]),
    "alone": ((Turn("human", "<image>"), GOLD), "", ("a",), (), [image("a")]),
    "two in a row": ((Turn("human", "<image><image>?"), GOLD), "", ("a", "b"), (), [image("a"), image("b"), text("?")]),
    "both kinds": (
        (Turn("human", "<video>1<image>2<video><image>"), GOLD),
        "",
        ("a", "b"),
        ("v", "w"),
        [video("v"), text("1"), image("a"), text("2"), video("w"), image("b")],
    ),
}


@pytest.mark.parametrize("name", CHATS)
def test_media_stand_where_their_tags_were(name) -> None:
    turns, system, images, videos, expected = CHATS[name]
    sample = Sample("s", turns, system, images, videos, {"group": "g"})
    assert messages(sample, Path("data")) == [{"role": "user", "content": expected}]


def test_system_and_earlier_turns() -> None:
    turns = (Turn("human", "<image>1"), Turn("gpt", "one"), Turn("human", "2 <image>"), GOLD)
    sample = Sample("s", turns, "Look.", ("a", "b"), meta={"group": "g"})
    assert messages(sample, Path("data")) == [
        {"role": "system", "content": "Look."},
        {"role": "user", "content": [image("a"), text("1")]},
        {"role": "assistant", "content": "one"},
        {"role": "user", "content": [text("2 "), image("b")]},
    ]


PIECES = st.lists(st.sampled_from(["<image>", "<video>", "a", "<", "image>", "\n", "<imag"]), max_size=9)


@given(PIECES)
def test_nothing_of_a_text_is_lost(pieces) -> None:
    value = "".join(pieces) + "?"
    media = {tag: tuple(f"{tag[1]}{at}" for at in range(value.count(tag))) for tag in ("<image>", "<video>")}
    sample = Sample("s", (Turn("human", value), GOLD), "", media["<image>"], media["<video>"], {"group": "g"})
    (chat,) = messages(sample, Path("data"))
    shown = [item.get("text", f"<{item['type']}>") for item in chat["content"]]
    assert "".join(shown) == value
    assert all(shown)
    for kind, tag in (("image", "<image>"), ("video", "<video>")):
        found = [item[kind] for item in chat["content"] if item["type"] == kind]
        assert found == [f"data/{path}" for path in media[tag]]
