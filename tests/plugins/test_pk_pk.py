"""The prior knowledge in use."""

import numpy as np
import pytest
import torch

from affmem.errors import InputError, UserError
from affmem.protocols import Editor, Encoder, Reader, Runtime
from affmem_pk import pk as module
from affmem_pk.checkpoint import save
from affmem_pk.config import NetworkConfig, PKConfig
from affmem_pk.networks import Networks, initialize
from typecheck import unchecked


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    networks = Networks(NetworkConfig(width=1 / 32, code=6))
    initialize([networks], "he", torch.Generator().manual_seed(2))
    path = tmp_path_factory.mktemp("pk") / "pk.safetensors"
    save(path, networks, {"seed": 2}, half=True)
    return path


@pytest.fixture(scope="module")
def faces():
    return np.random.default_rng(0).uniform(-1, 1, (7, 3, 96, 96)).astype(np.float32)


def test_it_is_an_encoder_a_reader_and_an_editor(path):
    pk = PKConfig(path).build(Runtime())
    assert isinstance(pk, Encoder)
    assert isinstance(pk, Reader)
    assert isinstance(pk, Editor)
    assert pk.facts == {"seed": 2}


def test_alone_in_a_batch_or_in_small_batches_a_face_has_the_same_code(path, faces):
    whole = PKConfig(path).build(Runtime()).encode(faces)
    small = PKConfig(path, batch=2).build(Runtime())
    assert whole.shape == (7, 6)
    assert whole.dtype == np.float32
    np.testing.assert_allclose(small.encode(faces), whole, atol=1e-5)
    for face, code in zip(faces, whole, strict=True):
        np.testing.assert_allclose(small.encode(face[None])[0], code, atol=1e-5)
    assert np.ptp(whole, axis=0).max() > 1e-3


def test_nothing_that_it_is_given_or_that_it_holds_changes(path, faces):
    pk = PKConfig(path).build(Runtime())
    face, affects = faces[0].copy(), np.array([[0.5, -0.5], [0.0, 1.0]], np.float32)
    for array in (face, affects):
        array.setflags(write=False)
    first = pk.edit(face, affects), pk.encode(face[None]), pk.read(pk.encode(face[None]))
    pk.edit(faces[1], -affects)
    again = pk.edit(face, affects), pk.encode(face[None]), pk.read(pk.encode(face[None]))
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, other)


def test_edits_are_faces_and_differ_by_the_affect_asked_for(path, faces):
    pk = PKConfig(path, batch=2).build(Runtime())
    affects = np.array([[-1, 0], [1, 0], [0, -1], [0, 1], [-1, 0]], np.float32)
    edits = pk.edit(faces[0], affects)
    assert edits.shape == (5, 3, 96, 96)
    assert edits.dtype == np.float32
    assert np.abs(edits).max() <= 1
    np.testing.assert_allclose(edits[4], edits[0], atol=1e-5)
    for i in range(1, 4):
        assert np.abs(edits[i] - edits[0]).max() > 1e-4


def test_readings_lie_in_the_plane(path):
    pk = PKConfig(path).build(Runtime())
    affects = pk.read(np.random.default_rng(0).normal(0, 1e3, (50, 6)).astype(np.float32))
    assert affects.shape == (50, 2)
    assert np.abs(affects).max() <= 1


def test_rounder_arithmetic_stays_near(path, faces):
    near = PKConfig(path, precision="bf16").build(Runtime()).encode(faces)
    np.testing.assert_allclose(near, PKConfig(path).build(Runtime()).encode(faces), atol=0.05)


def test_arrays_of_another_shape_are_refused(path):
    pk = PKConfig(path).build(Runtime())
    with unchecked(), pytest.raises(ValueError, match=r"faces must be \[n, 3, 96, 96\]"):
        pk.encode(np.zeros((1, 96, 96, 3), np.float32))
    with unchecked(), pytest.raises(ValueError, match=r"codes must be \[n, 6\]"):
        pk.read(np.zeros((1, 5), np.float32))
    with unchecked(), pytest.raises(ValueError, match=r"affects must be \[n, 2\]"):
        pk.edit(np.zeros((3, 96, 96), np.float32), np.zeros((1, 3), np.float32))


def test_a_device_that_is_not_there_is_said_in_one_line(path):
    with pytest.raises(UserError, match="device 'toaster' cannot be used") as error:
        PKConfig(path).build(Runtime(device="toaster"))
    assert "\n" not in str(error.value)


def test_without_the_bundled_checkpoint_it_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr(module, "BUNDLED", tmp_path / "none")
    with pytest.raises(InputError, match="ships with affmem is not installed"):
        PKConfig().build(Runtime())
