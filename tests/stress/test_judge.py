"""What the stress finds wrong, and what it does not."""

from tests.stress.judge import Answer, Code, Live, failed, mixed, stale

SAVED = {"aaaaaaa": Code(1, 0), "bbbbbbb": Code(2, 2), "ccccccc": None}


def answered(code, revision="aaaaaaa00000", sent=10.0, endpoint="web"):
    return Answer(endpoint, "quick", sent, sent + 1, "", revision, code)


def test_a_fault_is_told_with_its_request():
    found = failed([answered(Code(1, 0)), Answer("web", "slow", 3.0, 4.5, "502: hung up")])
    assert found == ["502: hung up: web slow, sent at 3.00, ended at 4.50"]


def test_a_revision_answers_with_the_code_that_was_saved_as_it():
    assert mixed([answered(Code(1, 0)), answered(Code(2, 2), "bbbbbbb00000")], SAVED) == []
    assert len(mixed([answered(Code(2, 2))], SAVED)) == 1


def test_a_revision_that_was_read_between_two_saves_has_one_code_too():
    one, other = answered(Code(2, 0), "ddddddd00000"), answered(Code(2, 2), "ddddddd00000")
    assert mixed([one, one], SAVED) == []
    assert len(mixed([one, other, one], SAVED)) == 1


def test_broken_code_never_answers():
    assert "broken code" in mixed([answered(Code(3, 2), "ccccccc00000")], SAVED)[0]


def test_code_older_than_what_was_live_is_stale():
    lives = [Live(5.0, "web", "aaaaaaa"), Live(9.0, "web", "bbbbbbb")]
    assert stale([answered(Code(2, 2)), answered(Code(3, 2))], lives, SAVED) == []
    assert len(stale([answered(Code(1, 0)), answered(Code(2, 0))], lives, SAVED)) == 2


def test_code_is_not_stale_before_the_newer_one_was_live_nor_for_another_endpoint():
    lives = [Live(5.0, "web", "aaaaaaa"), Live(9.0, "web", "bbbbbbb")]
    early, other = answered(Code(1, 0), sent=8.0), answered(Code(1, 0), endpoint="other")
    assert stale([early, other], lives, SAVED) == []
