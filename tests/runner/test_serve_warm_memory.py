"""What a memory limit leaves for one more server (K2), read from control groups of both versions."""

import json
import subprocess

import pytest

from tests.runner.stacks import OLDEST, USUAL, python_of

MB = 1_000_000

V1 = {
    "memory/memory.limit_in_bytes": "100000000\n",
    "memory/memory.usage_in_bytes": "60000000\n",
    "memory/memory.stat": "cache 1\ntotal_inactive_file 10000000\n",
    "memory/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
}
V2 = {
    "memory.max": "100000000\n",
    "memory.current": "60000000\n",
    "memory.stat": "anon 1\ninactive_file 10000000\n",
    "memory.events": "low 0\noom 3\noom_kill 2\n",
}


@pytest.fixture(params=[OLDEST, USUAL], ids=str)
def ask(request, runner, tmp_path):
    """Return what asks the runner's own Python for an expression over ``limit``, given files and the own groups."""

    def ask(expression, files, own, machine=""):
        (tmp_path / "machine").write_text(machine)
        for name, text in files.items():
            path = tmp_path / "cgroup" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        (tmp_path / "own").write_text(own)
        code = (
            "import json, sys; sys.path.insert(0, sys.argv[1]); import serve_warm_memory as memory\n"
            "limit = memory.Limit(*sys.argv[2:])\n"
            f"print(json.dumps({expression}))"
        )
        command = [
            str(python_of(request.param)),
            "-c",
            code,
            str(runner),
            *(f"{tmp_path}/{name}" for name in ("cgroup", "own", "machine")),
        ]
        return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    return ask


def below(files, place, path):
    """Return the files of a group that is shown under the path that it has on the machine."""
    return {name.replace(place, f"{place}{path}/", 1): text for name, text in files.items()}


@pytest.mark.parametrize(
    ("files", "own"),
    [
        (V1, "4:memory:/docker/0123\n0::/docker/0123\n"),
        (V1, "4:memory:/\n"),
        (below(V1, "memory/", "user/vhlocal-a"), "5:cpu:/\n4:memory:/user/vhlocal-a\n0::/\n"),
        (V2, "0::/\n"),
        ({f"user.slice/vhlocal-a/{name}": text for name, text in V2.items()}, "0::/user.slice/vhlocal-a\n"),
    ],
)
def test_k2_the_limit_of_the_own_group_is_read_wherever_it_is_shown(ask, files, own):
    """K2: a container sees its group as the top, or under its path; a process of this machine has one of its own."""
    assert ask("[limit._room(), limit.kills()]", files, own) == [50 * MB, 2]


@pytest.mark.parametrize(
    ("files", "own"),
    [
        ({}, ""),
        ({**V1, "memory/memory.limit_in_bytes": f"{2**63 - 4096}\n"}, "4:memory:/\n"),
        ({"memory.max": "max\n"}, "0::/\n"),
    ],
)
def test_without_a_limit_there_is_room(ask, files, own):
    assert ask("[limit._room(), limit.kills(), limit.has_room_for_server([[1]])]", files, own) == [None, None, True]


@pytest.mark.parametrize(("files", "own"), [({}, ""), (V2, "0::/\n")])
def test_what_the_machine_has_left_bounds_it_too(ask, files, own):
    machine = "MemTotal: 9000000 kB\nMemAvailable:    40000 kB\n"
    assert ask("limit._room()", files, own, machine) == 40_000 * 1024


@pytest.mark.parametrize(
    ("used", "needed"), [([], 0), ([100], 120), ([100, 100], 120), ([20, 100], 200), ([20, 20, 100], 280)]
)
def test_k2_one_more_server_may_need_what_the_largest_does_and_so_may_all_others(ask, used, needed):
    """K2: those that have just begun, or have not loaded their model yet, are counted as they may become."""
    assert ask(f"memory.needed({used})", {}, "") == needed


def test_k2_what_servers_have_in_memory_bounds_what_one_more_may_need(ask):
    """K2: of the quick answer only a yes counts, whatever part of it they share, so it is never kinder."""
    shares = [[100], [25], [100, 100], [0, 100], [25, 50, 100], [0, 0, 0, 100]]
    asked = f"[memory.most_needed([100] * len(used)) >= memory.needed(used) for used in {shares}]"
    assert ask(asked, {}, "") == [True] * len(shares)
    asked = "[memory.most_needed(used) for used in ([], [100], [50, 100])]"
    assert ask(asked, {}, "") == [0, 120, 220]


@pytest.mark.parametrize(("available", "room"), [(1 << 40, True), (1, False)])
def test_k2_room_is_told_of_processes_that_are_there(ask, available, room):
    """K2: with much left no page is looked at, with little left all are."""
    own = "[[__import__('os').getpid()]]"
    asked = f"[limit.has_room_for_server({own}), limit.has_room_for_master({own}[0])]"
    assert ask(asked, {}, "", f"MemAvailable: {available} kB\n") == [room, room]


#: A server of one process, of which the kernel has killed a worker that a second one has taken the place of.
KILLED = """\
import os, signal, sys
sys.path.insert(0, sys.argv[1])
import serve_warm_memory, serve_warm_process, serve_warm_supervisor

pid = os.fork()
if not pid:
    signal.pause()
os.setpgid(pid, pid)  # as a server's process leads a group
server = serve_warm_process.Process(2, 8001, 1)
server.be_born(pid, 0.0)
server.loading.append(1 << 22)  # no process has this id
supervisor = object.__new__(serve_warm_supervisor.Supervisor)
supervisor._reap = lambda: None
supervisor._servers, supervisor._serving = {2: server}, 1
supervisor._limit = serve_warm_memory.Limit(*sys.argv[2:5])
counted = os.path.join(sys.argv[2], "memory.events")
open(counted, "w").write("oom_kill 3\\n")
for heard in sys.argv[5:]:
    supervisor.do_killed() if heard == "killed" else supervisor._server_loading(server, pid)
os.waitpid(pid, 0)
print(server.out_of_memory)
"""


@pytest.mark.parametrize("heard", [("killed", "loading"), ("loading", "killed")], ids=str)
def test_k2_a_kill_is_told_as_that_in_whatever_order_it_is_heard_of(runner, tmp_path, heard):
    for name, text in V2.items():
        (tmp_path / name).write_text(text)
    for name, text in (("own", "0::/\n"), ("machine", "")):
        (tmp_path / name).write_text(text)
    where = [str(runner), str(tmp_path), str(tmp_path / "own"), str(tmp_path / "machine")]
    done = subprocess.run(
        [str(python_of(USUAL)), "-c", KILLED, *where, *heard],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout == "True\n"
