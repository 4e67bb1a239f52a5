from pathlib import Path

from tests.requests import ended
from vhlocal.model import Endpoint, Place

FILE = Path("valohai.yaml")


def test_a_place_reads_as_editors_link_it():
    assert str(Place(FILE)) == "valohai.yaml"
    assert str(Place(FILE, 3)) == "valohai.yaml:3"
    assert str(Place(FILE, 3, 5)) == "valohai.yaml:3:5"


def test_a_key_that_is_not_written_is_found_at_its_endpoint():
    endpoint = Endpoint("aa", "x", 8000, wsgi="a", places={"": Place(FILE, 1), "wsgi": Place(FILE, 4)})
    assert endpoint.place("wsgi") == Place(FILE, 4)
    assert endpoint.place("port") == endpoint.place() == Place(FILE, 1)
    assert Endpoint("aa", "x", 8000, wsgi="a").place("wsgi") is None


def test_endpoints_are_equal_wherever_they_stand():
    """A comment added above an endpoint is no change of it."""
    here, there = (Endpoint("aa", "x", 8000, wsgi="a", places={"": Place(FILE, line)}) for line in (1, 2))
    assert here == there


def test_the_facts_of_a_request_have_times_that_can_be_read():
    facts = ended(seconds=0.00016777700147940777, first_byte_seconds=None).facts()
    assert (facts["seconds"], facts["first_byte_seconds"], facts["status"]) == (0.000168, None, 200)
