"""Where file events cannot be had, polling takes over, and says why."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.reload.watching import Seen, append, watching, write
from vhlocal.reload.mounts import Mount
from vhlocal.reload.source import NoEvents, Polling
from vhlocal.reload.watch import PROBE, Watch

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def directory(tmp_path):
    write(tmp_path / "project/app.py", "old")
    return tmp_path / "project"


class Silent:
    """A source of which no events come, as on some network mounts and virtual machines."""

    def __init__(self, subject):
        self.subject = subject

    def start(self):
        pass

    def stop(self):
        pass


class Refused(Silent):
    def start(self):
        raise NoEvents(Polling("refused", "ask"))


def start(directory, *files, **seams):
    seen = Seen()
    watch = Watch(directory, files, seen, **seams)
    return watch, watch.start(), seen


def test_events_that_do_not_arrive_are_told_and_edits_noticed(directory):
    watch, polling, seen = start(directory, events=Silent, probe_seconds=0.1)
    assert polling == Polling(f"no file events arrive from {directory}")
    append(directory / "app.py")
    assert seen.take() is None
    watch.stop()


def test_a_source_that_is_refused_is_told_with_its_hint(directory):
    watch, polling, seen = start(directory, events=Refused)
    assert polling == Polling("refused", "ask")
    assert polling.text == "saves are noticed by polling, later than usual: refused"
    append(directory / "app.py")
    assert seen.take() is None
    watch.stop()


def test_a_shared_file_system_is_polled_though_events_of_here_would_arrive(directory):
    table = [Mount("/", "ext4", "rw"), Mount(str(directory.parent), "nfs4", "rw")]
    watch, polling, seen = start(directory, mounts=lambda: table)
    assert polling == Polling(f"{directory} is on a shared file system (nfs4)")
    append(directory / "app.py")
    assert seen.take() is None
    watch.stop()


def test_a_chosen_file_on_a_shared_file_system_is_polled_alone(directory):
    model = write(directory.parent / "share/model.pkl", "old")
    table = [Mount("/", "ext4", "rw"), Mount(str(model.parent), "cifs", "rw")]
    with watching(directory, model, mounts=lambda: table) as seen:
        append(directory / "app.py")
        seen.until(directory / "app.py")
        append(model)
        seen.until(None)


def test_the_probe_is_neither_reported_nor_left(directory):
    with watching(directory) as seen:
        assert seen.until_now(directory) == []
        assert not [path for path in directory.iterdir() if path.name.startswith(PROBE)]


def test_where_no_probe_can_be_made_events_are_relied_on(tmp_path):
    """A directory that is not there stands for one that cannot be written: tests may run as root."""
    with watching(tmp_path / "absent") as seen:
        write(tmp_path / "absent/app.py")
        seen.until(None)


class Failing(Silent):
    """A source that fails when it is told to."""

    fail: Callable[[], None]

    def start(self):
        self.subject.report(str(self.subject.directory / f"{PROBE}x"))
        Failing.fail = lambda: self.subject.fail(Polling("failed"))


def test_a_source_that_fails_later_is_told_and_polling_takes_over(directory):
    told = []
    watch, polling, seen = start(directory, events=Failing, on_polling=told.append)
    assert polling is None
    append(directory / "app.py")
    thread = threading.Thread(target=Failing.fail)
    thread.start()
    assert seen.take() is None
    thread.join()
    assert told == [Polling("failed")]
    append(directory / "app.py")
    assert seen.take() is None
    watch.stop()


# Run in a user namespace of its own, whose limits the system lets it lower.
LIMITED = """
import json, queue, sys
from pathlib import Path
from vhlocal.reload.watch import Watch

directory, limit, value, later = Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
Path("/proc/sys/user", limit).write_text(value)
seen, told = queue.Queue(), queue.Queue()
watch = Watch(directory, [], seen.put, told.put)
polling = watch.start()
for number in range(later):
    (directory / f"later{number}").mkdir()
if later:
    assert polling is None
    polling = told.get(timeout=60)
    while seen.get(timeout=60) is not None:
        pass
directory.joinpath("app.py").write_text("newer")
assert seen.get(timeout=60) is None
watch.stop()
print(json.dumps([polling.reason, polling.hint]))
"""


@pytest.mark.parametrize(
    ("limit", "value", "directories", "later", "what"),
    [
        ("max_inotify_watches", 20, 30, 0, "watches"),
        ("max_inotify_watches", 20, 10, 20, "watches"),
        ("max_inotify_instances", 0, 0, 0, "instances"),
    ],
    ids=["watches at the start", "watches later", "instances"],
)
def test_an_exhausted_limit_is_told_with_the_way_to_raise_it(directory, limit, value, directories, later, what):
    for number in range(directories):
        (directory / f"d{number}").mkdir()
    command = ["unshare", "--user", "--map-root-user", sys.executable, "-c", LIMITED, str(directory), limit]
    result = subprocess.run(
        [*command, str(value), str(later)], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert result.returncode == 0, result.stderr
    reason, hint = json.loads(result.stdout)
    assert reason == f"the limit of inotify {what} is reached"
    assert hint.startswith(f"raise the limit: sudo sysctl fs.inotify.max_user_{what}=")
