"""Growing memories: their laws, their known answers, and a plain twin that agrees in every bit."""

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import pytest
from attrs import evolve
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

from affmem.conformance import CHECKS, Subject
from affmem_memories.config import GammaGWRConfig, GNGConfig, GWRConfig
from affmem_memories.network import GrowingMemory
from memories_strategies import batches, configs, joined, same, streams, symmetric
from memories_twin import twin
from typecheck import unchecked


def learnt(config, codes, labels=None):
    memory = GrowingMemory(config)
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
    np.testing.assert_allclose(curve, closed, atol=1e-12)
    assert curve[3] >= 0.2 > curve[4]
    assert curve[-1] == pytest.approx(0.0476, abs=1e-4)


def test_habituation_as_printed_falls_in_a_line_and_stops_at_0():
    t = np.arange(1, 21)
    closed = 1 - (1 - (1 - 0.087 * 0.032) ** t) / 0.032
    curve = firings(GWRConfig(preset="paper"), 20)
    np.testing.assert_allclose(curve, np.maximum(closed, 0), atol=1e-12)
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
        assert reading.novel[0] == (expected < 0.85)


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
    assert state["wins"].tolist() == [2, 0, 0]
    assert state["last"].tolist() == [4, 2, 4]


def test_labels_move_by_gamma_also_through_0_and_below():
    for config in (GWRConfig(), GNGConfig()):
        memory = learnt(config, np.float32([[0], [9]]), np.float32([[0, -0.5], [0, 0]]))
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


def test_a_blend_is_the_mean_of_the_nearest_weighted_by_activity():
    config = GWRConfig(scale=1.0, reading="blend", blend=2, labelling=0.0)
    codes, labels = np.float32([[0], [2], [0]]), np.float32([[0, 0], [1, -1], [0, 0]])
    memory = learnt(config, codes, labels)
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
    assert memory.state()["sums"][1] == pytest.approx(expected)


def test_codes_that_are_all_the_same_make_no_third_neuron():
    memory = learnt(GWRConfig(), np.full((100, 3), 0.3, np.float32))
    assert len(memory) == 2
    assert memory.predict(np.full((1, 3), 0.3, np.float32)).activations.tolist() == [1]


@pytest.mark.parametrize("config", [GWRConfig(), GNGConfig(interval=10), GammaGWRConfig()])
def test_a_memory_that_learnt_a_map_reads_it_back(config):
    rng = np.random.default_rng(0)
    labels = rng.uniform(-1, 1, (2000, 2)).astype(np.float32)
    codes = np.tanh(labels @ rng.normal(size=(2, 10))).astype(np.float32)
    memory = learnt(config, codes[:1800], labels[:1800])
    error = memory.predict(codes[1800:]).affects - labels[1800:]
    assert np.sqrt((error**2).mean()) < 0.15
    assert 20 < len(memory) < 500


def test_a_context_tells_apart_what_looks_alike():
    """A B C B A B C B ...: B comes after A or after C, and only the context says which."""
    codes = np.tile(np.float32([[0, 0], [1, 0], [2, 0], [1, 0]]), (200, 1))
    after_a, after_c = codes[:1], codes[2:3]
    for config, differ in ((GWRConfig(), False), (GammaGWRConfig(), True)):
        memory = learnt(evolve(config, scale=0.2), codes)
        units = []
        for before in (after_a, after_c):
            memory.begin()
            memory.partial_fit(before)
            units.append(memory.predict(codes[1:2]).units[0])
        assert (units[0] != units[1]) == differ


def test_edits_are_learnt_in_the_moment_at_hand_and_do_not_move_it():
    memory = learnt(GammaGWRConfig(), np.float32([[0], [1], [0.5]]))
    before = memory.state()["context"]
    memory.partial_fit(np.float32([[0.1], [0.9]]), np.float32([[0, 0], [1, 1]]))
    assert memory.state()["context"].tolist() == before.tolist()
    memory.partial_fit(np.float32([[0.7]]))
    assert memory.state()["context"].tolist() != before.tolist()
    memory.begin()
    assert not memory.state()["context"].any()


def test_a_full_memory_gives_up_whom_it_needed_longest_ago_or_keeps_all():
    rng = np.random.default_rng(1)
    far, near = rng.normal(size=(300, 2)) + 50, rng.normal(size=(900, 2))
    for when_full, forgets in (("replace", True), ("keep", False)):
        config = GWRConfig(max_neurons=20, when_full=when_full, scale=1.0)
        memory = learnt(config, np.vstack([far, near]).astype(np.float32))
        weights = memory.state()["weights"]
        assert 18 <= len(weights) <= 20
        assert (weights.mean(axis=1) < 10).all() == forgets


