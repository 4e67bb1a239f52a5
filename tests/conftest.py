"""What all tests share."""

import gc
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.browser import chromium
from tests.engine_fixtures import (
    base_image,
    base_image_with_user,
    engine,
    environments,
    project,
    registry,
    running,
    sample,
    shared_cache,
    taken_texts,
    tools,
    vhlocal,
)
from tests.waiting import give_ports_back

__all__ = [
    "base_image",
    "base_image_with_user",
    "chromium",
    "engine",
    "environments",
    "project",
    "registry",
    "running",
    "sample",
    "shared_cache",
    "taken_texts",
    "tools",
    "vhlocal",
]

TESTS = Path(__file__).parent

# How long an example takes is the machine's. What depends on the Python and not on the input shows in few.
settings.register_profile("tests", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("another Python", parent=settings.get_profile("tests"), max_examples=10)
settings.load_profile("tests")

#: What tells the same under every Python, by the beginning of its path, and why. The others run on each.
ONCE = {
    "attacks/": "tries what strangers do with files, users and commands; nothing of that is a Python's",
    "runner/": "starts the runner under Pythons of its own choice",
    "runtime/process/test_pythons.py": "looks for Pythons, and asks those",
    "cli/test_disks.py": "fills disks, and looks what the commands say",
    "page/": "shows the page in a browser; api/ is asked under each",
    "cli/test_open.py": "starts a browser; session/test_processes.py has runs under each",
    "cli/test_interrupts.py": "interrupts commands that wait; test_processes.py ends some under each",
    "cli/test_port.py": "starts commands one by one; session/test_processes.py has runs under each",
    "cli/test_engine_faults.py": "starts commands one by one, and none finds an engine",
    "cli/test_containers.py": "starts commands one by one; session/test_processes.py has runs under each",
    "cli/test_small_commands.py": "starts commands one by one; session/test_processes.py has runs under each",
    "cli/test_terminal.py": "shows what persons and files get of whole runs; ui/ lays it out on each",
    "cli/test_windows.py": "imports what this Python and its libraries have, as if elsewhere",
    "cli/test_secrets.py": "looks for passwords in what is made",
    "session/diagnosis/test_examine.py": "asks servers that waver and stall, with limits of seconds",
    "session/diagnosis/test_cause.py": "has servers of an image fail; test_processes.py does so under each",
    "session/diagnosis/test_unreachable.py": "has a server of an image's Python close its port",
    "session/diagnosis/test_doctor.py": "asks servers that run under a Python of the image's",
    "session/test_chosen_files.py": "copies large files; runtime/test_runtimes.py does so under each",
    "session/test_pages.py": "reads pages of whole runs; api/ has them under each",
    "session/test_ahead.py": "starts whole runs one by one; runtime/process/test_begun.py begins servers under each",
    "session/test_starting.py": "starts whole runs in which something fails",
    "session/test_exclusive.py": "edits what runs; test_processes.py does so under each",
    "session/test_hanging.py": "waits for code that never answers, as the runner tells where it is",
    "session/test_keeping.py": "edits, crashes and installs in many runs; test_processes.py does so under each",
    "session/test_keeper_model.py": "tries random orders of events; test_processes.py has the usual ones under each",
    "session/test_listening.py": "binds and connects; runner/test_serve_warm_network.py does so under several",
    "session/wanted/test_own_files.py": "has runs write files, and asks the kernel who has",
    "session/test_reloaders.py": "runs in containers, whose Python is always the same",
    "session/test_started_anew.py": "starts servers anew; test_processes.py replaces some under each",
    "session/test_replaced.py": "waits for what replaced servers have in flight",
    "session/wanted/test_mirror.py": "looks at copies of files on the disk",
    "session/wanted/test_settled.py": "waits for files that are slow",
    "session/warm/test_start_up.py": "measures starts of servers under a Python of the image's",
    "session/test_saves.py": "has the kernel end what passes its memory, and saves in quick succession",
    "session/test_deployment.py": "moves aliases and replicas of servers; endpoint/ and traffic/ are asked on each",
    "session/test_asked_again.py": "asks servers that run; recorder/ and comparison/ are asked on each",
    "session/test_call.py": "calls servers that run; test_sending.py sends under each",
    "session/test_under_load.py": "loads servers that run; load/ is asked on each",
    "smoke/test_by_schema.py": "has Schemathesis ask servers that run",
    "session/test_smoke_tests.py": "sends the same to servers that run; smoke/ judges under each",
    "scripts/": "runs the scripts, which take the Python of .venv",
    "test_architecture.py": "reads source text",
    "test_contract_table.py": "reads a table of the documentation",
    "test_docs.py": "reads the documentation",
    "test_schemas.py": "compares JSON with schemas",
    "test_examples.py": "reads what the documentation shows",
    "test_tutorial.py": "does what a page says",
    "test_finding_pages.py": "compares pages with definitions",
    "checks/test_findings.py": "compares definitions with pages and samples",
    "stress/": "wears runs out for a minute",
    "sample_projects/": "checks samples by their text, and by Valohai's own linter",
    "cli/test_explain.py": "prints pages",
    "cli/test_scale.py": "prints what scaling/ has reckoned, which is asked on each",
    "cli/test_check.py": "prints what the rules find, which are asked on each",
    "testing/test_fixtures.py": "starts sessions of pytest, and runs; the other tests of testing/ are asked on each",
    "smoke/test_by_pytest.py": "runs pytest, whose reports are the same under each",
    "smoke/test_writing.py": "writes random bodies; test_reading.py has the usual ones",
    "comparison/test_comparison_properties.py": "tries random documents; test_differences.py has the usual ones",
    "gateway/test_fuzz.py": "throws bytes at httptools and uvloop, of one version everywhere",
    "gateway/test_crowds.py": "has hundreds of clients dribble",
    "gateway/test_real_servers.py": "asks servers of one Python, many times",
    "gateway/test_server_soak.py": "asks for as long as a leak would need to be seen",
    "gateway/test_memory.py": "measures what uvloop and buffers of bytes take",
    "gateway/test_spooled_files.py": "writes large bodies to the disk",
    "project/test_packaging_conformance.py": "compares with another program's choice of files, many times",
    "project/test_taken.py": "starts commands that keep hashes of texts; test_config.py reads texts under each",
    "project/test_frozen.py": "has git write and read repositories of many kinds",
    "project/test_touched.py": "compares two readings of many trees",
    "reload/test_watch_git.py": "has git write thousands of files",
    "reload/test_watch_package.py": "follows random edits of trees, as the kernel tells them",
}

#: Marks of tests that one Python runs for all: engines are the same, and so is what installs packages.
ELSEWHERE = ("engine", "builds", "once")

#: Files whose tests share what takes long to make, or serve the same directories: those of one row go to one core.
ROWS = {
    "sample_projects/test_samples.py": "samples",
    "scripts/test_demo.py": "samples",
    "runner/test_serve_warm_host.py": "a runner",
    "runner/test_serve_wsgi.py": "applications",
    "runtime/process/test_environments.py": "environments",
    "stress/test_stress.py": "stress",
    "scripts/test_package.py": "package",
    "test_contract_table.py": "contract rows",
    "page/test_try.py": "try",
    "page/test_logs.py": "a page",
    "page/test_metrics.py": "a page",
    "page/test_overview.py": "overview",
    "page/test_reloads.py": "a page",
    "page/test_requests.py": "page of requests",
    "page/test_shell.py": "shell",
    "page/test_whole.py": "whole page",
}


@pytest.fixture(autouse=True)
def ports_of_the_test() -> Iterator[None]:
    """Give back, at the end of each test, the ports that were found for it."""
    yield
    give_ports_back()


def pytest_addoption(parser: pytest.Parser) -> None:
    more = "try every framework of tests/frameworks: without it, the third of them that the commit chooses"
    parser.addoption("--all-frameworks", action="store_true", help=more)
    fewer = "run on another Python than the main one: only what depends on it, and a tenth of the examples"
    parser.addoption("--another-python", action="store_true", help=fewer)


def pytest_configure(config: pytest.Config) -> None:
    # A shell has its background jobs ignore Ctrl-C, and `nohup` the end of the terminal; so does all that they start:
    # tests that send these would wait for ever.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    if config.getoption("--another-python"):
        settings.load_profile("another Python")
    config.addinivalue_line("markers", "engine: needs a container engine (given to every test that asks for one)")
    config.addinivalue_line("markers", "builds: installs packages, which takes long, and no less under another Python")
    config.addinivalue_line("markers", "once: tells the same under every Python, so that one is enough")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Five for two cores: many tests mostly wait, and with four a tenth of the cores' time was left."""
    return 5 * (os.cpu_count() or 1) // 2


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give each worker a row, or a test that is in none, at a time: xdist's own marks for it need an older pytest."""
    from xdist.scheduler import LoadScopeScheduling  # noqa: PLC0415 - only where there are several workers

    class Rows(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            path = nodeid.partition("::")[0].removeprefix(f"{TESTS.name}/")
            return ROWS.get(path, nodeid)

        def mark_test_complete(self, node: Any, item_index: int, duration: float = 0) -> None:
            """Forget what is done: xdist looks through all rows that a worker ever had at each event of a test."""
            super().mark_test_complete(node, item_index, duration)
            rows = self.assigned_work[node]
            row = self._split_scope(self.registered_collections[node][item_index])
            if all(rows[row].values()):
                del rows[row]

    return Rows(config, log)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out what need not run here before it is imported: to import all tests is a good part of what they cost."""
    return True if config.getoption("--another-python") and tells_the_same(collection_path) else None


def tells_the_same(path: Path) -> bool:
    """Tell whether ``ONCE`` has a file or a directory."""
    if not path.is_relative_to(TESTS):
        return False
    name = path.relative_to(TESTS).as_posix()
    return name.startswith(tuple(ONCE)) or f"{name}/" in ONCE


def pytest_collection_finish() -> None:
    """Leave all that was collected out of what the garbage collector looks through: a tenth of what tests cost."""
    gc.freeze()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if "engine" in getattr(item, "fixturenames", ()):
            item.add_marker("engine")
    if config.getoption("--another-python"):
        left = [item for item in items if any(map(item.get_closest_marker, ELSEWHERE))]
        config.hook.pytest_deselected(items=left)
        items[:] = [item for item in items if not any(map(item.get_closest_marker, ELSEWHERE))]
