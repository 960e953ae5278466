"""A server that answers well, badly, slowly or not at all: what becomes of the sample, and of the run."""

import base64
import email.utils
import io
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from jsonschema import Draft202012Validator
from PIL import Image

from chat_server import Chat, chat_server, error, question
from ontune.errors import InputError
from ontune.evaluation import Prediction
from ontune.inference.endpoint import Endpoint
from ontune.inference.engine import batches
from ontune.inference.prompts import Pictures
from ontune.inference.resume import answer_all
from ontune.inference.server_engine import ServerEngine
from ontune.inference.settings import Generation
from ontune.sharegpt import Sample, Turn
from small import small_task

TASK = small_task()
GOLD = TASK.to_json(TASK.answer_from_labels(["Circle"]))


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def media(tmp_path) -> Path:
    values = np.random.default_rng(1).integers(0, 256, (90, 130, 3), dtype=np.uint8)
    Image.fromarray(values).save(tmp_path / "a.png")
    (tmp_path / "a.mp4").write_bytes(b"no real video")
    (tmp_path / "bad.png").write_text("no picture")
    return tmp_path


def text(name: str) -> Sample:
    return Sample(name, (Turn("human", f"What is {name}?"), Turn("gpt", GOLD)), "Answer.", meta={"group": name})


def engine(server, root: Path = Path(), retries: int = 2, key: str | None = None, **options) -> ServerEngine:
    endpoint = Endpoint(server.url, key, timeout=options.pop("timeout", 5), retries=retries, backoff=0.01)
    generation = Generation(1, 64, pictures=options.pop("pictures", Pictures()))
    return ServerEngine(endpoint, "tiny", TASK, generation, root, **options)


def asked(reply: Chat, sample: Sample | None = None, decoding: str = "free", **options) -> Prediction:
    with chat_server(lambda _: reply) as server:
        return engine(server, **options).answer([sample or text("x")], decoding)[0]


# What a server answers once and for all: raw text, error codes, what `not_encoded` says.
REPLIES = {
    "the gold": (Chat(GOLD), GOLD, [], None),
    "no JSON": (Chat("I think it is a circle."), "I think it is a circle.", ["invalid_json"], None),
    "an unknown label": (
        Chat(GOLD.replace("Circle", "Kreis")),
        GOLD.replace("Circle", "Kreis"),
        ["unknown_label"],
        None,
    ),
    "nothing": (Chat(""), "", ["invalid_json"], None),
    "a refusal": (Chat(None, refusal="I can't help."), "I can't help.", ["invalid_json"], None),
    "no content": (Chat(None), "", ["invalid_json"], None),
    "half a surrogate pair": (Chat("\ud800"), "\ud800", ["invalid_json"], None),
    "a huge answer": (Chat("x" * 5_000_000), "x" * 5_000_000, ["invalid_json"], None),
    "a monstrous answer": (
        Chat("x" * 17 * 2**20),
        "",
        ["not_encoded"],
        "an answer of more than 16777216 bytes (3 times)",
    ),
    "a prompt too long": (
        error(400, "maximum context length is 10"),
        "",
        ["not_encoded"],
        "maximum context length is 10",
    ),
    "a body too large": (error(413, "too large"), "", ["not_encoded"], "HTTP 413: too large"),
    "FastAPI's fault": (
        Chat(status=422, body=b'{"detail": [{"msg": "no"}]}'),
        "",
        ["not_encoded"],
        "HTTP 422: [{'msg': 'no'}]",
    ),
    "ms-swift's fault": (Chat(status=400, body=b'{"message": "no"}'), "", ["not_encoded"], "HTTP 400: no"),
    "a fault in words": (Chat(status=400, body=b"<html>no</html>"), "", ["not_encoded"], "HTTP 400: <html>no</html>"),
    "a fault without words": (Chat(status=400, body=b""), "", ["not_encoded"], "HTTP 400: an empty answer"),
    "a crash": (error(500, "CUDA error"), "", ["not_encoded"], "HTTP 500: CUDA error (3 times)"),
    "no JSON body": (Chat(body=b"<html>"), "", ["not_encoded"], "an answer of another form"),
    "a list as body": (Chat(body=b"[]"), "", ["not_encoded"], "an answer of another form"),
    "deep JSON": (Chat(body=b"[" * 200_000), "", ["not_encoded"], "an answer of another form"),
    "no choices": (Chat(body=b'{"choices": []}'), "", ["not_encoded"], "an answer of another form"),
    "an error with 200": (Chat(body=b'{"error": {"message": "no"}}'), "", ["not_encoded"], "an answer of another form"),
    "content of parts": (Chat([{"type": "text"}]), "", ["not_encoded"], "content is list: expected a text"),
    "a reset": (Chat(reset=True), "", ["not_encoded"], "(3 times)"),
}


