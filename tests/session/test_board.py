from pathlib import Path

from tests.served import at
from vhlocal.checks.server.ends import FAILED
from vhlocal.checks.server.memory import NEAR_LIMIT
from vhlocal.events import Examined, Found, LogLine, Notice, StatusChanged, StepOutput, StepStarted
from vhlocal.findings import Finding
from vhlocal.model import Place, State, Status
from vhlocal.session.board import KEPT, Board


def line(endpoint, text):
    return LogLine(at(endpoint), "stdout", text, 1.0)


def test_it_keeps_the_newest_status_of_each_endpoint_in_their_order():
    board = Board()
    for name in ("b", "a"):
        board.apply(StatusChanged(Status(at(name), State.WAITING)))
    board.apply(StatusChanged(Status(at("a"), State.READY)))
    assert [(status.endpoint, status.state) for status in board.statuses()] == [
        ("b", State.WAITING),
        ("a", State.READY),
    ]
    assert board.status(at("nope")) is None
    board.forget(at("b"))
    assert [status.endpoint for status in board.statuses()] == ["a"]


def test_log_lines_are_bounded_and_kept_per_endpoint():
    board = Board()
    for number in range(KEPT + 5):
        board.apply(line("a", str(number)))
    board.apply(line("b", "only"))
    assert [found.text for found in board.tail(at("a"), 2)] == [str(KEPT + 3), str(KEPT + 4)]
    assert len(board.tail(at("a"), 10 * KEPT)) == KEPT
    assert [found.text for found in board.tail(at("b"), 10)] == ["only"]
    assert board.tail(at("nope"), 10) == ()


def test_what_a_build_prints_is_a_log_of_every_endpoint_that_waits_for_it():
    board = Board()
    board.apply(StepStarted("step", "requirements.txt", "not made yet", (at("a"), at("b"))))
    board.apply(StepOutput("step", "Collecting flask"))
    assert [board.tail(at(name), 1)[0].text for name in ("a", "b")] == ["Collecting flask"] * 2
    assert board.tail(at("c"), 1) == ()


def test_a_server_ends_for_one_reason_at_a_time():
    board = Board()
    first, second = (Finding(FAILED, Place(Path("valohai.yaml"), 4), seen, "", "a") for seen in ("one", "two"))
    other = Finding(NEAR_LIMIT, Place(Path("valohai.yaml"), 7), "near", "", "a")
    for event in (Found(first, ""), Found(other, ""), Found(first, "", told=True), Found(second, "", told=True)):
        board.apply(event)
    assert [found.seen for found in board.findings("a")] == ["one", "near", "two"]


def test_k10_what_was_found_of_one_version_is_not_told_of_another():
    board = Board()
    for served, revision in ((at("a"), "new"), (at("a", version="old"), "older")):
        board.apply(StatusChanged(Status(served, State.READY, revision=revision)))
    of_new, of_old = (Finding(FAILED, Place(Path("valohai.yaml"), line), "", "", "a") for line in (4, 2))
    board.apply(Found(of_new, "new", told=True))
    assert (board.has_found(of_old, "new"), board.has_found(of_old, "older")) == (True, False)
    board.apply(Found(of_old, "older", told=True))
    assert (board.findings("a", {"new"}), board.findings("a", {"older"})) == ((of_new,), (of_old,))
    assert board.findings("a") == (of_new, of_old)
    board.apply(Examined("a", "new", "but answers 404 at its URL"))
    board.apply(Examined("a", "older", "but answers 401"))
    caveats = [status.caveat for status in board.statuses("a")]
    assert caveats == ["but answers 404 at its URL", "but answers 401"]


def test_what_a_server_says_of_itself_comes_before_what_was_found():
    board = Board()
    board.apply(Examined("a", "new", "but answers 404 at its URL"))
    for caveat, shown in (("but paused", "but paused"), ("", "but answers 404 at its URL")):
        board.apply(StatusChanged(Status(at("a"), State.READY, revision="new", caveat=caveat)))
        assert [status.caveat for status in board.statuses("a")] == [shown]


def test_a_notice_is_kept_once():
    board = Board()
    board.apply(Notice("cpu is not enforced"))
    board.apply(Notice("cpu is not enforced"))
    assert len(board.notices()) == 1


def test_k3_k10_replicas_stand_together_and_versions_are_told_apart():
    board = Board()
    for served in (at("a"), at("b"), at("a", version="old"), at("a", 3), at("a", 2)):
        board.apply(StatusChanged(Status(served, State.READY)))
    replicas = [at("a"), at("a", 2), at("a", 3)]
    assert [status.at for status in board.statuses()] == [*replicas, at("b"), at("a", version="old")]
    assert [status.at for status in board.statuses("a")] == [*replicas, at("a", version="old")]
    assert [status.at for status in board.statuses("a", "old")] == [at("a", version="old")]
    board.forget(at("a", 2))
    assert board.status(at("a", 2)) is None
    assert board.status(at("a", 3)) is not None
