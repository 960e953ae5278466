"""Samples of a manual's questions, joined to their pictures and to the text layers of their pages."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ontune.errors import SourceError
from ontune.pages import read_pages, read_text
from ontune.sharegpt import Sample, Turn
from ontune.task import Task
from ontune.task.model import Text
from ontune_converters.account import Account
from ontune_converters.dataset import Target
from ontune_converters.existing import Part
from ontune_converters.leakage import fingerprints
from ontune_converters.manual_pictures import Found, Gallery
from ontune_converters.manual_quality import Finding, Question
from ontune_converters.manual_rows import Row
from ontune_converters.pictures import BadPicture, Shelf
from ontune_converters.split import Pool

__all__ = ["Builder", "PageTexts", "answer_field"]


def answer_field(task: Task) -> str:
    """The name of the task's only field. Raises SourceError for a task of another form."""
    fields = task.fields
    if len(fields) != 1 or not isinstance(fields[0], Text):
        raise SourceError(f"--task {task.name}: expected a task whose only field is a text, such as service_manual")
    return fields[0].name


@dataclass(frozen=True)
class PageTexts:
    """The text layers of folders of pages, by the page's id and by its picture's file."""

    by_id: Mapping[str, str]
    by_file: Mapping[Path, str]

    @classmethod
    def read(cls, folders: Sequence[Path]) -> "PageTexts":
        """Reads the folders' indexes and texts. Raises SourceError for ids that two of them have."""
        pages = [(folder, page) for folder in folders for page in read_pages(folder)]
        twice = [page_id for page_id, count in Counter(page.page_id for _, page in pages).items() if count > 1]
        SourceError.check([f"--pages: {page_id} stands in several folders" for page_id in sorted(twice)])
        texts = [(folder, page, read_text(folder, page)) for folder, page in pages]
        return cls(
            {page.page_id: text for _, page, text in texts},
            {(folder / page.image).resolve(): text for folder, page, text in texts},
        )

    def of(self, row: Row, files: Sequence[Path]) -> str | None:
        """The text of a row's pages; None where one of them has none, so that nothing can be said of an answer."""
        texts = [self.by_file.get(file.resolve(), "") for file in files]
        if not all(text.strip() for text in texts) or not texts:
            texts = [self.by_id.get(str(row.meta["page_id"]), "")] if len(files) <= 1 else [""]
        return "\n".join(texts) if all(text.strip() for text in texts) else None


@dataclass
class Builder:
    """Samples from rows; each row and picture counted in the account."""

    target: Target
    account: Account
    shelf: Shelf
    gallery: Gallery
    texts: PageTexts
    smallest: int
    samples: dict[str, Sample] = field(default_factory=dict[str, Sample])
    questions: dict[str, Question] = field(default_factory=dict[str, Question])
    tiny: set[str] = field(default_factory=set[str])  # names of the pictures that are too small

    def __post_init__(self) -> None:
        self.field = answer_field(self.target.task)
        self._seen: dict[tuple[str, ...], str] = {}
        self._ids: Counter[str] = Counter()

    def add(self, row: Row) -> None:
        """One row more, or a drop with its reason."""
        for name, text in (("empty_question", row.question), ("empty_answer", row.answer)):
            if not text:
                self.account.drop(name, row.where)
                return
        found: list[Found] = []
        for name in row.images:
            try:
                found.append(self.gallery.open(row, name))
            except BadPicture as error:
                self.account.drop(error.reason, f"{row.where}: {error.detail}")
                return
        page = "" if found else str(row.meta["page_id"])
        key = (page, *(item.picture.source_sha256 for item in found), row.question, row.answer)
        if first := self._seen.get(key):
            self.account.drop("duplicate", f"{row.where}: the pictures, question and answer of {first}")
            return
        self._seen[key] = row.where
        self._add(row, found)

    def _add(self, row: Row, found: Sequence[Found]) -> None:
        files = [self.shelf.name(item.name, item.picture) for item in found]
        for file, item in zip(files, found, strict=True):
            self.shelf.add(file, item.picture)
        task = self.target.task
        gold = {self.field: row.answer}
        for refusal in task.refusals(gold):
            self.account.warn(f"refused_{refusal.code}", f"{row.where}: {refusal.detail}")
        sample_id = self._id(row)
        turns = (Turn("human", "<image>" * len(files) + row.question), Turn("gpt", task.to_json(gold)))
        page = str(row.meta["page_id"])
        meta = {**row.meta, "group": page, "page": page, "source": row.where}
        meta |= {"source_split": row.split} if row.split else {}
        images = tuple(map(self.target.media_path, files))
        self.samples[sample_id] = Sample(sample_id, turns, task.system, images, (), meta)
        text = self.texts.of(row, [item.picture.path for item in found])
        self.questions[sample_id] = Question(sample_id, page, row.question, row.answer, text, self._tiny(found))

    def _id(self, row: Row) -> str:
        """The source's id; a number behind it where another row has it already."""
        own = sample_id = str(row.meta["qa_id"])
        if own in self.samples:
            self.account.warn("repeated_id", f"{row.where}: {own!r} is another question's already")
        while sample_id in self.samples:
            self._ids[own] += 1
            sample_id = f"{own}~{self._ids[own] + 1}"
        return sample_id

    def _tiny(self, found: Sequence[Found]) -> str:
        """Which pictures of a row are too small for a page; each is warned of once."""
        small = [item for item in found if max(item.size) < self.smallest]
        said = [f"{item.name} has {item.size[0]} x {item.size[1]} pixels" for item in small]
        for item, text in zip(small, said, strict=True):
            if item.name not in self.tiny:
                self.account.warn("tiny_picture", text)
                self.tiny.add(item.name)
        return ", ".join(said)

    def drop(self, findings: Sequence[Finding], kinds: Collection[str]) -> None:
        """Drops the samples with a finding of these kinds, and their pictures where no other sample has them."""
        for finding in findings:
            if finding.kind in kinds and self.samples.pop(finding.id, None):
                self.account.drop(finding.kind, str(finding))
        used = {path for sample in self.samples.values() for path in sample.images}
        for file in [file for file in self.shelf.media if self.target.media_path(file) not in used]:
            del self.shelf.media[file]

    def pool(self) -> Pool:
        """The samples with the fingerprints of their pictures."""
        media = self.shelf.media.items()
        paths = {self.target.media_path(file): path for file, path in media if isinstance(path, Path)}
        prints = fingerprints(paths.values(), ())
        part = Part(self.target.directory / "train.jsonl", ())
        rows = (
            (sample, part, tuple(prints[paths[path]] for path in sample.images)) for sample in self.samples.values()
        )
        return Pool(tuple(sorted(rows, key=lambda row: row[0].id)))
