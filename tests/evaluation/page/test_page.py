"""The page in a real browser."""

import json
import re
from math import exp
from pathlib import Path
from urllib.parse import urlencode

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image

from evaluation.fixtures import TASKS, predictions
from evaluation.page.browser import Opener
from evaluation.page.generated import empty_report, report_of
from ontune.errors import InputError
from ontune.evaluation import Prediction
from ontune.evaluation.page import Thumbnails, page_samples, write_page
from small import small_task

TASK = small_task()


def labels(answer) -> set[str]:
    return {label for found in (answer or {}).values() if isinstance(found, list) for label in found}


def right(row: Prediction) -> bool:
    return row.answer == row.gold


def test_it_says_what_the_report_says(labels_page, open_page, runs):
    opened = open_page(labels_page)
    page = opened.page
    assert page.title() == "Report"
    assert [badge.inner_text() for badge in page.locator(".goal-card .badge").all()] == [
        "✓ PASS",
        "✕ FAIL",
        "? UNDECIDED",
    ]
    assert "1,890 samples would decide it" in page.locator(".goal-card").nth(2).inner_text()
    sections = [link.inner_text() for link in page.locator("#sections a").all()]
    assert sections == [
        "Summary",
        "Labels and branches",
        "Confusion",
        "Calibration",
        "Thresholds",
        "Slices",
        "Samples",
    ]
    assert "no --train was given" in page.locator("#note-list").inner_text()
    assert page.locator("#rows tr").count() == 25  # of 120: the others are not in the document
    assert opened.requests == [labels_page.as_uri()]
    assert opened.faults == []
    assert page.evaluate("typeof state + typeof samples + typeof el") == "undefinedobjectundefined"  # an id, no global


def test_tree_and_scores(labels_page, open_page, runs):
    page = open_page(labels_page).page
    area = page.locator(".dimension", has=page.get_by_role("heading", name="Area"))
    arithmetic = area.locator("details").first
    assert "Arithmetic" in arithmetic.locator("summary").first.inner_text()
    given = sum("Arithmetic" in labels(row.answer) for row in runs["A"])
    asked = sum("Arithmetic" in labels(row.gold) for row in runs["A"])
    assert f"{asked} in gold, {given} given" in arithmetic.locator("summary").first.inner_text()
    addition = area.locator("details", has_text="Addition").locator("details").first
    assert addition.locator("ul").count() == 0  # not built before it is opened
    addition.locator("summary").click()
    assert addition.get_by_text("AdditionMakeTen").is_visible()
    page.get_by_label("Sort labels").select_option("worst")
    assert page.locator(".dimension").count() == 3
    arcs = page.locator(".sunburst .arc")
    assert arcs.count() > 10
    assert re.match(r"\S+: F1 [01]\.\d{3}", arcs.nth(5).locator("title").text_content())


FILTERS = [
    ({}, lambda a, b: True),
    ({"wrong": "1"}, lambda a, b: not right(a)),
    ({"wrong": "1", "run": "B"}, lambda a, b: not right(b)),
    ({"differs": "1"}, lambda a, b: a.answer != b.answer),
    ({"outcome": "won"}, lambda a, b: not right(a) and right(b)),
    ({"outcome": "lost"}, lambda a, b: right(a) and not right(b)),
    ({"label": "Addition"}, lambda a, b: "Addition" in labels(a.gold) | labels(a.answer)),
    ({"label": "Addition", "as": "missed"}, lambda a, b: "Addition" in labels(a.gold) - labels(a.answer)),
    ({"label": "Addition", "as": "wrong"}, lambda a, b: "Addition" in labels(a.answer) - labels(a.gold)),
    ({"label": "Addition", "as": "gold"}, lambda a, b: "Addition" in labels(a.gold)),
    ({"label": "Nothing of the kind"}, lambda a, b: False),
    ({"relation": "missed"}, lambda a, b: bool(labels(a.gold) - labels(a.answer))),
    ({"by": "generator", "value": "clocks"}, lambda a, b: a.meta["generator"] == "clocks"),
    ({"by": "solution", "value": "true"}, lambda a, b: a.meta["solution"]),
    ({"by": "cardinality", "value": "1–4"}, lambda a, b: 1 <= len(labels(a.gold)) <= 4),
    ({"by": "cardinality", "value": "5–8"}, lambda a, b: 5 <= len(labels(a.gold)) <= 8),
    ({"q": "GENERATOR=clocks 000010"}, lambda a, b: a.id.endswith("000010") and a.meta["generator"] == "clocks"),
    ({"gold": "Knowing", "predicted": "Explaining"}, lambda a, b: confused(a, "Knowing", "Explaining")),
    (
        {"wrong": "1", "label": "Addition"},
        lambda a, b: not right(a) and "Addition" in labels(a.gold) | labels(a.answer),
    ),
]


