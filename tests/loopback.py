"""Servers on 127.0.0.1 that stand in for the ones converters and readers fetch from."""

import hashlib
import http.server
import json
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit


@dataclass(frozen=True)
class Reply:
    """What a path answers; `announced` is the length it claims to have."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    announced: int | None = None


@dataclass
class Server:
    """Where it listens, what it answers (changes count at once), and every request that came: method and path."""

    url: str
    replies: dict[str, Reply]
    requests: list[str]


@contextmanager
def serve(replies: dict[str, Reply]) -> Generator[Server]:
    """A server for these paths (queries are ignored), 404 for all others; replies may change while it runs."""
    requests: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            path = unquote(urlsplit(self.path).path)
            requests.append(f"{self.command} {path}")
            reply = replies.get(path, Reply(b"nothing here", 404))
            self.send_response(reply.status)
            length = len(reply.body) if reply.announced is None else reply.announced
            for name, value in {"Content-Length": str(length), **reply.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(reply.body)

        do_HEAD = do_GET  # noqa: N815 - http.server's name

        def log_message(self, format, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield Server(f"http://127.0.0.1:{server.server_port}", replies, requests)
    finally:
        server.shutdown()
        server.server_close()


def hub(
    repository: str, files: Mapping[str, bytes], commit: str = "c" * 40, revision: str = "main"
) -> dict[str, Reply]:
    """The replies of a Hugging Face Hub that has one dataset."""
    tree = [
        {"type": "file", "path": path, "size": len(content), "oid": hashlib.sha256(content).hexdigest()}
        for path, content in files.items()
    ]
    siblings = [{"rfilename": path} for path in files]
    info = {"id": repository, "sha": commit, "siblings": siblings, "private": False, "tags": [], "downloads": 0}
    as_json = {"Content-Type": "application/json"}
    replies = {
        f"/api/datasets/{repository}/revision/{revision}": Reply(json.dumps(info).encode(), headers=as_json),
        f"/api/datasets/{repository}/tree/{commit}": Reply(json.dumps(tree).encode(), headers=as_json),
    }
    for path, content in files.items():
        headers = {"ETag": f'"{hashlib.sha256(content).hexdigest()}"', "X-Repo-Commit": commit}
        replies[f"/datasets/{repository}/resolve/{commit}/{path}"] = Reply(content, headers=headers)
    return replies
