"""Projects that are requirements of their own: ``-e .``."""


def pyproject(*lines: str) -> str:
    """Return a ``pyproject.toml`` that setuptools builds: ``lines`` are what follows the name of its project."""
    system = ["[build-system]", 'requires = ["setuptools"]', 'build-backend = "setuptools.build_meta"']
    return "\n".join([*system, "[project]", 'name = "shop"', *lines, ""])