def test_utility_lets_a_gas_follow_what_drifts():
    rng = np.random.default_rng(2)
    codes = np.vstack([rng.normal(size=(3000, 2)), rng.normal(size=(3000, 2)) + 30])
    left_behind = {}
    for utility in (0.0, 3.0):
        config = GNGConfig(max_neurons=30, utility=utility)
        weights = learnt(config, codes.astype(np.float32)).state()["weights"]
        left_behind[utility] = int((weights.mean(axis=1) < 10).sum())
    assert left_behind[0.0] > 3
    assert left_behind[3.0] == 0


def test_the_error_over_time_falls_and_its_means_are_of_the_rows():
    codes = np.random.default_rng(3).uniform(-1, 1, (3000, 3)).astype(np.float32)
    rows, errors = learnt(GWRConfig(), codes).errors()
    assert len(rows) == len(errors) <= 256
    assert rows[-1] <= 3000
    assert (np.diff(rows) == rows[0]).all()
    assert errors[-20:].mean() < 0.7 * errors[:5].mean()


# --- beside the plain twin --------------------------------------------------------------------


@given(config=configs(), stream=streams())
def test_the_plain_twin_is_the_same_to_the_last_bit(config, stream):
    codes, labels = stream
    state = learnt(config, codes, labels).state()
    other = twin(config, codes, labels)
    neurons = other.neurons
    index = {neuron: at for at, neuron in enumerate(neurons)}
    edges = sorted(
        [index[one], index[near], age]
        for one in neurons
        for near, age in one.edges.items()
        if index[one] < index[near]
    )
    assert np.column_stack([state["edges"], state["ages"]]).tolist() == edges
    assert np.array_equal(state["weights"], np.array([n.weight for n in neurons]))
    assert np.array_equal(state["labels"], np.array([n.label for n in neurons]), equal_nan=True)
    for name in ("habituation", "wins", "last", "error", "utility", "distance"):
        assert state[name].tolist() == [getattr(n, name) for n in neurons], name
    assert state["context"].tolist() == other.context.ravel().tolist()
    assert state["sums"][1] == other.scale


# --- laws -------------------------------------------------------------------------------------


@pytest.mark.parametrize("check", CHECKS["memory"])
def test_with_any_settings_it_keeps_what_every_memory_must(check):
    check(Subject("memory", "growing", configs(), examples=40))


@given(config=configs(), stream=streams(), cuts=st.lists(st.integers(0, 150), max_size=5))
def test_rows_at_once_or_in_parts_teach_the_same(config, stream, cuts):
    codes, labels = stream
    memory = GrowingMemory(config)
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
    for name, array in plain.items():
        expected = array
        if name in ("weights", "mean", "context"):
            expected = (array.reshape(-1, 5) * mirror).reshape(array.shape)
        floats = array.dtype.kind == "f"
        assert np.array_equal(mirrored[name], expected, equal_nan=floats), name


@given(config=configs(), stream=streams(), order=st.randoms())
def test_permuting_the_features_permutes_the_weights(config, stream, order):
    """Of a few rows only: in more, the rounding of sums in another order may tip a threshold."""
    codes, labels = stream[0][:12], stream[1][:12]
    places = list(range(codes.shape[1]))
    order.shuffle(places)
    plain = learnt(config, codes, labels).state()
    permuted = learnt(config, codes[:, places], labels).state()
    if plain["edges"].tolist() != permuted["edges"].tolist():  # a tie that rounding broke otherwise
        return
    shape = (len(plain["weights"]), -1, codes.shape[1])
    expected = plain["weights"].reshape(shape)[..., places]
    np.testing.assert_allclose(permuted["weights"].reshape(shape), expected, atol=1e-4)


@given(config=configs(kinds=["gwr"]), stream=streams())
def test_a_neuron_is_added_only_if_the_best_match_is_habituated_and_little_active(config, stream):
    config = evolve(config, scale=0.5)
    codes, labels = stream
    memory = learnt(config, codes[:2], labels[:2])
    for row in range(2, len(codes)):
        before = memory.state()
        x, y = codes[row : row + 1], labels[row : row + 1]
        reading = memory.predict(x)
        best, activity = reading.units[0], reading.activations[0]
        memory.partial_fit(x, y)
        if len(memory) > len(before["weights"]):
            assert activity <= config.activity_threshold + 1e-6
            assert before["habituation"][best] < config.habituation_threshold
            assert memory.state()["habituation"].max() == 1
            assert len(memory) <= config.max_neurons


