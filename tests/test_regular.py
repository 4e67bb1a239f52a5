"""What a project names is read without waiting for a pipe, and without end from no device."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from vhlocal.checks.commands import lines_of
from vhlocal.errors import InputError
from vhlocal.project.envfile import read_env_file
from vhlocal.project.marks import read_document
from vhlocal.project.packaged_paths import Ignored
from vhlocal.regular import content_of, text_of
from vhlocal.smoke.run import load


@pytest.fixture(params=["a pipe", "a device"])
def endless(request, tmp_path) -> Path:
    file = tmp_path / "file"
    if request.param == "a pipe":
        os.mkfifo(file)
    else:
        file.symlink_to("/dev/zero")
    return file


def test_only_regular_files_are_read(endless):
    with pytest.raises(OSError, match="not a file") as raised:
        content_of(endless)
    assert raised.value.errno == errno.EINVAL
    with pytest.raises(IsADirectoryError):
        content_of(endless.parent)


def test_a_file_is_read_up_to_a_size(tmp_path):
    file = tmp_path / "file"
    file.write_bytes(b"a\r\nb\rc\n")
    assert (content_of(file, 7), text_of(file)) == (b"a\r\nb\rc\n", "a\nb\nc\n")
    with pytest.raises(OSError, match="larger than 0 MB") as raised:
        content_of(file, 6)
    assert raised.value.errno == errno.EFBIG


@pytest.mark.parametrize(
    "read",
    [read_document, read_env_file, Ignored, lambda file: load(file, file.parent)],
    ids=["yaml", "env", "ignored", "smoke"],
)
def test_who_reads_one_of_a_project_says_so(read, endless):
    with pytest.raises(InputError, match="cannot be read: it is a pipe, a device or a socket"):
        read(endless)


def test_a_body_that_is_none_is_told_with_its_line(endless):
    test = endless.with_name("a.http")
    test.write_text("POST {{endpoint}}/\n\n< ./file\n")
    with pytest.raises(InputError) as raised:
        load(test, Path("/"))
    assert (raised.value.place.line, "not a file" in raised.value.message) == (3, True)


def test_commands_are_none_where_their_file_is_none(endless):
    assert lines_of(endless) == []
