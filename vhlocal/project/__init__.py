"""Reads the user's directory: what is to be served, under which names, with which settings. Never writes there."""
