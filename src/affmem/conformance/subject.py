"""A part under test, what it is held to, and what came of it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import jaxtyping
import numpy as np
from attrs import field, frozen
from hypothesis import HealthCheck, Phase, Verbosity, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Flaky
from hypothesis.strategies import SearchStrategy

from affmem.errors import UserError, WidthError, place, unknown
from affmem.protocols import Runtime
from affmem.terms import Shape
from affmem.values import Codes

WIDTHS = (3, 50)
"""How wide codes are, unless the part's plugin says: the first that it takes."""
LONGEST = 400
"""Characters of an example that are shown."""


class ConformanceError(AssertionError):
    """A promise that a part did not keep, and the smallest example found of it."""

    def __init__(self, reason: str, example: str = "") -> None:
        super().__init__(f"{reason}; smallest example: {example}" if example else reason)
        self.reason = reason
        self.example = example


@frozen(eq=False)
class Subject:
    """A part under test."""

    kind: str
    name: str
    config: Any
    """Its settings; or a strategy that draws them."""
    width: int | None = None
    """How wide the codes are that it takes; unless given, the first of `WIDTHS` that it does."""
    runtime: Runtime = field(factory=Runtime)
    examples: int = 20
    """How many examples a check draws, at most."""

    @property
    def configs(self) -> SearchStrategy[Any]:
        """Its settings, drawn."""
        return self.config if isinstance(self.config, SearchStrategy) else st.just(self.config)

    def build(self, config: Any) -> Any:
        """Make the part; a term for small codes."""
        shape = (Shape(code=4, width=1 / 16),) if self.kind == "term" else ()
        return config.build(self.runtime, *shape)

    def fits(self, call: Callable[[Any, Codes], object]) -> int:
        """How wide codes are: the first width at which `call(part, codes)` does not refuse them."""
        if self.width is None and not isinstance(self.config, SearchStrategy):
            for width in WIDTHS:
                try:
                    call(self.build(self.config), np.zeros((1, width), np.float32))
                except UserError as error:
                    if not isinstance(error, WidthError):
                        raise
                except Exception:  # noqa: BLE001, S112  (a part that refuses all fails its checks)
                    continue
                else:
                    return width
        return self.width or WIDTHS[0]

    def given(
        self, check: Callable[..., None], share: float = 1.0, **drawn: SearchStrategy[Any]
    ) -> None:
        """Hold `check` on what is drawn; raise ConformanceError with the smallest example if not.

        `share` of the examples are drawn: fewer where one takes long.
        """
        __tracebackhide__ = True
        last: dict[str, Any] = {}

        @settings(**self.bounds(share))
        @given(values=st.fixed_dictionaries(drawn))
        def held(values: Mapping[str, Any]) -> None:
            last.clear()
            last.update(values)
            check(**values)

        self.tell(held, lambda: ", ".join(self._lines(last)))

    def bounds(self, share: float = 1.0) -> dict[str, Any]:
        """Hypothesis's settings: the same few examples whenever it runs."""
        return {
            "max_examples": max(1, round(share * self.examples)),
            "stateful_step_count": 15,
            "deadline": None,
            "phases": (Phase.generate, Phase.shrink),
            "derandomize": True,
            "database": None,
            "report_multiple_bugs": False,
            "suppress_health_check": [*HealthCheck],
            "verbosity": Verbosity.quiet,
        }

    def tell(self, run: Callable[[], None], example: Callable[[], str]) -> None:
        """Run it; whatever it raises but a user's mistake is ConformanceError, with its example."""
        __tracebackhide__ = True  # of pytest's: a failure shows the check, not the kit's way to it
        try:
            run()
        except UserError:
            raise
        except ConformanceError as error:
            raise ConformanceError(error.reason, example()) from None
        except Flaky as error:
            inner: Sequence[Any] = getattr(error, "exceptions", ()) or (error,)
            raise ConformanceError(self._reason(inner[0]), example()) from error
        except Exception as error:
            raise ConformanceError(self._reason(error), example()) from error

    def _reason(self, error: BaseException) -> str:
        """Why, in a line, and where in the part's package."""
        if isinstance(error, ConformanceError):
            return error.reason
        words = " ".join(str(error).split())
        where = place(error, type(self.config).__module__.partition(".")[0])
        return f"raised {type(error).__name__}{where and f' at {where}'}: {words}"[:LONGEST]

    def _lines(self, values: Mapping[str, Any]) -> Iterator[str]:
        for name, value in values.items():
            if name != "config" or value is not self.config:
                yield f"{name} = {shown(value)}"


