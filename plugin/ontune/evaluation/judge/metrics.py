"""DeepEval's metrics with any judge, guarded against the scores that DeepEval gives where nothing was judged.

DeepEval scores 1 where the judge found no statement or gave no verdict, takes fewer verdicts than there are statements,
and scores above 1 where a judge goes beyond the scale: here these are failures of the judge. Nothing is written to the
working directory, telemetry is off, and nothing but the judge is asked.
"""

import asyncio
import importlib
import os
import re
import tempfile
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from ontune.errors import InputError, MissingExtra
from ontune.evaluation.judge.cases import Case
from ontune.evaluation.judge.contract import Judge, JudgeFailure, strict_schema
from ontune.evaluation.judge.pictures import Picture, load_picture

__all__ = [
    "DEFAULTS",
    "METRICS",
    "Metric",
    "deepeval_case",
    "deepeval_metric",
    "failure_of",
    "load_deepeval",
    "pictures_of",
    "reason_of",
    "skipped",
]

PARTS = ("metrics", "models", "test_case", "metrics.g_eval")
MARK = re.compile(r"\[DEEPEVAL:IMAGE:([0-9a-f]{64})\]")
STEPS = (
    "Compare the actual output with the expected output, as answers to the input and its picture where there is one.",
    "Numbers, units, names and steps have to be those of the expected output; other words for the same are right.",
    "What the expected output says and the actual output leaves out, or contradicts, lowers the score.",
    "Length and style count for nothing.",
)
QUALITY_STEPS = (
    "Compare the feedback in the actual output with the expert's in the expected output.",
    "The exercise and the mistakes that are named have to be the same; advice has to be correct and of use.",
    "Give 1 for feedback that is wrong throughout, 3 for half of it right, 5 for as good as the expert's.",
)


@dataclass(frozen=True)
class Metric:
    """One of DeepEval's metrics: how it is made, what may be wrong with a result, its range (inside it is 0 to 1)."""

    kind: str  # DeepEval's class
    arguments: Callable[[Any], dict[str, Any]]  # of the package
    fault: Callable[[Any], str | None]  # of a measured metric
    needs: str | None = None  # the part of a case without which there is nothing to judge
    empty: float | None = None  # the score of an empty answer; None: there is nothing to judge
    low: float = 0.0
    high: float = 1.0


def _qag(package: Any) -> dict[str, Any]:
    # Reasons cost a request each; the verdicts have their own. Nobody's settings may send the row elsewhere.
    return {"include_reason": False, "eval_mode": "llm"}


def _geval(package: Any, name: str, steps: tuple[str, ...]) -> dict[str, Any]:
    params = package.test_case.SingleTurnParams
    wanted = [params.INPUT, params.ACTUAL_OUTPUT, params.EXPECTED_OUTPUT]
    return {"name": name, "evaluation_params": wanted, "evaluation_steps": list(steps)}


def _quality(package: Any) -> dict[str, Any]:
    rubric = package.g_eval.Rubric
    texts = ("wrong throughout", "mostly wrong", "half of it right", "mostly right", "as good as the expert's")
    levels = [rubric(score_range=(at, at), expected_outcome=text) for at, text in enumerate(texts, start=1)]
    return _geval(package, "Quality", QUALITY_STEPS) | {"rubric": levels}


def _counted(verdicts: int, things: int, what: str) -> str | None:
    if not things:
        return f"no {what} found: DeepEval would score 1"
    return None if verdicts == things else f"{verdicts} verdicts for {things} {what}s"


def _relevancy_fault(metric: Any) -> str | None:
    return _counted(len(metric.verdicts), len(metric.statements), "statement")


def _faithfulness_fault(metric: Any) -> str | None:
    if not metric.truths:
        return "no truth found in the context"
    return _counted(len(metric.verdicts), len(metric.claims), "claim")


def _hallucination_fault(metric: Any) -> str | None:
    return _counted(len(metric.verdicts), 1, "context")


def _range_fault(metric: Any) -> str | None:
    return None  # `_guarded` looks at every score's range


METRICS: Mapping[str, Metric] = {
    "answer_relevancy": Metric("AnswerRelevancyMetric", _qag, _relevancy_fault, empty=0.0),
    "faithfulness": Metric("FaithfulnessMetric", _qag, _faithfulness_fault, needs="context"),
    "correctness": Metric(
        "GEval", lambda package: _geval(package, "Correctness", STEPS), _range_fault, needs="gold", empty=0.0
    ),
    "hallucination": Metric("HallucinationMetric", _qag, _hallucination_fault, needs="context"),
    "judge_score": Metric("GEval", _quality, _range_fault, needs="gold", empty=0.0, low=1.0, high=5.0),
}
DEFAULTS = ("answer_relevancy", "faithfulness", "correctness", "hallucination")


def skipped(name: str, case: Case) -> str | None:
    """Why there is nothing to judge, or None."""
    metric = METRICS[name]
    if not case.answer and metric.empty is None:
        return "empty answer"
    return f"no {metric.needs}" if metric.needs and not getattr(case, metric.needs) else None


@dataclass(frozen=True)
class _Package:
    """The parts of DeepEval that are used."""

    metrics: Any
    models: Any
    test_case: Any
    g_eval: Any


@lru_cache(maxsize=1)
def load_deepeval() -> _Package:
    """DeepEval, loaded once (it takes seconds) and told to keep to itself. Raises MissingExtra."""
    os.environ |= {"DEEPEVAL_TELEMETRY_OPT_OUT": "1", "DEEPEVAL_DISABLE_DOTENV": "1"}
    os.environ.setdefault("DEEPEVAL_CACHE_FOLDER", str(Path(tempfile.gettempdir()) / "ontune-deepeval"))
    try:
        return _Package(*(importlib.import_module(f"deepeval.{name}") for name in PARTS))
    except ImportError:
        raise MissingExtra("deepeval", "deepeval") from None


