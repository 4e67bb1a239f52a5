import pytest

from vhlocal.control import describe
from vhlocal.model import Place, State, Status, Strategy, Version

VERSION = Version("acme", "digits", "local", "20261124.0", ("dev",))


def test_a_status_is_told_whole(tmp_path):
    place = Place(tmp_path / "valohai.yaml", 7)
    status = Status("digits", State.CRASHED, "OOMKilled", "raise it", place, urls=("u",), strategy=Strategy.FORK)
    told = describe.status(status)
    assert told["state"] == "crashed"
    assert told["place"] == f"{tmp_path}/valohai.yaml:7"
    assert told["urls"] == ["u"]
    assert told["strategy"] == "fork"


@pytest.mark.parametrize(
    ("prefix", "text"),
    [
        ("/other/digits/local/dev/predict", "no owner `other`; running: acme"),
        ("/acme/other/local/dev/predict", "no project `other`; running: digits"),
        ("/acme/digits/prod/dev/predict", "no deployment `prod`; running: local"),
        ("/acme/digits/local/20261122.0/predict", "no version `20261122.0`; running: 20261124.0, dev"),
        ("/acme/digits/local/dev/predcit", "no endpoint `predcit`; running: predict, explain"),
    ],
)
def test_p1_an_unknown_prefix_is_told_by_the_segment_that_is_wrong(prefix, text):
    """P1: the five segments are told apart."""
    assert describe.unknown_prefix(prefix, VERSION, ["predict", "explain"])[0] == text


def test_the_nearest_path_comes_first():
    _, nearest = describe.unknown_prefix("/acme/digits/local/dev/predcit", VERSION, ["explain", "predict"])
    assert nearest[0] == "/acme/digits/local/dev/predict/"
    assert len(nearest) == 4
