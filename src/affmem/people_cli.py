"""`affmem people`: who is kept in a memory store, and what is theirs to ask for."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from affmem.commands import FILE, Commands, as_json
from affmem.consent import over
from affmem.errors import ExperimentError, InputError, UserError, nearest

if TYPE_CHECKING:
    from affmem.erasing import Trace
    from affmem.protocols import MemoryStore
    from affmem.values import Card

store = click.option(
    "--store", "where", metavar="STORE",
    help="A SQLite file, postgresql://…, or an experiment's TOML file [the user's own store].",
)  # fmt: skip
yes = click.option("--yes", is_flag=True, help="Do not ask.")


@click.group(cls=Commands)
def people() -> None:
    """Who is kept in a memory store: show, export, erase, rename, merge, note consent."""


@people.command("list")
@store
@as_json
def people_list(*, where: str | None, as_json: bool) -> None:
    """Everyone who is kept, and until when."""
    with _opened(where) as (found, name):
        cards = found.people()
    if as_json:
        click.echo(json.dumps([_told(card) for card in cards], indent=2))
        return
    heads = ("person", "faces", "units", "made", "last seen", "consent", "expires", "size")
    _columns([heads, *(_line(card) for card in cards)])
    click.echo(f"{len(cards)} {'person' if len(cards) == 1 else 'persons'} in {name}")


@people.command("show")
@click.argument("name")
@store
@as_json
def people_show(*, name: str, where: str | None, as_json: bool) -> None:
    """All that is kept of NAME, in plain words."""
    from affmem.consent import refusal

    with _opened(where) as (found, place):
        card = _card(found, name)
        refused = refusal(card, datetime.now(UTC))
        kept = None if over(card) else found.load(card.person)
    state = {} if kept is None else kept[0].state
    arrays = {one: f"{array.dtype} {list(array.shape)}" for one, array in state.items()}
    about = {} if kept is None else dict(kept[0].about)
    if as_json:
        click.echo(json.dumps({**_told(card), "about": about, "arrays": arrays}, indent=2))
        return
    click.echo(f"{card.person}, kept in {place} since {_day(card.made)}")
    if card.version:
        click.echo(
            f"A memory, version {card.version} of {_day(card.changed)}, learnt from "
            f"{card.faces} faces: {card.units} units, {_size(card.size)} with older versions."
        )
    else:
        click.echo("No memory is kept, only this entry.")
    click.echo(f"Consent: {_consent(card)}.")
    if refused:
        click.echo(f"No run reads or writes it: {refused}.")
    for what, value in about.items():
        click.echo(f"\nMade by {what}:\n  " + value.strip().replace("\n", "\n  "))
    if arrays:
        click.echo(
            "\nIts numbers, which are no picture, but tell of the face they were learnt from:"
        )
        _columns(list(arrays.items()), indent="  ")
        click.echo(f"`affmem people export {card.person} FILE.zip` gives all of them.")


@people.command("export")
@click.argument("name")
@click.argument("file", type=FILE)
@store
def people_export(*, name: str, file: Path, where: str | None) -> None:
    """Write all that is kept of NAME into a new zip FILE: JSON, safetensors, and what they mean."""
    from affmem.files import write
    from affmem.portable import packed

    if file.exists():
        raise InputError(file, "exists; expected a new file")
    with _opened(where) as (found, _):
        card = _card(found, name)
        kept = found.load(card.person) if card.version else None
    write(file, packed(card, kept[0] if kept else None))
    click.echo(f"{card.person}: {file}, {_size(file.stat().st_size)}; it tells of a person")


@people.command("import")
@click.argument("file", type=FILE)
@click.option("--as", "name", help="The name to keep them by [as exported].")
@store
def people_import(*, file: Path, name: str | None, where: str | None) -> None:
    """Put the person that FILE was exported of into a store that has nobody of that name."""
    from affmem.portable import unpacked

    given = unpacked(file)
    name = name or given.card.person
    if over(given.card):
        raise InputError(file, f"consent of {name} ended on {_day(given.card.expires)}")
    with _opened(where, new=True) as (found, place):
        if found.card(name) is not None:
            raise UserError(f"{name} is kept in {place} already: give another name with --as")
        found.consent(name, given.card.consent, given.card.expires)
        if given.kept is not None:
            found.save(name, given.kept, 0)
    click.echo(f"{name} is kept in {place}, with consent: {_consent(given.card)}")


@people.command("rename")
@click.argument("old")
@click.argument("new")
@store
def people_rename(*, old: str, new: str, where: str | None) -> None:
    """Keep OLD by the name NEW. Run directories keep the dataset's names."""
    with _opened(where) as (found, place):
        card = _card(found, old)
        found.rename(card.person, new)
    click.echo(f"{card.person} is {new} in {place} from now on")


