"""What requests an app has routes for, read from its code."""

from __future__ import annotations

import ast
from textwrap import dedent

import pytest

from vhlocal.model import Call
from vhlocal.session.offers.routes import calls_of


def calls(code: str) -> list[Call]:
    return calls_of(ast.walk(ast.parse(dedent(code))))


def post(path: str, body: str) -> Call:
    return Call("POST", path, body, "application/json")


PREDICT = '@app.post("/predict")\nasync def predict(request):\n    '


@pytest.mark.parametrize(
    ("body", "document"),
    [
        ('return len(request.get_json()["text"].split())', '{"text": "some text"}'),
        ('data = request.get_json(force=True)\n    return float(data["x"]) + int(data["y"])', '{"x": 1, "y": 1}'),
        ("data: dict = await request.json()\n    return f\"hello {data['name']}\"", '{"name": "some text"}'),
        ('return str(flask.request.json["who"])', '{"who": "some text"}'),
        ('return request.json.get("threshold", 0.5)', "{}"),
        ('return {"y": 2 * request.get_json()["x"]}', '{"x": 1}'),
        ('x = request.get_json()["x"]\n    log(x)\n    return x > 0.5', '{"x": 1}'),
        ("return 7", "{}"),
    ],
)
def test_a_post_whose_document_is_known_comes_before_a_get(body, document):
    code = '@app.get("/health")\ndef health():\n    return "ok"\n' + PREDICT + body + "\n"
    assert calls(code) == [post("/predict", document), Call("GET", "/health")]


@pytest.mark.parametrize(
    ("body", "document"),
    [
        ('return model.predict(request.get_json()["instances"])', '{"instances": []}'),
        ("return model.predict(await request.json())", "{}"),
        ("data = request.json\n    return model.predict(data)", "{}"),
        ('return request.files["image"].read()', "{}"),
        ("return len(request.get_data())", "{}"),
    ],
)
def test_a_get_that_needs_nothing_comes_before_a_post_whose_body_is_a_guess(body, document):
    code = PREDICT + body + '\n@app.route("/")\ndef page():\n    return ""\n'
    assert calls(code) == [Call("GET", ""), post("/predict", document)]


def test_routes_with_parameters_and_what_is_no_route_are_left_out():
    assert calls('@app.get("/items/{name}")\ndef item(name):\n    return requests.get(url)\n') == []
    assert calls('@app.route("/<name>", methods=["POST"])\ndef item(name):\n    return d.get("key")\n') == []


def test_methods_are_read_where_they_are_listed():
    both = '@app.route("/both", methods=["GET", "POST"])\ndef both():\n    return ""\n'
    assert calls(both) == [Call("GET", "/both")]
    assert calls('app.route("/later", methods=("POST",))(later)\n') == [post("/later", "{}")]
