from datetime import datetime, timezone

import pytest

from tests.project.conftest import Project
from vhlocal.errors import InputError
from vhlocal.project.git import ask_git, differs_from_commit, is_repository, run_git
from vhlocal.project.naming import commit_origin
from vhlocal.project.package import read_package


def test_only_the_top_of_a_working_tree_is_a_repository(repository):
    (repository.directory / "inner").mkdir()
    assert is_repository(repository.directory)
    assert not is_repository(repository.directory / "inner")


def test_git_answers(repository):
    assert run_git(repository.directory, "symbolic-ref", "--short", "HEAD") == b"main\n"
    assert ask_git(repository.directory, "symbolic-ref", "--short", "HEAD") == "main"


def test_a_question_that_git_cannot_answer_is_empty(repository, project):
    assert ask_git(repository.directory, "rev-parse", "HEAD~7") == ""


def test_a_question_outside_of_a_repository_is_empty(project):
    assert ask_git(project.directory, "status") == ""


def test_a_failure_is_told_with_git_s_own_words(repository):
    with pytest.raises(InputError, match="`git show` failed in") as caught:
        run_git(repository.directory, "show", "nothing")
    assert "nothing" in caught.value.detail


def test_a_host_without_git_is_told(repository, monkeypatch):
    monkeypatch.setenv("PATH", str(repository.directory))
    with pytest.raises(InputError, match="git cannot be run") as caught:
        run_git(repository.directory, "status")
    assert caught.value.hint == "install git"
    assert ask_git(repository.directory, "status") == ""


@pytest.fixture
def hostile(repository, tmp_path):
    """Return a repository whose own configuration names a program everywhere, and the file that each of them makes."""
    made = tmp_path / "ran"
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\necho $0 $* >> {made}\ncat 2>/dev/null\n")
    program.chmod(0o755)
    directory = repository.directory
    (directory / ".gitattributes").write_text("* filter=evil diff=evil\n")
    (directory / "tracked.txt").write_text("one\n")
    repository.git("add", ".")
    repository.git("-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "-m", "one")
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    for name in ("post-index-change", "fsmonitor-watchman", "reference-transaction"):
        (hooks / name).symlink_to(program)
    included = tmp_path / "included"
    included.write_text(f'[filter "more"]\n\tclean = {program} more\n\trequired = true\n')
    for name, value in {
        "core.fsmonitor": program,
        "core.hooksPath": hooks,
        "core.pager": program,
        "core.sshCommand": program,
        "diff.external": program,
        "diff.evil.textconv": program,
        "diff.evil.command": program,
        "filter.evil.clean": f"{program} clean",
        "filter.evil.smudge": f"{program} smudge",
        "filter.evil.process": f"{program} process",
        "filter.evil.required": "true",
        "gpg.program": program,
        "log.showSignature": "true",
        "include.path": included,
    }.items():
        repository.git("config", name, str(value))
    made.unlink(missing_ok=True)
    # Its time differs, so that git has to compare.
    (directory / "tracked.txt").write_text("two\n")
    (directory / "untracked.txt").write_text("three\n")
    return directory, made


def test_no_program_runs_that_a_repository_names(hostile):
    directory, made = hostile
    assert differs_from_commit(directory)
    assert commit_origin(directory, "abc", datetime.now(timezone.utc)).adhoc
    read_package(directory)
    run_git(directory, "ls-files", "-oiz", "--exclude-standard", "--directory")
    run_git(directory, "check-ignore", "-z", "--stdin", feed=b"tracked.txt\0", codes=(0, 1))
    assert not made.exists(), made.read_text()


@pytest.mark.parametrize("name", ["a=b", "", "A.b", "\udcff", "plain"])
@pytest.mark.parametrize("file", ["config", "config.worktree"])
def test_no_filter_of_a_repository_runs_whatever_its_name_and_its_file(repository, tmp_path, name, file):
    ran = tmp_path / "ran"
    directory = repository.directory
    repository.write("a.txt", "one\n")
    (directory / ".gitattributes").write_bytes(f"*.txt filter={name}\n".encode(errors="surrogateescape"))
    repository.commit()
    repository.git("config", "extensions.worktreeConfig", "true")
    filters = f'[filter "{name}"]\n\tclean = echo x >>{ran}; cat\n\tprocess = echo x >>{ran}\n\trequired = true\n'
    with (directory / ".git" / file).open("ab") as config:
        config.write(filters.encode(errors="surrogateescape"))
    (directory / "a.txt").write_text("two\n")
    assert differs_from_commit(directory)
    assert not ran.exists()


def test_what_git_cannot_compare_is_not_called_committed(repository):
    repository.write("a.txt", "one\n")
    repository.commit()
    assert not differs_from_commit(repository.directory)
    (repository.directory / ".git" / "index").write_bytes(b"no index")
    assert differs_from_commit(repository.directory)


def test_a_filter_of_the_users_own_is_left_on(repository, tmp_path, monkeypatch):
    """As LFS's: what it makes of a file is what was committed."""
    program = tmp_path / "upper"
    program.write_text("#!/bin/sh\ntr a-z A-Z\n")
    program.chmod(0o755)
    own = tmp_path / "own"
    own.write_text(f'[filter "upper"]\n\tclean = {program}\n[user]\n\tname = a\n\temail = a@b\n')
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(own))
    (repository.directory / ".gitattributes").write_text("*.txt filter=upper\n")
    (repository.directory / "a.txt").write_text("one\n")
    repository.git("add", ".")
    repository.git("commit", "-q", "-m", "one")
    (repository.directory / "a.txt").write_text("ONE\n")
    assert not differs_from_commit(repository.directory)


def test_a_partial_clone_fetches_nothing_while_it_is_looked_at(repository, tmp_path):
    """Else the program would run that its configuration names for that."""
    repository.write("a/b.py", "b")
    repository.commit()
    repository.git("config", "uploadpack.allowFilter", "true")
    clone, ran = Project(tmp_path / "clone"), tmp_path / "ran"
    source = f"file://{repository.directory}"
    repository.git("clone", "-q", "--no-checkout", "--filter=tree:0", source, str(clone.directory))
    clone.git("config", "remote.origin.uploadpack", f"sh -c 'echo x >> {ran}; exec git-upload-pack \"$@\"' --")
    for name in ("protocol.allow", "protocol.file.allow"):
        clone.git("config", name, "always")
    clone.write("new.py", "")
    differs_from_commit(clone.directory)
    commit_origin(clone.directory, "x", datetime.now(timezone.utc))
    read_package(clone.directory)
    assert not ran.exists()
    clone.git("-c", "protocol.file.allow=always", "status")
    assert ran.exists()
