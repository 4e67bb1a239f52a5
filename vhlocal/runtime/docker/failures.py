"""What is reported of an engine that does not answer, refuses, or cannot pull."""

from __future__ import annotations

import errno
import re
from typing import TYPE_CHECKING

from vhlocal.errors import BuildError, EngineError
from vhlocal.model import Place

if TYPE_CHECKING:
    from pathlib import Path

    from vhlocal.errors import VhlocalError

_START_HINT = (
    "start it (Linux: `sudo systemctl start docker`; macOS and Windows: open Docker Desktop), "
    "or point DOCKER_HOST at a running one"
)

_NOT_THERE = re.compile(r"bind source path does not exist: (.+)")


def no_answer(address: str, error: Exception) -> EngineError:
    """Return the error for an engine that does not answer at its address."""
    return EngineError(f"no Docker engine answers at {address}: {_root_cause(error)}", hint=_START_HINT)


def is_nobody_there(error: BaseException) -> bool:
    """Tell whether a connection was not to be had since nobody listens, or nobody that this user may speak to."""
    return isinstance(error, OSError) and error.errno in {errno.ENOENT, errno.ECONNREFUSED, errno.EACCES}


def gone_away(error: Exception) -> EngineError:
    """Return the error for an engine that has answered before."""
    return EngineError(f"the Docker engine went away: {_root_cause(error)}", hint=_START_HINT)


def refused(text: str) -> VhlocalError:
    """Return the error for a call that the engine refused with ``text``."""
    if "no space left on device" in text:
        return disk_full(text)
    if missing := _NOT_THERE.search(text):
        return sees_other_files(missing[1])
    return EngineError(f"the Docker engine refused: {text}")


def not_pulled(name: str, reason: str) -> VhlocalError:
    """Return the error for an image that is not here and cannot be pulled."""
    return BuildError(
        f"the image {name} is not on this machine and cannot be pulled: {reason.strip()}",
        hint="check the name, the network, and `docker login` for a private registry; or use another: "
        "--image ENDPOINT=IMAGE",
    )


def no_credentials(name: str, why: str, settings: Path | None) -> VhlocalError | None:
    """Return the error for a helper from which no credentials can be had, or None where ``why`` is another fault.

    ``settings`` is the file that names the helper, as far as it is known.
    """
    helper = re.search(r"(docker-credential-[\w.-]+)", why)
    if "Credentials store error" not in why or helper is None:
        return None
    reason = "is not installed" if "not installed" in why else f"has failed: {why}"
    return BuildError(
        f"the image {name} is not on this machine and cannot be pulled: the credential helper {helper[1]} {reason}",
        place=Place(settings) if settings else None,
        hint="install the helper, or remove `credsStore` and `credHelpers` from this file: public images need neither",
    )


def sees_other_files(path: str) -> VhlocalError:
    """Return the error for an engine that has another file than this machine, or none, at ``path``."""
    return EngineError(
        f"the Docker engine does not see this machine's files: for it, {path} does not exist",
        hint="it runs in a virtual machine, a container or on another machine: share your home directory and the "
        "project's with it, use an engine on this machine, or run without one (`--runtime process`)",
    )


def disk_full(evidence: str) -> VhlocalError:
    """Return the error for a full disk."""
    return BuildError(
        "the disk is full: the engine could not write",
        detail=evidence,
        hint="free some space: `vhlocal prune` removes what vhlocal made, `docker system prune` what others left",
    )


def _root_cause(error: BaseException) -> str:
    seen: BaseException | None = error
    while seen is not None:
        if is_nobody_there(seen):
            denied = isinstance(seen, PermissionError)
            return "permission denied (is your user in the `docker` group?)" if denied else "nothing listens there"
        seen = seen.__cause__ or seen.__context__
    return str(error)
