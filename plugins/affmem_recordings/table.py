"""Rows of a CSV file by the names of its columns; every mistake in one is told with its line."""

import csv
import math
import re
from collections.abc import Iterator, Sequence
from io import TextIOWrapper
from pathlib import Path, PurePosixPath

from attrs import define, field, frozen

from affmem.errors import InputError, nearest, one_letter
from affmem.files import opened
from affmem.values import Affect

SEPARATORS = ";\t|"
"""What stands in a table that was not saved with commas."""
LONGEST = 1 << 20
"""Characters of a row at most."""
COLUMNS, ROWS = 1000, 1_000_000
"""At most; AffectNet's table, the longest known, has 9 columns and 415,000 rows."""


@frozen
class Row:
    """One row: its cells by column, of those asked for, without the blanks around them."""

    table: Path
    line: int
    """Where it ends in the file, from 1."""
    cells: dict[str, str] = field(repr=False)

    def wrong(self, column: str, expected: str) -> InputError:
        """The error that names this row's line, the column and its cell."""
        cell = self.text(column) or "(empty)"
        return InputError(self.table, f"line {self.line}: {column} {cell}: expected {expected}")

    def text(self, column: str) -> str:
        """A cell's text, "" where there is no such column."""
        return self.cells.get(column, "")

    def name(self, column: str) -> str:
        """A cell's text. Raises InputError where it is empty."""
        if text := self.text(column):
            return text
        raise self.wrong(column, "a name")

    def number(self, column: str, low: float, high: float = math.inf) -> float:
        """A cell's number in [low, high]. Raises InputError where it is none, infinite or nan."""
        cell = self.text(column)
        try:
            number = float(cell) if "_" not in cell else math.nan  # float() takes 1_000
        except ValueError:
            number = math.nan
        if low <= number <= high and math.isfinite(number):
            return number
        span = f"in [{low:g}, {high:g}]" if math.isfinite(high) else f"of at least {low:g}"
        raise self.wrong(column, f"a number {span}")

    def affect(self) -> Affect | None:
        """Columns `arousal` and `valence`, each in [-1, 1]; None where both are empty or absent."""
        if not self.text("arousal") and not self.text("valence"):
            return None
        return Affect(arousal=self.number("arousal", -1, 1), valence=self.number("valence", -1, 1))

    def inside(self, folder: Path, column: str) -> Path:
        """The file in `folder` that a cell names, with either kind of slash.

        Raises InputError where it leaves the folder: by `..`, as an absolute path, by a link.
        """
        cell = self.name(column).replace("\\", "/")
        part = PurePosixPath(cell)
        leaves = part.is_absolute() or ".." in part.parts or re.match(r"[A-Za-z]:/", cell)
        try:
            if not leaves and (folder / part).resolve().is_relative_to(folder.resolve()):
                return folder / part
        except (OSError, RuntimeError, ValueError):  # links in a circle, a name that cannot be
            pass
        raise self.wrong(column, f"a path inside {folder}")


def read(path: Path, required: Sequence[str], optional: Sequence[str] = ()) -> list[Row]:
    """All rows of a CSV file, as `rows` gives them."""
    return list(rows(path, required, optional))


def rows(path: Path, required: Sequence[str], optional: Sequence[str] = ()) -> Iterator[Row]:
    """The rows of a CSV file, one by one.

    It is UTF-8, with or without a byte order mark, with commas and any line ends. Columns are
    found by name, in any order; others than those named are let be. Raises InputError where a
    required column is absent, an optional one seems misspelt, a row is too short or too long, or
    the file is no such text.
    """
    try:
        with opened(path) as raw, TextIOWrapper(raw, "utf-8-sig", newline="") as file:
            lines = _Lines(path, file)
            reader = csv.reader(lines, strict=True)
            header = [cell.strip() for cell in next(reader, [])]
            _check_header(path, header, required, optional)
            wanted = [i for i, name in enumerate(header) if name in {*required, *optional}]
            count = 0
            for cells in reader:
                lines.taken = 0
                if not any(cell.strip() for cell in cells):
                    continue
                if len(cells) != len(header):
                    raise InputError(
                        path,
                        f"line {reader.line_num}: {len(cells)} cells, "
                        f"but the first line names {len(header)} columns",
                    )
                count += 1
                if count > ROWS:
                    raise InputError(path, f"has more than {ROWS} rows")
                yield Row(path, reader.line_num, {header[i]: cells[i].strip() for i in wanted})
    except FileNotFoundError:
        raise InputError(path, "does not exist") from None
    except OSError as error:
        raise InputError(path, f"cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise InputError(path, "is not UTF-8 text; save it as CSV in UTF-8") from None
    except csv.Error as error:
        raise InputError(path, f"line {reader.line_num}: is not CSV ({error})") from None
    if not count:
        raise InputError(path, "has no rows below its first line")


@define
class _Lines:
    """The file's lines, as long as no row of them is longer than a row may be."""

    path: Path
    file: TextIOWrapper
    taken: int = 0
    """Characters of this row so far; whoever reads rows sets it back."""

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self.file.readline(LONGEST)
        self.taken += len(line)
        if self.taken >= LONGEST:
            raise InputError(self.path, f"has a row of {LONGEST} characters or more")
        if not line:
            raise StopIteration
        return line


def _check_header(
    path: Path, header: Sequence[str], required: Sequence[str], optional: Sequence[str]
) -> None:
    if not any(header):
        raise InputError(path, "is empty; its first line must name the columns")
    if len(header) > COLUMNS:
        raise InputError(path, f"names {len(header)} columns; expected {COLUMNS} at most")
    present = ", ".join(one for one in header if one)
    if len(header) == 1:
        for separator in SEPARATORS:
            if separator in header[0]:
                raise InputError(path, f"has columns between {separator!r}; expected commas")
    for column in (*required, *optional):
        if header.count(column) > 1:
            raise InputError(path, f"has column {column!r} {header.count(column)} times")
    strangers = [one for one in header if one not in (*required, *optional)]
    for column in required:
        if column not in header:
            guess = nearest(column, strangers)
            hint = f" (is {guess!r} meant?)" if guess else ""
            raise InputError(path, f"has no column {column!r}{hint}; it has: {present}")
    for column in optional:
        # An optional column that is misspelt would go unread in silence.
        if column not in header and (guess := _misspelt(column, strangers)):
            raise InputError(
                path, f"has no column {column!r}, but {guess!r}: is it meant? it has: {present}"
            )


def _misspelt(column: str, strangers: Sequence[str]) -> str | None:
    """A column which differs from `column` by no more than case, blanks or one letter."""
    bare = column.casefold()
    for one in strangers:
        other = re.sub(r"[^a-z]", "", one.casefold())
        if other == bare or one_letter(bare, other):
            return one
    return None
