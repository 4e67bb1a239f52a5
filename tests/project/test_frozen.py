"""B5, K10: a version from a commit, read from git's objects and from nothing else."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.project.conftest import Project
from tests.waiting import wait_for
from vhlocal.errors import InputError, VhlocalError
from vhlocal.project.frozen import freeze
from vhlocal.project.package import read_package
from vhlocal.project.settings import environment

YAML = """\
- endpoint:
    name: greet
    image: python:3.11-slim
    port: 8000
    server-command: python server.py
"""


@pytest.fixture
def store(tmp_path):
    return tmp_path / "store"


@pytest.fixture
def repository(repository):
    repository.write("valohai.yaml", YAML)
    repository.write("server.py", "first")
    repository.commit("first")
    repository.git("tag", "v1")
    return repository


def names(frozen):
    return sorted(frozen.package.files)


def texts(frozen):
    return {path: (frozen.directory / path).read_text() for path in names(frozen)}


def raises(repository, ref, store, **options):
    with pytest.raises(InputError) as caught:
        freeze(repository.directory, ref, store=store, **options)
    return caught.value


def test_a_commit_is_packaged_whole_as_a_clone_has_it(repository, store, tmp_path):
    """B5: dotted names, what `.gitignore` and `.vhignore` name, modes and links, as another program checks it out."""
    repository.write(".gitignore", "*.log\n")
    repository.write(".vhignore", "data/\n")
    repository.write(".env.example", "A=1")
    repository.write("data/.hidden/b.txt", "b")
    repository.write("kept.log", "tracked in spite of it")
    repository.write("run.sh", "#!/bin/sh\n").chmod(0o755)
    repository.write("binary", bytes(range(256)) * 9000)
    repository.write("empty", "")
    repository.write("ü x.py", "\r\n")
    (repository.directory / "link.py").symlink_to("server.py")
    (repository.directory / "directory").symlink_to("data")
    repository.git("add", "-f", "kept.log")
    repository.commit()
    clone = tmp_path / "clone"
    repository.git("-c", "core.autocrlf=false", "clone", "-q", ".", str(clone))
    frozen = freeze(repository.directory, "main", store=store)
    tracked = repository.git("-c", "core.quotepath=off", "ls-files").splitlines()
    assert names(frozen) == sorted(tracked)
    for path, file in frozen.package.files.items():
        theirs = clone / path
        assert file.link == (os.readlink(theirs) if theirs.is_symlink() else None)  # noqa: PTH115
        if file.link is None:
            assert file.digest == hashlib.sha256(theirs.read_bytes()).hexdigest()
            assert file.mode == (0o755 if os.access(theirs, os.X_OK) else 0o644)
            assert file.source.stat().st_mode & 0o777 == file.mode
    assert frozen.notices == ()


def test_files_that_the_working_tree_has_too_are_the_same(repository, store):
    repository.write("pkg/a.py", "a").chmod(0o755)
    repository.commit()
    now, frozen = read_package(repository.directory), freeze(repository.directory, "HEAD", store=store)
    assert now.revision == frozen.package.revision
    assert frozen.package.directory == frozen.directory


@pytest.mark.parametrize(
    "ref", ["main", "HEAD", "HEAD~0", "v1", "refs/tags/v1", "{hash}", "{short}", "a/b", "annotated"]
)
def test_any_ref_names_it(repository, store, ref):
    repository.git("branch", "a/b")
    repository.git("tag", "-a", "-m", "x", "annotated")
    identifier = repository.git("rev-parse", "HEAD")
    frozen = freeze(repository.directory, ref.format(hash=identifier, short=identifier[:7]), store=store)
    assert frozen.commit.identifier == identifier
    assert (frozen.origin.identifier, frozen.origin.adhoc) == (identifier, False)
    assert frozen.origin.commit_time == repository.git("log", "-1", "--format=%cI")


def test_each_commit_has_its_own_files_and_its_own_valohai_yaml(repository, store):
    repository.write("valohai.yaml", YAML.replace("greet", "greet2"))
    repository.write("server.py", "second")
    repository.write("requirements.txt", "flask")
    repository.commit()
    old, new = (freeze(repository.directory, ref, store=store) for ref in ("v1", "main"))
    assert [frozen.config.endpoints[0].name for frozen in (old, new)] == ["greet", "greet2"]
    assert texts(old) == {"server.py": "first", "valohai.yaml": YAML}
    assert texts(new)["requirements.txt"] == "flask"
    assert old.directory != new.directory


def state(directory):
    return {
        path.relative_to(directory).as_posix(): (path.lstat().st_mtime_ns, path.read_bytes() if path.is_file() else b"")
        for path in sorted(directory.rglob("*"))
        if path.is_file() or path.is_symlink()
    }


def test_neither_working_tree_nor_index_nor_worktrees_are_touched(repository, store):
    repository.write("server.py", "edited, not committed")
    repository.write("staged.py", "staged")
    repository.git("add", "staged.py")
    repository.write("untracked.py", "mine")
    before, listed = state(repository.directory), repository.git("worktree", "list")
    assert texts(freeze(repository.directory, "main", store=store)) == {"server.py": "first", "valohai.yaml": YAML}
    assert state(repository.directory) == before
    assert repository.git("worktree", "list") == listed
    assert not (repository.directory / ".git" / "worktrees").exists()


def test_a_project_below_the_top_has_what_is_below_it(repository, store):
    inner = repository.directory / "models" / "iris é"
    repository.write("models/iris é/valohai.yaml", YAML)
    repository.write("models/iris é/a/b.py", "b")
    (inner / "out.py").symlink_to("../../server.py")
    repository.commit()
    frozen = freeze(inner, "main", store=store)
    assert names(frozen) == ["a/b.py", "valohai.yaml"]
    assert [notice.text for notice in frozen.notices] == [
        "out.py of main is left out: it is a link to ../../server.py, which is not in the commit"
    ]
    before = raises(Project(inner), "v1", store)
    assert before.message == "v1 has no directory models/iris é"
    top = freeze(repository.directory, "main", store=store)
    assert "server.py" in names(top)


def test_a_worktree_and_a_link_to_the_project_are_repositories_too(repository, store, tmp_path):
    repository.git("worktree", "add", "-q", str(tmp_path / "other"), "-b", "other")
    (tmp_path / "link").symlink_to(repository.directory)
    for place in (tmp_path / "other", tmp_path / "link"):
        assert texts(freeze(place, "v1", store=store))["server.py"] == "first"


def test_submodules_and_large_files_elsewhere_are_told(repository, store, tmp_path):
    other = Project(tmp_path / "library")
    other.directory.mkdir()
    other.git("init", "-q")
    other.write("a.py")
    other.commit()
    repository.git("submodule", "add", "-q", str(other.directory), "lib")
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
    repository.write("model.bin", pointer)
    repository.commit()
    first = freeze(repository.directory, "main", store=store)
    assert [notice.text for notice in first.notices] == [
        "lib of main is a submodule: its files are in another repository, and not in this version",
        "model.bin of main is a Git LFS pointer: the commit holds its address, not its content",
    ]
    assert all(notice.hint for notice in first.notices)
    assert not any(path.startswith("lib/") for path in names(first))
    assert freeze(repository.directory, "main", store=store).notices == first.notices


def test_what_was_made_once_is_used_again(repository, store):
    first = freeze(repository.directory, "main", store=store)
    look = (first.directory / "server.py").stat()
    again = freeze(repository.directory, "v1", store=store)
    assert again.directory == first.directory
    assert (again.directory / "server.py").stat() == look
    assert again.package.revision == first.package.revision


@pytest.mark.parametrize("harm", ["edit", "remove", "add", "facts", "nothing left"])
def test_what_was_changed_there_is_made_anew(repository, store, harm):
    made = freeze(repository.directory, "main", store=store).directory
    if harm == "edit":
        (made / "server.py").write_text("other")
    elif harm == "remove":
        (made / "server.py").unlink()
    elif harm == "add":
        (made / ".new").write_text("more")
    elif harm == "facts":
        (made.parent / "facts.json").write_text("{")
    else:
        (made.parent / "facts.json").unlink()
    assert texts(freeze(repository.directory, "main", store=store)) == {"server.py": "first", "valohai.yaml": YAML}


def test_another_repository_never_gets_what_one_has_made(repository, store, tmp_path):
    clone = tmp_path / "clone"
    repository.git("clone", "-q", ".", str(clone))
    one, other = (freeze(place, "main", store=store) for place in (repository.directory, clone))
    assert one.commit.identifier == other.commit.identifier
    assert one.directory != other.directory


def test_many_at_once_get_the_same(repository, store):
    found, threads = [], []
    for number in range(200):
        repository.write(f"many/{number}.py", str(number))
    repository.commit()
    for _ in range(6):
        threads.append(threading.Thread(target=lambda: found.append(freeze(repository.directory, "main", store=store))))
        threads[-1].start()
    for thread in threads:
        thread.join(120)
    assert len({frozen.directory for frozen in found}) == 1
    assert [len(frozen.package.files) for frozen in found] == [202] * 6


def test_a_killed_one_leaves_nothing_half_made(repository, store):
    """kill -9 while files are written: the next one makes all of them, and takes away what was left."""
    for number in range(500):
        repository.write(f"many/{number}.py", str(number) * 1000)
    repository.commit()
    code = "import pathlib, sys; from vhlocal.project.frozen import freeze; paths = map(pathlib.Path, sys.argv[1:]); "
    code += "freeze(next(paths), 'main', store=next(paths))"
    process = subprocess.Popen([sys.executable, "-c", code, str(repository.directory), str(store)])
    wait_for(lambda: process.poll() is not None or list(store.glob("*/.new-*")), "files that are written")
    process.send_signal(signal.SIGKILL)
    process.wait(60)
    assert len(freeze(repository.directory, "main", store=store).package.files) == 502
    assert list(store.glob("*/.new-*")) == []


def test_a_partial_clone_fetches_nothing_by_itself(repository, store, tmp_path):
    """What is missing would be fetched through whatever the repository's configuration names."""
    repository.git("config", "uploadpack.allowFilter", "true")
    clone = Project(tmp_path / "clone")
    repository.git(
        "clone", "-q", "--no-checkout", "--filter=blob:none", f"file://{repository.directory}", str(clone.directory)
    )
    ran = tmp_path / "ran"
    clone.git("config", "remote.origin.uploadpack", f"sh -c 'echo x >> {ran}; git-upload-pack \"$@\"' --")
    clone.git("config", "protocol.file.allow", "always")
    clone.git("config", "protocol.allow", "always")
    error = raises(clone, "main", store)
    assert error.message == "server.py of main is not in this clone: it was cloned in part, or is damaged"
    assert "git archive" in error.hint
    assert not ran.exists()
    assert list(store.glob("*/[!.]*")) == []
    clone.git("config", "--unset", "remote.origin.uploadpack")
    remedy = error.hint.partition(": ")[2].partition(";")[0].split()
    clone.git(*remedy[1:])
    assert texts(freeze(clone.directory, "main", store=store))["server.py"] == "first"


