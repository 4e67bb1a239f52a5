"""What a server finds in its container, under a whole run on the real engine."""

from __future__ import annotations

import http.client
import json

import requests

from tests.engine.servers import project_of

FILES = "    files:\n      - name: model\n        path: models/model.bin\n"


def get(url: str, **headers: str) -> dict:
    answer = requests.get(url, headers=headers, timeout=30)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_environment_and_the_headers_of_a_request(kind, project, running):
    """P5, P6, P7, P8, R1, B7, B8, K9: environment, working directory and headers, under version and alias."""
    directory = project(project_of("python server.py"))
    with running(directory, "--var", "LEVEL=high", "--alias", "staging") as run:
        version, alias = run.url("plain").rstrip("/"), run.url("plain", "staging").rstrip("/")
        found = get(f"{version}/x")
        under_alias = get(f"{alias}/x", **{"X-VH-Prefix": "/mine/", "X-Forwarded-For": "1.2.3.4"})
    prefix = version.removeprefix(run.base_url)
    environment = found["environment"]
    assert environment["SCRIPT_NAME"] == prefix
    assert environment["VH_DEFAULT_PREFIX"] == f"{prefix}/"
    assert environment["VALOHAI_PORT"] == "8000" or (kind == "process" and int(environment["VALOHAI_PORT"]) > 1024)
    assert environment["LEVEL"] == "high"
    assert found["directory"] == "/valohai/code" or (kind == "process" and found["directory"].endswith("/valohai/code"))
    assert found["headers"]["X-VH-Prefix"] == f"{prefix}/"
    assert under_alias["headers"]["X-VH-Prefix"] == alias.removeprefix(run.base_url) + "/"
    assert under_alias["headers"]["X-Forwarded-For"] == "127.0.0.1"
    assert under_alias["environment"]["SCRIPT_NAME"] == prefix


def test_the_path_arrives_as_it_was_sent(project, running):
    """P1, P3, P4: under the version and under ``dev``, nothing of the path is changed."""
    with running(project(project_of("python server.py"))) as run:
        for name in (None, "dev"):
            url = run.url("plain", name).rstrip("/")
            target = url.removeprefix(run.base_url) + "/a//b;c=d/%2Fe/%e4/../?f=%20&g"
            connection = http.client.HTTPConnection(run.base_url.removeprefix("http://"), timeout=30)
            connection.request("GET", target)
            assert json.load(connection.getresponse())["path"] == target
            connection.close()


def test_a_chosen_file_lands_at_its_path_and_can_be_written(project, running, tmp_path):
    """B4: the file that was chosen is found at the entry's path, and is the server's own."""
    (tmp_path / "trained.bin").write_text("weights")
    directory = project(project_of("python server.py", FILES))
    with running(directory, "--file", f"plain.model={tmp_path}/trained.bin") as run:
        found = get(run.url("plain"), **{"X-Read": "models/model.bin"})
    assert found["file"] == "weights"
    assert found["writable"] is True


def test_the_metadata_file_is_at_both_paths(kind, project, running):
    """B6: beside the code and in ``/valohai``, or what stands for that, with the names of this run."""
    above = "/valohai" if kind == "docker" else ".."
    with running(project(project_of("python server.py")), "--owner", "acme", "--deployment", "main") as run:
        texts = [
            get(run.url("plain"), **{"X-Read": path})["file"]
            for path in ("valohai-metadata.json", f"{above}/valohai-metadata.json")
        ]
    assert texts[0] == texts[1]
    metadata = json.loads(texts[0])
    assert metadata["deployment"]["name"] == "main"
    assert metadata["project"]["owner"]["username"] == "acme"
    assert metadata["endpoint"]["name"] == "plain"


def test_a_list_of_lines_runs_until_one_fails(project, running):
    """R2: a list is one script; each line runs after the one before it."""
    lines = '\n      - export GREETING="hello there"\n      - exec python server.py'
    with running(project(project_of(lines))) as run:
        assert get(run.url("plain"))["environment"]["GREETING"] == "hello there"
