import pytest

from vhlocal.errors import InputError
from vhlocal.model import Endpoint
from vhlocal.project.selection import override_images, select_endpoints

ENDPOINTS = tuple(Endpoint(name, "python:3.11", 8000, wsgi="a") for name in ("digits", "faces", "plain"))


def names(endpoints):
    return [endpoint.name for endpoint in endpoints]


def test_all_are_selected_unless_some_are_named():
    assert names(select_endpoints(ENDPOINTS, ())) == ["digits", "faces", "plain"]
    assert names(select_endpoints(ENDPOINTS, ("plain", "digits", "plain"))) == ["digits", "plain"]


def test_another_image_is_used_for_the_named_endpoint():
    """B1: built on `image`, or on the one given in its place."""
    images = [endpoint.image for endpoint in override_images(ENDPOINTS, {"faces": "mine"})]
    assert images == ["python:3.11", "mine", "python:3.11"]


def test_an_unknown_endpoint_is_told_with_the_nearest():
    for wrong in (lambda: select_endpoints(ENDPOINTS, ["digist"]), lambda: override_images(ENDPOINTS, {"digist": "x"})):
        with pytest.raises(InputError, match=r"valohai\.yaml has no endpoint `digist`") as caught:
            wrong()
        assert caught.value.hint == "did you mean `digits`?"
    with pytest.raises(InputError) as caught:
        select_endpoints(ENDPOINTS, ["zzz"])
    assert caught.value.hint == "known here: digits, faces, plain"
