from tests.served import at
from vhlocal.api import describe
from vhlocal.model import Place, State, Status, Strategy


def test_a_status_is_told_whole(tmp_path):
    place = Place(tmp_path / "valohai.yaml", 7)
    status = Status(at("digits"), State.CRASHED, "OOMKilled", "raise it", place, urls=("u",), strategy=Strategy.FORK)
    told = describe.status(status)
    assert told["state"] == "crashed"
    assert told["place"] == f"{tmp_path}/valohai.yaml:7"
    assert told["urls"] == ["u"]
    assert told["strategy"] == "fork"
