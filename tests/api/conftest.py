"""Runs without a session, for what is asked of the control plane."""

import contextlib

import pytest

from tests.api.runs import Run


@pytest.fixture
def run():
    with contextlib.closing(Run()) as started:
        yield started


@pytest.fixture
def open_run():
    """A run to which the whole network can connect."""
    with contextlib.closing(Run(open_to_network=True)) as started:
        yield started