@people.command("merge")
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="INTO")
@store
@yes
def people_merge(*, source: str, target: str, where: str | None, yes: bool) -> None:
    """FROM and INTO are one person: keep the memory of more faces as INTO's, erase the other.

    Memories are not mixed. Consent is what both gave: the earlier end; none where either has none.
    """
    with _opened(where) as (found, place):
        one, other = _card(found, source), _card(found, target)
        if one.person == other.person:
            raise UserError(f"{one.person} is one entry already")
        for card in (one, other):
            if over(card):
                raise UserError(f"consent of {card.person} ended on {_day(card.expires)}")
        more, less = (one, other) if one.faces > other.faces else (other, one)
        click.echo(
            f"kept as {other.person}: the memory of {more.person} ({more.faces} faces); "
            f"erased: that of {less.person} ({less.faces} faces), and {one.person}"
        )
        _ask(yes=yes)
        ends = [card.expires for card in (one, other) if card.expires is not None]
        given = [card.consent for card in (one, other) if card.consent is not None]
        found.erase(less.person)
        if more is one:
            found.rename(one.person, other.person)
        found.consent(
            other.person, max(given) if len(given) == 2 else None, min(ends) if ends else None
        )
    click.echo(f"{one.person} is erased from {place}")


@people.command("consent")
@click.argument("name")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="Given now; the last day, UTC.")
@click.option("--withdraw", is_flag=True, help="Taken back: from now on nothing reads the memory.")
@click.option("--new", is_flag=True, help="For someone of whom nothing is kept yet, by this name.")
@store
def people_consent(
    *, name: str, until: datetime | None, withdraw: bool, new: bool, where: str | None
) -> None:
    """Note that NAME gave consent until a day, or withdrew it."""
    now = datetime.now(UTC).replace(microsecond=0)
    if (until is not None) == withdraw:
        raise UserError("give either --until DATE or --withdraw")
    ends = now if until is None else until.replace(tzinfo=UTC) + timedelta(days=1)
    if until is not None and ends <= now:
        raise UserError(f"--until {until:%Y-%m-%d}: expected a day to come")
    with _opened(where, new=new) as (found, place):
        name = name if new and found.card(name) is None else _card(found, name).person
        found.consent(name, None if withdraw else now, ends)
    if withdraw:
        click.echo(
            f"{name}: consent withdrawn; nothing reads or writes the memory in {place} any more. "
            f"`affmem people erase {name}` erases it"
        )
    else:
        click.echo(f"{name}: consent on record in {place} until {until:%Y-%m-%d}")


@people.command("erase")
@click.argument("name")
@store
@click.option("--runs", multiple=True, type=FILE, help="Where runs are (repeatable) [runs].")
@click.option("--cache", "caches", multiple=True, type=FILE, help="A cache of faces: all of it.")
@yes
def people_erase(
    *, name: str, where: str | None, runs: Sequence[Path], caches: Sequence[Path], yes: bool
) -> None:
    """Erase NAME: from the store, and from run directories, by the name that stands there.

    A run of NAME alone goes as a whole; of a run of several, NAME's rows, memory, faces and lines
    of the log. Its figures over all persons stay, and its report is written anew. No name stands in
    a cache of faces: it goes as a whole. Exit code 1 where a file still has the name.

    While a run is going on there, nothing is erased: it would write NAME back.
    """
    from affmem.erasing import erase, mentions, prepare

    folders = _folders(runs, caches)
    for folder in folders:
        prepare(folder)
    with _opened(where, missing=bool(runs) and where is None) as (found, place):
        card = _found(found, name)
        names = [name] if card is None or card.person == name else [name, card.person]
        there = _there(folders, names)
        if card is None and not there:
            raise UserError(_nobody(name, found, f" in {place}, nor in {_listed(folders)}"))
        if card is not None:
            click.echo(f"{place}: {card.person}, a memory of {card.faces} faces")
        for trace, _ in there:
            whole = "all of it" if trace.persons <= 1 else f"one of {trace.persons} persons"
            click.echo(f"{trace.run}: {trace.frames} frames, {whole}")
        for cache in caches:
            click.echo(f"{cache}: all faces")
        if not yes:
            _ask(yes=yes)
            for folder in folders:  # since it was asked, a run may have begun, or ended
                prepare(folder)
            there = _there(folders, names)
        left = [trace.run for trace, by in there if erase(trace, by)]
        if card is not None:
            found.erase(card.person)
    _discard(caches)
    for run in dict.fromkeys(left):
        _report_anew(run)
    click.echo(f"{name} is erased")
    still = {path for folder in folders for by in names for path in mentions(folder, by, left)}
    for path in sorted(still):
        click.echo(f"still has the name: {path}", err=True)
    if still:
        raise SystemExit(1)


@people.command("expire")
@store
@yes
def people_expire(*, where: str | None, yes: bool) -> None:
    """Erase everyone from the store whose consent has ended or was withdrawn."""
    with _opened(where) as (found, place):
        ended = [card for card in found.people() if over(card)]
        for card in ended:
            click.echo(f"{card.person}: {_consent(card)}")
        if not ended:
            click.echo(f"nobody in {place} has expired")
            return
        _ask(yes=yes)
        gone = found.erase_expired()
    click.echo(f"erased from {place}: {', '.join(gone)}")


