"""report.md: the report as tables that a person reads in a terminal, a pull request or a wiki."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from ontune.evaluation.estimates import headline

__all__ = ["summary", "to_markdown"]

Record = Mapping[str, Any]

MOST = 20  # rows of a long table; the rest is in report.json, and the table says how many there are


def to_markdown(report: Record) -> str:
    """The report as Markdown: goals, metrics beside the baselines, comparisons, dimensions, weak labels, slices."""
    parts = [
        [f"# {_plain(report['title'])}", "", _about(report)],
        _section("Notes", [f"* {_plain(note)}" for note in report["notes"]]),
        _section("Goals", _goals(report["goals"])),
        _section("Metrics", _metrics(report)),
        *(_section(f"{item['b']} against {item['a']}", _comparison(item)) for item in report["comparisons"]),
        _section("Dimensions", _dimensions(report["dimensions"])),
        _section("Labels with the lowest F1", _labels(report["labels"])),
        _section("Labels confused", _pairs(report["confusion"])),
        _section("Slices", _slices(report["slices"])),
        _section("Absent", [f"* {_plain(item['what'])}: {_plain(item['why'])}" for item in report["absent"]]),
        *(_section(name.capitalize(), _block(report[name])) for name in ("judge", "probes")),
    ]
    return "\n".join(line for part in parts for line in part).rstrip() + "\n"


def summary(report: Record, names: Sequence[str] = ()) -> str:
    """A short table for the screen: the goals, then the first metrics (or those named) of each run with intervals."""
    runs = [run["name"] for run in report["runs"]]
    several = len({goal["run"] for goal in report["goals"]}) > 1
    names_of = [f"{goal['run']}  {goal['goal']}" if several else goal["goal"] for goal in report["goals"]]
    lines = [
        f"{goal['verdict']:9} {name}  {_number(goal['value'])}{_why(goal)}"
        for goal, name in zip(report["goals"], names_of, strict=True)
    ]
    every = list(report["metrics"][runs[0]])
    wanted = [name for name in names if name in every] or headline(every)
    width = max([len(name) for name in wanted], default=0)
    lines += ["", (" " * width + "".join(f"  {name:^21}" for name in [*runs, "majority", "common set"])).rstrip()]
    for name in wanted:
        cells = [_estimate(report["metrics"][run].get(name)) for run in runs]
        cells += [_number(report["baselines"][kind].get(name)) for kind in ("majority", "most_common_set")]
        lines.append((f"{name:{width}}" + "".join(f"  {cell:^21}" for cell in cells)).rstrip())
    for item in report["comparisons"]:
        lines += ["", _won(item)]
    return "\n".join(lines).strip("\n")


def _section(title: str, lines: Sequence[str]) -> list[str]:
    return ["", f"## {title}", "", *lines] if lines else []


def _about(report: Record) -> str:
    ontology, task = report["ontology"], report["task"]
    text = f"Task {task['name']}, ontology {ontology['name']} {ontology['version']}, {report['created_with']}."
    return "\n".join(
        [text, "", *_table(["Run", "File", "Model", "Decoding", "Samples", "p50 s", "p95 s"], _runs(report))]
    )


def _runs(report: Record) -> list[list[str]]:
    return [
        [
            *(str(run[key]) for key in ("name", "file", "model", "decoding", "samples")),
            *(_number(run["seconds"][key]) for key in ("p50", "p95")),
        ]
        for run in report["runs"]
    ]


def _goals(goals: Sequence[Record]) -> list[str]:
    rows = [
        [
            goal["verdict"],
            goal["goal"],
            goal["run"],
            _estimate(goal),
            "" if goal["needed"] is None else str(goal["needed"]),
            goal["why"] or "",
        ]
        for goal in goals
    ]
    return _table(["Verdict", "Goal", "Run", "Value", "Rows that would decide", "Why"], rows)


def _metrics(report: Record) -> list[str]:
    runs = list(report["metrics"])
    names = dict.fromkeys(name for run in runs for name in report["metrics"][run])
    base = report["baselines"]
    kinds = ("majority", "most_common_set")
    rows = [
        [
            name,
            *(_estimate(report["metrics"][run].get(name)) for run in runs),
            *(_number(base[kind].get(name)) for kind in kinds),
            str(next((found["n"] for run in runs if (found := report["metrics"][run].get(name))), "")),
        ]
        for name in names
    ]
    return _table(["Metric", *runs, "Majority", "Most common set", "n"], rows)


def _comparison(item: Record) -> list[str]:
    changes = [
        [name, _signed(item["differences"][name]), _p(item["permutation_p"].get(name), "")]
        for name in item["differences"]
    ]
    lines = [_won(item), "", *_table(["Metric", "Difference", "p (permutation)"], changes)]
    for kind in ("won", "lost"):
        if names := item[kind]:
            lines += ["", f"{kind.capitalize()}: {', '.join(map(_plain, names[:MOST]))}{_more(names)}"]
    return lines


def _won(item: Record) -> str:
    both = f"both right {item['both_right']}, both wrong {item['both_wrong']}"
    counts = f"won {len(item['won'])}, lost {len(item['lost'])}, {both}"
    p_values = [f"McNemar p {_p(item['mcnemar_p'])}", *_by_group(item)]
    return f"{item['b']} against {item['a']}: {counts}; {'; '.join(p_values)}"


def _by_group(item: Record) -> list[str]:
    """What McNemar's test leaves out: rows of one group are alike, and the permutation swaps whole groups."""
    found = [
        f"permutation p of {name} {_p(item['permutation_p'][name])}"
        for name in item["rule"]
        if name in item["permutation_p"]
    ]
    few = f"{item['rows']} rows fall into {item['groups']} groups, which the permutation heeds and McNemar does not"
    return found + [few] * (item["groups"] < item["rows"])


