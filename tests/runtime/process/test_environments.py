"""Environments are made for real, by both tools, for several Pythons, from the package index of this machine."""

import contextlib
import json
import os
import shutil
import subprocess
import threading
from pathlib import Path

import pytest

from tests.runner.stacks import interpreter
from tests.waiting import wait_for
from vhlocal.contract.image import GUNICORN, Install, requirements_install
from vhlocal.errors import BuildError
from vhlocal.project.network import HostNetwork, host_network
from vhlocal.runtime.base import Entry, Layer
from vhlocal.runtime.process.environments import Environments
from vhlocal.runtime.process.packages import copy_venv
from vhlocal.runtime.process.pythons import find_python, running_python

pytestmark = pytest.mark.builds

RUNNING = running_python().minor
OTHER = "3.9" if RUNNING != "3.9" else "3.11"


def without_uv(environ):
    """The environment of a user who has no uv."""
    path = [each for each in environ["PATH"].split(os.pathsep) if not Path(each, "uv").exists()]
    return {**environ, "PATH": os.pathsep.join(path)}


def requirements(text, base=f"python{RUNNING}", tag="vhlocal/requirements:0123abcd", more=()):
    entries = (Entry("/valohai/code/requirements.txt", content=text.encode()), *more)
    return Layer(tag, base, "installing requirements.txt", requirements_install("requirements.txt"), entries)


def gunicorn(parent, tag="vhlocal/gunicorn:0123abcd"):
    return Layer(tag, parent, "installing Gunicorn", GUNICORN)


def nothing(base=f"python{RUNNING}", tag="vhlocal/nothing:1", **more):
    """A layer that is made without the net."""
    return requirements("# nothing\n", base, tag, **more)


def said(lines=None):
    return (lines if lines is not None else []).append


def run(program, *arguments, **options):
    return subprocess.run(
        [str(program), *arguments], capture_output=True, text=True, timeout=60, cwd="/", check=False, **options
    )


def python(environments, name, code):
    done = run(environments.python_directory(name) / "python", "-c", code)
    return done.stdout.strip() if done.returncode == 0 else done.stderr.strip().splitlines()[-1]


def build(environments, *layers):
    lines = []
    for layer in layers:
        environments.build(layer, lines.append)
    return lines


def failure(environments, layer):
    with pytest.raises(BuildError) as caught:
        environments.build(layer, said())
    assert environments.image(layer.tag) is None
    assert not [path for path in made(environments) if path.name.startswith(layer.tag.replace("/", "-"))]
    return caught.value


def made(environments):
    return [path for path in environments._directory.iterdir() if path.is_dir()]


def layers(environments):
    """The directories of layers: where pip fills them, there is the base as well that they are copied from."""
    return [path for path in made(environments) if not path.name.startswith("python")]


@pytest.fixture(scope="session")
def uv(tools):
    """A directory that has uv."""
    return tools


def by_tool(tool, directory, uv):
    """What makes environments by a tool, with nothing made yet."""
    environ = without_uv(os.environ)
    if tool == "uv":
        environ["PATH"] = f"{uv}:{environ['PATH']}"
    return Environments(directory, host_network(environ), environ)


@pytest.fixture
def by_pip(tmp_path, uv, one_for_all):
    """It has a base as pip makes it, which takes seconds, in a copy of its own."""
    made = by_tool("pip", tmp_path / "cache", uv)
    copy_base(one_for_all("pip"), made)
    yield made
    made.close()


@pytest.fixture
def by_uv(tmp_path, uv):
    made = by_tool("uv", tmp_path / "cache", uv)
    yield made
    made.close()


def copy_base(environments, other):
    """Let ``other`` have the base of the Python that runs, as if it had made it."""
    name = f"python{RUNNING}"
    environments.ensure_base(name)
    kept = environments._shelf.read(name)
    (home,) = kept.directories
    copy_venv(environments._directory / home / "python", other._directory / home / "python")
    other._shelf.write(kept)


@pytest.fixture(scope="module")
def one_for_all(tmp_path_factory, uv):
    """What makes environments by a tool, in one place for all tests that make layers of names of their own."""
    made = {}

    def by(tool):
        if tool not in made:
            made[tool] = by_tool(tool, tmp_path_factory.mktemp("cache"), uv)
        return made[tool]

    yield by
    for each in made.values():
        each.close()


