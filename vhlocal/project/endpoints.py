"""One endpoint of ``valohai.yaml``: from the platform's own parsed object to ours, and what its schema leaves open."""

from __future__ import annotations

import math
import posixpath
import re
from typing import TYPE_CHECKING, Any

from vhlocal.contract.image import DEFAULT_PORT
from vhlocal.model import Endpoint, EndpointFile, Resources, SharedVolume, WorkspaceVolume
from vhlocal.project.marks import Trouble

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from vhlocal.model import Place
    from vhlocal.project.marks import Document, NodePath


#: What Kubernetes calls a DNS-1123 subdomain, as which it takes the names of volume claims.
_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_CLAIM = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_LONGEST_CLAIM = 253


def read_endpoint(parsed: Any, document: Document, path: NodePath) -> tuple[Endpoint, list[Trouble]]:
    """Turn a ``valohai_yaml`` endpoint, valid by the schema, into ours; ``path`` is where it stands in ``document``.

    The troubles are what the schema lets pass and no server could live with: a file outside the code directory, a
    volume outside its claim, half a port, a limit below its request.
    """
    files = tuple(
        EndpointFile(file.name, posixpath.normpath(file.path), document.place((*path, "files", index)))
        for index, file in enumerate(parsed.files)
    )
    resources = parsed.resources or {}
    command = parsed.server_command
    endpoint = Endpoint(
        name=parsed.name,
        image=parsed.image,
        port=_port(parsed.port),
        wsgi=parsed.wsgi,
        server_command=None if command is None else (command,) if isinstance(command, str) else tuple(command),
        description=parsed.description or "",
        files=files,
        resources=_resources(resources),
        shared_volumes=tuple(_shared_volume(volume) for volume in parsed.shared_volumes or ()),
        workspace_volume=_workspace_volume(parsed.workspace_volume),
        node_selector=parsed.node_selector,
        tolerations=tuple({key: str(value) for key, value in item.items()} for item in parsed.tolerations or ()),
        places=_places(document, path),
    )
    troubles = [
        *_server_troubles(parsed, document, path),
        *_file_troubles(parsed.files, document, path),
        *_volume_troubles(parsed, document, path),
        *_resource_troubles(resources, document, (*path, "resources")),
    ]
    return endpoint, troubles


def _port(port: float | None) -> int:
    return DEFAULT_PORT if port is None or not math.isfinite(port) else int(port)


def _resources(resources: Mapping[str, Any]) -> Resources:
    cpu, memory, storage = (resources.get(key, {}) for key in ("cpu", "memory", "ephemeral-storage"))
    devices = {name: int(count) for name, count in resources.get("devices", {}).items() if math.isfinite(count)}
    return Resources(
        cpu_min=cpu.get("min"),
        cpu_max=cpu.get("max"),
        memory_min=memory.get("min"),
        memory_max=memory.get("max"),
        storage_min=storage.get("min"),
        storage_max=storage.get("max"),
        devices=devices,
    )


def _shared_volume(volume: Mapping[str, Any]) -> SharedVolume:
    return SharedVolume(
        volume["pvc-name"], volume["mount-path"], volume.get("sub-path"), volume.get("read-only", False)
    )


def _workspace_volume(volume: Mapping[str, Any] | None) -> WorkspaceVolume | None:
    return None if volume is None else WorkspaceVolume(volume["mount-path"], int(volume["size"]))


def _places(document: Document, path: NodePath) -> dict[str, Place]:
    """Return the places of an endpoint's keys, and of the keys of its mappings, dotted."""
    node: Any = document.data
    for step in path:
        node = node[step]
    places = {"": document.key_place(path)}
    for key, value in node.items():
        places[key] = document.key_place((*path, key))
        if isinstance(value, dict):
            places |= {f"{key}.{inner}": document.key_place((*path, key, inner)) for inner in value}
    return places


def _server_troubles(parsed: Any, document: Document, path: NodePath) -> Iterator[Trouble]:
    if parsed.port is not None and not float(parsed.port).is_integer():
        place = document.place((*path, "port"))
        yield Trouble(f"`port` must be a whole number, not {parsed.port}", place)
    if parsed.name != parsed.name.strip():  # the schema's pattern lets a line's end pass
        yield Trouble("`name` ends in a line break", document.place((*path, "name")))
    if not parsed.image.strip():
        yield Trouble("`image` is empty", document.place((*path, "image")), hint="name a Docker image")
    for key, value in (("wsgi", parsed.wsgi), ("server-command", parsed.server_command)):
        lines = value if isinstance(value, list) else [value or ""]
        if value is not None and not any(line.strip() for line in lines):
            yield Trouble(f"`{key}` is empty", document.place((*path, key)), hint="say how the server is started")


