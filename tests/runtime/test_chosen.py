"""Where a container has chosen files: small ones are copied, of large ones there is a link to a mount."""

from __future__ import annotations

from vhlocal.runtime.base import Entry
from vhlocal.runtime.chosen import LARGE, entries, mounted

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
