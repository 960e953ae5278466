"""What a person should know about how samples were asked."""

from collections import Counter
from collections.abc import Iterable, Sequence

from ontune.console import message
from ontune.evaluation import Prediction
from ontune.sharegpt import Sample
from ontune.task import Task

__all__ = ["name_lost", "name_other_words", "name_unconstrained"]


def name_lost(name: str, predictions: Iterable[Prediction]) -> None:
    """Names each sample that could not be asked, and why."""
    for lost in predictions:
        if "not_encoded" in lost.errors:
            message(f"ontune: {name}: sample {lost.id} was not asked: {lost.meta['not_encoded']}")


def name_other_words(name: str, task: Task, samples: Sequence[Sample]) -> None:
    """Says so, once for a dataset, where samples ask in other words than the task: those of the sample are used."""
    others = [sample.id for sample in samples if _asks_otherwise(task, sample)]
    if others:
        shown = ", ".join(others[:3]) + (" …" if len(others) > 3 else "")
        message(
            f"ontune: {name}: {len(others)} of {len(samples)} samples ask in other words than task {task.name}, "
            f"and are asked in their own: {shown}"
        )


def _asks_otherwise(task: Task, sample: Sample) -> bool:
    """A task without a question of its own, or without a system prompt, leaves it to its samples."""
    words = ((task.system, sample.system.strip()), (task.user, _without_tags(sample.prompt)))
    return any(own and own != text for own, text in words)


def name_unconstrained(name: str, predictions: Sequence[Prediction]) -> None:
    """Says so, once, where answers that a server or vLLM was to constrain break the contract."""
    asked = [prediction for prediction in predictions if "not_encoded" not in prediction.errors]
    codes = Counter(code for prediction in asked for code in prediction.errors)
    if broken := sum(bool(prediction.errors) for prediction in asked):
        cut = sum(prediction.meta.get("finish_reason") == "length" for prediction in asked)
        shown = ", ".join(f"{code} {count}" for code, count in sorted(codes.items())) + (f"; {cut} cut" if cut else "")
        why = "the schema is ignored there, or cannot express all rules"
        message(f"ontune: {name}: {broken} of {len(asked)} constrained answers break the contract ({shown}): {why}")


def _without_tags(text: str) -> str:
    return text.replace("<image>", "").replace("<video>", "").strip()
