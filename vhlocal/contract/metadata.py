"""``valohai-metadata.json``: what a deployed version knows of itself (B6).

The keys are those of the page "Deployment version metadata" in Valohai's documentation. Values that only the
platform could know are null; ids are made from the names, so that they stay the same from run to run.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vhlocal.contract import paths

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vhlocal.model import Endpoint, Version

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
    version = facts.version
    owner = {"id": None, "username": version.owner}
    project = {
        "ctime": facts.created,
        "description": "",
        "id": _id(version.owner, version.project),
        "name": version.project,
        "owner": owner,
        "url": None,
    }
    commit = {
        "adhoc": facts.origin.adhoc,
        "commit_time": facts.origin.commit_time,
        "description": "",
        "has_config": True,
        "identifier": facts.origin.identifier,
        "ref": facts.origin.ref,
    }
    version_entry = {
        "commit": commit,
        "ctime": facts.created,
        "deployment": _id(version.owner, version.project, version.deployment),
        "enabled": True,
        "id": _id(version.owner, version.project, version.deployment, version.name),
        "name": version.name,
        "url": None,
    }
    endpoints = {entry.name: _endpoint(facts, entry) for entry in facts.endpoints}
    return {
        "deployment": {
            "ctime": facts.created,
            "enabled": True,
            "id": version_entry["deployment"],
            "name": version.deployment,
            "owner": None,
            "project": project,
            "url": None,
            "version_aliases": [{"name": alias, "target": version_entry["id"]} for alias in version.aliases],
            "versions": [version_entry],
        },
        "endpoint": endpoints[endpoint],
        "meta": {"ctime": facts.created},
        "project": {**project, "repository": {"ref": facts.origin.ref, "url": facts.origin.repository}},
        "version": {
            **version_entry,
            "creator": owner,
            "endpoint_urls": {
                entry.name: facts.base_url + paths.script_name(version, entry.name) for entry in facts.endpoints
            },
            "endpoints": list(endpoints.values()),
        },
    }


def _endpoint(facts: VersionFacts, endpoint: Endpoint) -> dict[str, Any]:
    names = (
        facts.version.owner,
        facts.version.project,
        facts.version.deployment,
        facts.version.name,
        endpoint.name,
    )
    resources = endpoint.resources
    return {
        "cpu_request": resources.cpu_min or 0,
        "enabled": True,
        "endpoint_url": facts.base_url + paths.script_name(facts.version, endpoint.name, "VERSION"),
        "files": [
            {"datum": _datum(facts, chosen, names), "id": _id(*names, chosen.name), "name": chosen.name}
            for chosen in facts.files.get(endpoint.name, ())
        ],
        "id": _id(*names),
        "memory_limit": resources.memory_max or 0,
        "memory_request": resources.memory_min or 0,
        "name": endpoint.name,
        "node_selector": endpoint.node_selector or "",
        "url": None,
        "version": _id(*names[:-1]),
    }


def _datum(facts: VersionFacts, chosen: ChosenFile, names: tuple[str, ...]) -> dict[str, Any]:
    return {
        "ctime": facts.created,
        "id": _id(*names, chosen.name, chosen.filename),
        "md5": None,
        "name": chosen.filename,
        "output_execution": None,
        "project": _id(*names[:2]),
        "purged": False,
        "sha1": None,
        "sha256": None,
        "size": chosen.size,
        "store": None,
        "tags": [],
        "uri": None,
    }


def _id(*names: str) -> str:
    return str(uuid.uuid5(_NAMESPACE, "/".join(names)))
