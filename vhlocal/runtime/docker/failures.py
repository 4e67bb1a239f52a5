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

#: What to do where an address was set and nobody is there, by the setting that gave it, and where it is a context.
_ADDRESS_HINTS = {
    "DOCKER_HOST": "correct DOCKER_HOST, or unset it to use Docker's usual socket",
    "": "choose another context (`docker context use default` has Docker's usual socket)",
}

_START_HINT = (
    "start it (Linux: `sudo systemctl start docker`; macOS and Windows: open Docker Desktop), "
    "or point DOCKER_HOST at a running one"
)

_GROUP_HINT = "add your user to the group `docker` (`sudo usermod -aG docker $USER`), then log in again"

#: What keeps a connection from being made before anybody is spoken to, in words.
_NOBODY = {
    errno.ENOENT: "there is no such socket",
    errno.ENOTDIR: "there is no such socket",
    errno.ECONNREFUSED: "nothing listens there",
    errno.EACCES: "your user may not use that socket (permission denied)",
}

_NOT_THERE = re.compile(r"bind source path does not exist: (.+)")


def no_answer(address: str, error: Exception, setting: str = "") -> EngineError:
    """Return the error for an engine that does not answer at its address; ``setting`` is what gave it, if anything.

    An engine that nobody started and an address that nobody listens at need different remedies.
    """
    denied = isinstance(_root(error), PermissionError)
    if setting:
        otherwise = "get access to that socket (`ls -l` shows its group)" if denied else "start the engine there"
        hint = f"{_ADDRESS_HINTS.get(setting, _ADDRESS_HINTS[''])}, or {otherwise}"
    else:
        hint = _GROUP_HINT if denied else _START_HINT
    named = f" ({setting})" if setting else ""
    return EngineError(f"no Docker engine answers at {address}{named}: {_root_cause(error)}", hint=hint)


def is_nobody_there(error: BaseException) -> bool:
    """Tell whether a connection was not to be had since nobody listens, or nobody that this user may speak to."""
    return isinstance(error, OSError) and error.errno in _NOBODY


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
    root = _root(error)
    known = _NOBODY.get(root.errno or 0) if isinstance(root, OSError) else None
    return known or str(root) or str(error)


def _root(error: BaseException) -> BaseException:
    """Return what an error came from: the SDK and its libraries wrap it several times."""
    chain = [error]
    while (cause := chain[-1].__cause__ or chain[-1].__context__) is not None:
        chain.append(cause)
    return next(filter(is_nobody_there, chain), chain[-1])
