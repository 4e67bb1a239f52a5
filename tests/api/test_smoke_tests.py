"""What was tried on the page, kept as a smoke test: where it is written, and where it is not."""

from __future__ import annotations

import base64

import pytest

from vhlocal.api.smoke_tests import keep_tried
from vhlocal.errors import InputError, VhlocalError
from vhlocal.smoke.run import load

URL = "http://127.0.0.1:8080"


def tried(**changed):
    request = {
        "method": "POST",
        "target": "/acme/digits/local/dev/predict/x?token=secret",
        "headers": [["X-Extra", "é"], ["Authorization", "Bearer secret"], ["Content-Type", "application/json"]],
        "body": base64.b64encode(b'{"a": 1}').decode(),
    }
    answer = {
        "status": 200,
        "headers": [["Content-Type", "application/json"]],
        "body": base64.b64encode(b'{"digit": 7}').decode(),
        "length": 12,
    }
    return {"endpoint": "predict", "name": "predict", "how": "", "request": request, "answer": answer, **changed}


def test_it_is_written_asked_about_added_to_and_replaced(tmp_path):
    def keep(**changed):
        return keep_tried(tried(**changed), URL, tmp_path, ["predict", "other"])

    assert keep() == {"written": "smoke/predict.http"}
    file = tmp_path / "smoke" / "predict.http"
    text = file.read_text()
    assert text.startswith("@endpoint = http://127.0.0.1:8080/acme/digits/local/dev/predict\n")
    assert "# expect $.digit == 7" in text
    assert "X-Extra: é\n" in text
    assert "secret" not in text
    assert keep() == {"exists": "smoke/predict.http"}
    assert file.read_text() == text
    assert keep(how="add") == {"written": "smoke/predict.http"}
    assert file.read_text().count("### POST /x") == 2
    assert keep(how="replace") == {"written": "smoke/predict.http"}
    assert file.read_text() == text
    assert keep(name="seven.http") == {"written": "smoke/predict/seven.http"}, "by itself the name says no endpoint"
    assert keep_tried(tried(name="seven"), URL, tmp_path, ["predict"]) == {"written": "smoke/seven.http"}
    file.write_text(text.replace("@endpoint", "@authorization = x\n@token = y\n@endpoint"))
    assert len(load(file, tmp_path).cases) == 1


def test_the_projects_own_directory_for_smoke_tests_is_taken(tmp_path):
    (tmp_path / "vhlocal.yaml").write_text("smoke: tests/http\n")
    assert keep_tried(tried(), URL, tmp_path, ["predict"]) == {"written": "tests/http/predict.http"}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"name": "../x"}, "cannot be the name of a smoke test"),
        ({"name": ""}, "cannot be the name of a smoke test"),
        ({"name": ".hidden"}, "cannot be the name of a smoke test"),
        ({"name": "a/b"}, "cannot be the name of a smoke test"),
        ({"endpoint": "nope"}, "no endpoint `nope` is running"),
        ({"how": "append"}, "not a way to write"),
        ({"request": {}}, "not a request with its answer"),
        ({"answer": {"status": "x", "headers": [], "body": None, "length": 0}}, "not a request with its answer"),
        ({"request": {**tried()["request"], "method": "PURGE"}}, "editors send no PURGE"),
    ],
)
def test_what_cannot_be_kept_is_told_and_nothing_is_written(tmp_path, changed, said):
    with pytest.raises(VhlocalError, match=said):
        keep_tried(tried(**changed), URL, tmp_path, ["predict", "other"])
    assert list(tmp_path.rglob("*.http")) == []


def test_a_link_does_not_lead_out_of_the_project(tmp_path):
    directory = tmp_path / "project"
    (directory / "smoke").mkdir(parents=True)
    (directory / "smoke" / "predict.http").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="is outside the project"):
        keep_tried(tried(how="add"), URL, directory, ["predict"])
    assert not (tmp_path / "elsewhere").exists()
    with pytest.raises(InputError, match="must be a JSON object"):
        keep_tried([], URL, directory, ["predict"])


def test_the_file_of_a_body_takes_the_place_of_no_other(tmp_path):
    def keep(body: bytes, how: str = "add") -> bytes:
        request = {**tried()["request"], "target": "/acme/digits/local/dev/predict/x", "headers": []}
        request["body"] = base64.b64encode(body).decode()
        keep_tried(tried(request=request, how=how), URL, tmp_path, ["predict", "other"])
        return file.read_bytes()

    file = tmp_path / "smoke" / "predict.http"
    (tmp_path / "smoke").mkdir()
    (tmp_path / "smoke" / "predict.bin").write_bytes(b"my own")
    keep(b"\0one")
    keep(b"\0two")
    assert keep(b"\0one").count(b"< ./predict-2.bin\n") == 2, "the same bytes are in one file"
    assert {each.name: each.read_bytes() for each in file.parent.glob("*.bin")} == {
        "predict.bin": b"my own",
        "predict-2.bin": b"\0one",
        "predict-3.bin": b"\0two",
    }
    assert b"< ./predict-2.bin\n" in keep(b"\0new", "replace")
    assert (file.parent / "predict-2.bin").read_bytes() == b"\0new", "nothing else names it any more"
    assert (file.parent / "predict.bin").read_bytes() == b"my own"
