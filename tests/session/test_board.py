from vhlocal.events import LogLine, Notice, StatusChanged, StepOutput, StepStarted
from vhlocal.model import State, Status
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


def test_a_notice_is_kept_once():
    board = Board(())
    board.apply(Notice("cpu is not enforced"))
    board.apply(Notice("cpu is not enforced"))
    assert len(board.notices()) == 1
