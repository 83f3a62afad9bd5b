"""What a part's settings are, read off its config class: for `affmem plugins info` and the docs."""

import ast
import inspect
import textwrap
from itertools import pairwise
from typing import Any

from attrs import NOTHING, Factory, fields


def summary(config: type[Any]) -> str:
    """The first line of the config's docstring."""
    return (inspect.getdoc(config) or "").partition("\n")[0]


def describe(config: type[Any]) -> str:
    """The config's docstring and each setting: name, type, default and what stands under it."""
    meanings = notes(config)
    lines = [inspect.getdoc(config) or "", ""]
    for one in fields(config):
        kind = one.type.__name__ if isinstance(one.type, type) else str(one.type)
        lines.append(f"  {one.name} ({kind.replace('typing.', '')}) = {_default(one.default)}")
        if one.name in meanings:
            lines.append(textwrap.indent(textwrap.fill(meanings[one.name], 88), "      "))
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


def _default(default: Any) -> str:  # noqa: ANN401
    if default is NOTHING:
        return "(needed)"
    if isinstance(default, Factory):  # type: ignore[arg-type]
        return "(depends)"
    return "(none)" if default is None else repr(default)
