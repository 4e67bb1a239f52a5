from pathlib import Path

import pytest

from vhlocal.project.endpoints import read_endpoint
from vhlocal.project.marks import compose

START = "- endpoint:\n    name: aa\n    image: x\n    wsgi: a\n"


def read(text):
    document = compose(START + text, Path("valohai.yaml"))
    return read_endpoint(document.data[0]["endpoint"], document, (0, "endpoint"))


def test_an_endpoint_without_trouble_has_none():
    endpoint, troubles = read("    port: 9000\n")
    assert (endpoint.name, endpoint.port, troubles) == ("aa", 9000, [])


def test_an_endpoint_with_trouble_can_still_be_read():
    """All that is wrong is told at once, so reading goes on after the first trouble."""
    endpoint, troubles = read(
        "    port: .inf\n    files:\n      - {name: m, path: /m}\n"
        "    resources: {devices: {gpu: .inf}, cpu: {min: .nan}}\n"
    )
    assert [trouble.place.line for trouble in troubles] == [5, 7, 8, 8]
    assert endpoint.port == 8000


@pytest.mark.parametrize(("written", "path"), [("./a//b.pkl", "a/b.pkl"), ("a/../b.pkl", "b.pkl"), ("a b", "a b")])
def test_a_file_s_path_is_made_plain(written, path):
    """B4: the file lands at its path."""
    endpoint, troubles = read(f"    files:\n      - name: m\n        path: {written}\n")
    assert (endpoint.files[0].path, troubles) == (path, [])


def test_values_of_tolerations_are_text():
    """K5: kept as they are, for exports."""
    assert read("    tolerations:\n      - {key: gpu, seconds: 3}\n")[0].tolerations == (
        {"key": "gpu", "seconds": "3"},
    )


def test_zero_means_no_limit():
    """K1: a limit of nothing is none, so no request is above it."""
    assert read("    resources: {cpu: {min: 1, max: 0}}\n")[1] == []
