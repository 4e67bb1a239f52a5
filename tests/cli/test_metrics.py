"""``vhlocal metrics`` of a run whose servers print some (K6)."""

from __future__ import annotations

import csv
import io
import json

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from tests.session.edited import endpoint
from tests.test_schemas import validator
from tests.waiting import wait_for

SERVER = """\
import http.server, json, os


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        word = self.path.rpartition("/")[2]
        number = 0 if word in ("", "web") else float(word)
        if number:
            metrics = {"score": number, "best guess": "dog \\x1b[2J, \\u00fc", "sure": number > 1}
            print(json.dumps({"vh_metadata": metrics}), flush=True)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()


http.server.ThreadingHTTPServer(("0.0.0.0", int(os.environ["VALOHAI_PORT"])), Handler).serve_forever()
"""


@pytest.fixture
def served(running, project):
    files = {"server.py": SERVER, "valohai.yaml": endpoint("web", "server-command: python server.py")}
    with running(project(files), "--runtime", "process", "--no-doctor", "--replicas", "web=2") as up:
        up.wait_for_output("web/1: ready")
        up.wait_for_output("web/2: ready")
        yield up


def test_k6_what_servers_print_is_shown_and_exported(vhlocal, served):
    """K6: by replica, in the terminal, as JSON, as CSV and for Prometheus."""
    where = ("-C", str(served.directory))
    nothing = vhlocal("metrics", *where)
    assert nothing.stdout == (
        'No metrics yet. To record one, print a line of JSON to stdout: {"vh_metadata": {"accuracy": 0.92}}\n'
    )
    for number in ("0.5", "1.5", "2.5"):  # in turn: the first replica has two of them
        assert requests.get(f"{served.url('web')}{number}", timeout=30).status_code == 200

    def collected():
        found = json.loads(vhlocal("metrics", *where, "--json").stdout)
        return found if sum(each["count"] for each in found["series"]) == 3 else None

    found = wait_for(collected, "three values")
    validator("series").validate(found)
    sums = {each["replica"]: (each["name"], each["count"], each["sum"]) for each in found["series"]}
    assert sorted(sums.values()) == [("score", 1, 1.5), ("score", 2, 3.0)]
    shown = vhlocal("metrics", *where)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "web/2" in shown.stdout
    assert "\x1b" not in shown.stdout
    assert "dog \\x1b[2J, ü" in shown.stdout
    written = vhlocal("metrics", "web", "--csv", "--step", "3600", *where).stdout
    assert "\x1b" not in written
    rows = list(csv.DictReader(io.StringIO(written)))
    scores = [row for row in rows if row["name"] == "score"]
    assert sum(int(row["count"]) for row in scores) == 3
    assert {row["max"] for row in scores} == {"1.5", "2.5"}
    assert {row["text"] for row in rows if row["name"] == "best guess"} == {"dog \\x1b[2J, ü"}
    assert sorted(row["text"] for row in rows if row["name"] == "sure") == ["false", "true", "true"]
    refused = vhlocal("metrics", "wbe", *where)
    assert refused.returncode == 2
    assert "no endpoint `wbe`" in refused.stderr
    families = {
        family.name: family
        for family in text_string_to_metric_families(requests.get(f"{served.base_url}/metrics", timeout=30).text)
    }
    values = {
        (sample.labels["name"], sample.labels["endpoint"], sample.value)
        for sample in families["vhlocal_metadata_values"].samples
        if sample.name.endswith("_total")
    }
    assert values == {("score", "web", 1.0), ("score", "web", 2.0)}
    assert {sample.value for sample in families["vhlocal_metadata_sum"].samples} == {1.5, 3.0}
    assert {sample.value for sample in families["vhlocal_metadata_last"].samples} == {1.5, 2.5}
