"""The page itself: how it lets itself in, how one gets about in it, and what becomes of it when the run ends."""

from __future__ import annotations

import contextlib
import re

import pytest

from tests.cli.projects import plain
from tests.page.runs import command_line, up, written
from tests.page.watching import link, watching
from tests.waiting import LONG, wait_for
from vhlocal.api.page_app import STATIC

#: The bytes that came for files of the page.
TRANSFERRED = """
performance.getEntriesByType("resource").filter((one) => one.name.includes("/static/"))
    .reduce((sum, one) => sum + one.transferSize, 0)
"""


@contextlib.contextmanager
def new_page(browser):
    """A tab of its own, in which nothing has been opened yet."""
    with browser.new_context() as context:
        page = context.new_page()
        page.set_default_timeout(LONG * 1000)
        yield page


@pytest.fixture(scope="module")
def vhlocal(tmp_path_factory, environments, tools):
    return command_line(tmp_path_factory.mktemp("shell"), environments, tools)


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    return written(tmp_path_factory.mktemp("shell") / "project", plain(**{"vhlocal.yaml": "owner: acme\n"}))


@pytest.fixture(scope="module")
def run(vhlocal, directory):
    with up(vhlocal, directory) as started:
        yield started


def test_all_that_it_loads_is_small(run, chromium):
    """Whoever goes through all views loads less than 150 KB; what is there before anything else is less than 60."""
    with watching(chromium, run, "overview") as page:
        loaded = page.evaluate(TRANSFERRED)
        assert 10_000 < loaded < 60_000
        for link in page.locator("nav a").all():
            link.click()
            page.wait_for_selector(f"main > vh-{link.get_attribute('data-view')}")
        assert loaded < page.evaluate(TRANSFERRED) < 150_000
    files = sum(path.stat().st_size for path in STATIC.rglob("*") if path.is_file())
    assert files < 300_000, "as they lie there"


def test_the_key_is_where_no_server_and_no_app_gets_it(run, chromium):
    key = link(run).partition("#key=")[2]
    with watching(chromium, run, "overview") as page:
        seen = []
        page.on("request", lambda asked: seen.append(asked))
        assert key not in page.url
        assert page.evaluate("[document.cookie, document.referrer, localStorage.length]") == ["", "", 0]
        page.reload()
        page.wait_for_selector("#connection.good")
        page.wait_for_selector("vh-overview .endpoint")
        assert page.context.cookies() == []
        assert len(seen) > 5
        for asked in seen:
            assert key not in asked.url
            shown = {name for name, value in asked.all_headers().items() if key in value}
            assert shown == ({"authorization"} if "/api/" in asked.url else set()), asked.url


def test_who_has_no_key_is_told_how_to_get_in_and_another_tab_has_it(run, chromium):
    page_address = link(run).partition("#")[0]
    alone = chromium.new_page()
    alone.goto(page_address)
    alone.get_by_role("heading", name="This page needs its key").wait_for()
    assert "vhlocal open" in alone.inner_text("main")
    alone.close()
    with watching(chromium, run, "overview") as page:
        second = page.context.new_page()
        second.goto(f"{page_address}#/reloads")
        second.wait_for_selector("#connection.good")
        assert second.url == f"{page_address}#/reloads"


def test_one_gets_about_by_the_keyboard(run, chromium):
    with watching(chromium, run, "overview") as page:
        page.reload()
        page.wait_for_selector("vh-overview .endpoint")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.id") == "skip"
        assert page.locator("#skip").bounding_box()["y"] >= 0, "it is seen once it has the focus"
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "main"
        page.get_by_role("link", name="Reloads").focus()
        page.keyboard.press("Enter")
        page.wait_for_selector("vh-reloads h1")
        wait_for(lambda: page.evaluate("document.activeElement.id") == "main", "the focus to go to the view")
        assert page.locator("nav [aria-current]").all_inner_texts() == ["Reloads"]
        wait_for(lambda: page.title() == "Reloads · acme/project · vhlocal", "the title")
        page.go_back()
        page.wait_for_selector("vh-overview .endpoint")


