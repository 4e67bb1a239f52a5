"""The host directories that stand in for the cluster's shared volumes (K4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vhlocal.errors import EngineError
from vhlocal.storage import own, writing

if TYPE_CHECKING:
    from pathlib import Path

    from vhlocal.model import SharedVolume


def directory_of(volume: SharedVolume, claim: Path) -> Path:
    """Return what a server has of a volume, in the directory of its ``claim``."""
    return claim / (volume.sub_path or "")


def make_directory(volume: SharedVolume, claim: Path) -> None:
    """Make that directory, if it is not there; EngineError where a link leads out of the claim's.

    Servers write into volumes: what one leaves there is not to decide what of this machine another one gets.
    """
    directory = directory_of(volume, claim)
    with writing(f"there is no directory for the shared volume {volume.claim}", directory, EngineError):
        claim.mkdir(parents=True, exist_ok=True, mode=0o755)
        own(claim.parent, claim.parent.parent)
        inside = directory.resolve()
        if not inside.is_relative_to(claim.resolve()):
            raise EngineError(
                f"`sub-path` {volume.sub_path} of the shared volume {volume.claim} is a link to {inside}, which is "
                f"outside the volume",
                hint=f"find out who made it, and remove it: {directory}",
            )
        inside.mkdir(parents=True, exist_ok=True)
