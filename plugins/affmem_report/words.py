"""Numbers and findings as a reader wants them."""

# ruff: noqa: RUF001, RUF002  (a true minus, and the dash of an empty cell, are meant)

import math
from collections.abc import Sequence
from datetime import datetime

from affmem_report.run import SYSTEMS, Figure, Run

STAGES = {
    "decode": "reading the videos",
    "find": "finding faces",
    "encode": "encoding faces",
    "read": "reading affect off the codes (PK)",
    "edit": "editing first faces",
    "encode edits": "encoding the edits",
    "learn": "memory: learning",
    "predict": "memory: predicting",
    "score": "figures and their intervals",
    "gallery": "drawing the sheets of edits",
}
INITIALS = ("ccc", "pcc", "rmse", "mse", "mae", "icc")
"""Metrics that are written in capitals."""
FEW_PERSONS = 8
"""Below this, an interval over persons is itself rough, and the report says so."""


def label(name: str) -> str:
    """A metric or system as people write it.

    >>> label("ccc"), label("p-affmem"), label("gain"), label("r squared")
    ('CCC', 'P-AffMem', 'gain', 'r squared')
    """
    return SYSTEMS.get(name, name.upper() if name in INITIALS else name)


def number(value: float | None, digits: int = 2, *, sign: bool = False) -> str:
    """A number with a true minus; an en dash where it is undefined.

    >>> number(-0.123), number(0.5, sign=True), number(None), number(-0.001)
    ('−0.12', '+0.50', '–', '0.00')
    """
    if value is None or not math.isfinite(value):
        return "–"
    text = f"{abs(value):,.{digits}f}"
    if not float(text.replace(",", "")):
        return text
    return ("−" if value < 0 else "+" if sign else "") + text


def count(n: int, one: str, many: str | None = None) -> str:
    """A number of things.

    >>> count(1, "person"), count(4800, "frame")
    ('1 person', '4,800 frames')
    """
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def interval(figure: Figure | None) -> str:
    """The 95 % interval of a figure, or nothing where it has none.

    >>> interval(Figure(0.03, -0.02, 0.08)), interval(Figure(0.03)), interval(None)
    ('[−0.02, 0.08]', '', '')
    """
    if figure is None or figure.low is None or figure.high is None:
        return ""
    return f"[{number(figure.low)}, {number(figure.high)}]"


def verdict(gain: Figure | None, better: str = "higher") -> str:
    """What a gain shows: "gain", "loss", "open" (its interval holds 0) or "unknown".

    >>> verdict(Figure(0.1, 0.02, 0.2)), verdict(Figure(0.1, -0.1, 0.3)), verdict(Figure(0.1))
    ('gain', 'open', 'unknown')
    >>> verdict(Figure(-0.1, -0.2, -0.05), better="lower")
    'gain'
    """
    if gain is None or gain.value is None or gain.low is None or gain.high is None:
        return "unknown"
    if gain.low <= 0 <= gain.high:
        return "open"
    return "gain" if (gain.low > 0) is (better == "higher") else "loss"


def finding(dimension: str, gain: Figure | None, better: str = "higher") -> str:
    """One sentence on what the memory brought.

    >>> print(finding("valence", Figure(0.03, -0.02, 0.08)).partition(": ")[2])
    the interval holds 0, so no gain is shown.
    """
    if gain is None or gain.value is None:
        return f"The memory's gain for {dimension} is undefined: too few labels, or none that vary."
    start = f"The memory's gain for {dimension} is {number(gain.value, sign=True)} {interval(gain)}"
    side = "above" if gain.value > 0 else "below"
    lower = "" if better == "higher" else " (lower is better)"
    return {
        "gain": f"{start}{lower}: the whole interval is {side} 0, so a gain is shown.",
        "loss": f"{start}{lower}: the whole interval is {side} 0, so the memory does harm here.",
        "open": f"{start}: the interval holds 0, so no gain is shown.",
        "unknown": f"{start.strip()}: without an interval, nothing is shown.",
    }[verdict(gain, better)]


def caution(persons: int) -> str:
    """What to think of intervals over so few persons; nothing where there are enough.

    >>> caution(12)
    ''
    """
    if persons >= FEW_PERSONS:
        return ""
    if persons == 1:
        return (
            "With one person there is nothing to draw an interval over: "
            "this shows how one person went, no more."
        )
    return f"Intervals over {persons} persons are themselves rough: take these figures as a trial."


def summary(run: Run) -> str:
    """What was run, in one sentence."""
    people, frames, clips, faces = size(run)
    parts = run.about.parts
    who = f"{count(people, 'person')}, {count(clips, 'clip')}, {count(frames, 'frame')}"
    steps = [
        f"faces found by {parts['faces']}" if parts.get("faces") else "",
        f"encoded by {parts['encoder']}" if parts.get("encoder") else "",
        f"read by {parts['reader']} alone (PK)" if parts.get("reader") else "",
        f"and by a {parts['memory']} memory of each person (P-AffMem)"
        if parts.get("memory")
        else "",
    ]
    edits = f", begun with edits made by {parts['editor']}" if begun(run) else ""
    of = f" of dataset {parts['dataset']}" if parts.get("dataset") else ""
    how = ", ".join(step for step in steps if step)
    seed = "" if run.about.seed is None else f" Seed {run.about.seed}."
    found = f" A face was found in {share(faces, frames)} of the frames." if frames else ""
    return f"{who}{of}{': ' + how if how else ''}{edits}.{found}{seed}"


def begun(run: Run) -> bool:
    """Whether memories began with edits, as far as the run says."""
    edited = run.timing is None or "edit" in run.timing.seconds
    return bool(run.about.parts.get("editor")) and edited


def size(run: Run) -> tuple[int, int, int, int]:
    """How many persons, frames, clips and found faces a run holds."""
    frames = sum(len(one.frames.time) for one in run.persons)
    clips = sum(len(one.clips) or len(dict.fromkeys(one.frames.clip)) for one in run.persons)
    faces = sum(int(one.frames.face.sum()) for one in run.persons)
    return len(run.persons), frames, clips, faces


def share(part: float, whole: float) -> str:
    """A share in percent that says "all" and "none" only where it is so.

    >>> share(999, 1000), share(5, 5), share(0, 5), share(1, 4)
    ('99.9 %', '100 %', '0 %', '25 %')
    """
    if not whole:
        return "–"
    percent = 100 * part / whole
    near = percent < 1 or percent > 99
    return f"{percent:.1f} %" if near and percent not in (0, 100) else f"{percent:.0f} %"


def duration(seconds: float | None) -> str:
    """A length of time.

    >>> duration(4.21), duration(229.4), duration(7325)
    ('4.2 s', '3 min 49 s', '2 h 2 min')
    """
    if seconds is None or not math.isfinite(seconds):
        return "–"
    if seconds < 60:
        return f"{seconds:.{1 if seconds >= 1 else 3}f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def moment(iso: str | None) -> str:
    """A point in time as people write it; what is no ISO time stays as it is.

    >>> moment("2026-03-02T09:14:03+00:00"), moment("yesterday"), moment(None)
    ('2 March 2026, 09:14 UTC', 'yesterday', '')
    """
    try:
        at = datetime.fromisoformat(iso or "")
    except ValueError:
        return iso or ""
    zone = f" {at:%Z}" if at.tzinfo else ""
    return f"{at.day} {at:%B %Y}, {at:%H:%M}{zone}"


def listing(words: Sequence[str]) -> str:
    """Words joined as in a sentence.

    >>> listing(["a", "b", "c"])
    'a, b and c'
    """
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))
