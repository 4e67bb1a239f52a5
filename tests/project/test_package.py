import hashlib
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from vhlocal.errors import InputError
from vhlocal.project.package import Changes, changes, read_package
from vhlocal.project.reading import ReadPackage, read_unhashed


def test_a_file_is_described(project):
    """B5: path, content, and whether it can be executed."""
    file = project.write("sub/run.sh", "echo")
    file.chmod(0o750)
    package = read_package(project.directory)
    packaged = package.files["sub/run.sh"]
    assert packaged.source == file
    assert packaged.digest == hashlib.sha256(b"echo").hexdigest()
    assert (packaged.mode, packaged.size, packaged.link) == (0o755, 4, None)
    assert package.directory == project.directory


def test_the_revision_is_made_of_paths_modes_and_contents_alone(project, tmp_path):
    """B5: the same code has the same revision anywhere; any other code has another."""
    revisions = set()
    for path, content, mode in [("a", "1", 0o644), ("b", "1", 0o644), ("a", "2", 0o644), ("a", "1", 0o744)]:
        other = type(project)(tmp_path / str(len(revisions)))
        other.write(path, content).chmod(mode)
        revisions.add(read_package(other.directory).revision)
    assert len(revisions) == 4
    project.write("a", "1").chmod(0o600)
    assert read_package(project.directory).revision in revisions
    assert all(len(revision) == 12 for revision in revisions)


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-deployment.txt"])
def test_requirements_beyond_all_measure_are_refused_before_anything_is_read(project, monkeypatch, name):
    file = project.write(name, "")
    known = read_package(project.directory)
    os.truncate(file, 3 * 1024**3)
    monkeypatch.setattr("vhlocal.project.reading.digest_of", lambda _: pytest.fail("gigabytes are hashed"))
    for previous, touched in ((None, None), (known, {name})):
        with pytest.raises(InputError, match="the file has 3,072 MB") as caught:
            read_package(project.directory, previous, touched)
        assert caught.value.place.file == file


def test_requirements_that_are_not_packaged_may_have_any_size(project):
    os.truncate(project.write("requirements.txt", ""), 17 * 1024**2)
    project.write(".vhignore", "requirements.txt\n")
    assert "requirements.txt" not in read_package(project.directory).files


def test_links_to_files_inside_are_kept_and_others_are_absent(repository):
    """B5: the client packs a link as a link, so one that points outside would point at nothing in a container."""
    repository.write("real.py", "x")
    repository.write("sub/mod.py", "y")
    outside = repository.directory.parent / "outside.py"
    outside.write_text("z")
    targets = {
        "inside.py": "sub/mod.py",
        "sub/up.py": "../real.py",
        "out.py": "../outside.py",
        "absolute.py": str(repository.directory / "real.py"),
        "round.py": "../My Project/real.py",
        "broken.py": "none.py",
        "folder": "sub",
    }
    for path, target in targets.items():
        (repository.directory / path).symlink_to(target)
    files = read_package(repository.directory).files
    assert sorted(files) == ["inside.py", "real.py", "sub/mod.py", "sub/up.py"]
    assert files["inside.py"].link == "sub/mod.py"
    assert files["sub/up.py"].link == "../real.py"


def test_a_tracked_file_that_is_gone_is_absent(repository):
    """B5: git still lists it, the client passes over it."""
    repository.write("gone.py")
    repository.write("app.py")
    repository.commit()
    (repository.directory / "gone.py").unlink()
    assert list(read_package(repository.directory).files) == ["app.py"]


def test_what_is_no_regular_file_is_absent_and_never_opened(project):
    """B5: reading a pipe would wait for its writer."""
    os.mkfifo(project.directory / "pipe")
    project.write("app.py")
    assert list(read_package(project.directory).files) == ["app.py"]


def test_changes_name_what_differs(project):
    for path in ("same", "modified", "executable", "removed"):
        project.write(path, "before")
    old = read_package(project.directory)
    project.write("added")
    project.write("modified", "after")
    (project.directory / "executable").chmod(0o755)
    (project.directory / "removed").unlink()
    new = read_package(project.directory, old)
    difference = changes(old, new)
    assert difference == Changes(("added",), ("executable", "modified"), ("removed",))
    assert difference.paths == ("added", "executable", "modified", "removed")
    assert difference
    assert old.revision != new.revision


def test_nothing_changed_is_false_and_an_equal_package(project):
    project.write("a", "1")
    old = read_package(project.directory)
    new = read_package(project.directory, old)
    assert not changes(old, new)
    assert new == old


def test_an_edit_of_equal_size_is_seen_with_a_previous_package(project):
    file = project.write("a", "1")
    settle(file)
    old = read_package(project.directory)
    file.write_text("2")
    assert changes(old, read_package(project.directory, old)).modified == ("a",)


def test_an_edit_that_restores_the_time_of_saving_is_seen(project):
    file = project.write("a", "1")
    settle(file)
    old = read_package(project.directory)
    seen = file.stat()
    file.write_text("2")
    os.utime(file, ns=(seen.st_atime_ns, seen.st_mtime_ns))
    assert changes(old, read_package(project.directory, old)).modified == ("a",)


def test_many_quick_edits_in_a_row_are_all_seen(project):
    package = read_package(project.directory)
    for number in range(100):
        project.write("a", f"{number:03}")
        package, before = read_package(project.directory, package), package
        assert changes(before, package), number