def raw_commit(repository, entries):
    """Commit a tree that git itself would not make: (mode, name, content or a tree's hash)."""

    def git(*arguments, feed=b""):
        done = subprocess.run(
            ["git", *arguments], input=feed, cwd=repository.directory, capture_output=True, check=True
        )
        return done.stdout.decode().strip()

    tree = b""
    for mode, name, content in entries:
        found = content if mode in ("40000", "160000") else git("hash-object", "-w", "--stdin", feed=content)
        tree += f"{mode} ".encode() + name + b"\0" + bytes.fromhex(found)
    made = git("hash-object", "-w", "-t", "tree", "--literally", "--stdin", feed=tree)
    return made, git("-c", "user.name=A", "-c", "user.email=a@example.com", "commit-tree", "-m", "x", made)


CONFIG = ("100644", b"valohai.yaml", YAML.encode())


def test_nothing_that_the_repository_names_runs(repository, store, tmp_path):
    """Its configuration, hooks and attributes are somebody else's: no program of theirs runs, nothing is converted."""
    ran = tmp_path / "ran"
    ours = ("hidden.py", b"$Id$\n$Format:%H$\n")
    attributes = (
        b"* filter=evil diff=evil ident text eol=crlf working-tree-encoding=UTF-16 export-ignore export-subst\n"
    )
    files = ((".gitattributes", attributes), ours)
    _, commit = raw_commit(repository, [*(("100644", name.encode(), content) for name, content in files), CONFIG])
    run = f"sh -c 'echo x >> {ran}; cat'"
    programs = (
        *("filter.evil.smudge", "filter.evil.clean", "filter.evil.process", "diff.evil.textconv"),
        *("core.fsmonitor", "core.pager", "pager.show", "core.sshCommand", "core.editor", "credential.helper"),
        *("gpg.program", "alias.show", "alias.ls-tree", "alias.cat-file", "alias.rev-parse"),
    )
    for name in programs:
        repository.git("config", name, f"!{run}" if name.startswith("alias") else run)
    for name in ("filter.evil.required", "log.showSignature"):
        repository.git("config", name, "true")
    repository.git("config", "core.hooksPath", "hooks")
    for name in ("post-checkout", "reference-transaction", "post-index-change", "pre-auto-gc"):
        for where in ("hooks", ".git/hooks"):
            repository.write(f"{where}/{name}", f"#!/bin/sh\necho x >> {ran}\n").chmod(0o755)
    repository.write(".git/info/attributes", attributes)
    ran.unlink(missing_ok=True)
    assert (freeze(repository.directory, commit, store=store).directory / ours[0]).read_bytes() == ours[1]
    assert raises(repository, "no-such-ref", store).hint
    assert not ran.exists()


