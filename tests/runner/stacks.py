"""Virtual environments of real Python and framework versions, made once and kept in the user's cache directory."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import platformdirs
from filelock import FileLock

CACHE = platformdirs.user_cache_path("vhlocal-tests") / "stacks"


@dataclass(frozen=True)
class Stack:
    """A Python version such as ``3.6`` and what pip installs into it."""

    name: str
    python: str
    packages: tuple[str, ...]

    def __str__(self) -> str:
        return self.name


OLDEST = Stack("py3.6-gunicorn20-flask1", "3.6", ("gunicorn==20.0.4", "flask==1.1.4"))
UVICORN = Stack("py3.8-gunicorn21-uvicorn", "3.8", ("gunicorn==21.2.0", "fastapi==0.115.*", "uvicorn==0.33.*"))
OLD_STARLETTE = Stack("py3.9-starlette0.14", "3.9", ("gunicorn==20.1.0", "fastapi==0.68.2", "uvicorn==0.15.0"))
NO_ASGI = Stack("py3.9-gunicorn23-alone", "3.9", ("gunicorn==23.0.0",))
NEW = ("gunicorn>=27", "flask>=3.1", "django>=5", "fastapi>=0.115", "python-multipart")
USUAL = Stack("py3.11-newest", "3.11", NEW)
ASGI_UVICORN = Stack(
    "py3.11-gunicorn-uvicorn-newest",
    "3.11",
    ("gunicorn>=27", "fastapi>=0.115", "python-multipart", "uvicorn>=0.30", "uvicorn-worker", "websockets"),
)
OWN_WORKERS = Stack("py3.11-gunicorn-aiohttp-tornado", "3.11", ("gunicorn>=27", "aiohttp", "tornado"))
RELOADERS = Stack("py3.11-reloaders", "3.11", ("bottle", "cherrypy", "hypercorn", "quart", "tornado", "uvicorn>=0.30"))
NEWEST = Stack("py3.13-newest", "3.13", NEW)


def python_of(stack: Stack) -> Path:
    """Return the stack's interpreter, making its environment when it is not there yet. A failure shows pip's output."""
    key = hashlib.sha256(repr((stack.python, stack.packages)).encode()).hexdigest()[:12]
    home = CACHE / f"{stack.name}-{key}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{home}.lock"):
        if not (home / "complete").exists():
            shutil.rmtree(home, ignore_errors=True)
            _run([str(interpreter(stack.python)), "-m", "venv", str(home)])
            pip = [str(home / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            _run([*pip, *stack.packages])
            (home / "complete").touch()
    return home / "bin" / "python"


def interpreter(version: str) -> Path:
    """Find Python ``version`` among pyenv's, then on the path; fails with what to install when it is missing."""
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    found = sorted((root / "versions").glob(f"{version}.*/bin/python"))
    on_path = shutil.which(f"python{version}")
    if not found and on_path is None:
        message = f"the tests need Python {version}: `pyenv install {version}` or a python{version} on PATH"
        raise FileNotFoundError(message)
    return found[-1] if found else Path(str(on_path))


def _run(command: list[str]) -> None:
    result = subprocess.run(command, check=False, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert result.returncode == 0, f"{' '.join(command)}\n{result.stdout}"
