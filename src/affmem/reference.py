"""What a part's settings are, read off its config class: for `affmem plugins info` and the docs."""

import ast
import inspect
import textwrap
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from attrs import NOTHING, Factory, fields, frozen


def summary(config: type[Any]) -> str:
    """The first line of the config's docstring."""
    return (inspect.getdoc(config) or "").partition("\n")[0]


@frozen
class Setting:
    """One setting of a part, in words."""

    name: str
    kind: str
    """Its type."""
    default: str
    meaning: str
    """What stands under the field, on one line; may be empty."""


def listed(config: type[Any]) -> Sequence[Setting]:
    """The settings of a part, in the order of its class."""
    meanings = notes(config)
    return [
        Setting(one.name, _kind(one.type), _default(one.default), meanings.get(one.name, ""))
        for one in fields(config)
    ]


def describe(config: type[Any]) -> str:
    """The config's docstring and each setting: name, type, default and what stands under it."""
    lines = [inspect.getdoc(config) or "", ""]
    for one in listed(config):
        lines.append(f"  {one.name} ({one.kind}) = {one.default}")
        if one.meaning:
            lines.append(textwrap.indent(textwrap.fill(one.meaning, 88), "      "))
    return "\n".join(lines).rstrip()


def notes(config: type[Any]) -> dict[str, str]:
    """The string under each field of the class, on one line."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(config)))
    except (OSError, TypeError, SyntaxError):
        return {}
    body = tree.body[0].body if isinstance(tree.body[0], ast.ClassDef) else []
    found = {}
    for node, after in pairwise(body):
        if (
            isinstance(node, ast.AnnAssign)
            and isinstance(node.target, ast.Name)
            and isinstance(after, ast.Expr)
            and isinstance(after.value, ast.Constant)
        ):
            found[node.target.id] = " ".join(str(after.value.value).split())
    return found


def _kind(kind: Any) -> str:  # noqa: ANN401
    return (kind.__name__ if isinstance(kind, type) else str(kind)).replace("typing.", "")


def _default(default: Any) -> str:  # noqa: ANN401
    if default is NOTHING:
        return "(needed)"
    if isinstance(default, Factory):  # type: ignore[arg-type]
        return "(depends)"
    return "(none)" if default is None else repr(default)
