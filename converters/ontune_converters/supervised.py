"""The library `supervision`, where it reads a format as it is meant: imported where it is used, and kept quiet.

It reads boxes of COCO, Pascal VOC (one-based corners) and labelme (shapes of a group are one object). It is handed one
object at a time, since it raises without a place and keeps polygons as masks alone; outlines are read by us.
"""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree.ElementTree import Element

from ontune.console import libraries_apart
from ontune.errors import MissingExtra
from ontune_converters.regions import Point

__all__ = ["coco_box", "labelme_box", "parse_xml", "voc_box"]


def _formats() -> Any:
    """The library's readers. Raises MissingExtra. It warns of missing OpenCV, which no box needs."""
    with warnings.catch_warnings(), libraries_apart():
        warnings.simplefilter("ignore")
        try:
            from supervision.dataset.formats import coco, labelme, pascal_voc
        except ImportError:
            raise MissingExtra("supervision", "detection") from None
    return coco, labelme, pascal_voc


def parse_xml(content: bytes) -> Element:
    """The root of an XML file. Raises ValueError for what is none, or defines entities."""
    try:
        from defusedxml import DefusedXmlException, ElementTree  # it comes with supervision
    except ImportError:
        raise MissingExtra("supervision", "detection") from None
    try:
        return ElementTree.fromstring(content)
    except ElementTree.ParseError as error:
        raise ValueError(f"not XML: {error}") from None
    except DefusedXmlException as error:
        raise ValueError(f"defines entities or refers to other files, which is not read: {error}") from None


def coco_box(annotation: Mapping[str, Any]) -> list[Point]:
    """Two corners, in pixels."""
    coco, _, _ = _formats()
    return _corners(
        coco.coco_annotations_to_detections([dict(annotation)], (0, 0), with_masks=False, use_iscrowd=False)
    )


def voc_box(item: Element) -> list[Point]:
    """Two corners of an `<object>`, in pixels from 0."""
    _, _, voc = _formats()
    root, bare = Element("annotation"), Element("object")
    bare.extend(child for child in item if child.tag in {"name", "bndbox"})
    root.append(bare)
    return _corners(voc.detections_from_xml_obj(root, [], (0, 0))[0])


def labelme_box(shapes: Sequence[Mapping[str, Any]]) -> list[Point]:
    """Two corners around shapes of one group, in pixels."""
    _, labelme, _ = _formats()
    plain = [dict(shape) for shape in shapes]
    classes = {str(shape.get("label")): 0 for shape in plain}
    return _corners(labelme.labelme_shapes_to_detections(plain, classes, (0, 0), with_masks=False))


def _corners(detections: Any) -> list[Point]:
    if len(detections) != 1:
        raise ValueError(f"{len(detections)} boxes: expected one")
    left, upper, right, lower = (float(edge) for edge in detections.xyxy[0])
    return [(left, upper), (right, lower)]
