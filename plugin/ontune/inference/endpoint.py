"""One OpenAI-compatible endpoint: requests with retries, and what a failure means for the sample or for the run."""

import email.utils
import json
import re
import time
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from threading import Event, Lock
from typing import Any, Literal, TypeAlias, TypeVar, cast

import httpx

from ontune.errors import InputError

__all__ = ["Endpoint", "Refused"]

Read = TypeVar("Read")
Json = dict[str, Any]
Kind: TypeAlias = Literal["refused", "timeout", "server", "malformed"]

BUSY = {429, 502, 503, 504, 529}  # the whole server; any other failure may be about the one request
AGAIN = {408, 409, 425} | BUSY  # and from 500 on
REFUSED = {400, 413, 415, 422}  # the request itself: too long a prompt, a video where none is taken
# A 400 that every request would get: ms-swift and Gemini give it for keys and models, OpenAI for a schema.
SETTINGS = re.compile(
    r"api[ _-]?key|model_list|response_format|json.?schema|model\b.{0,80}\b(not found|not exist)", re.IGNORECASE
)
UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, RecursionError)  # what another form makes of `read`
UNSENDABLE = re.compile(r"[^\x21-\x7e]")  # in a key: errors of the client would repeat the header with it
SCHEMA = re.compile(r"response_format|json.?schema", re.IGNORECASE)
HINT = ": ask with --decoding free, or give another response_format in --extra"
LONGEST_WAIT = 600.0  # seconds that a server may ask to wait
LONGEST_BODY = 16 * 2**20  # bytes; an answer has a few hundred
IN_A_ROW = 8  # requests that fail for good, with no answer between them: it is the server


class Refused(Exception):
    """The server answers other requests, but not this one; `kind` says what came in an answer's place."""

    def __init__(self, reason: str, kind: Kind = "refused") -> None:
        super().__init__(reason)
        self.kind: Kind = kind


class _Failure(Exception):
    """One attempt that failed; `busy` where the whole server is meant, `wait` where it says for how long."""

    def __init__(self, reason: str, busy: bool = False, wait: float | None = None, kind: Kind = "server") -> None:
        super().__init__(reason)
        self.busy, self.wait = busy, wait
        self.kind: Kind = kind


