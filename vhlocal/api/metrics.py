"""A run's traffic, and what its servers print as metrics (K6), as Prometheus reads it."""

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

    from vhlocal.session.traffic.sums import Histogram
    from vhlocal.session.view import View

#: Endpoint, version and replica, as labels have them.
Names = tuple[str, str, str]

_LE = (*(f"{bound:g}" for bound in BOUNDS), "+Inf")


def exposition(view: View, accept: str) -> tuple[bytes, str]:
    """Return the metrics in the text format that ``accept`` asks for, and its content type.

    The label ``endpoint`` is empty for requests of the control plane and for those that no endpoint is served at.
    ``version`` and ``replica`` are labels as well where there are several.
    """
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(view))
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type


class _Collector:
    def __init__(self, view: View) -> None:
        self._view = view
        traffic, statuses = view.requests.traffic(), view.board.statuses()
        versions = {whose.version for whose in traffic if whose.version} | {status.at.version for status in statuses}
        several = len(versions) > 1 or any(whose.replica for whose in traffic)
        #: The labels name more than the endpoint only if there are several versions or replicas.
        self._labels = ["endpoint", "version", "replica"] if several else ["endpoint"]
        self._statuses = statuses
        self._traffic = {
            (whose.endpoint, whose.version, str(whose.replica or 1) if whose.endpoint else ""): sums
            for whose, sums in traffic.items()
        }

    def collect(self) -> Iterator[Metric]:
        traffic = self._traffic
        requests = CounterMetricFamily("vhlocal_requests", "Requests that ended.", labels=[*self._labels, "status"])
        for whose, sums in traffic.items():
            for status, count in sorted(sums.statuses.items()):
                requests.add_metric([*self._values(whose), str(status)], count)
        yield requests
        for name, what in (("request", "bytes_in"), ("response", "bytes_out")):
            sizes = ((whose, getattr(sums, what)) for whose, sums in traffic.items())
            yield self._counter(f"vhlocal_{name}_body_bytes", f"Bytes of {name} bodies.", sizes)
        broken = ((whose, sums.broken) for whose, sums in traffic.items())
        yield self._counter("vhlocal_responses_broken", "Answers that broke off after their heads.", broken)
        for name, what, docs in (
            ("request", "total", "From a request's head to its end."),
            ("first_byte", "first_byte", "From a request's head to its answer's head."),
            ("gateway", "gateway", "From a request's head until it went on to a server."),
        ):
            times = ((whose, getattr(sums, what)) for whose, sums in traffic.items())
            yield self._histogram(f"vhlocal_{name}_seconds", docs, times)
        yield from self._state()

    def _state(self) -> Iterator[Metric]:
        clients, servers = self._view.connections()
        yield GaugeMetricFamily("vhlocal_client_connections", "Clients connected, WebSockets included.", clients)
        yield GaugeMetricFamily("vhlocal_server_connections", "Connections open to servers, idle ones too.", servers)
        known = [((status.endpoint, status.at.version, str(status.at.replica)), status) for status in self._statuses]
        ready = GaugeMetricFamily("vhlocal_endpoint_ready", "1 while the endpoint answers.", labels=self._labels)
        for whose, status in known:
            ready.add_metric(self._values(whose), int(status.state is State.READY))
        yield ready
        restarts = ((whose, status.restarts) for whose, status in known)
        yield self._counter("vhlocal_endpoint_restarts", "Restarts after crashes.", restarts)
        yield from self._printed()

    def _printed(self) -> Iterator[Metric]:
        """Yield what servers have printed as metrics (K6)."""
        series = self._view.metrics.series()
        if not series:
            return
        labels = ["name", "endpoint", "version", "replica"]
        values = CounterMetricFamily("vhlocal_metadata_values", "Values printed as vh_metadata.", labels=labels)
        last = GaugeMetricFamily("vhlocal_metadata_last", "The last value printed as vh_metadata.", labels=labels)
        # No counter: values may be below zero.
        sums = GaugeMetricFamily("vhlocal_metadata_sum", "The sum of values printed as vh_metadata.", labels=labels)
        for each in series:
            at = each.key.at
            names = [each.key.name, at.endpoint, at.version, str(at.replica)]
            values.add_metric(names, each.count)
            last.add_metric(names, each.value)
            sums.add_metric(names, each.total)
        yield from (values, last, sums)

    def _values(self, whose: Names) -> list[str]:
        return list(whose[: len(self._labels)])

    def _counter(self, name: str, docs: str, values: Iterable[tuple[Names, float]]) -> Metric:
        metric = CounterMetricFamily(name, docs, labels=self._labels)
        for whose, value in values:
            metric.add_metric(self._values(whose), value)
        return metric

    def _histogram(self, name: str, docs: str, values: Iterable[tuple[Names, Histogram]]) -> Metric:
        metric = HistogramMetricFamily(name, docs, labels=self._labels)
        for whose, histogram in values:
            # Prometheus' buckets hold all that is below their bounds.
            buckets = list(zip(_LE, map(float, itertools.accumulate(histogram.counts)), strict=True))
            metric.add_metric(self._values(whose), buckets, histogram.total)
        return metric
