"""`python -m affmem_memories MEMORY OUT`: a memory's file as a picture or as a graph."""

import sys
from pathlib import Path

import click

from affmem.errors import InputError, UserError
from affmem.files import ARRAYS, check_tensors, write
from affmem.values import State


def show(memory: Path, out: Path) -> None:
    """Write a memory's network to `out`: a picture for .html, a graph for .graphml.

    Raises InputError where the memory cannot be read, or `out` exists or ends otherwise.
    """
    if out.suffix not in (".html", ".graphml"):
        raise InputError(out, "expected a name ending in .html (picture) or .graphml (graph)")
    if out.exists():
        raise InputError(out, "exists; expected a new file")
    state = load(memory)
    if out.suffix == ".html":
        from affmem_memories.picture import picture

        write(out, picture(state, memory.stem).to_html(include_plotlyjs=True))
    else:
        import networkx as nx

        from affmem_memories.graph import graph

        write(out, "\n".join(nx.generate_graphml(graph(state))))


def load(path: Path) -> State:
    """The state in a memory's file. Raises InputError where it is none, or has no neurons."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        check_tensors(path, ARRAYS)
        state = load_file(path)
    except FileNotFoundError:
        raise InputError(path, "no such file") from None
    except (SafetensorError, OSError) as error:
        raise InputError(path, f"is no memory ({error})") from None
    if not {"weights", "labels", "habituation", "wins"} <= state.keys():
        raise InputError(path, f"is no growing memory; it holds {', '.join(sorted(state))}")
    return state


@click.command()
@click.argument("memory", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
def main(*, memory: Path, out: Path) -> None:
    """Show the network in MEMORY (as RUN/memories/0.safetensors): OUT is .html or .graphml."""
    try:
        show(memory, out)
    except UserError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
