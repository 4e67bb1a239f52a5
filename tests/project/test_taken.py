"""What the validators took is not asked about again, and everything else is."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import valohai_yaml

from tests.project.test_config import FULL
from vhlocal.errors import InputError
from vhlocal.model import Place
from vhlocal.project.config import load_config
from vhlocal.project.settings import load_settings

READ = """\
import sys
from pathlib import Path
from vhlocal.project.config import load_config
from vhlocal.project.settings import load_settings
load_settings(Path(sys.argv[1]), {})
config = load_config(Path(sys.argv[1]))
print("valohai_yaml" in sys.modules or "jsonschema" in sys.modules, config)
"""


@pytest.fixture
def cache(tmp_path, monkeypatch):
    cache = tmp_path / "cache"
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    return cache


def read(project, *paths):
    """Read a project in a new process: whether it asked the validators, and what it read."""
    added = f"import sys; sys.path[:0] = {[str(path) for path in paths]!r}\n"
    command = [sys.executable, "-c", added + READ, str(project.directory)]
    asked, _, config = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.partition(" ")
    return asked == "True", config


def test_a_text_that_was_taken_is_read_without_them_and_to_the_same(project, cache):
    project.write("valohai.yaml", FULL)
    project.write("vhlocal.yaml", "owner: me\nproject: mine\n")
    (first, asked), (second, again) = read(project), read(project)
    assert (first, second) == (True, False)
    assert asked == again


def test_what_is_written_is_what_the_platform_reads(project, cache):
    project.write("valohai.yaml", FULL)
    parsed = valohai_yaml.parse(FULL).endpoints
    for endpoint in load_config(project.directory).endpoints:
        theirs = parsed[endpoint.name]
        commands = theirs.server_command
        assert endpoint.image == theirs.image
        assert endpoint.wsgi == theirs.wsgi
        assert endpoint.server_command == (None if commands is None else tuple(commands))
        assert endpoint.port == int(theirs.port or 8000)
        assert endpoint.description == (theirs.description or "")
        assert [(file.name, f"./{file.path}") for file in endpoint.files] == [(f.name, f.path) for f in theirs.files]
        assert endpoint.resources.memory_max == (theirs.resources or {}).get("memory", {}).get("max")
        assert [volume.claim for volume in endpoint.shared_volumes] == [
            volume["pvc-name"] for volume in theirs.shared_volumes or ()
        ]
        assert (endpoint.workspace_volume is None) == (theirs.workspace_volume is None)
        assert endpoint.node_selector == theirs.node_selector
        assert list(endpoint.tolerations) == (theirs.tolerations or [])


@pytest.mark.parametrize(
    "wrong",
    [
        "- endpoint:\n    name: Bad\n    image: x\n    wsgi: a\n",  # by the schema
        "- endpoint:\n    name: aa\n    image: x\n    wsgi: a\n    shared-volumes:\n"
        "      - {pvc-name: a, mount-path: b}\n",  # by the linter
    ],
)
def test_what_is_refused_is_refused_again(project, cache, wrong):
    project.write("valohai.yaml", wrong)
    for _ in range(2):
        with pytest.raises(InputError):
            load_config(project.directory)


def test_what_is_doubtful_is_told_again(project, cache):
    project.write("valohai.yaml", FULL + "  unknown: 1\n")
    told = [load_config(project.directory).warnings for _ in range(2)]
    assert told[0] == told[1]
    assert [notice.place for notice in told[0]] == [Place(project.directory / "valohai.yaml", 39, 3)]


def test_a_changed_text_is_asked_about_and_the_earlier_one_is_still_known(project, cache):
    project.write("valohai.yaml", FULL)
    load_config(project.directory)
    project.write("valohai.yaml", FULL + "# changed\n")
    assert read(project)[0]
    project.write("valohai.yaml", FULL)
    assert not read(project)[0]


def test_one_file_s_text_is_not_taken_for_another_s(project, cache):
    """A sound ``valohai.yaml`` is no ``vhlocal.yaml``."""
    project.write("valohai.yaml", FULL)
    load_config(project.directory)
    project.write("vhlocal.yaml", FULL)
    with pytest.raises(InputError):
        load_settings(project.directory, {})


def test_another_package_of_the_platform_is_asked_anew(project, cache, tmp_path):
    project.write("valohai.yaml", FULL)
    read(project)
    other = tmp_path / "other"
    shutil.copytree(Path(valohai_yaml.__file__).parent, other / "valohai_yaml")
    assert not read(project)[0]
    assert read(project, other)[0]


def test_without_a_place_to_remember_they_are_asked_each_time(project, cache):
    cache.write_text("a file in the way")
    project.write("valohai.yaml", FULL)
    assert [read(project)[0] for _ in range(2)] == [True, True]


def test_what_is_remembered_is_bounded(project, cache):
    for number in range(210):
        project.write("valohai.yaml", f"{FULL}# {number}\n")
        load_config(project.directory)
    assert len(cache.joinpath("vhlocal", "taken", "texts").read_text().split()) == 200
