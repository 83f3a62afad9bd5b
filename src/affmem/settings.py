"""TOML tables to attrs values, strictly: nothing is mended, every mistake is one line.

cattrs does the structuring; the hooks here take away its leniency (TOML has types: a quoted number
is a mistake to show) and give its messages words that help.
"""

from collections.abc import Mapping
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from attrs import Attribute, fields, has
from cattrs import Converter, transform_error
from cattrs.errors import ForbiddenExtraKeysError
from cattrs.preconf.tomllib import make_converter

from affmem.errors import MISTAKES, ExperimentError, unknown

NAMES = {str: "a string", bool: "true or false", int: "a whole number", float: "a number"}


WHOLE = 2**63
"""What TOML's whole numbers lie below."""


class Text(str):
    """A string from a file: it remembers the folder that a relative path in it starts from."""

    __slots__ = ("folder",)
    folder: Path

    @classmethod
    def of(cls, text: str, folder: Path) -> "Text":
        """`text`, as it stands in a file in `folder`."""
        self = cls(text)
        self.folder = folder
        return self


def located(value: Any, folder: Path) -> Any:  # noqa: ANN401  (TOML holds anything)
    """The same TOML value, its strings made `Text`. Raises ValueError for a number that is none."""
    match value:
        case str():
            return Text.of(value, folder)
        case dict():
            return {key: located(one, folder) for key, one in value.items()}
        case list():
            return [located(one, folder) for one in value]
        case int() if not -WHOLE <= value < WHOLE:
            raise ValueError("holds a whole number of more than 64 bits")
        case _:
            return value


def settings(table: Mapping[str, Any], kind: type[Any], where: str, part: str = "") -> Any:  # noqa: ANN401
    """The config of class `kind` that `table` describes, of `part`.

    Raises ExperimentError with a line for each mistake, each beginning with `where`.
    """
    known = [one.name for one in fields(kind) if one.init]
    wrong = [key for key in table if key not in known][:MISTAKES]
    of = f" ({part})" if part else ""
    lines = [f"{where}{key}: {unknown('setting', key, known)}{of}" for key in wrong]
    good = {key: value for key, value in table.items() if key in known}
    try:
        config = _CONVERTER.structure(good, kind)
    except Exception as error:  # noqa: BLE001  (every fault is told as a line)
        # cattrs gives "words @ path"; a missing key that stands misspelt beside it is told once.
        told = (line.rpartition(" @ ") for line in transform_error(error, "", _words))
        for words, _, path in told:
            key = path.strip(".").replace(".[", "[")
            missing = words == _MISSING
            if missing and any(key in line for line in lines):
                continue
            place = f"{where}{key}: " if key else f"{where.rstrip('.: ')}: "
            lines.append(f"{place}{words}")
    if lines:
        raise ExperimentError(lines)
    return config


def setting(value: Any, one: "Attribute[Any]", where: str) -> Any:  # noqa: ANN401
    """`value` as the type that a single attribute has, validated. Raises ExperimentError."""
    try:
        made = _CONVERTER.structure(value, one.type or object)
        if one.validator is not None:
            one.validator(None, one, made)
    except (ValueError, TypeError) as error:
        raise ExperimentError([f"{where}{error.args[0]}"]) from None
    return made


def plain(config: Any) -> dict[str, Any]:  # noqa: ANN401
    """A config as a TOML table with every default filled in; None is left out.

    >>> from affmem.start import Start
    >>> plain(Start())
    {'edits': 200, 'spread': 'even', 'frames': 25, 'epochs': 10, 'by': 'pixels', 'of': 'each'}
    """
    table = _CONVERTER.unstructure(config)
    return {key: value for key, value in table.items() if value is not None}


_MISSING = "is missing"


def _words(error: BaseException, kind: Any) -> str:  # noqa: ANN401  (a type or a Literal)
    """What one fault of cattrs or of a validator says to the user."""
    match error:
        case ForbiddenExtraKeysError():
            known = [one.name for one in fields(error.cl)] if has(error.cl) else []
            return "; ".join(unknown("setting", key, known) for key in sorted(error.extra_fields))
        case KeyError():
            return _MISSING
        case _:
            return str(error.args[0]) if error.args else f"expected {_name(kind)}"


