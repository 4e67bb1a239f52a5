"""Servers that are started anew because somebody asks for it: nobody who asks them meanwhile notices."""

from __future__ import annotations

import requests

from tests.session.edited import APP, YAML, Load
from tests.session.test_deployment import all_ready
from tests.waiting import LONG, wait_for

#: Tells where it runs too: processes of containers have the same numbers.
WHERE = APP.replace("import json, os", "import json, os, socket").replace(
    "os.getpid()", "[socket.gethostname(), os.getpid()]"
)


def restart(run, **asked):
    token = {"Authorization": f"Bearer {run.vhlocal.record(run.directory).token}"}
    return requests.post(f"{run.base_url}/api/restart", json=asked, headers=token, timeout=LONG)


def test_a_restart_replaces_each_replica_and_no_request_fails(up, project):
    run = up(project({"valohai.yaml": YAML, "server.py": WHERE}), "--replicas", "words=2")
    all_ready(run, "words/1", "words/2")
    url = run.url("words")

    def processes():
        answers = [requests.get(url, timeout=LONG) for _ in range(4)]
        return {(answer.headers["X-VHLocal-Replica"], *answer.json()["pid"]) for answer in answers}

    before = processes()
    assert len(before) == 2
    with Load(url, 20) as load:
        answer = restart(run, endpoint="words")
        assert (answer.status_code, answer.json()) == (202, {"endpoint": "words", "replicas": 2})
        after = wait_for(
            lambda: found if len(found := processes()) == 2 and not found & before else None, "both to be new"
        )
        again = len(load.asked)
        wait_for(lambda: len(load.asked) > again + 10, "more requests")
    assert {each.fault for each in load.asked} == {""}
    assert len({each.revision for each in load.asked}) == 1, "of the same code"
    assert {name for name, *_ in after} == {name for name, *_ in before} == {"1", "2"}


def test_an_endpoint_that_is_none_is_told_with_the_one_that_is_meant(up, project):
    run = up(project({"valohai.yaml": YAML, "server.py": APP}))
    answer = restart(run, endpoint="word")
    assert answer.status_code == 409
    assert "has no endpoint `word`" in answer.json()["error"]
    assert answer.json()["hint"] == "did you mean `words`?"
    assert restart(run, endpoint="words", version="no-such").status_code == 409
    assert restart(run).json()["error"] == "`endpoint` is missing or not text"
