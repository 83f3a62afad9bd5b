"""`affmem datasets`: which there are, one made, one read through."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from affmem.commands import FILE, Commands, as_json, overrides, quiet, speak
from affmem.errors import InputError, UserError, shown


@click.group(cls=Commands)
def datasets() -> None:
    """List, make and check datasets."""


@datasets.command("list")
def datasets_list() -> None:
    """The datasets that an experiment can name, and those that can be made."""
    from affmem.catalogue import catalogue
    from affmem.reference import summary

    parts = catalogue().parts
    for kind, verb in (("dataset", "read"), ("maker", "make")):
        for name, config in sorted(parts[kind].items()):
            click.echo(f"{verb:5} {name:12} {summary(config)}")


@datasets.command(
    "make", context_settings={"ignore_unknown_options": True, "allow_extra_args": True}
)
@click.argument("name")
@click.argument("folder", type=FILE)
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
@quiet
def datasets_make(*, name: str, folder: Path, options: Sequence[str], quiet: bool) -> None:
    """Make dataset NAME in a new FOLDER.

    OPTIONS are its settings, as --persons 12 --seed 3; `affmem plugins info maker NAME` lists them.
    """
    from affmem.catalogue import catalogue
    from affmem.directory import check_empty
    from affmem.protocols import Runtime
    from affmem.settings import settings
    from affmem.terminal import Bar

    speak(silent=quiet)
    config = settings(_options(options), catalogue().config("maker", name), f"maker {name}: ")
    check_empty(folder)
    with Bar(silent=quiet) as bar:
        config.build(Runtime()).make(folder, lambda done, of: bar.told(f"making {name}", done, of))
    if not quiet:
        click.echo(str(folder))


@datasets.command("check")
@click.argument("file", type=FILE)
@overrides
@click.option("--quick", is_flag=True, help="Read the first second of each clip alone.")
@click.option("--html", "page", type=FILE, help="A page to write besides.")
@as_json
def datasets_check(
    *, file: Path, overrides: Sequence[str], quick: bool, page: Path | None, as_json: bool
) -> None:
    """Read the dataset of experiment FILE through: what is there, missing, broken or suspicious.

    Exit code 1 where something cannot be read.
    """
    from affmem.check import inspect, text
    from affmem.experiment import load
    from affmem.protocols import Runtime
    from affmem.terminal import Bar

    experiment = load(file, overrides)
    if page is not None and page.exists():
        raise InputError(page, "exists; expected a new file")
    named = experiment.dataset
    found = []
    with Bar(silent=as_json) as bar:
        for part in named if isinstance(named, tuple) else (named,):
            dataset = part.build(Runtime(seed=experiment.seed))
            facts = inspect(
                dataset, lambda done, of: bar.told("reading clips", done, of), quick=quick
            )
            found.append({"dataset": part.use, **facts})
    if page is not None:
        from affmem.files import write
        from affmem.page import render

        write(page, render(found))
    if as_json:
        click.echo(json.dumps(found if isinstance(named, tuple) else found[0], indent=2))
    else:
        for facts in found:
            for line in text(facts):
                click.echo(shown(line))
    sys.exit(1 if any(facts["unreadable"] for facts in found) else 0)


def _options(words: Sequence[str]) -> dict[str, Any]:
    """`--persons 12 --size=2` as a table; values are TOML, or else strings."""
    import tomllib

    table: dict[str, Any] = {}
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if not word.startswith("--"):
            raise UserError(f"{word}: expected an option, such as --persons 12")
        name, equals, value = word[2:].partition("=")
        if not equals:
            if not rest:
                raise UserError(f"--{name}: expected a value")
            value = rest.pop(0)
        try:
            table[name.replace("-", "_")] = tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            table[name.replace("-", "_")] = value
    return table
