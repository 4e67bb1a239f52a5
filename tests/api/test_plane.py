"""The control plane on a real socket, with a real board and bus behind it."""

import dataclasses
import http.client
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from tests.requests import PREFIX, ended, of_control
from tests.served import at
from vhlocal.checks.registry import ALL_DEFINITIONS
from vhlocal.checks.server.ends import FAILED
from vhlocal.contract.limits import MEBIBYTE
from vhlocal.errors import VhlocalError
from vhlocal.events import Found, LogLine, RequestsEnded, StatusChanged
from vhlocal.findings import Finding
from vhlocal.gateway.report import Failure, FailureKind
from vhlocal.model import Import, MemoryUse, Place, StartUp, State, Status


def test_the_root_shows_every_endpoint_and_where_the_page_is(run):
    run.bus.publish(StatusChanged(Status(at("predict"), State.READY, urls=("http://127.0.0.1:8080/a/b/c/d/predict/",))))
    answer, body = run.get("/")
    assert answer.getheader("Content-Type") == "text/html; charset=utf-8"
    assert "predict" in body
    assert "http://127.0.0.1:8080/a/b/c/d/predict/" in body
    assert f'<a href="{run.page}/"' in body and "<code>vhlocal open</code>" in body
    assert run.key not in body and "refresh" not in body and "<script" not in body


def test_memory_is_told_as_far_as_it_is_known(run):
    """K1: the most that was seen, and the limit."""
    run.bus.publish(StatusChanged(Status(at("predict"), State.READY)))
    assert run.client().endpoints()["endpoints"][0]["memory"] is None
    run.bus.publish(StatusChanged(Status(at("predict"), State.READY, memory=MemoryUse(51 * MEBIBYTE, 64 * MEBIBYTE))))
    assert run.client().endpoints()["endpoints"][0]["memory"] == {"peak": 51 * MEBIBYTE, "limit": 64 * MEBIBYTE}


def test_an_end_is_told_with_its_code_and_page(run):
    place = Place(Path("/p/valohai.yaml"), 4)
    finding = Finding(FAILED, place, "the server ended with exit code 3", "mend it", "predict")
    run.bus.publish(Found(finding, "", told=True))
    crashed = Status(at("predict"), State.CRASHED, finding.seen, finding.change, place, finding=finding)
    run.bus.publish(StatusChanged(crashed))
    (endpoint,) = run.client().endpoints()["endpoints"]
    assert (endpoint["code"], endpoint["page"]) == ("VH515", "docs/findings/VH515.md")
    assert endpoint["reason"] == finding.seen


def test_a_finding_has_a_page_with_where_the_run_has_it(run):
    answer, body = run.get("/findings/VH515")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert "<title>VH515: " in body
    assert "In this run" not in body
    run.bus.publish(
        Found(Finding(FAILED, Place(Path("/p/valohai.yaml"), 4), "it ended <here>", "mend it", "predict"), "")
    )
    _, body = run.get("/findings/VH515")
    assert "<h2>In this run</h2>" in body
    assert "it ended &lt;here&gt;" in body
    assert '<a href="/findings/VH515">VH515</a>' in body


def test_each_finding_has_a_page(run):
    for definition in ALL_DEFINITIONS:
        answer, body = run.get(f"/findings/{definition.code}")
        assert (answer.status, body.count(f"<h1>{definition.code}: ")) == (200, 1)


def test_a_code_is_found_in_any_case_and_an_unknown_one_is_a_404(run):
    answer, _ = run.get("/findings/vh515")
    assert (answer.status, answer.headers["Location"]) == (308, "/findings/VH515")
    answer, body = run.get("/findings/VH999")
    assert answer.status == 404
    assert json.loads(body)["error"] == "no finding has the code VH999"


def test_endpoints_are_listed(run):
    found = run.client().endpoints()
    assert [item["endpoint"] for item in found["endpoints"]] == ["predict"]
    assert found["version"] == "20261124.0"


