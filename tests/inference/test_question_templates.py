"""Content types: those of the package, one's own in their place, and files with all their faults."""

from pathlib import Path

import pytest
import yaml

from ontune.errors import InputError
from ontune.inference.question_templates import load_templates
from ontune.inference.questions import LIMITS
from ontune.page_questions import self_reference

OWN = {"means": "A recipe.", "questions": 3, "types": ["taste"], "ask": "Ask how it tastes."}
# Upstream's content types of service, electrical and control unit manuals.
SHIPPED = {
    *{"index", "procedure", "specification", "diagram", "troubleshooting", "text"},
    *{"wiring", "pinout", "fuse_chart", "flowchart", "oscilloscope", "signal"},
}


def test_every_shipped_content_type_can_be_asked_about() -> None:
    templates = load_templates(Path("nosuch"))
    assert set(templates.kinds) == SHIPPED
    prompts = {
        name: templates.draft_prompt(kind, section="21 Clutch", text="60 Nm", earlier=("Why?",), **LIMITS)
        for name, kind in templates.kinds.items()
    }
    assert len(set(prompts.values())) == len(SHIPPED)
    for name, prompt in prompts.items():
        kind = templates.kinds[name]
        assert kind.ask in prompt
        assert ", ".join(kind.types) in prompt
        assert "(21 Clutch)" in prompt
        assert "<text>\n60 Nm\n</text>" in prompt
        assert "* Why?\n" in prompt
        assert "10 to 500 characters" in prompt
        assert "{{" not in prompt
    bare = templates.draft_prompt(templates.kinds["text"], section="", text="", earlier=(), **LIMITS)
    assert "<text>" not in bare
    assert "()" not in bare
    assert "There were questions" not in bare
    shown = templates.classify_prompt(section="", text="")
    assert all(f"* {name}: {kind.means}\n" in shown for name, kind in templates.kinds.items())


def test_no_template_asks_for_what_is_dropped() -> None:
    kinds = load_templates(Path("nosuch")).kinds.values()
    assert [kind.name for kind in kinds if self_reference(kind.ask)] == []


def folder(tmp_path: Path, **files: object) -> Path:
    place = tmp_path / "prompts/questions"
    place.mkdir(parents=True)
    for name, content in files.items():
        path = place / (f"{name}.md.j2" if name in ("draft", "classify") else f"{name}.yaml")
        path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return tmp_path


def test_own_files_come_first(tmp_path) -> None:
    templates = load_templates(folder(tmp_path, recipe=OWN, text=OWN | {"questions": 1}, draft="Ask {{ questions }}!"))
    assert set(templates.kinds) == SHIPPED | {"recipe"}
    assert templates.draft_prompt(templates.kinds["text"], text="") == "Ask 1!"
    assert templates.draft_prompt(templates.kinds["recipe"], text="") == "Ask 3!"


FAULTS = {
    "a key too few": ({"x": {"means": "m"}}, "x.yaml: expected an object with the keys"),
    "a key too many": ({"x": OWN | {"more": 1}}, "x.yaml: expected an object with the keys"),
    "a list": ({"x": [1]}, "x.yaml: expected an object with the keys"),
    "no YAML": ({"x": "means: ["}, "x.yaml: not readable"),
    "no text": ({"x": OWN | {"ask": " "}}, "x.yaml: ask is ' ': expected a text"),
    "no number": ({"x": OWN | {"questions": True}}, "questions is True: expected a whole number from 1"),
    "none": ({"x": OWN | {"questions": 0}}, "questions is 0: expected a whole number from 1"),
    "no types": ({"x": OWN | {"types": []}}, "types is []: expected a list of names"),
    "numbers as types": ({"x": OWN | {"types": [1]}}, "types is [1]: expected a list of names"),
    "all at once": ({"x": OWN | {"ask": 1, "types": 2}, "y": []}, "x.yaml: ask is 1.*x.yaml: types is 2.*y.yaml: "),
}


@pytest.mark.parametrize("name", FAULTS)
def test_faults(tmp_path, name) -> None:
    files, message = FAULTS[name]
    escaped = message if name == "all at once" else message.replace("[", r"\[").replace("]", r"\]")
    with pytest.raises(InputError, match=f"(?s){escaped}"):
        load_templates(folder(tmp_path, **files))


@pytest.mark.parametrize("text", ["{{ nosuch }}", "{% if %}"])
def test_a_template_that_cannot_be_filled_is_named(tmp_path, text) -> None:
    templates = load_templates(folder(tmp_path, draft=text))
    with pytest.raises(InputError, match=r"prompts/questions/draft\.md\.j2: "):
        templates.draft_prompt(templates.kinds["text"], text="")
