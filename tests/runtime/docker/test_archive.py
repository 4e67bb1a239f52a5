import tarfile

from vhlocal.runtime.base import Entry
from vhlocal.runtime.docker.archive import archive


def members(entries):
    with archive(entries) as packed, tarfile.open(fileobj=packed) as tar:
        found = {}
        for member in tar.getmembers():
            content = tar.extractfile(member)
            found[member.name] = (member, content.read() if content else None)
        return found


def test_files_are_packed_with_content_mode_and_parents(tmp_path):
    (tmp_path / "app.py").write_text("print()")
    found = members(
        [
            Entry("/valohai/code/pkg/app.py", mode=0o755, source=tmp_path / "app.py"),
            Entry("/valohai/valohai-metadata.json", mode=0o444, content=b"{}"),
            Entry("/valohai/code/link", link="pkg/app.py"),
        ]
    )
    assert list(found) == [
        "valohai",
        "valohai/code",
        "valohai/code/pkg",
        "valohai/code/pkg/app.py",
        "valohai/valohai-metadata.json",
        "valohai/code/link",
    ]
    app, content = found["valohai/code/pkg/app.py"]
    assert (app.mode, app.uid, content) == (0o755, 0, b"print()")
    assert found["valohai/valohai-metadata.json"][0].mode == 0o444
    assert found["valohai/code/link"][0].linkname == "pkg/app.py"
    assert found["valohai/code"][0].isdir()


def test_a_file_that_has_gone_is_left_out(tmp_path):
    assert list(members([Entry("/gone", source=tmp_path / "gone")])) == []


def test_more_than_fits_in_memory_goes_through_a_file(tmp_path):
    big = tmp_path / "model.bin"
    big.write_bytes(b"x" * 9_000_000)
    assert members([Entry("/model.bin", source=big)])["model.bin"][0].size == 9_000_000