@pytest.mark.parametrize("name", REPLIES)
def test_replies(name) -> None:
    reply, raw, errors, reason = REPLIES[name]
    found = asked(reply)
    assert (found.raw, list(found.errors)) == (raw, errors)
    assert (found.tokens, found.seconds > 0) == ((0, False) if reason else (5, True))
    assert (reason or "") in found.meta.get("not_encoded", "")
    assert ("not_encoded" in found.meta) == (reason is not None)
    assert Prediction.from_json(found.to_json(), "here") == found


# What every further request would meet: the run ends with one error.
ENDS = {
    "no key": (error(401, "Invalid API key."), "HTTP 401: Invalid API key."),
    "no right": (error(403, "forbidden"), "HTTP 403: forbidden"),
    "no such model": (error(404, "The model `x` does not exist."), "HTTP 404: The model `x` does not exist."),
    "no money": (error(402, "pay"), "HTTP 402: pay"),
    "another place": (Chat(status=307, body=b"", headers={"Location": "http://127.0.0.1:9/"}), "HTTP 307"),
    "ms-swift's no such model": (error(400, "`x` is not in the model_list: `['y']`."), "not in the model_list"),
    "ms-swift's no key": (error(400, "API key error"), "API key error"),
    "no schema": (
        error(400, "Invalid schema for response_format 'edugraph'"),
        "'edugraph': ask with --decoding free, or give",
    ),
    "too busy": (error(429, "slow down"), "HTTP 429: slow down (3 times)"),
    "busy for hours": (error(429, "slow down", **{"Retry-After": "7200"}), "asks to wait 7200 s"),
    "loading": (error(503, "Loading model"), "HTTP 503: Loading model (3 times)"),
}


@pytest.mark.parametrize("name", ENDS)
def test_ends(name) -> None:
    reply, expected = ENDS[name]
    with chat_server(lambda _: reply) as server, pytest.raises(InputError) as caught:
        engine(server).answer([text("x"), text("y")], "free")
    assert expected in str(caught.value)
    assert str(caught.value).startswith(f"{server.url}: ")
    assert {question(body) for body in server.bodies} == {"What is x?"}, "the second sample was asked in vain"


def test_no_server() -> None:
    with chat_server(lambda _: Chat()) as server:
        pass
    with pytest.raises(InputError, match=r"no connection: .* \(3 times\)$"):
        engine(server).answer([text("x")], "free")


def test_a_server_that_does_not_answer_in_time() -> None:
    assert "ReadTimeout" in asked(Chat(seconds=1), timeout=0.05, retries=0).meta["not_encoded"]


@pytest.mark.parametrize(
    "fault", [error(429, "later"), error(500, "oh"), Chat(body=b"{"), Chat(reset=True), error(408, "")]
)
def test_what_passes_is_tried_again(fault) -> None:
    replies = iter([fault, fault, Chat(GOLD)])
    with chat_server(lambda _: next(replies)) as server:
        found = engine(server).answer([text("x")], "free")[0]
    assert (found.raw, len(server.bodies)) == (GOLD, 3)


def date(seconds: float) -> str:
    return email.utils.formatdate(time.time() + seconds, usegmt=True)


WAITS = {"0.3": (0.3, 1), "0": (0, 0.2), "-5": (0, 0.2), "soon": (0, 0.2), "nan": (0, 0.2), "DATE": (0.5, 3)}


@pytest.mark.parametrize("value", WAITS)
def test_retry_after_is_honoured(value) -> None:
    least, most = WAITS[value]
    header = date(2) if value == "DATE" else value
    replies = iter([error(429, "later", **{"Retry-After": header}), Chat(GOLD)])
    with chat_server(lambda _: next(replies)) as server:
        found = engine(server).answer([text("x")], "free")[0]
    assert found.raw == GOLD
    assert least <= server.times[1] - server.times[0] <= most
    assert found.seconds < 0.2, "the latency is that of the request that was answered"