def confused(row: Prediction, gold: str, given: str) -> bool:
    return gold in labels(row.gold) - labels(row.answer) and given in labels(row.answer) - labels(row.gold)


@pytest.fixture(scope="module")
def one_open(browser, labels_page):
    opener = Opener(browser)
    opened = opener(labels_page, "#q=start")
    yield opened
    opened.page.context.close()


@pytest.mark.parametrize(("filters", "passes"), FILTERS, ids=[urlencode(filters) or "all" for filters, _ in FILTERS])
def test_filters_from_the_address(one_open, runs, filters, passes):
    opened = one_open
    go = (
        "hash => new Promise((done) => { addEventListener('hashchange', done, { once: true }); location.hash = hash; })"
    )
    opened.page.evaluate(go, f"#{urlencode({'q': '', **filters})}")
    expected = [a.id for a, b in zip(runs["A"], runs["B"], strict=True) if passes(a, b)]
    assert opened.count() == len(expected)
    assert [row.inner_text() for row in opened.page.locator("#rows .id").all()] == expected[:25]
    assert opened.faults == []


def test_filters_by_hand_are_kept_in_the_address(labels_page, open_page, runs):
    opened = open_page(labels_page)
    page = opened.page
    page.get_by_label("Wrong only").check()
    assert opened.count() == sum(not right(row) for row in runs["A"])
    page.get_by_label("Search").fill("generator=clocks")
    page.locator("#more > summary").click()
    page.get_by_label("Slice by").select_option("solution")
    page.get_by_label("Slice value").fill("false")
    page.get_by_label("Order").select_option("worst")
    expected = [
        row for row in runs["A"] if not right(row) and row.meta["generator"] == "clocks" and not row.meta["solution"]
    ]
    assert expected
    assert opened.count() == len(expected)
    page.wait_for_url(re.compile("sort=worst"))
    shared = open_page(labels_page, page.evaluate("location.hash"))
    assert shared.count() == len(expected)
    assert shared.page.get_by_label("Wrong only").is_checked()
    assert shared.page.get_by_label("Slice value").input_value() == "false"
    first = shared.page.locator("#rows .id").first.inner_text()
    worst = min(expected, key=lambda row: (jaccard(row), row.id))
    assert first == worst.id
    shared.page.get_by_role("button", name="Clear filters").click()
    assert shared.count() == len(runs["A"])


def jaccard(row: Prediction) -> float:
    gold, given = labels(row.gold), labels(row.answer)
    return len(gold & given) / len(gold | given) if gold | given else 1


def test_charts_lead_to_their_samples(labels_page, open_page, runs):
    opened = open_page(labels_page)
    page = opened.page
    row = page.locator("#confusion tbody tr").first
    gold, given, times = (row.locator("th, td").nth(at).inner_text() for at in (0, 1, 3))
    row.get_by_role("button").click()
    assert opened.count() == int(times) == sum(confused(a, gold, given) for a in runs["A"])
    page.get_by_role("button", name="Remove the filter by confused pair").click()
    assert opened.count() == len(runs["A"])
    page.get_by_role("button", name=re.compile("^B lost")).click()
    assert opened.count() == sum(right(a) and not right(b) for a, b in zip(runs["A"], runs["B"], strict=True))
    page.get_by_role("button", name="Samples where generator is shapes").click()
    assert opened.count() == sum(a.meta["generator"] == "shapes" for a in runs["A"])


def kept(row: Prediction, field: str, least: float) -> set[str]:
    return {label for label, score in row.scores[field].items() if exp(score) >= least}


