"""A real server on 127.0.0.1 that plays the judge, by OpenAI's chat completions and by Anthropic's messages."""

import http.server
import json
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

from chat_server import Chat, ChatServer, Handler, error

Body = dict[str, Any]


def schema_of(body: Body) -> Body:
    """The schema that the answer is asked to have."""
    return body["tools"][0]["input_schema"] if "tools" in body else body["response_format"]["json_schema"]["schema"]


def prompt_of(body: Body) -> str:
    """The text of the question, pictures' names included."""
    content = body["messages"][0]["content"]
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


def opinion(body: Body) -> Body:
    """What a judge answers who finds fault with every answer that holds the word WRONG."""
    wrong, wanted = "WRONG" in prompt_of(body).split("END OF EXAMPLE")[-1], set(schema_of(body)["properties"])
    if wanted == {"verdicts"}:
        return {"verdicts": [{"verdict": "no" if wrong else "yes", "reason": "it is WRONG" if wrong else ""}]}
    if wanted == {"reason", "score"}:
        good = 4 if "as good as the expert's" in prompt_of(body) else 9  # the scale of feedback ends at 5
        return {"reason": "not the same" if wrong else "the same", "score": 2 if wrong else good}
    return {key: ["WRONG" if wrong else "fine"] for key in wanted}  # statements, claims, truths


def says(body: Body, answer: object, **rest: Any) -> Chat:
    """The answer in the form of the request's protocol: a forced tool's input, or content in JSON."""
    if "tools" not in body:
        return Chat(answer if isinstance(answer, str | None) else json.dumps(answer), **rest)
    block = {"type": "tool_use", "id": "1", "name": "answer", "input": answer}
    if isinstance(answer, str):
        block = {"type": "text", "text": answer}
    return Chat(body=json.dumps({"content": [block], "stop_reason": "tool_use"}).encode(), **rest)


def honest(body: Body) -> Chat:
    return says(body, opinion(body))


class JudgeHandler(Handler):
    def do_POST(self):  # noqa: N802 - http.server's name
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        places = {"/v1/chat/completions": "response_format", "/v1/messages": "tools"}
        asked = places.get(self.path, "") in body
        self.send(self.completion(body) if asked else error(404, f"no such page: {self.path}"))


@contextmanager
def judge_server(answer: Callable[[Body], Chat] = honest, model: str = "judge-1") -> Generator[ChatServer]:
    listed = Chat(body=json.dumps({"object": "list", "data": [{"id": model}]}).encode())
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), JudgeHandler)
    server.daemon_threads, server.block_on_close = True, False
    server.state = ChatServer(f"http://127.0.0.1:{server.server_port}/v1", answer, listed)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield server.state
    finally:
        server.shutdown()
        server.server_close()
