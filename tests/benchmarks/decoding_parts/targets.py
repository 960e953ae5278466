"""The numbers to reach."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from benchmarks.decoding_parts.children import Record

__all__ = ["missed", "table"]


@dataclass(frozen=True)
class Target:
    """A number of the record, by its keys, and the most or least that it may be."""

    what: str
    path: tuple[str, ...]
    most: float | None = None
    least: float | None = None

    def reached(self, value: float) -> bool:
        return (self.most is None or value <= self.most) and (self.least is None or value >= self.least)

    @property
    def wanted(self) -> str:
        return f"<= {self.most:g}" if self.most is not None else f">= {self.least:g}"


TARGETS = (
    Target("mask, median, us", ("mask_us", "median"), most=5),
    Target("mask, 99th percentile, us", ("mask_us", "p99"), most=120),
    Target("compile 729 labels, ms", ("compile", "729", "ms"), most=25),
    Target("compile 10,000 labels, ms", ("compile", "10000", "ms"), most=250),
    Target("compile 100,000 labels, ms", ("compile", "100000", "ms"), most=6000),
    Target("compile 100,000 labels, MB", ("compile", "100000", "mb"), most=120),
    Target("adversarial: rule violations", ("adversarial", "violations"), most=0),
    Target("adversarial: invalid JSON", ("adversarial", "invalid"), most=0),
    Target("adversarial: not canonical", ("adversarial", "non_canonical"), most=0),
    Target("identical, fp32", ("identical_share", "fp32"), least=1),
    Target("bf16: differences beyond 2 ulps", ("identity", "bf16", "outside_2_ulps"), most=0),
    Target("passes, jump_forward", ("passes", "jump_forward"), most=31),
    Target("passes, label_tree", ("passes", "label_tree"), most=11),
    Target("end to end, jump_forward, times", ("end_to_end_speedup", "jump_forward"), least=1.4),
    Target("end to end, label_tree, times", ("end_to_end_speedup", "label_tree"), least=3),
    Target("spaced, jump_forward, times", ("end_to_end_speedup", "spaced", "jump_forward"), least=1.7),
    Target("batch of 16, times", ("batch16_speedup", "jump_forward"), least=2),
    Target("scores, furthest from forcing", ("scores", "max_abs_diff"), most=1e-4),
    Target("scores against full prompts, times", ("scores", "speedup_full"), least=20),
    Target("scores against shared cache, times", ("scores", "speedup_shared"), least=5),
)


def missed(record: Record) -> list[str]:
    """The numbers that were measured and are not reached."""
    return [target.what for target, value in _measured(record) if value is not None and not target.reached(value)]


def table(record: Record) -> str:
    """Each wanted number beside the measured one; then the engines, size by size."""
    lines = [f"{'':<36}{'wanted':>10}{'measured':>12}"]
    for target, value in _measured(record):
        verdict = "not measured" if value is None else "reached" if target.reached(value) else "MISSED"
        lines.append(f"{target.what:<36}{target.wanted:>10}{'-' if value is None else f'{value:.6g}':>12}  {verdict}")
    lines += ["", *_engine_lines(record["engines"] or {}), "", f"{record['cpu']}; {record['wall_seconds']} s"]
    return "\n".join(lines)


def _measured(record: Record) -> Iterator[tuple[Target, float | None]]:
    for target in TARGETS:
        value: Any = record
        for key in target.path:
            value = value.get(key) if isinstance(value, dict) else None
        yield target, value


def _engine_lines(engines: Record) -> Iterator[str]:
    titles = (
        ("labels", 8),
        ("status", 9),
        ("compile ms", 12),
        ("MB", 8),
        ("mask us", 9),
        ("p99", 9),
        ("answer ms", 11),
    )
    yield f"{'engine':<22}" + "".join(f"{title:>{width}}" for title, width in titles)
    for name, sizes in engines.items():
        for size, row in sizes.items():
            if size == "end_to_end":
                yield f"{name:<22}end to end, ms a sample: {row['compact']['ms']} (spaced {row['spaced']['ms']})"
                continue
            mask = row.get("mask_us", {})
            values = [row.get("compile_ms", "-"), row.get("mb", "-"), mask.get("median", "-"), mask.get("p99", "-")]
            numbers = "".join(f"{value:>{width}}" for value, width in zip(values, (12, 8, 9, 9), strict=True))
            yield f"{name:<22}{size:>8}{row['status']:>9}{numbers}{row.get('answer_ms', '-'):>11}  {row.get('why', '')}"
