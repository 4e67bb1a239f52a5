"""A run's traffic as Prometheus reads it."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from prometheus_client.core import CollectorRegistry, CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import choose_encoder

from vhlocal.model import State
from vhlocal.session.traffic.sums import BOUNDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from prometheus_client.core import Metric

    from vhlocal.session.traffic.sums import Histogram, Traffic
    from vhlocal.session.view import View

_LE = (*(f"{bound:g}" for bound in BOUNDS), "+Inf")


def exposition(view: View, accept: str) -> tuple[bytes, str]:
    """Return the metrics in the text format that ``accept`` asks for, and its content type.

    The label ``endpoint`` is empty for requests of the control plane and for those that no endpoint is served at.
    """
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(view))
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type


class _Collector:
    def __init__(self, view: View) -> None:
        self._view = view

    def collect(self) -> Iterator[Metric]:
        traffic = self._view.requests.traffic()
        yield _requests(traffic)
        for name, what in (("request", "bytes_in"), ("response", "bytes_out")):
            sizes = ((endpoint, getattr(sums, what)) for endpoint, sums in traffic.items())
            yield _counter(f"vhlocal_{name}_body_bytes", f"Bytes of {name} bodies.", sizes)
        broken = ((endpoint, sums.broken) for endpoint, sums in traffic.items())
        yield _counter("vhlocal_responses_broken", "Answers that broke off after their heads.", broken)
        for name, what, docs in (
            ("request", "total", "From a request's head to its end."),
            ("first_byte", "first_byte", "From a request's head to its answer's head."),
            ("gateway", "gateway", "From a request's head until it went on to a server."),
        ):
            times = ((endpoint, getattr(sums, what)) for endpoint, sums in traffic.items())
            yield _histogram(f"vhlocal_{name}_seconds", docs, times)
        yield from self._state()

    def _state(self) -> Iterator[Metric]:
        clients, servers = self._view.connections()
        yield GaugeMetricFamily("vhlocal_client_connections", "Clients connected, WebSockets included.", clients)
        yield GaugeMetricFamily("vhlocal_server_connections", "Connections open to servers, idle ones too.", servers)
        statuses = self._view.board.statuses()
        ready = GaugeMetricFamily("vhlocal_endpoint_ready", "1 while the endpoint answers.", labels=["endpoint"])
        for status in statuses:
            ready.add_metric([status.endpoint], int(status.state is State.READY))
        yield ready
        restarts = ((status.endpoint, status.restarts) for status in statuses)
        yield _counter("vhlocal_endpoint_restarts", "Restarts after crashes.", restarts)


def _requests(traffic: dict[str, Traffic]) -> Metric:
    metric = CounterMetricFamily("vhlocal_requests", "Requests that ended.", labels=["endpoint", "status"])
    for endpoint, sums in traffic.items():
        for status, count in sorted(sums.statuses.items()):
            metric.add_metric([endpoint, str(status)], count)
    return metric


def _counter(name: str, docs: str, values: Iterable[tuple[str, float]]) -> Metric:
    metric = CounterMetricFamily(name, docs, labels=["endpoint"])
    for endpoint, value in values:
        metric.add_metric([endpoint], value)
    return metric


def _histogram(name: str, docs: str, values: Iterable[tuple[str, Histogram]]) -> Metric:
    metric = HistogramMetricFamily(name, docs, labels=["endpoint"])
    for endpoint, histogram in values:
        # Prometheus' buckets hold all that is below their bounds.
        buckets = list(zip(_LE, map(float, itertools.accumulate(histogram.counts)), strict=True))
        metric.add_metric([endpoint], buckets, histogram.total)
    return metric
