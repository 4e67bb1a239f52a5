"""Smoke tests: requests in ``.http`` files, what is expected of their answers, and the verdicts."""
