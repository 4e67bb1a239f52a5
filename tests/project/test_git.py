import pytest

from vhlocal.errors import InputError
from vhlocal.project.git import ask_git, is_repository, run_git


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