@pytest.mark.parametrize("position", [0.1, 0.45, 0.5, 0.6, 0.7])
def test_slider_of_labels(labels_page, open_page, runs, position):
    page = open_page(labels_page).page
    card = page.locator('.threshold[data-field="Area"]')
    card.get_by_role("slider").fill(str(position))
    least = 1 / (1 + exp(9.21 * (1 - 2 * position)))
    rows = [(set(row.gold["Area"]), kept(row, "Area", least)) for row in runs["A"]]
    hits, gold, given = (sum(map(len, part)) for part in zip(*((g & k, g, k) for g, k in rows), strict=True))
    scores = []
    for label in {label for g, k in rows for label in g | k}:
        both = sum(label in g and label in k for g, k in rows)
        scores.append(2 * both / (sum(label in g for g, _ in rows) + sum(label in k for _, k in rows)))
    expected = {
        "micro F1": 2 * hits / (gold + given),
        "macro F1": sum(scores) / len(scores),
        "precision": hits / given if given else 0,
        "recall": hits / gold,
        "coverage": sum(bool(k) for _, k in rows) / len(rows),
    }
    shown = {name: float(card.locator(f'[data-metric="{name}"]').inner_text()) for name in expected}
    assert shown == pytest.approx(expected, abs=0.0006)


def test_slider_of_a_choice_is_abstention(choice_page, open_page):
    rows = predictions("probabilities", 120, skill=0.6)
    opened = open_page(choice_page)
    card = opened.page.locator('.threshold[data-field="class"]')
    card.get_by_role("button", name="0.5", exact=True).click()
    best = [(max(row.scores["class"].items(), key=lambda item: item[1]), row.gold["class"]) for row in rows]
    given = [option == gold for (option, score), gold in best if score >= -0.6931471805599453]
    shown = {name: float(card.locator(f'[data-metric="{name}"]').inner_text()) for name in ("precision", "recall")}
    assert shown == pytest.approx({"precision": sum(given) / len(given), "recall": sum(given) / 120}, abs=0.0006)
    assert card.locator("output").inner_text() == "0.500"
    assert opened.page.locator(".matrix tbody tr").count() == 9
    assert opened.page.locator(".matrix .diagonal").first.inner_text() == str(
        sum(row.gold["class"] == row.answer["class"] == "Toe drain" for row in rows)
    )
    assert opened.faults == []


def test_keys(labels_page, open_page, runs):
    opened = open_page(labels_page)
    page = opened.page
    current = page.locator("#rows tr[aria-current]")
    ids = [row.id for row in runs["A"]]

    def at() -> str:
        return current.locator(".id").inner_text()

    page.keyboard.press("j")
    assert at() == ids[0]
    page.keyboard.press("j")
    page.keyboard.press("ArrowDown")
    assert at() == ids[2]
    page.keyboard.press("k")
    assert at() == ids[1]
    page.keyboard.press("Enter")
    dialog = page.locator("#detail")
    assert dialog.get_by_role("heading", level=2).inner_text() == ids[1]
    assert runs["A"][1].raw in dialog.inner_text()
    assert dialog.locator("img").evaluate("image => image.decode().then(() => image.naturalWidth)") == 360
    page.keyboard.press("j")
    assert dialog.get_by_role("heading", level=2).inner_text() == ids[2]
    page.wait_for_url(re.compile(f"sample={ids[2]}$"))
    page.keyboard.press("Escape")
    assert not dialog.is_visible()
    assert at() == ids[2]
    assert current.evaluate("row => row === document.activeElement")
    page.keyboard.press("n")
    assert at() == ids[25]
    page.keyboard.press("k")  # turns the page back
    assert at() == ids[24]
    page.keyboard.press("/")
    page.keyboard.type("wjk?")
    assert page.get_by_label("Search").input_value() == "wjk?"
    assert opened.count() == 0
    page.get_by_label("Search").fill("")
    page.keyboard.press("Escape")
    page.keyboard.press("w")
    assert opened.count() == sum(not right(row) for row in runs["A"])
    page.keyboard.press("?")
    assert page.locator("#keys").is_visible()
    page.keyboard.press("Escape")
    assert not page.locator("#keys").is_visible()
    assert opened.faults == []


