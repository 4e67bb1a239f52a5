"""Requests: where they are led, and what is known of those that ended."""
