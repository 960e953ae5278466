"""The analysis as one self-contained HTML page, with pictures that show what is annotated."""

import base64
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
from PIL import Image, ImageDraw

from ontune.console import progress
from ontune_converters.analysis_text import tables
from ontune_converters.pictures import BadPicture, read_picture
from ontune_converters.regions import AnnotatedPicture, Box, Region

__all__ = ["annotated", "chosen", "to_html"]

SIDE = 480  # pixels of a thumbnail's longer side
TEMPLATE = Path(__file__).with_name("analysis.html.j2")
# Told apart in a photograph, by people who see colours otherwise too (Okabe and Ito, 2008).
COLORS = ("#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7", "#ffffff", "#000000")


def chosen(pictures: Sequence[AnnotatedPicture], count: int) -> list[AnnotatedPicture]:
    """So many pictures that are there, evenly spread over all."""
    there = [picture for picture in pictures if picture.path]
    step = max(len(there) / count, 1) if count else 1
    return [there[int(at * step)] for at in range(min(count, len(there)))]


def annotated(picture: AnnotatedPicture, colors: Mapping[str, str]) -> bytes:
    """JPEG bytes of a small copy with every outline or box drawn, and numbered as in the file. Raises BadPicture."""
    found = read_picture(picture.path or Path())
    with Image.open(io.BytesIO(found.content) if found.content else found.path) as image:
        small = image.convert("RGB")
    small.thumbnail((SIDE, SIDE))
    pen = ImageDraw.Draw(small)
    for number, region in enumerate(picture.regions, start=1):
        outline = [(x * (small.width - 1), y * (small.height - 1)) for x, y in region.points or _corners(region.box)]
        pen.line([*outline, outline[0]], fill=colors[region.label], width=2)
        left, upper = min(x for x, _ in outline), min(y for _, y in outline)
        place = (min(left, small.width - 14), min(upper, small.height - 12))
        pen.rectangle((*place, place[0] + 13, place[1] + 11), fill="black")
        pen.text((place[0] + 2, place[1]), str(number), fill="white")
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=80)
    return buffer.getvalue()


def _corners(box: Box) -> list[tuple[float, float]]:
    left, upper, right, lower = box
    return [(left, upper), (right, upper), (right, lower), (left, lower)]


def to_html(analysis: Mapping[str, Any], pictures: Sequence[AnnotatedPicture]) -> str:
    """The page with all tables and these pictures; one that cannot be read says so in its place."""
    labels = sorted(analysis["all"]["classes"])
    colors = {label: COLORS[at % len(COLORS)] for at, label in enumerate(labels)}
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    figures = [_figure(picture, colors) for picture in progress(pictures, "thumbnails", len(pictures))]
    return template.render(analysis=analysis, tables=list(tables(analysis)), figures=figures, colors=colors)


def _figure(picture: AnnotatedPicture, colors: Mapping[str, str]) -> dict[str, Any]:
    try:
        source, fault = "data:image/jpeg;base64," + base64.b64encode(annotated(picture, colors)).decode(), ""
    except BadPicture as bad:
        source, fault = "", str(bad)
    return {
        "name": picture.name,
        "split": picture.split,
        "source": source,
        "fault": fault,
        "objects": [*map(_shown, picture.regions)],
    }


def _shown(region: Region) -> str:
    return f"{region.label} ({region.shape})"