@pytest.mark.parametrize("width", [390, 640, 1600])
def test_what_gets_the_focus_is_scrolled_to_where_the_bar_does_not_cover_it(run, chromium, width):
    """The bar has two rows where the window is narrow, as at 200 %."""
    with watching(chromium, run, "overview", viewport={"width": width, "height": 500}) as page:
        page.wait_for_selector("vh-overview .endpoint")
        kept, bar = page.evaluate("""[
            parseFloat(getComputedStyle(document.documentElement).scrollPaddingTop),
            document.querySelector(".bar").offsetHeight,
        ]""")
        assert kept >= bar + 4, "its outline is outside of it"


#: How the text that stands in an empty field contrasts with the field, as WCAG counts it.
CONTRAST = """
(() => {
    const field = document.querySelector("vh-try input[placeholder]");
    const luminance = (colour) => {
        const [red, green, blue] = colour.match(/[\\d.]+/g).map(Number).map((part) => {
            const share = part / 255;
            return share <= .04045 ? share / 12.92 : ((share + .055) / 1.055) ** 2.4;
        });
        return .2126 * red + .7152 * green + .0722 * blue + .05;
    };
    const text = luminance(getComputedStyle(field, "::placeholder").color);
    const ground = luminance(getComputedStyle(field).backgroundColor);
    return Math.max(text, ground) / Math.min(text, ground);
})()
"""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_what_stands_in_an_empty_field_can_be_read(run, chromium, theme):
    with watching(chromium, run, "try", color_scheme=theme) as page:
        page.wait_for_selector("vh-try input[placeholder]")
        assert page.evaluate(CONTRAST) >= 4.5


def test_its_colours_are_the_systems_or_those_that_were_chosen(run, chromium):
    ground = "getComputedStyle(document.body).backgroundColor"
    with watching(chromium, run, "overview", color_scheme="dark") as page:
        dark = page.evaluate(ground)
        page.emulate_media(color_scheme="light")
        light = page.evaluate(ground)
        assert light != dark
        button = page.locator("#theme")
        assert button.get_attribute("aria-label") == "Colours: as the system"
        button.click()
        assert (button.get_attribute("aria-label"), page.evaluate(ground)) == ("Colours: light", light)
        button.click()
        assert (button.get_attribute("aria-label"), page.evaluate(ground)) == ("Colours: dark", dark)
        page.reload()
        page.wait_for_selector("vh-overview .endpoint")
        assert page.evaluate(ground) == dark, "it is remembered"


def test_a_view_that_there_is_not_is_not_offered_and_leads_to_the_first(run, chromium):
    with watching(chromium, run, "overview") as page:
        offered = page.locator("nav a").evaluate_all("links => links.map((link) => link.dataset.view)")
        assert [name for name in offered if not (STATIC / "views" / f"{name}.js").is_file()] == []
        page.evaluate("location.hash = '#/nowhere?x=<b>'")
        page.wait_for_selector("vh-overview")
        page.evaluate("location.hash = '#/__proto__'")
        page.wait_for_selector("vh-overview")


def shows(page, *texts):
    """Wait until the banner says all of these."""
    wait_for(lambda: all(text in page.inner_text("#banner") for text in texts), f"{texts} in the banner")


def test_a_stream_that_is_never_answered_is_given_up_and_asked_for_again(run, chromium):
    with new_page(chromium) as page:
        page.clock.install()
        unanswered = []
        page.route("**/api/events*", lambda route: unanswered.append(route))
        page.goto(link(run))
        wait_for(lambda: page.evaluate("1") and unanswered, "the stream to be asked for")
        assert page.locator("#connection.good").count() == 0
        page.unroute("**/api/events*")
        page.clock.fast_forward(16_000)
        page.wait_for_selector("#connection.good")