@pytest.mark.parametrize("name", [b"..", b".git", b".GIT", b".", b"a/../../x", b"/etc/x", b""])
def test_paths_that_no_checkout_could_have_are_refused(repository, store, tmp_path, name):
    _, commit = raw_commit(repository, [("100644", name, b"x"), CONFIG])
    error = raises(repository, commit, store)
    assert "which no checkout could have" in error.message or "or is damaged" in error.message
    assert not (tmp_path / "x").exists()


def test_a_file_below_a_link_is_refused(repository, store, tmp_path):
    (tmp_path / "out").mkdir()
    inner, _ = raw_commit(repository, [("100644", b"x", b"mine")])
    _, commit = raw_commit(
        repository, [("120000", b"a", str(tmp_path / "out").encode()), ("40000", b"a", inner), CONFIG]
    )
    assert raises(repository, commit, store).message.endswith("has a twice, which no checkout could have")
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    "target", ["/etc/hosts", "../../../../../../../../etc/hosts", "d/d/d/../../../../secret", "d/../secret"]
)
def test_links_out_of_the_tree_lead_nowhere(repository, store, target):
    """Through a link to the directory itself too, whose `..` is not where it is written."""
    (repository.directory / "d").symlink_to(".")
    (repository.directory / "e").symlink_to(target)
    (repository.directory / "valohai.yaml").unlink()
    (repository.directory / "valohai.yaml").symlink_to("e")
    repository.commit()
    error = raises(repository, "main", store)
    assert "hosts" not in str(error.detail)
    assert error.message.startswith("main has no valohai.yaml")


