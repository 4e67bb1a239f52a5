"""Every sample project on each runtime, under its version's path and under an alias, as a client meets it."""

import json
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.checks.live import Failing
from tests.command import Running, Vhlocal
from tests.engine_fixtures import SAMPLES, containers_of
from tests.session.doctored import codes_in, findings, wait_until_examined
from tests.waiting import free_port
from vhlocal.runtime.connect import RUNTIMES

WORDS = ("flask", "django", "uvicorn", "dispatcher", "prefix-header", "server-command")
ROOT = SAMPLES.parent


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}), NoRedirect)


def send(url, body=None, **headers):
    """Return status, headers and text of an answer, whatever its status."""
    request = urllib.request.Request(url, data=body, headers={k.replace("_", "-"): v for k, v in headers.items()})
    try:
        with OPENER.open(request, timeout=60) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read().decode()


def form_file(field, name, content):
    """Return body and content type of a form with one file."""
    head = f'--cut\r\nContent-Disposition: form-data; name="{field}"; filename="{name}"\r\n\r\n'.encode()
    return head + content + b"\r\n--cut--\r\n", "multipart/form-data; boundary=cut"


class Links(HTMLParser):
    """Collects where a page's links and forms lead."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        self.found += [value for name, value in attrs if name in ("href", "action")]


@pytest.fixture(scope="module")
def serving(engine, base_image, environments, tmp_path_factory):
    """Serve a sample on a runtime, as a context: ready inside of it, and nothing left after it."""

    @contextmanager
    def serve(runtime, name):
        place = tmp_path_factory.mktemp(name)
        (place / "vhlocal").mkdir()
        (place / "vhlocal" / "environments").symlink_to(environments)
        environment = {"XDG_STATE_HOME": str(place), "XDG_CACHE_HOME": str(place)}
        environment |= {"PATH": str(Path(sys.executable).parent), "VHLOCAL_RUNTIME": runtime}
        vhlocal = Vhlocal({**inherited(), **environment})
        arguments = ("--owner", "acme", "--alias", "staging")
        run = Running(vhlocal, SAMPLES / name, free_port(), arguments, place / "up.log")
        try:
            run.wait_for_state("ready", seconds=600)
            yield run
            assert run.stop() == 0, run.output()
            assert containers_of(engine, run.directory) == []
        finally:
            if run.process.poll() is None:
                run.kill()

    return serve


def inherited():
    """What reaches the command line of this process's environment: all but vhlocal's own settings."""
    import os  # noqa: PLC0415

    return {name: value for name, value in os.environ.items() if not name.startswith("VHLOCAL_")}


def on_each_runtime(*names):
    """Return a parameter for each sample on each runtime; pytest runs all tests of one before those of the next."""
    return [pytest.param((runtime, name), id=f"{runtime}-{name}") for runtime in sorted(RUNTIMES) for name in names]


@pytest.fixture(scope="module", params=on_each_runtime(*WORDS))
def words(request, serving):
    with serving(*request.param) as run:
        yield run


@pytest.fixture(scope="module", params=on_each_runtime("digits"))
def digits(request, serving):
    trained = subprocess.run(
        [sys.executable, str(ROOT / "scripts/training.py")], capture_output=True, text=True, timeout=600
    )
    assert trained.returncode == 0, trained.stdout + trained.stderr
    with serving(*request.param) as run:
        yield run


@pytest.fixture(params=["version", "dev", "staging"])
def base(request, words):
    """Return the URL of a words sample, without its last slash, under one of its names."""
    urls = [url.rstrip("/") for url in words.endpoints()["words"]["urls"]]
    assert all(f"/acme/{words.directory.name}/local/" in url for url in urls)
    return urls[["version", "dev", "staging"].index(request.param)]


def path_of(url):
    return "/" + url.split("/", 3)[3]


pytestmark = pytest.mark.timeout(900)


def test_p1_p3_r5_r6_r7_every_sample_works_under_version_and_alias(base):
    """P1, P3, P4, P7, R2, R4, R5, R6, R7: page, JSON, form file, redirect and own URLs, whatever the framework."""
    prefix = path_of(base)

    status, _, page = send(base + "/")
    links = Links()
    links.feed(page)
    assert status == 200
    assert links.found
    assert all(link.removeprefix(base.removesuffix(prefix)).startswith(prefix + "/") for link in links.found)

    status, _, text = send(base + "/count", b'{"text": "three short words"}', Content_Type="application/json")
    assert (status, json.loads(text)) == (200, {"words": 3})

    body, content_type = form_file("file", "poem.txt", b"a b c d e")
    status, _, text = send(base + "/upload", body, Content_Type=content_type)
    assert (status, json.loads(text)) == (200, {"name": "poem.txt", "size": 9, "words": 5})

    status, headers, _ = send(base + "/moved")
    assert status in (302, 307)
    own = prefix
    assert headers["Location"].removeprefix(base.removesuffix(prefix)) == own + "/where"

    status, _, text = send(base + "/where")
    assert (status, json.loads(text)) == (200, {"url": own + "/where", "full": base + "/where"})


def test_p4_what_no_route_of_the_app_knows_is_the_apps_own_404(base):
    """P4: everything below the prefix reaches the app, which answers for itself."""
    status, headers, _ = send(base + "/nope")
    assert status == 404
    assert headers["X-VHLocal-Revision"]


def smoke_tests_pass(run, requests):
    """Send a sample's own smoke tests, under its version and both aliases."""
    done = run.vhlocal("test", cwd=run.directory)
    assert (done.returncode, done.stdout.splitlines()[-1:]) == (0, [f"{3 * requests} passed, 0 failed"]), done.stdout


