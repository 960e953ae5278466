"""Small pictures as data, and addresses of the large ones."""

import base64
import io
import sys
from pathlib import Path

import pytest
from PIL import Image

from ontune.evaluation.page.thumbnails import data_urls, link


def decoded(url: str) -> Image.Image:
    head, data = url.split(",")
    assert head == "data:image/webp;base64"
    return Image.open(io.BytesIO(base64.b64decode(data)))


def save(path: Path, image: Image.Image, **options) -> Path:
    image.save(path, **options)
    return path


def test_kinds_of_files(tmp_path):
    sideways = Image.Exif()
    sideways[0x0112] = 6
    paths = [
        save(tmp_path / "wide.png", Image.new("RGB", (400, 100), "red")),
        save(tmp_path / "small.png", Image.new("P", (20, 10))),
        save(tmp_path / "clear.png", Image.new("RGBA", (200, 200), (0, 0, 0, 0))),
        save(tmp_path / "turned.jpg", Image.new("RGB", (400, 200)), exif=sideways),
        save(tmp_path / "deep.tif", Image.new("I;16", (300, 300))),
        tmp_path / "missing.png",
        tmp_path,
    ]
    broken = tmp_path / "broken.png"
    broken.write_bytes(paths[0].read_bytes()[:60])
    found = list(data_urls([*paths, broken], 128))
    sizes = [url and decoded(url).size for url in found]
    assert sizes == [(128, 32), (20, 10), (128, 128), (64, 128), (128, 128), None, None, None]
    assert decoded(found[2]).convert("RGB").getpixel((60, 60)) == (255, 255, 255)
    assert found == list(data_urls([*paths, broken], 128))


def test_more_than_a_batch_keeps_its_order(tmp_path):
    paths = [save(tmp_path / f"{at}.png", Image.new("RGB", (at + 1, 8))) for at in range(150)]
    assert [decoded(url).width for url in data_urls(paths, 200)] == list(range(1, 151))


def test_a_bomb_is_no_picture(tmp_path, monkeypatch):
    path = save(tmp_path / "large.png", Image.new("1", (400, 400)))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 50_000)
    assert list(data_urls([path], 64)) == [None]


def test_the_first_frame_of_a_video(tmp_path, monkeypatch):
    av = pytest.importorskip("av")
    path = tmp_path / "film.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=5)
        stream.width, stream.height, stream.pix_fmt = 320, 160, "yuv420p"
        frame = av.VideoFrame.from_image(Image.new("RGB", (320, 160), "blue"))
        for packet in [*stream.encode(frame), *stream.encode()]:
            container.mux(packet)
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no film")
    url, nothing = data_urls([path, broken], 64)
    assert decoded(url).size == (64, 32)
    assert nothing is None
    monkeypatch.setitem(sys.modules, "av", None)  # as where PyAV is not installed
    assert list(data_urls([path], 64)) == [None]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a b.png", "../data/a%20b.png"),
        ("x#1?.png", "../data/x%231%3F.png"),
        ("javascript:alert(1)", "../data/javascript%3Aalert%281%29"),
        ("é.png", "../data/%C3%A9.png"),
        ("none.png", None),
    ],
)
def test_links_are_relative_and_encoded(tmp_path, name, expected):
    (tmp_path / "data").mkdir()
    if expected:
        (tmp_path / "data" / name).touch()
    assert link(tmp_path / "out" / "page.html", tmp_path / "data" / name) == expected


def test_a_name_beside_the_page_is_no_scheme(tmp_path):
    (tmp_path / "javascript:alert(1)").touch()
    assert link(tmp_path / "page.html", tmp_path / "javascript:alert(1)") == "javascript%3Aalert%281%29"
