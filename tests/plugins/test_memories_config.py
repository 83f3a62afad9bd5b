"""Settings of the memories."""

import pytest
from attrs import asdict
from hypothesis import given

from affmem_memories import affmem_memories
from affmem_memories.config import PRESETS, GammaGWRConfig, GNGConfig, GWRConfig, KNNConfig
from memories_strategies import configs


def test_the_memories_are_named():
    assert {name: config.__name__ for name, config in affmem_memories().items()} == {
        "gwr": "GWRConfig", "gamma-gwr": "GammaGWRConfig", "gng": "GNGConfig",
        "knn": "KNNConfig", "none": "NoneConfig",
    }  # fmt: skip


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_gives_the_others_their_values_unless_given(preset):
    config = asdict(GWRConfig(preset=preset))
    assert config.items() >= PRESETS[preset].items()
    assert GWRConfig(preset=preset, activity_threshold=0.123).activity_threshold == 0.123


def test_presets_set_the_same_settings_and_the_paper_has_its_table():
    assert PRESETS["paper"].keys() == PRESETS["corrected"].keys()
    paper = GWRConfig(preset="paper")
    assert (paper.activity_threshold, paper.habituation_threshold) == (0.4, 0.2)
    assert (paper.tau_bmu, paper.kappa, paper.labelling) == (0.087, 0.032, 0.4)
    assert (paper.scale, paper.distance) == (1.0, "norm")


@given(config=configs())
def test_a_config_shows_every_value_in_force(config):
    assert type(config)(**asdict(config)) == config
    assert None not in asdict(config).values()


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"preset": "papre"}, "preset"),
        ({"scale": "dta"}, "scale"),
        ({"scale": 0.0}, "scale"),
        ({"scale": float("inf")}, "scale"),
        ({"activity_threshold": 1.1}, "activity_threshold"),
        ({"habituation_threshold": 0.0}, "habituation_threshold"),
        ({"learning_rate_bmu": float("nan")}, "learning_rate_bmu"),
        ({"kappa": 4.0}, "h swings"),
        ({"kappa": 1.3}, "ever counts as habituated"),
        ({"kappa": 0.0}, "kappa"),
        ({"max_neurons": 1}, "max_neurons"),
        ({"max_age": 0}, "max_age"),
        ({"scale_rows": 1}, "scale_rows"),
        ({"reading": "mean"}, "reading"),
        ({"distance": "cosine"}, "distance"),
    ],
)
def test_a_value_out_of_range_is_refused_by_name(settings, says):
    with pytest.raises(ValueError, match=says):
        GWRConfig(**settings)


@pytest.mark.parametrize(
    ("kind", "settings", "says"),
    [
        (GammaGWRConfig, {"contexts": 0}, "contexts"),
        (GammaGWRConfig, {"contexts": 3}, "each of 3 contexts"),
        (GammaGWRConfig, {"alpha": (1.0, 0.5, -0.1)}, "alpha"),
        (GammaGWRConfig, {"beta": 1.5}, "beta"),
        (GNGConfig, {"interval": 0}, "interval"),
        (GNGConfig, {"error_decay": 1.0}, "error_decay"),
        (GNGConfig, {"utility": -1.0}, "utility"),
        (KNNConfig, {"nearest": 0}, "nearest"),
        (KNNConfig, {"scale": "dta"}, "scale"),
    ],
)
def test_of_the_others_too(kind, settings, says):
    with pytest.raises(ValueError, match=says):
        kind(**settings)
