"""Headless Chromium, the page of a few hundred samples, and what a page did while a test looked at it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from evaluation.fixtures import TASKS, predictions
from evaluation.page.browser import Opener, chromium
from evaluation.page.generated import draw_pictures, report_of
from ontune.evaluation.page import Thumbnails, page_samples, write_page

COUNT = 120


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    program = chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser) -> Iterator[Opener]:
    opener = Opener(browser)
    yield opener
    for opened in opener.opened:
        opened.page.context.close()


@pytest.fixture(scope="session")
def runs():
    return {
        "A": predictions("label_sets", COUNT, skill=0.5),
        "A free": predictions("label_sets", COUNT, skill=0.5, decoding="free"),
        "B": predictions("label_sets", COUNT, skill=0.8),
    }


@pytest.fixture(scope="session")
def labels_page(runs, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("labels")
    task = TASKS["label_sets"]
    draw_pictures(folder / "data", [name for row in runs["A"] for name in row.images])
    path = folder / "report.html"
    write_page(path, report_of(task, runs), page_samples(task, runs), Thumbnails("embedded", folder / "data"))
    return path


@pytest.fixture(scope="session")
def choice_page(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("choice")
    task, runs = TASKS["probabilities"], {"A": predictions("probabilities", COUNT, skill=0.6)}
    path = folder / "report.html"
    write_page(path, report_of(task, runs), page_samples(task, runs), Thumbnails("none", folder))
    return path
