"""What every command does alike: a mistake is one line, an interrupt ends the work in order.

Exit codes: 2 for a mistake of the user's, 130 for Ctrl-C or a scheduler's wish to stop.
"""

import logging
import os
import signal
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import click

from affmem.errors import UserError, shown, unknown

log = logging.getLogger("affmem")
FILE = click.Path(path_type=Path)
overrides = click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override a key (repeatable)."
)
quiet = click.option("--quiet", is_flag=True, help="Say nothing but errors.")
as_json = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")


def jobs(what: str) -> Callable[..., Any]:
    """`--jobs N`, as what it is short for: `--set runtime.workers=N`."""
    return click.option(
        "--jobs", type=click.IntRange(1), metavar="N", help=f"{what}: --set runtime.workers=N.",
        callback=lambda _ctx, _option, n: [] if n is None else [f"runtime.workers={n}"],
    )  # fmt: skip


class Line(logging.Formatter):
    """A record of the log as one line that a terminal can only print."""

    def format(self, record: logging.LogRecord) -> str:
        """As `logging.Formatter`."""
        return shown(super().format(record))


class Commands(click.Group):
    """A group that answers a misspelt command with the nearest, and a mistake with one line."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or name the nearest."""
        if args and self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            raise UserError(unknown("command", args[0], self.list_commands(ctx)))
        return super().resolve_command(ctx, args)

    def main(self, *args: Any, **options: Any) -> Any:  # noqa: ANN401
        """Run; tell the user's mistakes in a line each, and being interrupted too."""
        _interrupts.clear()
        for one in (signal.SIGINT, signal.SIGTERM):
            signal.signal(one, _interrupt)
        hush()
        try:
            sys.exit(super().main(*args, **{**options, "standalone_mode": False}))
        except click.UsageError as error:
            where = f"{error.ctx.command_path}: " if error.ctx else ""
            fail(f"{where}{error.format_message().rstrip('.')}")
        except click.Abort:
            stop("interrupted")
        except UserError as error:
            fail(*str(error).splitlines())
        except OSError as error:
            if error.filename is None and error.errno is None:
                raise
            where = f"{error.filename}: " if error.filename else ""
            fail(f"{where}{error.strerror or error}")


def hush() -> None:
    """Let libraries be silent of what is odd in a file and does no harm."""
    warnings.filterwarnings("ignore", module="PIL")  # parts of a picture that nobody asks for
    warnings.filterwarnings("ignore", message="Reading `.npy`")  # that it is of Python 2


_interrupts: list[int] = []


def _interrupt(number: int, _frame: object) -> None:
    """Ctrl-C, or a scheduler's wish to stop: the first ends the work, and what clears up after it
    is left alone by the second; the third ends everything."""
    _interrupts.append(number)
    if len(_interrupts) == 1:
        raise KeyboardInterrupt
    if len(_interrupts) > 2:
        os._exit(130)


def stop(*lines: str) -> NoReturn:
    """End as interrupted; nothing interrupts this."""
    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, signal.SIG_IGN)
    for line in lines:
        click.echo(line, err=True)
    # Not sys.exit: where an interrupt passed through the text of an `exec`, as some imports do it,
    # CPython ends itself by SIGINT at the end, whatever was asked. All is unwound and written here.
    logging.shutdown()
    os._exit(130)


def fail(*lines: str) -> NoReturn:
    """End as mistaken, with a line for each mistake; what interrupts this is the second to."""
    _interrupts.append(0)
    for line in lines:
        click.echo(f"error: {line}", err=True)
    sys.exit(2)


def leave(out: Path, mark: str) -> NoReturn:
    """End as interrupted; where `out` holds the file `mark`, there is something to go on with."""
    stop(f"interrupted; go on with --out {out}" if (out / mark).exists() else "interrupted")


def speak(*, silent: bool) -> None:
    """Show the log's lines on standard error, as plain lines."""
    handler = logging.StreamHandler()
    handler.setFormatter(Line("%(message)s"))
    handler.setLevel(logging.ERROR if silent else logging.INFO)
    log.handlers[:] = [handler]
    log.setLevel(logging.INFO)
    log.propagate = False
