"""Whatever stands in the files, the answer is a result or an InputError with a place."""

import tempfile
from pathlib import Path

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from vhlocal.errors import InputError
from vhlocal.project.config import load_config
from vhlocal.project.sources import read_settings_file
from vhlocal.project.table import SETTINGS

_KEYS = [
    "step",
    "task",
    "pipeline",
    "endpoint",
    "name",
    "image",
    "wsgi",
    "server-command",
    "port",
    "files",
    "path",
    "resources",
    "cpu",
    "memory",
    "min",
    "max",
    "devices",
    "ephemeral-storage",
    "shared-volumes",
    "pvc-name",
    "mount-path",
    "sub-path",
    "workspace-volume",
    "size",
    "tolerations",
    "node-selector",
]

leaves = (
    st.none()
    | st.booleans()
    | st.integers(-5, 70000)
    | st.floats()
    | st.sampled_from(["ab", "x", "/x", "../y", "a:b", "", ".", "a=b"])
    | st.dates()
    | st.binary(max_size=3)
)


def trees(keys):
    names = st.sampled_from(keys) | st.integers(0, 2) | st.none()
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=6),
        max_leaves=20,
    )


endpoints = st.fixed_dictionaries(
    {"name": st.sampled_from(["ab", "cd"]), "image": st.just("x")},
    optional={
        "wsgi": st.sampled_from(["a", ""]),
        "server-command": st.sampled_from(["a", [], [""], ["a", "b"]]),
        "port": st.floats(),
        "files": st.lists(st.fixed_dictionaries({"name": st.sampled_from("ab"), "path": st.text(max_size=4)})),
        "resources": st.dictionaries(
            st.sampled_from(["cpu", "memory"]), st.dictionaries(st.sampled_from(["min", "max"]), st.floats())
        ),
        "shared-volumes": st.lists(
            st.fixed_dictionaries({"pvc-name": st.just("p"), "mount-path": st.sampled_from(["/a", "b"])})
        ),
        "workspace-volume": st.fixed_dictionaries({"mount-path": st.sampled_from(["/a", "b"]), "size": st.integers(1)}),
    },
)
configs = trees(_KEYS) | st.lists(st.fixed_dictionaries({"endpoint": endpoints}) | trees(_KEYS), max_size=3)


def answer(read, name, text):
    with tempfile.TemporaryDirectory() as directory:
        Path(directory, name).write_text(text, newline="")
        try:
            return read(Path(directory))
        except InputError as error:
            assert error.place is not None
            assert error.place.file == Path(directory, name)
            return None


@settings(deadline=None)
@given(configs)
def test_any_tree_as_valohai_yaml(data):
    config = answer(load_config, "valohai.yaml", yaml.safe_dump(data))
    assert config is None or all(endpoint.place("name").line for endpoint in config.endpoints)


@settings(deadline=None)
@given(st.text("-: \n\t\r[]{}&*!|>'\"#%@`ab1,?<~\x00\ufeff\u2028"))
def test_any_text_as_valohai_yaml(text):
    answer(load_config, "valohai.yaml", text)


@settings(deadline=None)
@given(
    st.dictionaries(st.sampled_from([setting.key for setting in SETTINGS]), trees(["A", "digits.model"]), max_size=4)
)
def test_any_tree_as_vhlocal_yaml(data):
    answer(read_settings_file, "vhlocal.yaml", yaml.safe_dump(data))