def test_links_to_themselves_and_to_nothing_hurt_nobody(repository, store):
    (repository.directory / "a").symlink_to("a")
    (repository.directory / "b").symlink_to("nothing")
    (repository.directory / "c").symlink_to("server.py")
    repository.commit()
    assert names(freeze(repository.directory, "main", store=store)) == ["c", "server.py", "valohai.yaml"]


def test_a_name_that_is_not_utf_8_is_told(repository, store):
    _, commit = raw_commit(repository, [("100644", b"\xff.py", b""), CONFIG])
    assert "is not UTF-8" in raises(repository, commit, store).message


def test_a_replaced_commit_is_the_one_that_was_asked_for(repository, store):
    first = repository.git("rev-parse", "v1")
    repository.write("server.py", "other")
    repository.commit()
    repository.git("replace", first, repository.git("rev-parse", "HEAD"))
    assert texts(freeze(repository.directory, first, store=store))["server.py"] == "first"


def test_a_ref_that_is_not_there_is_told_with_one_like_it(repository, store):
    repository.git("branch", "release-2026")
    error = raises(repository, "relase-2026", store)
    assert error.message == f'there is no commit "relase-2026" in {repository.directory}'
    assert error.hint == "did you mean `release-2026`?"
    assert "there are main, release-2026, v1" in raises(repository, "zzz", store).hint


def test_a_branch_that_only_the_remote_has_is_named(repository, store, tmp_path):
    repository.git("branch", "feature")
    clone = Project(tmp_path / "clone")
    repository.git("clone", "-q", ".", str(clone.directory))
    assert raises(clone, "feature", store).hint == "did you mean `origin/feature`?"