@pytest.fixture(params=["by_pip", "by_uv"])
def either(request):
    return request.getfixturevalue(request.param)


STACKS = [("pip", RUNNING), ("pip", "3.6"), ("uv", RUNNING), ("uv", OTHER)]


@pytest.fixture(scope="module", params=STACKS, ids=lambda each: "-".join(each))
def stack(request, one_for_all):
    """A Gunicorn layer on a requirements layer, and the names of both."""
    tool, version = request.param
    interpreter(version)
    environments = one_for_all(tool)
    base = environments.base(f"python:{version}-slim")
    below = requirements("iniconfig\npackaging==20.9\n", base, f"vhlocal/requirements:{version}")
    above = gunicorn(below.tag, f"vhlocal/gunicorn:{version}")
    lines = build(environments, below, above)
    assert any("iniconfig" in line for line in lines)
    return environments, below, above, version


def test_b2_packages_are_imported_by_the_python_that_the_image_names(stack):
    environments, below, above, version = stack
    code = "import iniconfig, gunicorn, sys; print('%d.%d' % sys.version_info[:2], sys.prefix)"
    home = environments.python_directory(above.tag).parent
    assert python(environments, above.tag, code) == f"{version} {home}"
    assert "gunicorn" in python(environments, below.tag, "import gunicorn")


def test_b3_commands_are_in_local_and_not_beside_python(stack):
    environments, below, above, _ = stack
    local = environments.local_directory(above.tag)
    assert "gunicorn (version" in run(local / "bin" / "gunicorn", "--version").stdout
    assert not (environments.python_directory(above.tag) / "gunicorn").exists()
    assert not (environments.local_directory(below.tag) / "bin" / "gunicorn").exists()


def test_a_layer_brings_nothing_that_differs_from_those_below(stack):
    environments, _, above, _ = stack
    assert python(environments, above.tag, "import packaging; print(packaging.__version__)") == "20.9"


def test_it_is_compiled_and_stands_alone(stack):
    environments, below, above, _ = stack
    assert list(environments.local_directory(above.tag).glob("lib/*/site-packages/gunicorn/__pycache__/*.pyc"))
    assert "yaml" in python(environments, below.tag, "import yaml")
    assert python(environments, below.tag, "import pip, sys; print(pip.__file__.startswith(sys.prefix))") == "True"


def test_an_image_is_known_by_each_making(stack):
    environments, below, above, version = stack
    base = environments.image(below.parent)
    assert base.id.endswith(find_python(version, os.environ).version)
    assert environments.image(below.tag).parent == base.id
    assert environments.image(above.tag).parent == environments.image(below.tag).id
    assert environments.image("vhlocal/none:1") is None
    assert environments.image("python2.0") is None


def test_what_is_made_is_not_made_again(stack):
    environments, below, above, _ = stack
    before = environments.image(below.tag), environments.image(above.tag)
    assert build(environments, below, above) == []
    assert (environments.image(below.tag), environments.image(above.tag)) == before


def test_an_image_s_base(by_pip):
    assert by_pip.base("python:3.99") == by_pip.base("acme/app:1") == f"python{RUNNING}"
    if find_python(OTHER, os.environ):
        assert by_pip.base(f"python:{OTHER}-slim") == f"python{OTHER}"
        assert by_pip.image(f"python{OTHER}") == by_pip.image(f"python{OTHER}")


def test_a_layer_stands_without_the_base_that_it_is_copied_from(by_pip):
    """Python unpacks and compiles pip once, for the base."""
    layer = nothing()
    build(by_pip, layer)
    base = by_pip.python_directory(f"python{RUNNING}").parent
    own = by_pip.python_directory(layer.tag).parent
    shutil.rmtree(base.parent)
    assert str(own) in run(own / "bin" / "pip", "--version").stdout
    assert not [
        path for path in (own / "pyvenv.cfg", *(own / "bin").iterdir()) if str(base) in path.read_text("latin1")
    ]
    above = nothing(layer.tag, "vhlocal/above:1")
    build(by_pip, above)
    assert python(by_pip, above.tag, "import pip; print('pip')") == "pip"