def test_the_smoke_tests_of_every_sample_pass(words):
    smoke_tests_pass(words, 5)


def test_the_smoke_tests_of_digits_pass(digits):
    smoke_tests_pass(digits, 4)


def clean_when_used(run, name):
    """Ask for what is there and what is not: nothing is found of it, nor of what was asked before."""
    version, alias = run.url(name), run.url(name, "dev")
    paths = ("/", "/nope", "/nope/", "/moved", "/where", "/docs")
    for failing in [Failing(path, alias=under) for path in paths for under in (False, True)]:
        failing.send(run.base_url, version, alias)
    Failing("/count", method="POST").send(run.base_url, version, alias)
    Failing("/elsewhere", root=True).send(run.base_url, version, alias)
    wait_until_examined(run)
    assert findings(run) == []
    assert codes_in(run.output()) == []
    assert "could not be examined" not in run.output()


def test_every_sample_is_clean_when_it_is_used(words):
    clean_when_used(words, "words")


def test_digits_is_clean_when_it_is_used(digits):
    clean_when_used(digits, "digits")


@pytest.mark.parametrize("alias", [None, "dev", "staging"], ids=["version", "dev", "staging"])
def test_r5_b4_digits_reads_a_real_image_with_the_chosen_model(digits, alias):
    """R5, B4: FastAPI from `wsgi:` alone, with the model as an endpoint file."""
    base = digits.url("digits", alias).rstrip("/")
    image = (SAMPLES / "digits/seven.png").read_bytes()

    status, _, text = send(base + "/", image, Content_Type="image/png")
    assert (status, json.loads(text)["digit"]) == (200, 7)

    body, content_type = form_file("image", "seven.png", image)
    status, _, text = send(base + "/", body, Content_Type=content_type)
    assert (status, json.loads(text)["digit"]) == (200, 7)

    about = json.loads(send(base + "/")[2])
    assert about["post"] == base + "/"
    assert about["docs"] == base + "/docs"


@pytest.mark.parametrize("alias", [None, "dev"], ids=["version", "dev"])
def test_r5_the_openapi_page_asks_for_a_schema_that_is_there(digits, alias):
    """R5: OpenAPI docs under version and alias."""
    base = digits.url("digits", alias).rstrip("/")
    prefix = path_of(base)
    status, _, page = send(base + "/docs")
    assert status == 200
    assert f"url: '{prefix}/openapi.json'" in page
    schema = json.loads(send(base + "/openapi.json")[2])
    assert schema["info"]["title"] == "Digits"
    assert {"url": prefix} in schema["servers"]


@pytest.mark.parametrize("words", on_each_runtime("uvicorn"), indirect=True, scope="module")
def test_r6_the_docs_that_uvicorn_serves_by_hand_are_under_the_prefix_too(base):
    """R6: every route has its prefix by hand, the schema's included."""
    status, _, page = send(base + "/docs")
    assert status == 200
    assert f"url: '{path_of(base)}/openapi.json'" in page
    assert f"{path_of(base)}/count" in json.loads(send(base + "/openapi.json")[2])["paths"]
