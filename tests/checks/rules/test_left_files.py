"""Files that one request leaves for another, and those that none does."""

from __future__ import annotations

import pytest

from tests.checks.projects import flask
from tests.checks.sample import found_in

POST = "@app.post('/items')\ndef keep():\n"
GET = "@app.get('/items/<name>')\ndef show(name):\n"
WRITES = "    open('items.json', 'w').write('x')\n    return 'kept'\n"
READS = "    return open('items.json').read()\n"

FOUND = {
    "a file": POST + WRITES + GET + READS,
    "a file that is read before it is written": POST + "    old = open('items.json').read()\n" + WRITES + GET + READS,
    "uploads by their name": "import os\n"
    + POST
    + "    request.files['x'].save(os.path.join('uploads', request.form['name']))\n    return ''\n"
    + GET
    + "    return send_from_directory('uploads', name)\n",
    "a path of pathlib": "from pathlib import Path\nFILE = Path('state') / 'items.json'\n"
    + POST
    + "    FILE.write_text('x')\n    return ''\n"
    + GET
    + "    return FILE.read_text()\n",
    "a model that a request trains": "import joblib\n"
    + POST
    + "    joblib.dump({}, f'models/{request.args[\"of\"]}.pkl')\n    return ''\n"
    + GET
    + "    return str(joblib.load(f'models/{name}.pkl'))\n",
    "the code's directory by its own name": POST
    + "    open('/valohai/code/items.json', 'w').write('x')\n    return ''\n"
    + GET
    + READS,
}
SILENT = {
    "one handler alone": POST + WRITES.replace("return 'kept'", "return open('items.json').read()"),
    "another file": POST + WRITES + GET + READS.replace("items", "others"),
    "other code writes it too": "def fill():\n    open('items.json', 'w').write('y')\n\nfill()\n"
    + POST
    + WRITES
    + GET
    + READS,
    "who reads it writes it first": POST + WRITES + GET + WRITES.replace("    return 'kept'\n", READS),
    "who reads it looks for it": "import os\n"
    + POST
    + WRITES
    + GET
    + "    if not os.path.exists('items.json'):\n        return ''\n"
    + READS,
    "who reads it can do without": POST
    + WRITES
    + GET
    + "    try:\n        return open('items.json').read()\n    except FileNotFoundError:\n        return ''\n",
    "who writes it takes it away": "import os\n"
    + POST
    + WRITES.replace("    return", "    os.remove('items.json')\n    return")
    + GET
    + READS,
    "it is handed on": "def given(file):\n    return file\n"
    + POST
    + WRITES.replace("    return", "    given('items.json')\n    return")
    + GET
    + "    given('items.json')\n"
    + READS,
    "a path of the machine": (POST + WRITES + GET + READS).replace("items.json", "/tmp/items.json"),
    "a directory above": (POST + WRITES + GET + READS).replace("items.json", "../items.json"),
    "another working directory": "import os\nos.chdir('/data')\n" + POST + WRITES + GET + READS,
    "a name that only a request has": POST
    + "    open(request.form['name'], 'w').write('x')\n    return ''\n"
    + GET
    + "    return open(name).read()\n",
    "a mode that is not written out": POST
    + "    open('items.json', request.args['mode']).write('x')\n    return ''\n"
    + GET
    + READS,
    "a decorator that is no route": ("@keeps\ndef keep():\n" + WRITES).replace(
        "@keeps", "def keeps(f): return f\n\n@keeps"
    )
    + GET
    + READS,
}


def left(project, code: str) -> list[tuple[str, str]]:
    found = found_in(project(flask("from flask import request, send_from_directory\n" + code))).findings
    return [(one.definition.code, one.seen) for one in found if one.definition.code == "VH313"]


@pytest.mark.parametrize("name", FOUND)
def test_k3_what_one_request_leaves_for_another_is_found(project, name):
    [(_, seen)] = left(project, FOUND[name])
    assert "is written by `keep` (server.py:" in seen


@pytest.mark.parametrize("name", SILENT)
def test_what_is_not_sure_to_be_left_for_another_request_is_not_told(project, name):
    assert left(project, SILENT[name]) == []


def test_k4_a_volume_or_a_link_may_hold_what_is_beside_the_code(project):
    files = flask("from flask import request\n" + FOUND["a file"])
    volume = "    shared-volumes:\n      - pvc-name: items\n        mount-path: /valohai/code/state\n"
    directory = project({**files, "valohai.yaml": files["valohai.yaml"] + volume})
    assert "VH313" not in [one.definition.code for one in found_in(directory).findings]
    directory = project(files)
    assert "VH313" in [one.definition.code for one in found_in(directory).findings]
    (directory / "items.json").symlink_to("/data/items.json")
    assert "VH313" not in [one.definition.code for one in found_in(directory).findings]
