"""The view of metrics: what servers print as such, charted over time, and their traffic beside it (K6)."""

from __future__ import annotations

import json

import pytest

from tests.page.printing import ARGUMENTS, FILES, say
from tests.page.watching import THEMES, WIDTHS, overflow, watching
from tests.waiting import wait_for


@pytest.fixture
def run(running, project):
    with running(project(FILES), *ARGUMENTS) as up:
        yield up


def metric(**values):
    return json.dumps({"vh_metadata": values})


def chart(page, title):
    return page.locator("vh-metrics .chart", has=page.locator("figcaption", has_text=title))


def last(page, title):
    """Return what a chart is called by who hears it: its title, and the last value of each line."""
    return chart(page, title).locator("svg").get_attribute("aria-label") or ""


def until(page, title, said):
    wait_for(lambda: last(page, title) == f"{title}. {said}", f"{title} to be {said}")


def told(page, title, key):
    """Return what a chart tells of the bucket that a key leads to, without the time."""
    chart(page, title).locator(".frame").press(key)
    return chart(page, title).locator(".told").text_content().split("  ", 1)[1]


def test_k6_what_servers_print_is_charted_as_it_comes(run, chromium):
    """K6: a line or a histogram with count, min, max, mean and sum of each bucket, a legend that hides, texts apart."""
    with watching(chromium, run, "metrics") as page:
        page.get_by_text("No metrics yet").wait_for()
        assert page.get_by_label("Endpoint").is_visible(), "traffic has an endpoint without any metric"
        assert page.get_by_label("Width of buckets").is_hidden()
        say(run, "web", metric(score=0.5, guess="dog"))
        until(page, "score", "Last: mean: 0.5")
        chart(page, "score").locator(".legend button").focus()
        page.evaluate("window.held = document.activeElement")
        say(run, "web", metric(score=1.5, other=7), metric(score=2.5))
        say(run, "words", metric(score=10))
        until(page, "other", "Last: web: 7")
        page.get_by_label("Width of buckets").select_option("day")
        until(page, "score", "Last: web: 1.5, words: 10")
        assert chart(page, "score").locator("path.curve").count() == 2
        assert page.evaluate("document.activeElement === held && held.textContent") == "web", "what has focus keeps it"
        assert told(page, "score", "End") == (
            "web mean 1.5 (count 3, min 0.5, max 2.5, mean 1.5, sum 4.5) · "
            "words mean 10 (count 1, min 10, max 10, mean 10, sum 10)"
        )
        for value, said in (("sum", "4.5"), ("count", "3"), ("max", "2.5"), ("min", "0.5")):
            page.get_by_label("Value of each bucket").select_option(value)
            until(page, "score", f"Last: web: {said}, words: {1 if value == 'count' else 10}")
        page.get_by_label("Kind of chart").select_option("histogram")
        wait_for(lambda: chart(page, "score").locator("path.bars").count() == 2, "bars")
        page.get_by_role("button", name="words", exact=True).first.click()
        until(page, "score", "Last: web: 0.5")
        assert chart(page, "score").locator("path.bars").count() == 1
        assert "min=" not in page.url
        assert page.url.endswith("#/metrics?kind=histogram&value=min&width=day")
        say(run, "words", metric(score=20))
        page.get_by_role("button", name="words", exact=True).first.click()
        until(page, "score", "Last: web: 0.5, words: 10")
        page.reload()
        until(page, "score", "Last: web: 0.5, words: 10")
        assert page.get_by_label("Kind of chart").input_value() == "histogram"
        page.get_by_label("Endpoint", exact=True).select_option("words")
        until(page, "score", "Last: min: 10")
        assert chart(page, "other").count() == 0


