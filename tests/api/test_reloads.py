"""What is kept of saves, from the events of a run."""

import json
from pathlib import Path

import pytest

from tests.served import at
from vhlocal.api import describe, reloads
from vhlocal.api.reloads import Outcome, Reloads
from vhlocal.errors import InputError
from vhlocal.events import Compared, Edited, LogLine, Reloaded, StatusChanged
from vhlocal.model import Place, State, Status, Strategy

PHASES = (("event", 0.1), ("fork", 0.2))


@pytest.fixture
def kept():
    now = iter(range(100, 100_000))
    return Reloads(clock=lambda: float(next(now)))


def came_in(revision, name="predict", replicas=1):
    return Reloaded(at(name), revision, Strategy.FORK, 0.3, PHASES, replicas)


def broken(revision, reason="no module named nowhere", state=State.READY, **more):
    return StatusChanged(Status(at("predict"), state, reason, "add it", revision="old", broken=revision, **more))


def test_a_save_that_came_in_has_its_files_and_phases(kept):
    assert kept.apply(Edited("two", ("app.py", "model.py"))) is None
    reload = kept.apply(came_in("two"))
    assert (reload.outcome, reload.changed, reload.strategy) == (Outcome.SERVED, ("app.py", "model.py"), Strategy.FORK)
    assert (reload.phases, reload.seconds, reload.error) == (PHASES, 0.3, None)
    assert kept.last() == [reload]


def test_each_endpoint_has_its_own(kept):
    kept.apply(Edited("two", ("app.py",)))
    kept.apply(came_in("two"))
    kept.apply(came_in("two", "other"))
    assert [(one.endpoint, one.changed) for one in kept.last()] == [("predict", ("app.py",)), ("other", ("app.py",))]


def test_a_reload_has_the_files_of_the_saves_that_it_came_upon_too(kept):
    """What is saved one file after the other comes in at once where the second is there before the first is served."""
    kept.apply(Edited("one", ("app.py",)))
    kept.apply(came_in("one"))
    kept.apply(Edited("two", ("app.py",)))
    kept.apply(Edited("three", ("model.py",)))
    assert kept.apply(came_in("three")).changed == ("app.py", "model.py")
    kept.apply(Edited("four", ("labels.txt",)))
    kept.apply(Edited("five", ("app.py",)))
    assert kept.apply(broken("five")).changed == ("app.py", "labels.txt")
    kept.apply(Edited("six", ("model.py",)))
    assert kept.apply(came_in("six")).changed == ("model.py",), "what was told as broken is told"
    assert kept.apply(came_in("six", "other")).changed == ("app.py", "labels.txt", "model.py")


def test_a_server_that_was_started_anew_has_no_files(kept):
    kept.apply(came_in("one"))
    kept.apply(Edited("two", ("app.py",)))
    kept.apply(came_in("two"))
    kept.apply(came_in("two"))
    assert [one.changed for one in kept.last()] == [(), ("app.py",), ()]
    kept.apply(Edited("one", ("app.py",)))
    kept.apply(came_in("one"))
    assert kept.last()[-1].changed == ("app.py",), "a save that goes back is one"


def test_what_is_broken_is_told_once_with_its_traceback(kept):
    kept.apply(Edited("two", ("app.py",)))
    place = Place(Path("/p/app.py"), 3)
    reload = kept.apply(broken("two", place=place, detail="Traceback …"))
    assert (reload.outcome, reload.changed, reload.revision) == (Outcome.BROKEN, ("app.py",), "two")
    assert reload.error == ("no module named nowhere", "/p/app.py:3", "add it", "Traceback …")
    assert reload.seconds > 0
    assert kept.apply(broken("two", place=place)) is None, "each replica tells it, and each state"
    kept.apply(Edited("three", ("app.py",)))
    assert kept.apply(broken("three")).revision == "three"
    kept.apply(Edited("four", ()))
    kept.apply(came_in("four"))
    kept.apply(Edited("three", ("app.py",)))
    assert kept.apply(broken("three")).outcome is Outcome.BROKEN, "again after it was mended"