@pytest.mark.parametrize("tool", ["pip", "uv"])
def test_a_base_is_bare_and_made_once(tmp_path, uv, tool):
    environments = by_tool(tool, tmp_path / "cache", uv)
    base = f"python{RUNNING}"
    assert environments.image(base).parent == ""
    lines = []
    environments.ensure_base(base, lines.append)
    directory = environments.python_directory(base)
    environments.ensure_base(base, lines.append)
    assert environments.python_directory(base) == directory
    assert environments.local_directory(base) is None
    assert len(made(environments)) == 1
    assert "yaml" in python(environments, base, "import yaml")
    assert python(environments, base, "import pip; print('pip')") == "pip"


def test_nothing_is_installed_where_the_parent_can_import_it(either):
    below = requirements("gunicorn\n")
    above = gunicorn(below.tag)
    build(either, below)
    assert build(either, above) == []
    assert either.python_directory(above.tag) == either.python_directory(below.tag)
    assert either.local_directory(above.tag) == either.local_directory(below.tag)
    assert either.image(above.tag).parent == either.image(below.tag).id
    assert either.image(above.tag).id != either.image(below.tag).id


def test_a_layer_has_the_commands_of_the_one_below(either):
    below = requirements("./pkg\n", more=project("pkg"))
    above = requirements("iniconfig\n", below.tag, "vhlocal/more:1")
    build(either, below, above)
    command = either.local_directory(above.tag) / "bin" / "say-pkg"
    assert command.is_symlink()
    assert run(command).stdout == "hello from pkg\n"


def project(name, says="hello", place=""):
    """A small project of one module and one command, in a directory of the code; the module's place is within that."""
    setup = f"""
from setuptools import setup

setup(name="{name}", version="1", py_modules=["{name}"], package_dir={{"": "{place or "."}"}},
      entry_points={{"console_scripts": ["say-{name}={name}:say"]}})
"""
    module = f"def say():\n    print('{says} from {name}')\n"
    return (
        Entry(f"/valohai/code/{name}/setup.py", content=setup.encode()),
        Entry(f"/valohai/code/{name}/{place}{name}.py", content=module.encode()),
    )


TOOLS = pytest.mark.parametrize(("tool", "version"), [("pip", RUNNING), ("pip", "3.6"), ("uv", RUNNING), ("uv", OTHER)])


@TOOLS
def test_the_project_s_own_packages_stay_when_the_code_is_gone(one_for_all, tool, version):
    either = one_for_all(tool)
    interpreter(version)
    layer = requirements("./pkg\n", f"python{version}", f"vhlocal/own:{version}", more=project("pkg"))
    build(either, layer)
    assert python(either, layer.tag, "import pkg; pkg.say()") == "hello from pkg"
    assert run(either.local_directory(layer.tag) / "bin" / "say-pkg").stdout == "hello from pkg\n"


#: Projects whose module stands beside their setup.py, and elsewhere: one installation for the three of them.
PLACES = {"beside": "", "below": "src/", "aside": "flat/"}


@TOOLS
def test_an_editable_installation_leads_to_the_code_of_each_server(one_for_all, tmp_path, tool, version):
    """B2: in production it leads to /valohai/code, where whatever is served stands."""
    either = one_for_all(tool)
    interpreter(version)
    installed = [entry for name, place in PLACES.items() for entry in project(name, place=place)]
    lines = "".join(f"-e ./{name}\n" for name in PLACES)
    layer = requirements(lines, f"python{version}", f"vhlocal/editable:{version}", installed)
    above = requirements("iniconfig\n", layer.tag, f"vhlocal/more:{version}")
    build(either, layer, above)
    for server in ("first", "second"):
        home, code = tmp_path / server / "home", tmp_path / server / "valohai" / "code"
        home.mkdir(parents=True)
        for made in either.made_beside_code(above.tag):
            shutil.copytree(made, code, dirs_exist_ok=True)
        left = [path for name in PLACES for path in code.rglob(f"{name}.py")]
        assert not left, "what was served when it was made is nobody's code"
        for entry in (entry for name, place in PLACES.items() for entry in project(name, server, place)):
            path = code / Path(entry.path).relative_to("/valohai/code")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(entry.content)
        environ = {"HOME": str(home), "PATH": os.defpath}
        for tag in (layer.tag, above.tag):
            for name, place in PLACES.items():
                command = either.local_directory(tag) / "bin" / f"say-{name}"
                assert run(command, env=environ).stdout == f"{server} from {name}\n"
                code_of = f"import {name}; print({name}.__file__)"
                done = run(either.python_directory(tag) / "python", "-c", code_of, env=environ)
                assert Path(done.stdout.strip()) == code / name / place / f"{name}.py", done.stderr


