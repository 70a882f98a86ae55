"""The quiz: the right answers are right, the wrong ones tempt and explain themselves, and a round runs by keyboard alone."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from visit import SITE, Visit

import lossbook
from lossbook import catalogue
from lossbook.loss import Loss
from lossbook.sphinx import quiz, quiz_words
from lossbook.sphinx.quiz_items import ABSURD, ANSWERS, KINDS, Item, data, items, number, same, sheets, tempting
from lossbook.sphinx.social import losses_of

ITEMS = items()
NAME = "practice/quiz.html"
PICTURES = {item.id: item for item in ITEMS}
every_item = pytest.mark.parametrize("item", ITEMS, ids=[item.id for item in ITEMS])


def plain(loss: Loss, name: str) -> str:
    return name


def named(item: Item, name: str) -> tuple[Loss, dict[str, float]]:
    """The loss and the parameters that a name means to a reader: "Huber loss (δ = 1)"."""
    title, _, said = name.partition(" (")
    loss = catalogue[title]
    symbols = {p.symbol: key for key, p in loss.card.parameters.items()}
    given = dict(pair.split(" = ") for pair in said.rstrip(")").split(", ")) if said else {}
    numbers = {key: float(value.replace("−", "-")) for key, value in given.items()}
    return loss, {symbols[key]: value for key, value in numbers.items() if key in symbols}


def cost(item: Item, loss: Loss, parameters: dict[str, float], x: float) -> float:
    """What one example costs at a place of the axis, written without the code that draws."""
    if item.axis == "parameter":
        return float(loss(np.array([x]), **parameters))
    if item.axis == "error":
        others = {"log_var": np.zeros(1), "scale": np.ones(1)}
        held = {name: others[name] for name in loss.arguments[2:]}
        return float(loss(np.array([5.0]), np.array([5.0 + x]), **held, **parameters))
    target, prediction = loss.arguments
    moved = np.array([x])
    if item.axis == "probability of the truth" and prediction in ("z", "score", "scores"):
        moved = np.log(moved / (1 - moved))
    layout = loss.layout.of(prediction)
    if layout.endswith("K"):
        moved = np.array([[x, 1 - x]]) if prediction in ("p", "q") else np.array([[moved[0] - 7, -7.0]])
    elif layout.endswith("L"):
        moved = moved[:, None]
    true = np.array([0]) if target == "labels" else np.array([[1.0, 0.0]]) if layout.endswith("K") else np.ones(moved.shape)
    return float(loss(true, moved, **parameters))


@every_item
def test_the_right_answer_draws_the_picture(item):
    loss, parameters = named(item, item.answer.name)
    if item.parameter:
        symbol, value = item.label(item.answer).split(" = ")
        assert loss.card.parameters[item.parameter].symbol == symbol
        assert parameters[item.parameter] == float(value.replace("−", "-"))
    if item.kind == "fit":
        _, x, y, _ = next(found for found in data() if found[0] == item.drawn)
        assert np.array_equal(x, item.x)
        assert np.array_equal(y, item.dots)
        fitted = float(loss(y, item.answer.y, **parameters))
        assert all(fitted < float(loss(y, other.y, **parameters)) for i, other in enumerate(item.answers) if i != item.right)
        slant = (x - x.mean()) / np.ptp(x) * bool(np.ptp(item.answer.y))  # a constant stays one
        for nudge in (0.05, -0.05, 0.05 * slant, -0.05 * slant):
            assert fitted <= float(loss(y, item.answer.y + nudge, **parameters)) + 1e-12
    elif item.sloped:
        h = 1e-5
        after, before = ([cost(item, loss, parameters, x + off) for x in item.x] for off in (h, -h))
        by_hand = (np.array(after) - before) / (2 * h)
        at_kinks = np.abs(by_hand - item.answer.y) > 1e-4 * np.maximum(1, np.abs(by_hand))
        assert at_kinks.sum() <= len(loss.card.kinks)
    else:
        assert item.answer.y == pytest.approx([cost(item, loss, parameters, x) for x in item.x], abs=1e-9)


@every_item
def test_what_is_drawn_is_the_data(item):
    drawn = quiz.draw(item)
    low, high = item.frame.low, item.frame.high
    paths = dict(re.findall(r'<path class="lb-curve lb-s\d"(?: data-answer="(\d)")? d="M([^"]+)"', drawn))
    assert set(paths) == {"", *(str(i) for i in range(ANSWERS) if i != item.right)}
    for key, path in paths.items():
        points = np.array([[float(n) for n in point.split()] for point in path.split("L")])
        x = item.x[0] + (points[:, 0] - quiz.LEFT) / (quiz.RIGHT - quiz.LEFT) * (item.x[-1] - item.x[0])
        y = low + (quiz.BOTTOM - points[:, 1]) / (quiz.BOTTOM - quiz.TOP) * (high - low)
        curve = item.answers[int(key) if key else item.right].y
        seen = np.interp(item.x, x, y).clip(low, high)
        # To a two-hundredth of the height; to a two-thousandth of the width, where the curve jumps.
        beside = [np.interp(item.x + off * np.ptp(item.x) / 200, item.x, curve).clip(low, high) for off in (-0.1, 0, 0.1)]
        assert (seen >= np.min(beside, axis=0) - (high - low) / 200).all()
        assert (seen <= np.max(beside, axis=0) + (high - low) / 200).all()


@every_item
def test_wrong_answers_tempt_and_can_be_told_apart(item):
    assert len(item.answers) == ANSWERS == len({item.label(answer) for answer in item.answers})
    for a, b in combinations(item.answers, 2):
        assert not item.frame.alike(a.y, b.y)
        # Told apart by nine units of the picture's 172, and not in one spot alone.
        mean, most = item.frame.distance(a.y, b.y)
        assert most >= 0.05
        assert mean >= 0.01
    for answer in item.answers:
        assert item.frame.distance(answer.y, item.answer.y, beyond=0.5)[0] < ABSURD
        assert answer.name not in item.same
    losses = {answer.loss for answer in item.answers}
    assert len(losses) == 1 if item.parameter else len(losses) >= 3


@every_item
def test_each_wrong_answer_says_what_it_would_have_drawn(item):
    for i, answer in enumerate(item.answers):
        if i == item.right:
            continue
        said = quiz_words.wrong(item, answer)
        place, there, here = re.search(r"At (\S+) .*?would (?:be|predict) (\S+); the .* (\S+)\.$", said).groups()
        assert there != here
        for text, curve in ((there, answer.y), (here, item.answer.y)):
            at = int(np.argmin(np.abs(item.x - float(place.replace("−", "-")))))
            assert text == number(curve[at])


@every_item
def test_what_is_said_of_the_right_answer_is_true_of_its_curve(item):
    said = quiz_words.right(item)
    assert said
    if item.kind == "fit":
        return
    slopes = item.answer.y if item.sloped else np.diff(item.answer.y) / np.diff(item.x)
    if bound := re.search(r"stays between −(\S+) and (\S+)\.", said):
        assert np.abs(slopes).max() <= float(bound[1]) * (1 + 5e-3)
    if corner := re.search(r"It (jumps|has a corner) at ([−\d.]*\d)(, outside the picture)?", said):
        at = float(corner[2].replace("−", "-"))
        assert bool(corner[3]) == (abs(at) > item.x[-1])
        if not corner[3]:
            # A slope that has a corner, and does not jump, has a jump in its own slope.
            steps = np.abs(np.diff(slopes, n=2 if item.sloped and corner[1] != "jumps" else 1))
            assert item.x[int(steps.argmax())] == pytest.approx(at, abs=0.06)
            assert steps.max() > 4 * np.median(steps)
    if item.parameter:
        assert number(item.answer.parameters[item.parameter]) in item.label(item.answer)


def test_losses_that_are_one_are_not_offered_against_each_other():
    one = [("huber", "smooth_l1", {}), ("gaussian_nll", "general_robust", {"alpha": 2.0}), ("mae", "rmse", {})]
    for first, second, parameters in one:
        for item in ITEMS:
            if item.kind == "fit":
                continue
            here = [answer for answer in item.answers if answer.loss.name in (first, second)]
            defaults = {first: catalogue[first].defaults, second: {**catalogue[second].defaults, **parameters}}
            at = [a.loss.name for a in here if all(defaults[a.loss.name][key] == value for key, value in a.parameters.items())]
            assert len(set(at)) < 2, item.id
    sheet = next(sheet for sheet in sheets("value") if sheet.axis == "error")
    by_name = {candidate.name: candidate for candidate in sheet.candidates}
    huber, twin = by_name["Huber loss (δ = 1)"], by_name["Smooth L1 loss (β = 1)"]
    others = [by_name[name] for name in ("Log-cosh loss", "Mean absolute error", "Pinball loss (τ = 0.75)")]
    assert same(huber, twin)
    assert not tempting(huber, [twin, *others[:2]], sheet.frame(huber)), "a twin does not fill the place of a third"
    assert tempting(huber, [twin, *others], sheet.frame(huber))


def test_the_quiz_has_every_kind_and_most_of_the_book():
    assert {kind: sum(item.kind == kind for item in ITEMS) >= 5 for kind in KINDS} == dict.fromkeys(KINDS, True)
    assert 30 <= len(ITEMS) <= 45
    offered = {answer.loss.card.part for item in ITEMS for answer in item.answers}
    assert offered >= {"foundations", "regression", "classification"}
    asked = [(item.kind, item.drawn, item.axis, item.label(item.answer), item.answer.loss.name) for item in ITEMS]
    assert len(set(asked)) == len(asked)


def test_a_new_loss_comes_into_the_quiz_by_itself(monkeypatch):
    def power(xp, y, y_hat):
        return 0.7 * xp.abs(y_hat - y) ** 1.5

    new = Loss(power, replace(lossbook.mse.card, title="Power loss", aliases=()), ("y_hat",), True)
    new.derivative(lambda xp, y, y_hat: 1.05 * xp.sign(y_hat - y) * xp.sqrt(xp.abs(y_hat - y)))
    monkeypatch.setitem(catalogue._losses, "power", new)
    monkeypatch.setitem(catalogue._aliases, "power", "power")
    drawn = items()
    assert any(new in [answer.loss for answer in item.answers] for item in drawn if item.kind in ("value", "gradient"))
    assert sum(item.answer.name in [old.answer.name for old in ITEMS] for item in drawn) > len(drawn) / 2


def test_a_quiz_of_one_loss_asks_nothing_about_it(monkeypatch):
    """Without others that come near there is no question, and no absurd answer takes their place."""
    monkeypatch.setattr(catalogue, "_losses", {"mse": lossbook.mse})
    assert items() == []


def test_the_quiz_is_the_same_at_every_build():
    script = "from lossbook.sphinx import quiz; print(quiz.render(quiz.items(), lambda loss, name: name))"
    environment = {**os.environ, "PYTHONHASHSEED": "7", "PYTHONIOENCODING": "utf-8"}
    again = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, check=True).stdout
    assert hashlib.sha256(again.rstrip()).digest() == hashlib.sha256(quiz.render(ITEMS, plain).encode()).digest()


# In the browser


def answer_of(page, item: Item, right: bool) -> str:
    """The key of an answer, right or wrong, in the order that is shown."""
    shown = page.locator(".lb-item:visible .lb-answers button").all_inner_texts()
    assert sorted(shown) == sorted(item.label(answer) for answer in item.answers)
    wanted = shown.index(item.label(item.answer))
    return str((wanted if right else (wanted + 1) % ANSWERS) + 1)


def curves(item) -> list[str | None]:
    """The answers whose curves are displayed; None stands for the right one."""
    script = "all => all.filter((c) => getComputedStyle(c).display !== 'none').map((c) => c.getAttribute('data-answer'))"
    return item.locator(".lb-curve").evaluate_all(script)


def current(page) -> Item:
    return PICTURES[page.locator(".lb-item:visible").get_attribute("id")]


def play(page, mistakes: set[int]) -> list[str]:
    """A whole round by keyboard alone; returns the pictures."""
    seen, hits = [], 0
    for turn in range(12):
        item = current(page)
        seen.append(item.id)
        assert page.locator(".lb-progress").inner_text() == f"Picture {turn + 1} of 12"
        assert not page.locator(".lb-reply:visible, .lb-hit:visible, .lb-miss:visible").count()
        assert curves(page.locator(".lb-item:visible")) == [None]
        key = answer_of(page, item, turn not in mistakes)
        if turn % 2 and page.locator(".lb-answers button:focus").count():
            for _ in range(int(key) - 1):
                page.keyboard.press("ArrowDown")
            page.keyboard.press("Enter")
        else:
            page.keyboard.press(key)
        hits += turn not in mistakes
        assert page.locator(".lb-right:visible").inner_text() == f"{hits} right"
        right = f'.lb-item:visible .lb-reply[data-answer="{item.right}"]'
        assert item.answer.name in page.locator(right).inner_text()
        if turn in mistakes:
            told = page.locator(".lb-item:visible .lb-false").inner_text()
            chosen = page.locator(".lb-miss:visible").inner_text()
            wrong = next(answer for answer in item.answers if item.label(answer) == chosen)
            assert quiz_words.wrong(item, wrong) in told
            # Its own curve, and no other, over the right one.
            assert curves(page.locator(".lb-item:visible")) == [None, str(item.answers.index(wrong))]
        else:
            assert page.locator(".lb-verdict:visible").inner_text() == "Right."
            assert curves(page.locator(".lb-item:visible")) == [None]
        page.keyboard.press("Enter")
    assert page.locator(".lb-score").inner_text() == f"You named {12 - len(mistakes)} of 12."
    assert page.locator(".lb-missed li").count() == len(mistakes)
    return seen


def test_a_round_by_keyboard_alone_then_again(server, browser):
    with Visit(browser, server + NAME) as visit:
        first = play(visit.page, {0, 3, 7, 8})
        assert len(set(first)) == 12
        assert sorted({PICTURES[i].kind for i in first}) == sorted(KINDS)
        visit.page.keyboard.press("Enter")  # Again
        assert visit.page.locator(".lb-right:visible").inner_text() == "0 right"
        second = play(visit.page, set())
        kinds = [kind for kind in KINDS if sum(item.kind == kind for item in ITEMS) >= 6]
        assert not {i for i in first if PICTURES[i].kind in kinds} & set(second), "pictures not yet seen come first"
        visit.page.keyboard.press("Enter")
        third = play(visit.page, set(range(12)))
        visit.page.keyboard.press("Enter")
        fourth = play(visit.page, set())
        assert set(fourth) & {*first, *second, *third}, "pictures come again once all were seen, without what was answered"
        assert not visit.complaints


def test_the_other_answers_can_be_looked_at_after_the_first(server, browser):
    with Visit(browser, server + NAME) as visit:
        page, item = visit.page, current(visit.page)
        page.keyboard.press(answer_of(page, item, False))
        for place in range(ANSWERS):
            page.keyboard.press(str(place + 1))
            chosen = int(page.locator(".lb-item:visible .lb-answers button").nth(place).get_attribute("data-answer"))
            shown = [None] if chosen == item.right else [None, str(chosen)]
            assert curves(page.locator(".lb-item:visible")) == shown
        assert page.locator(".lb-right:visible").inner_text() == "0 right", "only the first answer counts"


def test_two_visits_ask_in_different_orders(server, browser):
    asked = []
    for _ in range(3):
        with Visit(browser, server + NAME) as visit:
            asked.append((current(visit.page).id, *visit.page.locator(".lb-item:visible .lb-answers button").all_inner_texts()))
    assert len(set(asked)) > 1


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_every_state_is_accessible_and_fits(server, browser, theme, width):
    with Visit(browser, server + NAME, theme=theme, width=width) as visit:
        page = visit.page

        def look():
            assert not visit.inaccessible()
            assert page.evaluate("document.documentElement.scrollWidth") <= width

        look()
        page.keyboard.press(answer_of(page, current(page), False))
        look()
        for _ in range(11):
            page.keyboard.press("Enter")
            page.keyboard.press("1")
        page.keyboard.press("Enter")
        assert page.locator(".lb-score:visible").count()
        look()


def test_every_picture_is_there_without_scripts_and_from_a_file(browser):
    with Visit(browser, (SITE / NAME).as_uri(), javascript=False) as visit:
        shown = visit.page.locator(".lb-item:visible")
        assert [one.get_attribute("id") for one in shown.all()] == [item.id for item in ITEMS]
        assert not visit.page.locator(".lb-keys:visible").count()
        for one, item in zip(shown.all(), ITEMS, strict=True):
            assert one.locator(".lb-answers li").all_inner_texts() == [item.label(answer) for answer in item.answers]
            assert curves(one) == [None]
            assert not one.locator(".lb-reply:visible").count()
            one.locator("summary").click()
            assert one.locator(".lb-reply:visible").count() == len(curves(one)) == ANSWERS


def test_the_script_is_loaded_on_its_page_alone():
    users = [p.relative_to(SITE).as_posix() for p in SITE.rglob("*.html") if "quiz.js" in p.read_text(encoding="utf-8")]
    assert users == [NAME]


def test_every_loss_that_is_named_links_to_its_page():
    page = (SITE / NAME).read_text(encoding="utf-8")
    linked = set(re.findall(r'<strong><a href="\.\./([^"]+)\.html">', page))
    assert linked == {answer.loss.page for item in ITEMS for answer in item.answers}
    assert all(losses_of(address) for address in linked)