@given(config=configs(), stream=streams())
def test_the_unit_read_is_the_true_nearest_and_ties_go_to_the_lowest(config, stream):
    codes, labels = stream
    memory = learnt(config, np.round(codes), labels)  # on whole numbers: many ties, exact sums
    state, units = memory.state(), memory.predict(np.round(codes)).units
    if memory.config == config and not state["context"].size:
        weights = state["weights"]
        squares = np.zeros((len(codes), len(weights)), np.float32)
        for k in range(codes.shape[1]):
            squares += (np.round(codes)[:, k : k + 1] - weights[:, k]) ** 2
        assert units.tolist() == squares.argmin(axis=1).tolist()


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
        assert alone.novel[0] == (alone.activations[0] < config.activity_threshold)


@given(config=configs(kinds=["gwr", "gamma-gwr"]), stream=streams())
def test_habituation_never_rises(config, stream):
    config = evolve(config, max_neurons=1000, max_age=1000)  # none is removed
    codes, labels = stream
    memory = learnt(config, codes[:2])
    for row in range(2, len(codes)):
        before = memory.state()["habituation"]
        memory.partial_fit(codes[row : row + 1], labels[row : row + 1])
        assert (memory.state()["habituation"][: len(before)] <= before).all()


@given(config=configs(), stream=streams(), wins=st.integers(0, 10))
def test_pruning_leaves_only_who_won_enough_and_a_sound_network(config, stream, wins):
    codes, labels = stream
    memory = learnt(config, codes, labels)
    before = memory.state()
    gone = memory.prune(wins)
    after = memory.state()
    assert len(after["weights"]) == len(before["weights"]) - gone >= 2
    if len(after["weights"]) > 2:
        assert (after["wins"] >= wins).all()
    old = {row.tobytes() for row in before["weights"]}
    assert {row.tobytes() for row in after["weights"]} <= old
    assert len(codes) == 2 or joined(after)
    memory.partial_fit(codes, labels)


@given(data=st.data(), config=configs())
def test_merging_takes_in_every_neuron_up_to_the_bound(data, config):
    codes, labels = data.draw(streams(width=3))
    others, other_labels = data.draw(streams(width=3))
    one, other = learnt(config, codes, labels), learnt(config, others, other_labels)
    both, taken = len(one) + len(other), other.state()
    one.merge(other)
    assert same(other.state(), taken)
    assert len(one) <= min(both, config.max_neurons)
    if both <= config.max_neurons:
        weights = one.state()["weights"]
        assert len(weights) == both
        assert np.array_equal(weights[-len(other) :], taken["weights"])
    assert min(len(codes), len(others)) == 2 or joined(one.state())
    empty = GrowingMemory(config)
    empty.merge(other)
    assert same(empty.state(), taken)
    one.partial_fit(codes)


def test_a_gas_merged_from_two_of_lone_neurons_grows_soundly():
    one = learnt(GNGConfig(interval=1), np.float32([[0, 0], [1, 1]]))
    one.merge(learnt(GNGConfig(interval=1), np.float32([[10, 10], [11, 11]])))
    one.partial_fit(np.float32([[10, 10]]))
    assert np.isfinite(one.state()["weights"]).all()
    assert symmetric(one)
    GrowingMemory(GNGConfig()).restore(one.state())


def test_memories_of_another_kind_or_width_are_not_merged():
    codes = np.float32([[0, 1], [1, 0]])
    memory = learnt(GWRConfig(), codes)
    with pytest.raises(ValueError, match="cannot take in 'gng'"):
        memory.merge(learnt(GNGConfig(), codes))
    with pytest.raises(ValueError, match="2 wide"):
        memory.merge(learnt(GWRConfig(), codes[:, :1]))


def test_many_memories_learn_at_once_in_threads_as_one_after_the_other():
    rng = np.random.default_rng(5)
    streams = [rng.normal(size=(500, 8)).astype(np.float32) for _ in range(8)]
    alone = [learnt(GWRConfig(), codes).state() for codes in streams]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda codes: learnt(GWRConfig(), codes).state(), streams))
    assert all(same(one, other) for one, other in zip(alone, together, strict=True))