def test_a_project_s_own_files_do_not_stand_in_the_way(either):
    broken = tuple(Entry(f"/valohai/code/{name}.py", content=b"1/0") for name in ("venv", "pip", "logging", "typing"))
    settings = Entry("/valohai/code/pyproject.toml", content=b'[tool.uv]\nindex-url = "https://none.invalid/simple"\n')
    layer = requirements("iniconfig\n", more=(*broken, settings))
    build(either, layer)
    assert python(either, layer.tag, "import iniconfig; print('there')") == "there"


def test_the_user_s_python_settings_do_not_reach_it(tmp_path):
    (tmp_path / "sitecustomize.py").write_text("1/0")
    (tmp_path / "pip.conf").write_text("[global]\nuser = true\n")
    environ = without_uv(
        {
            **os.environ,
            "PYTHONPATH": str(tmp_path),
            "PYTHONHOME": "/none",
            "VIRTUAL_ENV": "/none",
            "PIP_TARGET": "/none",
        }
    )
    environ["PIP_CONFIG_FILE"] = str(tmp_path / "pip.conf")
    environments = Environments(tmp_path / "cache", host_network(environ), environ)
    layer = requirements("iniconfig\n")
    build(environments, layer)
    assert python(environments, layer.tag, "import iniconfig; print('there')") == "there"


@pytest.mark.parametrize("line", ["vhlocal-has-no-such-package", "./missing"])
def test_an_installation_that_fails_says_why_and_leaves_nothing(either, line):
    error = failure(either, requirements(f"{line}\n"))
    assert error.message.lower().startswith("installing requirements.txt failed: error:")
    assert line.rpartition("/")[2] in error.message + error.detail
    assert "pip install --user -r requirements.txt" in error.hint
    assert len(error.detail.splitlines()) <= 200


def test_a_pin_that_needs_another_python_says_so(either):
    interpreter("3.9")
    error = failure(either, requirements("numpy==2.4.0\n", "python3.9"))
    assert "this was Python 3.9." in error.hint
    assert "python:X.Y" in error.hint


def test_a_layer_on_nothing_is_refused(by_pip):
    assert "vhlocal/none:1 disappeared" in failure(by_pip, gunicorn("vhlocal/none:1")).message
    error = failure(by_pip, requirements("iniconfig\n", "python3.99"))
    assert (error.message, error.hint) == (
        "python3.99 is no longer on this machine",
        "install python3.99, or run again",
    )


@pytest.fixture
def bare_debian(tmp_path):
    """A directory with a Python that has no ensurepip, as on Debian without python3-venv."""
    interpreter(OTHER)
    whole = find_python(OTHER, os.environ)
    assert whole is not None
    name = f"python{OTHER}"
    (tmp_path / "usr" / "bin").mkdir(parents=True)
    shutil.copy(whole.path, tmp_path / "usr" / "bin" / name)
    library = tmp_path / "usr" / "lib" / name
    library.mkdir(parents=True)
    for path in (whole.path.parents[1] / "lib" / name).iterdir():
        if path.name not in {"ensurepip", "site-packages"}:
            (library / path.name).symlink_to(path)
    return tmp_path / "usr" / "bin"


def test_a_python_without_ensurepip_names_the_package_to_install(tmp_path, bare_debian):
    environ = without_uv({**os.environ, "PATH": f"{bare_debian}:{os.environ['PATH']}"})
    environments = Environments(tmp_path / "cache", HostNetwork(), environ)
    error = failure(environments, requirements("iniconfig\n", f"python{OTHER}"))
    assert f"Python {OTHER}." in error.message and str(bare_debian) in error.message
    assert error.message.endswith("cannot make a virtual environment: it has no module `ensurepip`")
    assert f"apt install python{OTHER}-venv" in error.hint and "install uv" in error.hint


def test_uv_needs_no_ensurepip(tmp_path, bare_debian, uv):
    environ = {**os.environ, "PATH": f"{bare_debian}:{uv}:{os.environ['PATH']}"}
    environments = Environments(tmp_path / "cache", host_network(environ), environ)
    layer = requirements("iniconfig\n", f"python{OTHER}")
    build(environments, layer)
    assert python(environments, layer.tag, "import iniconfig; print('there')") == "there"


