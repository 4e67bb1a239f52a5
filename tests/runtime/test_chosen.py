"""Where a container has chosen files: small ones come with the code, large ones are mounted and copied from there."""

from __future__ import annotations

import os
import subprocess

from vhlocal.runtime.base import Entry
from vhlocal.runtime.chosen import DIRECTORY, HUGE, LARGE, copying, entries, mounted

CODE = "/valohai/code"


def test_b4_a_large_file_is_mounted_beside_the_code_once_and_a_small_one_is_copied(tmp_path):
    small, large = tmp_path / "small.bin", tmp_path / "large.bin"
    for file, size in ((small, LARGE - 1), (large, LARGE)):
        with file.open("wb") as opened:
            opened.truncate(size)
    gone = tmp_path / "gone.bin"
    files = {f"{CODE}/a": small, f"{CODE}/b": large, f"{CODE}/c": large, f"{CODE}/d": gone}
    assert mounted(files) == {"/valohai/chosen/0/large.bin": large}
    assert entries(files) == [
        Entry(f"{CODE}/a", source=small),
        Entry(f"{CODE}/b", link="/valohai/chosen/0/large.bin"),
        Entry(f"{CODE}/c", link="/valohai/chosen/0/large.bin"),
        Entry(f"{CODE}/d", source=gone),
    ]


def test_b4_a_huge_file_is_copied_where_nobody_hears_that_it_is_written(tmp_path):
    sizes = {"small": LARGE - 1, "large": LARGE, "huge": HUGE}
    for name, size in sizes.items():
        with (tmp_path / name).open("wb") as opened:
            opened.truncate(size)
    files = {f"{CODE}/{name}": tmp_path / name for name in sizes}
    runner, node = ("python", "/valohai/runner/serve_warm.py", "wsgi", "web:app"), ("sh", "-c", "node server.js")
    behind = {command: copying(files, command) for command in (runner, node)}
    assert [[name for name in sizes if f"{CODE}/{name}" in given[2]] for given in behind.values()] == [
        ["large"],
        ["large", "huge"],
    ]
    assert [given[-len(command) :] for command, given in behind.items()] == [runner, node]
    assert copying({f"{CODE}/small": tmp_path / "small"}, node) == node


def test_b4_what_is_copied_is_in_the_place_of_its_link_and_a_failure_keeps_no_command_back(tmp_path):
    source, there, code = tmp_path / "its $name.bin", tmp_path / "chosen", tmp_path / "code"
    with source.open("wb") as opened:
        opened.truncate(LARGE)
    (there / "0").mkdir(parents=True)
    (there / "0" / source.name).write_bytes(b"weights")
    os.utime(there / "0" / source.name, (1, 1))
    code.mkdir()
    target, gone = code / "it's.bin", code / "gone" / "it.bin"
    target.symlink_to(there / "0" / source.name)
    command = copying({str(target): source, str(gone): source}, ("echo", "a b"))
    here = [word.replace(DIRECTORY, str(there)) for word in command]
    done = subprocess.run(here, capture_output=True, text=True, check=True)
    assert (done.stdout, target.is_symlink(), target.read_bytes()) == ("a b\n", False, b"weights")
    assert (target.stat().st_mtime, [path.name for path in code.iterdir()]) == (1, [target.name])
