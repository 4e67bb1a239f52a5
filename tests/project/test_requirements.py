import pytest

from tests.editable import pyproject
from vhlocal.errors import InputError
from vhlocal.model import Place
from vhlocal.project.package import read_package
from vhlocal.project.requirements import requirement_inputs, requirement_lines


@pytest.fixture
def inputs(project):
    def inputs(text="", name="requirements.txt"):
        if text:
            project.write(name, text)
        return requirement_inputs(read_package(project.directory), name)

    return inputs


def paths(inputs):
    return sorted(path for path, _ in inputs.files)


@pytest.mark.parametrize(
    "line",
    [
        "-r more/base.txt",
        "-rmore/base.txt",
        "--requirement more/base.txt",
        "--requirement=more/base.txt",
        "-c more/base.txt",
        "-cmore/base.txt",
        "--constraint=./more/base.txt  # pinned",
        "-r \\\n  more/base.txt",
        "-r 'more/base.txt'",
    ],
)
def test_an_included_file_is_an_input(project, inputs, line):
    """B2: what is installed depends on every file that the requirements include, from where they stand."""
    project.write("more/base.txt", "-r ../last.txt\n")
    project.write("last.txt", "-r requirements.txt\nflask\n")
    found = inputs(f"numpy\n{line}\n")
    assert paths(found) == ["last.txt", "more/base.txt", "requirements.txt"]
    assert not found.local


def test_what_is_far_away_or_commented_out_is_not_followed(inputs):
    found = inputs(
        "# -r none.txt\n#\\\n-r https://example.com/r.txt\n-r ${WHERE}/r.txt\n--index-url https://example.com/\n"
        "flask>=2 ; python_version < '3.8'  # not -r this\nrequests \\\n   >=2\n"
        "a @ https://example.com/a.whl\n-e git+https://example.com/b.git\n-rfoo.txt ".removesuffix("-rfoo.txt ")
    )
    assert paths(found) == ["requirements.txt"]
    assert not found.local


TREE = {
    "pyproject.toml": "[project]\nname = 'app'\n",
    "app/__init__.py": "",
    "lib/pyproject.toml": "[project]\nname = 'lib'\n",
    "lib/src/lib/core.py": "",
    "lib/notes.txt": "",
    "wheels/a-1.0-py3-none-any.whl": "",
    "wheels/b-1.0.tar.gz": "",
    "index/a/index.html": "",
    "more/limits.txt": "",
    "more/own/c-1.0.zip": "",
}


@pytest.mark.parametrize(
    ("line", "read"),
    [
        (".", TREE),
        (".[extra]", TREE),
        (". ; python_version > '3.6'", TREE),
        ("./lib", [path for path in TREE if path.startswith("lib/")]),
        ("./lib/", [path for path in TREE if path.startswith("lib/")]),
        ("lib/src", ["lib/src/lib/core.py"]),
        ("file:///valohai/code/lib/src", ["lib/src/lib/core.py"]),
        ("file:lib#subdirectory=src", ["lib/src/lib/core.py"]),
        ("lib @ file:./lib/src", ["lib/src/lib/core.py"]),
        ("lib @ file://localhost/valohai/code/lib/src", ["lib/src/lib/core.py"]),
        ("./${WHERE}", TREE),
        ("lib @ file://${WHERE}/lib", TREE),
        ("wheels/a-1.0-py3-none-any.whl", ["wheels/a-1.0-py3-none-any.whl"]),
        ("./wheels/b-1.0.tar.gz --hash=sha256:00", ["wheels/b-1.0.tar.gz"]),
        ("-f wheels", ["wheels/a-1.0-py3-none-any.whl", "wheels/b-1.0.tar.gz"]),
        ("--find-links=./wheels/", ["wheels/a-1.0-py3-none-any.whl", "wheels/b-1.0.tar.gz"]),
        ("--find-links /valohai/code/wheels", ["wheels/a-1.0-py3-none-any.whl", "wheels/b-1.0.tar.gz"]),
        ("--extra-index-url file:///valohai/code/index", ["index/a/index.html"]),
        ("-i ./index", ["index/a/index.html"]),
        ("-e .", ["pyproject.toml"]),
        ("-e.", ["pyproject.toml"]),
        ("--editable=.[extra]", ["pyproject.toml"]),
        ("--editable file:///valohai/code#egg=app", ["pyproject.toml"]),
        ("-e ./lib", ["lib/pyproject.toml"]),
        ("-e . --config-settings editable_mode=strict", TREE),
        ("..", []),
        ("/elsewhere/lib", []),
        ("file:///elsewhere/lib", []),
    ],
)
def test_a_line_that_installs_from_the_project_s_tree_reads_what_it_names_and_no_more(project, inputs, line, read):
    """B2: a layer is made again where what it reads has changed, and not at any save."""
    for path, text in TREE.items():
        project.write(path, text)
    first = inputs(f"numpy\n{line}\n")
    assert first.local
    changed = []
    for path in TREE:
        project.write(path, f"# {path} changed\n" + TREE[path])
        changed += [path] if inputs().key() != first.key() else []
        project.write(path, TREE[path])
    assert changed == [path for path in TREE if path in read]


