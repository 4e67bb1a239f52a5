"""``-e .`` in the requirements, on each runtime: installed once, and served as it was last saved."""

from __future__ import annotations

import json
import secrets
import urllib.request

import pytest

from tests.editable import pyproject
from tests.waiting import wait_for

pytestmark = pytest.mark.builds

OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))

FILES = {
    "valohai.yaml": "- endpoint:\n    name: shop\n    image: python:3.11-slim\n    wsgi: server:app\n",
    # Otherwise what an earlier run of the test has installed would do.
    "requirements.txt": f"-e .  # {secrets.token_hex(8)}\n",
    "pyproject.toml": pyproject('version = "1.0"', "[tool.setuptools.packages.find]", 'where = ["src"]'),
    "server.py": """\
import json, os, pathlib
from importlib.metadata import version
from shop import words


def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/json")])
    files = sorted(path.name for path in pathlib.Path(words.__file__).parent.glob("*.py"))
    facts = {"word": words.WORD, "version": version("shop"), "color": os.environ.get("COLOR"), "files": files}
    return [json.dumps(facts).encode()]
""",
    "src/shop/__init__.py": "",
    "src/shop/words.py": "WORD = 'one'\n",
    "src/shop/gone.py": "",
}


def answered(run, key, value):
    """Wait until the endpoint's answer has this value, and return the whole answer."""

    def look():
        with OPENER.open(run.url("shop"), timeout=60) as answer:
            found = json.load(answer)
        return found if found[key] == value else None

    return wait_for(look, f"{key} to be {value!r}")


def test_b2_a_save_does_not_install_an_editable_requirement_again(project, running):
    """B2: its code is the project's own, in production as here; its metadata are what the installation made of them."""
    directory = project(FILES)
    with running(directory) as run:
        first = answered(run, "word", "one")
        assert (first["version"], first["files"]) == ("1.0", ["__init__.py", "gone.py", "words.py"])
        (directory / "src/shop/words.py").write_text("WORD = 'two'\n")
        answered(run, "word", "two")
        wait_for(lambda: "(fork)" in run.output(), "the reload to be told")
        (directory / "src/shop/gone.py").unlink()
        (directory / "src/shop/new.py").write_text("")
        answered(run, "files", ["__init__.py", "new.py", "words.py"])
        (directory / "vhlocal.yaml").write_text("variables:\n  COLOR: blue\n")
        other = answered(run, "color", "blue")
        assert other["files"] == ["__init__.py", "new.py", "words.py"], "nothing of what was installed from is left"
        assert other["word"] == "two"
        assert run.output().count("requirements.txt done") == 1
        toml = directory / "pyproject.toml"
        toml.write_text(toml.read_text().replace("1.0", "2.0"))
        assert answered(run, "version", "2.0")["word"] == "two"
        assert run.output().count("requirements.txt done") == 2
