"""A new plugin: a whole distribution with one part that works, to write one's own from."""

import re
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from jinja2 import Environment, PackageLoader, StrictUndefined

from affmem.catalogue import KINDS, catalogue
from affmem.errors import InputError, PluginError, UserError, unknown

NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
LONGEST = 24


def scaffold(name: str, kind: str, above: Path) -> Path:
    """Write the distribution `affmem-NAME`, whole or not at all, into the folder `above`.

    Its module `affmem_NAME` gives a part `NAME` of that kind. Returns its folder. Raises UserError
    where the kind or the name cannot be used, InputError where the folder is there.
    """
    if kind not in KINDS:
        raise UserError(unknown("kind", kind, KINDS))
    if not NAME.fullmatch(name) or len(name) > LONGEST:
        raise UserError(
            f"{name!r} is no name for a part: expected at most {LONGEST} small letters and digits, "
            "with hyphens between, such as last-seen"
        )
    found = catalogue()
    if (kind, name) in found.sources:
        raise PluginError(f"{kind} {name!r} is already given by {found.sources[kind, name]}")
    for plugin in found.plugins:
        if plugin.name == name:
            raise PluginError(f"the name is taken by {plugin}")
    folder = above / f"affmem-{name}"
    if folder.exists():
        raise InputError(folder, "exists; expected a new folder")
    with TemporaryDirectory(dir=above, prefix=".making-") as making:
        made = Path(making) / folder.name
        for path, text in _files(name, kind):
            (made / path).parent.mkdir(parents=True, exist_ok=True)
            (made / path).write_text(text, encoding="utf-8")
        made.rename(folder)
    return folder


def _files(name: str, kind: str) -> Iterator[tuple[str, str]]:
    """Each file's path and text."""
    templates = Environment(
        loader=PackageLoader("affmem.scaffold"),
        autoescape=False,  # noqa: S701  (code, not HTML)
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    words = name.split("-")
    module = "_".join(["affmem", *words])
    values = {
        "name": name,
        "kind": kind,
        "distribution": f"affmem-{name}",
        "module": module,
        "part": "".join(word.capitalize() for word in (*words, kind)),
        "versions": versions(version("affmem")),
    }
    for path, template in {
        "pyproject.toml": "pyproject.toml",
        "README.md": "README.md",
        ".github/workflows/test.yml": "test.yml",
        f"tests/test_{'_'.join(words)}.py": "test.py",
        f"{module}/__init__.py": f"kinds/{kind}.py",
    }.items():
        yield path, templates.get_template(f"{template}.jinja").render(values)
    yield f"{module}/py.typed", ""


def versions(here: str) -> str:
    """The versions of affmem that what is written for this one works with.

    >>> versions("0.1.0"), versions("2.3.1")
    ('>=0.1,<0.3', '>=2.3,<4')
    """
    major, minor = (int(one) for one in here.split(".")[:2])
    return f">=0.{minor},<0.{minor + 2}" if major == 0 else f">={major}.{minor},<{major + 2}"