def test_waiting_for_others_is_no_failure(tmp_path) -> None:
    """A server that takes one request a moment: everyone is served, however often each is told to wait."""
    until = [0.0]

    def limited(_):
        if time.monotonic() < until[0]:
            return error(429, "later", **{"Retry-After": "0.02"})
        until[0] = time.monotonic() + 0.05
        return Chat(GOLD)

    with chat_server(limited) as server:
        found = run(engine(server, retries=5), [text(f"{at:02}") for at in range(16)], 8, tmp_path / "out.jsonl")
    assert all(item.raw == GOLD for item in found)
    assert len(server.bodies) > 6 * 8


def run(asking: ServerEngine, samples: list[Sample], workers: int, out: Path) -> list[Prediction]:
    return answer_all(batches(samples, 1), lambda batch: asking.answer(batch, "free"), out, "s", workers, again=True)


def test_as_many_at_once_as_asked_for(tmp_path) -> None:
    with chat_server(lambda _: Chat(GOLD, seconds=0.05)) as server:
        started = time.monotonic()
        found = run(engine(server), [text(f"{at:02}") for at in range(20)], 5, tmp_path / "out.jsonl")
        seconds = time.monotonic() - started
    assert [item.id for item in found] == [f"{at:02}" for at in range(20)]
    assert server.most == 5
    assert seconds < 0.8, "twenty requests of 0.05 s, five at once"
    assert sorted(server.questions) == sorted({f"What is {at:02}?" for at in range(20)})


def test_a_server_that_goes_down_keeps_what_was_answered(tmp_path) -> None:
    samples = [text(f"{at:02}") for at in range(30)]

    def down(_):
        return Chat(GOLD, seconds=0.01) if len(server.bodies) <= 12 else error(503, "down")

    with chat_server(down) as server, pytest.raises(InputError, match=r"503.*what was answered is kept"):
        run(engine(server, retries=1), samples, 4, tmp_path / "out.jsonl")
    first = set(server.questions[:12])
    with chat_server(lambda _: Chat(GOLD)) as server:
        found = run(engine(server), samples, 4, tmp_path / "out.jsonl")
    assert len(found) == 30
    assert not first & set(server.questions), "an answer was asked for twice"
    assert len(server.questions) == 18


def test_what_was_refused_is_asked_again_after_a_stop(tmp_path) -> None:
    """A crashing server looks like a sample that it cannot take, until it fails for all."""
    samples = [text(f"{at:02}") for at in range(30)]

    def crashing(_):
        return Chat(GOLD) if len(server.bodies) <= 3 else error(500, "CUDA error")

    with chat_server(crashing) as server, pytest.raises(InputError, match="HTTP 500: CUDA error"):
        run(engine(server, retries=0), samples, 2, tmp_path / "out.jsonl")
    assert 3 + 8 <= len(server.bodies) <= 3 + 8 + 2
    with chat_server(lambda _: Chat(GOLD)) as server:
        found = run(engine(server), samples, 2, tmp_path / "out.jsonl")
    assert not any(item.errors for item in found)
    assert len(server.bodies) == 27


def test_samples_that_crash_do_not_end_the_run_while_others_are_answered(tmp_path) -> None:
    bad = {f"{at:02}" for at in range(0, 40, 3)}
    with chat_server(lambda body: error(500, "bad") if question(body)[8:10] in bad else Chat(GOLD)) as server:
        found = run(engine(server, retries=0), [text(f"{at:02}") for at in range(40)], 3, tmp_path / "out.jsonl")
    assert {item.id for item in found if item.errors} == bad, "more than end a run in which nobody is answered"


def picture_of(body: dict) -> Image.Image:
    (part,) = [part for part in body["messages"][-1]["content"] if part["type"] == "image_url"]
    kind, content = part["image_url"]["url"].split(",", 1)
    assert kind == "data:image/png;base64"
    return Image.open(io.BytesIO(base64.b64decode(content)))


