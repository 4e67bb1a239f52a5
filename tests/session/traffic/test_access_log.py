import json
import os
from pathlib import Path

import pytest

from tests.requests import ended
from tests.waiting import wait_for
from vhlocal.errors import InputError
from vhlocal.events import Bus, Problem, RequestsEnded
from vhlocal.session.traffic.access_log import access_log


def test_each_request_is_a_line_of_json_behind_those_of_earlier_runs(tmp_path):
    file = tmp_path / "requests.jsonl"
    for status in (200, 502):
        bus = Bus()
        with access_log(file, bus):
            bus.publish(RequestsEnded((ended(status), ended(status))))
        bus.publish(RequestsEnded((ended(500),)))
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert [line["status"] for line in lines] == [200, 200, 502, 502]
    assert lines[0] == ended().facts()


def test_a_log_without_a_line_leaves_no_file(tmp_path):
    with access_log(tmp_path / "new", Bus()):
        pass
    (tmp_path / "old").touch()
    with access_log(tmp_path / "old", Bus()):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["old"]


def test_a_file_that_cannot_be_opened_is_an_error(tmp_path):
    with pytest.raises(InputError, match="Is a directory") as raised, access_log(tmp_path, Bus()):
        pass
    assert "--access-log" in raised.value.hint


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
def test_a_full_disk_ends_the_log_and_not_the_run():
    bus, problems = Bus(), []
    bus.subscribe(lambda event: problems.append(event) if isinstance(event, Problem) else None)
    with access_log(Path("/dev/full"), bus):
        bus.publish(RequestsEnded((ended(),)))
        wait_for(lambda: problems, "the log to end")
        bus.publish(RequestsEnded((ended(),)))
    [problem] = problems
    assert str(problem.error.message) == "the access log /dev/full ends here: No space left on device"


def test_the_file_is_for_the_user_alone_and_holds_no_key(tmp_path):
    file, bus = tmp_path / "requests.jsonl", Bus()
    old = os.umask(0)
    try:
        with access_log(file, bus):
            control = ended()._replace(prefix="", endpoint=None, target="/?a=1&key=SECRET&b=2")
            bus.publish(RequestsEnded((control, ended()._replace(target="/acme/predict?key=theirs"))))
    finally:
        os.umask(old)
    assert file.stat().st_mode & 0o777 == 0o600
    targets = [json.loads(line)["target"] for line in file.read_text().splitlines()]
    assert targets == ["/?a=1&key=********&b=2", "/acme/predict?key=theirs"]
