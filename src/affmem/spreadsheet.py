"""What was seen as a table: a row for each face of each picture."""

import csv
from pathlib import Path
from typing import Final, final

from affmem import cells
from affmem.errors import InputError
from affmem.watch import Look

COLUMNS: Final = (
    "time,track,person,x,y,side,pk_arousal,pk_valence,memory_arousal,memory_valence,"
    "activation,units,learnt"
)


@final
class Spreadsheet:
    """Writes a CSV file as it goes, whole or not at all: it is there once it is closed."""

    def __init__(self, path: Path) -> None:
        """Raises InputError where it cannot be written."""
        self._path, self._part = path, path.with_name(f".{path.name}.part")
        try:
            self._file = self._part.open("w", encoding="utf-8", newline="")
        except OSError as error:
            raise InputError(path, f"cannot be written ({error.strerror})") from None
        self._rows = csv.writer(self._file, lineterminator="\n")
        self._rows.writerow(COLUMNS.split(","))

    def see(self, look: Look) -> None:
        """Add a row for each face."""
        for one in look.sightings:
            x, y = one.corners.mean(axis=0)
            side = float(abs(one.corners[1] - one.corners[0]).max())
            who = cells.written(one.person or "")
            place = [f"{number:.1f}" for number in (x, y, side)]
            said = [*cells.affects(one.pk), *cells.affects(one.memory), f"{one.activation:.4f}"]
            row = [f"{look.time:.3f}", one.track, who, *place, *said, one.units, int(one.learnt)]
            self._rows.writerow(row)

    def close(self) -> None:
        """Move it to its place."""
        if not self._file.closed:
            self._file.close()
            self._part.replace(self._path)