def test_texts_are_listed_and_markup_in_them_and_in_names_is_text(run, chromium):
    evil = "<img src=x onerror='window.hit = 1'>\x1b[2J\u202e"
    for number in range(12):
        say(run, "web", metric(guess=f"dog {number}", sure=True))
    say(run, "web", metric(**{evil: 1.0, "words": evil, "x" * 100: 2.0}))
    with watching(chromium, run, "metrics") as page:
        shown = "<img src=x onerror='window.hit = 1'>\\x1b[2J\\u202e"
        until(page, shown, "Last: mean: 1")
        rows = page.locator("vh-metrics table tbody tr")
        wait_for(lambda: rows.count() == 3, "three rows")
        cells = rows.nth(0).locator("td")
        assert cells.nth(0).text_content() == "web"
        assert cells.nth(1).text_content() == "guess"
        assert cells.nth(2).text_content() == "12"
        rows.nth(0).get_by_text("the last 10").click()
        assert [each[-6:].strip() for each in rows.nth(0).locator("li").all_text_contents()] == [
            f"dog {number}" for number in range(11, 1, -1)
        ]
        page.evaluate("window.held = document.activeElement")
        say(run, "web", metric(guess="cat"))
        rows.nth(0).locator("li").get_by_text("cat").wait_for()
        assert page.evaluate("document.activeElement === held && held.textContent") == "the last 10", "open, with focus"
        assert cells.nth(2).text_content() == "13"
        assert rows.nth(1).locator("td").nth(3).text_content().startswith("true")
        assert rows.nth(2).locator("td").nth(3).inner_text() == shown
        assert page.evaluate("window.hit") is None
        assert page.locator("vh-metrics img").count() == 0


def test_traffic_and_memory_are_charted_beside_them(run, chromium):
    with watching(chromium, run, "metrics") as page:
        until(page, "Replicas", "Last: web: 1, words: 1")
        wait_for(lambda: "Last: web: " in last(page, "Memory (MiB)"), "memory")
        until(page, "Errors per second", "Last: web: 0, words: 0")
        page.get_by_text("no values in this time").wait_for()
        asked = []
        page.on("request", lambda request: asked.append(request.url))
        say(run, "web", "one request")
        wait_for(lambda: last(page, "Latency").startswith("Latency. Last: web p50: "), "a latency")
        assert [url for url in asked if "/api/series" in url] == [], "nothing has been printed as a metric"
        assert " ms, web p95: " in last(page, "Latency")
        chart(page, "Requests per second").locator(".frame").focus()
        page.keyboard.press("End")

        def counted():
            if "web 1" in (chart(page, "Requests per second").locator(".told").text_content() or ""):
                return True
            page.keyboard.press("ArrowLeft")
            return False

        wait_for(counted, "the second of the request")


def test_what_is_not_seen_is_not_drawn(run, chromium):
    for number in range(30):
        say(run, "web", metric(**{f"metric {number:02}": number}))
    with watching(chromium, run, "metrics", viewport={"width": 400, "height": 500}) as page:
        until(page, "metric 00", "Last: mean: 0")
        assert page.locator("vh-metrics section").first.locator(".chart").count() == 24
        assert chart(page, "metric 23").locator("svg *").count() == 0
        assert chart(page, "metric 23").locator(".legend li").count() == 1, "it does not grow as it comes into sight"
        page.get_by_role("button", name="Show 6 more").click()
        chart(page, "metric 29").scroll_into_view_if_needed()
        until(page, "metric 29", "Last: mean: 29")


def test_it_fits_into_each_width_and_is_as_good_in_the_dark(run, chromium):
    say(run, "web", metric(score=1, guess="word " * 40, **{"y" * 100: 2}))
    for theme in THEMES:
        with watching(chromium, run, "metrics", color_scheme=theme) as page:
            until(page, "score", "Last: mean: 1")
            for width in WIDTHS:
                page.set_viewport_size({"width": width, "height": 800})
                wait_for(lambda page=page: fits(page), "the chart to fit")
                assert overflow(page) <= 0


def fits(page):
    drawing, frame = (chart(page, "score").locator(part).bounding_box()["width"] for part in ("svg", ".frame"))
    return frame - 1 <= drawing <= frame + 1
