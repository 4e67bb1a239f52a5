"""Runs whose servers are processes."""

from tests.session.conftest import process_run

__all__ = ["process_run"]
