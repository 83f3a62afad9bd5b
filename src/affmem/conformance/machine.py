"""A memory under whatever may be done to it, in whatever order."""

from typing import Any

import numpy as np
from hypothesis import settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from safetensors.numpy import load, save

from affmem.conformance.draws import Stream, streams
from affmem.conformance.subject import Subject, equal, refused
from affmem.protocols import Memory


def machine(subject: Subject, width: int, steps: list[str]) -> type[RuleBasedStateMachine]:
    """A state machine of the memory and its double, which is taught alike, but never read from
    nor refused anything, and which is restored from the memory's state now and then.

    `steps` is what was done in its last run.
    """

    class Machine(RuleBasedStateMachine):
        """The memory and its double."""

        memory: Memory
        double: Memory

        @initialize(config=subject.configs)
        def start(self, config: Any) -> None:
            steps[:] = [] if config is subject.config else [f"config {config!r}"]
            self.config = config
            self.memory, self.double = subject.build(config), subject.build(config)

        @rule(stream=streams(width, least=1, most=6))
        def learn(self, stream: Stream) -> None:
            steps.append(f"partial_fit{stream}")
            for one in (self.memory, self.double):
                one.partial_fit(stream.codes, stream.affects)

        @rule(stream=streams(width, least=1, most=2))
        def learn_often(self, stream: Stream) -> None:
            """The same again and again: what habituates, ages."""
            steps.append(f"8 times partial_fit{stream}")
            for _ in range(8):
                for one in (self.memory, self.double):
                    one.partial_fit(stream.codes, stream.affects)

        @rule(stream=streams(width, most=3))
        def read(self, stream: Stream) -> None:
            steps.append(f"predict({stream.codes.tolist()})")
            self.memory.predict(stream.codes)

        @rule()
        def begin(self) -> None:
            steps.append("begin()")
            for one in (self.memory, self.double):
                one.begin()

        @rule()
        def refuse(self) -> None:
            steps.append("partial_fit of NaN, refused")
            codes = np.full((1, width), np.nan, np.float32)
            refused(lambda: self.memory.partial_fit(codes), "a code with NaN")

        @rule()
        def restore(self) -> None:
            steps.append("state(), restored into a new one")
            self.double = subject.build(self.config)
            self.double.restore(load(save(self.memory.state())))

        @invariant()
        def alike(self) -> None:
            if hasattr(self, "memory"):
                equal(self.memory.state(), self.double.state(), "the memory and its double")

    return Machine


def run(subject: Subject, width: int) -> None:
    """Run the machine; raises ConformanceError with the fewest steps after which the two differ."""
    steps: list[str] = []
    kind = machine(subject, width, steps)
    subject.tell(
        lambda: run_state_machine_as_test(kind, settings=settings(**subject.bounds(2.0))),
        lambda: "; ".join(steps),
    )