def test_the_key_to_the_page_is_told_to_who_shows_the_token_alone(run):
    """What asks without it may be a page of an endpoint's, which is of the same origin."""
    assert run.client().endpoints()["page"] == run.plane.link == f"{run.page}/#key={run.key}"
    _, body = run.get("/api/endpoints")
    assert json.loads(body)["page"] == f"{run.page}/"
    assert run.key not in body


def test_logs_are_given_and_followed(run):
    run.bus.publish(LogLine(at("predict"), "stdout", "one", 1.0))
    assert [line["text"] for line in run.client().logs("predict", 10, follow=False)] == ["one"]
    lines = run.client().logs(None, 10, follow=True)
    assert next(lines)["text"] == "one"
    run.bus.publish(LogLine(at("predict"), "stdout", "two", 2.0))
    assert next(lines)["text"] == "two"
    lines.close()


def test_lines_that_come_faster_than_they_are_read_are_counted_where_they_were(run):
    lines = run.client().logs(None, 1, follow=True)
    run.bus.publish(LogLine(at("predict"), "stdout", "first", 1.0))
    assert next(lines)["text"] == "first"
    for number in range(50_000):
        run.bus.publish(LogLine(at("predict"), "stdout", f"{number} {'x' * 200}", 2.0))
    got = missed = 0
    while got + missed < 50_000:
        line = next(lines)
        if line["stream"] == "vhlocal":
            found = re.fullmatch(r"… ([\d,]+) lines are left out: they came faster than .*", line["text"])
            missed += int(found[1].replace(",", ""))
        else:
            assert int(line["text"].split()[0]) == got + missed, "each where it was"
            got += 1
    assert missed
    run.bus.publish(LogLine(at("predict"), "stdout", "last", 3.0))
    assert next(lines)["text"] == "last"
    lines.close()


def test_no_line_of_the_past_is_given_where_none_is_asked_for(run):
    run.bus.publish(LogLine(at("predict"), "stdout", "old", 1.0))
    assert run.get("/api/logs?tail=0")[1] == ""
    run.requests.add(ended())
    assert run.get("/api/requests?tail=0")[1] == ""


def test_logs_of_an_unknown_endpoint_name_those_there_are(run):
    with pytest.raises(VhlocalError, match="no endpoint `nope`") as caught:
        list(run.client().logs("nope", 10, follow=False))
    assert (caught.value.hint, caught.value.exit_code) == ("choose from: predict", 2)


def test_only_the_token_ends_the_run(run):
    with pytest.raises(VhlocalError, match="token"):
        run.client("wrong").down()
    assert not run.stopped.is_set()
    assert run.get("/api/down")[0].status == 405
    run.client().down()
    assert run.stopped.is_set()


def test_no_start_waits_for_what_only_pages_need():
    late = "{'jinja2', 'rich', 'segno', 'webbrowser', 'werkzeug.serving', 'vhlocal.api.app', 'vhlocal.api.stream'}"
    code = f"import sys, vhlocal.cli.up, vhlocal.cli.ps, vhlocal.cli.open; print({late} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "set()\n"


def test_no_command_that_asks_a_run_waits_for_what_reads_projects():
    late = "{'asyncio', 'difflib', 'rich', 'yaml', 'vhlocal.model', 'werkzeug'}"
    names = ("alias", "call", "metrics", "ps", "requests", "url", "version")
    asking = ", ".join(f"vhlocal.cli.{name}" for name in names)
    code = f"import sys, {asking}; print({late} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "set()\n"


