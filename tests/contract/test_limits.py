from vhlocal.contract.limits import (
    BODY_LIMIT,
    READ_TIMEOUT,
    ContainerLimits,
    container_limits,
    requested_cpu,
    unenforceable,
)
from vhlocal.model import Resources


def test_no_resources_mean_no_limits():
    """K1: what is not written is not limited."""
    assert container_limits(Resources()) == ContainerLimits()
    assert unenforceable(Resources()) == []


def test_resources_are_translated_to_the_engine_s_units():
    """K1: cores, and mebibytes as bytes."""
    resources = Resources(cpu_min=0.1, cpu_max=2, memory_min=0.5, memory_max=512, devices={"nvidia.com/gpu": 2})
    assert container_limits(resources) == ContainerLimits(512 * 1024 * 1024, 512 * 1024, 2, 0.1, 2)
    assert unenforceable(resources) == []


def test_what_an_engine_cannot_enforce_is_named():
    """K1: one clear notice for the rest."""
    resources = Resources(storage_max=1, devices={"nvidia.com/gpu": 1, "example.com/fpga": 1})
    assert unenforceable(resources) == ["ephemeral-storage", "devices.example.com/fpga"]


def test_the_ingress_s_limits():
    """K9: ingress-nginx's defaults: 1 MB of body, 60 s of reading."""
    assert (BODY_LIMIT, READ_TIMEOUT) == (1_048_576, 60.0)


def test_what_has_only_a_limit_of_cores_requests_that():
    """K1: as Kubernetes does."""
    assert requested_cpu(Resources(cpu_min=0.5, cpu_max=2)) == 0.5
    assert requested_cpu(Resources(cpu_max=2)) == 2
    assert requested_cpu(Resources()) is None