def test_a_view_that_could_not_be_loaded_is_tried_again_once_the_run_answers(run, chromium):
    with new_page(chromium) as page:
        page.goto(link(run))
        page.wait_for_selector("#connection.good")
        page.route("**/*", lambda route: route.abort())
        page.evaluate("import('/static/stream.js').then(({ stream }) => stream.retry())")
        page.wait_for_selector("#connection.bad")
        page.get_by_role("link", name="Metrics").click()
        page.get_by_text("This view could not be loaded").wait_for()
        page.unroute("**/*")
        page.get_by_role("heading", name="Traffic").wait_for()


def losing_once(page, pattern):
    """Have a browser lose the first answer to a pattern, as when a network of the machine changes while it comes."""
    lost = []

    def lose(route):
        if lost:
            route.continue_()
        else:
            lost.append(route.request.url)
            route.abort()

    page.route(pattern, lose)


@pytest.mark.parametrize("file", ["static/page.js", "static/stream.js", "static/page.css"])
def test_a_page_of_which_a_file_is_lost_is_loaded_again(run, chromium, file):
    with new_page(chromium) as page:
        losing_once(page, f"**/{file}")
        with page.expect_response(f"**/{file}"):
            page.goto(link(run))
        page.wait_for_selector("#connection.good")
        wait_for(lambda: page.evaluate("sessionStorage.getItem('vhlocal-tries')") is None, "it to be whole")


def test_what_the_page_reads_is_asked_for_again_where_it_is_lost(run, chromium):
    with new_page(chromium) as page:
        page.goto(link(run))
        page.wait_for_selector("#connection.good")
        losing_once(page, re.compile("/api/requests"))
        with page.expect_response(re.compile("/api/requests")):
            page.get_by_role("link", name="Requests").click()
        assert page.get_by_text("does not answer").count() == 0


def test_a_stream_waits_for_no_file_that_does_not_come(run, chromium):
    with new_page(chromium) as page:
        page.route("**/views/overview.js", lambda route: None)
        page.goto(link(run))
        page.wait_for_selector("#connection.good")


def test_a_tab_that_is_not_seen_holds_no_connection(run, chromium):
    """A browser has six for a host: tabs in the background would keep every other one from loading."""
    hidden = "Object.defineProperty(document, 'hidden', {get: () => window.unseen ?? true});"
    with new_page(chromium) as page:
        page.add_init_script(hidden)
        asked = []
        page.on("request", lambda request: asked.append(request.url) if "/api/events" in request.url else None)
        page.goto(link(run))
        page.wait_for_selector("#connection:text('paused')")
        assert asked == []
        seen = "window.unseen = false; document.dispatchEvent(new Event('visibilitychange'))"
        page.evaluate(seen)
        page.wait_for_selector("#connection.good")
        page.evaluate(seen.replace("false", "true"))
        page.wait_for_selector("#connection:text('paused')")


@pytest.mark.parametrize("how", ["ended", "killed"])
def test_the_end_of_a_run_is_told_and_the_next_run_is_found(vhlocal, chromium, how, tmp_path):
    project = written(tmp_path / "project", plain())
    page = chromium.new_page()
    page.set_default_timeout(LONG * 1000)
    with up(vhlocal, project, "--version-name", "first") as run:
        page.goto(link(run))
        page.get_by_role("heading", name="first").wait_for()
        if how == "killed":
            run.kill()
            shows(page, "The run does not answer", "This page keeps trying")
            assert page.inner_text("#connection") == "no answer"
            run.process.returncode = 0
        else:
            run.stop()
            shows(page, "The run has ended (Ctrl-C)", "vhlocal up")
            assert page.inner_text("#connection") == "ended"
        assert page.get_by_role("button", name="Restart").is_disabled()
        assert page.locator("vh-overview button.actor:enabled").count() == 0, "nothing can be asked of no run"
    with up(vhlocal, project, "--version-name", "second"):
        page.get_by_role("heading", name="second").wait_for()
        wait_for(lambda: page.inner_text("#connection") == "live", "the next run to be followed")
        assert page.locator("#banner").is_hidden()
        assert page.get_by_role("button", name="Restart").is_enabled()
        assert page.locator("vh-overview button.actor:disabled").count() == 0
        assert page.get_by_role("heading", name="first").count() == 0
    page.close()
