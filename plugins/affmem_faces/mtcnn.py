"""The largest face of each picture, or the largest few, detected once and then followed."""

from collections.abc import Iterable, Iterator

from affmem.values import Face, Image
from affmem_faces.config import MTCNNConfig
from affmem_faces.following import Following


class MTCNN:
    """Detects on the first picture; then looks where the faces were (`affmem_faces.following`).

    Each `find` and each `follow` has networks and tracks of its own, so several may run at once,
    each in a thread. OpenCV's own number of threads is left as it is.
    """

    def __init__(self, config: MTCNNConfig) -> None:
        self.config = config

    def find(self, images: Iterable[Image]) -> Iterator[Face | None]:
        following = Following(self.config, most=1)
        for image in images:
            found = following.see(image)
            yield found[0].face if found else None

    def follow(self) -> Following:
        return Following(self.config, self.config.most)
