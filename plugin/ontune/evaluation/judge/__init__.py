"""A language model as judge: DeepEval's metrics, any model behind a Protocol, failures counted and never scored.

DeepEval itself is imported in `metrics.py` alone, when rows are judged.
"""

from ontune.evaluation.judge.cache import CachedJudge
from ontune.evaluation.judge.cases import Case, make_cases
from ontune.evaluation.judge.contract import KINDS, Judge, JudgeFailure, Kind
from ontune.evaluation.judge.kappa import Agreement, agreement, read_labels
from ontune.evaluation.judge.metrics import DEFAULTS, METRICS, load_deepeval
from ontune.evaluation.judge.pictures import Picture, load_picture
from ontune.evaluation.judge.record import THRESHOLD, Opinion, estimates, judge_record
from ontune.evaluation.judge.run import Judged, judge_all, write_judged

__all__ = [
    "DEFAULTS",
    "KINDS",
    "METRICS",
    "THRESHOLD",
    "Agreement",
    "CachedJudge",
    "Case",
    "Judge",
    "JudgeFailure",
    "Judged",
    "Kind",
    "Opinion",
    "Picture",
    "agreement",
    "estimates",
    "judge_all",
    "judge_record",
    "load_deepeval",
    "load_picture",
    "make_cases",
    "read_labels",
    "write_judged",
]