@pytest.mark.parametrize("rule", ["llamafactory", "qwen_vl_utils"])
@pytest.mark.parametrize("patch", [14, 16])
def test_the_request(media, rule, patch) -> None:
    pictures = Pictures(rule, max_pixels=6000)
    turns = (Turn("human", "Look: <image>\nWhat is it?"), Turn("gpt", GOLD))
    sample = Sample("x", turns, "Answer.", ("a.png",), meta={"group": "x"})
    with chat_server(lambda _: Chat(GOLD)) as server:
        options = {"pictures": pictures, "patch_size": patch, "seed": 7, "extra": {"top_k": 1, "seed": None}}
        for decoding in ("constrained", "constrained", "free"):
            engine(server, media, key="secret", **options).answer([sample], decoding)
    body, same, free = server.bodies
    assert json.dumps(body) == json.dumps(same), "keys in one order"
    assert list(body) == ["model", "messages", "max_tokens", "temperature", "response_format", "top_k"]
    assert (body["model"], body["max_tokens"], body["temperature"]) == ("tiny", 64, 0)
    assert body["messages"][0] == {"role": "system", "content": "Answer."}
    assert [part["type"] for part in body["messages"][1]["content"]] == ["text", "image_url", "text"]
    sent, local = picture_of(body), pictures.open(media / "a.png", patch)
    assert (sent.size, sent.tobytes()) == (local.size, local.tobytes()), "the model would see another picture"
    wanted = body["response_format"]
    assert (wanted["type"], wanted["json_schema"]["name"], wanted["json_schema"]["strict"]) == (
        "json_schema",
        "edugraph",
        True,
    )
    Draft202012Validator(wanted["json_schema"]["schema"]).validate(json.loads(GOLD))
    assert "response_format" not in free
    assert server.headers[0]["Authorization"] == "Bearer secret"


def test_a_seed_and_no_key() -> None:
    with chat_server(lambda _: Chat(GOLD)) as server:
        engine(server, seed=3).answer([text("x")], "free")
    assert server.bodies[0]["seed"] == 3
    assert "Authorization" not in server.headers[0]
    assert server.bodies[0]["messages"][1] == {"role": "user", "content": "What is x?"}, "a plain text where it is one"


MEDIA = {
    "a video": (("<video>", (), ("a.mp4",)), None),
    "a video of another kind": (("<video>", (), ("a.webm",)), "a.webm: a video for a server: expected one of"),
    "no video": (("<video>", (), ("b.mp4",)), "b.mp4: not a readable video: No such file"),
    "no picture": (("<image>", ("bad.png",), ()), "bad.png: not a readable picture"),
}


@pytest.mark.parametrize("name", MEDIA)
def test_media(media, name) -> None:
    (tag, images, videos), reason = MEDIA[name]
    sample = Sample("x", (Turn("human", f"{tag}What?"), Turn("gpt", GOLD)), "", images, videos, {"group": "x"})
    with chat_server(lambda _: Chat(GOLD)) as server:
        found = engine(server, media).answer([sample], "free")[0]
    if reason is None:
        url = server.bodies[0]["messages"][0]["content"][0]["video_url"]["url"]
        assert base64.b64decode(url.removeprefix("data:video/mp4;base64,")) == b"no real video"
        assert (found.raw, found.videos) == (GOLD, videos)
    else:
        assert found.meta["not_encoded"].startswith(reason), "without the root"
        assert not server.bodies


def test_why_an_answer_ended_is_kept() -> None:
    assert asked(Chat('{"Area":', finish="length")).meta == {"group": "x", "finish_reason": "length"}
    assert asked(Chat(GOLD)).meta == {"group": "x"}


def test_the_models_of_a_server() -> None:
    with chat_server(lambda _: Chat(), ("one", "two")) as server:
        assert Endpoint(server.url).models() == ["one", "two"]
        server.models = error(401, "no")
        with pytest.raises(InputError, match="HTTP 401"):
            Endpoint(server.url).models()
        server.models = Chat(body=b"[]")
        with pytest.raises(InputError, match="name the model with --model"):
            Endpoint(server.url, retries=0).models()


def test_a_key_is_never_shown() -> None:
    assert "secret" not in repr(Endpoint("http://127.0.0.1:9/v1", "secret"))
    for key in ("sk-SECRET\r", "sk-SECRET two", "sk-SECRETé"):
        for given in ({"api_key": key}, {"headers": {"x-api-key": key}}):
            with pytest.raises(InputError, match="a character that no header can") as caught:
                Endpoint("http://127.0.0.1:9/v1", **given)
            assert "SECRET" not in str(caught.value)


def test_engines_other_than_transformers_need_no_torch(tmp_path) -> None:
    code = (
        "import sys\n"
        "for name in ('torch', 'transformers', 'qwen_vl_utils'): sys.modules[name] = None\n"
        "import ontune.commands.predict, ontune.commands.import_predictions\n"
        "import ontune.inference.server_engine, ontune.inference.vllm_engine\n"
        "from ontune.inference.prompts import Pictures\n"
        "from PIL import Image; from pathlib import Path\n"
        "for rule in ('llamafactory', 'qwen_vl_utils'): Pictures(rule).open(Path(sys.argv[1]), 14)\n"
    )
    Image.new("RGB", (60, 60)).save(tmp_path / "white.png")
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "white.png")], check=True)
