"""Records of requests for tests that need some."""

from vhlocal.model import RequestRecord

PREFIX = "/acme/digits/local/dev/predict"


def ended(status: int = 200, *, endpoint: str | None = "predict", target: str = f"{PREFIX}/", **facts) -> RequestRecord:
    """A GET request that took a quarter of a second."""
    known = {
        "id": "0" * 32,
        "time": 1_700_000_000.0,
        "client": "127.0.0.1",
        "endpoint": endpoint,
        "revision": "r1",
        "prefix": PREFIX,
        "method": "GET",
        "target": target,
        "status": status,
        "bytes_in": 1,
        "bytes_out": 20,
        "gateway_seconds": 0.0005,
        "first_byte_seconds": 0.2,
        "seconds": 0.25,
        "whole": True,
        "reason": "",
    }
    return RequestRecord(**{**known, **facts})


def of_control() -> RequestRecord:
    """A request of the control plane."""
    return ended(endpoint=None, prefix="", target="/api/endpoints")
