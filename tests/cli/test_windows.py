"""On Windows, `vhlocal` says what is supported, and does not fail on an import before that.

There is no Windows here: a process loses what Windows' Python has not (modules, and names of the standard library)
once the libraries of others are loaded, which have a way of their own there.
"""

from __future__ import annotations

import subprocess
import sys
from textwrap import dedent

import pytest

_WINDOWS = """
    import asyncio, concurrent.futures, ctypes, http.server, multiprocessing, os, selectors, shutil, signal, socket
    import subprocess, sys, tempfile
    import click, docker, filelock, gitignorant, httptools, jsonschema, packaging.requirements, platformdirs
    import prometheus_client, psutil, rich.console, rich.live, rich.markdown, rich.progress, valohai_yaml
    import watchdog.observers, werkzeug.serving, yaml

    for name in ("fcntl", "grp", "gunicorn", "pty", "pwd", "resource", "syslog", "termios", "tty", "uvloop"):
        sys.modules[name] = None
    MISSING = {
        asyncio: "PidfdChildWatcher",
        os: "chown chroot copy_file_range eventfd fchdir fchown fdatasync fork forkpty getegid geteuid getgid "
        "getgroups getloadavg getpgid getpgrp getpriority getsid getuid getxattr initgroups killpg lchown listxattr "
        "lockf memfd_create mkfifo mknod nice O_CLOEXEC O_DIRECTORY O_NOFOLLOW O_NONBLOCK O_PATH O_SYNC O_TMPFILE "
        "openpty pathconf pipe2 posix_fadvise posix_fallocate posix_spawn pread pwrite readv register_at_fork "
        "sched_getaffinity sched_yield sendfile setgid setpgid setpriority setsid setuid splice statvfs sync sysconf "
        "tcgetpgrp tcsetpgrp ttyname uname wait3 wait4 waitid WEXITED WNOHANG writev",
        signal: "pthread_sigmask SIGALRM SIGCHLD SIGHUP SIGKILL SIGQUIT SIGTTIN SIGTTOU SIGUSR1 SIGUSR2 SIGWINCH",
        socket: "AF_UNIX CMSG_LEN SCM_RIGHTS SO_REUSEPORT",
    }
    for module, names in MISSING.items():
        for name in names.split():
            if hasattr(module, name):
                delattr(module, name)
    sys.platform = "win32"
"""

_IMPORT_ALL = """
    import importlib, pkgutil, vhlocal

    modules = [each.name for each in pkgutil.walk_packages(vhlocal.__path__, "vhlocal.")]
    modules = [name for name in modules if not name.startswith(("vhlocal.runner", "vhlocal.__main__"))]
    for name in modules:
        importlib.import_module(name)
    print(len(modules))
"""

_COMMAND = """
    from vhlocal.cli import main

    main()
"""

_PROJECT = {
    "valohai.yaml": "- endpoint: {name: web, image: 'python:3.11-slim', server-command: python -m http.server 8000}\n"
}


@pytest.fixture
def on_windows(tmp_path):
    """Run code as if on Windows; return the exit code, and what is printed. That goes to a file: pipes are Linux's."""

    def run(code, *arguments, environment=None):
        script = dedent(_WINDOWS) + dedent(code)
        with (tmp_path / "printed").open("w") as printed:
            done = subprocess.run(
                [sys.executable, "-c", script, *arguments],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=subprocess.STDOUT,
                timeout=300,
            )
        return done.returncode, (tmp_path / "printed").read_text()

    return run


def test_every_module_is_imported(on_windows):
    code, printed = on_windows(_IMPORT_ALL)
    assert code == 0, printed
    assert int(printed) > 200


def test_what_runs_endpoints_says_where_it_can(on_windows, project, vhlocal):
    code, printed = on_windows(_COMMAND, "up", "-C", str(project(_PROJECT)), environment=vhlocal.environment)
    assert code == 3, printed
    assert printed.startswith("error: vhlocal runs endpoints on Linux and macOS, not on Windows\n")
    assert "WSL 2" in printed


def test_what_only_looks_works(on_windows, project, vhlocal):
    code, printed = on_windows(_COMMAND, "check", "-C", str(project(_PROJECT)), environment=vhlocal.environment)
    assert (code, printed) == (0, "ok: nothing found\n")
