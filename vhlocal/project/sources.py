"""The sources of settings: flags, environment and ``vhlocal.yaml``, each read to values that know their origin."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vhlocal.errors import InputError
from vhlocal.project.envfile import check_variable
from vhlocal.project.marks import raise_troubles, read_document
from vhlocal.project.table import SETTINGS, SETTINGS_FILE, Kind, Setting, schema
from vhlocal.project.taken import is_taken, keep_taken
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from vhlocal.model import Place
    from vhlocal.project.marks import Document

_SWITCHES = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}


@dataclass(frozen=True)
class Found:
    """A value, what the user calls its origin, and its place if that is a file."""

    value: Any
    origin: str
    place: Place | None = None


#: What one source holds: for a setting its value, and for a mapping a dict of them by key.
Source = Mapping[str, Any]


def read_flags(flags: Mapping[str, object]) -> Source:
    """Read flags by setting name: None, an empty tuple and an absent name all mean that it was not given.

    Mappings come as ``NAME=VALUE`` texts or as a mapping; paths are relative to the current directory.
    """
    found: dict[str, Any] = {}
    for setting in SETTINGS:
        value = flags.get(setting.name)
        if value is None or value in ((), [], {}):
            continue
        found[setting.name] = _read(setting, value, f"flag {setting.flag}")
    return found


def read_environment(environ: Mapping[str, str]) -> Source:
    """Read the ``VHLOCAL_`` variables. Lists and mappings are parted by commas, or by lines if there are several.

    A variable that is set to nothing counts as not set.
    """
    found: dict[str, Any] = {}
    for setting in SETTINGS:
        text = environ.get(setting.env, "").strip()
        if not text:
            continue
        many = setting.kind.is_mapping or setting.kind is Kind.NAMES
        parts = [part.strip() for part in re.split(r"\n+" if "\n" in text else ",", text)]
        value = [part for part in parts if part] if many else text
        found[setting.name] = _read(setting, value, f"environment {setting.env}")
    return found


def read_settings_file(directory: Path) -> Source:
    """Read ``vhlocal.yaml``, if it is there. InputError with the places of all that is wrong; paths relative to it."""
    file = directory / SETTINGS_FILE
    if not file.exists():
        return {}
    document = read_document(file)
    raise_troubles(document.keys_trouble)
    if document.data is None:
        return {}
    document = _with_dashes(document)
    if not is_taken(file, document.source):
        _validate(document)
        keep_taken(file, document.source)
    return {setting.name: _from_yaml(setting, document) for setting in SETTINGS if setting.key in document.data}


def _validate(document: Document) -> None:
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - slow to import

    from vhlocal.project.schema import explain  # noqa: PLC0415

    raise_troubles(explain(Draft202012Validator(schema()).iter_errors(document.data), document))


def _with_dashes(document: Document) -> Document:
    """Take ``keep_warm`` for ``keep-warm``, and so on: both are written."""
    if not isinstance(document.data, dict):
        return document
    keys = {setting.key for setting in SETTINGS}
    renamed = {
        key: key.replace("_", "-") for key in document.data if isinstance(key, str) and key.replace("_", "-") in keys
    }
    return document.with_keys(renamed)


def _read(setting: Setting, value: Any, origin: str) -> Any:
    """Turn a flag's or a variable's value into what the setting's kind promises, with its origin."""
    if setting.kind.is_mapping:
        pairs = value.items() if isinstance(value, Mapping) else [_pair(setting, text, origin) for text in value]
        return {key: Found(_scalar(setting, item, origin), origin) for key, item in pairs}
    if setting.kind is Kind.NAMES:
        return Found(tuple(str(item) for item in value), origin)
    return Found(_scalar(setting, value, origin), origin)


def _pair(setting: Setting, text: str, origin: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals) or (not value and setting.name != "variables"):
        raise _no_pair(setting, text, origin)
    if setting.name == "variables":
        check_variable(name, origin)
    return name, value


def _no_pair(setting: Setting, text: str, origin: str) -> InputError:
    takes = f"{origin} takes {setting.form}"
    # What may be a part of a secret is never quoted.
    if setting.kind is Kind.SECRETS:
        return InputError(takes, hint="give both, separated by `=`")
    if setting.name != "variables":
        return InputError(f'{takes}, not "{text}"')
    if origin.startswith("environment"):
        return InputError(takes, hint="put values with commas in an env file, or write one per line")
    return InputError(takes, hint="give the variable a value, which may be empty: NAME=")


def _scalar(setting: Setting, value: Any, origin: str) -> Any:
    if setting.kind in (Kind.PATH, Kind.PATHS):
        return home_path(value, origin).absolute()
    if setting.kind is Kind.PORT:
        if not str(value).isdecimal() or int(value) > 65535:
            raise InputError(f'{origin} must be a port number from 0 to 65535, not "{value}"')
        return int(value)
    if setting.kind is Kind.WORD and value not in setting.words:
        raise InputError(f'{origin} must be one of {", ".join(setting.words)}, not "{value}"')
    if setting.kind is Kind.SWITCH and not isinstance(value, bool):
        if str(value).lower() not in _SWITCHES:
            raise InputError(f'{origin} must be true or false, not "{value}"')
        return _SWITCHES[str(value).lower()]
    return value


def home_path(text: str | Path, origin: str, place: Place | None = None) -> Path:
    """Return a path with its leading ``~`` or ``~user`` followed; InputError where there is no such user."""
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise InputError(f'{origin} has "{text}", but there is no such user', place=place) from error


def _from_yaml(setting: Setting, document: Document) -> Any:
    data = document.data[setting.key]
    if setting.kind.is_mapping:
        found = {}
        for key in data:
            found[key] = _leaf(setting, document, (setting.key, key))
            if setting.name == "variables":
                check_variable(key, f"`{setting.key}`", document.key_place((setting.key, key)))
        return found
    if setting.kind is Kind.NAMES:
        names = tuple(document.text((setting.key, index)) for index in range(len(data)))
        return Found(names, _origin(document, (setting.key,)), document.place((setting.key,)))
    return _leaf(setting, document, (setting.key,))


def _leaf(setting: Setting, document: Document, path: tuple[str, ...]) -> Found:
    value: Any = document.text(path)
    if setting.kind in (Kind.PATH, Kind.PATHS):
        value = document.file.absolute().parent / home_path(value, f"`{setting.key}`", document.place(path))
    elif setting.kind in (Kind.PORT, Kind.SWITCH):
        value = document.data[setting.key]
    return Found(value, _origin(document, path), document.place(path))


def _origin(document: Document, path: tuple[str, ...]) -> str:
    return f"{document.file.name}:{document.key_place(path).line}"
