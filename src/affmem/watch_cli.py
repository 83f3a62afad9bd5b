"""`affmem watch`: a camera, a video or a stream, seen as it comes."""

from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from affmem.commands import FILE, overrides, quiet, stop
from affmem.consent import DAYS
from affmem.errors import UserError

if TYPE_CHECKING:
    from affmem.protocols import Runtime
    from affmem.recognition import Recognition


@click.command()
@click.argument("source")
@click.option("--experiment", type=FILE, help="Whose parts to watch with [built in].")
@overrides
@click.option("--person", metavar="NAME", help="Who the largest face is, unless it is known.")
@click.option("--consent", is_flag=True, help="NAME agreed that a memory of them is kept.")
@click.option(
    "--days",
    type=click.IntRange(1, 3650),
    help=f"For how many days a store keeps it [{DAYS}, or as agreed before].",
)
@click.option("--recognise", is_flag=True, help="Know again who agreed: biometric data.")
@click.option("--out", type=FILE, help="The video to write, with what was seen drawn in (mp4).")
@click.option("--csv", "table", type=FILE, help="The table to write: a row a face and picture.")
@click.option("--record", type=FILE, help="The run directory to write, of those who agreed.")
@click.option("--seconds", type=click.FloatRange(min=0), help="End after so many seconds of it.")
@quiet
def watch(  # noqa: PLR0913  (its options)
    *, source: str, experiment: Path | None, overrides: Sequence[str], person: str | None,
    consent: bool, days: int | None, recognise: bool, out: Path | None, table: Path | None,
    record: Path | None, seconds: float | None, quiet: bool,
) -> None:  # fmt: skip
    """Watch SOURCE: a video file, a camera (0, /dev/video0), or a stream (rtsp://...).

    Each face is read. Of whoever agreed, a memory learns, each picture after it was read. With
    --recognise, --consent says that NAME agreed to be recognised too. Ctrl-C ends it, and what is
    written is whole.
    """
    from affmem.annotation import Annotated
    from affmem.assembly import build_parts
    from affmem.experiment import watching
    from affmem.known import Known
    from affmem.protocols import Runtime
    from affmem.record import Record
    from affmem.road import rehearse
    from affmem.run import open_shelf
    from affmem.session import Session
    from affmem.source import Source
    from affmem.spreadsheet import Spreadsheet
    from affmem.view import View
    from affmem.watch import Onlooker
    from affmem.watch import watch as look_at

    if consent and person is None:
        raise UserError("--consent: whose? expected --person NAME too")
    asked = watching(experiment, overrides)
    _check(consent=consent, days=days, recognise=recognise, stored=asked.store is not None)
    seen = Source(source)
    runtime = Runtime(seed=asked.seed, device=asked.device)
    recognition = _recognition(runtime) if recognise else None
    parts = build_parts(asked, runtime)
    interrupted = False
    with ExitStack() as stack:
        people = None
        shelf = open_shelf(asked, parts)
        if shelf is not None:
            people = stack.enter_context(closing(Known(shelf, parts)))
            if consent and person is not None:
                shelf.agreed(person, days)
        if seen.live and (person is not None or recognise):
            rehearse(parts)  # a camera does not wait
        session = stack.enter_context(Session(parts, people, recognition=recognition))
        if person is not None and not consent and person not in session.people:
            raise UserError(f"--person {person}: no memory is begun without --consent")
        onlookers: list[Onlooker] = []
        onlookers += [Annotated(out)] if out else []
        onlookers += [Spreadsheet(table)] if table else []
        onlookers += [Record(record, asked, str(seen), session)] if record else []
        onlookers.append(View(seen, silent=quiet))  # what it shows is kept already
        for one in onlookers:
            stack.callback(one.close)
        try:
            for look in look_at(seen, session, person, recognise=recognise and consent):
                for one in onlookers:
                    one.see(look)
                if seconds is not None and look.time >= seconds:
                    break
        except KeyboardInterrupt:  # what was seen until then is kept
            interrupted = True
    if interrupted:
        stop("interrupted")


def _check(*, consent: bool, days: int | None, recognise: bool, stored: bool) -> None:
    """Raises UserError where what is asked for has nobody, or nothing, to be asked of."""
    if days is not None and not (consent and stored):
        raise UserError("--days: of what? expected --person NAME --consent and a store too")
    if recognise and not (consent or stored):
        raise UserError("--recognise: whom? expected --person NAME --consent too, or a store")


def _recognition(runtime: "Runtime") -> "Recognition":
    """By the identity network. Raises PluginError where there is none, or it has no weights."""
    from affmem.catalogue import catalogue
    from affmem.recognition import Recognition

    return Recognition(catalogue().config("encoder", "identity")().build(runtime))
