"""The labels and names by which vhlocal finds again what it made."""

from __future__ import annotations

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
