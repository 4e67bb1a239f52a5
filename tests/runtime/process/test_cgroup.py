"""Version 1 is tried for real where it can be; version 2 against directories laid out as the kernel does."""

import os
import subprocess
import sys

import pytest

from vhlocal.runtime.process.cgroup import Group, System, make_group
from vhlocal.runtime.process.guarded import Orders, drop, give, idle

LIMIT = 64 * 1024 * 1024

#: Joins the groups named by the arguments, and takes 256 MB in steps.
HUNGRY = """
import os, sys
for file in sys.argv[1:]:
    open(file, "w").write(str(os.getpid()))
print("joined", flush=True)
eaten = []
for _ in range(256):
    eaten.append(b"x" * 2**20)
"""


class Machine:
    """A machine's cgroups in a directory."""

    def __init__(self, path):
        self.path = path
        self.mounts = []
        self.own = []

    def version_2(self, own, mount="cgroup", root="/"):
        self.mounts.append(f"30 1 0:26 {root} {self.path / mount} rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate")
        self.own.append(f"0::{own}")

    def version_1(self, controllers, own, mount, root="/"):
        self.mounts.append(f"31 1 0:27 {root} {self.path / mount} rw - cgroup cgroup rw,{controllers}")
        self.own.append(f"4:{controllers}:{own}")
        return self.cgroup(f"{mount}{own}")

    def cgroup(self, path, controllers="", handed="", pids=""):
        directory = self.path / path.strip("/")
        directory.mkdir(parents=True, exist_ok=True)
        files = {
            "cgroup.controllers": controllers,
            "cgroup.subtree_control": handed,
            "cgroup.procs": pids,
            "cgroup.type": "domain\n",
        }
        for name, text in files.items():
            (directory / name).write_text(text)
        return directory

    @property
    def system(self):
        (self.path / "mountinfo").write_text("\n".join(["22 1 8:1 / / rw - ext4 /dev/sda1 rw", *self.mounts, ""]))
        (self.path / "own").write_text("\n".join([*self.own, ""]))
        return System(self.path / "mountinfo", self.path / "own")


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


@pytest.fixture
def group():
    """A real group with a limit of memory and half a core."""
    made = make_group(f"vhlocal-test-{os.getpid()}", LIMIT, 0.5)
    assert made is not None, "the tests need a user who may make cgroups"
    yield made
    made.remove()


def settings(directory):
    return {file.name: file.read_text() for file in directory.iterdir()}


def test_beside_a_session_of_systemd_s_with_both_controllers(machine):
    service = "user.slice/user-1000.slice/user@1000.service"
    machine.version_2(f"/{service}/app.slice/shell.scope")
    machine.cgroup(f"cgroup/{service}", "cpu memory pids", "cpu memory pids")
    slice_ = machine.cgroup(f"cgroup/{service}/app.slice", "cpu memory pids", "memory pids")
    machine.cgroup(f"cgroup/{service}/app.slice/shell.scope", "memory pids", "", "123\n")
    group = make_group("vhlocal-a", LIMIT, 1.5, machine.system)
    assert group == Group((slice_ / "vhlocal-a",), frozenset({"memory", "cpu"}))
    assert group.procs == (slice_ / "vhlocal-a" / "cgroup.procs",)
    assert settings(slice_ / "vhlocal-a") == {
        "memory.max": str(LIMIT),
        "memory.swap.max": "0",
        "cpu.max": "150000 100000",
    }
    assert (slice_ / "cgroup.subtree_control").read_text() == "+cpu"


def test_a_process_is_in_one_cgroup_of_a_hierarchy_and_memory_goes_before_cpu(machine):
    machine.version_2("/a/b/c")
    machine.cgroup("cgroup", "cpu memory", "cpu")
    top = machine.cgroup("cgroup/a", "memory", "memory")
    machine.cgroup("cgroup/a/b", "cpu", "cpu")
    machine.cgroup("cgroup/a/b/c", "", "", "7\n")
    (machine.path / "cgroup" / "cgroup.procs").unlink()  # where the delegation ends
    group = make_group("one", LIMIT, 1, machine.system)
    assert group == Group((top / "one",), frozenset({"memory"}))
    (top / "cgroup.controllers").write_text("cpu memory")
    assert make_group("two", LIMIT, 1, machine.system) == Group((top / "two",), frozenset({"memory", "cpu"}))


def test_a_cgroup_with_processes_hands_nothing_down_but_what_it_does_already(machine):
    machine.version_2("/box")
    own = machine.cgroup("cgroup/box", "cpu memory", "", "1\n7\n")
    assert make_group("one", LIMIT, 1, machine.system) is None
    (own / "cgroup.subtree_control").write_text("memory")
    assert make_group("one", LIMIT, 1, machine.system) == Group((own / "one",), frozenset({"memory"}))


def test_a_namespace_s_root_is_where_the_mount_is(machine):
    machine.version_2("/docker/abc/server", root="/docker/abc")
    parent = machine.cgroup("cgroup", "memory", "memory")
    machine.cgroup("cgroup/server", "memory", "", "7\n")
    assert make_group("one", LIMIT, None, machine.system) == Group((parent / "one",), frozenset({"memory"}))


@pytest.mark.parametrize(("own", "root"), [("/../elsewhere", "/"), ("/elsewhere", "/docker/abc")])
def test_what_is_outside_of_the_mount_cannot_be_used(machine, own, root):
    machine.version_2(own, root=root)
    machine.cgroup("cgroup", "memory", "memory")
    assert make_group("one", LIMIT, None, machine.system) is None


def test_version_1_has_a_hierarchy_for_each(machine):
    memory = machine.version_1("memory", "/box", "memory")
    cpu = machine.version_1("cpu,cpuacct", "/", "cpu")
    machine.version_2("/", mount="unified")
    machine.cgroup("unified", "hugetlb", "")
    group = make_group("one", LIMIT, 0.001, machine.system)
    assert group == Group((memory / "one", cpu / "one"), frozenset({"memory", "cpu"}))
    assert settings(memory / "one") == {
        "memory.limit_in_bytes": str(LIMIT),
        "memory.memsw.limit_in_bytes": str(LIMIT),
    }
    assert settings(cpu / "one") == {"cpu.cfs_period_us": "100000", "cpu.cfs_quota_us": "1000"}


def test_nothing_wanted_or_nothing_there_is_no_group(machine):
    assert make_group("one", LIMIT, 1, machine.system) is None
    machine.version_2("/")
    root = machine.cgroup("cgroup", "cpu memory", "cpu memory")
    before = settings(root)
    assert make_group("one", None, None, machine.system) is None
    assert settings(root) == before
    assert make_group("one", LIMIT, 1, System(machine.path / "none", machine.path / "none")) is None


def test_what_cannot_be_made_leaves_nothing_half_made(machine):
    memory = machine.version_1("memory", "/", "memory")
    (memory / "taken").mkdir()
    assert make_group("taken", LIMIT, None, machine.system) is None
    assert list((memory / "taken").iterdir()) == []


def test_what_the_kernel_says_is_told(machine):
    two, one = machine.path / "two", machine.path / "one"
    for directory, name in ((two, "memory.events"), (one, "memory.oom_control")):
        directory.mkdir()
        group = Group((machine.path, directory), frozenset({"memory"}))
        assert (group.kills, group.peak) == (0, None)
        (directory / name).write_text("low 0\noom 1\noom_kill 0\n")
        assert group.kills == 0
        (directory / name).write_text("low 0\noom 1\noom_kill 2\noom_group_kill 0\n")
        assert group.kills == 2
    for directory in (two, one):
        group = Group((machine.path, directory), frozenset({"cpu"}))
        assert group.throttling is None
        (directory / "cpu.stat").write_text("usage_usec 17\nnr_periods 40\nnr_throttled 10\nthrottled_usec 5\n")
        assert group.throttling == (40, 10)
        assert Group((directory,), frozenset({"memory"})).throttling is None  # the kernel keeps no such limit
    (two / "memory.peak").write_text("4096\n")
    assert Group((two,), frozenset()).peak == 4096


def test_k2_what_passes_its_memory_is_killed_by_the_kernel_for_real(group):
    """K2: the kernel ends what passes the limit, and the group tells so."""
    assert (group.kills, "memory" in group.limited) == (0, True)
    hungry = [sys.executable, "-I", "-c", HUNGRY, *map(str, group.procs)]
    ended = subprocess.run(hungry, stdout=subprocess.PIPE, text=True, timeout=60)
    assert ended.stdout == "joined\n"
    assert ended.returncode == -9
    assert group.kills == 1
    assert LIMIT // 2 < (group.peak or 0) <= LIMIT
    assert group.remove()
    assert group.remove()
    assert not any(directory.exists() for directory in group.directories)
    assert (group.kills, group.peak) == (0, None)


def test_a_group_stays_as_long_as_a_process_is_in_it(group):
    sleeper = [sys.executable, "-I", "-c", HUNGRY.partition("eaten")[0] + "sys.stdin.read()", *map(str, group.procs)]
    with subprocess.Popen(sleeper, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"joined\n"
        assert not group.remove()
        assert str(process.pid) in group.procs[0].read_text().split()
        process.stdin.close()
    assert group.remove()


def test_a_group_outlives_its_server_for_vhlocal_to_read(group):
    """K2: a server that the kernel has killed ends as one does that vhlocal has left alone."""
    guard = idle()
    give(guard, Orders(("sh", "-c", "kill -KILL $$"), dict(os.environ), "/"), group.procs)
    assert guard.wait(60) == 137
    assert all(directory.exists() for directory in group.directories)
    drop(guard)


@pytest.mark.parametrize("command", ["exec sleep 60", "kill -KILL $$"])
def test_a_group_goes_with_its_server_when_vhlocal_has_ended(group, command):
    guard = idle()
    give(guard, Orders(("sh", "-c", command), dict(os.environ), "/"), group.procs)
    drop(guard)
    assert not any(directory.exists() for directory in group.directories)
