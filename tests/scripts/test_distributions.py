"""How the table of distributions is made of what wheels hold and tell."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent.parent / "scripts"))

import distributions


@pytest.mark.parametrize(
    ("path", "module"),
    [
        ("flask/__init__.py", "flask"),
        ("six.py", "six"),
        ("yaml/_yaml.cpython-313-x86_64-linux-gnu.so", "yaml"),
        ("ujson.cpython-313-x86_64-linux-gnu.so", "ujson"),
        ("torch-2.data/purelib/torchgen/gen.py", "torchgen"),
        ("flask-3.dist-info/METADATA", ""),
        ("numpy.libs/libscipy.so", ""),
        ("_cffi_backend.so", ""),
        ("0a1b__mypyc.cpython-313.so", ""),
        ("share/man/x.1", ""),
        ("README.md", ""),
    ],
)
def test_the_module_that_a_wheel_s_file_makes(path, module):
    assert distributions._module(path) == module


@pytest.mark.parametrize(
    ("line", "extra", "names"),
    [
        ("Werkzeug>=3", "", {"werkzeug"}),
        ("uvicorn[standard] (>=0.12)", "", {"uvicorn", "uvicorn[standard]"}),
        ('colorama; sys_platform == "win32"', "", set()),
        ('importlib-metadata; python_version < "3.8"', "", {"importlib-metadata"}),
        ('typing; python_version < "3.5"', "", set()),
        ('uvloop; extra == "standard"', "", set()),
        ('uvloop; extra == "standard"', "standard", {"uvloop"}),
        ("=bad", "", set()),
    ],
)
def test_what_a_line_of_a_wheel_asks_for_on_linux(line, extra, names):
    assert distributions._applies(line, extra) == names


def test_a_distribution_named_like_what_it_has_comes_first():
    contents = [("daphne", {"daphne", "twisted"}), ("twisted", {"twisted"}), ("zope", {"daphne"})]
    assert distributions._by_names(contents) == {"daphne": ["daphne", "zope"], "twisted": ["twisted", "daphne"]}
