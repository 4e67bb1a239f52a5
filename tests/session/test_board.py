from pathlib import Path

from vhlocal.checks.server.ends import FAILED
from vhlocal.checks.server.memory import NEAR_LIMIT
from vhlocal.events import Found, LogLine, Notice, StatusChanged, StepOutput, StepStarted
from vhlocal.findings import Finding
from vhlocal.model import Place, State, Status
from vhlocal.session.board import KEPT, Board


def line(endpoint, text):
    return LogLine(endpoint, "stdout", text, 1.0)


def test_it_keeps_the_newest_status_of_each_endpoint_in_their_order():
    board = Board(("b", "a"))
    board.apply(StatusChanged(Status("a", State.READY)))
    assert [(status.endpoint, status.state) for status in board.statuses()] == [
        ("b", State.WAITING),
        ("a", State.READY),
    ]
    assert board.status("nope") is None
    board.forget("b")
    assert [status.endpoint for status in board.statuses()] == ["a"]


def test_log_lines_are_bounded_and_kept_per_endpoint():
    board = Board(("a", "b"))
    for number in range(KEPT + 5):
        board.apply(line("a", str(number)))
    board.apply(line("b", "only"))
    assert [found.text for found in board.tail("a", 2)] == [str(KEPT + 3), str(KEPT + 4)]
    assert len(board.tail("a", 10 * KEPT)) == KEPT
    assert [found.text for found in board.tail("b", 10)] == ["only"]
    assert board.tail("nope", 10) == ()


def test_what_a_build_prints_is_a_log_of_every_endpoint_that_waits_for_it():
    board = Board(("a", "b", "c"))
    board.apply(StepStarted("step", "requirements.txt", "not made yet", ("a", "b")))
    board.apply(StepOutput("step", "Collecting flask"))
    assert [board.tail(name, 1)[0].text for name in ("a", "b")] == ["Collecting flask"] * 2
    assert board.tail("c", 1) == ()


def test_a_server_ends_for_one_reason_at_a_time():
    board = Board(("a",))
    first, second = (Finding(FAILED, Place(Path("valohai.yaml"), 4), seen, "", "a") for seen in ("one", "two"))
    other = Finding(NEAR_LIMIT, Place(Path("valohai.yaml"), 7), "near", "", "a")
    for event in (Found(first, ""), Found(other, ""), Found(first, "", told=True), Found(second, "", told=True)):
        board.apply(event)
    assert [found.seen for found in board.findings("a")] == ["one", "near", "two"]


def test_a_notice_is_kept_once():
    board = Board(())
    board.apply(Notice("cpu is not enforced"))
    board.apply(Notice("cpu is not enforced"))
    assert len(board.notices()) == 1
