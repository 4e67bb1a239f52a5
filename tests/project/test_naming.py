from datetime import date, datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vhlocal.errors import InputError
from vhlocal.project.naming import (
    commit_origin,
    directory_name,
    remote_names,
    slug,
    validate_name,
    version_aliases,
    version_name,
    without_credentials,
)

NOW = datetime(2024, 2, 3, 4, 5, 6, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("url", "names"),
    [
        ("https://github.com/Acme/digits.git", ("acme", "digits")),
        ("https://user:secret@github.com/acme/digits", ("acme", "digits")),
        ("https://gitlab.com/group/sub/digits.git/", ("group", "digits")),
        ("git@github.com:acme/My_Digits.git", ("acme", "my_digits")),
        ("ssh://git@github.com:2222/acme/digits.git", ("acme", "digits")),
        ("git@host:digits.git", ("", "digits")),
        ("/srv/git/digits.git", ("", "digits")),
        ("file:///srv/git/digits.git", ("", "digits")),
        ("../digits", ("", "digits")),
    ],
)
def test_the_git_remote_names_owner_and_project(repository, url, names):
    repository.git("remote", "add", "origin", url)
    assert remote_names(repository.directory) == names


def test_without_a_remote_of_its_own_a_project_is_named_by_its_directory(repository):
    assert remote_names(repository.directory) == ("", "")
    repository.git("remote", "add", "origin", "https://github.com/acme/all.git")
    inner = repository.directory / "Inner One"
    inner.mkdir()
    assert remote_names(inner) == ("", "")
    assert directory_name(inner) == "inner-one"


def test_a_directory_whose_name_has_no_letter_still_names_a_project(tmp_path):
    (tmp_path / "---").mkdir()
    assert directory_name(tmp_path / "---") == "project"


@given(st.text())
def test_a_slug_is_a_valid_name_or_empty(text):
    """P1: each name is one segment of the path."""
    made = slug(text)
    assert made == "" or validate_name(made, "it") == made


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a b", "-a", ".a", "ä", "a%20b", "a?b", "a\n"])
def test_a_name_that_is_no_path_segment_is_refused(name):
    """P1: each name is one segment of the path."""
    with pytest.raises(InputError, match="the owner cannot be"):
        validate_name(name, "the owner")


def test_a_name_fills_no_table(tmp_path):
    """P1, P3: of a longer directory's name the beginning is taken."""
    assert validate_name("a" * 200, "an alias") == "a" * 200
    with pytest.raises(InputError, match=r'an alias cannot be "a{20}…": it has 201 characters'):
        validate_name("a" * 201, "an alias")
    (tmp_path / ("A" * 250)).mkdir()
    assert directory_name(tmp_path / ("A" * 250)) == "a" * 200


@pytest.mark.parametrize(
    ("taken", "expected"),
    [
        ((), "20181002.0"),
        (("20181002.0",), "20181002.1"),
        (("20181002.0", "20181002.10", "20181001.50", "20181002.x", "mine"), "20181002.11"),
    ],
)
def test_a_version_s_name_is_date_and_counter(taken, expected):
    """P2: version names default to date plus counter."""
    assert version_name(date(2018, 10, 2), taken) == expected


@given(st.dates(), st.integers(0, 30))
def test_version_names_never_clash(day, count):
    """P2: each new version of a day has a name of its own."""
    taken = []
    for _ in range(count):
        taken.append(version_name(day, taken))
    assert len(set(taken)) == count


def test_dev_is_always_an_alias():
    """P3: aliases are names of the version; `dev` is always one."""
    assert version_aliases((), "20181002.0") == ("dev",)
    assert version_aliases(("staging", "dev", "staging"), "20181002.0") == ("dev", "staging")


@pytest.mark.parametrize("version", ["dev", "staging"])
def test_an_alias_cannot_be_the_version_s_own_name(version):
    """P3: an alias is another name."""
    with pytest.raises(InputError, match="both the version's name and an alias"):
        version_aliases(("staging",), version)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("https://user:secret@github.com/acme/digits.git", "https://github.com/acme/digits.git"),
        ("https://token@github.com/acme/digits.git?private_token=x", "https://github.com/acme/digits.git"),
        ("ssh://git:secret@host:2222/a/b.git", "ssh://git@host:2222/a/b.git"),
        ("git@github.com:acme/digits.git", "git@github.com:acme/digits.git"),
        ("https://user:secret@[broken", ""),
        ("", ""),
    ],
)
def test_credentials_are_not_told(url, told):
    assert without_credentials(url) == told


def test_a_clean_commit_is_an_origin(repository):
    """B6: the commit's identifier, its branch, its time and its repository."""
    repository.write("a")
    repository.commit()
    repository.git("remote", "add", "origin", "https://me:secret@example.com/acme/digits.git")
    origin = commit_origin(repository.directory, "abc", NOW)
    assert origin.identifier == repository.git("rev-parse", "HEAD")
    assert origin.commit_time == repository.git("log", "-1", "--format=%cI")
    assert (origin.ref, origin.repository) == ("main", "https://example.com/acme/digits.git")
    assert not origin.adhoc


def test_a_changed_working_tree_is_ad_hoc(repository):
    """B6: what no commit holds is an ad-hoc commit."""
    repository.write("a")
    repository.commit()
    repository.write("b")
    origin = commit_origin(repository.directory, "abc", NOW)
    assert (origin.identifier, origin.adhoc, origin.ref) == ("~abc", True, "main")
    assert origin.commit_time == "2024-02-03T04:05:06+00:00"


@pytest.mark.parametrize("kind", ["project", "repository"])
def test_without_a_commit_the_origin_is_ad_hoc(request, kind):
    """B6: no repository and no commit yet are ad hoc too."""
    project = request.getfixturevalue(kind)
    project.write("a")
    origin = commit_origin(project.directory, "abc", NOW)
    assert (origin.identifier, origin.adhoc, origin.repository) == ("~abc", True, "")


def test_a_detached_head_is_named_by_its_commit(repository):
    repository.write("a")
    repository.commit()
    repository.git("checkout", "-q", "--detach")
    origin = commit_origin(repository.directory, "abc", NOW)
    assert origin.ref == origin.identifier
