"""Findings: what would fail in production, each named by a code, located, and given its remedy."""