def test_a_clone_without_directories_says_how_to_get_them(repository, store, tmp_path):
    repository.write("in/side/valohai.yaml", YAML)
    repository.commit()
    repository.git("config", "uploadpack.allowFilter", "true")
    clone = Project(tmp_path / "clone")
    where = (f"file://{repository.directory}", str(clone.directory))
    repository.git("clone", "-q", "--no-checkout", "--filter=tree:0", *where)
    below = clone.directory / "in" / "side"
    below.mkdir(parents=True)
    for place in (clone.directory, below):
        with pytest.raises(InputError) as caught:
            freeze(place, "main", store=store)
        assert caught.value.message.startswith("a directory of main is not in this clone")
        assert "git archive" in caught.value.hint
    clone.git(*caught.value.hint.partition(": ")[2].partition(";")[0].split()[1:])
    assert freeze(below, "main", store=store).package.files


@pytest.mark.parametrize("ref", ["", "-x", "--upload-pack=x", "a\nb", "a\0b"])
def test_what_cannot_be_a_ref_is_refused(repository, store, ref):
    assert "cannot name a commit" in raises(repository, ref, store).message


@pytest.mark.parametrize(
    "ref", ["..", "main..v1", "main:nothing", ":/nothing", "HEAD~99", "@{99}", "a b", "server.py", "^v1"]
)
def test_what_names_no_commit_is_not_there(repository, store, ref):
    assert raises(repository, ref, store).message.startswith(f'there is no commit "{ref}"')


@pytest.mark.parametrize(
    ("ref", "said", "hint"),
    [
        ("main:server.py", "a file", "name the commit that has it: main"),
        ("main^{tree}", "a directory", "name a branch, a tag or a commit's hash"),
        ("v1:", "a directory", "name a branch, a tag or a commit's hash"),
    ],
)
def test_what_names_something_else_in_git_is_told_as_what_it_is(repository, store, ref, said, hint):
    error = raises(repository, ref, store)
    assert error.message == f'"{ref}" is {said} in {repository.directory}, not a commit'
    assert error.hint == hint


def test_a_name_of_a_tag_and_of_a_branch_says_which_one_is_served(repository, store):
    repository.git("branch", "v1")
    assert not freeze(repository.directory, "v1", store=store).notices, "both are the same commit"
    repository.write("server.py", "second")
    repository.commit("second")
    repository.git("branch", "-f", "v1")
    tag, branch = repository.git("rev-parse", "refs/tags/v1"), repository.git("rev-parse", "refs/heads/v1")
    for ref in ("v1", "v1^0"):
        frozen = freeze(repository.directory, ref, store=store)
        assert frozen.commit.identifier == tag
        [notice] = frozen.notices
        assert notice.text == f"{ref} is also the name of refs/heads/v1: this version is {tag[:12]}, as git takes it"
        assert notice.hint == "for the other, write heads/v1"
    for ref, commit in (("heads/v1", branch), ("tags/v1", tag), ("refs/heads/v1", branch), (tag, tag)):
        frozen = freeze(repository.directory, ref, store=store)
        assert (frozen.commit.identifier, frozen.notices) == (commit, ())


def test_a_shallow_clone_says_how_to_get_the_rest(repository, store, tmp_path):
    first = repository.git("rev-parse", "HEAD")
    repository.write("more.py")
    repository.commit()
    clone = Project(tmp_path / "clone")
    repository.git("clone", "-q", "--depth=1", f"file://{repository.directory}", str(clone.directory))
    for ref in (first, "HEAD~1", "v1"):
        assert "`git fetch --unshallow --tags`" in raises(clone, ref, store).hint
    clone.git("fetch", "-q", "--unshallow", "--tags")
    assert texts(freeze(clone.directory, "v1", store=store))["server.py"] == "first"


def test_the_beginning_of_two_hashes_is_told(repository, store):
    made: dict[str, bytes] = {}
    tree = repository.git("rev-parse", "HEAD^{tree}")
    for number in range(100_000):
        text = f"tree {tree}\nauthor A <a@b> {number} +0000\ncommitter A <a@b> {number} +0000\n\nx\n".encode()
        digest = hashlib.sha1(b"commit %d\0" % len(text) + text).hexdigest()
        if digest[:4] in made:
            break
        made[digest[:4]] = text
    for each in (text, made[digest[:4]]):
        subprocess.run(
            ["git", "hash-object", "-w", "-t", "commit", "--stdin"],
            input=each,
            cwd=repository.directory,
            check=True,
            capture_output=True,
        )
    error = raises(repository, digest[:4], store)
    assert error.message == f"more than one object begins with {digest[:4]}"
    assert error.detail


