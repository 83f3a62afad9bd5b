"""What a client says in a WebSocket beside pictures, and what the REST addresses answer."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter


def _printable(name: str) -> str:
    if not name.isprintable() or name != name.strip():
        raise ValueError("expected printable characters, and no space at either end")
    if name in (".", "..") or "/" in name:  # the address of such a person is another's
        raise ValueError("expected a name without a slash, and neither . nor ..")
    return name


Name = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_printable)]
"""A person's pseudonym."""


class _Word(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Start(_Word):
    """The person before the camera agrees that what is learnt of their face is kept."""

    type: Literal["start"]
    person: Name
    days: int = Field(default=30, ge=1, le=3650)
    """Until it is erased by itself."""


class Continue(_Word):
    """They are back, and agreed earlier; or they say that it is still them."""

    type: Literal["continue"]
    person: Name


class Pause(_Word):
    """Learn nothing more; go on reading."""

    type: Literal["pause"]


class Resume(_Word):
    """Learn again."""

    type: Literal["resume"]


class Erase(_Word):
    """Forget all of the person, here and in the store."""

    type: Literal["erase"]


class Edits(_Word):
    """Draw the person's last face over the plane."""

    type: Literal["edits"]


Word = Start | Continue | Pause | Resume | Erase | Edits
words: TypeAdapter[Word] = TypeAdapter(Annotated[Word, Field(discriminator="type")])


class Person(BaseModel):
    """Who is kept, and how much of them; not what is known of them."""

    person: str
    faces: int = Field(description="How many of their faces the memory has seen")
    units: int = Field(description="How many units it holds")
    size: int = Field(description="Bytes kept")
    made: datetime
    changed: datetime
    consent: datetime | None = Field(description="When they agreed")
    expires: datetime | None = Field(description="From when on the memory is read no more")
    watched: bool = Field(description="Whether a camera watches them at this moment")
    paused: bool = Field(description="Whether that camera teaches the memory nothing")


class Node(BaseModel):
    """A unit of a memory, in the plane in which its units spread most."""

    unit: int = Field(description="Its place among all units, as a reading names it")
    x: float = Field(ge=-1, le=1)
    y: float = Field(ge=-1, le=1)
    arousal: float | None = Field(description="null while unknown")
    valence: float | None
    wins: int = Field(description="How often it was the best match")


class Graph(BaseModel):
    """A memory as a graph; without nodes where it is no network."""

    units: int
    nodes: list[Node]
    edges: list[tuple[int, int]] = Field(description="Pairs of places in `nodes`")


class Health(BaseModel):
    """That the server is there."""

    version: str
    watching: int = Field(description="Cameras watched at this moment")


class Problem(BaseModel):
    """Why something was not done."""

    problem: str
