"""What the user has set, from the nearest source, and the only owner of the process's environment."""

from __future__ import annotations

import os
import re
from dataclasses import field
from typing import TYPE_CHECKING, Any

from vhlocal.errors import InputError
from vhlocal.masked import MASK, masked, names_secret
from vhlocal.project.envfile import read_env_file
from vhlocal.project.naming import DEFAULT_ALIAS, DEFAULT_OWNER, directory_name, remote_names, slug, validate_name
from vhlocal.project.selection import warm_up_words
from vhlocal.project.sources import Found, home_path, read_environment, read_flags, read_settings_file
from vhlocal.project.table import SETTINGS, Kind
from vhlocal.project.trust import Outside, check_trusted
from vhlocal.regular import text_of
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from vhlocal.project.sources import Source
    from vhlocal.project.table import Setting

_URL_USER = re.compile(r"(?<=://)[^/@\s]+(?=@)")
#: Where a secret of ``vhlocal.yaml`` is, in its place.
_ELSEWHERE = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*$|file:.")
_LOGIN_VARIABLES = ("LOGNAME", "USER", "LNAME", "USERNAME")
_PATH_SEGMENTS = ("owner", "project", "deployment", "version_name")


@dataclass(frozen=True)
class Settings:
    """Every setting's value; ``found`` keeps where each came from, by name, and for mappings by key.

    ``version_name`` is None where none was given: its counter depends on the versions that exist (P2). ``variables``
    are those of B8, the env file's included. Paths are absolute.
    """

    host: str
    port: int
    owner: str
    project: str
    deployment: str
    version_name: str | None
    aliases: tuple[str, ...]
    files: Mapping[str, Path]
    variables: Mapping[str, str] = field(repr=False)
    env_file: Path | None
    images: Mapping[str, str]
    inherit_env_vars: bool
    runtime: str
    include_untracked: bool
    reload: bool
    strategies: Mapping[str, str]
    warm_up: Mapping[str, str]
    keep_warm: tuple[str, ...]
    basic_auth: Mapping[str, str] = field(repr=False)
    doctor: bool
    request_buffering: Mapping[str, str]
    script_name: bool
    replicas: Mapping[str, str]
    autoscale: Mapping[str, str]
    versions: Mapping[str, str]
    record: bool
    replay_on_save: Mapping[str, str]
    smoke: Path | None
    access_log: Path | None
    strict: bool
    ignore: Mapping[str, str]
    found: Mapping[str, Any] = field(repr=False)

    def origin(self, name: str, key: str | None = None) -> str:
        """Return where a setting's value (or one key of a mapping) came from, such as ``flag --port``."""
        entry = self.found[name] if key is None else self.found[name][key]
        return entry.origin if isinstance(entry, Found) else "default"

    def is_default(self, name: str) -> bool:
        """Tell whether nobody asked for the value: a port that is taken may then be another."""
        return self.origin(name) == "default"

    def explain(self) -> list[tuple[str, str, str]]:
        """Return (name, value, origin) of each setting, mappings key by key; what looks secret is masked."""
        return [row for setting in SETTINGS for row in _rows(setting, self.found[setting.name])]


def load_settings(
    directory: Path, flags: Mapping[str, object], *, environ: Mapping[str, str] | None = None, fetch: bool = True
) -> Settings:
    """Return the project's settings, each from the first of: flag, environment, ``vhlocal.yaml``, default.

    ``flags`` is keyed by the table's names (``version_name``, ``files`` …); None or an empty tuple is "not given".
    Mappings are merged key by key in the same order. ``environ`` is the process's unless given. InputError for what is
    wrong in any source. Without ``fetch``, secrets that are kept elsewhere stay there: who only looks needs none.
    """
    environ = environment() if environ is None else environ
    sources = (read_flags(flags), read_environment(environ), read_settings_file(directory))
    found: dict[str, Any] = {}
    for setting in SETTINGS:
        if setting.kind.is_mapping:
            found[setting.name] = _merged([source.get(setting.name, {}) for source in sources])
        else:
            default = Found(setting.default, "default")
            found[setting.name] = next((source[setting.name] for source in sources if setting.name in source), default)
    check_trusted(directory, _named_by(sources[-1], found, directory))
    found["variables"] = _variables(sources, found)
    for name, own in _kept_elsewhere(sources[-1]):
        for key, entry in own.items():
            if fetch and found[name].get(key) is entry:
                found[name][key] = _fetched(f"`{name.replace('_', '-')}` of `{key}`", entry, directory, environ)
    _name_project(found, directory, environ)
    _check_names(found)
    _check_users(found["basic_auth"])
    return Settings(**{setting.name: _value(found[setting.name]) for setting in SETTINGS}, found=found)


