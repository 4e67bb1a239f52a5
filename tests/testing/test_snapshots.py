"""What is kept of answers that are awkward to write down."""

from __future__ import annotations

import pytest

from vhlocal.testing.snapshots import Snapshot


def test_half_a_letter_is_kept_and_told(tmp_path):
    """JSON may escape one; no file in UTF-8 can hold it, and no worker of pytest-xdist can hand it on."""
    file = tmp_path / "test_a.snapshots.json"
    Snapshot(file, "test_a", update=True)({"a": "\ud800", "name": "größe"})
    assert "größe" in file.read_text(encoding="utf-8")
    Snapshot(file, "test_a", update=False)({"a": "\ud800", "name": "größe"})
    with pytest.raises(AssertionError, match="a ") as caught:
        Snapshot(file, "test_a", update=False)({"a": "\ud801", "name": "größe"})
    assert '$.a "\\ud800" → "\\ud801"' in str(caught.value)


@pytest.mark.parametrize("update", [False, True])
@pytest.mark.parametrize(
    "text",
    [
        "[]",
        '{"test_a": 3}',
        '{"test_a": null}',
        '{"test_a": [3]}',
        '{"test_a": [{}]}',
        '{"test_a": [{"status": 200, "type": "application/json"}]}',
        '{"test_a": [{"status": 200, "type": 3, "json": 1}]}',
        '{"test_a": [{"status": 200, "type": "", "text": 1}]}',
        "<<<<<<< HEAD",
    ],
)
def test_a_file_that_has_no_snapshots_is_named_and_stays(tmp_path, text, update):
    file = tmp_path / "test_a.snapshots.json"
    file.write_text(text)
    with pytest.raises(AssertionError, match=r"test_a\.snapshots\.json is not a snapshot file"):
        Snapshot(file, "test_a", update=update)({"a": 1})
    assert file.read_text() == text