Check = Callable[[Subject], None]
"""A named check; its docstring is the promise."""


@frozen
class Outcome:
    """What came of one check."""

    check: str
    promise: str
    reason: str | None = None
    """Why it failed; None where it passed."""
    example: str = ""

    @property
    def passed(self) -> bool:
        """Whether the promise was kept."""
        return self.reason is None

    def __str__(self) -> str:
        if self.passed:
            return f"passed  {self.check}"
        example = f"; smallest example: {self.example}" if self.example else ""
        return f"FAILED  {self.check}: {self.reason}{example}"


def demand(kept: object, words: str) -> None:
    """Raise ConformanceError with these words unless it is kept."""
    if not kept:
        raise ConformanceError(words)


def refused(call: Callable[[], object], what: str, kind: type[Exception] = ValueError) -> None:
    """Raise ConformanceError unless the call raises an exception of that kind."""
    try:
        with unchecked():
            call()
    except kind:
        return
    except Exception as error:
        raise ConformanceError(
            f"{what}: expected {kind.__name__}, raised {type(error).__name__}: {error}"
        ) from error
    raise ConformanceError(f"{what}: expected {kind.__name__}, but was taken")


@contextmanager
def unchecked() -> Iterator[None]:
    """Within it no call's arrays are checked by jaxtyping, as it is for a user."""
    before = jaxtyping.config.jaxtyping_disable
    jaxtyping.config.update("jaxtyping_disable", True)  # noqa: FBT003
    try:
        yield
    finally:
        jaxtyping.config.update("jaxtyping_disable", before)


def difference(
    one: Mapping[str, Any], other: Mapping[str, Any], *, exact: bool = True
) -> str | None:
    """Where two sets of named arrays differ: None for nowhere.

    Exactly: in a name, dtype, shape or bit; or else by more than rounding.
    """
    if one.keys() != other.keys():
        return f"one has {sorted(one)}, the other {sorted(other)}"
    for name, array in one.items():
        if array.dtype != other[name].dtype or array.shape != other[name].shape:
            kinds = f"{array.dtype}{list(array.shape)} and {other[name].dtype}"
            return f"{name!r}: {kinds}{list(other[name].shape)}"
        same = (
            array.tobytes() == other[name].tobytes()
            if exact or array.dtype.kind != "f"
            else np.allclose(array, other[name], rtol=1e-3, atol=1e-4, equal_nan=True)
        )
        if not same:
            return f"{name!r}: {shown(array, 80)} and {shown(other[name], 80)}"
    return None


def equal(one: Mapping[str, Any], other: Mapping[str, Any], words: str) -> None:
    """Raise ConformanceError unless both are the same, bit for bit."""
    where = difference(one, other)
    demand(where is None, f"{words}: differs in {where}")


def near(one: Mapping[str, Any], other: Mapping[str, Any], words: str) -> None:
    """Raise ConformanceError unless both are the same, to within rounding."""
    where = difference(one, other, exact=False)
    demand(where is None, f"{words}: differs in {where}")


def shown(value: Any, longest: int = LONGEST) -> str:
    """A value on one line, cut where it is too long.

    >>> shown(np.float32([[0, 0.5]]))
    'float32[1, 2] [[0.0, 0.5]]'
    """
    if isinstance(value, np.ndarray):
        few = value.reshape(-1)[:longest] if value.size > longest else value
        text = f"{value.dtype}{list(value.shape)} {few.tolist()}"
    else:
        text = " ".join(repr(value).split())
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def promise(check: Check) -> str:
    """What a check demands: its docstring, on one line."""
    return " ".join((check.__doc__ or "").split())


def parsed(text: str, kinds: Sequence[str]) -> tuple[str, str]:
    """`kind:name`. Raises UserError where it is none, with the nearest kind."""
    kind, colon, name = text.partition(":")
    if not colon or not name:
        raise UserError(f"{text}: expected KIND:NAME, such as memory:gwr")
    if kind not in kinds:
        raise UserError(unknown("kind", kind, kinds))
    return kind, name
