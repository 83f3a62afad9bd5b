"""The URL of a PostgreSQL, which stands in files and in messages, and so holds no password."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

from attrs import Attribute


def is_url(_config: Any, field: "Attribute[str]", url: str) -> None:  # noqa: ANN401
    """A validator of attrs; what it says tells no secret, wherever in the URL one is.

    >>> from attrs import define, field
    >>> @define
    ... class Place:
    ...     url: str = field(validator=is_url)
    >>> Place("postgresql://anna@localhost/affmem")
    Place(url='postgresql://anna@localhost/affmem')
    >>> Place("postgres://anna:secret@localhost/affmem")
    Traceback (most recent call last):
    ValueError: 'url' must be postgresql://USER@HOST/DATABASE, not postgres:…
    """
    parts = urlsplit(str(url))
    if parts.scheme != "postgresql":
        got = f"{parts.scheme}:…" if parts.scheme else "without a scheme"
        raise ValueError(f"'{field.name}' must be postgresql://USER@HOST/DATABASE, not {got}")
    if parts.password is not None or {"password", "sslpassword"} & parse_qs(parts.query).keys():
        raise ValueError(f"'{field.name}' holds a password, which would be written into files; "
                         "put it into PGPASSWORD or ~/.pgpass")  # fmt: skip
