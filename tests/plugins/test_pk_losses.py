"""Each term of eq. (6) against a value worked out by hand."""

import math

import pytest
import torch

from affmem_pk import losses
from affmem_pk.losses import Pass


def a_pass(**changes):
    values = {
        "faces": torch.zeros(2, 3, 96, 96),
        "affects": torch.tensor([[0.5, 0.0], [0.0, -0.5]]),
        "codes": torch.zeros(2, 4),
        "rebuilt": torch.full((1, 3, 96, 96), 0.25),
        "asked": torch.tensor([[1.0, -1.0]]),
        "edited": torch.zeros(1, 3, 96, 96),
    }
    return Pass(**(values | changes))


def test_reconstruction_is_the_mean_absolute_error_of_the_faces_that_were_rebuilt():
    assert losses.reconstruction(a_pass()).item() == pytest.approx(0.25)


def test_emotion_adds_the_mean_squared_errors_of_arousal_and_valence():
    # Each of the two is wrong by a half for one face of two: an eighth each.
    assert losses.emotion(a_pass(), lambda z: torch.zeros(len(z), 2)).item() == pytest.approx(0.25)


def test_edit_consistency_adds_the_squared_errors_to_the_affect_asked_for():
    read = losses.edit_consistency(a_pass(), lambda faces: torch.zeros(len(faces), 2))
    assert read.item() == pytest.approx(2.0)


@pytest.mark.parametrize("odds", [-2.0, 0.0, 3.0])
def test_adversarial_terms_are_minus_the_log_of_the_chance_of_being_right(odds):
    chance = 1 / (1 + math.exp(-odds))

    def say(x, *_):
        return torch.full((len(x),), odds)

    fooled = pytest.approx(-math.log(chance), rel=1e-5)
    judged = pytest.approx(-math.log(chance) - math.log(1 - chance), rel=1e-5)
    assert losses.prior(a_pass(), say).item() == fooled
    assert losses.real(a_pass(), say).item() == fooled
    assert losses.prior_critic(a_pass(), torch.zeros(2, 4), say).item() == judged
    assert losses.real_critic(a_pass(), say).item() == judged


def test_total_variation_of_columns_in_turn_black_and_white_is_one_step_of_two():
    edited = torch.ones(1, 3, 96, 96)
    edited[..., ::2] = -1.0
    assert losses.total_variation(a_pass(edited=edited)).item() == pytest.approx(2.0)


def test_what_a_critic_pays_teaches_nothing_to_what_it_judges():
    codes = torch.zeros(2, 4, requires_grad=True)
    edited = torch.zeros(1, 3, 96, 96, requires_grad=True)
    batch = a_pass(codes=codes, edited=edited)
    scale = torch.ones((), requires_grad=True)
    losses.prior_critic(batch, torch.ones(2, 4), lambda z: scale * z.sum(1)).backward()
    losses.real_critic(batch, lambda x, y: scale * x.sum((1, 2, 3)) + scale).backward()
    assert codes.grad is None
    assert edited.grad is None
    assert scale.grad is not None