def test_no_start_waits_for_what_says_that_it_goes_on():
    """Whoever waits for a start asks again and again, from its first moment on."""
    late = "{'jinja2', 'psutil', 'werkzeug'}"
    code = (
        "import sys, vhlocal.api.pages as pages, vhlocal.runtime.process.connect, vhlocal.api.plane\n"
        f"print(pages.told({{'error': 'starting'}}, '*/*').content_type, {late} & set(sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ran.stdout == "application/json set()\n", ran.stderr


def test_an_unknown_path_lists_what_is_served(run):
    answer, body = run.get("/nope")
    assert answer.status == 404
    assert json.loads(body)["known"][0].endswith("/predict/")


def failure(
    kind, status, accept="*/*", prefix="/acme/digits/local/dev/predict", endpoint="predict", host="localhost:8080"
):
    headers = ((b"Host", host.encode()), (b"Accept", accept.encode()))
    return Failure(kind, status, prefix, endpoint, "20261124.0", "GET", prefix + "/", headers, "because", "id")


def test_a_crashed_endpoint_is_told_in_json_with_its_log(run):
    run.crash()
    page = run.plane.page(failure(FailureKind.UNAVAILABLE, 503))
    facts = json.loads(page.body)
    assert page.content_type == "application/json"
    assert facts["error"] == "the endpoint predict is crashed"
    assert facts["why"] == "exit code 3"
    assert facts["log"] == ["ValueError: <boom>"]


@pytest.fixture
def found(run):
    """A finding of the code that runs, with the remedies of a framework, and one of code that has gone."""
    definition = next(one for one in ALL_DEFINITIONS if "Flask" in one.remedy)
    run.bus.publish(StatusChanged(Status(at("predict"), State.READY, revision="new")))
    now = Finding(definition, Place(Path("server.py"), 7), "sees <b>`x`</b>", "write `y`", "predict", "Flask")
    run.bus.publish(Found(now, "new"))
    run.bus.publish(Found(Finding(definition, Place(Path("old.py"), 1), "was", "write", "predict"), "old"))
    return now


OF_AN_ENDPOINT = [
    (FailureKind.UNAVAILABLE, 503),
    (FailureKind.REFUSED, 502),
    (FailureKind.RESET, 502),
    (FailureKind.TIMEOUT, 504),
    (FailureKind.ENDED, 504),
    (FailureKind.HELD_TOO_LONG, 503),
    (FailureKind.HOLD_FULL, 503),
    (FailureKind.TOO_LARGE, 413),
]


@pytest.mark.parametrize(("kind", "status"), OF_AN_ENDPOINT, ids=lambda each: getattr(each, "value", each))
def test_what_was_found_of_an_endpoint_stands_in_each_of_its_errors(run, found, kind, status):
    run.bus.publish(LogLine(at("predict"), "stderr", "the last line: ü", 1.0))
    page = run.plane.page(failure(kind, status))
    facts = json.loads(page.body)
    assert [(one["code"], one["place"]) for one in facts["findings"]] == [(found.definition.code, "server.py:7")]
    assert facts["hint"] and facts["state"] == "ready"
    assert facts["log"] == ["the last line: ü"]
    assert "the last line: ü" in page.body.decode(), "as it can be read"
    assert next(iter(facts)) == "error" and list(facts)[-1] == "request_id"
    html = run.plane.page(failure(kind, status, "text/html")).body.decode()
    assert "sees &lt;b&gt;<code>x</code>&lt;/b&gt;" in html
    assert "server.py:7" in html and "old.py" not in html
    assert found.definition.remedy["Flask"].split("`")[0] in html
    assert "the last line: ü" in html


def test_what_was_found_stands_in_the_api(run, found):
    assert [one["code"] for one in run.client().endpoints()["findings"]] == [found.definition.code]


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("*/*", "application/json"),
        ("", "application/json"),
        ("text/plain", "application/json"),
        ("application/json", "application/json"),
        ("application/json, text/html;q=0.9", "application/json"),
        ("text/html", "text/html; charset=utf-8"),
        ("text/*, application/json;q=0.5", "text/html; charset=utf-8"),
        ("application/json;q=0, */*", "text/html; charset=utf-8"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/html; charset=utf-8"),
    ],
)
def test_only_who_prefers_html_gets_it(run, accept, kind):
    assert run.plane.page(failure(FailureKind.RESET, 502, accept)).content_type == kind
    assert run.get("/nope", Accept=accept)[0].getheader("Content-Type") == kind


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ([(b"Host", b"localhost:8080")], True),
        ([(b"host", b"localhost:8080"), (b"HOST", b"evil.example")], True),
        ([(b"hOST", b"evil.example"), (b"Host", b"localhost:8080")], False),
        ([(b"host", b"localhost:8080"), (b"sec-fetch-site", b"cross-site"), (b"origin", b"http://evil")], False),
    ],
)
def test_whoever_may_look_is_told_more_of_a_failure_however_headers_are_written(run, sent, told):
    asked = dataclasses.replace(failure(FailureKind.RESET, 502), headers=tuple(sent))
    assert ("hint" in json.loads(run.plane.page(asked).body)) is told


