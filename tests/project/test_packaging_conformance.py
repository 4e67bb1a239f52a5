"""B5: the packaged set is the one that the platform's own client makes, on trees of every kind."""

import io
import posixpath
import tarfile
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from valohai_cli import packager

from tests.project.conftest import Project
from vhlocal.project.package import read_package

names = st.sampled_from(["a.py", "b.log", ".env", "model.bin", "data", "lib", "x y.txt", "ü.md", "build", "#c", "!d"])
paths = st.lists(names, min_size=1, max_size=3).map("/".join)
contents = st.sampled_from(["1", "22"]) | st.sampled_from(["a.py", "../a.py", "nowhere", "/etc/hosts", "lib"]).map(Path)
patterns = st.sampled_from(
    [
        "*.log",
        "data/",
        "/lib",
        "build",
        "**/model.bin",
        "!b.log",
        "x*",
        "lib/*.py",
        "[ab].py",
        "#c",
        "\\#c",
        "\\!d",
        "data/**",
        "*/a.py",
        "?.py",
        "lib/",
    ]
)
ignores = st.lists(patterns, max_size=4).map("\n".join)


def packed(directory, **options):
    """The client's archive: each member's link, or None. What a container could not follow is left out."""
    archive = io.BytesIO()
    packager.package_files_into(archive, packager.get_files_for_package(str(directory), **options))
    archive.seek(0)
    members = {}
    with tarfile.open(fileobj=archive) as tar:
        for member in tar:
            target = posixpath.normpath(posixpath.join(posixpath.dirname(member.name), member.linkname))
            if not (member.issym() and (member.linkname.startswith("/") or target.startswith(".."))):
                members[member.name] = member.linkname if member.issym() else None
    return members


def write(project, files):
    """Write what can stand side by side: of a file and a directory of one name, the first."""
    written = []
    for path, content in files.items():
        file = project.directory / path
        clash = file.exists() or file.is_symlink() or any(up.is_file() or up.is_symlink() for up in file.parents)
        # The client ends at links that lead back to themselves: what links point at is never a link.
        if clash or (isinstance(content, Path) and file.name in ("a.py", "lib")):
            continue
        if isinstance(content, Path):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.symlink_to(content)
        else:
            project.write(path, content)
        written.append(path)
    return written


@pytest.mark.parametrize("git", [False, True])
@settings(max_examples=60)
@given(st.dictionaries(paths, contents, max_size=12), ignores, ignores, st.integers(0, 12))
def test_the_packaged_set_is_the_client_s(git, files, gitignore, vhignore, tracked):
    """B5: with git and without, with links and ignore files."""
    with tempfile.TemporaryDirectory() as directory:
        project = Project(Path(directory))
        written = write(project, files)
        project.write(".gitignore", gitignore)
        project.write(".vhignore", vhignore)
        if git:
            project.git("init", "-q")
            for path in written[:tracked]:
                if (project.directory / path).is_file():
                    project.git("add", "-f", "--", path)
            for path in written[:1]:
                (project.directory / path).unlink(missing_ok=True)
        ours = {path: file.link for path, file in read_package(project.directory).files.items()}
        assert ours == packed(project.directory)
        tracked_alone = read_package(project.directory, include_untracked=False)
        theirs = packed(project.directory, include_untracked=False)
        assert {path: file.link for path, file in tracked_alone.files.items()} == theirs
