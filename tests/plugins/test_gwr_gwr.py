"""The growing memory: its laws, its known answers, and a slow twin that does the same."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from safetensors.numpy import load, save

from affmem import Runtime
from affmem.protocols import Memory
from affmem_gwr.config import GWRConfig
from affmem_gwr.gwr import GWR
from gwr_strategies import batches, configs, same, streams
from gwr_twin import twin
from typecheck import unchecked


def learnt(config, codes, labels=None):
    memory = GWR(config)
    memory.partial_fit(codes, labels)
    return memory


def firings(config, count):
    """Habituation of one neuron that alone fires, after each firing."""
    memory = learnt(config, np.float32([[0, 0], [9, 9]]))
    curve = []
    for _ in range(count):
        memory.partial_fit(np.float32([[0, 0]]))
        curve.append(float(memory.state()["habituation"][0]))
    return np.array(curve)


# --- known answers ----------------------------------------------------------------------------


def test_habituation_is_marslands_closed_form():
    t = np.arange(1, 61)
    closed = 1 - (1 - (1 - 0.3 * 1.05) ** t) / 1.05  # of dh = tau kappa (1 - h) - tau, h(0) = 1
    curve = firings(GWRConfig(), 60)
    np.testing.assert_allclose(curve, closed, atol=1e-6)
    assert curve[3] >= 0.2 > curve[4]
    assert curve[-1] == pytest.approx(0.0476, abs=1e-4)


def test_habituation_as_printed_falls_in_a_line_and_stops_at_0():
    t = np.arange(1, 21)
    closed = 1 - (1 - (1 - 0.087 * 0.032) ** t) / 0.032
    curve = firings(GWRConfig(preset="paper"), 20)
    np.testing.assert_allclose(curve, np.maximum(closed, 0), atol=1e-6)
    assert curve[8] >= 0.2 > curve[9]
    assert curve[10] > 0 == curve[11]


def test_activity_is_exp_of_the_distance_over_the_scale():
    for scale, distance, expected in [
        (1.0, "norm", np.exp(-5)),
        (10.0, "norm", np.exp(-0.5)),
        (10.0, "square", np.exp(-0.25)),
    ]:
        memory = learnt(GWRConfig(scale=scale, distance=distance), np.float32([[0, 0], [99, 99]]))
        reading = memory.predict(np.float32([[3, 4]]))
        assert reading.activations[0] == pytest.approx(expected)
        assert reading.units[0] == 0


def test_eq_8_moves_the_best_match_and_its_neighbour():
    config = GWRConfig(scale=1.0)
    memory = learnt(config, np.float32([[0], [5], [1]]))
    fresh, activity = 1.0, np.exp(-1)
    np.testing.assert_allclose(
        memory.state()["weights"][:, 0],
        [0.087 * fresh * (1 - activity), 5 - 0.032 * fresh * 4 * (1 - activity)],
        rtol=1e-6,
    )


def test_a_new_neuron_stands_half_way_between_and_takes_the_edges():
    config = GWRConfig(scale=1.0, habituation_threshold=0.9)
    memory = learnt(config, np.float32([[0], [50]]), np.float32([[0, 0], [1, 1]]))
    memory.partial_fit(np.float32([[0]]), np.float32([[0, 0]]))
    memory.partial_fit(np.float32([[4]]), np.float32([[0.5, -0.5]]))
    state = memory.state()
    assert state["weights"][2, 0] == 2
    assert state["labels"].tolist() == [[0, 0], [1, 1], [0.5, -0.5]]
    assert state["edges"].tolist() == [[0, 2], [1, 2]]
    assert state["habituation"][2] == 1


def test_labels_move_by_gamma_also_through_0_and_below():
    memory = learnt(GWRConfig(), np.float32([[0], [9]]), np.float32([[0, -0.5], [0, 0]]))
    memory.partial_fit(np.float32([[0]]), np.float32([[-1, 0.5]]))
    np.testing.assert_allclose(memory.state()["labels"][0], [-0.4, -0.1], atol=1e-6)


def test_unlabelled_rows_change_no_label_and_a_neuron_born_of_one_copies_its_parents():
    config = GWRConfig(scale=1.0, habituation_threshold=0.9)
    memory = learnt(config, np.float32([[0], [50]]), np.float32([[0.5, -0.5], [1, 1]]))
    memory.partial_fit(np.float32([[0], [4], [5], [3]]))
    labels = memory.state()["labels"]
    assert len(labels) > 2
    assert labels[1].tolist() == [1, 1]
    assert (labels[[0, *range(2, len(labels))]] == [0.5, -0.5]).all()


def test_where_the_best_match_has_no_label_the_nearest_with_one_is_read():
    memory = learnt(GWRConfig(scale=1.0), np.float32([[0], [9]]))
    assert np.isnan(memory.predict(np.float32([[0]])).affects).all()
    memory.partial_fit(np.float32([[9]]), np.float32([[0.25, 0.5]]))
    reading = memory.predict(np.float32([[0]]))
    assert reading.affects.tolist() == [[0.25, 0.5]]
    assert reading.units.tolist() == [0]


def test_the_neighbours_reading_is_the_mean_weighted_by_activity():
    config = GWRConfig(scale=1.0, reading="neighbours", labelling=0.0)
    memory = learnt(config, np.float32([[0], [2], [0]]), np.float32([[0, 0], [1, -1], [0, 0]]))
    place = memory.state()["weights"][:, 0].astype(np.float64)
    weights = np.exp(-np.abs(0.5 - place))
    share = weights[1] / weights.sum()
    reading = memory.predict(np.float32([[0.5]]))
    np.testing.assert_allclose(reading.affects, [[share, -share]], rtol=1e-5)


def test_the_scale_of_the_data_is_their_root_mean_square_distance_to_their_mean():
    codes = np.random.default_rng(0).normal(size=(300, 4)).astype(np.float32)
    memory = learnt(GWRConfig(scale_rows=100), codes)
    first = codes[:100].astype(np.float64)
    expected = np.sqrt(((first - first.mean(axis=0)) ** 2).sum(axis=1).mean())
    assert memory._scale == pytest.approx(expected)


def test_codes_that_are_all_the_same_make_no_third_neuron():
    memory = learnt(GWRConfig(), np.full((100, 3), 0.3, np.float32))
    assert len(memory) == 2
    assert memory.predict(np.full((1, 3), 0.3, np.float32)).activations.tolist() == [1]


def test_a_memory_that_learnt_a_map_reads_it_back():
    rng = np.random.default_rng(0)
    labels = rng.uniform(-1, 1, (2000, 2)).astype(np.float32)
    codes = np.tanh(labels @ rng.normal(size=(2, 10))).astype(np.float32)
    memory = learnt(GWRConfig(), codes[:1800], labels[:1800])
    error = memory.predict(codes[1800:]).affects - labels[1800:]
    assert np.sqrt((error**2).mean()) < 0.15
    assert 20 < len(memory) < 500


# --- beside the slow twin ---------------------------------------------------------------------


@given(config=configs(), stream=streams())
def test_the_slow_twin_has_the_same_neurons_edges_and_labels(config, stream):
    codes, labels = stream
    state = learnt(config, codes, labels).state()
    neurons = twin(config, codes.tolist(), labels.tolist())
    index = {neuron: at for at, neuron in enumerate(neurons)}
    edges = sorted(
        [index[one], index[other], age]
        for one in neurons
        for other, age in one.edges.items()
        if index[one] < index[other]
    )
    assert np.column_stack([state["edges"], state["ages"]]).tolist() == edges
    close = {"rtol": 1e-3, "atol": 1e-4}
    np.testing.assert_allclose(state["weights"], [n.weight for n in neurons], **close)
    np.testing.assert_allclose(state["habituation"], [n.habituation for n in neurons], **close)
    expected = [n.label or (np.nan, np.nan) for n in neurons]
    np.testing.assert_allclose(state["labels"], expected, **close)


# --- laws -------------------------------------------------------------------------------------


@given(config=configs(), stream=streams(), cuts=st.lists(st.integers(0, 150), max_size=5))
def test_rows_at_once_or_in_parts_teach_the_same(config, stream, cuts):
    codes, labels = stream
    memory = GWR(config)
    bounds = [0, *sorted(min(cut, len(codes)) for cut in cuts), len(codes)]
    for begin, end in pairwise(bounds):
        memory.partial_fit(codes[begin:end], labels[begin:end])
    assert same(memory.state(), learnt(config, codes, labels).state())


@given(config=configs(), stream=streams(), cut=st.integers(0, 150))
def test_a_memory_saved_mid_stream_goes_on_bit_for_bit(config, stream, cut):
    codes, labels = stream
    begun = learnt(config, codes[:cut], labels[:cut])
    saved = load(save(begun.state()))
    restored = learnt(config, codes[::-1], labels)  # whatever it knew before is gone
    restored.restore(saved)
    for memory in (begun, restored):
        memory.partial_fit(codes[cut:], labels[cut:])
    assert same(begun.state(), restored.state())
    one, other = begun.predict(codes), restored.predict(codes)
    assert one.affects.tobytes() == other.affects.tobytes()
    assert one.units.tolist() == other.units.tolist()


@given(
    config=configs(),
    stream=streams(width=5),
    signs=st.lists(st.sampled_from([-1, 1]), min_size=5, max_size=5),
)
def test_mirroring_features_mirrors_the_weights_and_changes_nothing_else(config, stream, signs):
    codes, labels = stream
    mirror = np.array(signs, np.float32)
    plain = learnt(config, codes, labels).state()
    mirrored = learnt(config, codes * mirror, labels).state()
    assert np.array_equal(mirrored.pop("weights"), plain.pop("weights") * mirror)
    for name, array in plain.items():
        if "spread" not in name:  # the centre of the data is mirrored too
            assert np.array_equal(mirrored[name], array, equal_nan=True), name


@given(config=configs(), stream=streams())
def test_a_neuron_is_added_only_if_the_best_match_is_habituated_and_little_active(config, stream):
    codes, labels = stream
    memory = learnt(config, codes[:2], labels[:2])
    for row in range(2, len(codes)):
        before = memory.state()
        x, y = codes[row : row + 1], labels[row : row + 1]
        if config.scale == "data" and row < config.scale_rows:  # the scale of this very row
            memory._spread.see(x[0])
            memory._scale = memory._spread.value
            reading = memory.predict(x)
            memory.restore(before)
        else:
            reading = memory.predict(x)
        best, activity = reading.units[0], reading.activations[0]
        memory.partial_fit(x, y)
        if len(memory) > len(before["weights"]):
            assert activity <= config.activity_threshold + 1e-6
            assert before["habituation"][best] < config.habituation_threshold
            assert memory.state()["habituation"][-1] == 1
            assert len(memory) <= config.max_neurons


@given(config=configs(), stream=streams(), rows=st.integers(0, 20))
def test_a_code_is_read_alike_alone_and_in_company(config, stream, rows):
    codes, labels = stream
    memory = learnt(config, codes, labels)
    together = memory.predict(codes[:rows])
    assert together.affects.shape == (min(rows, len(codes)), 2)
    for row in range(len(together.units)):
        alone = memory.predict(codes[row : row + 1])
        assert alone.affects.tobytes() == together.affects[row].tobytes()
        assert alone.activations[0] == together.activations[row]
        assert alone.units[0] == together.units[row]


class Machine(RuleBasedStateMachine):
    """A memory under whatever may happen to it, on codes that often tie."""

    @initialize(config=configs(), width=st.integers(1, 3))
    def start(self, config, width):
        self.config, self.width = config, width
        self.memory = GWR(config)
        self.codes = np.empty((0, width), np.float32)
        self.labels = np.empty((0, 2), np.float32)
        self.saved = self.memory.state(), 0

    @rule(data=st.data())
    def partial_fit(self, data):
        codes, labels = data.draw(batches(self.width))
        if data.draw(st.booleans()):
            labels[:] = np.nan
            self.memory.partial_fit(codes)
        else:
            self.memory.partial_fit(codes, labels)
        self.codes, self.labels = np.vstack([self.codes, codes]), np.vstack([self.labels, labels])

    @rule(data=st.data())
    def fire_often(self, data):
        """The same few codes again and again: neurons habituate, edges age."""
        codes, labels = data.draw(batches(self.width, max_rows=3))
        for _ in range(12):
            self.memory.partial_fit(codes, labels)
        self.codes = np.vstack([self.codes, *[codes] * 12])
        self.labels = np.vstack([self.labels, *[labels] * 12])

    @rule(data=st.data())
    def predict_changes_nothing(self, data):
        codes, _ = data.draw(batches(self.width))
        before = self.memory.state()
        reading = self.memory.predict(codes)
        assert same(before, self.memory.state())
        n = len(codes)
        shapes = reading.affects.shape, reading.activations.shape, reading.units.shape
        assert shapes == ((n, 2), (n,), (n,))
        known = self.labels[~np.isnan(self.labels[:, 0])]
        if not len(self.memory):
            assert (reading.units == -1).all()
            assert (reading.activations == 0).all()
        else:
            assert ((reading.units >= 0) & (reading.units < len(self.memory))).all()
            assert ((reading.activations >= 0) & (reading.activations <= 1)).all()
        held = self.memory.state()["labels"]
        assert (
            np.isnan(reading.affects).all()
            if np.isnan(held).all()
            else (
                (reading.affects >= known.min(axis=0) - 1e-6)
                & (reading.affects <= known.max(axis=0) + 1e-6)
            ).all()
        )

    @rule(data=st.data())
    def what_is_refused_changes_nothing(self, data):
        codes, labels = data.draw(batches(self.width, max_rows=4))
        codes, labels = (
            np.vstack([codes, np.zeros((1, self.width))]),
            np.vstack([labels, np.zeros((1, 2))]),
        )
        spoilt = data.draw(st.sampled_from(["nan", "huge", "length", "label", "half", "width"]))
        if spoilt == "nan":
            codes[-1, 0] = np.nan
        elif spoilt == "huge":
            codes[-1, 0] = 1e30
        elif spoilt == "length":
            labels = labels[1:]
        elif spoilt == "label":
            labels[-1] = 1.5
        elif spoilt == "half":
            labels[-1, 0] = np.nan
        else:
            codes = np.zeros((len(codes), self.width + 1 if len(self.memory) else 0))
        before = self.memory.state()
        with unchecked(), pytest.raises(ValueError, match="must"):
            self.memory.partial_fit(codes.astype(np.float32), labels.astype(np.float32))
        assert same(before, self.memory.state())

    @rule()
    def begin_changes_nothing(self):
        before = self.memory.state()
        self.memory.begin()
        assert same(before, self.memory.state())

    @rule()
    def save(self):
        self.saved = self.memory.state(), len(self.codes)

    @rule()
    def restore(self):
        state, rows = self.saved
        memory = GWR(self.config)
        memory.restore(state)
        memory.partial_fit(self.codes[rows:], self.labels[rows:])
        assert same(memory.state(), self.memory.state())
        self.memory = memory

    @precondition(lambda self: len(self.memory))
    @rule()
    def a_state_is_a_copy(self):
        state = self.memory.state()
        for array in state.values():
            array.fill(0)
        assert self.memory.state()["format"] == [1]

    @invariant()
    def holds(self):
        if not hasattr(self, "memory"):
            return
        state, n = self.memory.state(), len(self.memory)
        assert min(len(self.codes), 2) <= n <= min(max(len(self.codes), 0), self.config.max_neurons)
        assert ((state["habituation"] >= 0) & (state["habituation"] <= 1)).all()
        edges = state["edges"]
        assert (edges[:, 0] < edges[:, 1]).all()
        assert (state["ages"] <= self.config.max_age).all()
        ages = self.memory._ages
        assert (ages == ages.T).all()
        assert (np.diag(ages) == -1).all()
        assert (ages[n:] == -1).all()
        if len(self.codes) > 2:
            assert (ages[:n, :n] >= 0).any(axis=1).all()
        if n:
            low, high = self.codes.min(axis=0), self.codes.max(axis=0)
            assert (state["weights"] >= low - 1e-6).all()
            assert (state["weights"] <= high + 1e-6).all()
        known = ~np.isnan(state["labels"])
        assert (known[:, 0] == known[:, 1]).all()
        if known.any():
            low, high = np.nanmin(self.labels, axis=0), np.nanmax(self.labels, axis=0)
            labels = state["labels"][known[:, 0]]
            assert (labels >= low - 1e-6).all()
            assert (labels <= high + 1e-6).all()


def test_whatever_happens_the_network_is_sound():
    run_state_machine_as_test(
        Machine, settings=settings(stateful_step_count=20, suppress_health_check=[*HealthCheck])
    )


@given(config=configs(max_age=1000), stream=streams(max_rows=60))
def test_habituation_never_rises(config, stream):
    codes, labels = stream
    memory = learnt(config, codes[:2])
    for row in range(2, len(codes)):
        before = memory.state()["habituation"]
        memory.partial_fit(codes[row : row + 1], labels[row : row + 1])
        assert (memory.state()["habituation"][: len(before)] <= before).all()


def test_it_is_a_memory():
    assert isinstance(GWRConfig().build(Runtime()), Memory)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda state: state.clear(),
        lambda state: state.update(format=np.array([2])),
        lambda state: state.pop("ages"),
        lambda state: state.update(weights=state["weights"][:-1]),
        lambda state: state.update(weights=state["weights"].astype(np.float64)),
        lambda state: state["weights"].fill(np.nan),
        lambda state: state["habituation"].fill(1.5),
        lambda state: state["labels"].fill(-3),
        lambda state: state["edges"].fill(0),
        lambda state: state["edges"].fill(10_000),
        lambda state: state["ages"].fill(-1),
        lambda state: state["spread_rows"].fill(-1),
    ],
)
def test_what_is_no_state_is_refused_and_changes_nothing(spoil):
    rng = np.random.default_rng(0)
    memory = learnt(GWRConfig(), rng.normal(size=(50, 3)).astype(np.float32))
    state = memory.state()
    spoil(state)
    with pytest.raises(ValueError, match=r"gwr|must"):
        memory.restore(state)
    codes = rng.normal(size=(50, 3)).astype(np.float32)
    other = learnt(GWRConfig(), np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32))
    for one in (memory, other):
        one.partial_fit(codes)
    assert same(memory.state(), other.state())
