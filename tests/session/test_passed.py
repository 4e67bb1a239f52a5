from vhlocal.contract import limits
from vhlocal.gateway.report import FailureKind, LimitPassed
from vhlocal.session.passed import limit_notice


def passed(kind, limit):
    return LimitPassed(kind, limit, "digits", "/a/b/c/d/digits", "POST", "/a/b/c/d/digits/", "id")


def test_k9_a_body_over_the_limit_is_told_with_what_production_answers():
    """K9: 413 at 1 MB."""
    notice = limit_notice(passed(FailureKind.TOO_LARGE, limits.BODY_LIMIT))
    assert notice.endpoint == "digits"
    assert notice.text == "a POST request's body is over 1 MB"
    assert "413" in notice.hint


def test_k9_a_slow_answer_is_told_with_what_production_answers():
    """K9: 504 after 60 s."""
    notice = limit_notice(passed(FailureKind.TIMEOUT, limits.READ_TIMEOUT))
    assert notice.text == "a POST request was not answered for 60 s"
    assert "504" in notice.hint


def test_clients_too_many_are_told_as_the_gateways_own_limit():
    notice = limit_notice(LimitPassed(FailureKind.FULL, 4096, "", "", "", "", ""))
    assert notice.text == "4,096 clients are connected at once; more are answered 503"
    assert notice.endpoint is None
