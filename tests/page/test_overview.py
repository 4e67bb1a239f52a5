"""The view of what a run serves: as it is at this moment, and each thing that can be done about it."""

from __future__ import annotations

import re

import pytest
import requests

from tests.cli.projects import SERVER as PLAIN
from tests.page.runs import command_line, up, written
from tests.page.watching import WIDTHS, link, overflow, watching
from tests.session.edited import endpoint
from tests.session.test_deployment import client, commit, git
from tests.waiting import LONG, wait_for

#: Tells its process too.
SERVER = PLAIN.replace("    def do_exit", "    def do_pid(self):\n        return str(os.getpid())\n\n    def do_exit")

DESCRIPTION = "Says <b>which</b> digit"

YAML = endpoint("plain", "server-command: python server.py").replace(
    "    image", f"    description: {DESCRIPTION}\n    resources:\n      memory:\n        max: 512\n    image"
)
TWO = YAML + endpoint("other", "server-command: python server.py")
NAMES = "owner: acme\nproject: digits\ndeployment: local\n"


@pytest.fixture(scope="module")
def vhlocal(tmp_path_factory, environments, tools):
    return command_line(tmp_path_factory.mktemp("overview"), environments, tools)


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    """A project with one endpoint in the commit `old`, and two since."""
    made = written(
        tmp_path_factory.mktemp("overview") / "project",
        {"valohai.yaml": YAML, "vhlocal.yaml": NAMES, "server.py": SERVER},
    )
    git(made, "init", "-q")
    commit(made, "old")
    return written(made, {"valohai.yaml": TWO})


@pytest.fixture(scope="module")
def run(vhlocal, directory):
    with up(vhlocal, directory, "--version-name", "now", "--alias", "staging", "--profile") as started:
        yield started


@pytest.fixture
def page(run, chromium):
    with watching(chromium, run, "overview", viewport={"width": 1440, "height": 900}) as opened:
        opened.wait_for_selector("vh-overview .endpoint")
        yield opened


@pytest.fixture
def refused(run, chromium):
    """The page where some things are refused, which the browser itself says on its console."""
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    opened = context.new_page()
    opened.set_default_timeout(LONG * 1000)
    opened.goto(link(run))
    opened.wait_for_selector("vh-overview .endpoint")
    yield opened
    context.close()


def of(page, name, version="now"):
    """The part of the page about one endpoint."""
    return page.locator(f".version[aria-label='Version {version}']").locator(
        ".endpoint", has=page.get_by_role("heading", name=name, exact=True)
    )


def says(part, *texts):
    """Wait until all of these stand in a part of the page."""
    wait_for(lambda: all(text in part.inner_text() for text in texts), f"{texts} in {part}")


def do(page, action, **fields):
    """Fill in the dialog that is open, and do it."""
    dialog = page.get_by_role("dialog")
    for label, value in fields.items():
        dialog.get_by_label(label.replace("_", " ")).fill(value)
    dialog.get_by_role("button", name=action, exact=True).click()


def gone(page):
    page.get_by_role("dialog").wait_for(state="detached")


