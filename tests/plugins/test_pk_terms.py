"""Each term of eq. (6) against a value worked out by hand, and whom its gradient teaches."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from affmem import Runtime
from affmem.catalogue import catalogue
from affmem.lot import Lot
from affmem.terms import Pass, Shape, Term, TermConfig
from affmem_pk import affmem_terms
from affmem_pk.config import FORMS, NetworkConfig, PriorConfig, RealConfig
from affmem_pk.networks import Real
from affmem_pk.terms import fooled, judged, steepness

SHAPE = Shape(code=4, width=1 / 16)
TERMS = sorted(affmem_terms())


def a_pass(**changes):
    values = {
        "faces": torch.zeros(2, 3, 96, 96),
        "affects": torch.tensor([[0.5, 0.0], [0.0, -0.5]]),
        "codes": torch.zeros(2, 4),
        "read": torch.zeros(2, 2),
        "rebuilt": torch.full((1, 3, 96, 96), 0.25),
        "asked": torch.tensor([[1.0, -1.0]]),
        "edited": torch.zeros(1, 3, 96, 96),
        "judge": lambda faces: torch.zeros(len(faces), 2),
        "lot": Lot(torch.Generator().manual_seed(0)),
    }
    return Pass(**(values | changes))


def term(name, **settings):
    return catalogue().config("term", name)(**settings).build(Runtime(), SHAPE)


@pytest.mark.parametrize("name", TERMS)
def test_each_is_a_term(name):
    config = catalogue().config("term", name)()
    assert isinstance(config, TermConfig)
    made = config.build(Runtime(), SHAPE)
    assert isinstance(made, Term)
    assert made.cost(a_pass()).shape == ()
    assert (made.critic is None) == (name not in ("prior", "real"))


def test_reconstruction_is_the_mean_absolute_error_of_the_faces_that_were_rebuilt():
    assert term("reconstruction").cost(a_pass()).item() == pytest.approx(0.25)


def test_emotion_adds_the_mean_squared_errors_of_arousal_and_valence():
    # Each of the two is wrong by a half for one face of two: an eighth each.
    assert term("emotion").cost(a_pass()).item() == pytest.approx(0.25)


def test_edit_adds_the_squared_errors_to_the_affect_asked_for():
    assert term("edit").cost(a_pass()).item() == pytest.approx(2.0)


def test_variation_of_columns_in_turn_black_and_white_is_one_step_of_two():
    edited = torch.ones(1, 3, 96, 96)
    edited[..., ::2] = -1.0
    assert term("variation").cost(a_pass(edited=edited)).item() == pytest.approx(2.0)


@given(true=st.floats(-4, 4), fake=st.floats(-4, 4))
def test_the_forms_of_a_duel_are_those_of_their_papers(true, fake):
    t, f = torch.full((3,), true), torch.full((3,), fake)
    chance = [1 / (1 + math.exp(-one)) for one in (true, fake)]
    expected = {
        "logistic": (-math.log(chance[0]) - math.log(1 - chance[1]), -math.log(chance[1])),
        "hinge": (max(0, 1 - true) + max(0, 1 + fake), -fake),
        "squares": ((true - 1) ** 2 + fake**2, (fake - 1) ** 2),
        "wasserstein": (fake - true, -fake),
    }
    for form, (critic, maker) in expected.items():
        assert judged(form, t, f).item() == pytest.approx(critic, rel=1e-4, abs=1e-5)
        assert fooled(form, f).item() == pytest.approx(maker, rel=1e-4, abs=1e-5)


def test_the_penalty_is_the_squared_distance_of_the_slope_from_1():
    points = torch.zeros(2, 3, requires_grad=True)
    slope = torch.tensor([0.0, 3.0, 4.0])  # of length 5
    assert steepness(points, points @ slope).item() == pytest.approx(16.0)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ["prior", "real"])
@pytest.mark.parametrize("spectral", [False, True])
def test_a_duel_teaches_the_critic_alone_and_its_cost_the_makers(name, form, spectral):
    codes = torch.zeros(2, 4, requires_grad=True)
    edited = torch.zeros(1, 3, 96, 96, requires_grad=True)
    batch = a_pass(codes=codes, edited=edited)
    made = term(name, form=form, spectral=spectral)
    torch.autograd.backward(made.duel(batch))
    assert codes.grad is None
    assert edited.grad is None
    assert any(one.grad is not None and one.grad.any() for one in made.critic.parameters())
    made.critic.zero_grad()
    made.critic.requires_grad_(requires_grad=False)
    torch.autograd.backward(made.cost(batch))
    taught = codes if name == "prior" else edited
    assert taught.grad is not None
    assert all(one.grad is None for one in made.critic.parameters())


def test_a_critic_in_each_form_learns_to_tell_what_can_be_told():
    torch.manual_seed(0)
    for form in FORMS:
        made = term("prior", form=form)
        optimiser = torch.optim.Adam(made.critic.parameters(), 1e-2)
        batch = a_pass(codes=torch.full((64, 4), 0.9))
        for _ in range(60):
            optimiser.zero_grad()
            torch.autograd.backward(made.duel(batch))
            optimiser.step()
        uniform = torch.rand(64, 4) * 2 - 1
        assert made.critic(uniform).mean() > made.critic(batch.codes).mean() + 0.5


def test_spectral_norm_holds_every_layer_at_1():
    critic = term("real", spectral=True).critic
    for _ in range(50):  # power iterations
        critic(torch.rand(2, 3, 96, 96), torch.zeros(2, 2))
    critic.eval()
    for layer in (*critic.convolutions, critic.hidden, critic.odds):
        largest = torch.linalg.matrix_norm(layer.weight.flatten(1), 2).item()
        assert largest == pytest.approx(1, rel=0.15)


@pytest.mark.parametrize("side", [16, 32, 48, 96, 128])
@pytest.mark.parametrize("affect", ["every", "first"])
def test_d_real_takes_pictures_of_any_side_divisible_by_16(side, affect):
    critic = Real(NetworkConfig(width=1 / 16), affect, side=side)
    assert critic(torch.zeros(3, 3, side, side), torch.zeros(3, 2)).shape == (3,)
    inputs = [layer.in_channels for layer in critic.convolutions]
    more = [2, 2, 2, 2] if affect == "every" else [2, 0, 0, 0]
    assert inputs == [a + b for a, b in zip((3, 4, 8, 16), more, strict=True)]


def test_d_real_sees_the_affect_only_where_it_is_told_to():
    for affect in ("every", "first"):
        critic = Real(NetworkConfig(width=1 / 16), affect)
        faces = torch.rand(1, 3, 96, 96)
        assert critic(faces, torch.zeros(1, 2)) != critic(faces, torch.ones(1, 2))


def test_a_term_is_due_from_its_beginning_every_so_often():
    config = RealConfig(weight=0.5, begin=0.5, every=3)
    weights = {step: config.weighs(step, 12) for step in range(12)}
    assert {step: weight for step, weight in weights.items() if weight} == {6: 0.5, 9: 0.5}
    assert PriorConfig(weight=0).weighs(0, 10) == 0


def test_critics_are_modules():
    assert isinstance(term("prior").critic, nn.Module)