@contextlib.contextmanager
def small_disk(path, size):
    path.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", path], check=True)
    try:
        yield path
    finally:
        subprocess.run(["umount", path], check=True)


@pytest.mark.parametrize("tool", ["pip", "uv"])
@pytest.mark.parametrize("size", ["200k", "2m", "24m"])
def test_a_full_disk_is_told(tmp_path, uv, tool, size):
    environ = without_uv(os.environ)
    if tool == "uv":
        environ["PATH"] = f"{uv}:{environ['PATH']}"
    with small_disk(tmp_path / "disk", size) as disk:
        environments = Environments(disk / "cache", host_network(environ), environ)
        error = failure(environments, requirements("numpy\n"))
        assert error.message == "the disk is full: the environment could not be written"
        assert "vhlocal prune" in error.hint


def test_a_cache_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "cache").write_text("")
    environments = Environments(tmp_path / "cache" / "below", HostNetwork(), without_uv(os.environ))
    with pytest.raises(BuildError, match=r"cannot be stored: .*/cache is a file, where a directory is needed"):
        environments.build(nothing(), said())


class Interrupted(BaseException):
    pass


def slow(begun):
    """A layer whose installation does not end by itself; the file ``begun`` appears once that goes on."""
    setup = f"import time\nopen({str(begun)!r}, 'w').close()\nwhile True: time.sleep(1)\n"
    return requirements(
        "./pkg\n", tag="vhlocal/slow:1", more=(Entry("/valohai/code/pkg/setup.py", content=setup.encode()),)
    )


def below_this(name):
    """The command lines of processes that name ``name``."""
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if name in line and "ps -eo" not in line]


def test_an_interrupted_making_leaves_nothing(either, tmp_path):
    begun = tmp_path / "begun"

    def interrupt(line):
        if "Processing" in line or "/python/bin/python" in line:
            wait_for(begun.exists, "the installation to go on")
            raise Interrupted

    with pytest.raises(Interrupted):
        either.build(slow(begun), interrupt)
    assert either.image("vhlocal/slow:1") is None
    assert layers(either) == []
    wait_for(lambda: not below_this(str(either._directory)), "the installer to end")


def test_closing_ends_a_making_from_another_thread(either, tmp_path):
    failed = []

    def work():
        try:
            either.build(slow(tmp_path / "begun"), said())
        except BuildError as error:
            failed.append(error.message)

    thread = threading.Thread(target=work)
    thread.start()
    wait_for((tmp_path / "begun").exists, "the installation to go on")
    either.close()
    thread.join(60)
    assert failed == ["the environment was not made, because vhlocal is stopping"]
    assert layers(either) == []
    wait_for(lambda: not below_this(str(either._directory)), "the installer to end")
    with pytest.raises(BuildError, match="vhlocal is stopping"):
        either.build(nothing(), said())


def test_what_a_killed_run_left_does_not_count_and_is_swept(by_uv):
    left = by_uv._directory / "vhlocal-nothing-1-0123abcd"
    (left / "python").mkdir(parents=True)
    assert by_uv.image("vhlocal/nothing:1") is None
    build(by_uv, nothing())
    assert not left.exists()
    assert by_uv.image("vhlocal/nothing:1") is not None