def test_a_start_is_told_in_the_api(run):
    imports = (Import("library", 0.25, 0.5, "<b>"), Import("library.part", 0.25, 0.25, "library"))
    start = StartUp((("created", 1.5), ("first answer", 0.5)), 0.125, imports)
    run.bus.publish(StatusChanged(Status(at("predict"), State.READY, start_up=start)))
    (told,) = json.loads(run.get("/api/profile?endpoint=predict")[1])["endpoints"]
    assert told["ready_seconds"] == run.client().endpoints()["endpoints"][0]["ready_seconds"] == 2.0
    assert told["phases"] == [{"phase": "created", "seconds": 1.5}, {"phase": "first answer", "seconds": 0.5}]
    assert [each["module"] for each in told["imports"]] == ["library", "library.part"]
    assert run.get("/api/profile?endpoint=nope")[0].status == 404


def test_an_endpoint_that_was_never_ready_has_no_start(run):
    (told,) = json.loads(run.get("/api/profile")[1])["endpoints"]
    assert told == {
        "endpoint": "predict",
        "ready_seconds": None,
        "phases": [],
        "first_request_seconds": None,
        "imports": None,
    }


def test_a_missing_login_is_told_without_log_or_state(run):
    """K7."""
    run.crash()
    facts = json.loads(run.plane.page(failure(FailureKind.UNAUTHORIZED, 401)).body)
    assert facts["error"] == "because"
    assert "curl -u" in facts["hint"]
    assert not {"log", "why", "state"} & facts.keys()


def test_a_browser_gets_a_page_in_which_nothing_of_the_log_is_markup(run):
    run.crash()
    accept = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
    page = run.plane.page(failure(FailureKind.UNAVAILABLE, 503, accept))
    assert page.content_type == "text/html; charset=utf-8"
    assert b"ValueError: &lt;boom&gt;" in page.body
    assert b"<boom>" not in page.body


def test_an_unknown_version_is_told_with_those_that_run(run):
    page = run.plane.page(failure(FailureKind.UNKNOWN, 404, "*/*", "/acme/digits/local/nope/predict", None))
    facts = json.loads(page.body)
    assert facts["error"] == "no version `nope`; running: 20261124.0, dev"
    assert "/acme/digits/local/dev/predict/" in facts["known"]


def test_the_requests_of_all_endpoints_or_of_one_are_told_and_followed(run):
    for record in (ended(target="/a"), ended(404, endpoint=None, target="/b"), of_control()):
        run.requests.add(record)
    answer, body = run.get("/api/requests")
    assert answer.getheader("Content-Type") == "application/x-ndjson"
    assert [json.loads(line) for line in body.splitlines()] == [
        ended(target="/a").facts(),
        ended(404, endpoint=None, target="/b").facts(),
    ]
    assert [json.loads(line)["target"] for line in run.get("/api/requests?tail=1")[1].splitlines()] == ["/b"]
    assert [json.loads(line)["target"] for line in run.get("/api/requests?endpoint=predict")[1].splitlines()] == ["/a"]
    assert run.get("/api/requests?endpoint=other")[0].status == 404
    connection = http.client.HTTPConnection(run.host, run.port, timeout=30)
    connection.request("GET", "/api/requests?follow=1&tail=1")
    answer = connection.getresponse()
    assert json.loads(answer.readline())["target"] == "/b"
    run.bus.publish(RequestsEnded((of_control(), ended(target="/c"))))
    assert json.loads(answer.readline())["target"] == "/c"
    connection.close()