def _file_troubles(files: Any, document: Document, path: NodePath) -> Iterator[Trouble]:
    names: dict[str, Place] = {}
    targets: dict[str, Place] = {}
    for index, file in enumerate(files):
        place = document.place((*path, "files", index, "path"))
        target = posixpath.normpath(file.path)
        if file.name in names:
            name_place = document.place((*path, "files", index, "name"))
            message = f"two files are named `{file.name}`, the first on line {names[file.name].line}"
            yield Trouble(message, name_place, hint="give one of them another name")
        names.setdefault(file.name, document.place((*path, "files", index, "name")))
        if target.startswith("/"):
            hint = "write a path relative to the code's directory"
            yield Trouble(f"`path` of the file `{file.name}` is absolute: {file.path}", place, hint=hint)
        elif target in (".", "..") or target.startswith("../"):
            hint = "write the path of a file below the code's directory"
            yield Trouble(
                f'`path` of the file `{file.name}` leaves the code\'s directory: "{file.path}"', place, hint=hint
            )
        elif other := _collision(target, targets):
            yield Trouble(f"two files land at one path, `{target}` and the one of line {other.line}", place)
        targets.setdefault(target, place)


def _volume_troubles(parsed: Any, document: Document, path: NodePath) -> Iterator[Trouble]:
    """Tell what Kubernetes refuses of volumes, and what would name any directory of this machine (K4)."""
    targets = []
    for index, volume in enumerate(parsed.shared_volumes or ()):
        at = (*path, "shared-volumes", index)
        claim, sub_path = volume["pvc-name"], volume.get("sub-path") or ""  # the platform's lint has it relative
        if not _CLAIM.fullmatch(claim) or len(claim) > _LONGEST_CLAIM:
            hint = "lower-case letters, digits, `-` and `.`, as the claim is named in the cluster"
            yield Trouble(
                f"`pvc-name` cannot be a claim's name: {claim!r}", document.place((*at, "pvc-name")), hint=hint
            )
        if ".." in sub_path.split("/") or "\0" in sub_path:
            hint = "write a path relative to the volume's root, without `..`"
            yield Trouble(f"`sub-path` leaves the volume: {sub_path!r}", document.place((*at, "sub-path")), hint=hint)
        targets.append((volume["mount-path"], document.place((*at, "mount-path"))))
    if parsed.workspace_volume is not None:
        place = document.place((*path, "workspace-volume", "mount-path"))
        targets.append((parsed.workspace_volume["mount-path"], place))
    mounted: dict[str, Place] = {}
    for target, place in targets:
        if ":" in target or "\0" in target:
            yield Trouble(f"`mount-path` cannot be mounted: {target!r}", place, hint="write a path without `:`")
        if (other := mounted.setdefault(posixpath.normpath(target), place)) is not place:
            yield Trouble(f"two volumes are mounted at `{target}`, the first on line {other.line}", place)


def _collision(target: str, others: Mapping[str, Place]) -> Place | None:
    """Return the place of a file that lands where ``target`` does, above it or below it."""
    for other, place in others.items():
        if target == other or target.startswith(other + "/") or other.startswith(target + "/"):
            return place
    return None


def _resource_troubles(resources: Mapping[str, Any], document: Document, path: NodePath) -> Iterator[Trouble]:
    for key in ("cpu", "memory", "ephemeral-storage"):
        bounds = resources.get(key, {})
        for bound, value in bounds.items():
            if not math.isfinite(value) or value < 0:
                place = document.place((*path, key, bound))
                yield Trouble(f"`{key}` `{bound}` must be a number from 0 up, not {value}", place)
        if bounds.get("max") and bounds.get("min", 0) > max(bounds["max"], 0):
            place = document.place((*path, key, "min"))
            yield Trouble(f"`{key}` has a `min` of {bounds['min']}, above its `max` of {bounds['max']}", place)
    for name, count in resources.get("devices", {}).items():
        if not float(count).is_integer():
            place = document.place((*path, "devices", name))
            yield Trouble(f"the number of `{name}` must be whole, not {count}", place)
