"""The commands that make an environment, and what they find in theirs.

Two tools do the same: uv where it is there, otherwise Python's own ``venv`` and the pip that comes with it. What is set
for pip is what production's package index stands on, so uv gets the same in its own words.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from vhlocal.project.network import CA_VARIABLES
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from vhlocal.project.network import HostNetwork
    from vhlocal.runtime.process.pythons import Python

#: The oldest Python that uv installs for.
_UV_FROM = (3, 8)

#: The first pip that knows the tags of today's wheels (manylinux_x_y); an older one is renewed first.
_PIP_FROM = 21

#: What the official images have besides Python, in versions that still do what theirs do: a newer setuptools has no
#: ``pkg_resources``, a newer wheel brings ``packaging`` along. Nor does an old pip always find out what fits 3.6.
_SEEDS_3_6 = ("pip<22", "setuptools<60", "wheel<0.38")
_SEEDS = ("pip<24.1", "setuptools<66", "wheel<0.44")

#: From here on, they have pip alone.
_PIP_ALONE_FROM = (3, 12)

_PASSED = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TMPDIR",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_DIRS",
    "XDG_CONFIG_HOME",
)

#: pip's settings that name places on this host, where the installation runs.
_PIP_HERE = (
    "PIP_CACHE_DIR",
    "PIP_CLIENT_CERT",
    "PIP_CONFIG_FILE",
    "PIP_EXTRA_INDEX_URL",
    "PIP_FIND_LINKS",
    "PIP_INDEX_URL",
    "PIP_KEYRING_PROVIDER",
)

#: The beginnings of uv's variables that say where packages come from, and not where they go or which are taken.
_UV_PASSED = (
    "UV_CACHE_DIR",
    "UV_CONCURRENT_",
    "UV_CONFIG_FILE",
    "UV_CREDENTIALS_DIR",
    "UV_DEFAULT_INDEX",
    "UV_EXTRA_INDEX_URL",
    "UV_FIND_LINKS",
    "UV_HTTP_",
    "UV_INDEX",
    "UV_INSECURE_HOST",
    "UV_KEYRING_PROVIDER",
    "UV_LINK_MODE",
    "UV_NATIVE_TLS",
    "UV_OFFLINE",
    "UV_REQUEST_TIMEOUT",
    "UV_SYSTEM_CERTS",
)

_FALSE = ("", "0", "false", "no", "off", "n", "f")


@dataclass(frozen=True)
class Installer:
    """How environments of one Python are made; ``uv`` is the program's path, or None for venv and pip.

    ``variables`` are the whole environment of every command. They may hold credentials: never shown.
    """

    python: Python
    uv: str | None
    variables: Mapping[str, str]

    def make(self, directory: Path) -> list[str]:
        """Return the command that makes a bare virtual environment in ``directory``."""
        if self.uv is None:
            return [str(self.python.path), "-I", "-m", "venv", str(directory)]
        return [self.uv, "venv", "--no-project", "--python", str(self.python.path), str(directory)]

    def seed(self, python: Path, pip: str) -> list[str] | None:
        """Return the command that completes a bare environment, which has ``pip`` of that version, or None.

        An index may lack all of this, and packages can be installed without: it is no failure if it fails.
        """
        seeds: tuple[str, ...] = _SEEDS_3_6 if self.python.numbers == (3, 6) else _SEEDS
        if self.uv is not None and self.python.numbers >= _PIP_ALONE_FROM:
            seeds = ("pip",)
        if self.uv is not None:
            return [self.uv, "pip", "install", "--python", str(python), *_uv_choices(self.variables), *seeds]
        if pip and int(pip.partition(".")[0]) < _PIP_FROM:
            return [str(python), "-I", "-m", "pip", "install", "--upgrade", *seeds]
        return None

    def install(self, python: Path, prefix: Path, arguments: tuple[str, ...], present: Path | None) -> list[str]:
        """Return the command that installs into ``prefix``, for a virtual environment's ``python``.

        ``present`` is a constraints file of the packages that lower layers have: uv does not see them, and what it
        brings along must not differ from them.
        """
        if self.uv is None:
            return [str(python), "-I", "-m", "pip", "install", "--prefix", str(prefix), *arguments]
        where = ["--python", str(python), "--prefix", str(prefix), "--compile-bytecode"]
        constraint = ["--constraint", str(present)] if present else []
        return [self.uv, "pip", "install", *where, *constraint, *_uv_choices(self.variables), *arguments]


def installer(python: Python, uv: str | None, network: HostNetwork, environ: Mapping[str, str]) -> Installer:
    """Return how environments of ``python`` are made on this host; ``uv`` is its path, if it is there."""
    variables = {name: environ[name] for name in _PASSED if name in environ}
    variables.setdefault("LANG", "C.UTF-8")
    pip = {**network.pip, **{name: environ[name] for name in _PIP_HERE if environ.get(name)}}
    variables |= {**network.proxies, **pip}
    variables |= {
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_INPUT": "1",
        "PIP_PROGRESS_BAR": "off",
        "PIP_ROOT_USER_ACTION": "ignore",
        "PIP_USER": "0",  # as a configuration file may say otherwise
        "NO_COLOR": "1",
        "PYTHONUNBUFFERED": "1",
    }
    if network.ca_bundle is not None:
        variables |= dict.fromkeys(CA_VARIABLES, str(network.ca_bundle))
    if uv is None or python.numbers < _UV_FROM:
        return Installer(python, None, variables)
    own = {name: value for name, value in environ.items() if name.startswith(_UV_PASSED) and value}
    return Installer(python, uv, {**variables, **_uv_network(pip, variables), **_uv_ways(environ), **own})


def _uv_network(pip: Mapping[str, str], variables: Mapping[str, str]) -> dict[str, str]:
    """Return pip's settings as uv's variables."""
    timeout = pip.get("PIP_TIMEOUT") or pip.get("PIP_DEFAULT_TIMEOUT", "")
    found = {
        "UV_INDEX_URL": pip.get("PIP_INDEX_URL", ""),
        "UV_EXTRA_INDEX_URL": pip.get("PIP_EXTRA_INDEX_URL", ""),
        "UV_FIND_LINKS": ",".join(pip.get("PIP_FIND_LINKS", "").split()),
        "UV_INSECURE_HOST": pip.get("PIP_TRUSTED_HOST", ""),
        "UV_HTTP_TIMEOUT": timeout.partition(".")[0],
        "UV_HTTP_RETRIES": pip.get("PIP_RETRIES", ""),
        # pip looks for the best version in all indexes.
        "UV_INDEX_STRATEGY": "unsafe-best-match" if "PIP_EXTRA_INDEX_URL" in pip else "",
    }
    if proxy := pip.get("PIP_PROXY"):
        names = {name.upper() for name in variables}
        found |= {name: proxy for name in ("HTTP_PROXY", "HTTPS_PROXY") if name not in names}
    return {name: value for name, value in found.items() if value}


def _uv_ways(environ: Mapping[str, str]) -> dict[str, str]:
    """Return how uv is to behave: it takes no Python from the net, and its settings from the user's file alone.

    Those in the project's files are not for pip, by which production installs.
    """
    home = environ.get("XDG_CONFIG_HOME") or Path(environ.get("HOME", "/"), ".config")
    file = Path(home, "uv", "uv.toml")
    settings = {"UV_CONFIG_FILE": str(file)} if file.is_file() else {"UV_NO_CONFIG": "1"}
    return {"UV_NO_PROGRESS": "1", "UV_PYTHON_DOWNLOADS": "never", **settings}


def _uv_choices(variables: Mapping[str, str]) -> Iterator[str]:
    """Yield pip's settings for which uv has no variable."""
    for name, flags in (("PIP_NO_INDEX", ("--no-index",)), ("PIP_PRE", ("--prerelease", "allow"))):
        if variables.get(name, "").lower() not in _FALSE:
            yield from flags
    for name, flag in (("PIP_ONLY_BINARY", "--only-binary"), ("PIP_NO_BINARY", "--no-binary")):
        for package in variables.get(name, "").replace(",", " ").split():
            yield from (flag, package)