def test_without_a_repository_or_a_commit_it_says_so(project, store):
    error = raises(project, "main", store)
    assert error.message.startswith(f"{project.directory} is not in a git repository")
    project.git("init", "-q")
    error = raises(project, "main", store)
    assert error.message == f"the repository {project.directory} has no commit yet"
    assert error.hint == "make one: git add -A && git commit -m first"


def test_without_git_it_says_so(repository, store, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    error = raises(repository, "main", store, environ={**environment(), "PATH": str(tmp_path)})
    assert (error.hint, "git cannot be run" in error.message) == ("install git", True)


def test_a_repository_of_somebody_else_is_told(repository, store, tmp_path):
    """git's own switch, by which its tests have it refuse what belongs to another user."""
    environ = {**environment(), "GIT_TEST_ASSUME_DIFFERENT_OWNER": "1", "HOME": str(tmp_path)}
    error = raises(repository, "main", store, environ=environ)
    assert error.message == f"git refuses the repository of {repository.directory}, because it belongs to another user"
    assert error.hint == f"if you trust it: git config --global --add safe.directory '{repository.directory}'"


def test_a_damaged_repository_is_told_in_git_s_words(repository, store):
    (repository.directory / ".git" / "config").write_text("[core\n")
    error = raises(repository, "main", store)
    assert error.message == f"git cannot read the repository of {repository.directory}"
    assert "bad config line 1" in error.detail


def test_variables_that_lead_git_elsewhere_are_not_followed(repository, store, tmp_path):
    """A hook of another repository sets them for all that it runs."""
    environ = {**environment(), "GIT_DIR": str(tmp_path / "x"), "GIT_INDEX_FILE": "/x", "GIT_WORK_TREE": str(tmp_path)}
    assert names(freeze(repository.directory, "main", store=store, environ=environ)) == ["server.py", "valohai.yaml"]


def test_a_commit_without_valohai_yaml_says_where_it_has_one(repository, store):
    repository.write("sub/valohai.yaml", YAML)
    repository.git("rm", "-q", "valohai.yaml")
    repository.commit()
    error = raises(repository, "main", store)
    assert error.message == "main has no valohai.yaml"
    assert error.hint == "it has one in sub: go there with -C"
    repository.git("rm", "-qr", "sub")
    repository.commit()
    error = raises(repository, "main", store)
    assert "git log --oneline -- valohai.yaml" in error.hint
    assert str(error.place) == "main:valohai.yaml"


def test_what_is_wrong_in_its_valohai_yaml_has_the_commit_s_place(repository, store):
    repository.write("valohai.yaml", YAML.replace("port: 8000", "prot: 8000") + "    wsgi: a\n")
    repository.write("sub/valohai.yaml", "- endpoint: [\n")
    repository.commit()
    repository.write("valohai.yaml", YAML)
    error = raises(repository, "main", store)
    assert str(error.place).startswith("main:valohai.yaml:")
    assert str(store) not in f"{error.message} {error.detail} {error.hint}"
    inner = raises(Project(repository.directory / "sub"), "main", store)
    assert str(inner.place).startswith("main:sub/valohai.yaml:")
    assert str(store) not in f"{inner.message} {inner.detail} {inner.hint}"


def test_objects_of_sha_256_are_read_too(project, store):
    project.git("init", "-q", "-b", "main", "--object-format=sha256")
    project.write("valohai.yaml", YAML)
    project.commit()
    frozen = freeze(project.directory, "main", store=store)
    assert len(frozen.commit.identifier) == 64
    assert names(frozen) == ["valohai.yaml"]


def test_a_store_that_cannot_be_written_is_told(repository, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(VhlocalError, match="the version's files cannot be stored") as caught:
        freeze(repository.directory, "main", store=tmp_path / "file")
    assert caught.value.hint
    assert Path(tmp_path / "file").read_text() == ""
