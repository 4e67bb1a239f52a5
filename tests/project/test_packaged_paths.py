import os
import subprocess
import sys

import pytest

from vhlocal.errors import InputError
from vhlocal.project.packaged_paths import Ignored, packaged_paths


def test_a_tree_of_a_thousand_levels_is_listed(project):
    """Below the longest path that the system takes, which is 1,024 bytes on macOS."""
    depth = (900 - len(str(project.directory))) // 2 if sys.platform == "darwin" else 1800
    path = "a/" * depth + "f"
    at = os.open(project.directory, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("a", dir_fd=at)
        below = os.open("a", os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = below
    os.close(os.open("f", os.O_CREAT, dir_fd=at))
    os.close(at)
    project.write(".vhignore", "other\n")
    try:
        assert packaged_paths(project.directory) == [path]
        assert Ignored(project.directory / ".vhignore").has(path) is False
    finally:
        subprocess.run(["rm", "-rf", project.directory / "a"], check=True)  # older Pythons' `rmtree` cannot


def fill(project, *paths):
    for path in paths:
        project.write(path, path)


def test_git_s_listing_is_the_packaged_set(repository):
    """B5: tracked and untracked files, less the ignored ones and names that begin with a dot at the top."""
    repository.write(".gitignore", "*.log\nsub/private/\n")
    fill(repository, "app.py", "sub/mod.py", "sub/.hidden", "sub/private/key", ".env", ".config/x", "a.log", "kept.log")
    repository.git("add", "app.py")
    repository.git("add", "-f", "kept.log")
    fill(repository, "untracked venv/lib/python3/site.py", "gr\u00fc\u00df.txt")
    assert packaged_paths(repository.directory) == [
        "app.py",
        "gr\u00fc\u00df.txt",
        "kept.log",
        "sub/.hidden",
        "sub/mod.py",
        "untracked venv/lib/python3/site.py",
    ]


def test_without_git_dotted_names_are_left_out_everywhere(project):
    """B5: the client's own walk."""
    fill(project, "app.py", "sub/mod.py", "sub/.hidden", ".env", ".config/x")
    assert packaged_paths(project.directory) == ["app.py", "sub/mod.py"]


def test_without_git_the_top_gitignore_counts(project):
    """B5: limited support of .gitignore where there is no repository."""
    project.write(".gitignore", "*.log\n/data/\n!kept.log\n")
    fill(project, "app.py", "a.log", "kept.log", "data/x.csv", "sub/data/x.csv")
    assert packaged_paths(project.directory) == ["app.py", "kept.log", "sub/data/x.csv"]


@pytest.mark.parametrize("kind", ["project", "repository"])
def test_vhignore_counts_in_both(request, kind):
    """B5: .vhignore leaves out what it names, tracked or not."""
    project = request.getfixturevalue(kind)
    fill(project, "app.py", "notes/a.md", "big.bin", "sub/big.bin")
    if kind == "repository":
        project.commit()
    project.write(".vhignore", "notes/\nbig.bin\n")
    assert packaged_paths(project.directory) == ["app.py"]


def test_a_project_inside_of_a_repository_is_walked(repository):
    """B5: the client asks git only where .git is in the directory itself."""
    repository.write(".gitignore", "*.log\n")
    fill(repository, "inner/app.py", "inner/a.log", "inner/.env")
    assert packaged_paths(repository.directory / "inner") == ["a.log", "app.py"]


def test_tracked_files_of_submodules_are_listed(repository, tmp_path):
    """B5: a second pass lists what submodules track; what they do not track is left out."""
    library = type(repository)(tmp_path / "library")
    library.directory.mkdir()
    library.git("init", "-q", "-b", "main")
    library.write("lib.py")
    library.commit()
    repository.git("submodule", "add", "-q", str(library.directory), "vendor")
    fill(repository, "app.py", "vendor/untracked.py")
    assert packaged_paths(repository.directory) == ["app.py", "vendor", "vendor/lib.py"]


def test_git_s_refusal_is_told(project):
    project.write(".git", "gitdir: /nowhere\n")
    with pytest.raises(InputError, match="`git ls-files` failed") as caught:
        packaged_paths(project.directory)
    assert "not a git repository" in caught.value.detail


def test_a_name_that_is_not_utf_8_is_told(project):
    path = os.fsencode(project.directory) + b"/caf\xe9.txt"
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
    with pytest.raises(InputError, match="not UTF-8"):
        packaged_paths(project.directory)
