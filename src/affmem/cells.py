"""Names as cells of a table that a spreadsheet may open: none of them is a formula.

A cell that begins with =, +, -, @, a tab or a line's end is a formula to a spreadsheet, quoted or
not, and `=cmd|...` runs a program where it is let. It is written behind an apostrophe, which says
"text"; `read` takes it away, so that every name comes back as it was.
"""

import re

from affmem.values import Affect

_FORMULA = re.compile(r"'*[=+\-@\t\r\n]")


def written(name: str) -> str:
    """The cell that holds a name.

    >>> written("anna"), written("=1+1"), written("'-x")
    ('anna', "'=1+1", "''-x")
    """
    return f"'{name}" if _FORMULA.match(name) else name


def affects(affect: Affect | None) -> tuple[str, str]:
    """Two cells, arousal and valence; empty where it is None.

    >>> affects(Affect(0.5, -1)), affects(None)
    (('0.5000', '-1.0000'), ('', ''))
    """
    return ("", "") if affect is None else (f"{affect.arousal:.4f}", f"{affect.valence:.4f}")


def read(cell: str) -> str:
    """The name that `written` put there.

    >>> read("anna"), read("'=1+1"), read("''-x"), read("'tis")
    ('anna', '=1+1', "'-x", "'tis")
    """
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell
