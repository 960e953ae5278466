"""The same samples in other words: files, placeholders, and media that stay where they are."""

from pathlib import Path

import pytest

from ontune.errors import InputError
from ontune.inference.variants import Variant, asked_with, load_variant
from ontune.sharegpt import Sample, Turn
from small import small_task

TASK = small_task()


def sample(prompt: str, images: tuple[str, ...] = (), videos: tuple[str, ...] = (), before: tuple[Turn, ...] = ()):
    turns = (*before, Turn("human", prompt), Turn("gpt", "{}"))
    return Sample("x", turns, "Answer.", images, videos, {"group": "x", "prompt": "old"})


A, AB = ("a.png",), ("a.png", "b.png")
EARLIER = (Turn("human", "<image>First?"), Turn("gpt", "Yes."))
# The variant's user text, the sample, what is asked.
PROMPTS = {
    "nothing": (None, sample("<image>What?", A), "<image>What?"),
    "other words": ("Labels?", sample("What?"), "Labels?"),
    "a picture in front": ("Labels?", sample("<image>What?", A), "<image>Labels?"),
    "a picture in the middle": ("Labels?", sample("Look: <image> What?", A), "<image>Labels?"),
    "all media, in their order": (
        "?",
        sample("<video>and <image> and <image>", AB, ("v.mp4",)),
        "<video><image><image>?",
    ),
    "around the question": ("Well: {question} Be short.", sample("<image>What?", A), "Well: <image>What? Be short."),
    "tags where they stood": ("{question}!", sample("Is <image> like <image>?", AB), "Is <image> like <image>?!"),
    "earlier turns stay": ("Labels?", sample("<image>And?", AB, (), EARLIER), "<image>Labels?"),
    "braces of JSON": ('Answer {"Area":[]} {}', sample("What?"), 'Answer {"Area":[]} {}'),
    "braces in the question": ("{question}", sample("What is {labels}?"), "What is {labels}?"),
}


@pytest.mark.parametrize("name", PROMPTS)
def test_prompts(name) -> None:
    user, given, expected = PROMPTS[name]
    (asked,) = asked_with(Variant("v", None, user), TASK, [given])
    assert asked.prompt == expected
    assert (asked.images, asked.videos, asked.gold, asked.system) == (given.images, given.videos, given.gold, "Answer.")
    assert asked.conversations[:-2] == given.conversations[:-2]
    assert asked.meta == {"group": "x", "prompt": "v"}


def test_the_vocabulary_and_the_definitions() -> None:
    (asked,) = asked_with(Variant("v", "{system}|{labels}|{definitions}|{task_user}"), TASK, [sample("What?")])
    system, labels, definitions, user = asked.system.split("|")
    assert (system, user) == ("Answer.", TASK.user)
    lines = dict(line.split(": ") for line in labels.splitlines())
    assert {key: value.split(", ") for key, value in lines.items()} == {
        field.name: list(TASK.ontology.labels(field.dimension)) for _, field in TASK.label_fields()
    }
    assert len(definitions.splitlines()) == len(TASK.ontology.concepts)
    assert "- Circle (Area): A round figure." in definitions


FAULTS = {
    "an unknown placeholder": (("{lables} {labels}", None), "prompt v: {lables} is unknown: expected one of"),
    "two questions": ((None, "{question} {question}"), "{question} may stand once, in the user's text"),
    "a question in the system": (("{question}", None), "{question} may stand once, in the user's text"),
    "a tag": ((None, "<image>What?"), "a media tag: the sample's own are put in front"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_faults(name) -> None:
    texts, expected = FAULTS[name]
    with pytest.raises(InputError) as caught:
        Variant("v", *texts)
    assert expected in str(caught.value)


@pytest.fixture
def info(tmp_path) -> Path:
    folder = tmp_path / "dataset_info/prompts"
    folder.mkdir(parents=True)
    files = {
        "both.yaml": "system: S\nuser: |\n  U\n",
        "user.yaml": "user: U",
        "text.md": "# A heading\nU\n",
        "vocabulary.yaml": "system: mine",
        "empty.yaml": "",
        "other.yaml": "system: S\nassistant: A",
        "number.yaml": "system: 7",
        "broken.yaml": "system: [",
    }
    for name, content in files.items():
        (folder / name).write_text(content)
    (folder / "latin.md").write_bytes("Zähler".encode("latin-1"))
    return tmp_path / "dataset_info"


FILES = {
    "both": Variant("both", "S", "U"),
    "user": Variant("user", None, "U"),
    "text": Variant("text", None, "# A heading\nU"),
    "vocabulary": Variant("vocabulary", "mine"),
    "PATH": Variant("both", "S", "U"),
    "task": Variant("task", "{task_system}", "{task_user}"),
}


@pytest.mark.parametrize("name", FILES)
def test_files(info, name) -> None:
    given = str(info / "prompts/both.yaml") if name == "PATH" else name
    assert load_variant(given, TASK, info) == FILES[name]


BAD_FILES = {
    "empty": "expected texts under one or both of the keys ['system', 'user']",
    "other": "expected texts under one or both of the keys",
    "number": "expected texts",
    "broken": "broken.yaml: not readable",
    "latin": "latin.md: not readable",
    "nosuch": "no prompts file nosuch.yaml in ",
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_bad_files(info, name) -> None:
    with pytest.raises(InputError) as caught:
        load_variant(name, TASK, info)
    assert BAD_FILES[name] in str(caught.value)
    if name == "nosuch":
        assert "'both'" in str(caught.value)
        assert "sample, task, raft" in str(caught.value)


def test_the_shipped_variant_lists_every_label(tmp_path) -> None:
    variant = load_variant("vocabulary", TASK, tmp_path)
    (asked,) = asked_with(variant, TASK, [sample("<image>What?", A)])
    assert asked.prompt == "<image>What?"
    assert asked.system.startswith("Answer.")
    assert all(concept.name in asked.system for concept in TASK.ontology.concepts)
