"""Which HAR files a command reads, and what it says of others."""

import json
import os

import pytest

from vhlocal.cli.har_file import read_har_file
from vhlocal.errors import InputError

URL = "http://127.0.0.1:8080"


@pytest.fixture
def file(tmp_path):
    return tmp_path / "a.har"


def refused(file, most=1000):
    with pytest.raises(InputError) as caught:
        read_har_file(file, URL, most)
    assert caught.value.place.file == file
    return caught.value


def test_a_file_that_is_not_there_is_named(file):
    assert refused(file).message == "the HAR file cannot be read: No such file or directory"


def test_a_file_that_is_too_large_is_not_read(file):
    with file.open("wb") as content:
        content.truncate(8 * 1024**2)
    error = refused(file, 4 * 1024**2)
    assert error.message == "the HAR file cannot be read: it is larger than 4 MB"
    assert error.hint == "export fewer requests into it"


def test_a_pipe_is_not_waited_for(file):
    os.mkfifo(file)
    assert "it is a pipe" in refused(file).message


def test_what_is_no_text_is_no_har_file(file):
    file.write_bytes(b"\xff\xfe")
    assert refused(file).message == "this is not a HAR file: it is not UTF-8"


def test_a_har_file_may_begin_with_a_byte_order_mark_and_is_read(file):
    file.write_text("\ufeff" + json.dumps({"log": {"entries": [7]}}), encoding="utf-8")
    assert refused(file).message.startswith("entry 1 of the HAR file cannot be read")