def _name(kind: Any) -> str:  # noqa: ANN401
    origin: Any = get_origin(kind)
    if origin is Literal:
        return " or ".join(repr(one) for one in get_args(kind))
    if _is_union(kind):
        return " or ".join(_name(one) for one in get_args(kind) if one is not NoneType)
    if kind is Path:
        return "a path, as a string"
    if origin in (tuple, list):
        return "a list"
    return NAMES.get(kind, getattr(kind, "__name__", str(kind)))


def _is_union(kind: Any) -> bool:  # noqa: ANN401
    return get_origin(kind) in (Union, UnionType)


def _is_literal(kind: Any) -> bool:  # noqa: ANN401
    return get_origin(kind) is Literal


def _is_tuple(kind: Any) -> bool:  # noqa: ANN401
    return get_origin(kind) is tuple


def _exactly(value: Any, kind: type[Any]) -> Any:  # noqa: ANN401
    """`value` if it is of TOML's own type `kind`; a whole number is also a number."""
    allowed = (int, float) if kind is float else (kind,)
    if not isinstance(value, allowed) or (isinstance(value, bool) and kind is not bool):
        raise ValueError(f"expected {_name(kind)}, got {value!r}")
    return kind(value)


def _path(value: Any, _kind: type[Any]) -> Path:  # noqa: ANN401
    if not isinstance(value, str) or not value or "\0" in value:
        raise ValueError(f"expected a path, as a string, got {value!r}")
    return (getattr(value, "folder", Path()) / Path(value).expanduser()).absolute()


def _literal(value: Any, kind: Any) -> Any:  # noqa: ANN401
    options = get_args(kind)
    if any(value == one and type(one) in (type(value), *type(value).__bases__) for one in options):
        return next(one for one in options if one == value)
    if isinstance(value, str):
        raise ValueError(unknown("choice", value, [str(one) for one in options]))
    raise ValueError(f"expected {_name(kind)}, got {value!r}")


def _union(value: Any, kind: Any) -> Any:  # noqa: ANN401
    """The first member of the union that takes the value as it stands."""
    members = [one for one in get_args(kind) if one is not NoneType]
    if value is None and NoneType in get_args(kind):
        return None
    problem: Exception | None = None
    for one in members:
        try:
            return _CONVERTER.structure(value, one)
        except Exception as error:  # noqa: BLE001  (another member may fit)
            problem = error
    if len(members) == 1 and problem is not None:
        raise problem
    raise ValueError(f"expected {_name(kind)}, got {value!r}")


def _tuple(value: Any, kind: Any) -> Any:  # noqa: ANN401
    if not isinstance(value, list | tuple):
        raise ValueError(f"expected a list, got {value!r}")
    members = get_args(kind)
    if members and members[-1] is not Ellipsis and len(members) != len(value):
        raise ValueError(f"expected a list of {len(members)}, got {len(value)}")
    kinds = members if members and members[-1] is not Ellipsis else members[:1] * len(value)
    return tuple(_CONVERTER.structure(one, kind) for one, kind in zip(value, kinds, strict=True))


def _is_table(kind: Any) -> bool:  # noqa: ANN401
    return get_origin(kind) is Mapping


def _table(value: Any, _kind: Any) -> dict[str, Any]:  # noqa: ANN401
    if not isinstance(value, dict):
        raise ValueError(f"expected a table, got {value!r}")
    return value


def _converter() -> Converter:
    converter = make_converter(forbid_extra_keys=True)
    for kind in NAMES:
        converter.register_structure_hook(kind, _exactly)
    converter.register_structure_hook(Path, _path)
    converter.register_unstructure_hook(Path, str)
    converter.register_unstructure_hook(Text, str)
    converter.register_structure_hook_func(_is_literal, _literal)
    converter.register_structure_hook_func(_is_union, _union)
    converter.register_structure_hook_func(_is_tuple, _tuple)
    converter.register_structure_hook_func(_is_table, _table)
    return converter


_CONVERTER = _converter()