def test_letters_can_be_switched_off(labels_page, open_page, runs):
    opened = open_page(labels_page)
    page = opened.page
    page.get_by_role("button", name="Keys").click()
    page.get_by_label("Letters work as keys").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("w")
    assert opened.count() == len(runs["A"])
    for _ in range(20):  # the browser writes what a page remembers in its own time
        page.wait_for_timeout(100)
        page.reload()
        page.get_by_role("button", name="Keys").click()
        if not page.get_by_label("Letters work as keys").is_checked():
            break
    assert not page.get_by_label("Letters work as keys").is_checked()


def test_an_address_opens_a_sample(labels_page, open_page, runs):
    page = open_page(labels_page, f"#sample={runs['A'][40].id}").page
    assert page.locator("#detail h2").inner_text() == runs["A"][40].id


def answered(id_: str, gold, raw: str, **other) -> Prediction:
    from ontune.task.parsing import parse

    answer, errors = parse(TASK, raw)
    return Prediction(id_, "constrained", gold, raw, answer, tuple(errors), **other)


def test_every_relation_has_its_mark(tmp_path, open_page):
    gold = {"Area": ["Addition"], "Scope": ["EvenNumbers"], "Ability": ["Knowing"]}
    areas = ["Arithmetic", "AdditionMakeTen", "Subtraction", "Circle", "Adition"]
    raw = json.dumps({"Area": areas, "Scope": ["OddNumbers"], "Ability": ["Knowing"]})
    rows = {"A": [answered("one", gold, raw)]}
    path = tmp_path / "page.html"
    write_page(path, empty_report(TASK, ["A"]), page_samples(TASK, rows), Thumbnails("none"))
    page = open_page(path).page
    chips = [chip.text_content() for chip in page.locator("#rows td").nth(3).locator(".chip").all()]
    assert chips == [
        "↑Arithmetic, ancestor",
        "↓AdditionMakeTen, descendant",
        "↔Subtraction, sibling",
        "✕Circle, wrong",
        "?Adition, unknown",
        "○Addition, missed",
        "≠OddNumbers, contradiction",
        "○EvenNumbers, missed",
        "✓Knowing, exact",
    ]
    legend = [chip.text_content() for chip in page.locator(".samples-legend .chip").all()]
    assert len(legend) == 8


@pytest.mark.parametrize(
    ("which", "width", "scheme"),
    [
        ("labels_page", 1280, "light"),
        ("labels_page", 1280, "dark"),
        ("labels_page", 400, "light"),
        ("labels_page", 400, "dark"),
        ("choice_page", 1280, "light"),
        ("choice_page", 400, "dark"),
    ],
)
def test_accessible(request, open_page, which, scheme, width):
    # axe is put in by the test, which the page's own policy forbids.
    opened = open_page(request.getfixturevalue(which), width=width, scheme=scheme, bypass_csp=True)
    page = opened.page
    page.locator("main details").evaluate_all("all => all.forEach((details) => { details.open = true; })")
    overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.evaluate(overflow) == 0
    assert serious(page) == []
    page.locator("#rows .id").first.click()
    assert serious(page) == []
    assert page.evaluate(overflow) == 0