def test_a_folder_of_archives_may_stand_beside_the_file_that_names_it(project, inputs):
    project.write("more/own/c-1.0.zip")
    project.write("more/base.txt", "--find-links own\n")
    first = inputs("-r more/base.txt\n")
    project.write("more/own/c-1.0.zip", "changed")
    assert inputs().key() != first.key()


def test_an_archive_that_comes_is_seen(project, inputs):
    project.write("wheels/a-1.0-py3-none-any.whl")
    first = inputs("-f wheels\na\n")
    project.write("wheels/a-1.1-py3-none-any.whl")
    assert inputs().key() != first.key()


EDITABLE = {
    "pyproject.toml": pyproject(
        """\
readme = "README.md"
dynamic = ["version", "dependencies"]
[project.scripts]
shop = "shop.main:run"
[tool.setuptools]
py-modules = ["server"]
[tool.setuptools.dynamic]
version = { attr = "shop.about.VERSION" }
dependencies = { file = ["needed.txt"] }
[tool.ruff]
exclude = ["shop/odd.py"]
[tool.ruff.lint.per-file-ignores]
"shop/main.py" = ["E"]"""
    ),
    "README.md": "",
    "needed.txt": "",
    "server.py": "",
    "shop/__init__.py": "",
    "shop/about.py": "VERSION = '1'",
    "shop/main.py": "",
    "shop/odd.py": "",
    "shop/table.csv": "",
    "shop/quick.pyx": "",
}


def of_setup_cfg():
    cfg = "[metadata]\nname = shop\nversion = attr: shop.about.VERSION\nlong_description = file: README.md, NEWS.md\n"
    return {**EDITABLE, "pyproject.toml": "", "setup.cfg": cfg, "NEWS.md": ""}


def of_setup_py():
    script = """\
from pathlib import Path
from setuptools import setup
from build_tools import flags
here = Path(__file__).parent
setup(name="shop", version=(here / "shop" / "about.py").read_text(), long_description=open("README.md").read(),
      py_modules=["server"])
"""
    return {**EDITABLE, "pyproject.toml": "", "setup.py": script, "build_tools.py": ""}


def of_hatch():
    toml = """\
[build-system]
requires = ["hatchling"]
build-backend = "own"
backend-path = ["tools"]
[tool.hatch.version]
path = "shop/about.py"
[tool.hatch.build.targets.wheel]
include = ["server.py"]
packages = ["shop"]
"""
    return {**EDITABLE, "pyproject.toml": toml, "tools/own.py": ""}


def of_flit():
    toml = "[build-system]\nbuild-backend = 'flit_core.buildapi'\n[project]\nname = 'shop'\ndynamic = ['version']\n"
    return {**EDITABLE, "pyproject.toml": toml}


@pytest.mark.parametrize("top", [".", "library"])
@pytest.mark.parametrize(
    ("files", "read"),
    [
        (
            EDITABLE,
            {"pyproject.toml", "README.md", "needed.txt", "shop/__init__.py", "shop/about.py", "shop/quick.pyx"},
        ),
        (
            of_setup_cfg(),
            {
                *("pyproject.toml", "setup.cfg", "README.md", "NEWS.md"),
                *("shop/__init__.py", "shop/about.py", "shop/quick.pyx"),
            },
        ),
        (
            of_setup_py(),
            {"pyproject.toml", "setup.py", "README.md", "build_tools.py", "shop/about.py", "shop/quick.pyx"},
        ),
        (of_hatch(), {"pyproject.toml", "tools/own.py", "shop/about.py", "shop/quick.pyx"}),
        (of_flit(), {"pyproject.toml", "shop/__init__.py", "shop/quick.pyx"}),
    ],
    ids=["setuptools", "setup.cfg", "setup.py", "hatch", "flit"],
)
def test_an_editable_installation_reads_its_metadata_and_not_its_code(project, inputs, top, files, read):
    """B2: what it installs from is read from the project when it is imported, after each save."""
    for path, text in files.items():
        project.write(f"{top}/{path}", text)
    first = inputs(f"-e ./{top}\n".replace("./.", "."))
    changed = set()
    for path in files:
        project.write(f"{top}/{path}", files[path] + "\n# changed\n")
        changed |= {path} if inputs().key() != first.key() else set()
        project.write(f"{top}/{path}", files[path])
    assert inputs().key() == first.key()
    assert changed == read


