"""Run the endpoints of a Valohai project locally, at their production paths."""

__version__ = "0.1.0"