def test_unchanged_files_are_taken_from_the_previous_package(project):
    before = [project.write(f"sub/{number}", str(number)) for number in range(3)]
    for file in before:
        settle(file)
    project.write("last", "1")
    old = read_package(project.directory)
    while (new := read_package(project.directory, old)).files["sub/0"] is not old.files["sub/0"]:
        old = new
    assert all(new.files[path] is old.files[path] for path in ("sub/0", "sub/1", "sub/2"))


def test_the_files_of_a_directory_that_was_renamed_are_not_read_again(project):
    for number in range(3):
        settle(project.write(f"big/{number}", str(number)))
    package = read_package(project.directory)
    while not {"big/0", "big/1", "big/2"} <= looked_at(package):
        package = read_package(project.directory, package)
    opened = []
    sys.addaudithook(lambda name, arguments: opened.append(str(arguments[0])) if name == "open" else None)
    (project.directory / "big").rename(project.directory / "large")
    new = read_package(project.directory, package)
    assert [path for path in opened if "large" in path] == []
    assert {path: file.digest for path, file in new.files.items()} == {
        path: file.digest for path, file in read_package(project.directory).files.items()
    }
    assert new.files["large/0"].source == project.directory / "large/0"
    assert any("large" in path for path in opened), "the hook sees what is read"


def test_the_previous_package_of_another_directory_counts_for_nothing(project, tmp_path):
    project.write("a", "1")
    other = type(project)(tmp_path / "other")
    other.write("a", "1")
    package = read_package(other.directory, read_package(project.directory))
    assert package.files["a"].source == other.directory / "a"


def test_a_file_that_cannot_be_read_is_told(project):
    project.write("loop")
    (project.directory / "loop").unlink()
    (project.directory / "loop").symlink_to("loop")
    assert read_package(project.directory).files == {}
    project.write(".vhignore").unlink()
    (project.directory / ".vhignore").symlink_to(".vhignore")
    with pytest.raises(InputError, match="cannot be read"):
        read_package(project.directory)


def looked_at(package):
    """Return the files that the next reading passes over."""
    assert isinstance(package, ReadPackage)
    return package.looks.keys()


def settle(file):
    """Let a file look as if it was saved long ago."""
    os.utime(file, ns=(10**18, 10**18))


def test_what_git_does_not_track_is_left_out_where_it_is_not_included(repository):
    """B5: as `valohai-cli --no-include-untracked`: the index decides, be it committed or not."""
    repository.write(".gitignore", "*.log\n")
    repository.write("tracked.py", "1")
    repository.write("kept.log", "1")
    repository.git("add", "-f", "tracked.py", "kept.log")
    repository.write("new.py", "1")
    directory = repository.directory
    assert list(read_package(directory).files) == ["kept.log", "new.py", "tracked.py"]
    package = read_package(directory, include_untracked=False)
    assert list(package.files) == ["kept.log", "tracked.py"]
    repository.write("newer.py", "1")
    repository.write("tracked.py", "2")
    again = read_package(directory, package, {"newer.py", "tracked.py"})
    assert list(again.files) == ["kept.log", "tracked.py"]
    assert again.revision != package.revision
    repository.git("add", "newer.py")
    assert list(read_package(directory, again).files) == ["kept.log", "newer.py", "tracked.py"]
    assert "new.py" in read_package(directory, again, include_untracked=True).files


def test_without_git_all_is_included_whatever_is_set(project):
    """B5: the platform's client has no other way either."""
    project.write("a.py")
    assert list(read_package(project.directory, include_untracked=False).files) == ["a.py"]


def test_what_is_packaged_is_found_without_reading_it(project):
    """The same files as with their contents, but no gigabytes of a model."""
    project.write("app.py", "x").chmod(0o700)
    (project.directory / "link").symlink_to("app.py")
    (project.directory / "out").symlink_to("/etc/passwd")
    with project.write("model.bin", "").open("wb") as model:
        model.truncate(64 * 1024**2)
    whole = read_package(project.directory)
    before = bytes_read()
    package = read_unhashed(project.directory, include_untracked=True)
    assert bytes_read() - before < 1024**2
    assert package.revision == ""
    assert list(package.files) == list(whole.files)
    for path, file in package.files.items():
        assert file == replace(whole.files[path], digest=file.digest)
    assert package.files["model.bin"].size == 64 * 1024**2


_READ = """
import sys
from pathlib import Path
from vhlocal.errors import InputError
from vhlocal.project.reading import read_unhashed

try:
    read_unhashed(Path(sys.argv[1]), include_untracked=True)
except InputError as error:
    print(error.message)
"""


def test_what_cannot_be_read_is_an_error_without_reading_it_too(project):
    project.write("secret", "x").chmod(0)
    # Root may read everything, unless that is taken from it.
    as_others = () if os.getuid() else ("setpriv", "--bounding-set=-dac_override,-dac_read_search")
    command = [*as_others, sys.executable, "-c", _READ, str(project.directory)]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert "the file cannot be read" in said


def bytes_read() -> int:
    """How many bytes this process has read so far, as far as the system counts them."""
    try:
        counts = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    except OSError:
        return 0
    return int(counts["rchar"])
