"""VH605 and VH606: what all replicas together need of memory (K1, K3)."""

from __future__ import annotations

from pathlib import Path

import pytest

from vhlocal.checks.server.evidence import Replicas, Together
from vhlocal.checks.server.memory_together import RULE
from vhlocal.findings import Finding
from vhlocal.model import Endpoint, Place, Resources

MB = 1024 * 1024
LINE = Place(Path("valohai.yaml"), 7)


def replicas(number: int, *, most: float | None = None, least: float | None = None, peak: int | None = None):
    """Return replicas of an endpoint with limits, and a peak, in mebibytes."""
    resources = Resources(memory_max=most, memory_min=least)
    endpoint = Endpoint("web", "i", 8000, wsgi="a:b", resources=resources, places={"resources.memory": LINE})
    return Replicas(endpoint, number, None if peak is None else peak * MB)


def found(*wanted: Replicas, machine: int | None = 4096):
    """Return codes and places of what is found on a machine of so many mebibytes."""
    told = [each for each in RULE.find(Together(wanted, machine and machine * MB)) if isinstance(each, Finding)]
    assert all(finding.endpoint == "web" and finding.place == LINE for finding in told)
    return [(finding.definition.code, finding.seen, finding.change) for finding in told]


def test_k3_limits_of_all_replicas_above_the_machines_memory_are_told_with_what_to_do():
    [(code, seen, change)] = found(replicas(3, most=2048), replicas(1, most=512))
    assert code == "VH605"
    assert seen == "all replicas may use 6,656 MiB, 3 times 2,048 MiB of web among them: this machine has 4,096 MiB"
    assert change == "run fewer here, such as with `vhlocal scale web=1`"


def test_k3_what_one_replica_was_seen_to_use_counts_where_there_is_no_limit():
    [(code, seen, _)] = found(replicas(5, peak=1000))
    assert (code, "5 times 1,000 MiB" in seen) == ("VH605", True)


@pytest.mark.parametrize(
    ("wanted", "machine"),
    [
        ((replicas(2, most=2048),), 4096),
        ((replicas(1, most=9000), replicas(1, most=9000)), 4096),
        ((replicas(1, most=9000), replicas(2)), 4096),
        ((replicas(4),), 4096),
        ((replicas(4, most=2048),), None),
        ((replicas(2, least=100, peak=100),), 4096),
        ((replicas(2, least=100),), 4096),
        ((replicas(1, least=100, peak=200),), 4096),
        ((replicas(2, peak=200),), 4096),
    ],
    ids=[
        "it fits",
        "each has one server",
        "only one that has one server is too large",
        "nothing is known",
        "the machine's memory is not known",
        "all that was asked for is used",
        "no use was seen",
        "one server is its own business",
        "nothing was asked for",
    ],
)
def test_what_fits_or_is_not_known_is_not_told(wanted, machine):
    assert found(*wanted, machine=machine) == []


def test_k3_replicas_that_use_more_than_they_ask_for_are_told_by_what_is_set_aside():
    [(code, seen, change)] = found(replicas(4, least=100, most=150, peak=125))
    assert code == "VH606"
    assert seen == ("4 replicas, of which one has used 125 MiB, may use 500 MiB: 400 MiB are reserved")
    assert change == "raise resources.memory.min to 150", "and to no more than the limit"
    assert found(replicas(4, least=100, peak=125))[0][2] == "raise resources.memory.min to 192"