@pytest.mark.parametrize(
    ("path", "again"),
    [
        ("shop/more.py", False),
        ("shop/data.json", False),
        ("notes.txt", False),
        ("shop/inner/mod.py", True),
        ("another.py", True),
        ("src/another.py", True),
        ("new/__init__.py", True),
    ],
)
def test_an_editable_installation_knows_its_packages_by_name(project, inputs, path, again):
    """B2: import finders map the names of packages to where they were; what is in one they look up."""
    for name, text in EDITABLE.items():
        project.write(name, text)
    first = inputs("-e .\n")
    file = project.write(path, "")
    assert (inputs().key() != first.key()) == again
    file.unlink()
    assert inputs().key() == first.key()


@pytest.mark.parametrize("line", ["numpy", "src", "--no-binary :all:", "-i https://example.com/", "zope.interface"])
def test_other_lines_do_not(project, inputs, line):
    """B2: a code edit never reinstalls the requirements."""
    project.write("src/mod.py")
    first = inputs(f"{line}\n")
    assert not first.local
    project.write("src/mod.py", "changed")
    assert inputs().key() == first.key()


def test_the_key_changes_with_each_file_of_the_closure(project, inputs):
    """B2: the layer is keyed by its inputs."""
    project.write("base.txt", "flask\n")
    first = inputs("-r base.txt\n").key()
    assert inputs().key() == first
    project.write("base.txt", "flask==3\n")
    assert inputs().key() != first


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("-r none.txt", "`none.txt` does not exist"),
        ("-r ../out.txt", "`../out.txt` is outside the project"),
        ("-c /etc/out.txt", "`/etc/out.txt` is outside the project"),
        ("-r secret.txt", "`secret.txt` is not packaged"),
    ],
)
def test_a_missing_include_is_told_with_its_line(project, inputs, line, words):
    project.write(".vhignore", "secret.txt\n")
    project.write("secret.txt")
    with pytest.raises(InputError) as caught:
        inputs(f"numpy\nflask \\\n  >2\n{line}\n")
    assert caught.value.message.startswith(words)
    assert caught.value.place == Place(project.directory / "requirements.txt", 4)


def test_a_continuation_at_the_end_of_the_file_ends_there(project, inputs):
    project.write("base.txt")
    assert paths(inputs("-r base.txt \\")) == ["base.txt", "requirements.txt"]


def test_a_file_that_is_gone_since_is_told(project):
    file = project.write("requirements.txt", "numpy\n")
    package = read_package(project.directory)
    file.unlink()
    with pytest.raises(InputError, match="cannot be read"):
        requirement_inputs(package, "requirements.txt")


def test_the_lines_of_includes_stand_in_their_places_each_file_once(project):
    project.write("requirements.txt", "flask  # web\n-r base.txt\n-c limits.txt\n-r base.txt\n-r none.txt\n")
    project.write("base.txt", "numpy \\\n  >=2\n-r requirements.txt\n")
    project.write("limits.txt", "-r more.txt\n")
    project.write("more.txt", "numpy<3\n")
    lines = requirement_lines(read_package(project.directory), "requirements.txt")
    assert [(line.place.file.name, line.place.line, line.text, line.constraint) for line in lines] == [
        ("requirements.txt", 1, "flask", False),
        ("base.txt", 1, "numpy   >=2", False),
        ("more.txt", 1, "numpy<3", True),
        ("requirements.txt", 5, "-r none.txt", False),
    ]
    assert [line.missing for line in lines] == ["", "", "", "`none.txt` does not exist"]


def test_a_file_of_windows_is_read_as_pip_reads_it(project, inputs):
    project.write("requirements.txt", "flask\r\n-r base.txt\r\n".encode("utf-16"))
    project.write("base.txt", "numpy\n")
    assert paths(inputs()) == ["base.txt", "requirements.txt"]
    lines = requirement_lines(read_package(project.directory), "requirements.txt")
    assert [line.text for line in lines] == ["flask", "numpy"]
