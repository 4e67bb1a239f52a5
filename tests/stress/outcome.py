"""What a run has shown: tables for people, and goals."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from benchmarks.report import Goal, print_table
from tests.stress import judge
from tests.stress.run import Use

if TYPE_CHECKING:
    from tests.stress.run import Run
    from tests.stress.saves import Saves
    from tests.stress.traffic import Traffic

#: Connections to an engine that are kept for its next calls: as many as there were calls at one time, which at the
#: beginning were fewer. What is left behind by each reload or each request would be hundreds.
_POOLED = 12

#: MB that a run may grow by once it has loaded what it loads late, and the last lines, requests and metrics of which it
#: keeps a bounded number are there. In 20 minutes with 3,000 reloads it went from 75 to 85 in the first four, to 90 in
#: the next eight and to 93 in the last; of that, all objects of Python's were one.
_LEAKED = 8

#: How many things of a kind that went wrong are printed.
_SHOWN = 12


@dataclass
class Outcome:
    """One run's, and who took part in it.

    ``seconds`` are those from each burst's last save until all endpoints answered with it; ``never_live`` are saves of
    which they did not. ``beside`` are servers that nobody has use for, ``uses`` what was used at the beginning, halfway
    and at the end, ``left`` what is there after the end.
    """

    run: Run
    saves: Saves
    traffic: Traffic
    seconds: list[float] = field(default_factory=list)
    never_live: list[str] = field(default_factory=list)
    beside: list[str] = field(default_factory=list)
    uses: list[Use] = field(default_factory=list)
    left: list[str] = field(default_factory=list)

    def wrong(self) -> dict[str, list[str]]:
        """Return all that should not have been, by kind."""
        asked, saved = self.traffic.asked, self.saves.saved
        return {
            "failed requests": judge.failed(asked),
            "stale answers": judge.stale(asked, self.run.lives, saved),
            "mixed answers": judge.mixed(asked, saved),
            "streams that ended badly": self.traffic.badly_ended,
            "saves that never came in": self.never_live,
            "servers that nobody uses": self.beside,
            "errors that no save caused": self.run.faults,
            "left over": self.left,
        }

    def goals(self) -> list[Goal]:
        """Return what is promised."""
        runtime, (first, half, last) = self.run.runtime, self.uses
        return [
            *(Goal(f"{runtime}: {kind}", len(found), "<=", 0) for kind, found in self.wrong().items()),
            Goal(f"{runtime}: memory grown in the second half, MB", last.memory - half.memory, "<=", _LEAKED),
            Goal(f"{runtime}: open files grown", last.files - first.files, "<=", _POOLED),
            Goal(f"{runtime}: memory of a runner grown, MB", last.runner_memory - first.runner_memory, "<=", 4),
            Goal(f"{runtime}: open files of a runner grown", last.runner_files - first.runner_files, "<=", 0),
        ]

    def show(self) -> None:
        """Print how it went."""
        saves, asked, runtime = self.saves, self.traffic.asked, self.run.runtime
        print(f"\n{runtime}: {saves.count} saves, {dict(saves.kinds)}; {len(self.run.lives)} reloads")
        for text, times in self.run.errors.most_common():
            print(f"told, {times} times: {text}")
        kinds = sorted({each.kind for each in asked})
        taken = {kind: [each.came - each.sent for each in asked if each.kind == kind] for kind in kinds}
        print_table("a request to its answer's end, a stream to its first words", "s", taken)
        print_table("a burst's last save to its answer by all endpoints", "s", {runtime: self.seconds})
        print(f"{self.traffic.ended} streams were ended by the other side")
        for name, first, half, last in zip(Use._fields, *self.uses, strict=True):
            print(f"{name.replace('_', ' ')} used: {first:.1f} at first, {half:.1f} halfway, {last:.1f} at the end")
        for kind, found in self.wrong().items():
            for text in found[:_SHOWN]:
                print(f"{kind}: {text}")
            if len(found) > _SHOWN:
                print(f"{kind}: {len(found) - _SHOWN} more")
