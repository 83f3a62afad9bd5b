"""What a face network is to this plugin: frozen, and walked through stage by stage."""

from collections.abc import Iterator
from typing import Any, Protocol, runtime_checkable

from torch import Tensor


@runtime_checkable
class Network(Protocol):
    """Knows persons apart; its weights never change."""

    def walk(self, faces: Tensor) -> Iterator[tuple[str, Tensor]]:
        """Each stage's name and maps [n, c, h, w], from the first inwards, of faces
        [n, 3, 96, 96] in [-1, 1]; whoever needs no more of them stops."""
        ...

    def to(self, device: str, /) -> Any:  # noqa: ANN401  (as torch has it)
        """Move it, in place."""
        ...