class Machine(RuleBasedStateMachine):
    """A memory under whatever may happen to it, on codes that often tie."""

    @initialize(config=configs(), width=st.integers(1, 3))
    def start(self, config, width):
        self.config, self.width = config, width
        self.memory = GrowingMemory(config)
        self.codes = np.empty((0, width), np.float32)
        self.labels = np.empty((0, 2), np.float32)
        self.saved = self.memory.state(), []
        self.done = []

    def do(self, codes, labels):
        self.memory.partial_fit(codes, labels)
        self.done.append(lambda memory: memory.partial_fit(codes, labels))
        self.codes, self.labels = np.vstack([self.codes, codes]), np.vstack([self.labels, labels])

    @rule(data=st.data())
    def partial_fit(self, data):
        codes, labels = data.draw(batches(self.width))
        if data.draw(st.booleans()):
            labels[:] = np.nan
        self.do(codes, labels)

    @rule(data=st.data())
    def fire_often(self, data):
        """The same few codes again and again: neurons habituate, edges age."""
        codes, labels = data.draw(batches(self.width, max_rows=3))
        for _ in range(12):
            self.do(codes, labels)

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
        codes = np.vstack([codes, np.zeros((1, self.width), np.float32)])
        labels = np.vstack([labels, np.zeros((1, 2), np.float32)])
        spoilt = data.draw(
            st.sampled_from(["nan", "huge", "length", "label", "half", "width", "text", "flat"])
        )
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
        elif spoilt == "text":
            codes = codes.astype(str)
        elif spoilt == "flat":
            codes = codes.ravel()
        else:
            codes = np.zeros((len(codes), self.width + 1 if len(self.memory) else 0), np.float32)
        before = self.memory.state()
        error = TypeError if spoilt == "text" else ValueError
        with unchecked(), pytest.raises(error, match="must"):
            self.memory.partial_fit(codes, labels)
        assert same(before, self.memory.state())

    @rule()
    def begin(self):
        before = self.memory.state()
        self.memory.begin()
        self.done.append(lambda memory: memory.begin())
        after = self.memory.state()
        for state in (before, after):
            state.pop("context")
        assert same(before, after)

    @precondition(lambda self: len(self.memory) > 2)
    @rule(wins=st.integers(0, 3))
    def prune(self, wins):
        self.memory.prune(wins)
        self.done.append(lambda memory: memory.prune(wins))

    @rule()
    def save(self):
        self.saved = self.memory.state(), []
        self.done = self.saved[1]

    @rule()
    def restore(self):
        """What was saved, and then all that happened since, is the memory at hand."""
        state, done = self.saved
        memory = GrowingMemory(self.config)
        memory.restore(state)
        for one in done if done is self.done else [*done]:
            one(memory)
        if done is self.done:
            assert same(memory.state(), self.memory.state())
            self.memory = memory

    @invariant()
    def holds(self):
        if not hasattr(self, "memory"):
            return
        state, n = self.memory.state(), len(self.memory)
        assert min(len(self.codes), 2) <= n <= min(len(self.codes), self.config.max_neurons)
        assert ((state["habituation"] >= 0) & (state["habituation"] <= 1)).all()
        edges = state["edges"]
        assert (edges[:, 0] < edges[:, 1]).all()
        assert len(np.unique(edges, axis=0)) == len(edges)
        assert (state["ages"] <= self.config.max_age).all()
        assert symmetric(self.memory)
        if len(self.codes) > 2:
            assert joined(state)
        if n and not state["context"].size:
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
        Machine,
        settings=settings(stateful_step_count=20, suppress_health_check=[*HealthCheck]),
    )


@pytest.mark.parametrize(
    "spoil",
    [
        lambda state: state.clear(),
        lambda state: state.update(format=np.array([1])),
        lambda state: state.update(kind=np.frombuffer(b"gng", np.uint8)),
        lambda state: state.pop("ages"),
        lambda state: state.update(weights=state["weights"][:-1]),
        lambda state: state.update(weights=state["weights"].astype(np.float64)),
        lambda state: state["weights"].fill(np.nan),
        lambda state: state["habituation"].fill(1.5),
        lambda state: state["labels"].fill(-3),
        lambda state: state["edges"].fill(0),
        lambda state: state["edges"].fill(10_000),
        lambda state: state["ages"].fill(-1),
        lambda state: state["counts"].fill(-1),
        lambda state: state["counts"].fill(7),
        lambda state: state["sums"].fill(0),
        lambda state: state["trace"].fill(np.inf),
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


def test_a_state_of_other_contexts_is_refused():
    memory = learnt(GammaGWRConfig(), np.float32([[0, 1], [1, 0]]))
    with pytest.raises(ValueError, match=r"must|another"):
        learnt(GammaGWRConfig(contexts=1), np.float32([[0, 1], [1, 0]])).restore(memory.state())
