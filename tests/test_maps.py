"""Where an encoder looks, as pictures."""

import numpy as np
import pytest

from affmem.errors import PluginError
from affmem.maps import FIGURE, laid, look
from affmem.sheets import looks, sheet_of_look, sheet_of_looks

FACES = np.random.default_rng(0).uniform(-1, 1, (2, 3, 96, 96)).astype(np.float32)


class Left:
    """An encoder that looks at the left half, and an editor that draws flat faces."""

    def __init__(self, *, whole: bool = True) -> None:
        self.whole = whole

    def encode(self, faces):
        return np.zeros((len(faces), 2), np.float32)

    def explain(self, faces, of):
        if of != "activation" and not self.whole:
            raise PluginError("needs more")
        maps = np.zeros((len(faces), 96, 96), np.float32)
        maps[..., :48] = 1
        return maps

    def edit(self, face, affects):
        return np.broadcast_to(affects[:, :1, None, None], (len(affects), *face.shape)).copy()


def test_what_counts_for_nothing_stays_the_grey_face_and_the_rest_is_coloured():
    over = laid(Left().explain(FACES, "activation"), FACES)
    assert (over.shape, over.dtype) == (FACES.shape, np.float32)
    assert np.abs(over).max() <= 1
    grey = FACES.mean(1, keepdims=True)
    np.testing.assert_allclose(over[..., 48:], np.repeat(grey, 3, 1)[..., 48:], atol=1e-6)
    assert np.ptp(over[..., :48], axis=1).min() > 0.1


@pytest.mark.parametrize(
    ("whole", "heads"), [(True, ("activation", "arousal", "valence")), (False, ("activation",))]
)
def test_each_face_is_followed_by_the_maps_that_can_be_had(whole, heads):
    found = look(Left(whole=whole), FACES)
    assert found.heads == heads
    assert found.missing == ("" if whole else "needs more")
    assert len(found.tiles) == len(FACES) * (1 + len(heads))
    np.testing.assert_array_equal(found.tiles[:: 1 + len(heads)], FACES)


def test_a_sheet_has_a_line_a_face_and_row_and_white_where_there_is_no_edit():
    left = Left()
    sheet = sheet_of_looks({"a": looks(left, left, FACES), "b": looks(left, None, FACES)})
    assert sheet.lines == ("a", "b", "a", "b")
    assert sheet.columns[::4] == ("face", "-1.0 -1.0", "+0.0 +0.0", "+1.0 +1.0")
    assert sheet.columns[1:4] == sheet.columns[5:8] == ("activation", "arousal", "valence")
    assert sheet.picture.shape == (4 * 96, 16 * 96, 3)
    rows = sheet.picture.reshape(4, 96, 16, 96, 3).swapaxes(1, 2)
    np.testing.assert_array_equal(rows[0, :4], rows[1, :4])
    assert (rows[[1, 3], 4:] == 255).all()
    np.testing.assert_array_equal(np.unique(rows[[0, 2], 4]), [0])  # the edit at -1 -1
    assert not np.array_equal(rows[0, 0], rows[2, 0])


def test_a_sheet_of_one_face_has_a_line_for_each_edit():
    left, affects = Left(), np.array(FIGURE, np.float32)
    shown = np.concatenate([FACES[:1], left.edit(FACES[0], affects)])
    sheet = sheet_of_look(look(left, shown), affects)
    assert sheet.lines == ("face", "-1.0 -1.0", "+0.0 +0.0", "+1.0 +1.0")
    assert sheet.picture.shape == (4 * 96, 4 * 96, 3)
