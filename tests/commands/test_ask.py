"""`ontune ask`: a question about pictures and pages, by a tiny model and by a server."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from chat_server import Chat, chat_server, error
from pdf_files import Sheet, pdf, with_field

QUESTION = ["--question", "What is the torque?"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for name in ("a", "b", "c#1"):
        values = np.random.default_rng(ord(name[0])).integers(0, 256, (90, 60, 3), dtype=np.uint8)
        Image.fromarray(values).save(tmp_path / f"{name}.png")
    sheets = [Sheet([f"Page {number}"] * (30 * number), size=(200 * number, 300)) for number in (1, 2)]
    (tmp_path / "manual.PDF").write_bytes(pdf(sheets))
    (tmp_path / "locked.pdf").write_bytes(pdf(sheets, locked_with="x"))
    (tmp_path / "huge.pdf").write_bytes(pdf([Sheet(size=(14000, 14000))]))
    (tmp_path / "broken.png").write_bytes(b"no picture")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return tmp_path


def test_a_model_answers_in_words(folder, cli, tiny_model) -> None:
    options = ["--model", str(tiny_model("qwen2_5_vl")), "--max-new-tokens", "8"]
    ran = cli("ask", "a.png", *QUESTION, *options, "--json")
    assert ran.status == 0, ran.err
    record = ran.json()
    assert record["files"] == ["a.png"]
    assert record["answer"] == record["raw"].strip()
    assert record["answer"]
    assert cli("ask", "a.png", *QUESTION, *options).out.strip() == record["answer"]
    others = [cli("ask", file, *QUESTION, *options, "--json").json()["raw"] for file in ("b.png", "manual.PDF#2")]
    assert len({record["raw"], *others}) == 3, "each picture has an answer of its own"


def test_a_task_constrains_the_answer(folder, cli, tiny_model) -> None:
    options = ["--model", str(tiny_model("qwen2_5_vl")), "--task", "service_manual", "--json"]
    ran = cli("ask", "a.png", "b.png", *QUESTION, *options)
    assert ran.status == 0, ran.err
    record = ran.json()
    assert record["errors"] == []
    assert record["raw"].startswith('{"answer":"')
    assert record["answer"] == record["answer"].strip()
    assert not record["answer"].startswith("{")


def shown(body):
    parts = body["messages"][-1]["content"]
    data = [part["image_url"]["url"].split(",")[1] for part in parts if part["type"] == "image_url"]
    return [Image.open(io.BytesIO(base64.b64decode(item))).size for item in data], parts[-1]["text"]


def test_a_server_sees_what_was_named_in_its_order(folder, cli) -> None:
    with chat_server(lambda _: Chat("60 Nm\nfor all")) as server:
        ran = cli("ask", "manual.PDF#2", "a.png", "manual.PDF#1", "c#1.png", *QUESTION, "--url", server.url)
        cli("ask", "a.png", *QUESTION, "--url", server.url, "--task", "service_manual")
        cli("ask", "a.png", *QUESTION, "--url", server.url, "--task", "service_manual", "--decoding", "free")
        cli("ask", "a.png", *QUESTION, "--url", server.url, "--system", "Be brief.")
    assert (ran.status, ran.out) == (0, "60 Nm\nfor all\n"), ran.err
    sizes, text = shown(server.bodies[0])
    assert text == "What is the torque?"
    assert [width > height for width, height in sizes] == [True, False, False, False], "the second page is wide"
    assert ["response_format" in body for body in server.bodies] == [False, True, False, False]
    systems = [body["messages"][0]["content"] for body in server.bodies]
    assert systems[1] == systems[2]
    assert systems[1].startswith("You are an expert in vehicle service manuals")
    assert systems[3] == "Be brief."
    assert server.bodies[0]["messages"][0]["role"] == "user"


def test_documents_of_one_name_are_told_apart(folder, cli) -> None:
    for name, size in (("one", (200, 300)), ("two", (400, 300))):
        (folder / name).mkdir()
        (folder / name / "m.pdf").write_bytes(pdf([Sheet([name], size=size)]))
    with chat_server(lambda _: Chat("both")) as server:
        ran = cli("ask", "one/m.pdf#1", "two/m.pdf#1", *QUESTION, "--url", server.url)
    assert ran.status == 0, ran.err
    assert [width > height for width, height in shown(server.bodies[0])[0]] == [False, True]


def test_values_of_forms_are_shown(folder, cli) -> None:
    (folder / "form.pdf").write_bytes(with_field(pdf([Sheet(["x"], (200, 200))])))
    with chat_server(lambda _: Chat("60")) as server:
        assert cli("ask", "form.pdf#1", "--dpi", "72", *QUESTION, "--url", server.url).status == 0
    (url,) = [part["image_url"]["url"] for part in server.bodies[0]["messages"][-1]["content"] if "image_url" in part]
    with Image.open(io.BytesIO(base64.b64decode(url.split(",")[1]))) as image:
        assert image.convert("RGB").getpixel((image.width // 2, image.height // 2)) < (60, 60, 60)


def test_a_refused_question(folder, cli) -> None:
    with chat_server(lambda _: error(400, "too long")) as server:
        ran = cli("ask", "a.png", *QUESTION, "--url", server.url, "--json")
    assert (ran.status, ran.json()["answer"]) == (1, "")
    assert "was not asked: HTTP 400: too long" in ran.err


BAD = {
    "all at once": (["broken.png", "no.png"], ["broken.png: not a readable picture", "no.png: no such file"]),
    "no page": (["manual.PDF"], ["manual.PDF: which page: expected manual.PDF#1 or another number"]),
    "no such page": (
        ["manual.PDF#3", "manual.PDF#0"],
        ["manual.PDF#3: the document has the pages 1 to 2", "manual.PDF#0: the document has the pages 1 to 2"],
    ),
    "no such document": (["other.pdf#1"], ["other.pdf: no such file"]),
    "encrypted": (["locked.pdf#1"], ["locked.pdf#1: encrypted, broken, or no PDF"]),
    "huge": (["huge.pdf#1", "--dpi", "300"], ["huge.pdf#1: huge: 14000 x 14000 points"]),
    "a tag": (["a.png", "--question", "<image>?"], ["--question is '<image>?': expected a text, without media tags"]),
    "empty": (["a.png", "--question", " "], ["--question is ' ': expected a text"]),
    "no task": (["a.png", "--ontology", "small-1"], ["--ontology is for --task, which is not given"]),
    "no engine": (["a.png"], ["Missing option '--model' for --engine transformers"]),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input(folder, cli, name) -> None:
    arguments, expected = BAD[name]
    server = [] if name == "no engine" else ["--url", "http://127.0.0.1:9", "--model", "m"]
    ran = cli("ask", *QUESTION, *arguments, *server, "--json")
    assert ran.status == 2
    faults = ran.json()["error"]
    assert len(faults) == len(expected)
    assert all(words in fault for words, fault in zip(expected, faults, strict=True))
