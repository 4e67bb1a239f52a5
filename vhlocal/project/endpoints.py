"""One endpoint of ``valohai.yaml``: from what is written to ours, and what the platform's schema leaves open."""

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


#: What the platform's parser takes an item for, in its order: of two keys in one item, the first here wins.
ITEM_KINDS = ("step", "task", "endpoint", "pipeline", "blueprint", "deployment")

#: What Kubernetes calls a DNS-1123 subdomain, as which it takes the names of volume claims.
_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_CLAIM = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_LONGEST_CLAIM = 253


def item_kind(item: Any) -> str | None:
    """Return what the platform takes an item of the file for, or None where that is nothing."""
    return next((kind for kind in ITEM_KINDS if isinstance(item, dict) and kind in item), None)


def read_endpoint(written: Mapping[str, Any], document: Document, path: NodePath) -> tuple[Endpoint, list[Trouble]]:
    """Turn an endpoint as it is ``written``, valid by the platform's schema, into ours; ``path`` leads to it.

    The troubles are what the schema lets pass and no server could live with: a file outside the code directory, a
    volume outside its claim, half a port, a limit below its request.
    """
    listed = written.get("files", ())
    files = tuple(
        EndpointFile(file["name"], posixpath.normpath(file["path"]), document.place((*path, "files", index)))
        for index, file in enumerate(listed)
    )
    resources = written.get("resources", {})
    command = written.get("server-command")
    endpoint = Endpoint(
        name=written["name"],
        image=written["image"],
        port=_port(written.get("port")),
        wsgi=written.get("wsgi"),
        server_command=None if command is None else (command,) if isinstance(command, str) else tuple(command),
        description=written.get("description", ""),
        files=files,
        resources=_resources(resources),
        shared_volumes=tuple(_shared_volume(volume) for volume in written.get("shared-volumes", ())),
        workspace_volume=_workspace_volume(written.get("workspace-volume")),
        node_selector=written.get("node-selector"),
        tolerations=tuple({key: str(value) for key, value in item.items()} for item in written.get("tolerations", ())),
        places=_places(document, path),
    )
    troubles = [
        *_server_troubles(written, document, path),
        *_file_troubles(listed, document, path),
        *_volume_troubles(written, document, path),
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


def _server_troubles(written: Mapping[str, Any], document: Document, path: NodePath) -> Iterator[Trouble]:
    port = written.get("port")
    if port is not None and not float(port).is_integer():
        yield Trouble(f"`port` must be a whole number, not {port}", document.place((*path, "port")))
    if written["name"] != written["name"].strip():  # the schema's pattern lets a line's end pass
        yield Trouble("`name` ends in a line break", document.place((*path, "name")))
    if not written["image"].strip():
        yield Trouble("`image` is empty", document.place((*path, "image")), hint="name a Docker image")
    for key in ("wsgi", "server-command"):
        value = written.get(key)
        lines = value if isinstance(value, list) else [value or ""]
        if value is not None and not any(line.strip() for line in lines):
            yield Trouble(f"`{key}` is empty", document.place((*path, key)), hint="write how the server is started")


def _file_troubles(files: Any, document: Document, path: NodePath) -> Iterator[Trouble]:
    names: dict[str, Place] = {}
    targets: dict[str, Place] = {}
    for index, file in enumerate(files):
        name, written = file["name"], file["path"]
        place, name_place = (document.place((*path, "files", index, key)) for key in ("path", "name"))
        target = posixpath.normpath(written)
        if name in names:
            message = f"two files are named `{name}`, the first on line {names[name].line}"
            yield Trouble(message, name_place, hint="give one of them another name")
        names.setdefault(name, name_place)
        if target.startswith("/"):
            hint = "write a path relative to the code's directory"
            yield Trouble(f"`path` of the file `{name}` is absolute: {written}", place, hint=hint)
        elif target in (".", "..") or target.startswith("../"):
            hint = "write the path of a file below the code's directory"
            yield Trouble(f'`path` of the file `{name}` leaves the code\'s directory: "{written}"', place, hint=hint)
        elif other := _collision(target, targets):
            yield Trouble(f"two files land at one path, `{target}` and the one of line {other.line}", place)
        targets.setdefault(target, place)


def _volume_troubles(written: Mapping[str, Any], document: Document, path: NodePath) -> Iterator[Trouble]:
    """Yield what Kubernetes refuses of volumes, and what would name any directory of this machine (K4)."""
    targets = []
    for index, volume in enumerate(written.get("shared-volumes", ())):
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
    if "workspace-volume" in written:
        place = document.place((*path, "workspace-volume", "mount-path"))
        targets.append((written["workspace-volume"]["mount-path"], place))
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
