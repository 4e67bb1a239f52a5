"""What model-based tests have in common: rules in any order, and an end that has to be good whatever has happened."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

if TYPE_CHECKING:
    from collections.abc import Callable


class Machine(RuleBasedStateMachine):
    """A machine that ends well, and leaves nothing behind also where it does not."""

    def teardown(self) -> None:
        try:
            self.end_well()
        finally:
            self.leave()

    def end_well(self) -> None:
        """End what is under way, and check that it has ended as it is to."""
        raise NotImplementedError

    def leave(self) -> None:
        """End all that is left."""
        raise NotImplementedError


def run_machine(make: Callable[[], Machine], *, examples: int, steps: int) -> None:
    """Run a machine so often with so many rules, the same each time: what fails takes too long to be made smaller."""
    run_state_machine_as_test(
        cast("type[RuleBasedStateMachine]", make),  # it is called, and no more
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
