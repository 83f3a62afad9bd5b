"""Pictures in files: of a few known formats, upright, RGB, and not larger than memory allows."""

from pathlib import Path
from typing import Final

import numpy as np

from affmem.errors import InputError
from affmem.files import check, reason
from affmem.values import Image

FORMATS: Final = ("BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP")
"""What is looked for, whatever the file is called. Pillow knows many more: some run programs."""
PIXELS: Final = 2**26
"""At most, whatever a file of a few bytes says of itself: 8192 x 8192, 192 MiB as RGB."""


def read(path: Path) -> Image:
    """The picture in a file, turned upright as its EXIF says; of several, the first.

    Raises InputError where there is none.
    """
    import PIL.Image
    import PIL.ImageOps

    check(path)
    try:
        with PIL.Image.open(path, formats=FORMATS) as opened:
            width, height = opened.size
            if width * height > PIXELS:
                raise PIL.Image.DecompressionBombError(f"{width} x {height} pixels")  # noqa: TRY301
            upright = PIL.ImageOps.exif_transpose(opened)
            if upright.mode.startswith("I;16"):  # Pillow would cut 16 bits off at 255
                upright = PIL.Image.fromarray((np.asarray(upright) >> 8).astype(np.uint8))
            return np.array(upright.convert("RGB"))
    except PIL.UnidentifiedImageError:
        raise InputError(path, "is not a picture") from None
    except PIL.Image.DecompressionBombError as error:
        raise InputError(path, f"is larger than any picture ({reason(error)})") from None
    except Exception as error:  # noqa: BLE001  (a broken file makes its decoder raise anything)
        raise InputError(path, f"cannot be decoded ({reason(error)})") from None