def serious(page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [
        f"{item['id']}: {node['html']} {node['failureSummary']}"
        for item in found
        if item["impact"] in ("serious", "critical")
        for node in item["nodes"]
    ]


def test_theme(labels_page, open_page):
    page = open_page(labels_page).page
    colour = "getComputedStyle(document.body).backgroundColor"
    light, toggle = page.evaluate(colour), page.get_by_role("button", name="Dark")
    assert toggle.get_attribute("aria-pressed") == "false"
    toggle.click()
    assert page.evaluate(colour) != light
    page.reload()
    assert toggle.get_attribute("aria-pressed") == "true"


EVIL = [
    "</script><img src=x onerror=alert(1)>",
    "<!--<script>alert(2)",
    "]]><svg/onload=alert(3)>",
    "javascript:alert(4)",
    "\u2028alert(5)\u2029",
    '" autofocus onfocus="alert(6)',
    "{{ 7 * 7 }}{% raw %}",
    "' onmouseover='alert(8)",
    "</style><script>alert(9)</script>",
    "&lt;b&gt;&amp;#60;",
    "\ud800 half a pair",
    "\u202eright to left",
    "__proto__",
    "http://127.0.0.1:9/beacon.png",
    "../../../../etc/passwd",
    "%2e%2e/%00",
]


def holdable(evil: str) -> str:
    """What a label, a title or a file name can hold: all but half of a surrogate pair."""
    return evil.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


@pytest.mark.parametrize("mode", ["embedded", "linked"])
@pytest.mark.parametrize("title", [EVIL[0], EVIL[1], EVIL[8]], ids=["script", "comment", "style"])
def test_markup_in_data_does_nothing(tmp_path, open_page, title, mode):
    media = tmp_path / "data"
    media.mkdir()
    rows = []
    for number, evil in enumerate(EVIL):
        text = holdable(evil)
        name = text.replace("/", "∕")
        Image.new("RGB", (8, 8)).save(media / name, "PNG")
        raw = json.dumps({"Area": [text, "Addition"], "Scope": [], "Ability": []}, ensure_ascii=False)
        gold = {"Area": [text], "Scope": [], "Ability": []}
        other = {"images": (name, text), "meta": {"group": text, text: text}, "model": text}
        rows += [answered(f"{text} {number}", gold, raw, **other), answered(f"raw {number}", gold, evil, **other)]
    run = holdable(title)
    report = report_of(TASK, {run: rows}, run)
    texts = [holdable(evil) for evil in EVIL]
    report |= {"notes": texts, "judge": {text: [text, {text: text}] for text in texts}, "created_with": run}
    report["absent"] = [{"what": text, "why": text} for text in texts]
    report["goals"] = [dict(report["goals"][0], goal=text, metric=text, why=text) for text in texts]
    report["confusion"][run]["matrices"] = {run: {"classes": texts, "counts": [[1] * len(texts)] * len(texts)}}
    estimate = {"value": 0.5, "low": 0, "high": 1}
    report["slices"][run] = [{"by": text, "value": text, "n": 1, "metrics": {text: estimate}} for text in texts]
    path = tmp_path / "page.html"
    write_page(path, report, page_samples(TASK, {run: rows}), Thumbnails(mode, media))
    opened = open_page(path)
    page = opened.page
    assert page.locator("h1").text_content() == run
    shown = page.locator("#note-list").text_content()
    assert all(text in shown for text in texts)
    page.locator("#rows .id").first.click()
    seen = set()
    for _ in rows:
        seen.add(page.locator("#detail h2").text_content())
        page.keyboard.press("j")
    assert seen == {row.id for row in rows}
    page.keyboard.press("Escape")
    for text in texts:
        page.get_by_label("Search").fill(text.split()[0])
        page.get_by_label("Label", exact=True).fill(text)
    assert page.locator("script").count() == page.locator("body > script").count()
    assert (
        page.evaluate("document.querySelectorAll('[onerror],[onload],[onfocus],[onmouseover],main style').length") == 0
    )
    assert page.evaluate("[...document.links].every((link) => /^(file|about):/.test(link.href))")
    assert [url for url in opened.requests if not url.startswith((tmp_path.as_uri(), "data:"))] == []
    assert opened.faults == []


def test_the_policy_holds_for_what_slips_through(labels_page, open_page):
    """Even markup put into the page by force runs no script and asks for nothing."""
    opened = open_page(labels_page)
    blocked = opened.page.evaluate(
        """() => {
          const node = document.createElement("script");
          try { node.textContent = "window.ran = 1"; document.body.append(node); } catch (error) { return error.name; }
          return window.ran ?? "nothing ran";
        }"""
    )
    assert blocked in ("TypeError", "nothing ran")
    sink = "() => { try { document.body.innerHTML = '<b>x</b>'; return 'taken' } catch (error) { return error.name } }"
    assert opened.page.evaluate(sink) == "TypeError"
    fetched = opened.page.evaluate("fetch('http://127.0.0.1:9/').then(() => 'sent', () => 'refused')")
    assert fetched == "refused"


@pytest.mark.parametrize(
    ("mode", "seen"),
    [("embedded", ["img", "img", "∅", "▣"]), ("linked", ["img", "img", "∅", "img"]), ("none", ["", "", "", ""])],
)
def test_pictures(tmp_path, open_page, mode, seen):
    media = tmp_path / "media of mine"
    (media / "a").mkdir(parents=True)
    Image.new("RGBA", (300, 40), (200, 0, 0, 128)).save(media / "a" / "0 #1?.png")
    Image.new("L", (40, 300)).save(media / "a" / "1.png")
    (media / "a" / "3.png").write_bytes(b"no picture")
    names = ["a/0 #1?.png", "a/1.png", "a/2.png", "a/3.png"]
    gold = {"Area": [], "Scope": [], "Ability": []}
    rows = [answered(name, gold, json.dumps(gold), images=(name, names[0])) for name in names]
    path = tmp_path / "out" / "page.html"
    write_page(path, empty_report(TASK, ["A"]), page_samples(TASK, {"A": rows}), Thumbnails(mode, media))
    page = open_page(path).page
    cells = page.locator("#rows td:first-child").all()
    found = ["img" if cell.locator("img").count() else cell.inner_text().replace("+1", "").strip() for cell in cells]
    assert found == seen
    loaded = page.locator("#rows img").evaluate_all("images => Promise.all(images.slice(0, 2).map((i) => i.decode()))")
    assert len(loaded) == (0 if mode == "none" else 2)
    notes = page.locator("#note-list").inner_text()
    assert "1 picture file not found" in notes
    assert ("1 file could not be read" in notes) == (mode == "embedded")
    page.locator("#rows .id").first.click()
    assert page.locator("#detail img").first.evaluate("i => i.decode().then(() => i.naturalWidth)") == 300


def test_a_video_that_has_no_poster_is_a_link(tmp_path, open_page):
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips" / "a b.mp4").write_bytes(b"no film")
    gold = {"Area": [], "Scope": [], "Ability": []}
    rows = [answered("one", gold, json.dumps(gold), videos=("clips/a b.mp4",))]
    path = tmp_path / "page.html"
    write_page(path, empty_report(TASK, ["A"]), page_samples(TASK, {"A": rows}), Thumbnails("embedded", tmp_path))
    link = open_page(path).page.locator("#rows td a")
    assert (link.inner_text(), link.get_attribute("href")) == ("a b.mp4", "clips/a%20b.mp4")


def test_a_page_moved_from_its_pictures_shows_the_small_ones(labels_page, tmp_path, open_page):
    moved = tmp_path / "moved.html"
    moved.write_bytes(labels_page.read_bytes())
    page = open_page(moved).page
    page.locator("#rows .id").first.click()
    shown = "async (image) => { while (image.naturalWidth !== 128) await new Promise(requestAnimationFrame); }"
    page.locator("#detail img").evaluate(shown)


def test_same_input_same_bytes(tmp_path, runs):
    pages = []
    for name in ("one", "two"):
        path = tmp_path / name / "page.html"
        write_page(path, report_of(TASK, runs), page_samples(TASK, runs), Thumbnails("embedded", tmp_path))
        pages.append(path.read_bytes())
    assert pages[0] == pages[1]
    assert not list(Path(tmp_path / "one").glob(".*"))


@pytest.mark.parametrize("family", ["choice", "manuals", "feedback", "relations"])
def test_every_family_is_shown(tmp_path, open_page, family):
    task = TASKS[family]
    runs = {"A": predictions(family, 30, skill=0.5), "B": predictions(family, 30, skill=0.9)}
    path = tmp_path / "page.html"
    right_ids = {"A": [row.id for row in runs["A"][:7]]}
    write_page(path, report_of(task, runs), page_samples(task, runs, right_ids), Thumbnails("none", tmp_path))
    opened = open_page(path, "#wrong=1")
    assert opened.count() == 23
    assert open_page(path, "#wrong=1&run=B").count() == sum(not right(row) for row in runs["B"])
    assert opened.faults == []


def test_nothing_at_all(tmp_path, open_page):
    path = tmp_path / "page.html"
    write_page(path, empty_report(TASK, ["A"]), [], Thumbnails("embedded", tmp_path))
    opened = open_page(path)
    assert opened.page.locator("#count").inner_text() == "0 of 0 samples"
    assert opened.faults == []


def test_a_place_that_cannot_be_written(tmp_path):
    with pytest.raises(InputError, match="a folder"):
        write_page(tmp_path, empty_report(TASK, ["A"]), [], Thumbnails("none"))
