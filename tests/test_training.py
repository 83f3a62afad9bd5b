"""A training learns from what it is given, or from faces without end, and may be cut off."""

import multiprocessing

import pytest
import torch
from attrs import evolve

from affmem.errors import InputError, UserError
from affmem.experiment import Training
from affmem.gathering import Made
from affmem.protocols import Endless
from affmem.training import examples_of, train
from affmem_pk.checkpoint import load
from affmem_pk.config import BUNDLED
from test_gathering import drawn, folder, listed, part, seen  # noqa: F401  (one is a fixture)

SOURCE = drawn(2, 4, size=16)
SMALL = {"width": 1 / 16, "batch": 4, "report": 2, "steps": 6, "save_every": 1, "warmup": 0}


def training(**changes):
    terms = tuple(part("term", name) for name in ("reconstruction", "emotion"))
    whole = Training(SOURCE.datasets, part("trainer", "pk", **SMALL), SOURCE.finder, terms)
    return evolve(whole, **({"endless": True} | changes))


def weights(out):
    return load(out / "last.safetensors").networks.state_dict()


def same(one, other):
    return all(torch.equal(one[name], other[name]) for name in one)


def faces(start, count, workers=1, source=SOURCE):
    made = Made(source, workers)
    found = [next(stream) for stream in [made(start)] for _ in range(count)]
    made.close()
    return [(face.tobytes(), affect) for face, affect in found]


def test_a_face_without_end_is_the_same_wherever_one_begins_and_whoever_makes_it():
    some = faces(0, 12)
    assert faces(5, 7) == some[5:]
    assert faces(0, 12, workers=2) == some
    assert multiprocessing.active_children() == []
    assert faces(0, 3, source=evolve(SOURCE, runtime=evolve(SOURCE.runtime, seed=2))) != some[:3]


def test_no_face_comes_twice_and_none_is_held_out():
    some = [face for face, _ in faces(0, 60)]
    held = [face.tobytes() for face in seen(SOURCE)[0]]
    assert len({*some, *held}) == len(some) + len(held)


def test_several_datasets_take_turns_and_each_draws_other_persons():
    (one,) = SOURCE.datasets
    two = part("dataset", "drawn", persons=1, faces_per_person=1, size=16, strength=1.0)
    alone = faces(0, 3)
    turns = faces(0, 6, source=evolve(SOURCE, datasets=(one, two)))
    twice = faces(0, 6, source=evolve(SOURCE, datasets=(one, one)))
    assert turns[::2] == twice[::2] == alone
    drawn_by_the_second = {face for face, _ in turns[1::2]}, {face for face, _ in twice[1::2]}
    assert not set.intersection(*drawn_by_the_second)
    assert not {face for face, _ in alone} & set.union(*drawn_by_the_second)


def test_a_dataset_that_has_an_end_is_refused(folder):  # noqa: F811
    assert isinstance(SOURCE.datasets[0].build(SOURCE.runtime), Endless)
    with pytest.raises(UserError, match="endless: dataset 'folder' cannot make faces without end"):
        Made(listed(folder), 1)


def test_all_that_is_gathered_is_held_out_and_what_is_made_is_learnt(tmp_path):
    (*_, last) = train(training(), tmp_path / "a")
    assert "ccc_arousal" in last
    facts = load(tmp_path / "a" / "last.safetensors").facts
    assert (facts["faces"], facts["held_out"]) == (24, 8)
    list(train(training(endless=False), tmp_path / "b"))
    assert not same(weights(tmp_path / "a"), weights(tmp_path / "b"))


def test_cut_off_it_goes_on_with_the_next_faces_to_the_same_weights(tmp_path):
    list(train(training(), tmp_path / "whole"))
    begun = train(training(workers=2), tmp_path / "cut")
    next(begun)
    begun.close()
    assert multiprocessing.active_children() == []
    list(train(training(), tmp_path / "cut"))
    assert same(weights(tmp_path / "whole"), weights(tmp_path / "cut"))


def test_workers_and_cache_are_of_no_account_but_endless_is(tmp_path):
    next(train(training(), tmp_path / "out"))
    list(train(training(workers=3, cache=tmp_path / "kept"), tmp_path / "out"))
    next(train(training(), tmp_path / "other"))
    with pytest.raises(InputError, match="holds another training"):
        next(train(training(endless=False), tmp_path / "other"))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (
            {"balance": "class"},
            [
                "training: balance = 'class' ",
                "dataset 'drawn' ",
                "have them: affectnet, folder, omg",
            ],
        ),
        ({"checkpoint": "bundled"}, [f"{BUNDLED}: ", "width = 0.0625, and it has 0.25"]),
    ],
)
def test_settings_that_its_data_or_checkpoint_do_not_fit_are_refused_before_anything_is_written(
    tmp_path, settings, words
):
    asked = training(endless=False, training=part("trainer", "pk", **SMALL, **settings))
    with pytest.raises(UserError) as caught:
        next(train(asked, tmp_path / "out"))
    assert all(one in str(caught.value) for one in words)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_it_balances_the_words_of_a_table(folder, tmp_path):  # noqa: F811
    source = listed(folder)
    trainer = part("trainer", "pk", **(SMALL | {"balance": "class", "validation": 0.0, "steps": 2}))
    asked = training(endless=False, dataset=source.datasets, training=trainer)
    (last,) = train(asked, tmp_path / "out")
    assert last["step"] == 2
    (folder / "labels.csv").write_text("file,arousal,valence\n0.png,0,0\n2.png,0,0\n")
    with pytest.raises(UserError, match="none of the faces has a word"):
        next(train(asked, tmp_path / "none"))
    assert not (tmp_path / "none").exists()


def test_faces_without_end_cannot_be_balanced(tmp_path):
    trainer = part("trainer", "pk", **SMALL, balance="plane")
    with pytest.raises(UserError, match=r"endless: .* expected balance = 'none', not 'plane'"):
        next(train(training(training=trainer), tmp_path / "out"))
    assert not (tmp_path / "out").exists()
    next(train(training(), tmp_path / "out"))


def test_without_the_term_that_trains_d_em_nothing_could_be_fitted(tmp_path):
    terms = (part("term", "reconstruction"),)
    with pytest.raises(UserError, match="expected the term 'emotion'"):
        list(train(training(terms=terms), tmp_path / "out"))
    assert not (tmp_path / "out").exists()
    assert len(examples_of(training(endless=False), lambda *_: None).faces) == 8
