"""What can go wrong, as a tree.

    AffmemError
    └── UserError            a mistake in what was given: one line, exit code 2
        ├── InputError       a file that cannot be used
        ├── ExperimentError  an experiment with mistakes, one line each
        ├── PluginError      a plugin that cannot be used
        ├── WidthError       codes of one part that another part does not take
        └── StoreError       a memory store that cannot be used, or that refuses
            └── ConflictError    another has saved, renamed or erased this person since

A `UserError` is shown to the user as it stands, without a traceback; every other exception is a
bug of ours and keeps its own.
"""

from collections.abc import Iterable
from difflib import get_close_matches
from itertools import islice
from pathlib import Path
from traceback import walk_tb

LONGEST = 500
"""Characters of a line at most; what is longer loses its middle."""
MISTAKES = 40
"""Lines of an experiment's mistakes at most."""


def shown(text: str) -> str:
    """`text` as a line that can only be printed: nothing in it moves a cursor or begins a line.

    Names come from files that others wrote. What is not printable is escaped, as Python writes it;
    the middle of what is longer than `LONGEST` is left out.

    >>> shown("a\x1b[2Jb\\nc")
    'a\\\\x1b[2Jb\\\\nc'
    >>> len(shown("x" * 1_000_000))
    500
    """
    line = _shortened(text)
    if not line.isprintable():
        escaped = (one if one.isprintable() else ascii(one)[1:-1] for one in line)
        line = _shortened("".join(escaped))
    return line


def _shortened(text: str) -> str:
    if len(text) <= LONGEST:
        return text
    left_out = " [...] "
    end = LONGEST // 4
    return text[: LONGEST - end - len(left_out)] + left_out + text[-end:]


class AffmemError(Exception):
    """Anything that affmem raises by itself."""


class UserError(AffmemError):
    """A mistake in what the user gave; `str()` is the line to show, as `shown` has it."""

    def __str__(self) -> str:
        return shown(super().__str__())


class InputError(UserError):
    """A file that cannot be used; the line begins with its path.

    >>> str(InputError(Path("a.mp4"), "is empty (0 bytes)"))
    'a.mp4: is empty (0 bytes)'
    """

    def __init__(self, path: Path | str, problem: str) -> None:
        super().__init__(path, problem)
        self.path = Path(path)
        self.problem = problem

    def __str__(self) -> str:
        return shown(f"{self.args[0]}: {self.problem}")


class ExperimentError(UserError):
    """An experiment with mistakes; `lines` holds one line for each, up to `MISTAKES`."""

    def __init__(self, lines: Iterable[str]) -> None:
        self.lines = tuple(map(shown, islice(lines, MISTAKES)))
        super().__init__(self.lines)

    def __str__(self) -> str:
        return "\n".join(self.lines)


class PluginError(UserError):
    """A plugin that is absent, broken or at odds with another."""


class WidthError(UserError, ValueError):
    """Codes of another width than a memory takes: of an encoder that it does not go with."""


class StoreError(UserError):
    """A memory store that cannot be used, or that refuses what it is asked for."""


class ConflictError(StoreError):
    """A person was saved, renamed or erased by another since they were loaded: nothing is kept."""


def one_letter(a: str, b: str) -> bool:
    """Whether one insertion, removal, change or swap of neighbours makes `a` into `b`.

    >>> one_letter("init", "itit"), one_letter("kappa", "kpapa"), one_letter("tau", "eta")
    (True, True, False)
    """
    if abs(len(a) - len(b)) > 1:
        return False
    same = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), None)
    if same is None:
        return len(a) != len(b)
    rest, other = a[same:], b[same:]
    return (
        rest[1:] == other
        or rest == other[1:]
        or rest[1:] == other[1:]
        or (rest[:2] == other[1::-1] and rest[2:] == other[2:])
    )


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name most like `name`, or None where none is alike.

    >>> nearest("valance", ["arousal", "valence"])
    'valence'
    >>> nearest("xyz", ["arousal", "valence"]) is None
    True
    """
    by_fold = {one.casefold(): one for one in known}
    if near := [one for one in by_fold if one_letter(name.casefold(), one)]:
        return by_fold[near[0]]
    close = get_close_matches(name.casefold(), list(by_fold), n=1, cutoff=0.6)
    return by_fold[close[0]] if close else None


def unknown(what: str, name: str, known: Iterable[str]) -> str:
    """One line that says `name` is no known `what`, with the nearest name and all names.

    >>> unknown("memory", "gwrr", ["gwr", "none"])
    "no memory 'gwrr'; did you mean 'gwr'? known: gwr, none"
    >>> unknown("memory", "zebra", ["gwr", "none"])
    "no memory 'zebra'; known: gwr, none"
    """
    names = sorted(known)
    name = _shortened(name)
    guess = nearest(name, names)
    hint = f" did you mean {guess!r}?" if guess else ""
    return f"no {what} {name!r};{hint} known: {', '.join(names) or '(none)'}"


def place(error: BaseException, package: str) -> str:
    """Where in `package` it was raised: the file from there on, and the line; "" if not there."""
    files = [
        (Path(frame.f_code.co_filename), line)
        for frame, line in walk_tb(error.__traceback__)
        if str(frame.f_globals.get("__name__", "")).partition(".")[0] == package
    ]
    if not files:
        return ""
    file, line = files[-1]
    names = [one.name for one in (file, *file.parents)]
    depth = names.index(package) if package in names else 0
    return f"{'/'.join(names[depth::-1])}:{line}"
