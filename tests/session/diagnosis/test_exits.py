from pathlib import Path

from vhlocal.checks.server.ends import FAILED
from vhlocal.errors import BuildError
from vhlocal.findings import Finding
from vhlocal.model import Place
from vhlocal.session.diagnosis.exits import as_error, backoff, explained, explained_error

PLACE = Place(Path("/p/valohai.yaml"), 4)
FINDING = Finding(FAILED, PLACE, "the server ended with exit code 3", "look in its log for the reason", "digits")


def test_k2_waits_grow_and_end_at_a_longest():
    """K2: a server that crashes again and again is started with growing pauses."""
    assert [backoff(crashes) for crashes in (1, 2, 3, 4, 5, 6, 50)] == [1, 2, 4, 8, 16, 30, 30]


def test_a_finding_is_the_reason_and_the_error_that_tells_it_has_its_code():
    error = as_error(explained(FINDING, "the end of its log"), "digits")
    assert error.message == "digits: the server ended with exit code 3"
    assert error.hint == "look in its log for the reason"
    assert (error.place, error.detail, error.finding) == (PLACE, "the end of its log", FINDING)


def test_an_error_is_a_reason_too_without_its_endpoints_name():
    found = explained_error(BuildError("digits: no such image", place=PLACE, hint="pull it"), "digits")
    assert (found.reason, found.hint, found.place, found.finding) == ("no such image", "pull it", PLACE, None)
