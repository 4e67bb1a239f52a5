"""What a runner tells of what only one server can have."""

from pathlib import Path

import pytest

from vhlocal.model import Place, SharedVolume
from vhlocal.runtime.base import Layout, Mounts
from vhlocal.session.held import read_held

PROJECT = Path("/home/ann/words")

#: Mounted in a container: what lies there is not its own.
MOUNTS = Mounts(
    files={"/valohai/code/model.bin": Path("/data/model.bin")},
    shared=((SharedVolume("claim", "/mnt/shared"), Path("/volumes/claim")),),
)


def held(kind, name, layout, place=None):
    return read_held({"kind": kind, "name": name, "place": place}, layout, MOUNTS, PROJECT)


@pytest.mark.parametrize(
    ("kind", "name", "words", "own"),
    [
        ("tcp", "0.0.0.0:9100", "port 9100", True),
        ("udp", ":8125", "UDP port 8125", True),
        ("abstract", "@one", "the socket @one", True),
        ("socket", "/run/one.sock", "the socket /run/one.sock", True),
        ("made", "/tmp/one.pid", "the file /tmp/one.pid", True),
        ("lock", "/valohai/code/one.lock", "the lock on /valohai/code/one.lock", True),
        ("lock", "/mnt/shared/one.lock", "the lock on /mnt/shared/one.lock", False),
        ("lock", "/mnt/shared-not/one.lock", "the lock on /mnt/shared-not/one.lock", True),
        ("lock", "/valohai/code/model.bin", "the lock on /valohai/code/model.bin", False),
    ],
)
def test_a_container_has_its_own_of_all_but_what_is_mounted(kind, name, words, own):
    it = held(kind, name, Layout())
    assert (str(it), it.own) == (words, own)


def test_a_process_has_its_own_of_what_lies_in_its_directory(tmp_path):
    """Also where that is reached by a link."""
    (tmp_path / "real" / "one").mkdir(parents=True)
    (tmp_path / "cache").symlink_to(tmp_path / "real")
    layout = Layout(root=f"{tmp_path}/cache/one/valohai", host="127.0.0.1")
    real = f"{tmp_path}/real/one"
    code = held("lock", f"{real}/valohai/code/one.lock", layout, [f"{real}/valohai/code/lib/locks.py", 7])
    assert (code.name, code.own) == ("/valohai/code/one.lock", True)
    assert code.place == Place(PROJECT / "lib/locks.py", 7)
    assert held("lock", f"{real}/home/.cache/one.lock", layout).own
    assert not held("lock", "/tmp/one.lock", layout).own
    assert not held("tcp", "127.0.0.1:9100", layout).own


def test_files_outlive_who_has_them_and_locks_and_ports_do_not():
    kinds = ("tcp", "udp", "abstract", "socket", "made", "lock")
    assert [kind for kind in kinds if held(kind, "x", Layout()).outlives] == ["socket", "made"]
