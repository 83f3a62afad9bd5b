"""A small corpus of drawn persons in OMG's own files, made once and kept in the user's cache."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import platformdirs

from affmem.catalogue import catalogue
from affmem.errors import InputError
from affmem.protocols import Runtime
from affmem_recordings.config import OMGConfig

log = logging.getLogger("affmem")

Progress = Callable[[int, int], None]

SHARE = 0.125
"""Of the persons in the training split, and in the validation split; the rest is for testing."""


def sample(config: OMGConfig, runtime: Runtime, progress: Progress | None = None) -> Path:
    """The folder of the sample; drawn by maker "omg" if it is not there yet (about a minute).

    Raises InputError where the cache cannot be written, PluginError where there is no such maker.
    """
    name = f"omg-{version('affmem')}-{config.sample_persons}-{config.sample_seed}"
    folder = platformdirs.user_cache_path("affmem") / name
    if folder.is_dir():
        return folder
    settings = catalogue().config("maker", "omg")
    maker = settings(
        persons=config.sample_persons, seed=config.sample_seed, train=SHARE, validation=SHARE
    ).build(runtime)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with (
            TemporaryDirectory(dir=folder.parent, prefix=f"{name}-") as temporary,
            _shown(progress, config.sample_persons) as told,
        ):
            made = Path(temporary) / "corpus"
            maker.make(made, told)
            if not folder.is_dir():  # unless another process was faster
                made.rename(folder)
    except OSError as error:
        if folder.is_dir():
            return folder
        reason = error.strerror or error
        raise InputError(folder, f"the sample cannot be written ({reason})") from None
    return folder


@contextmanager
def _shown(progress: Progress | None, persons: int) -> Iterator[Progress]:
    """Where progress goes: as asked; else a bar on a terminal; else one line in the log."""
    if progress is not None:
        yield progress
        return
    from rich.console import Console
    from rich.progress import Progress as Bar

    console = Console(stderr=True)
    said = f"drawing {persons} persons (once)"
    if not console.is_terminal:
        log.info("%s", said)
        yield lambda _done, _of: None
        return
    with Bar(console=console, transient=True) as bar:
        task = bar.add_task(said)
        yield lambda done, of: bar.update(task, completed=done, total=of)
