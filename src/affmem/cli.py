"""The command line: `affmem run examples/omg.toml`, and what stands around it.

Every mistake of the user's is one line on standard error and exit code 2; Ctrl-C is exit code 130.
"""

import json
import logging
import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from affmem.commands import FILE, Commands, as_json, jobs, leave, overrides, quiet, speak, stop
from affmem.datasets_cli import datasets
from affmem.errors import InputError, UserError
from affmem.people_cli import people
from affmem.plugins_cli import plugins
from affmem.serve_cli import serve
from affmem.watch_cli import watch

if TYPE_CHECKING:
    from affmem.values import Affects

log = logging.getLogger("affmem")


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="affmem", message="%(prog)s %(version)s")
def main() -> None:
    """Personal memories of how each person shows arousal and valence.

    \b
    Start here:
      affmem run examples/omg.toml       watch, learn, score: a table and a report
      affmem check my.toml               is this experiment sound? writes nothing
      affmem plugins list                the parts that an experiment can name
      affmem plugins info memory gwr     one part's settings

    \b
    Swap a part, or change a setting, without touching the file:
      affmem run examples/omg.toml --set memory.use=none
      affmem run examples/omg.toml --set memory.use=gwr --set start.frames=25
    """


main.add_command(datasets)
main.add_command(people)
main.add_command(plugins)
main.add_command(serve)
main.add_command(watch)


@main.command()
@click.argument("file", type=FILE, required=False)
@overrides
@click.option("--out", type=FILE, help="The run directory [runs/NAME-TIME]; must be new or empty.")
@click.option("--resume", type=FILE, help="Go on with the run in this directory.")
@click.option("--seed", type=click.IntRange(0), help="The experiment's seed.")
@quiet
@as_json
def run(
    *, file: Path | None, overrides: Sequence[str], out: Path | None, resume: Path | None,
    seed: int | None, quiet: bool, as_json: bool,
) -> None:  # fmt: skip
    """Run an experiment; keep everything in a run directory.

    \b
      affmem run examples/omg.toml
      affmem run --resume runs/omg-20260101-120000   who was watched is not watched again
    """
    from affmem.directory import check_empty
    from affmem.experiment import Experiment
    from affmem.run import resumed
    from affmem.run import run as walk
    from affmem.terminal import Watch, show

    silent = quiet or as_json
    speak(silent=silent)
    if resume is not None:
        if file is not None or out is not None or seed is not None:
            raise click.UsageError("--resume goes on with what that run was: name nothing else")
        file, out = resumed(resume, overrides), resume
    elif file is None:
        raise click.UsageError("Missing argument 'FILE'.")
    experiment = _load(file, overrides, Experiment, "run", seed)
    if out is None:
        out = _timed(file)
    if resume is None:
        check_empty(out)
    try:
        with Watch(silent=silent) as watch:
            result = walk(experiment, out, watch, resume=resume is not None)
    except KeyboardInterrupt:
        kept = (out / "run.json").exists()
        stop(f"interrupted; go on with --resume {out}" if kept else "interrupted")
    if as_json:
        click.echo(json.dumps(dict(result.metrics), indent=2))
    elif not quiet:
        show(result)


@main.command()
@click.argument("file", type=FILE)
@overrides
@as_json
def check(*, file: Path, overrides: Sequence[str], as_json: bool) -> None:
    """Validate an experiment; open and write nothing.

    Prints the whole experiment, every default filled in.
    """
    from affmem.experiment import dumps, load

    text = dumps(load(file, overrides))
    if as_json:
        import tomllib

        text = json.dumps(tomllib.loads(text), indent=2)
    click.echo(text.rstrip())


@main.command()
@click.argument("file", type=FILE)
@overrides
@click.option("--out", type=FILE, help="The folder to write [runs/NAME-TIME]; or one cut off.")
@click.option("--seed", type=click.IntRange(0), help="The training's seed.")
@quiet
def train(
    *, file: Path, overrides: Sequence[str], out: Path | None, seed: int | None, quiet: bool
) -> None:
    """Train prior knowledge on labelled faces; cut off, the same command goes on."""
    from affmem.experiment import Training
    from affmem.terminal import Bar
    from affmem.training import train as learn

    quiet = quiet or os.environ.get("RANK", "0") != "0"
    speak(silent=quiet)
    training = _load(file, overrides, Training, "train", seed)
    out = out or _timed(file)
    try:
        with Bar(silent=quiet) as bar:
            for figures in learn(training, out, bar.told):
                bar.figures(figures)
    except KeyboardInterrupt:
        leave(out, "training.toml")
    if not quiet:
        click.echo(str(out))


