"""``python -m tests.stress``: see ``program``."""

from benchmarks.report import conclude
from tests.stress.program import measure, options

if __name__ == "__main__":
    given = options()
    conclude(lambda: measure(given))
