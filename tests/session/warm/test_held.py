"""What a runner tells of what only one server can have."""

import socket
from pathlib import Path

import pytest

from vhlocal.model import Place, SharedVolume
from vhlocal.runtime.base import Layout, Mounts
from vhlocal.runtime.chosen import DIRECTORY as CHOSEN
from vhlocal.session.warm.held import clear_away, ports_in_use, read_held

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
        ("lock", "/valohai/code/model.bin", "the lock on /valohai/code/model.bin", True),
        ("lock", f"{CHOSEN}/model.bin", f"the lock on {CHOSEN}/model.bin", False),
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


@pytest.mark.parametrize(("host", "stay"), [("0.0.0.0", ["socket", "made", "pid"]), ("127.0.0.1", ["made"])])
def test_files_outlive_who_has_them_and_locks_and_ports_do_not(host, stay):
    """Of a process those go too that nobody has any use for."""
    kinds = ("tcp", "udp", "abstract", "socket", "made", "pid", "lock")
    assert [kind for kind in kinds if held(kind, "x", Layout(host=host)).outlives] == stay


@pytest.mark.parametrize(
    ("kind", "name", "here", "elsewhere"),
    [
        ("tcp", "0.0.0.0:9100", True, False),
        ("made", "/tmp/one.pid", True, False),
        ("lock", "/mnt/shared/one.lock", True, True),
        ("made", "/mnt/shared/one.pid", False, False),
        ("pid", "/mnt/shared/one.pid", False, False),
    ],
)
def test_the_next_server_has_its_own_in_another_place_or_what_its_holder_leaves(kind, name, here, elsewhere):
    it = held(kind, name, Layout())
    assert it.to_be_had(elsewhere=False) is here
    assert it.to_be_had(elsewhere=True) is elsewhere


@pytest.mark.parametrize(
    ("said", "ports"),
    [
        ("Error: listen EADDRINUSE: address already in use :::9100", [9100]),
        ("listen tcp 0.0.0.0:9100: bind: address already in use", [9100]),
        ("OSError: [Errno 98] Address already in use (while attempting to bind on address ('::', 80))", [98, 80]),
        ("listening at 9100\nbind: Address already in use", []),
        ("port 9100 is fine", []),
    ],
)
def test_ports_are_read_from_a_line_that_says_that_they_are_in_use(said, ports):
    assert ports_in_use(said) == ports


def test_what_nobody_has_any_use_for_is_taken_away_and_nothing_else(tmp_path):
    texts = {"own": "4711\n", "other": "4712", "data": "4711 words", "empty": "", "large": "1" * 100}
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    dead, alive = (socket.socket(socket.AF_UNIX) for _ in range(2))
    with dead, alive:
        dead.bind(str(tmp_path / "dead"))
        alive.bind(str(tmp_path / "alive"))
        alive.listen()
        dead.close()
        names = {**dict.fromkeys([*texts, "gone"], "made"), "dead": "socket", "alive": "socket"}
        clear_away({"kind": kind, "name": str(tmp_path / name), "pid": 4711} for name, kind in names.items())
    assert {each.name for each in tmp_path.iterdir()} == {"other", "data", "empty", "large", "alive"}
