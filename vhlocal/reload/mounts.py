"""File systems on which edits are made elsewhere, and cause no events here."""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

#: By the names that the system gives them. 9p is WSL's way to Windows' disks, and with virtiofs and those of the
#: hypervisors a virtual machine's to its host's.
_SHARED = frozenset(
    {
        "9p",
        "afpfs",
        "afs",
        "beegfs",
        "ceph",
        "cifs",
        "coda",
        "davfs",
        "drvfs",
        "fakeowner",
        "fuse.ceph",
        "fuse.davfs",
        "fuse.gcsfuse",
        "fuse.glusterfs",
        "fuse.grpcfuse",
        "fuse.gvfsd-fuse",
        "fuse.rclone",
        "fuse.s3fs",
        "fuse.sshfs",
        "fuse.vmhgfs-fuse",
        "gfs2",
        "glusterfs",
        "gpfs",
        "lustre",
        "macfuse",
        "ncpfs",
        "nfs",
        "nfs4",
        "ocfs2",
        "osxfuse",
        "prl_fs",
        "smb3",
        "smbfs",
        "vboxsf",
        "virtiofs",
        "vmhgfs",
        "webdav",
    }
)


#: How the table writes a byte that would part its fields.
_OCTAL = re.compile(rb"\\([0-7]{3})")


class Mount(NamedTuple):
    """One line of the mount table; ``options`` are parted by commas."""

    point: str
    kind: str
    options: str


def mount_table() -> list[Mount]:
    """Return what is mounted; nothing where the system does not list it."""
    with contextlib.suppress(OSError):
        return [read_line(line) for line in Path("/proc/self/mounts").read_bytes().splitlines()]
    import psutil  # noqa: PLC0415 - slow to import, and Linux lists mounts by itself

    try:
        return [Mount(part.mountpoint, part.fstype, part.opts) for part in psutil.disk_partitions(all=True)]
    except (OSError, RuntimeError):
        return []


def read_line(line: bytes) -> Mount:
    """Return what a line of Linux's table says, where spaces and the like are written in octal."""
    _, *fields = (_OCTAL.sub(lambda code: bytes([int(code[1], 8)]), field) for field in line.split(b" ")[:4])
    return Mount(*map(os.fsdecode, fields))


def shared_kind(path: Path, table: Iterable[Mount]) -> str | None:
    """Return the kind of the file system that ``path`` is on if edits may be made on it elsewhere, else None."""
    real = Path(os.path.realpath(path))
    # Of several on one point, the last is what is seen.
    holding = [mount for mount in table if real.is_relative_to(mount.point)]
    if not holding:
        return None
    longest = max(len(mount.point) for mount in holding)
    mount = next(mount for mount in reversed(holding) if len(mount.point) == longest)
    shared = mount.kind.lower() in _SHARED or "remote" in mount.options.split(",")
    return mount.kind if shared else None
