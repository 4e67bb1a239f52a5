"""The samples of findings that only a running endpoint shows, for each code a broken project and a mended one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import requests

from tests.checks.sample import Sample

LIVE_SAMPLES = Path(__file__).parent / "live_samples"


@dataclass(frozen=True)
class Failing:
    """The request by which a broken sample shows its finding; ``alias`` asks under ``dev``, ``root`` at the host's."""

    path: str = "/"
    alias: bool = False
    root: bool = False
    method: str = "GET"

    def send(self, base_url: str, version: str, alias: str) -> int:
        """Send it and return the status."""
        start = base_url if self.root else (alias if self.alias else version).rstrip("/")
        return requests.request(self.method, start + self.path, timeout=30, allow_redirects=False).status_code


#: By code, with the status that the broken sample answers.
FAILING = {
    "VH401": (Failing(), 404),
    "VH402": (Failing(alias=True), 404),
    "VH403": (Failing(), 404),
    "VH404": (Failing("/moved"), 302),
    "VH405": (Failing("/upload", root=True), 404),
    "VH406": (Failing("/openapi.json", root=True), 404),
    "VH407": (Failing("/login"), 302),
    "VH408": (Failing(), 404),
    "VH409": (Failing(alias=True), 500),
    "VH410": (Failing("/predict/"), 404),
    "VH411": (Failing(), 200),
    "VH412": (Failing("/ws"), 404),
    "VH414": (Failing(""), 200),
    "VH415": (Failing("/login"), 302),
}


def live_sample(code: str) -> Sample:
    """Return a code's sample."""
    return Sample(code, LIVE_SAMPLES)