def environment() -> Mapping[str, str]:
    """Return the process's environment, for those who hand it on. Nobody else reads it."""
    return os.environ


def is_ci(environ: Mapping[str, str]) -> bool:
    """Tell whether this is a job of a CI service: all of them set ``CI``."""
    return environ.get("CI", "").lower() not in {"", "0", "false"}


def login(environ: Mapping[str, str]) -> str:
    """Return the user's login from the environment, or an empty text."""
    return next((environ[name] for name in _LOGIN_VARIABLES if environ.get(name)), "")


def _variables(sources: tuple[Source, ...], found: Mapping[str, Found]) -> dict[str, Found]:
    """Merge the variables (B8): each source's own, then the env file if it is that source's.

    Without inheritance, ``vhlocal.yaml`` gives none: it is what stands for the project here.
    """
    layers: list[Mapping[str, Found]] = []
    project, chosen = sources[-1], found["env_file"]
    for source in sources:
        if source is project and not found["inherit_env_vars"].value:
            continue
        layers.append(source.get("variables", {}))
        if source.get("env_file") is chosen:
            layers.append(_from_env_file(chosen.value))
    return _merged(layers)


def _named_by(project: Source, found: Mapping[str, Any], directory: Path) -> Iterator[Outside]:
    """Yield the files that are taken because the project's own ``vhlocal.yaml`` names them."""
    for setting in SETTINGS:
        own, used = project.get(setting.name), found[setting.name]
        if setting.kind is Kind.PATH and isinstance(own, Found) and used is own:
            yield Outside(f"`{setting.key}`", own.value, own.place, f"{setting.flag} {own.value}")
        elif setting.name in {"basic_auth", "variables"}:
            for key, entry in (own or {}).items():
                if is_kept_elsewhere(setting.name, key, entry.value) and entry.value.startswith("file:"):
                    name = f"`{setting.key}` of `{key}`"
                    path = directory / home_path(entry.value.removeprefix("file:"), name, entry.place)
                    yield Outside(name, path, entry.place, f"{setting.flag} {key}=…")
        elif setting.kind is Kind.PATHS or setting.name == "warm_up":
            for key, entry in (own or {}).items():
                words = warm_up_words(entry.value) if setting.name == "warm_up" else None
                file = entry.value if setting.kind is Kind.PATHS else words and words[2]
                if file and used.get(key) is entry:
                    name, flag = f"`{setting.key}` of `{key}`", f'{setting.flag} {key}="{entry.value}"'
                    yield Outside(name, directory / file, entry.place, flag)


def _kept_elsewhere(project: Source) -> Iterator[tuple[str, dict[str, Found]]]:
    """Yield the secrets of ``vhlocal.yaml`` that it does not hold itself, by the setting that they are of."""
    for name in ("basic_auth", "variables"):
        own = project.get(name, {})
        yield name, {key: entry for key, entry in own.items() if is_kept_elsewhere(name, key, entry.value)}


def is_kept_elsewhere(setting: str, key: str, value: str) -> bool:
    """Tell whether a value of ``vhlocal.yaml`` only says where a secret is: ``env:NAME`` or ``file:PATH``."""
    return bool(_ELSEWHERE.match(value)) and (setting == "basic_auth" or names_secret(key))


def _fetched(name: str, entry: Found, directory: Path, environ: Mapping[str, str]) -> Found:
    kind, _, where = entry.value.partition(":")
    if kind == "env":
        if not environ.get(where):
            hint = f"set it before you start vhlocal: export {where}=…"
            lacks = "empty" if where in environ else "not set"
            raise InputError(
                f"{name} needs the environment variable {where}, which is {lacks}", place=entry.place, hint=hint
            )
        return Found(environ[where], f"environment {where}", entry.place)
    file = directory / home_path(where, name, entry.place)
    try:
        text = text_of(file).strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise InputError(f"{name} is read from {file}, which cannot be read: {why}", place=entry.place) from error
    if not text:
        raise InputError(f"{name} is read from {file}, which is empty", place=entry.place)
    return Found(text, f"file {file.name}", entry.place)