@contextmanager
def _opened(
    where: str | None, *, new: bool = False, missing: bool = False
) -> Iterator[tuple["MemoryStore", str]]:
    """The store at `where`, and what to call it. A file that is not there is made only if `new`."""
    from affmem.protocols import Runtime

    part, place = _part(where, new=new or missing)
    found = part.build(Runtime())
    try:
        yield found, place
    finally:
        found.close()


def _part(where: str | None, *, new: bool) -> tuple[Any, str]:
    from affmem.catalogue import catalogue
    from affmem.experiment import Experiment, load
    from affmem.settings import settings

    kind = catalogue().config("store", "sql")
    if where is None:
        return kind(), "your store"
    if where.endswith(".toml"):
        experiment = load(where)
        part = experiment.store if isinstance(experiment, Experiment) else None
        if part is None:
            raise InputError(where, "names no store: it has no [store]")
        return part, where
    if where.startswith("postgresql:"):
        return settings({"url": where}, kind, "--store: "), where
    path = Path(where).expanduser()
    if not new and not path.exists():
        raise InputError(path, "no such store")
    return settings({"file": str(path)}, kind, "--store: "), where


def _aliases(name: str) -> Iterator[str]:
    """The names by which a person may be kept: their own, or their pseudonym."""
    from affmem.consent import pseudonym

    yield name
    yield pseudonym(name)


def _card(found: "MemoryStore", name: str) -> "Card":
    """Of whoever has this name, or whose pseudonym it stands for. Raises UserError."""
    card = _found(found, name)
    if card is None:
        raise UserError(_nobody(name, found))
    return card


def _found(found: "MemoryStore", name: str) -> "Card | None":
    return next(filter(None, map(found.card, _aliases(name))), None)


def _nobody(name: str, found: "MemoryStore", there: str = "") -> str:
    guess = nearest(name, [card.person for card in found.people()])
    hint = f"; did you mean {guess!r}?" if guess else ""
    return f"nobody is kept as {name!r}{there}{hint} `affmem people list` shows who is"


def _folders(runs: Sequence[Path], caches: Sequence[Path]) -> list[Path]:
    """Where runs are looked for. Raises InputError where a folder that was named is not there."""
    for folder in (*runs, *caches):
        if not folder.is_dir():
            raise InputError(folder, "no such folder")
    return list(runs) or [one for one in (Path("runs"),) if one.is_dir()]


def _discard(caches: Sequence[Path]) -> None:
    import shutil

    for cache in caches:
        for entry in sorted(cache.glob("faces-*")):
            shutil.rmtree(entry)


def _report_anew(run: Path) -> None:
    from affmem.experiment import Experiment, Watching, structure, tables_of
    from affmem.protocols import Runtime

    path = run / "experiment.toml"
    tables = tables_of(path)
    try:  # what was recorded is of no dataset
        made = structure(tables, Experiment) if "dataset" in tables else structure(tables, Watching)
    except ExperimentError as error:
        raise ExperimentError([f"{path}: {line}" for line in error.lines]) from None
    made.report.build(Runtime()).write(run)


def _ask(*, yes: bool) -> None:
    if not yes:
        click.confirm("This cannot be undone. Go on?", abort=True, err=True)


def _there(folders: Sequence[Path], names: Sequence[str]) -> list[tuple["Trace", str]]:
    """Each run that someone of these names is in, and the name."""
    from affmem.erasing import traces

    return [(one, by) for folder in folders for by in names for one in traces(folder, by)]


def _listed(folders: Sequence[Path]) -> str:
    return ", ".join(map(str, folders)) or "any runs"


def _consent(card: "Card") -> str:
    if card.consent is None:
        return f"withdrawn on {_day(card.expires)}" if card.expires else "none on record"
    return f"given on {_day(card.consent)}, {'ended' if over(card) else 'ends'} {_end(card)}"


def _end(card: "Card") -> str:
    return f"{card.expires:%Y-%m-%d %H:%M} UTC" if card.expires else "never"


def _line(card: "Card") -> tuple[str, ...]:
    return (
        card.person, str(card.faces), str(card.units), _day(card.made), _day(card.changed),
        _day(card.consent) if card.consent else "none",
        _end(card) + (" (over)" if over(card) else ""), _size(card.size),
    )  # fmt: skip


def _told(card: "Card") -> dict[str, Any]:
    from attrs import asdict

    plain: Callable[[Any], Any] = lambda x: x.isoformat() if isinstance(x, datetime) else x  # noqa: E731
    return {name: plain(value) for name, value in asdict(card).items()}


def _day(moment: datetime | None) -> str:
    return "never" if moment is None else f"{moment:%Y-%m-%d}"


def _size(count: int) -> str:
    return f"{count / 1000:.1f} kB" if count < 10**6 else f"{count / 10**6:.1f} MB"


def _columns(rows: Sequence[Sequence[str]], indent: str = "") -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo((indent + "  ".join(cells)).rstrip())