@main.command()
@click.argument("file", type=FILE)
@overrides
@click.option("--out", type=FILE, help="The folder to write [runs/NAME-TIME]; or one cut off.")
@jobs("Rows trained at a time [1]")
@quiet
@as_json
def ablate(
    *, file: Path, overrides: Sequence[str], out: Path | None, jobs: Sequence[str], quiet: bool,
    as_json: bool,
) -> None:  # fmt: skip
    """Train variants of prior knowledge, and compare them on persons never seen."""
    from affmem.ablation import read
    from affmem.comparison import KEPT
    from affmem.comparison import ablate as study
    from affmem.table import markdown
    from affmem.terminal import Bar

    silent = quiet or as_json
    speak(silent=silent)
    ablation = read(file, (*overrides, *jobs))
    out = out or _timed(file)
    try:
        with Bar(silent=silent) as bar:
            table = study(ablation, out, bar.told)
    except KeyboardInterrupt:
        leave(out, KEPT)
    if as_json:
        click.echo(json.dumps(table, indent=2))
    elif not quiet:
        click.echo(markdown(table))
        click.echo(str(out))


@main.command()
@click.argument("file", type=FILE)
@overrides
@click.option("--out", type=FILE, help="The folder to write [runs/NAME-TIME]; or one cut off.")
@quiet
@as_json
def tune(
    *, file: Path, overrides: Sequence[str], out: Path | None, quiet: bool, as_json: bool
) -> None:
    """Tune settings of an experiment on persons who are in no figure."""
    from affmem.terminal import Bar, show_tuning
    from affmem.trials import tune as study
    from affmem.tuning import read

    silent = quiet or as_json
    speak(silent=silent)
    tuning = read(file, overrides)
    out = out or _timed(file)
    try:
        with Bar(silent=silent) as bar:
            figures = study(tuning, out, bar.told)
    except KeyboardInterrupt:
        leave(out, "tune.toml")
    if as_json:
        click.echo(json.dumps(figures, indent=2))
    elif not quiet:
        show_tuning(figures, out)


@main.command()
@click.argument("file", type=FILE)
@overrides
@click.option("--out", type=FILE, help="The folder to write [runs/NAME-TIME]; or one cut off.")
@click.option("--final", is_flag=True, help="Open the final persons too: once, to conclude.")
@jobs("Conditions walked at a time [cores]")
@quiet
@as_json
def study(
    *, file: Path, overrides: Sequence[str], out: Path | None, final: bool,
    jobs: Sequence[str], quiet: bool, as_json: bool,
) -> None:  # fmt: skip
    """Compare variants of an experiment, and controls, on the same persons."""
    from affmem.files import write
    from affmem.plots import draw
    from affmem.study import MARK, conduct, read
    from affmem.terminal import Bar
    from affmem.verdict import markdown, verdict

    silent = quiet or as_json
    speak(silent=silent)
    asked = read(file, (*overrides, *jobs))
    out = out or _timed(file)
    try:
        with Bar(silent=silent) as bar:
            conduct(asked, out, final=final, told=bar.told)
            bar.told("scoring", 0, 1)
            figures = verdict(asked, out, final=final)
            bar.told("scoring", 1, 1)
    except KeyboardInterrupt:
        leave(out, MARK)
    text = json.dumps(figures, indent=2) + "\n"
    write(out / "study.json", text)
    write(out / "study.md", markdown(asked, figures))
    draw(figures, out)
    if as_json:
        click.echo(text, nl=False)
    elif not quiet:
        click.echo(markdown(asked, figures))
        click.echo(str(out))