def test_a_save_without_a_server_to_go_on_is_broken_too_and_a_crash_is_no_save(kept):
    down = StatusChanged(Status(at("predict"), State.CRASHED, "exit code 3", revision="one"))
    assert kept.apply(down) is None
    kept.apply(Edited("two", ("app.py",)))
    reload = kept.apply(StatusChanged(Status(at("predict"), State.CRASHED, "exit code 3", revision="two")))
    assert (reload.outcome, reload.changed) == (Outcome.BROKEN, ("app.py",))


def test_a_crash_of_code_that_came_in_is_no_broken_save(kept):
    def crash(name):
        return kept.apply(StatusChanged(Status(at(name), State.CRASHED, "exit code 3", revision="two")))

    kept.apply(Edited("two", ("app.py",)))
    kept.apply(came_in("two"))
    assert crash("predict") is None, "a request that ends the server, long after the save"
    assert crash("other").outcome is Outcome.BROKEN, "another endpoint has never been served by it"
    kept.apply(Edited("one", ("app.py",)))
    kept.apply(came_in("one"))
    kept.apply(Edited("two", ("app.py",)))
    assert crash("predict").outcome is Outcome.BROKEN, "saved again, and not served since"


def test_what_cannot_be_read_is_told_once_and_not_of_each_endpoint(kept):
    error = InputError("no endpoint has a name", place=Place(Path("valohai.yaml"), 2), hint="name it")
    reload = kept.apply(Edited("", ("valohai.yaml",), error))
    assert (reload.outcome, reload.endpoint) == (Outcome.UNREAD, "")
    assert reload.error == ("no endpoint has a name", "valohai.yaml:2", "name it", "")
    assert kept.apply(broken("edit", "no endpoint has a name")) is None
    kept.apply(Edited("two", ("requirements.txt",)))
    reload = kept.apply(broken("edit", "pip says no"))
    assert (reload.outcome, reload.changed) == (Outcome.BROKEN, ()), "an environment that cannot be made"


def test_a_comparison_belongs_to_the_last_save(kept):
    assert kept.apply(Compared(at("predict"), 1, ())) is None
    kept.apply(came_in("two"))
    kept.apply(came_in("two", "other"))
    reload = kept.apply(Compared(at("predict"), 4, ("GET /a: 200 → 500",)))
    assert (reload.comparison, reload.differs) == ("5 replayed: 4 same, 1 differs", ("GET /a: 200 → 500",))
    assert [one.comparison for one in kept.last()] == [reload.comparison, ""]


def test_the_last_are_kept_and_other_events_are_nothing(kept):
    assert kept.apply(LogLine(at("predict"), "stdout", "x", 1.0)) is None
    for number in range(reloads.KEPT + 5):
        kept.apply(Edited(str(number), tuple(f"{each}.py" for each in range(500))))
        kept.apply(came_in(str(number)))
    last = kept.last()
    assert (len(last), last[-1].id) == (reloads.KEPT, reloads.KEPT + 5)
    assert len(last[-1].changed) == 100
    json.dumps([describe.reload(one) for one in last])


def test_they_are_told_by_the_api_of_both_origins(run):
    run.bus.publish(Edited("two", ("app.py",)))
    run.bus.publish(came_in("two"))
    run.bus.publish(Edited("", ("valohai.yaml",), InputError("no")))
    for _, body in (run.get("/api/reloads"), run.of_page("/api/reloads")):
        served, unread = json.loads(body)["reloads"]
        assert (served["endpoint"], served["outcome"], served["changed"]) == ("predict", "served", ["app.py"])
        assert served["phases"] == [{"phase": "event", "seconds": 0.1}, {"phase": "fork", "seconds": 0.2}]
        assert (unread["outcome"], unread["error"]["message"], unread["phases"]) == ("unread", "no", [])
