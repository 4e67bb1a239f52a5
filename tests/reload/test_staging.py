import hashlib
import os
import subprocess
import sys
import threading

import pytest

from tests.waiting import wait_for
from vhlocal.errors import VhlocalError
from vhlocal.reload.staging import MARKER, SavedAgainError, Staging


@pytest.fixture
def staging(tmp_path):
    return Staging(tmp_path / "state" / "staging")


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()


def test_a_copy_has_its_digest_for_its_name_and_can_be_read_by_others(staging, tmp_path):
    (tmp_path / "a.py").write_text("x = 1\n")
    name = staging.keep(digest("x = 1\n"), tmp_path / "a.py")
    assert (staging.directory / name).read_text() == "x = 1\n"
    assert staging.has(name)
    assert (staging.directory / name).stat().st_mode & 0o777 == 0o644
    assert staging.directory.stat().st_mode & 0o777 == 0o755


def test_a_file_that_was_saved_again_is_not_taken_for_what_it_was(staging, tmp_path):
    (tmp_path / "a.py").write_text("newer\n")
    with pytest.raises(SavedAgainError):
        staging.keep(digest("older\n"), tmp_path / "a.py")
    with pytest.raises(SavedAgainError):
        staging.keep(digest("older\n"), tmp_path / "gone.py")
    assert [file.name for file in staging.directory.iterdir()] == [MARKER]


def test_what_is_not_needed_any_more_goes_and_the_rest_stays(staging):
    names = [staging.keep_content(text) for text in (b"one", b"two")]
    (staging.directory / ".part-left-by-a-crash").touch()
    staging.mark()
    staging.forget_others({names[0]})
    assert sorted(file.name for file in staging.directory.iterdir()) == sorted([names[0], MARKER])


def test_what_is_asked_for_while_it_is_found_out_what_is_needed_stays(staging, tmp_path):
    """It may be on its way into a server."""
    (tmp_path / "a.py").write_text("new\n")
    staging.mark()
    name = staging.keep(digest("new\n"), tmp_path / "a.py")
    staging.forget_others({"other"})
    assert staging.has(name)
    staging.mark()
    staging.forget_others({"other"})
    assert not staging.has(name)


def test_a_copy_that_is_being_made_is_left_alone(staging, tmp_path):
    os.mkfifo(tmp_path / "slow")
    copying = threading.Thread(target=staging.keep, args=(digest("whole"), tmp_path / "slow"))
    copying.start()
    with (tmp_path / "slow").open("w") as slow:
        slow.write("who")
        slow.flush()
        wait_for(lambda: len(list(staging.directory.iterdir())) > 1, "the copy to be begun")
        staging.forget_others(())
        slow.write("le")
    copying.join()
    assert (staging.directory / digest("whole")).read_text() == "whole"
    staging.mark()
    staging.forget_others(())
    assert [file.name for file in staging.directory.iterdir()] == [MARKER]


def test_a_directory_that_was_removed_is_made_again(staging):
    staging.directory.joinpath(MARKER).unlink()
    staging.directory.rmdir()
    assert staging.directory.joinpath(staging.keep_content(b"one")).read_bytes() == b"one"


def test_a_directory_that_cannot_be_written_is_told_without_a_traceback(staging):
    staging.directory.joinpath(MARKER).unlink()
    staging.directory.rmdir()
    staging.directory.write_text("a file")
    with pytest.raises(
        VhlocalError,
        match=r"a saved file could not be copied for its server: .* is a file, where a directory is "
        r"needed",
    ):
        staging.keep_content(b"one")


FULL = """\
import sys
from pathlib import Path
from vhlocal.errors import VhlocalError
from vhlocal.reload.staging import Staging

staging = Staging(Path(sys.argv[1]))
try:
    staging.keep_content(b"x" * 1_000_000)
except VhlocalError as error:
    print(error.message)
print([file.name for file in staging.directory.iterdir()])
"""


def test_a_full_disk_is_told_and_nothing_half_written_is_left(tmp_path):
    """A real one, of 64 KiB, in a mount namespace of its own."""
    script = f"mount -t tmpfs -o size=64k tmpfs {tmp_path} && exec {sys.executable} -c '{FULL}' {tmp_path}"
    done = subprocess.run(["unshare", "-m", "sh", "-c", script], capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == [
        f"a saved file could not be copied for its server: the disk that holds {tmp_path} is full",
        "['mounted']",
    ], done.stderr
