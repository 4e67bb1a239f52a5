"""How many examples a property is tried with, where that is not as many as usual."""

from __future__ import annotations

from hypothesis import settings


def times_as_many(factor: float) -> settings:
    """Return the settings for so many times the usual examples, which are fewer on another Python than the main one."""
    return settings(max_examples=int(factor * settings().max_examples))
