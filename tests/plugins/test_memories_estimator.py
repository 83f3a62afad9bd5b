"""A memory in scikit-learn's hands: its own checks, pipelines, searches, and what is refused."""

import builtins
import importlib
import sys

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from affmem import Runtime
from affmem_memories.config import GNGConfig, GWRConfig
from affmem_memories.estimator import MemoryRegressor
from memories_strategies import same
from typecheck import unchecked


def shown(rows=300, seed=0):
    """Codes of six features, and the affects that they show."""
    rng = np.random.default_rng(seed)
    labels = rng.uniform(-1, 1, (rows, 2))
    return np.tanh(labels @ rng.normal(size=(2, 6))), labels


class OneColumn(MemoryRegressor):
    """Ours, but of one target of any size: what scikit-learn's checks come with.

    They know no regressor of just two columns in [-1, 1]; all that is not about `y` is ours.
    """

    def _labels(self, rows, y):
        given = np.asarray(y) if y is not None else None
        if given is not None and given.size == len(given):
            column = given.reshape(-1, 1).astype(np.float64)
            self.largest_ = np.nanmax(np.abs(column))
            with np.errstate(invalid="ignore"):
                y = np.hstack([column, column]) / max(self.largest_, 1e-9)
        return super()._labels(rows, y)

    def predict(self, X):  # noqa: N803
        return super().predict(X)[:, :1] * self.largest_


FAILS = {
    "check_regressor_multioutput": "five columns: y must be two, in [-1, 1]",
    "check_supervised_y_no_nan": "NaN in y is no mistake: such a row is unlabelled",
}


@parametrize_with_checks(
    [
        OneColumn(epochs=10),  # once is too little: R2 0.45 of 200 rows, where a check wants 0.5
        OneColumn("gamma-gwr", epochs=10),
        OneColumn("gng", epochs=10),
        OneColumn("knn"),
    ],
    expected_failed_checks=lambda _: FAILS,
)
def test_scikit_learns_own_checks(estimator, check):
    with unchecked():  # scikit-learn sets parameters to anything
        check(estimator)


def test_it_is_the_memory_itself():
    codes, labels = shown()
    labels[::3] = np.nan
    model = MemoryRegressor("gng", {"interval": 10}, epochs=2).fit(codes[:200], labels[:200])
    model.partial_fit(codes[200:250], labels[200:250]).partial_fit(codes[250:])
    memory = GNGConfig(interval=10).build(Runtime())
    codes, labels = codes.astype(np.float32), labels.astype(np.float32)
    for rows in (slice(200), slice(200), slice(200, 250)):
        memory.partial_fit(codes[rows], labels[rows])
    memory.partial_fit(codes[250:])
    assert same(model.memory_.state(), memory.state())
    assert model.predict(codes).tobytes() == memory.predict(codes).affects.tobytes()
    assert model.n_features_in_ == 6


def test_fit_begins_anew_and_partial_fit_goes_on():
    codes, labels = shown()
    one = MemoryRegressor().fit(codes[:100], labels[:100]).fit(codes, labels)
    other = (
        MemoryRegressor()
        .partial_fit(codes[:100], labels[:100])
        .partial_fit(codes[100:], labels[100:])
    )
    assert same(one.memory_.state(), other.memory_.state())


def test_a_pipeline_is_cross_validated_and_searched():
    codes, labels = shown(600)
    pipeline = make_pipeline(StandardScaler(), MemoryRegressor())
    assert cross_val_score(pipeline, codes, labels, cv=3).min() > 0.8
    grid = {
        "memoryregressor__memory": ["gwr", GWRConfig(max_neurons=2)],
        "memoryregressor__settings": [None, {"reading": "blend"}],
    }
    search = GridSearchCV(pipeline, grid, cv=3, error_score="raise").fit(codes, labels)
    assert search.best_params_ == {
        "memoryregressor__memory": "gwr",
        "memoryregressor__settings": {"reading": "blend"},
    }
    assert search.predict(codes).shape == (600, 2)


def test_a_clone_has_the_parameters_and_nothing_learnt():
    config = GWRConfig(max_neurons=20)
    model = MemoryRegressor(config, {"blend": 3}, epochs=2).fit(*shown())
    copy = clone(model)
    assert copy.get_params() == {"memory": config, "settings": {"blend": 3}, "epochs": 2}
    assert model.memory_.config == GWRConfig(max_neurons=20, blend=3)
    with pytest.raises(NotFittedError):
        copy.predict(shown()[0])


def test_without_a_label_it_says_nothing():
    codes, _ = shown()
    assert np.isnan(MemoryRegressor().partial_fit(codes).predict(codes)).all()


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (MemoryRegressor("gwrr"), "no memory 'gwrr'; did you mean 'gwr'"),
        (MemoryRegressor(settings={"bland": 3}), "no setting 'bland'; did you mean 'blend'"),
        (MemoryRegressor(settings={"max_neurons": 1}), "'max_neurons' must be >= 2"),
        (MemoryRegressor(epochs=0), "epochs must be a whole number >= 1: 0"),
        (MemoryRegressor(epochs=True), "epochs must be a whole number >= 1: True"),
    ],
)
def test_what_there_is_not_is_refused(model, message):
    with pytest.raises(ValueError, match=message):
        model.fit(*shown())


@pytest.mark.parametrize(
    "spoil",
    [
        lambda labels: labels[:, 0],
        lambda labels: labels[:, :1],
        lambda labels: np.hstack([labels, labels]),
        lambda labels: 3 * labels,
        lambda labels: np.where([True, False], labels, np.nan),
    ],
)
def test_labels_must_be_two_columns_in_minus_1_to_1(spoil):
    codes, labels = shown()
    with pytest.raises(ValueError, match=r"two columns, arousal and valence, in \[-1, 1\]"):
        MemoryRegressor().fit(codes, spoil(labels))
    model = MemoryRegressor().fit(codes, labels)
    before = model.memory_.state()
    with pytest.raises(ValueError, match="two columns"):
        model.partial_fit(codes, spoil(labels))
    assert same(before, model.memory_.state())


def test_rows_of_another_width_or_with_nan_are_refused_in_scikit_learns_words():
    codes, labels = shown()
    model = MemoryRegressor().fit(codes, labels)
    for do in (model.predict, model.partial_fit):
        with pytest.raises(
            ValueError, match="X has 5 features, but MemoryRegressor is expecting 6"
        ):
            do(codes[:, :5])
        with pytest.raises(ValueError, match="Input X contains NaN"):
            do(np.full((1, 6), np.nan))


def test_without_scikit_learn_one_line_names_the_extra(monkeypatch):
    real = builtins.__import__

    def absent(name, *rest, **named):
        if name.startswith("sklearn"):
            raise ImportError(name)
        return real(name, *rest, **named)

    monkeypatch.delitem(sys.modules, "affmem_memories.estimator")
    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(ImportError, match=r"needs scikit-learn: pip install affmem\[sklearn\]$"):
        importlib.import_module("affmem_memories.estimator")
