"""What the demo's converters read: PDF manuals, and questions about their pages in the upstream's form."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from ontune.demo.manual.drawing import SIZE, draw
from ontune.demo.manual.pdf import write_pdf
from ontune.demo.manual.sheets import Sheet, make_sheets, questions
from ontune.files import copy_atomic, replace_directory, write_atomic, write_lines
from ontune.sharegpt import read_samples

__all__ = [
    "MANUALS",
    "PROBES",
    "TASK",
    "Manual",
    "records",
    "write_blank",
    "write_probes",
    "write_sources",
    "write_task",
]

TASK = "pocket_manual"
PROBES = Path(__file__).with_name("probes.yaml")


@dataclass(frozen=True)
class Manual:
    """One document: its title, how many pages it has, how they are drawn, and the file of its questions."""

    title: str
    pages: int
    seed: int
    clean: bool = False
    split: str = "train"

    def sheets(self) -> list[Sheet]:
        return list(make_sheets(self.pages, self.seed, self.split == "test", self.clean))


MANUALS = {
    "ant": Manual("The Ant, a toy crane", 800, seed=1, clean=True),  # what the base model learns to read on
    "bumblebee": Manual("The Bumblebee, a pedal tractor", 1400, seed=2),
    "supplement": Manual("The Bumblebee, supplement", 160, seed=3, split="test"),
}

TASK_FILE = f"""\
# The demo's task: as service_manual.yaml, with few words, since a tiny model reads each of them at every step.
name: {TASK}
ontology: none
system: You answer questions about a manual.
fields:
  - {{name: answer, kind: text, max_chars: 40}}
metrics: [manuals]
goals: ["numeric_exact_match>=0.8", "keyword_presence>=0.8", "probe_pass_rate>=0.85"]
"""


def write_task(dataset_info: Path) -> None:
    """The task's file in `dataset_info`."""
    write_atomic(dataset_info / "tasks" / f"{TASK}.yaml", TASK_FILE)


def write_sources(folder: Path) -> None:
    """Writes NAME.pdf and questions/NAME/vlm_SPLIT.jsonl for each manual."""
    with replace_directory(folder) as fresh:
        for name, manual in MANUALS.items():
            sheets = manual.sheets()
            pages = (draw(sheet, number, manual.title) for number, sheet in enumerate(sheets, start=1))
            (fresh / f"{name}.pdf").write_bytes(write_pdf(pages, SIZE))
            write_lines(
                fresh / "questions" / name / f"vlm_{manual.split}.jsonl", map(json.dumps, records(name, sheets))
            )


def records(name: str, sheets: list[Sheet]) -> Iterator[dict[str, object]]:
    """The questions about a manual's pages, as `ontune convert pages` names these."""
    for number, sheet in enumerate(sheets, start=1):
        page = f"{name}-{number:04}"
        section = sheet.section
        of_page = {"page_id": page, "section_id": section.id, "section_name": section.name}
        of_page |= {"source_type": "service_manual", "content_type": section.content_type}
        for at, question in enumerate(questions(sheet), start=1):
            turns = [{"role": "user", "content": question.text}, {"role": "assistant", "content": question.answer}]
            own = {"question_type": question.kind, "qa_id": f"{page}-q{at:02}"}
            yield {"image": f"{page}.jpg", "conversations": turns, "metadata": of_page | own}


def write_blank(data: Path, folder: Path) -> None:
    """A white picture in `folder` for each one of the samples in the file `data`."""
    white = Image.new("RGB", SIZE, "white")
    for name in sorted({name for sample in read_samples(data) for name in sample.images}):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        white.save(folder / name)


def write_probes(path: Path) -> None:
    """The probes that come with this package, beside the pages that they ask about."""
    copy_atomic(PROBES, path)