def _from_env_file(file: Path) -> dict[str, Found]:
    lines = read_env_file(file)
    return {name: Found(value, f"{file.name}:{place.line}", place) for name, (value, place) in lines.items()}


def _merged(layers: list[Mapping[str, Found]]) -> dict[str, Found]:
    """Merge mappings key by key; the first that has a key wins."""
    return {key: value for layer in reversed(layers) for key, value in layer.items()}


def _name_project(found: dict[str, Any], directory: Path, environ: Mapping[str, str]) -> None:
    """Name the owner and the project, where no source does, by the git remote, the login and the directory."""
    if found["owner"].value is not None and found["project"].value is not None:
        return
    remote_owner, remote_project = remote_names(directory)
    owners = ((remote_owner, "git remote"), (slug(login(environ)), "login"), (DEFAULT_OWNER, "default"))
    projects = ((remote_project, "git remote"), (directory_name(directory), "directory name"))
    for name, candidates in (("owner", owners), ("project", projects)):
        if found[name].value is None:
            found[name] = next(Found(value, origin) for value, origin in candidates if value)


def _check_names(found: Mapping[str, Any]) -> None:
    for name in _PATH_SEGMENTS:
        entry = found[name]
        if entry.value is not None:
            validate_name(entry.value, f"the {name.replace('_', ' ')} ({entry.origin})", entry.place)
    for alias in found["aliases"].value:
        validate_name(alias, f"an alias ({found['aliases'].origin})", found["aliases"].place)
    _check_versions(found)


def _check_versions(found: Mapping[str, Any]) -> None:
    """See that each version and alias of ``versions`` has a name of its own, before anything is started."""
    versions: Mapping[str, Found] = found["versions"]
    working = found["version_name"].value
    taken = dict.fromkeys((DEFAULT_ALIAS, *found["aliases"].value), "an alias of the working tree's version")
    taken |= {working: "the working tree's version"} if working else {}
    for name, entry in versions.items():
        validate_name(name, f"the name of a version ({entry.origin})", entry.place)
        if name in taken:
            hint = "give the version another name"
            raise InputError(f"`{name}` is {taken[name]} ({entry.origin})", place=entry.place, hint=hint)
    taken = dict.fromkeys((*versions, *([working] if working else [])), "the name of a version")
    for name, entry in versions.items():
        for alias in dict.fromkeys(entry.value.split()[1:]):
            validate_name(alias, f"an alias of {name} ({entry.origin})", entry.place)
            if alias in taken:
                hint = "give the alias another name"
                raise InputError(f"`{alias}` is {taken[alias]} ({entry.origin})", place=entry.place, hint=hint)
            taken[alias] = f"an alias of {name}"


def _check_users(users: Mapping[str, Found]) -> None:
    for user, entry in users.items():
        if not user or ":" in user:
            raise InputError(
                # What follows a colon may be a part of a password.
                f'"{user.partition(":")[0]}:…" ({entry.origin}) is not a valid user name for basic-auth',
                place=entry.place,
                hint="use one or more characters, but no `:`, which ends the name in HTTP Basic auth",
            )


def _rows(setting: Setting, found: Any) -> Iterator[tuple[str, str, str]]:
    if isinstance(found, Found):
        yield setting.key, _masked(setting, "", _shown(found.value)) or setting.unset, found.origin
    elif not found:
        yield setting.key, setting.unset, "default"
    else:
        for name in sorted(found):
            yield f"{setting.key}.{name}", _masked(setting, name, _shown(found[name].value)), found[name].origin


def _masked(setting: Setting, name: str, value: str) -> str:
    """Return a value as it may be shown: nothing of a secret, be it one by its name or by itself, and no URL's user."""
    if setting.kind is Kind.SECRETS or (setting.name == "variables" and names_secret(name)):
        return MASK
    return masked(_URL_USER.sub(MASK, value))


def _value(found: Any) -> Any:
    return found.value if isinstance(found, Found) else {key: entry.value for key, entry in found.items()}


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ", ".join(value)
    return "" if value is None else str(value)
