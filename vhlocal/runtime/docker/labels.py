"""The labels and names by which vhlocal finds again what it made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

PROJECT = "vhlocal.project"
ENDPOINT = "vhlocal.endpoint"
RUN = "vhlocal.run"
DIRECTORY = "vhlocal.directory"

#: On images: ``layer`` for a step of an environment, ``artifact`` for what ``vhlocal build`` makes.
KIND = "vhlocal.kind"

#: On images: the id of the image that it was made on.
PARENT = "vhlocal.parent"

#: The volume in which pip keeps what it has downloaded, between builds.
PIP_CACHE = "vhlocal-pip-cache"

#: On images: the identity of who made it (see ``storage``), since an engine may have several users.
OWNER = "vhlocal.owner"


@dataclass(frozen=True)
class Marks:
    """What an image's making is known by: ``container`` are the labels of its container, which the image has not."""

    container: Mapping[str, str]
    owner: str

    def of_image(self, kind: str, parent: str) -> dict[str, str]:
        """Return the labels of the image: those of its container are emptied, since an image cannot be without."""
        owner = {OWNER: self.owner} if self.owner else {}
        return {**dict.fromkeys(self.container, ""), **owner, KIND: kind, PARENT: parent}