@dataclass
class Endpoint:
    """A server's address (`…/v1`); safe to use from several threads. `retries` follow a failure, `backoff` doubles.

    `headers` go with each request, and are where a key is that is no bearer's; `hint` follows a refused schema.
    """

    url: str
    api_key: str | None = field(default=None, repr=False)
    timeout: float = 600.0
    retries: int = 5
    backoff: float = 1.0
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    hint: str = HINT
    answered: int = 0
    failed: int = 0  # in a row
    error: InputError | None = None
    lock: Any = field(default_factory=Lock, repr=False)
    stopped: Event = field(default_factory=Event, repr=False)

    def __post_init__(self) -> None:
        if any(UNSENDABLE.search(value) for value in (self.api_key or "", *self.headers.values())):
            raise InputError(f"{self.url}: the key holds white space, a line's end or a character that no header can")

    def post(self, path: str, body: Json, read: Callable[[Json], Read]) -> tuple[Read, float]:
        """What `read` makes of the answer, and the seconds that this answer took.

        Raises Refused where only this request fails, InputError where every further one would.
        """
        return self._request("POST", path, json.dumps(body, ensure_ascii=False).encode(), read)

    def models(self) -> list[str]:
        """The names of the models that the server has."""
        try:
            return self._request("GET", "models", None, lambda found: [str(item["id"]) for item in found["data"]])[0]
        except Refused as refused:
            raise InputError(f"{self.url}/models: {refused}: name the model with --model") from None

    def _request(self, method: str, path: str, content: bytes | None, read: Callable[[Json], Read]) -> Any:
        failures, answered = 0, self.answered
        while True:
            if self.error:
                raise self.error
            started = time.perf_counter()
            try:
                found = read(self._once(method, path, content))
            except (_Failure, *UNREADABLE) as error:
                failure = (
                    error
                    if isinstance(error, _Failure)
                    else _Failure(f"an answer of another form: {error!r}", kind="malformed")
                )
                # To be told to wait while others are served is no failure, however often.
                failures = 1 if failure.busy and self.answered > answered else failures + 1
                answered = self.answered
                self._wait(failure, failures)
            else:
                with self.lock:
                    self.answered, self.failed = self.answered + 1, 0
                return found, time.perf_counter() - started

    def _once(self, method: str, path: str, content: bytes | None) -> Json:
        try:
            with self._client.stream(method, path, content=content) as response:
                body = bytearray()
                for piece in response.iter_bytes():
                    body += piece
                    if len(body) > LONGEST_BODY:
                        raise _Failure(f"an answer of more than {LONGEST_BODY} bytes")
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise _Failure(f"no connection: {error}", busy=True) from None
        except httpx.HTTPError as error:
            kind: Kind = "timeout" if isinstance(error, httpx.TimeoutException) else "server"
            raise _Failure(f"{type(error).__name__}: {error}", kind=kind) from None
        if response.status_code != 200:
            raise self._fault(response, bytes(body))
        return cast("Json", json.loads(body))

    def _fault(self, response: httpx.Response, body: bytes) -> Exception:
        status, reason = response.status_code, f"HTTP {response.status_code}: {_message(body)}"
        if status in AGAIN or status >= 500:
            return _Failure(reason, status in BUSY, _retry_after(response.headers.get("retry-after")))
        if status in REFUSED and not SETTINGS.search(reason):
            return Refused(reason)
        return self._end(reason + (self.hint if SCHEMA.search(reason) else ""))

    def _wait(self, failure: _Failure, failures: int) -> None:
        """Waits before the next attempt, if there is one."""
        if failure.wait is not None and failure.wait > LONGEST_WAIT:
            raise self._end(f"{failure}: it asks to wait {failure.wait:.0f} s")
        if failures <= self.retries:
            delay = failure.wait if failure.wait is not None else self.backoff * 2.0 ** (failures - 1)
            self.stopped.wait(delay)
            return
        times = f"{failure} ({failures} times)"
        with self.lock:
            self.failed += 1
        if failure.busy or self.failed >= IN_A_ROW:
            raise self._end(times)
        raise Refused(times, failure.kind)

    def _end(self, reason: str) -> InputError:
        """The error for this request and for every other: the first one counts."""
        with self.lock:
            kept = ": what was answered is kept, the same command goes on from there" if self.answered else ""
            self.error = self.error or InputError(f"{self.url}: {reason}{kept}")
        self.stopped.set()
        return self.error

    @cached_property
    def _client(self) -> httpx.Client:
        headers = {"Content-Type": "application/json", **self.headers}
        if self.api_key:
            headers["Authorization"] = f"Bearer {self.api_key}"
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
        timeout = httpx.Timeout(self.timeout, connect=min(self.timeout, 10.0))
        client = httpx.Client(base_url=self.url, headers=headers, timeout=timeout, limits=limits)
        weakref.finalize(self, client.close)  # with the endpoint: its connections are nobody else's
        return client


def _message(body: bytes) -> str:
    """What an error's body says: OpenAI's `error.message`, FastAPI's `detail`, ms-swift's `message`, or its start."""
    text = body.decode(errors="replace").strip()
    try:
        found: Any = json.loads(text)
        found = found.get("error", found)
        found = found if isinstance(found, str) else found.get("message") or found["detail"]
    except (ValueError, AttributeError, LookupError, TypeError):
        found = text
    return " ".join(str(found).split())[:300] or "an empty answer"


def _retry_after(value: str | None) -> float | None:
    """The seconds of a `Retry-After` header, given as seconds or as a date; None for none or for something else."""
    try:
        seconds = float(value or "")
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(value or "").timestamp() - time.time()
        except ValueError:
            return None
    return max(0.0, seconds) if seconds == seconds else None
