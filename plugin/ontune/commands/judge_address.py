"""Who judges: a hosted service, a server's address, or a folder loaded here."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ontune.console import message
from ontune.errors import InputError
from ontune.evaluation.judge import Judge

__all__ = ["JudgeAddress"]

HOSTED = {  # protocol, address, where the key is
    "anthropic": ("anthropic", "https://api.anthropic.com/v1", "ANTHROPIC_API_KEY"),
    "openai": ("openai", "https://api.openai.com/v1", "OPENAI_API_KEY"),
}
FORMS = "anthropic, openai, http://…, anthropic:http://… or local:FOLDER"
HINT = ": no JSON schema is taken there, or another {option} is needed"


@dataclass(frozen=True)
class JudgeAddress:
    """Who judges, as it was written: `who` out of FORMS; `option` is what messages call the options of its own."""

    who: str
    model: str | None = None
    key_env: str | None = None
    option: str = "--judge"

    @property
    def folder(self) -> Path | None:
        return Path(self.who.removeprefix("local:")) if self.who.startswith("local:") else None

    def faults(self, option: str) -> Iterator[str]:
        """What cannot be used, each with its option."""
        if self.folder:
            if not self.folder.is_dir():
                yield f"{option}: no folder {self.folder}"
            return
        protocol, url, variable = self.place()
        parts = urlsplit(url)
        if parts.username or parts.password:
            yield f"{option} holds a password: give a key as {option}-key-env"  # without the address: it would be shown
        elif parts.scheme not in ("http", "https") or not parts.hostname:
            yield f"{option} is {self.who!r}: expected {FORMS}"
        elif not self.model and (protocol == "anthropic" or self.who in HOSTED):
            yield f"{option}-model is missing: which model of {self.who}"
        if variable and not os.environ.get(variable):
            yield f"{option}-key-env: the environment has no {variable}"

    def place(self) -> tuple[str, str, str | None]:
        """Protocol, address, and the variable with the key."""
        if self.who in HOSTED:
            protocol, url, variable = HOSTED[self.who]
            return protocol, url, self.key_env or variable
        protocol, url = ("anthropic", self.who[10:]) if self.who.startswith("anthropic:") else ("openai", self.who)
        url = url.rstrip("/") if urlsplit(url).path.strip("/") else f"{url.rstrip('/')}/v1"
        return protocol, url, self.key_env

    def judge(self, timeout: float, retries: int, extra: Mapping[str, Any]) -> Judge:
        """The judge, ready to be asked."""
        if self.folder:
            return _local(self.folder)
        from ontune.inference.endpoint import Endpoint
        from ontune.inference.judge_endpoint import ANTHROPIC_VERSION, EndpointJudge

        protocol, url, variable = self.place()
        key = os.environ[variable] if variable else None
        hint = HINT.format(option=f"{self.option}-extra")
        if protocol == "anthropic":
            headers = {"anthropic-version": ANTHROPIC_VERSION} | ({"x-api-key": key} if key else {})
            endpoint = Endpoint(url, None, timeout, retries, headers=headers, hint=hint)
            return EndpointJudge(endpoint, self.model or "", "anthropic", extra=extra)
        endpoint = Endpoint(url, key, timeout, retries, hint=hint)
        return EndpointJudge(endpoint, self.model or _only(endpoint.models(), url, self.option), extra=extra)


def _local(folder: Path) -> Judge:
    from ontune.inference.loading import load_model
    from ontune.inference.local_judge import LocalJudge
    from ontune.inference.settings import Precision

    message(f"loading {folder}")
    return LocalJudge(*load_model(folder, None, Precision()), str(folder))


def _only(names: list[str], url: str, option: str) -> str:
    if len(names) != 1:
        raise InputError(f"{url} has {len(names)} models, {sorted(names)[:20]}: name one with {option}-model")
    return names[0]
