import time
from collections.abc import Callable

from tests.gateway.harness import PREFIX, get
from tests.gateway.routes import route_to
from vhlocal.gateway.account import Account
from vhlocal.gateway.head import parse_request
from vhlocal.gateway.report import FailureKind


def account(clock: Callable[[], float] = time.monotonic) -> Account:
    return Account(parse_request(get(b"/a?b", b"Accept: text/html")), "10.0.0.7", "id-1", clock)


def test_a_limit_is_told_once_per_kind_and_only_of_endpoints():
    """K9"""
    told = account()
    assert told.limit_passed(FailureKind.TIMEOUT, 60) is None
    told.prefix, told.route = PREFIX, route_to(PREFIX, "predict", None)
    limit = told.limit_passed(FailureKind.TIMEOUT, 60)
    assert limit is not None
    assert (limit.endpoint, limit.prefix, limit.target, limit.limit) == ("predict", PREFIX, "/a?b", 60)
    assert told.limit_passed(FailureKind.TIMEOUT, 60) is None
    assert told.limit_passed(FailureKind.TOO_LARGE, 1) is not None


def test_records_and_failures_say_what_is_known():
    told = account(iter([10.0, 12.5, 13.0, 14.0, 15.5, 16.0]).__next__)
    record = told.record(whole=False)
    assert (record.id, record.endpoint, record.prefix, record.status, record.seconds) == ("id-1", None, "", 0, 2.5)
    assert (record.gateway_seconds, record.first_byte_seconds, record.whole) == (None, None, False)
    told.forwarded()
    told.answered(200)
    record = told.record(whole=True)
    assert (record.gateway_seconds, record.first_byte_seconds, record.seconds) == (3.0, 4.0, 5.5)
    assert (record.status, record.method, record.target) == (200, "GET", "/a?b")
    assert (record.client, record.reason) == ("10.0.0.7", "")
    failure = told.failure(FailureKind.REFUSED, 502, "why")
    assert (b"Accept", b"text/html") in failure.headers
    assert (failure.method, failure.target, failure.endpoint) == ("GET", "/a?b", None)
    assert told.record(whole=True).reason == "why"


def test_the_time_that_a_request_is_held_is_summed_up_and_told_apart():
    told = account(iter([10.0, 11.0, 13.0, 20.0, 20.5, 30.0, 31.0, 32.0, 33.0]).__next__)
    assert told.waits(False) is False
    assert told.waits(True) is True
    told.let_go()
    told.let_go()
    told.waits(True)
    told.let_go()
    assert told.record(whole=True).held_seconds == 2.5
    told.waits(True)
    assert told.record(whole=True).held_seconds == 2.5 + 1.0, "what has not been let go of counts up to the end"
