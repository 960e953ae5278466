"""The analysis in words: what to do about it, and its Markdown."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ontune_converters.relations import RELATIONS

__all__ = ["recommendations", "tables", "to_markdown"]

Record = Mapping[str, Any]
Table = tuple[str, list[str], list[list[str]]]  # title, column heads, rows
SMALLEST = 30  # objects of a class in a split, below which a share of right answers means little


def recommendations(analysis: Record) -> list[str]:
    """What the numbers ask for, a sentence each; most urgent first."""
    return [*_source_advice(analysis), *_balance_advice(analysis), *_picture_advice(analysis)]


def _source_advice(analysis: Record) -> Iterator[str]:
    dropped: Record = analysis.get("annotations", {}).get("dropped", {})
    if dropped:
        found = ", ".join(f"{reason} {count}" for reason, count in dropped.items())
        yield f"{sum(dropped.values())} annotations cannot be used ({found}): mend them, each is named with its place."
    if unknown := analysis["unknown_classes"]:
        yield (
            f"Classes that task {analysis['task']} does not have: {', '.join(unknown)}. Name another task with --task; "
            "their conditions are not counted."
        )
    if leaking := analysis.get("annotations", {}).get("warnings", {}).get("picture_on_several_sides"):
        yield (
            f"{leaking} pictures stand on several sides of the split, as copies of one another: make a new split with "
            "`ontune convert split --by group`."
        )


def _balance_advice(analysis: Record) -> Iterator[str]:
    found: Record = analysis["imbalance"]
    counts: Record = analysis["all"]["classes"]
    if not counts:
        yield "No object is annotated."
        return
    largest = max(counts, key=lambda name: counts[name])
    smallest = min(counts, key=lambda name: counts[name])
    if found["verdict"] == "severe":
        more = found["oversampling"]
        yield (
            f"Severe imbalance: {largest} stands {found['ratio']} times as often as {smallest}. Convert with "
            f"--oversample ({more['before']} → {more['after']} samples) and watch each class's accuracy."
        )
    if found["data"] != "enough":
        yield f"{found['data'].capitalize()} data: {found['average_a_class']} objects a class on average. Collect more."
    for split, record in analysis["splits"].items():
        few = [name for name in counts if record["classes"].get(name, 0) < SMALLEST]
        if split != "train" and few:
            named = ", ".join(few) if len(few) < len(counts) else "any class"
            yield f"Split {split} has fewer than {SMALLEST} objects of {named}: their accuracy has wide intervals."
    majority = max(counts.values()) / sum(counts.values())
    yield f"Always answering {largest} is right in {majority:.1%}: no accuracy means anything without this beside it."


def _picture_advice(analysis: Record) -> Iterator[str]:
    crops = analysis["all"]["suspected_crops"]
    if crops:
        yield f"{len(crops)} pictures look like cut-out objects instead of scenes: spatial relations mean little there."
    if missing := analysis["all"]["missing"]:
        yield f"{missing} label files have no picture."


def tables(analysis: Record) -> Iterator[Table]:
    """Every table of the report."""
    splits: Record = analysis["splits"]
    for key, title in (("classes", "Classes"), ("conditions", "Conditions"), ("object_types", "Objects")):
        whole: Record = analysis["all"][key]
        rows = [
            [name, *(str(record[key].get(name, 0)) for record in splits.values()), str(n)] for name, n in whole.items()
        ]
        yield title, ["", *splits, "all"], rows
    yield "Pictures", ["", *splits, "all"], _picture_rows([*splits.values(), analysis["all"]])
    for key, title in (("classes", "Boxes by class"), ("objects", "Boxes by object")):
        yield (
            title,
            ["", "count", *(f"{what} (mean ± std, min–max)" for what in BOX), "bottom", "top"],
            [
                [
                    name,
                    str(row["count"]),
                    *(_spread(row[what]) for what in BOX),
                    f"{row['bottom']:.1%}",
                    f"{row['top']:.1%}",
                ]
                for name, row in analysis["boxes"][key].items()
            ],
        )
    for key, title in (("classes", "Relations of classes"), ("objects", "Relations of objects")):
        yield (
            title,
            ["first", "second", "pairs", *(f"first {name}" for name in RELATIONS), "aligned", "distance"],
            [
                [
                    row["one"],
                    row["other"],
                    str(row["pairs"]),
                    *(f"{row[name]:.1%}" for name in (*RELATIONS, "aligned")),
                    f"{row['distance']:.2f}",
                ]
                for row in analysis["relations"][key]
            ],
        )
    names = list(analysis["cooccurrence"])
    yield (
        "Classes in one picture",
        ["", *names],
        [[name, *(str(counts.get(other, 0)) for other in names)] for name, counts in analysis["cooccurrence"].items()],
    )
    found: Record = analysis["imbalance"]
    after: Record = found["oversampling"]["classes"]
    yield (
        "Class weights and oversampled training split",
        ["", "weight", "samples"],
        [[name, f"{weight:.2f}", str(after.get(name, 0))] for name, weight in found["class_weights"].items()],
    )


BOX = ("area", "width", "height", "y")


def _picture_rows(records: Sequence[Record]) -> list[list[str]]:
    plain = ("pictures", "without_objects", "missing", "objects")
    rows = [[name.replace("_", " "), *(str(record[name]) for record in records)] for name in plain]
    rows.append(["objects a picture", *(_spread(record["objects_a_picture"]) for record in records)])
    rows.append(["shapes", *(_counted(record["shapes"]) for record in records)])
    rows.append(["resolutions", *(_counted(record["resolutions"]) for record in records)])
    rows.append(["suspected crops", *(str(len(record["suspected_crops"])) for record in records)])
    return rows


def _counted(counts: Record) -> str:
    return ", ".join(f"{name} ({count})" for name, count in counts.items())


def _spread(spread: Record) -> str:
    if spread["mean"] is None:
        return "–"
    return f"{spread['mean']:.3g} ± {spread['std']:.3g}, {spread['min']:.3g}–{spread['max']:.3g}"


def to_markdown(analysis: Record) -> str:
    """The report as Markdown."""
    lines = [f"# {analysis['title']}", "", *(f"* {text}" for text in analysis["recommendations"])]
    for title, heads, rows in tables(analysis):
        lines += ["", f"## {title}", "", _row(heads), _row("---" for _ in heads), *map(_row, rows)]
    lines += ["", "## Patterns of the training split", "", *(f"* {item['text']}" for item in analysis["patterns"])]
    return "\n".join(lines)


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
