"""The one declared table of settings. Flags, environment, ``vhlocal.yaml``, its schema and the docs all follow it."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any

SETTINGS_FILE = "vhlocal.yaml"


class Kind(enum.Enum):
    """What a setting's value is."""

    TEXT = "text"
    PORT = "a port number"
    SWITCH = "true or false"
    WORD = "one of a few words"
    PATH = "a path"
    NAMES = "a list of names"
    TEXTS = "a mapping to text"
    PATHS = "a mapping to paths"
    SECRETS = "a mapping to secrets"

    @property
    def is_mapping(self) -> bool:
        """Whether the value is made key by key, each from its nearest source."""
        return self in (Kind.TEXTS, Kind.PATHS, Kind.SECRETS)


@dataclass(frozen=True)
class Setting:
    """One setting: its name in Python, how each source spells it, its default, and what it is for.

    ``default`` is None where the value is found otherwise (see ``docs``) or is absent; ``flag`` is as typed to give
    the value that is not the default; ``unset`` says what no value at all means; ``form`` is how a flag gives one key
    of a mapping; ``words`` are what a WORD can be.
    """

    name: str
    kind: Kind
    flag: str
    docs: str
    default: Any = None
    unset: str = "none"
    form: str = ""
    words: tuple[str, ...] = ()

    @property
    def env(self) -> str:
        """The environment variable."""
        return f"VHLOCAL_{self.name.upper()}"

    @property
    def key(self) -> str:
        """The key in ``vhlocal.yaml``."""
        return self.name.replace("_", "-")


SETTINGS = (
    Setting("host", Kind.TEXT, "--host", "The address to listen on.", "127.0.0.1"),
    Setting("port", Kind.PORT, "--port", "The port to listen on; 0 takes a free one.", 8080),
    Setting("owner", Kind.TEXT, "--owner", "The first segment of the URLs; from the git remote, or your login."),
    Setting("project", Kind.TEXT, "--project", "The second segment; from the git remote, or the directory."),
    Setting("deployment", Kind.TEXT, "--deployment", "The third segment of the URLs.", "local"),
    Setting("version_name", Kind.TEXT, "--version-name", "The fourth segment.", unset="today's date and a counter"),
    Setting("aliases", Kind.NAMES, "--alias", "More names of the version, besides `dev`.", ()),
    Setting("files", Kind.PATHS, "--file", "The file for each endpoint's entry.", form="ENDPOINT.NAME=PATH"),
    Setting("variables", Kind.TEXTS, "--var", "Environment variables of the servers.", form="NAME=VALUE"),
    Setting("env_file", Kind.PATH, "--env-file", "A file of NAME=VALUE lines; single variables win over it."),
    Setting("images", Kind.TEXTS, "--image", "Another base image for an endpoint.", form="ENDPOINT=IMAGE"),
    Setting(
        "inherit_env_vars",
        Kind.SWITCH,
        "--no-inherit-env-vars",
        f"Whether servers get the variables of {SETTINGS_FILE}.",
        True,
    ),
    Setting(
        "runtime",
        Kind.WORD,
        "--runtime",
        "What servers run in: containers of docker, a process each, or auto: docker where an engine answers.",
        "auto",
        words=("auto", "docker", "process"),
    ),
    Setting("reload", Kind.SWITCH, "--no-reload", "Whether a save brings in the new code.", True),
    Setting(
        "strategies",
        Kind.TEXTS,
        "--strategy",
        "How new code is brought to an endpoint: fork, restart or replace.",
        unset="the quickest that its server allows",
        form="ENDPOINT=STRATEGY",
    ),
    Setting(
        "warm_up",
        Kind.TEXTS,
        "--warm-up",
        "A request that new code has to answer well before it takes over.",
        unset="any answer at the endpoint's root will do",
        form='ENDPOINT="[METHOD] /PATH [FILE]"',
    ),
    Setting(
        "keep_warm",
        Kind.NAMES,
        "--keep-warm",
        "Functions, as MODULE:FUNCTION, whose results are kept from one edit to the next, such as a model's loader.",
        (),
    ),
    Setting(
        "basic_auth", Kind.SECRETS, "--basic-auth", "Who may use the endpoints, if not everybody.", form="USER=PASSWORD"
    ),
    Setting(
        "doctor",
        Kind.SWITCH,
        "--no-doctor",
        "Whether an endpoint that answers as it would not in production is asked why, by GET requests.",
        True,
    ),
    Setting("access_log", Kind.PATH, "--access-log", "A file that gets a line of JSON for each request."),
    Setting(
        "strict",
        Kind.SWITCH,
        "--strict",
        "Whether production's limits cut instead of warn, and nothing but an engine will do for `--runtime auto`.",
        False,
    ),
    Setting(
        "ignore",
        Kind.TEXTS,
        "--ignore",
        "Findings that are known and not to be told, with the reason.",
        form="CODE=REASON",
    ),
)

_TEXT = {"type": ["string", "number", "boolean"], "minLength": 1}
_SCHEMAS: dict[Kind, dict[str, Any]] = {
    Kind.TEXT: _TEXT,
    Kind.PATH: {"type": "string", "minLength": 1},
    Kind.WORD: {"type": "string"},
    Kind.PORT: {"type": "integer", "minimum": 0, "maximum": 65535},
    Kind.SWITCH: {"type": "boolean"},
    Kind.NAMES: {"type": "array", "items": _TEXT},
    Kind.TEXTS: {"type": "object", "additionalProperties": {"type": _TEXT["type"]}},
    Kind.SECRETS: {
        "type": "object",
        "writeOnly": True,  # errors quote nothing of it
        "additionalProperties": {"type": _TEXT["type"], "minLength": 1},
    },
    Kind.PATHS: {"type": "object", "additionalProperties": {"type": "string", "minLength": 1}},
}


def schema() -> dict[str, Any]:
    """Return the JSON schema of ``vhlocal.yaml``. Where text is wanted numbers pass: they are taken as written."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": SETTINGS_FILE,
        "type": "object",
        "additionalProperties": False,
        "properties": {setting.key: _schema(setting) for setting in SETTINGS},
    }


def _schema(setting: Setting) -> dict[str, Any]:
    words = {"enum": list(setting.words)} if setting.words else {}
    return {**_SCHEMAS[setting.kind], **words, "description": setting.docs}
