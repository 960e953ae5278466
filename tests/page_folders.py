"""Small folders of pages as `ontune convert pages` writes them, and a model that drafts questions about them."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from chat_server import Chat
from judge_server import prompt_of, says, schema_of
from ontune.pages import Page, write_index, write_page

TORQUES = {number: 10 + 3 * number for number in range(1, 100)}


def text_of(number: int) -> str:
    return f"Job {number:02}: tighten the bolts of bracket B{number:02} to {TORQUES[number]} Nm, then check."


def make_pages(folder: Path, count: int = 6, document: str = "21 - Clutch.pdf", with_text: bool = True) -> list[str]:
    """Writes pages of one document, each with a picture and text of its own; gives their ids."""
    folder.mkdir(parents=True, exist_ok=True)
    pages: list[Page] = []
    for number in range(1, count + 1):
        name = f"{Path(document).stem}-{number:04}"
        image = Image.new("RGB", (640, 800), "white")
        for at in range(14):
            place = ((number * 97 + at * 53) % 560, (number * 61 + at * 89) % 740)
            ImageDraw.Draw(image).rectangle((*place, place[0] + 60, place[1] + 40), fill=(at * 18, 90, number * 7))
        image.save(folder / f"{name}.png")
        text = text_of(number) if with_text else ""
        page = Page(name, document, "a" * 64, number, count, f"{name}.png", 640, 800, 72.0, len(text), "72 dpi, png")
        write_page(folder, page, text)
        pages.append(page)
    write_index(folder, pages)
    return [page.page_id for page in pages]


def number_of(body: dict[str, Any]) -> int:
    """Which page a request is about, by the text layer in it."""
    found = re.search(r"Job (\d+):", prompt_of(body))
    assert found, prompt_of(body)
    return int(found[1])


def is_draft(body: dict[str, Any]) -> bool:
    return "questions" in schema_of(body)["properties"]


def pair(question: str, answer: str, question_type: str = "factual") -> dict[str, str]:
    return {"question": question, "answer": answer, "question_type": question_type}


def two_questions(number: int, again: str = "") -> list[Any]:
    return [
        pair(
            f"To which torque are the bolts of bracket B{number:02} tightened{again}?",
            f"They get {TORQUES[number]} Nm.",
        ),
        pair(f"What follows when the bracket B{number:02} is tight{again}?", "A check of the joint.", "procedural"),
    ]


def drafting(items: Callable[[int], list[Any]] = two_questions, kind: str = "procedure") -> Callable[..., Chat]:
    """A server's answers: the content type, and what `items` makes of a page's number."""

    def answer(body: dict[str, Any]) -> Chat:
        return says(body, {"questions": items(number_of(body))} if is_draft(body) else {"content_type": kind})

    return answer
