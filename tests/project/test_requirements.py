import pytest

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


@pytest.mark.parametrize(
    "line",
    [
        ".",
        "./src",
        "..",
        ".[extra]",
        "-e .",
        "-e.",
        "--editable=.",
        "--editable src",
        "src/library",
        "wheels/a-1.0-py3-none-any.whl",
        "a-1.0.tar.gz",
        "file:///valohai/code/src",
        "a @ file:./src",
        "./src ; python_version > '3.6'",
        "-f wheels",
        "--find-links=./wheels",
    ],
)
def test_a_line_that_reads_the_project_s_tree_makes_all_code_an_input(project, inputs, line):
    """B2: such an installation changes with the code."""
    project.write("src/library/setup.py")
    first = inputs(f"numpy\n{line}\n")
    assert first.local
    project.write("src/library/setup.py", "changed")
    assert inputs().key() != first.key()


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
        ("-r ../out.txt", "`../out.txt` is outside of the project"),
        ("-c /etc/out.txt", "`/etc/out.txt` is outside of the project"),
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
