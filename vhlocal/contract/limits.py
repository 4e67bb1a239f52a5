"""What production limits: an endpoint's resources (K1) and a request at the ingress (K9)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vhlocal.values import dataclass

if TYPE_CHECKING:
    from vhlocal.model import Resources

MEBIBYTE = 1024 * 1024

#: ingress-nginx's ``proxy-body-size``, in bytes: more is answered 413 (K9).
BODY_LIMIT = 1024 * 1024

#: ingress-nginx's ``proxy-buffer-size``, in bytes: an answer's head has to fit into it, or the client gets a 502 (K9).
ANSWER_HEAD_LIMIT = 4 * 1024

#: ingress-nginx's ``proxy-read-timeout``, in seconds between two reads from the server: more is answered 504 (K9).
READ_TIMEOUT = 60.0

#: Seconds that a rollout waits for a server to answer: Kubernetes' default for a deployment's progress.
ROLLOUT_PATIENCE = 600.0

#: Seconds from which on a start is slow: half of what a rollout waits.
SLOW_START = ROLLOUT_PATIENCE / 2

#: What counts as a GPU in Kubernetes' device names (K1).
GPU_DEVICE = "nvidia.com/gpu"


@dataclass(frozen=True)
class ContainerLimits:
    """Resources in the engine's units: memory in bytes, CPU in cores, GPUs by count; None where not limited."""

    memory: int | None = None
    memory_reservation: int | None = None
    cpus: float | None = None
    cpu_request: float | None = None
    gpus: int = 0


def container_limits(resources: Resources) -> ContainerLimits:
    """Translate an endpoint's resources (K1). The schema's "MB" are mebibytes: so Valohai's pages show them."""
    return ContainerLimits(
        memory=_bytes(resources.memory_max),
        memory_reservation=_bytes(resources.memory_min),
        cpus=resources.cpu_max,
        cpu_request=resources.cpu_min,
        gpus=int(resources.devices.get(GPU_DEVICE, 0)),
    )


def requested_cpu(resources: Resources) -> float | None:
    """Return the cores that an endpoint requests, None where it says nothing of them (K1).

    Kubernetes takes the limit for the request of what has only that.
    """
    return resources.cpu_max if resources.cpu_min is None else resources.cpu_min


def unenforceable(resources: Resources) -> list[str]:
    """Return the yaml keys under ``resources`` that a container engine on one machine cannot enforce (K1)."""
    keys = []
    if resources.storage_max is not None or resources.storage_min is not None:
        keys.append("ephemeral-storage")
    keys.extend(f"devices.{name}" for name in resources.devices if name != GPU_DEVICE)
    return keys


def _bytes(mebibytes: float | None) -> int | None:
    return None if mebibytes is None else int(mebibytes * MEBIBYTE)