def test_prometheus_can_read_the_metrics(run):
    run.bus.publish(StatusChanged(Status(at("predict"), State.READY, restarts=2)))
    for record in (ended(), ended(), ended(502, whole=False)):
        run.requests.add(record)
    answer, body = run.get("/metrics")
    assert answer.getheader("Content-Type").startswith("text/plain; version=")
    families = {family.name: family for family in text_string_to_metric_families(body)}
    samples = {(sample.name, *sample.labels.values()): sample.value for sample in families["vhlocal_requests"].samples}
    assert samples == {
        ("vhlocal_requests_total", "predict", "200"): 2.0,
        ("vhlocal_requests_total", "predict", "502"): 1.0,
    }
    times = {
        (sample.name, sample.labels.get("le")): sample.value for sample in families["vhlocal_request_seconds"].samples
    }
    assert times["vhlocal_request_seconds_bucket", "0.1"] == 0
    assert times["vhlocal_request_seconds_bucket", "0.25"] == times["vhlocal_request_seconds_bucket", "+Inf"] == 3
    assert times["vhlocal_request_seconds_sum", None] == 0.75
    only = {name: family.samples[0].value for name, family in families.items() if len(family.samples) == 1}
    assert only == {
        "vhlocal_request_body_bytes": 3,
        "vhlocal_response_body_bytes": 60,
        "vhlocal_responses_broken": 1,
        "vhlocal_client_connections": 3,
        "vhlocal_server_connections": 2,
        "vhlocal_endpoint_ready": 1,
        "vhlocal_endpoint_restarts": 2,
    }
    answer, body = run.get("/metrics", Accept="application/openmetrics-text; version=1.0.0")
    assert answer.getheader("Content-Type").startswith("application/openmetrics-text")
    assert body.endswith("# EOF\n")


def test_a_name_that_was_made_to_lead_here_shows_nothing(run):
    run.crash()
    for path in ("/", "/api/endpoints", "/api/logs", "/api/requests", "/metrics", "/nope"):
        answer, body = run.get(path, Host="evil.example:8080")
        assert answer.status == 403
        assert "predict" not in body
        assert "boom" not in body
    facts = json.loads(run.plane.page(failure(FailureKind.UNAVAILABLE, 503, host="evil.example")).body)
    assert facts == {"error": "because", "status": 503, "request_id": "id"}
    facts = json.loads(run.plane.page(failure(FailureKind.UNKNOWN, 404, host="evil.example")).body)
    assert facts == {"error": "because", "status": 404, "request_id": "id"}


