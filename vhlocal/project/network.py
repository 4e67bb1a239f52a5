"""How this host reaches the outside, so that a build behind a corporate proxy can too: proxies, pip's settings, CAs."""

from __future__ import annotations

import configparser
import os
import sys
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING

from vhlocal.events import Notice
from vhlocal.model import Place
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY")

#: Which file of certificates is trusted: what is read by pip, by requests, by OpenSSL and by curl.
CA_VARIABLES = ("PIP_CERT", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE")

#: pip's settings that mean the same in a container. Those that name a place on this host do not.
_PIP_KEYS = (
    "index-url",
    "extra-index-url",
    "find-links",
    "no-index",
    "trusted-host",
    "proxy",
    "timeout",
    "default-timeout",
    "retries",
    "pre",
    "prefer-binary",
    "only-binary",
    "no-binary",
)
_URL_KEYS = ("index-url", "extra-index-url", "find-links")
#: pip's configuration file for all users.
SYSTEM_FILE = Path("/etc/pip.conf")

_SECTIONS = ("global", "install")


@dataclass(frozen=True)
class HostNetwork:
    """``proxies`` and ``pip`` are environment variables; ``ca_bundle`` is a file of certificates on this host.

    Proxy variables keep the case they are written in, since programs differ in which they read. Values may hold
    credentials: they are for the build only, and never shown or kept in an image.
    """

    proxies: Mapping[str, str] = field(default_factory=dict, repr=False)
    pip: Mapping[str, str] = field(default_factory=dict, repr=False)
    ca_bundle: Path | None = None
    notices: tuple[Notice, ...] = ()


def host_network(environ: Mapping[str, str], system_file: Path = SYSTEM_FILE) -> HostNetwork:
    """Return the network settings of this host: the environment's, over those of pip's configuration files.

    ``system_file`` is pip's file for all users. Index and find-links URLs that are no ``http(s)`` are left out, as
    they name files of this host.
    """
    notices: list[Notice] = []
    options: dict[str, str] = {}
    for file in _pip_files(environ, system_file):
        options |= _pip_options(file, notices)
    variables = {_variable(key): options[key] for key in _PIP_KEYS if key in options}
    variables |= {name: value for key in _PIP_KEYS if (value := environ.get(name := _variable(key)))}
    for name in map(_variable, _URL_KEYS):
        if name in variables:
            variables[name] = " ".join(
                url for url in variables[name].split() if url.startswith(("http://", "https://"))
            )
    bundles = [*(environ.get(name, "") for name in CA_VARIABLES), options.get("cert", "")]
    return HostNetwork(
        proxies={name: value for name, value in environ.items() if name.upper() in _PROXIES and value},
        pip={name: value for name, value in variables.items() if value},
        ca_bundle=next((Path(bundle) for bundle in bundles if bundle and Path(bundle).is_file()), None),
        notices=tuple(notices),
    )


def _variable(key: str) -> str:
    return f"PIP_{key.upper().replace('-', '_')}"


def _pip_files(environ: Mapping[str, str], system_file: Path) -> Iterator[Path]:
    """Yield pip's configuration files, in the order in which later ones win: system, user, virtualenv, named.

    As in pip, a named file that exists replaces the user's, and the null device all of them.
    """
    named = environ.get("PIP_CONFIG_FILE")
    if named == os.devnull:
        return
    for base in environ.get("XDG_CONFIG_DIRS", "/etc/xdg").split(":"):
        yield Path(base, "pip", "pip.conf")
    yield system_file
    home = environ.get("HOME")
    if home and not (named and Path(named).exists()):
        yield Path(home, ".pip", "pip.conf")
        mac = Path(home, "Library", "Application Support", "pip")
        if sys.platform == "darwin" and mac.is_dir():
            yield mac / "pip.conf"
        else:
            yield Path(environ.get("XDG_CONFIG_HOME") or Path(home, ".config"), "pip", "pip.conf")
    if virtualenv := environ.get("VIRTUAL_ENV"):
        yield Path(virtualenv, "pip.conf")
    if named:
        yield Path(named)


def _pip_options(file: Path, notices: list[Notice]) -> dict[str, str]:
    """Return the options of one configuration file, those of ``install`` over the ``global`` ones."""
    parser = configparser.RawConfigParser()
    try:
        parser.read(file, encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError, OSError):
        notices.append(Notice("pip's configuration file cannot be read and is ignored", Place(file)))
        return {}
    sections = [dict(parser.items(section)) for section in _SECTIONS if parser.has_section(section)]
    return {key.replace("_", "-"): " ".join(value.split()) for section in sections for key, value in section.items()}