@main.command()
@click.argument("image", type=FILE)
@click.option("--arousal", type=float, help="The arousal to show, -1..1.")
@click.option("--valence", type=float, help="The valence to show, -1..1.")
@click.option("--grid", is_flag=True, help="A 5 x 5 sheet over the whole plane instead.")
@click.option("--maps", is_flag=True, help="Also where the editor looks, in face and edits.")
@click.option("--out", type=FILE, help="The picture to write [IMAGE-edited.png].")
@click.option("--faces", "finder", default="mtcnn", show_default=True, help="The face finder.")
@click.option("--editor", default="pk", show_default=True, help="The editor.")
def edit(
    *, image: Path, arousal: float | None, valence: float | None, grid: bool, maps: bool,
    out: Path | None, finder: str, editor: str,
) -> None:  # fmt: skip
    """Redraw the face in IMAGE with another affect; show where the prior knowledge looks.

    --maps alone shows the face and its edits at -1 -1, 0 0 and +1 +1.
    """
    import numpy as np

    from affmem.catalogue import catalogue
    from affmem.gallery import SIDE, save, sheet
    from affmem.maps import look
    from affmem.pictures import read
    from affmem.protocols import Explainable, Runtime
    from affmem.sheets import sheet_of_look
    from affmem.table import labelled
    from affmem.table import save as save_figure

    affects = _asked(arousal, valence, grid=grid, maps=maps)
    out = out or image.with_name(f"{image.stem}-edited.png")
    if out.suffix.lower() not in (".png", ".jpg", ".jpeg", ".webp"):
        raise InputError(out, "expected a name ending in .png, .jpg or .webp")
    if out.exists():
        raise InputError(out, "exists; expected a new file")
    if not out.absolute().parent.is_dir():
        raise InputError(out, "cannot be made: there is no such folder")
    runtime = Runtime()
    finding = catalogue().config("faces", finder)().build(runtime)
    face = next(iter(finding.find([read(image)])), None)
    if face is None:
        raise InputError(image, "no face found")
    part = catalogue().config("editor", editor)().build(runtime)
    if maps and not isinstance(part, Explainable):
        raise UserError(f"--maps: editor {editor!r} cannot say where it looks")
    edits = part.edit(face, affects)
    if maps:
        found = look(part, np.concatenate([face[None], edits]))
        if found.missing:
            click.echo(f"activation alone: {found.missing}", err=True)
        save_figure(labelled(sheet_of_look(found, affects)), out)
    else:
        save(sheet(edits, SIDE if grid else 1), out)
    click.echo(str(out))


@main.command()
@click.argument("run", type=FILE)
@click.option("--use", default="html", show_default=True, help="The reporter.")
def report(*, run: Path, use: str) -> None:
    """Write the report of a finished RUN directory anew."""
    from affmem.catalogue import catalogue
    from affmem.protocols import Runtime

    click.echo(str(catalogue().config("reporter", use)().build(Runtime()).write(run)))


@main.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(*, shell: str) -> None:
    """Print the completion script of SHELL: eval "$(affmem completion bash)"."""
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    if kind is not None:
        click.echo(kind(main, {}, "affmem", "_AFFMEM_COMPLETE").source())


def _asked(arousal: float | None, valence: float | None, *, grid: bool, maps: bool) -> "Affects":
    """The affects that `affmem edit` is to show."""
    import numpy as np

    from affmem.gallery import lattice
    from affmem.maps import FIGURE

    for name, value in (("arousal", arousal), ("valence", valence)):
        if value is not None and not -1 <= value <= 1:
            raise UserError(f"--{name} {value:g}: expected a number in [-1, 1]")
    if arousal is not None or valence is not None:
        if grid:
            raise UserError("--grid draws the whole plane: give it without --arousal and --valence")
        return np.array([[arousal or 0, valence or 0]], np.float32)
    if grid:
        return lattice()
    if maps:
        return np.array(FIGURE, np.float32)
    raise UserError("give --arousal and --valence (either defaults to 0), --grid or --maps")


def _load(
    file: Path, overrides: Sequence[str], kind: type[Any], command: str, seed: int | None
) -> Any:  # noqa: ANN401
    """The experiment or training in `file`; the other kind is a mistake that names the command."""
    from affmem.experiment import load

    extra = () if seed is None else (f"seed={seed}",)
    found = load(file, (*overrides, *extra))
    if not isinstance(found, kind):
        other = "train" if command == "run" else "run"
        raise InputError(file, f"is for `affmem {other}`, not for `affmem {command}`")
    return found


def _timed(file: Path) -> Path:
    """Where results go that were not told where to go."""
    return Path("runs") / f"{file.stem}-{datetime.now():%Y%m%d-%H%M%S}"  # noqa: DTZ005
