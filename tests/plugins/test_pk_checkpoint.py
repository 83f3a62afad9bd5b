"""Checkpoints come back bit for bit, and what is wrong with one is said in one line."""

import json

import pytest
import torch
from safetensors.torch import save_file

from affmem.errors import InputError
from affmem_pk.checkpoint import FORMAT, load, save
from affmem_pk.config import BACKBONES, NetworkConfig
from affmem_pk.networks import Networks

TINY = NetworkConfig(width=1 / 64, code=4, hidden=3)


@pytest.fixture
def networks():
    torch.manual_seed(0)
    return Networks(TINY)


def test_weights_and_facts_come_back_bit_for_bit(tmp_path, networks):
    path = tmp_path / "pk.safetensors"
    save(path, networks, {"seed": 3}, half=False)
    checkpoint = load(path)
    assert checkpoint.facts == {"seed": 3}
    assert checkpoint.networks.config == TINY
    for name, weights in networks.state_dict().items():
        assert torch.equal(checkpoint.networks.state_dict()[name], weights)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("encoder", BACKBONES)
def test_every_e_comes_back(tmp_path, encoder):
    networks = Networks(NetworkConfig(width=1 / 64, code=4, hidden=3, encoder=encoder))
    save(tmp_path / "pk", networks, {}, half=False)
    assert load(tmp_path / "pk").networks.config.encoder == encoder


def test_a_checkpoint_from_before_there_was_a_choice_has_the_e_of_the_paper(tmp_path, networks):
    header = {"format": FORMAT, "network": json.dumps({"width": 1 / 64, "code": 4, "hidden": 3})}
    save_file(networks.state_dict(), tmp_path / "pk", header)
    assert load(tmp_path / "pk").networks.config == TINY


def test_half_the_size_keeps_the_weights_to_float16(tmp_path, networks):
    save(tmp_path / "full", networks, {}, half=False)
    save(tmp_path / "half", networks, {}, half=True)
    kept = load(tmp_path / "half").networks.state_dict()
    for name, weights in networks.state_dict().items():
        assert torch.equal(kept[name], weights.half().float())
    assert (tmp_path / "half").stat().st_size < 0.8 * (tmp_path / "full").stat().st_size


def test_weights_that_are_not_finite_are_never_written(tmp_path, networks):
    with torch.no_grad():
        networks.reader.affect.bias[0] = torch.nan
    with pytest.raises(ValueError, match="not finite"):
        save(tmp_path / "pk", networks, {}, half=False)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_said_in_one_line(tmp_path, networks):
    with pytest.raises(InputError, match="cannot be written"):
        save(tmp_path / "none" / "pk", networks, {}, half=False)


def without(name):
    def change(tensors, _):
        del tensors[name]

    return change


def extra(tensors, _):
    tensors["more"] = torch.zeros(1)


def reshaped(tensors, _):
    tensors["reader.affect.bias"] = torch.zeros(3)


def not_finite(tensors, _):
    tensors["reader.affect.bias"] = torch.tensor([0.0, torch.inf])


def whole_numbers(tensors, _):
    tensors["reader.affect.bias"] = torch.zeros(2, dtype=torch.int32)


def metadata(**entries):
    def change(_, header):
        header.update(entries)

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (without("reader.affect.bias"), "lacks the weights 'reader.affect.bias'"),
        (extra, "'more' that no network has"),
        (reshaped, r"\(3,\) instead of \(2,\)"),
        (not_finite, "not all finite"),
        (whole_numbers, "int32"),
        (metadata(format="affmem-pk 9"), "is no checkpoint of 'affmem-pk 1'"),
        (metadata(network="{}x"), "does not say which networks"),
        (metadata(network='{"width": 1e9}'), "does not say which networks"),
        (metadata(network='{"width": "wide"}'), "does not say which networks"),
        (metadata(network='{"depth": 3}'), "does not say which networks"),
        (metadata(network="[" * 100_000), "does not say which networks"),
        (metadata(network='{"encoder": "vgg"}'), "does not say which networks"),
        (metadata(network='{"encoder": "alexnet"}'), "lacks the weights|no network has"),
        (metadata(network='{"width": 1.0}'), "instead of"),
        (metadata(facts="[]"), "does not say which networks"),
    ],
)
def test_a_checkpoint_with_something_wrong_is_refused_in_one_line(
    tmp_path, networks, change, words
):
    path = tmp_path / "pk.safetensors"
    header = {
        "format": FORMAT,
        "network": json.dumps({"width": 1 / 64, "code": 4, "hidden": 3}),
        "facts": "{}",
    }
    tensors = dict(networks.state_dict())
    change(tensors, header)
    save_file(tensors, path, header)
    with pytest.raises(InputError, match=words) as error:
        load(path)
    assert "\n" not in str(error.value)
    assert str(error.value).startswith(str(path))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda _: b"",
        lambda _: b"these are words\n" * 20,
        lambda content: content[: len(content) // 2],
        lambda content: content[:40],
        lambda content: content + b"more",
        lambda content: (1 << 60).to_bytes(8, "little") + content[8:],
        lambda content: content.replace(b'"data_offsets":[0,', b'"data_offsets":[9,', 1),
    ],
)
def test_a_file_that_is_no_whole_safetensors_file_is_refused(tmp_path, networks, spoil):
    path = tmp_path / "pk.safetensors"
    save(path, networks, {}, half=False)
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(InputError, match="is no safetensors file, or not a whole one"):
        load(path)


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InputError, match="there is no such file"):
        load(tmp_path / "none")