def test_two_at_once_make_it_once(by_uv):
    lines = [[], []]
    threads = [threading.Thread(target=by_uv.build, args=(requirements("iniconfig\n"), each.append)) for each in lines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(any("iniconfig" in line for line in each) for each in lines) == [False, True]
    assert ["another vhlocal is making this; waiting for it"] in lines
    assert len(made(by_uv)) == 1


def test_what_lost_its_parent_or_its_interpreter_is_not_there(by_uv):
    below, above = nothing(), nothing("vhlocal/nothing:1", "vhlocal/above:1")
    build(by_uv, below, above)
    parent = by_uv.python_directory(below.tag).parents[1]
    interpreter = by_uv.python_directory(above.tag) / "python"
    parent.rename(parent.with_name("elsewhere"))
    assert by_uv.image(above.tag) is None
    with pytest.raises(BuildError, match="vhlocal/above:1 does not exist"):
        by_uv.local_directory(above.tag)
    parent.with_name("elsewhere").rename(parent)
    assert by_uv.image(above.tag) is not None
    interpreter.unlink()
    interpreter.symlink_to("/none/python")
    assert by_uv.image(above.tag) is None


def test_what_is_made_anew_leaves_alone_who_runs_in_the_old_one(by_uv, tmp_path):
    build(by_uv, nothing())
    old, first = by_uv.python_directory("vhlocal/nothing:1"), by_uv.image("vhlocal/nothing:1")
    by_uv.hold("vhlocal/nothing:1")
    record = by_uv._directory / "vhlocal-nothing-1.json"
    record.write_text(json.dumps({**json.loads(record.read_text()), "parent": "another interpreter"}))
    build(by_uv, nothing())
    assert by_uv.image("vhlocal/nothing:1").id != first.id
    assert by_uv.python_directory("vhlocal/nothing:1") != old
    assert old.exists()
    by_uv.close()
    again = Environments(by_uv._directory, by_uv._network, by_uv._environ)
    assert [name for name, _ in again.prune(["vhlocal/nothing:1"], everything=False)] == ["vhlocal/nothing:1"]
    assert not old.exists()
    assert again.image("vhlocal/nothing:1") is not None


def test_prune_keeps_what_is_needed_and_what_that_stands_on(by_uv):
    base = f"python{RUNNING}"
    by_uv.ensure_base(base)
    below, above, other = nothing(), nothing("vhlocal/nothing:1", "vhlocal/above:1"), nothing(tag="vhlocal/other:1")
    build(by_uv, below, above, other)
    ((name, size),) = by_uv.prune([above.tag], everything=False)
    assert name == other.tag
    assert size > 100_000
    assert by_uv.image(other.tag) is None
    assert by_uv.image(above.tag) is not None and by_uv.image(below.tag) is not None
    by_uv.hold(above.tag)
    assert by_uv.prune([], everything=False) == []
    assert [name for name, _ in by_uv.prune([], everything=True)] == [base]
    by_uv.close()
    assert [name for name, _ in by_uv.prune([], everything=True)] == [above.tag, below.tag]
    assert made(by_uv) == []


def test_prune_leaves_what_is_being_made(by_uv):
    begun, go_on = threading.Event(), threading.Event()

    def wait(line):
        begun.set()
        go_on.wait(60)

    thread = threading.Thread(target=by_uv.build, args=(nothing(), wait))
    thread.start()
    assert begun.wait(60)
    assert by_uv.prune([], everything=True) == []
    go_on.set()
    thread.join(60)
    assert by_uv.image("vhlocal/nothing:1") is not None


def test_uv_is_told_what_is_set_for_pip(tmp_path, uv):
    """What is set leads to nothing, so that the error tells what was asked."""
    environ = {
        "PATH": f"{uv}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "UV_CACHE_DIR": str(tmp_path / "uv"),
        "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
        "PIP_RETRIES": "0",
    }

    def fails(**more):
        told = {**environ, **more}
        environments = Environments(tmp_path / "cache", host_network(told, tmp_path / "none"), told)
        return failure(environments, requirements("iniconfig\n")).message

    assert "http://127.0.0.1:9/simple/iniconfig/" in fails()
    assert "http://127.0.0.1:10/simple/iniconfig/" in fails(UV_INDEX_URL="http://127.0.0.1:10/simple")
    assert "http://127.0.0.1:10/simple/iniconfig/" in fails(PIP_EXTRA_INDEX_URL="http://127.0.0.1:10/simple")
    assert "127.0.0.1" not in fails(PIP_NO_INDEX="1")
    assert "127.0.0.1" not in fails(PIP_NO_INDEX="1", PIP_FIND_LINKS=str(tmp_path))
    (tmp_path / ".config" / "uv").mkdir(parents=True)
    (tmp_path / ".config" / "uv" / "uv.toml").write_text('cache-dir = "/dev/null/none"\n')
    with pytest.raises(BuildError, match="/dev/null/none"):
        Environments(tmp_path / "other", HostNetwork(), {**environ, "UV_CACHE_DIR": ""}).build(nothing(), said())


def test_an_install_without_files_needs_none(by_uv):
    layer = Layer("vhlocal/one:1", f"python{RUNNING}", "installing", Install(("iniconfig",)))
    build(by_uv, layer)
    assert python(by_uv, layer.tag, "import iniconfig; print('there')") == "there"
