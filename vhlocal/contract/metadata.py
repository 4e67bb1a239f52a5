"""``valohai-metadata.json``: what a deployed version knows of itself (B6).

The keys, and the types of their values, are those of the page "Deployment version metadata" in Valohai's
documentation. What only the platform could know is null where it may be there, else a value of the same type; ids are
made from the names, so that they stay the same from run to run.
"""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

from vhlocal.contract import paths
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vhlocal.model import Endpoint, Version

#: The number of whoever owns the project: the platform's own cannot be known here, and it is a number there.
OWNER_ID = 1

#: What the platform asks the cluster for where ``resources.cpu.min`` says nothing, in cores.
_CPU_REQUEST = 0.1

_EXECUTION_COUNTS = (
    "complete_count",
    "count",
    "created_count",
    "error_count",
    "queued_count",
    "started_count",
    "stopped_count",
    "stopping_count",
    "stopping_hard_count",
)

_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "vhlocal")


@dataclass(frozen=True)
class ChosenFile:
    """A file chosen for an endpoint's ``files`` entry: the entry's name, the file's own name, size in bytes."""

    name: str
    filename: str
    size: int


@dataclass(frozen=True)
class Origin:
    """Where a version's code comes from: a commit's identifier, when it was made (ISO 8601), and the repository."""

    identifier: str
    commit_time: str
    ref: str
    repository: str = ""
    adhoc: bool = True


@dataclass(frozen=True)
class VersionFacts:
    """All that the metadata file tells; ``created`` is an ISO 8601 time in UTC."""

    version: Version
    endpoints: Sequence[Endpoint]
    files: Mapping[str, Sequence[ChosenFile]]
    origin: Origin
    created: str
    base_url: str


def metadata_file(facts: VersionFacts, endpoint: str) -> bytes:
    """Return the text of one endpoint's metadata file, as JSON in UTF-8 (B6)."""
    return (json.dumps(metadata(facts, endpoint), indent=2) + "\n").encode()


def metadata(facts: VersionFacts, endpoint: str) -> dict[str, Any]:
    """Return the metadata of one endpoint's container (B6)."""
    version, made = facts.version, _Made(facts)
    version_entry = made.version_entry()
    entry = next(each for each in facts.endpoints if each.name == endpoint)
    return {
        "deployment": {
            "ctime": facts.created,
            "enabled": True,
            "id": version_entry["deployment"],
            "name": version.deployment,
            "owner": OWNER_ID,
            "project": made.project(),
            "target": "local",
            "target_log_handler_type": "elasticsearch",
            "url": made.url("deployments", version_entry["deployment"]),
            "urls": {"display": made.display(f"deployment/{version_entry['deployment']}")},
            "version_aliases": [{"name": alias, "target": version_entry["id"]} for alias in version.aliases],
            "versions": [version_entry],
        },
        "endpoint": made.endpoint(entry, full=True),
        "meta": {"ctime": facts.created},
        "project": {
            **made.project(),
            "default_environment": None,
            "default_store": None,
            "environment_variables": {},
            "execution_summary": dict.fromkeys(_EXECUTION_COUNTS, 0),
            "read_only": False,
            "repository": {"ref": facts.origin.ref, "url": facts.origin.repository},
            "tags": [],
            "upload_store_id": made.id("store"),
        },
        "version": {
            **version_entry,
            "creator": made.owner(),
            "endpoint_urls": {
                each.name: facts.base_url + paths.script_name(version, each.name) for each in facts.endpoints
            },
            "endpoints": [made.endpoint(each, full=False) for each in facts.endpoints],
            "environment_variables": {},
            "mtime": facts.created,
        },
    }


@dataclass(frozen=True)
class _Made:
    """The parts of the metadata that occur more than once, from the facts."""

    facts: VersionFacts

    def id(self, *names: str) -> str:
        """Return the id of something of the project's."""
        return _id(self.facts.version.owner, self.facts.version.project, *names)

    def url(self, kind: str, identity: str) -> str:
        """Return where production's API would have it."""
        return f"{self.facts.base_url}/api/v0/{kind}/{identity}/"

    def display(self, path: str) -> str:
        """Return where production's web app would show it."""
        version = self.facts.version
        return f"{self.facts.base_url}/p/{version.owner}/{version.project}/{path}".rstrip("/") + "/"

    def owner(self) -> dict[str, Any]:
        return {"id": OWNER_ID, "username": self.facts.version.owner}

    def project(self) -> dict[str, Any]:
        return {
            "ctime": self.facts.created,
            "description": "",
            "enabled_endpoint_count": None,
            "execution_count": None,
            "id": self.id(),
            "last_execution_ctime": None,
            "mtime": self.facts.created,
            "name": self.facts.version.project,
            "owner": self.owner(),
            "queued_execution_count": None,
            "running_execution_count": None,
            "url": self.url("projects", self.id()),
            "urls": {"display": self.display(""), "display_repository": self.display("settings/repository")},
        }

    def version_entry(self) -> dict[str, Any]:
        version, origin = self.facts.version, self.facts.origin
        identity = self.id(version.deployment, version.name)
        return {
            "commit": {
                "adhoc": origin.adhoc,
                "commit_time": origin.commit_time,
                "description": "",
                "has_config": True,
                "identifier": origin.identifier,
                "ref": origin.ref,
                "urls": {"display": self.display(f"commits/{origin.identifier}")},
            },
            "ctime": self.facts.created,
            "deployment": self.id(version.deployment),
            "enabled": True,
            "id": identity,
            "name": version.name,
            "url": self.url("deployment-versions", identity),
        }

    def endpoint(self, endpoint: Endpoint, *, full: bool) -> dict[str, Any]:
        """Return an endpoint, its status as it was when its image was made; ``full`` as its own container has it."""
        version, resources = self.facts.version, endpoint.resources
        names = (version.deployment, version.name, endpoint.name)
        return {
            "cpu_request": resources.cpu_min or _CPU_REQUEST,
            "enabled": True,
            "endpoint_url": self.facts.base_url + paths.script_name(version, endpoint.name, "VERSION"),
            "files": [
                {
                    "datum": self._datum(chosen, names, full=full),
                    "id": self.id(*names, chosen.name),
                    "name": chosen.name,
                }
                for chosen in self.facts.files.get(endpoint.name, ())
            ],
            "id": self.id(*names),
            "is_ready_to_deploy": False,
            "memory_limit": resources.memory_max or 0,
            "memory_request": resources.memory_min or 0,
            "name": endpoint.name,
            "node_selector": endpoint.node_selector or "",
            "status": "BUILDING_IMAGE",
            "status_detail": None,
            "url": self.url("deployment-endpoints", self.id(*names)),
            "version": self.id(*names[:-1]),
        }

    def _datum(self, chosen: ChosenFile, names: tuple[str, ...], *, full: bool) -> dict[str, Any]:
        datum: dict[str, Any] = {
            "ctime": self.facts.created,
            "file_ctime": None,
            "file_mtime": None,
            "id": self.id(*names, chosen.name, chosen.filename),
            "md5": None,
            "name": chosen.filename,
            "output_execution": None,
            "project": self.id(),
            "purged": False,
            "sha1": None,
            "sha256": None,
            "size": chosen.size,
            "store": self.id("store"),
            "tags": [],
        }
        return {"aliases": [], **datum, "project": self.project(), "uri": None} if full else datum


def _id(*names: str) -> str:
    return str(uuid.uuid5(_NAMESPACE, "/".join(names)))
