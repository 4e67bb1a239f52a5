"""Servers as plain processes of this machine, each in a virtual environment of its own."""
