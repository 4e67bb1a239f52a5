"""Which endpoint a smoke test is for, and what it is sent under."""

from __future__ import annotations

from pathlib import Path

import pytest

from vhlocal.errors import InputError
from vhlocal.smoke.plan import endpoint_of, targets
from vhlocal.smoke.results import Target


@pytest.mark.parametrize(
    ("path", "names", "expected"),
    [
        ("smoke/predict.http", ("predict", "web"), "predict"),
        ("smoke/web/index.http", ("predict", "web"), "web"),
        ("smoke/web/predict.http", ("predict", "web"), "predict"),
        ("smoke/web/deep/er.http", ("predict", "web"), "web"),
        ("smoke/other.http", ("predict",), "predict"),
    ],
)
def test_a_file_names_its_endpoint(path, names, expected):
    assert endpoint_of(Path(path), names) == expected


def test_a_file_that_names_none_is_told_how_to():
    with pytest.raises(InputError, match="this run has predict, web") as caught:
        endpoint_of(Path("smoke/other.http"), ("predict", "web"))
    assert (str(caught.value.place), caught.value.hint) == (
        "smoke/other.http",
        "name it smoke/predict.http, or put it into smoke/predict/",
    )


def test_each_path_is_asked_once_however_many_replicas_there_are():
    urls = [f"http://127.0.0.1:8080/o/p/d/{name}/predict" for name in ("20261126.0", "dev")]
    statuses = [
        {"endpoint": "predict", "urls": urls},
        {"endpoint": "predict", "urls": urls},
        {"endpoint": "web", "urls": ["http://[::1]:1/o/p/d/dev/web/"]},
    ]
    assert targets(statuses) == {
        "predict": (Target("predict", "20261126.0", urls[0]), Target("predict", "dev", urls[1])),
        "web": (Target("web", "dev", "http://[::1]:1/o/p/d/dev/web"),),
    }
