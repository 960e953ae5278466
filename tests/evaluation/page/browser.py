"""A page opened in a browser, and what it did that it should not."""

import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page


def chromium() -> str:
    """Where the system's Chromium is. Skips where it is missing; CI installs it and fails instead."""
    program = shutil.which("chromium")
    if program is None:
        give_up = pytest.fail if os.environ.get("ONTUNE_SYSTEM_PACKAGES") else pytest.skip
        give_up("chromium is not installed: make system-packages")
    return program


@dataclass
class Opened:
    """A page and all that a page should not do: messages of errors, dialogs, and requests but for itself."""

    page: Page
    faults: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def count(self) -> int:
        """How many samples pass the filters."""
        return int(self.page.locator("#count").inner_text().split(" of ")[0].replace(",", ""))


class Opener:
    def __init__(self, browser: Browser) -> None:
        self.browser, self.opened = browser, list[Opened]()

    def __call__(self, path: Path, hash_: str = "", width: int = 1280, scheme: str = "light", **options) -> Opened:
        context = self.browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, **options)
        context.set_default_timeout(10_000)
        opened = Opened(context.new_page())
        page = opened.page
        page.on("console", lambda message: opened.faults.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: opened.faults.append(str(error)))
        page.on("dialog", lambda dialog: (opened.faults.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on("request", lambda request: opened.requests.append(request.url))
        page.goto(f"{path.as_uri()}{hash_}")
        page.wait_for_selector("html[data-ready]")
        self.opened.append(opened)
        return opened
