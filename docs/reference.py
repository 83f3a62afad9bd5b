"""The pages of the site that are made from the code, and README as its home: a hook of MkDocs.

They are made in memory at every build, so that no page says what the code no longer does.
"""

import inspect
import json
import re
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import click
import griffe
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from affmem.catalogue import GROUP, KINDS, Catalogue, collect
from affmem.cli import main
from affmem.errors import PluginError
from affmem.hookspecs import Hooks
from affmem.reference import listed

REPO = Path(__file__).parents[1]
EXAMPLES = sorted(REPO.glob("examples/plugin-*"))
MODULES = (
    "affmem",
    "affmem.values",
    "affmem.protocols",
    "affmem.terms",
    "affmem.errors",
    "affmem.alignment",
    "affmem.rows",
    "affmem.experiment",
    "affmem.start",
    "affmem.catalogue",
    "affmem.road",
    "affmem.run",
    "affmem.keeping",
    "affmem.conformance",
)
"""What plugins and programs import, beginning with what nearly all of them do."""


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Give the pages that are made their places in the navigation."""
    sections = {title: pages for one in config.nav or [] for title, pages in one.items()}
    plugins = [{one.name: f"examples/{one.name}/index.md"} for one in EXAMPLES]
    sections["How to"].insert(0, {"A tour of the parts": "examples/tour.md"})
    sections["How to"].append({"Plugins to read": plugins})
    sections["Reference"] += [
        {"Commands": "reference/commands.md"},
        {"Hooks": "reference/hooks.md"},
        {"Parts and their settings": [{kind: f"reference/{kind}.md"} for kind in KINDS]},
        {"Python": [{name: f"reference/python/{name}.md"} for name in MODULES]},
    ]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made."""
    for path, text in pages(bundled()):
        files.append(File.generated(config, path, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:  # noqa: ANN401
    """Links to example plugins and modules lead to their pages; a block of code has but a language.

    What else stands beside the language is for the tests.
    """
    markdown = re.sub(r"^```(\w+) .*$", r"```\1", markdown, flags=re.MULTILINE)
    up = "../" * page.file.src_uri.count("/")
    module = rf"]({up}reference/python/affmem.\1.md)"
    markdown = re.sub(r"\]\((?:\.\./)*src/affmem/(\w+)\.py\)", module, markdown)
    return re.sub(r"\]\((?:\.\./)*(examples/plugin-[\w-]+)/?\)", rf"]({up}\1/index.md)", markdown)


def pages(parts: Catalogue) -> Iterator[tuple[str, str]]:
    """Each page that is made: its path in docs/, and its Markdown."""
    home = (REPO / "README.md").read_text()
    yield "index.md", home.replace("](docs/", "](").replace("tour.ipynb)", "tour.md)")
    yield "examples/tour.md", notebook(REPO / "examples" / "tour.ipynb")
    for folder in EXAMPLES:
        yield f"examples/{folder.name}/index.md", example(folder)
    yield "reference/commands.md", commands()
    yield "reference/hooks.md", hooks(parts)
    for kind in KINDS:
        yield f"reference/{kind}.md", settings(kind, parts)
    for name in MODULES:
        yield f"reference/python/{name}.md", f"# `{name}`\n\n::: {name}\n"


def bundled() -> Catalogue:
    """The bundled parts, whatever else is installed. A plugin that cannot be used is an error."""
    found = collect(tuple(distribution(GROUP).entry_points.select(group=GROUP)))
    if reasons := [f"{one}: {one.reason}" for one in found.plugins if one.reason]:
        raise PluginError("; ".join(reasons))
    return found


def notebook(path: Path) -> str:
    """A notebook as it was run, pictures and all."""
    return "\n\n".join(
        text for cell in json.loads(path.read_text())["cells"] for text in _cell(cell)
    ).replace("](../docs/", "](../")


def _cell(cell: dict[str, Any]) -> Iterator[str]:
    source = "".join(cell["source"])
    yield source if cell["cell_type"] == "markdown" else f"```python\n{source}\n```"
    for data in (one["data"] for one in cell.get("outputs", ()) if "data" in one):
        pictures = [kind for kind in data if kind.startswith("image/")]
        for kind in pictures:
            picture = "".join(data[kind]).strip()
            yield f'<img alt="What the cell gave" src="data:{kind};base64,{picture}">'
        if not pictures:
            yield f"```text\n{''.join(data['text/plain'])}\n```"


def example(folder: Path) -> str:
    """An example of a third-party plugin, file by file."""
    files = [folder / "pyproject.toml", *folder.glob("*.py"), *folder.glob("tests/*.py")]
    blocks = [
        f"## {one.relative_to(folder)}\n\n````{'toml' if one.suffix == '.toml' else 'python'}\n"
        f"{one.read_text()}````\n"
        for one in files
    ]
    return "\n".join([(folder / "README.md").read_text(), *blocks])


def commands() -> str:
    """Every command with its help."""
    return "\n".join(["# Commands", "", *_commands(click.Context(main, info_name="affmem"))])


def _commands(context: click.Context) -> Iterator[str]:
    command = context.command
    yield f"## {context.command_path}\n\n```text\n{command.get_help(context)}\n```\n"
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            if (one := command.get_command(context, name)) and not one.hidden:
                yield from _commands(click.Context(one, parent=context, info_name=name))


def hooks(parts: Catalogue) -> str:
    """Every hook: what it names, what it returns, and the bundled parts that come by it."""
    kinds = {hook: kind for kind, hook in KINDS.items()}
    lines = ["# Hooks", "", prose(inspect.getdoc(inspect.getmodule(Hooks))), ""]
    for hook in (name for name in vars(Hooks) if name.startswith("affmem_")):
        function = getattr(Hooks, hook)
        (config,) = _configs(function)
        kind = kinds[hook]
        names = ", ".join(f"[`{name}`]({kind}.md#{kind}.{name})" for name in parts.parts[kind])
        lines += [
            f"## `{hook}` {{ #{hook} }}\n",
            f"{prose(inspect.getdoc(function))} Returns a mapping from a part's name to its",
            f"settings class: [`{config.__name__}`][{config.__module__}.{config.__name__}].",
            f"Bundled parts of the kind [{kind}]({kind}.md): {names}.\n",
        ]
    return "\n".join(lines)


def _configs(hook: Any) -> list[type[Any]]:  # noqa: ANN401
    """The protocol of the settings class in `Mapping[str, type[...]]`."""
    returned = inspect.signature(hook).return_annotation
    return [*returned.__args__[1].__args__]


def settings(kind: str, parts: Catalogue) -> str:
    """Every bundled part of a kind and each of its settings."""
    lines = [
        f"# {kind}\n",
        f"Named by the hook [`{KINDS[kind]}`](hooks.md#{KINDS[kind]}).",
        f"`affmem plugins info {kind} NAME` prints the same.\n",
    ]
    for name, config in parts.parts[kind].items():
        lines.append(f"## `{name}` {{ #{kind}.{name} }}\n")
        lines.append(
            f"From plugin `{parts.sources[kind, name].name}`. {prose(inspect.getdoc(config))}\n"
        )
        for one in listed(config):
            lines.append(f"`{one.name}`{{ #{kind}.{name}.{one.name} }} = `{one.default}`")
            lines.append(f":   `{one.kind}`. {prose(one.meaning)}\n")
    return "\n".join(lines)


def prose(text: str | None) -> str:
    """A docstring as Markdown: doctests in blocks, and nothing of its prose read as markup."""
    return "\n\n".join(_paragraph(one) for one in re.split(r"\n\n+", text or ""))


def _paragraph(text: str) -> str:
    if text.startswith(">>>"):
        return f"```pycon\n{text}\n```"
    if text.startswith("    "):
        return text
    words = re.split(r"(`[^`]*`)", text)
    return "".join(one if one.startswith("`") else _escaped(one) for one in words)


def _escaped(text: str) -> str:
    return re.sub(r"([*_\[\]|])", r"\\\1", text).replace("<", "&lt;")


class Docstrings(griffe.Extension):
    """Makes the docstrings that mkdocstrings shows Markdown."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:  # noqa: ANN401
        """Each object once, as it is loaded."""
        if obj.docstring:
            obj.docstring.value = prose(obj.docstring.value)
