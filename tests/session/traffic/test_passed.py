from pathlib import Path

import pytest

from vhlocal.contract import limits
from vhlocal.events import Notice
from vhlocal.findings import Finding
from vhlocal.gateway.report import FailureKind, LimitPassed
from vhlocal.model import Endpoint, Place
from vhlocal.session.traffic.passed import tell_dropped, tell_passed

ENDPOINT = Endpoint(
    name="digits", image="python:3.11-slim", port=8000, wsgi="app", places={"": Place(Path("valohai.yaml"), 3)}
)


def passed(kind, limit):
    return LimitPassed(kind, limit, "digits", "/a/b/c/d/digits", "POST", "/a/b/c/d/digits/", "id")


@pytest.mark.parametrize(
    ("kind", "limit", "code", "seen", "status"),
    [
        (FailureKind.TOO_LARGE, limits.BODY_LIMIT, "VH602", "a POST request's body is over 1 MB", "413"),
        (FailureKind.TIMEOUT, limits.READ_TIMEOUT, "VH603", "a POST request was not answered for 60 s", "504"),
    ],
)
def test_k9_a_request_over_a_limit_is_told_with_what_production_answers(kind, limit, code, seen, status):
    """K9: 413 over 1 MB, 504 after 60 s."""
    found = tell_passed(passed(kind, limit), [ENDPOINT])
    assert isinstance(found, Finding)
    assert (found.definition.code, found.endpoint, found.seen) == (code, "digits", seen)
    assert status in found.change
    assert found.place.line == 3


def test_k9_the_head_of_an_answer_that_the_ingress_would_not_take_is_told():
    notice = tell_passed(passed(FailureKind.LARGE_HEAD, limits.ANSWER_HEAD_LIMIT), [ENDPOINT])
    assert isinstance(notice, Notice)
    assert notice.text == "production's ingress answers 502 to an answer with a head of over 4,096 bytes"
    assert notice.endpoint == "digits"


def test_an_endpoint_that_has_gone_is_not_spoken_of():
    assert tell_passed(passed(FailureKind.TOO_LARGE, limits.BODY_LIMIT), []) is None


def test_clients_too_many_are_told_as_the_gateways_own_limit():
    notice = tell_passed(LimitPassed(FailureKind.FULL, 4096, "", "", "", "", ""), [ENDPOINT])
    assert isinstance(notice, Notice)
    assert notice.text == "4,096 clients are connected at once; more get 503"
    assert notice.endpoint is None


@pytest.mark.parametrize(
    ("name", "text", "hint"),
    [
        ("trailers", "an answer's trailers were dropped, as production's", "send what they say in the answer's head"),
        ("X-Accel-Redirect", "the client gets what is served at the path in it", "send the content itself"),
        ("X-Accel-Limit-Rate", "and sends so many bytes a second; vhlocal does not", "leave the header out"),
        ("X-Accel-Buffering", "may hold back a stream's parts; vhlocal does not", "leave the header out"),
    ],
)
def test_k9_what_the_ingress_does_with_an_answer_is_told(name, text, hint):
    notice = tell_dropped(name, "digits")
    assert text in notice.text
    assert notice.hint.startswith(hint)
    assert notice.endpoint == "digits"


def test_k9_a_dropped_header_is_told_with_what_to_send():
    """K9: names with underscores are dropped; of a name that a client chose no more is shown than a line takes."""
    notice = tell_dropped("X_User_Id", "digits")
    assert notice.text.startswith("the header `X_User_Id` was dropped, as production's ingress drops it")
    assert (notice.endpoint, notice.hint) == ("digits", "let the client send it with dashes")
    assert len(tell_dropped("x_" + "y" * 30_000, "digits").text) < 250