def test_a_page_of_another_site_gets_nothing(run):
    assert run.get("/api/logs", Origin="https://evil.example")[0].status == 403
    answer, body = run.get("/api/logs", **{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"})
    assert (answer.status, json.loads(body)["error"]) == (403, "another site's page sent this request")
    own = f"http://{run.host}:{run.port}"
    answer, _ = run.get("/api/logs", Origin=own)
    assert (answer.status, answer.getheader("Access-Control-Allow-Origin")) == (200, None)


def test_a_browser_is_told_of_a_refusal_by_a_page(run):
    answer, body = run.get("/", Host="evil.example", Accept="text/html")
    assert answer.getheader("Content-Type") == "text/html; charset=utf-8"
    assert "the Host header does not name this machine" in body
    assert "open it at 127.0.0.1 or localhost" in body


def test_no_page_can_be_framed_cached_or_run_a_script(run):
    for path in ("/", "/api/endpoints", "/nope"):
        answer, _ = run.get(path, Accept="text/html")
        assert "default-src 'none'" in answer.getheader("Content-Security-Policy")
        assert answer.getheader("X-Frame-Options") == "DENY"
        assert answer.getheader("Cache-Control") == "no-store"
        assert answer.getheader("Referrer-Policy") == "no-referrer"
        assert answer.getheader("X-Content-Type-Options") == "nosniff"


def test_a_run_that_is_open_to_the_network_shows_nothing_without_its_key(open_run):
    open_run.crash()
    answer, body = open_run.get("/api/logs")
    assert answer.status == 401
    assert json.loads(body)["error"] == "locked: this run is open to the network"
    assert open_run.get("/?key=wrong")[0].status == 401
    assert open_run.get("/favicon.ico")[0].status == 204
    facts = json.loads(open_run.plane.page(failure(FailureKind.UNAVAILABLE, 503)).body)
    assert facts == {"error": "because", "status": 503, "request_id": "id"}
    assert list(open_run.client().logs(None, 10, follow=False)), "the token does for all"


def test_the_link_to_look_lets_a_browser_look_and_not_change(run, open_run):
    assert run.plane.look == ""
    assert open_run.plane.look.startswith("http://192.0.2.7:8080/?key=")
    assert open_run.client().endpoints()["look"] == open_run.plane.look
    answer, _ = open_run.get(open_run.plane.look.removeprefix("http://192.0.2.7:8080"))
    assert (answer.status, answer.getheader("Location")) == (303, "/")
    cookie, *attributes = answer.getheader("Set-Cookie").split("; ")
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(attributes)
    assert "token" not in cookie
    assert open_run.get("/", Cookie=cookie)[0].status == 200
    looked = open_run.get("/api/endpoints", Cookie=cookie)
    assert looked[0].status == 200
    assert open_run.key not in looked[1] and json.loads(looked[1])["look"] is None
    assert open_run.get("/api/down", method="POST", Cookie=cookie)[0].status == 401
    assert open_run.get("/api/logs", Cookie=cookie, Origin="https://evil.example")[0].status == 403
    assert not open_run.stopped.is_set()


#: What the gateway lets through: any byte but those that end a line.
VALUES = st.binary().map(lambda value: value.translate(None, b"\r\n\0"))


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(["Host", "Accept", "Cookie", "Authorization", "Origin"]), VALUES)))
def test_whatever_a_client_says_of_itself_its_error_has_a_page(run, headers):
    raw = tuple((name.encode(), value) for name, value in headers)
    page = run.plane.page(
        Failure(FailureKind.REFUSED, 502, PREFIX, "predict", "20261124.0", "GET", PREFIX, raw, "because", "id")
    )
    assert b"because" in page.body


def test_a_change_needs_the_token_and_what_is_wrong_with_it_is_told_with_place_and_remedy(run):
    """K10, P3, K3: the commands print it as if they had found it themselves."""
    for method, path in (
        ("POST", "/api/versions"),
        ("DELETE", "/api/versions/old"),
        ("POST", "/api/aliases/prod"),
        ("POST", "/api/replicas"),
    ):
        assert run.get(path, method)[0].status in (401, 403), path
    with pytest.raises(VhlocalError, match="there is no such thing") as caught:
        run.client().remove_version("old")
    assert (caught.value.hint, caught.value.exit_code) == ("at valohai.yaml:3; ask for another", 2)
    with pytest.raises(VhlocalError, match="there is no such thing"):
        run.client().remove_version("a/b")  # what is wrong with the name is said, not that there is no such path
    with pytest.raises(VhlocalError, match="there is no such thing"):
        run.client().point("a/b", {"version": "old"})
    with pytest.raises(VhlocalError, match="`ref` is missing"):
        run.client().add_version({})