def test_what_is_served_is_shown_with_where_it_is(page, run):
    assert page.get_by_role("heading", level=1).inner_text() == "acme/digits"
    plain = of(page, "plain")
    says(plain, "ready", DESCRIPTION, run.url("plain", "dev").rstrip("/"), "started in")
    assert plain.locator("b", has_text="which").count() == 0, "it is text"
    names = page.get_by_role("list", name="Aliases of now").locator("button").all_inner_texts()
    assert names == ["dev", "staging"]
    plain.get_by_text("also as staging, now").click()
    for name in ("staging", "now"):
        assert plain.get_by_role("link", name=run.url("plain", name).rstrip("/")).is_visible()
    shown = plain.get_by_role("link", name="Open")
    assert shown.get_attribute("href") == run.url("plain", "dev")
    assert shown.get_attribute("rel") == "noopener noreferrer"
    plain.get_by_role("button", name=f"Copy: {run.url('plain', 'dev').rstrip('/')}", exact=True).click()
    plain.get_by_text("Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == run.url("plain", "dev").rstrip("/")


def test_a_start_is_told_part_by_part_with_its_slowest_imports(page):
    start = page.locator("vh-overview .endpoint details", has_text="started in").first
    start.locator("summary").click()
    start.get_by_text("Slowest imports").wait_for()
    assert "first answer" in start.inner_text()
    modules = start.locator("td code").all_inner_texts()
    assert "http.server" in modules and len(modules) <= 10


def test_requests_and_memory_move(page, run):
    plain = of(page, "plain")
    says(plain.locator(".curves"), "MiB of 512 MiB", "requests/s", "in flight")

    def asked():
        requests.get(run.url("plain"), timeout=60)
        rate = plain.locator(".curve-value").first.inner_text()
        return rate != "0" and rate[:1].isdigit() and "p95" in plain.inner_text()

    wait_for(asked, "the curve to rise")
    assert plain.locator(".curve .line").first.get_attribute("points").count(",") > 1


def test_replicas_are_scaled_and_what_is_no_number_is_told(refused, run):
    page = refused
    other = of(page, "other")
    other.get_by_role("button", name="Scale").click()
    do(page, "Scale", Replicas="2-1")
    says(page.get_by_role("dialog").get_by_role("alert"), "2-1")
    do(page, "Scale", Replicas="2")
    gone(page)
    says(other, "2 of 2 replicas ready")
    other.get_by_text("replicas", exact=True).click()

    def rows():
        return [row.split()[:2] for row in other.locator("tbody tr").all_inner_texts()]

    wait_for(lambda: rows() == [["1", "ready"], ["2", "ready"]], "both replicas to be listed")
    other.get_by_role("button", name="Scale").click()
    do(page, "Scale", Replicas="1")
    gone(page)
    wait_for(lambda: "replicas ready" not in other.inner_text(), "one replica to be left")
    other.get_by_role("button", name="Scale").click()
    with page.expect_response("**/api/replicas") as answer:
        do(page, "Scale", Replicas="1-2")
    assert answer.value.ok, answer.value.text()
    gone(page)
    run.vhlocal("scale", "other=1", "-C", str(run.directory))


def test_a_restart_starts_another_server(page, run):
    def process():
        return requests.get(f"{run.url('plain')}pid", timeout=60).text

    before = process()
    of(page, "plain").get_by_role("button", name="Restart").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    gone(page)
    assert process() == before
    of(page, "plain").get_by_role("button", name="Restart").click()
    do(page, "Restart")
    gone(page)
    wait_for(lambda: process() != before, "another server to answer")
    says(of(page, "plain"), "last reload")


def test_versions_come_aliases_move_and_all_of_it_goes_again(refused, run):
    page = refused
    page.get_by_role("button", name="Add a version").click()
    do(page, "Add", Commit="no-such-commit", Name="old")
    says(page.get_by_role("dialog").get_by_role("alert"), "no-such-commit")
    do(page, "Add", Commit="old", Aliases="canary")
    gone(page)
    says(of(page, "plain", "old"), "ready")
    assert page.get_by_role("list", name="Aliases of old").inner_text() == "canary"

    page.get_by_role("button", name="+ alias").first.click()
    do(page, "Add", Alias="a/b")
    says(page.get_by_role("dialog").get_by_role("alert"), "an alias cannot be", "one segment")
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Move the alias staging").click()
    do(page, "Move")
    says(page.get_by_role("dialog").get_by_role("alert"), "old has no endpoint `other`".replace("`", ""))
    page.get_by_role("dialog").get_by_label("even if an endpoint is no longer served").check()
    do(page, "Move")
    gone(page)
    wait_for(lambda: "staging" in page.get_by_role("list", name="Aliases of old").inner_text(), "the alias to move")
    assert client(run).aliases()["aliases"]["staging"] == "old"
    page.get_by_role("button", name="Move the alias staging").click()
    page.get_by_role("dialog").get_by_label("To").select_option("where it pointed before")
    do(page, "Move")
    gone(page)
    wait_for(lambda: "staging" in page.get_by_role("list", name="Aliases of now").inner_text(), "the alias to return")

    old = page.locator(".version[aria-label='Version old']")
    old.get_by_role("button", name="Remove").click()
    do(page, "Remove")
    says(page.get_by_role("dialog").get_by_role("alert"), "old has the alias canary")
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Move the alias canary").click()
    do(page, "Move")
    gone(page)
    old.get_by_role("button", name="Remove").click()
    do(page, "Remove")
    gone(page)
    old.wait_for(state="detached")

    page.get_by_role("button", name="+ alias").click()
    do(page, "Add", Alias="Not A Name!")
    says(page.get_by_role("dialog").get_by_role("alert"), "Not A Name!")
    do(page, "Add", Alias="blue")
    gone(page)
    wait_for(lambda: "blue" in page.get_by_role("list", name="Aliases of now").inner_text(), "the alias to be there")


def test_a_broken_save_is_told_with_its_place_and_its_finding_has_a_page(page, run, directory):
    written(directory, {"server.py": f"import nowhere\n{SERVER}"})
    plain = of(page, "plain")
    says(plain, "older code", "is broken", "no module named nowhere", "server.py:1")
    assert "no module named nowhere" not in page.locator("vh-overview .findings").inner_text(), "told once"
    with page.context.expect_page() as opened:
        plain.get_by_role("link", name=re.compile(r"VH\d+")).click()
    opened.value.get_by_role("heading", level=1, name=re.compile(r"VH\d+: ")).wait_for()
    assert opened.value.get_by_role("heading", name="In this run").is_visible()
    opened.value.close()
    written(directory, {"server.py": SERVER})
    wait_for(lambda: "is broken" not in plain.inner_text(), "the save to be mended")
    plain.get_by_role("link", name="last reload").click()
    page.wait_for_selector("vh-reloads")
    assert page.url.endswith("#/reloads?endpoint=plain")


def test_lines_to_paste_are_no_wider_than_their_finding(page):
    """The wide line is put there by hand: a finding with lines so long is a rare one."""
    page.evaluate(
        """document.querySelector("vh-overview .findings").innerHTML =
        `<article class="finding card"><div class="edit"><pre class="code">${"x".repeat(300)}</pre></div></article>`;
        document.querySelector("vh-overview .findings").hidden = false;
        document.querySelector("vh-overview").classList.remove("alone")"""
    )
    for width in (*WIDTHS, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.locator(".finding .code").is_visible()
        assert overflow(page) <= 0, width


def test_a_run_that_is_open_has_addresses_for_others_with_a_picture(vhlocal, tmp_path, chromium):
    project = written(tmp_path / "project", {"valohai.yaml": YAML, "vhlocal.yaml": NAMES, "server.py": SERVER})
    with up(vhlocal, project, "--host", "0.0.0.0") as run, watching(chromium, run, "overview") as page:
        plain = of(page, "plain", run.url("plain").split("/")[-3])
        shared = client(run).endpoints()["shared"]
        url = f"{shared}/acme/digits/local/dev/plain"
        says(plain, url)
        plain.get_by_role("button", name="QR code").click()
        picture = page.get_by_role("img", name=f"QR code of {url}/")
        picture.wait_for()
        wait_for(lambda: picture.evaluate("image => image.complete && image.naturalWidth > 0"), "the picture")
        do(page, "Done")
        gone(page)


def test_the_run_is_ended(vhlocal, tmp_path, chromium):
    project = written(tmp_path / "project", {"valohai.yaml": YAML, "vhlocal.yaml": NAMES, "server.py": SERVER})
    page = chromium.new_page()
    with up(vhlocal, project) as run:
        page.goto(link(run))
        page.get_by_role("button", name="Stop the run").click()
        page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
        gone(page)
        assert run.process.poll() is None
        page.get_by_role("button", name="Stop the run").click()
        do(page, "Stop the run")
        wait_for(lambda: "The run has ended (the page)" in page.inner_text("#banner"), "the end to be told")
        wait_for(lambda: run.process.poll() is not None, "the run to end")
    page.close()
