"""A real server on 127.0.0.1 that speaks chat completions as it is told to."""

import http.server
import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Chat:
    """What one request is answered with."""

    content: Any = "{}"
    status: int = 200
    body: bytes | None = None  # in the place of a completion
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    finish: str = "stop"
    refusal: str | None = None
    reset: bool = False  # the connection ends in the middle

    def to_bytes(self) -> bytes:
        if self.body is not None:
            return self.body
        message = {"role": "assistant", "content": self.content}
        message |= {"refusal": self.refusal} if self.refusal else {}
        usage = {"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 14}
        choice = {"index": 0, "message": message, "finish_reason": self.finish}
        return json.dumps({"id": "1", "object": "chat.completion", "choices": [choice], "usage": usage}).encode()


def error(status: int, text: str, **headers: str) -> Chat:
    return Chat(status=status, body=json.dumps({"error": {"message": text}}).encode(), headers=headers)


@dataclass
class ChatServer:
    """Where it listens, how it answers, and what came: bodies, headers, and how many requests were open at once."""

    url: str
    answer: Callable[[dict[str, Any]], Chat]
    models: Chat
    bodies: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    open: int = 0
    most: int = 0
    lock: Any = field(default_factory=threading.Lock)

    @property
    def questions(self) -> list[str]:
        """The text of each request, in the order in which they came."""
        return [question(body) for body in self.bodies]


def question(body: dict[str, Any]) -> str:
    content = body["messages"][-1]["content"]
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def state(self) -> ChatServer:
        return self.server.state

    def do_GET(self):
        self.send(self.state.models if self.path == "/v1/models" else error(404, "no such page"))

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.send(self.completion(body) if self.path == "/v1/chat/completions" else error(404, "no such page"))

    def completion(self, body: dict[str, Any]) -> Chat:
        state = self.state
        with state.lock:
            state.bodies.append(body)
            state.headers.append(dict(self.headers))
            state.times.append(time.monotonic())
            state.open += 1
            state.most = max(state.most, state.open)
        try:
            reply = state.answer(body)
            time.sleep(reply.seconds)
        finally:
            with state.lock:
                state.open -= 1
        return reply

    def send(self, reply: Chat) -> None:
        if reply.reset:
            linger = struct.pack("ii", 1, 0)  # close with a reset instead of an orderly end
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf")
            self.close_connection = True
            self.connection.close()
            return
        content = reply.to_bytes()
        self.send_response(reply.status)
        for name, value in {"Content-Length": str(len(content)), **reply.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format, *args):
        pass

    def handle(self):
        with suppress(ConnectionError, ValueError):  # the other side is gone: a stopped run
            super().handle()

    def finish(self):
        with suppress(OSError, ValueError):
            super().finish()


@contextmanager
def chat_server(answer: Callable[[dict[str, Any]], Chat], models: tuple[str, ...] = ("tiny",)) -> Generator[ChatServer]:
    """A server whose every completion is what `answer` makes of the request's body."""
    listed = Chat(body=json.dumps({"object": "list", "data": [{"id": name} for name in models]}).encode())
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads, server.block_on_close = True, False
    server.state = ChatServer(f"http://127.0.0.1:{server.server_port}/v1", answer, listed)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield server.state
    finally:
        server.shutdown()
        server.server_close()