def pictures_of(case: Case) -> dict[str, Picture]:
    """The row's pictures by their hashes. Raises DatasetError for one that cannot be read."""
    return {picture.sha256: picture for picture in map(load_picture, case.images)}


def deepeval_metric(name: str, judge: Judge, pictures: Mapping[str, Picture], threshold: float) -> Any:
    """A fresh metric object (they hold one row's state), whose judge is given the pictures that a question names."""
    package, metric = load_deepeval(), METRICS[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of Hallucination's direction, which 4.3 has turned
        made = _guarded(metric.kind)(
            threshold=threshold, async_mode=False, model=_model()(judge, pictures), **metric.arguments(package)
        )
    made.ontune_fault = metric.fault
    return made


def deepeval_case(case: Case, pictures: Mapping[str, Picture]) -> Any:
    """The row as DeepEval's test case. Pictures stand before the question, and in the context of what must be true."""
    package = load_deepeval()
    shown = "".join(f"{_image(package, picture)}\n" for picture in pictures.values())
    context = [f"{shown}{case.context}"] if case.context else None
    return package.test_case.LLMTestCase(
        name=case.id,
        input=f"{shown}{case.question}",
        actual_output=case.answer,
        expected_output=case.gold,
        context=context,
        retrieval_context=context,
    )


def _image(package: _Package, picture: Picture) -> str:
    """The placeholder that DeepEval writes into prompts; named by content, so that the same prompt is the same text."""
    image = package.test_case.MLLMImage(dataBase64=picture.base64, mimeType=picture.kind, _id=picture.sha256)
    text = str(image)
    # DeepEval keeps every picture for ever; ours go with the row.
    importlib.import_module("deepeval.test_case.llm_test_case")._MLLM_IMAGE_REGISTRY.pop(picture.sha256, None)
    return text


@lru_cache(maxsize=1)
def _model() -> Any:
    """The class of DeepEval's model whose answers are the judge's."""

    def start(self: Any, judge: Judge, pictures: Mapping[str, Picture]) -> None:
        self.name, self.judge, self.pictures, self.model = judge.name, judge, pictures, None

    def generate(self: Any, prompt: str, schema: Any = None) -> Any:
        return _ask(self.judge, self.pictures, prompt, schema)

    async def a_generate(self: Any, prompt: str, schema: Any = None) -> Any:
        return await asyncio.to_thread(_ask, self.judge, self.pictures, prompt, schema)

    methods: dict[str, Any] = {
        "__init__": start,
        "generate": generate,
        "a_generate": a_generate,
        "load_model": lambda self: self,
        "get_model_name": lambda self: self.name,
        "supports_multimodal": lambda self: True,
    }
    return type("OntuneJudge", (load_deepeval().models.DeepEvalBaseLLM,), methods)


def _ask(judge: Judge, pictures: Mapping[str, Picture], prompt: str, schema: Any) -> Any:
    """The judge's answer as an object of DeepEval's schema."""
    if schema is None:  # DeepEval asks again like this after a TypeError, which hides the first fault
        raise JudgeFailure("error", "a question without a schema")
    text, shown = _numbered(prompt, pictures)
    answer = judge(text, strict_schema(schema.model_json_schema()), shown)
    try:
        return schema.model_validate(answer)
    except ValueError as error:
        raise JudgeFailure("malformed", f"not of the schema {schema.__name__}: {error}") from None


def _numbered(prompt: str, pictures: Mapping[str, Picture]) -> tuple[str, list[Picture]]:
    """The prompt with its pictures numbered, and the pictures. What an answer says of pictures is text and stays so."""
    shown = [name for name in dict.fromkeys(MARK.findall(prompt)) if name in pictures]
    text = MARK.sub(lambda match: f"[picture {shown.index(match[1]) + 1}]" if match[1] in shown else match[0], prompt)
    return text, [pictures[name] for name in shown]


@lru_cache(maxsize=8)
def _guarded(kind: str) -> Any:
    """DeepEval's metric, which fails where nothing was judged. It keeps its name: prompts are found by it."""
    base = getattr(load_deepeval().metrics, kind)

    def is_successful(self: Any) -> Any:  # called with the score, before it is given
        if self.score is not None:
            if fault := self.ontune_fault(self):
                raise JudgeFailure("incomplete", fault)
            if not 0 <= self.score <= 1:
                raise JudgeFailure("malformed", f"a score outside of the scale: {self.score:g} of 0 to 1")
        return base.is_successful(self)

    return type(kind, (base,), {"is_successful": is_successful, "ontune_fault": None})


def reason_of(metric: Any) -> str:
    """Why the judge gave this score: its own reason, or those of the verdicts against the answer."""
    if metric.reason:
        return str(metric.reason)
    verdicts = getattr(metric, "verdicts", None) or []
    return " ".join(str(verdict.reason) for verdict in verdicts if verdict.verdict != "yes" and verdict.reason)


def failure_of(error: BaseException) -> JudgeFailure:
    """The judge's failure behind what DeepEval raised. Raises InputError where that is what is behind it."""
    found: BaseException | None = error
    while found is not None:
        if isinstance(found, InputError):
            raise found
        if isinstance(found, JudgeFailure):
            return found
        found = found.__cause__ or found.__context__
    return JudgeFailure("error", f"{type(error).__name__}: {error}")
