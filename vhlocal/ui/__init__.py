"""The terminal: events as text."""
