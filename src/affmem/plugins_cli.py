"""`affmem plugins`: what is installed, what a part can be told, what it keeps; and a new one."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import click
from attrs import asdict

from affmem.commands import Commands, as_json, overrides
from affmem.errors import UserError, unknown


@click.group(cls=Commands)
def plugins() -> None:
    """What is installed, what each part can be told; check one, or begin a new one."""


@plugins.command("list")
@as_json
def plugins_list(*, as_json: bool) -> None:
    """The parts by kind, and the plugins that give them."""
    from affmem.catalogue import catalogue

    found = catalogue()
    if as_json:
        rows = [
            {"kind": kind, "name": name, "plugin": found.sources[kind, name].name}
            for kind, names in found.parts.items()
            for name in sorted(names)
        ]
        listed = [asdict(one) for one in found.plugins]
        click.echo(json.dumps({"parts": rows, "plugins": listed}, indent=2))
        return
    for kind, names in found.parts.items():
        click.echo(f"{kind:9} {', '.join(sorted(names)) or '(none)'}")
    click.echo()
    for one in found.plugins:
        state = f"{one.state}: {one.reason}" if one.reason else one.state
        click.echo(f"{one.name:11} {one.distribution} {one.version} ({one.module}): {state}")


@plugins.command("info")
@click.argument("kind")
@click.argument("name")
def plugins_info(*, kind: str, name: str) -> None:
    """One part's settings: name, type, default, meaning."""
    from affmem.catalogue import KINDS, catalogue
    from affmem.reference import describe

    found = catalogue()
    if kind not in KINDS:
        raise UserError(unknown("kind", kind, KINDS))
    config = found.config(kind, name)
    click.echo(f"{kind} {name!r}, from {found.sources[kind, name]}")
    click.echo(describe(config))


@plugins.command("new")
@click.argument("name")
@click.option(
    "--kind",
    required=True,
    help="The kind of part, such as memory: the first column of `affmem plugins list`.",
)
def plugins_new(*, name: str, kind: str) -> None:
    """Write a new plugin, a distribution whose part NAME works, into a folder affmem-NAME."""
    from affmem.scaffold import scaffold

    folder = scaffold(name, kind, Path())
    click.echo(f"{folder} is a whole plugin; next:")
    for line in (
        f"pip install -e {folder}",
        f"affmem plugins check {kind}:{name}",
        f"python -m pytest {folder}",
    ):
        click.echo(f"  {line}")


@plugins.command("check")
@click.argument("part", metavar="KIND:NAME")
@overrides
@as_json
def plugins_check(*, part: str, overrides: Sequence[str], as_json: bool) -> None:
    """Hold a part to what every part of its kind must keep, such as memory:gwr.

    --set KEY=VALUE gives a setting of the part itself, such as nearest=3. Exit code 1 where it
    does not keep a promise.
    """
    try:
        from affmem.conformance import examine, named
    except ModuleNotFoundError as error:
        if error.name != "hypothesis":
            raise
        raise UserError(
            "checking a part needs Hypothesis: pip install affmem[conformance]"
        ) from None
    outcomes = []
    for one in examine(named(part, overrides)):
        outcomes.append(one)
        if not as_json:
            click.echo(str(one))
    kept = all(one.passed for one in outcomes)
    if as_json:
        rows = [{**asdict(one), "passed": one.passed} for one in outcomes]
        click.echo(json.dumps({"part": part, "passed": kept, "checks": rows}, indent=2))
    sys.exit(0 if kept else 1)
