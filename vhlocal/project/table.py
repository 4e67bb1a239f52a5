"""The one declared table of settings. Flags, environment, ``vhlocal.yaml``, its schema and the docs all follow it."""

from __future__ import annotations

import enum
from typing import Any

from vhlocal.values import dataclass

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
    of a mapping; ``words`` are what a WORD can be; ``off`` says what the flag of a switch does
    that is on by default.
    """

    name: str
    kind: Kind
    flag: str
    docs: str
    default: Any = None
    unset: str = "none"
    form: str = ""
    words: tuple[str, ...] = ()
    off: str = ""

    @property
    def env(self) -> str:
        """The environment variable."""
        return f"VHLOCAL_{self.name.upper()}"

    @property
    def key(self) -> str:
        """The key in ``vhlocal.yaml``."""
        return self.name.replace("_", "-")


SETTINGS = (
    Setting("host", Kind.TEXT, "--host", "Address to listen on.", "127.0.0.1"),
    Setting("port", Kind.PORT, "--port", "Port to listen on; 0 picks a free one.", 8080),
    Setting("owner", Kind.TEXT, "--owner", "First segment of the URLs. Default: from the git remote, else your login."),
    Setting(
        "project", Kind.TEXT, "--project", "Second segment. Default: from the git remote, else the directory's name."
    ),
    Setting("deployment", Kind.TEXT, "--deployment", "Third segment.", "local"),
    Setting(
        "version_name",
        Kind.TEXT,
        "--version-name",
        "Fourth segment. Default: today's date and a counter.",
        unset="today's date and a counter",
    ),
    Setting("aliases", Kind.NAMES, "--alias", "Another name for the version, besides `dev`.", ()),
    Setting("files", Kind.PATHS, "--file", "File to use for an endpoint's `files` entry.", form="ENDPOINT.NAME=PATH"),
    Setting("variables", Kind.TEXTS, "--var", "Environment variable for the servers.", form="NAME=VALUE"),
    Setting("env_file", Kind.PATH, "--env-file", "File of NAME=VALUE lines; --var wins over it."),
    Setting("images", Kind.TEXTS, "--image", "Base image to use instead of the endpoint's.", form="ENDPOINT=IMAGE"),
    Setting(
        "inherit_env_vars",
        Kind.SWITCH,
        "--no-inherit-env-vars",
        f"Pass the variables in {SETTINGS_FILE} to the servers.",
        True,
        off=f"Do not pass the variables in {SETTINGS_FILE} to the servers.",
    ),
    Setting(
        "runtime",
        Kind.WORD,
        "--runtime",
        "Run servers in Docker containers or as processes; auto uses Docker if it is running.",
        "auto",
        words=("auto", "docker", "process"),
    ),
    Setting(
        "include_untracked",
        Kind.SWITCH,
        "--no-include-untracked",
        "Package files that git does not track, unless it ignores them.",
        True,
        off="Package only what git tracks, like valohai-cli's option of this name.",
    ),
    Setting("reload", Kind.SWITCH, "--no-reload", "Reload on save.", True, off="Do not reload on save."),
    Setting(
        "strategies",
        Kind.TEXTS,
        "--strategy",
        "How to reload an endpoint: fork, restart or replace.",
        unset="the quickest that its server allows",
        form="ENDPOINT=STRATEGY",
    ),
    Setting(
        "warm_up",
        Kind.TEXTS,
        "--warm-up",
        "Request that new code must answer without an error before it takes over.",
        unset="any answer at the endpoint's root",
        form='ENDPOINT="[METHOD] /PATH [FILE]"',
    ),
    Setting(
        "keep_warm",
        Kind.NAMES,
        "--keep-warm",
        "MODULE:FUNCTION whose result is kept across reloads, such as a model loader.",
        (),
    ),
    Setting(
        "basic_auth",
        Kind.SECRETS,
        "--basic-auth",
        "Require a user name and password.",
        form="USER=PASSWORD",
    ),
    Setting(
        "doctor",
        Kind.SWITCH,
        "--no-doctor",
        "Check running endpoints with GET requests.",
        True,
        off="Do not check running endpoints with GET requests.",
    ),
    Setting(
        "request_buffering",
        Kind.TEXTS,
        "--request-buffering",
        "Read a request's body whole before the endpoint gets it: true or false.",
        unset="true, as production's ingress does",
        form="ENDPOINT=false",
    ),
    Setting(
        "script_name",
        Kind.SWITCH,
        "--no-script-name",
        "Set SCRIPT_NAME to the version's path for the servers.",
        True,
        off="Do not set SCRIPT_NAME for the servers: production may not either.",
    ),
    Setting(
        "replicas",
        Kind.TEXTS,
        "--replicas",
        "How many servers of an endpoint to run, or a range that follows the load.",
        unset="1 each",
        form="ENDPOINT=NUMBER[-NUMBER]",
    ),
    Setting(
        "autoscale",
        Kind.TEXTS,
        "--autoscale",
        "Rule by which replicas follow the load: knative, hpa or hpa-cpu, with its settings.",
        unset="knative, with its published defaults",
        form='ENDPOINT="RULE [NAME=NUMBER]..."',
    ),
    Setting(
        "versions",
        Kind.TEXTS,
        "--with-version",
        "Also serve a commit, as a version of this name, and under aliases.",
        form='NAME="REF [ALIAS]..."',
    ),
    Setting(
        "record",
        Kind.SWITCH,
        "--no-record",
        "Keep the last requests and answers in memory.",
        True,
        off="Do not keep the last requests and answers in memory.",
    ),
    Setting(
        "replay_on_save",
        Kind.TEXTS,
        "--replay-on-save",
        "At each save, compare old and new answers to the last requests: safe ones (GET, HEAD), or all.",
        unset="off",
        form="ENDPOINT=safe",
    ),
    Setting("smoke", Kind.PATH, "--smoke", "Directory of the smoke tests. Default: smoke.", unset="smoke"),
    Setting("access_log", Kind.PATH, "--access-log", "Write a line of JSON per request to this file."),
    Setting(
        "strict",
        Kind.SWITCH,
        "--strict",
        "Enforce production's limits; never fall back to processes.",
        False,
    ),
    Setting(
        "ignore",
        Kind.TEXTS,
        "--ignore",
        "Hide findings with this code; give the reason.",
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