def _dimensions(by_run: Record) -> list[str]:
    rows = [
        [
            run,
            dimension,
            *(_number(values.get(name)) for name in ("exact_match", "precision", "recall", "f1", "macro_f1")),
        ]
        for run, dimensions in by_run.items()
        for dimension, values in dimensions.items()
    ]
    return _table(["Run", "Dimension", "Exact match", "Precision", "Recall", "F1", "Macro F1"], rows)


def _labels(by_run: Record) -> list[str]:
    lines: list[str] = []
    for run, labels in by_run.items():
        worst = sorted(labels, key=lambda label: (label["f1"], -label["support"], label["label"]))
        rows = [
            [run, *(str(label[key]) for key in ("label", "dimension", "support", "predicted")), _number(label["f1"])]
            for label in worst[:MOST]
        ]
        lines += [*_table(["Run", "Label", "Dimension", "Support", "Predicted", "F1"], rows), *_rest(worst)]
    return lines


def _pairs(by_run: Record) -> list[str]:
    lines: list[str] = []
    for run, confusion in by_run.items():
        pairs = confusion["pairs"]
        rows = [[run, *(str(pair[key]) for key in ("gold", "predicted", "count"))] for pair in pairs[:MOST]]
        lines += [*_table(["Run", "Gold", "Predicted", "Rows"], rows), *_rest(pairs)]
    return lines


def _slices(by_run: Record) -> list[str]:
    lines: list[str] = []
    for run, found in by_run.items():
        names = list(dict.fromkeys(name for part in found for name in part["metrics"]))
        rows = [
            [run, part["by"], part["value"], str(part["n"]), *(_estimate(part["metrics"].get(name)) for name in names)]
            for part in found
        ]
        lines += _table(["Run", "By", "Value", "n", *names], rows)
    return lines


def _block(record: Record | None) -> list[str]:
    """Whatever a judge or probes found: a line for each plain value, a table for records by name, no lists."""
    plain = {key: value for key, value in (record or {}).items() if not isinstance(value, list | dict | None)}
    lines = [f"* {_plain(key)}: {_plain(_cell(value))}" for key, value in plain.items()]
    for key, value in (record or {}).items():
        if isinstance(value, dict) and value:
            part = cast("Record", value)
            rows = {name: row for name, row in part.items() if isinstance(row, dict)}
            nested = _records(key, rows) if len(rows) == len(part) else _block(part)
            lines += ["", f"{_plain(key.capitalize())}:", "", *nested]
    return lines


def _records(title: str, rows: Record) -> list[str]:
    columns = list(dict.fromkeys(key for row in rows.values() for key, value in row.items() if value not in (None, {})))
    cells = [[name, *(_cell(row.get(column)) for column in columns)] for name, row in rows.items()]
    return _table([title.capitalize(), *columns], cells)


def _cell(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_cell(part)}" for key, part in cast("Record", value).items())
    if isinstance(value, list):
        return " to ".join(_cell(part) for part in cast("list[object]", value))
    return _number(value) if isinstance(value, float) or value is None else str(value)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    cells = [[_plain(cell) for cell in row] for row in rows]
    if not cells:
        return []
    return [_line(head), _line(["---"] * len(head)), *map(_line, cells), ""]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _rest(items: Sequence[object]) -> list[str]:
    return [f"{len(items) - MOST} more in report.json.", ""] if len(items) > MOST else []


def _more(items: Sequence[object]) -> str:
    return f" and {len(items) - MOST} more" if len(items) > MOST else ""


def _plain(text: str) -> str:
    """The text on one line, with nothing in it that Markdown or the HTML in it would read."""
    flat = " ".join(text.split()).replace("\\", "\\\\").replace("&", "&amp;").replace("<", "&lt;")
    return "".join(f"\\{character}" if character in "|`*[]" else character for character in flat)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}" if abs(value) >= 10 else f"{value:.4f}".rstrip("0").rstrip(".")


def _p(value: float | None, sign: str = "= ") -> str:
    """A p value: four digits tell enough, but 0 is none."""
    return "< 0.0001" if value is not None and value < 0.0001 else f"{sign}{_number(value)}"


def _estimate(record: Record | None) -> str:
    if record is None:
        return "–"
    span = "" if record["low"] is None else f" ({_number(record['low'])}–{_number(record['high'])})"
    return f"{_number(record['value'])}{span}"


def _signed(record: Record) -> str:
    value = record["value"]
    sign = "+" if value is not None and value > 0 else ""
    span = "" if record["low"] is None else f" ({_number(record['low'])} to {_number(record['high'])})"
    return f"{sign}{_number(value)}{span}"


def _why(goal: Record) -> str:
    needed = "" if goal["needed"] is None else f"; {goal['needed']} rows would decide"
    return f"  {goal['why']}{needed}" if goal["why"] else ""
