"""What the platform's own linter says of the whole file is told, whatever it is about."""

from __future__ import annotations

import pytest
from valohai_yaml.lint import lint

from tests.checks.sample import found_in
from vhlocal.project.config import read_config

ENDPOINT = "- endpoint:\n    name: greet\n    image: python:3.12-slim\n    wsgi: server:app\n"
STEP = "- step:\n    name: train\n    image: python:3.12\n    command: python train.py\n"
PIPELINE = (
    "- pipeline:\n    name: nightly\n    nodes:\n      - name: first\n        step: train\n        type: execution\n"
)
#: With the line at which it is told, and whether the platform refuses it.
FILES = {
    "an edge to no node": (
        ENDPOINT + STEP + PIPELINE + "    edges:\n      - [first.output.x, second.input.y]\n",
        10,
        True,
    ),
    "a node of no step": (
        ENDPOINT + STEP + PIPELINE.replace("train", "evaluate") + "    edges: []\n",
        13,
        True,
    ),
    "a default that is too large": (
        ENDPOINT
        + STEP
        + "    parameters:\n      - name: epochs\n        type: integer\n        max: 1\n        default: 7\n",
        12,
        False,
    ),
    "two steps of one name": (ENDPOINT + STEP + STEP, 6, False),
    "what its parser does not take": (
        ENDPOINT + STEP + "    parameters:\n      - name: fast\n        type: flag\n        multiple: repeat\n",
        5,
        True,
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_what_is_wrong_beside_endpoints_is_told(name, tmp_path):
    text, line, refused = FILES[name]
    (tmp_path / "valohai.yaml").write_text(text)
    (tmp_path / "server.py").write_text("from flask import Flask\n\napp = Flask(__name__)\n")
    (tmp_path / "requirements.txt").write_text("flask>=3.0\n")
    (finding,) = found_in(tmp_path).findings
    assert (finding.definition.code, finding.place.line) == ("VH101" if refused else "VH102", line)
    assert [endpoint.name for endpoint in read_config(tmp_path).endpoints] == ["greet"]


def test_a_sound_file_has_nothing(tmp_path):
    text = ENDPOINT + STEP + PIPELINE + "    edges: []\n"
    assert lint(text).messages == []
    (tmp_path / "valohai.yaml").write_text(text)
    config = read_config(tmp_path)
    assert (config.troubles, config.elsewhere, config.doubts) == ((), (), ())
