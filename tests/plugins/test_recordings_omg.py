"""The OMG corpus is read as its preparation leaves it; without it, a drawn one stands in."""

import csv
import io

import numpy as np
import platformdirs
import pytest
from attrs import frozen

from affmem.catalogue import catalogue
from affmem.errors import InputError
from affmem.evaluation import score, units
from affmem.protocols import Contest, Dataset, Runtime
from affmem.values import Affect, Step
from affmem_recordings import omg, sample
from affmem_recordings.config import OMGConfig
from recordings_files import number_of, write_video

HEADER = ["link", "start", "end", "video", "utterance", "arousal", "valence", "EmotionMaxVote"]
ROWS = [
    ["x", "9.5", "12", "vb", "utterance_10.mp4", "0.5", "-0.5", "3"],
    ["x", "30", "32", "va", "utterance_2.mp4", "0.1", "0.2", ""],
    ["x", "2.25", "4", "vb", "utterance_9.mp4", "0.75", "0.25", "6"],
    ["x", "1", "4", "va", "utterance_1.mp4", "0", "1", "0"],
]


def corpus(root, rows=ROWS, table="omg_TestVideos.csv", folder="Test", header=HEADER, absent=()):
    root.mkdir(exist_ok=True)
    with (root / table).open("w", newline="", encoding="utf-8-sig") as file:
        csv.writer(file).writerows([header, *rows])
    video, utterance = header.index("video"), header.index("utterance")
    (root / folder).mkdir(exist_ok=True)
    for number, row in enumerate(rows):
        if row[utterance] not in absent:
            write_video(root / folder / row[video] / row[utterance], [0, 40, 80][: number + 1])
    return root


def dataset(root, **settings):
    return OMGConfig(root, **settings).build(Runtime())


def problem(data):
    with pytest.raises(InputError) as caught:
        data.clips()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_utterances_come_by_video_then_by_time(tmp_path):
    data = dataset(corpus(tmp_path / "omg"))
    clips = data.clips()
    assert [clip.name for clip in clips] == [
        "vb/utterance_9",
        "vb/utterance_10",
        "va/utterance_1",
        "va/utterance_2",
    ]
    assert [clip.person for clip in clips] == ["vb", "vb", "va", "va"]
    assert clips[0].affect == Affect(0.75, 0.25)
    assert [clip.emotion for clip in clips] == ["surprise", "happy", "anger", None]
    assert (data.unit, data.notes()) == ("utterance", ())
    frames = list(data.frames(clips[0]))
    assert [(f.time, number_of(f.image)) for f in frames] == [(0, 0), (0.04, 1), (0.08, 2)]


@pytest.mark.parametrize(
    ("vote", "word"), [("happy", None), ("7", None), ("-1", None), ("3.5", None), ("3.0", "happy")]
)
def test_a_vote_that_is_none_fails_nothing(tmp_path, vote, word):
    rows = [[*row[:7], vote] for row in ROWS]
    assert {clip.emotion for clip in dataset(corpus(tmp_path, rows)).clips()} == {word}


def test_without_starts_the_number_of_the_utterance_is_the_order(tmp_path):
    rows = [row[3:7] for row in ROWS]
    clips = dataset(corpus(tmp_path, rows, header=HEADER[3:7])).clips()
    assert [clip.name for clip in clips][:2] == ["vb/utterance_9", "vb/utterance_10"]


@pytest.mark.parametrize(
    ("split", "table", "folder"),
    [
        ("train", "omg_TrainVideos.csv", "Train"),
        ("validation", "omg_ValidationVideos.csv", "validation"),
        ("test", "omg_TestVideos_WithLabels.csv", "omg_TestVideos"),
        ("test", "OMG_testvideos.CSV", "Test_Set"),
    ],
)
def test_splits_are_found_under_their_usual_names(tmp_path, split, table, folder):
    assert len(dataset(corpus(tmp_path, table=table, folder=folder), split=split).clips()) == 4


def test_of_two_test_tables_the_one_with_labels_is_read(tmp_path):
    bare = [row[:5] for row in ROWS]
    data = dataset(corpus(tmp_path, bare, header=HEADER[:5]))
    assert {clip.affect for clip in data.clips()} == {None}
    corpus(tmp_path, bare, "omg_TestVideos_WithoutLabels.csv", header=HEADER[:5])
    corpus(tmp_path, table="omg_TestVideos_WithLabels.csv")
    assert None not in {clip.affect for clip in dataset(tmp_path).clips()}


def test_training_needs_labels(tmp_path):
    root = corpus(tmp_path, [row[:5] for row in ROWS], "omg_TrainVideos.csv", "Train", HEADER[:5])
    assert "has no column 'arousal'" in problem(dataset(root, split="train"))


def test_missing_utterances_are_counted_and_named(tmp_path):
    data = dataset(corpus(tmp_path, absent=["utterance_9.mp4", "utterance_10.mp4"]))
    assert [clip.person for clip in data.clips()] == ["va", "va"]
    assert data.notes() == (
        "2 of 4 clips of omg_TestVideos.csv are missing, left out: vb/utterance_9, vb/utterance_10",
    )
    assert len(dataset(tmp_path, persons=1).clips()) == 2


def test_empty_files_are_counted_and_named_too(tmp_path):
    root = corpus(tmp_path, absent=["utterance_9.mp4"])
    (root / "Test" / "va" / "utterance_2.mp4").write_bytes(b"")
    data = dataset(root)
    assert [clip.name for clip in data.clips()] == ["vb/utterance_10", "va/utterance_1"]
    assert data.notes() == (
        "1 of 4 clips of omg_TestVideos.csv are missing, left out: vb/utterance_9",
        "1 of 4 clips of omg_TestVideos.csv are empty files (0 bytes), left out: va/utterance_2",
    )


def test_numbers_of_utterances_may_have_gaps_and_clips_be_very_short_or_long(tmp_path):
    rows = [
        ["x", start, end, "va", f"utterance_{number}.mp4", "0.5", "0", "3"]
        for start, end, number in (("0", "0.5", 4), ("2", "92", 17), ("95", "97", 108))
    ]
    root = corpus(tmp_path, rows)
    write_video(root / "Test" / "va" / "utterance_4.mp4", range(0, 500, 40))
    write_video(root / "Test" / "va" / "utterance_17.mp4", range(0, 90_000, 2000))
    data = dataset(root)
    times = {clip.name: [frame.time for frame in data.frames(clip)] for clip in data.clips()}
    assert [*times] == ["va/utterance_4", "va/utterance_17", "va/utterance_108"]
    assert (len(times["va/utterance_4"]), times["va/utterance_4"][-1]) == (13, 0.48)
    assert (len(times["va/utterance_17"]), times["va/utterance_17"][-1]) == (45, 88)


def test_the_first_persons_are_kept(tmp_path):
    assert {c.person for c in dataset(corpus(tmp_path), persons=1).clips()} == {"vb"}
    assert len(dataset(tmp_path, persons=9).clips()) == 4


def test_a_row_that_repeats_an_utterance_is_left_out_and_noted(tmp_path):
    data = dataset(corpus(tmp_path, [*ROWS, ROWS[0]]))
    assert len(data.clips()) == 4
    assert data.notes() == ("1 rows of omg_TestVideos.csv repeat an utterance, left out",)


def test_mistakes_are_said_in_a_line(tmp_path):
    said = problem(dataset(tmp_path / "none"))
    assert said == f"{tmp_path / 'none'}: no such folder; {omg.HELP}"
    said = problem(dataset(tmp_path))
    assert said == f"{tmp_path}: has no omg_TestVideos.csv; {omg.HELP}"
    (tmp_path / "omg_TestVideos.csv").write_text(",".join(HEADER) + "\n" + ",".join(ROWS[0]))
    assert problem(dataset(tmp_path)) == f"{tmp_path}: has no folder Test of videos; {omg.HELP}"
    (tmp_path / "Test").mkdir()
    assert "Test: holds none of the 1 clips that omg_TestVideos.csv names" in problem(
        dataset(tmp_path)
    )
    bad = tmp_path / "bad"
    corpus(bad, [ROWS[0], [*ROWS[1][:5], "7", "0", "1"]])
    said = problem(dataset(bad))
    assert said.endswith("omg_TestVideos.csv: line 3: arousal 7: expected a number in [-1, 1]")
    corpus_table = bad / "omg_TestVideos.csv"
    corpus_table.write_text(",".join(HEADER) + "\nx,1,2,..,a.mp4,0,0,1")
    assert "line 2: video ..: expected a path inside" in problem(dataset(bad))


# --- the challenge's file -----------------------------------------------------------------------


def table(text):
    return list(csv.DictReader(io.StringIO(text)))


def official(truth, predicted):
    """The challenge's score of two files: the mean over videos of each one's own CCC."""
    figures = {"arousal": [], "valence": []}
    for video in dict.fromkeys(row["video"] for row in truth):
        for dimension, values in figures.items():
            t, p = (
                np.array([float(row[dimension]) for row in rows if row["video"] == video])
                for rows in (truth, predicted)
            )
            covariance = np.cov(t, p, bias=True)[0, 1]
            values.append(2 * covariance / (t.var() + p.var() + (t.mean() - p.mean()) ** 2))
    return {dimension: np.mean(values) for dimension, values in figures.items()}


def test_predictions_stand_in_the_order_of_the_table(tmp_path):
    data = dataset(corpus(tmp_path))
    assert isinstance(data, Contest)
    read = {clip.name: Affect(n / 10, -n / 8) for n, clip in enumerate(data.clips())}
    assert data.predictions(read) == (
        "video,utterance,arousal,valence\n"
        "vb,utterance_10.mp4,0.100000,-0.125000\n"
        "va,utterance_2.mp4,0.300000,-0.375000\n"
        "vb,utterance_9.mp4,0.000000,0.000000\n"
        "va,utterance_1.mp4,0.200000,-0.250000\n"
    )
    assert data.notes() == ()


def test_where_nothing_was_read_the_mean_of_the_video_stands_in_and_is_told(tmp_path):
    rows = [*ROWS, ["x", "1", "2", "vc", "utterance_1.mp4", "0.2", "0.2", "3"]]
    data = dataset(corpus(tmp_path, rows, absent=["utterance_9.mp4", "utterance_1.mp4"]))
    read = {"vb/utterance_10": Affect(0.5, -0.5), "va/utterance_2": Affect(0.25, 0)}
    values = [(row["arousal"], row["valence"]) for row in table(data.predictions(read))]
    vb, va, overall = (
        ("0.500000", "-0.500000"),
        ("0.250000", "0.000000"),
        ("0.375000", "-0.250000"),
    )
    assert values == [vb, va, vb, va, overall]
    assert data.notes()[-1].startswith(
        "predictions.csv: of 3 of 5 utterances nothing was read; the mean"
    )
    assert {row["arousal"] for row in table(data.predictions({}))} == {"0.000000"}


def test_of_the_first_persons_alone_only_theirs_are_asked_for(tmp_path):
    data = dataset(corpus(tmp_path, absent=["utterance_9.mp4"]), persons=1)
    assert {row["video"] for row in table(data.predictions({}))} == {"vb"}
    assert len(table(data.predictions({}))) == 2


def test_the_mean_over_persons_is_the_official_score_of_the_file(tmp_path):
    truth = {"va": [0.0, 0.5, 1.0], "vb": [0.25, 0.75], "vc": [0.1, 0.9]}
    read = {"va": [0.0, 0.5, 1.0], "vb": [0.75, 0.25], "vc": [0.2, 0.6]}
    rows = [
        ["x", str(n), "9", video, f"utterance_{n}.mp4", str(label), str(-label), "3"]
        for video, labels in truth.items()
        for n, label in enumerate(labels)
    ]
    data = dataset(corpus(tmp_path, rows))
    steps = []
    for clip in data.clips():
        number = int(clip.name[-1])
        affect = Affect(read[clip.person][number], -read[clip.person][number])
        steps.append(Step(clip, 0.0, True, affect, affect, 1.0, 1, clip.affect))
    metric = catalogue().config("metric", "ccc")().build(Runtime())
    figures = score(units(steps, "utterance"), {"ccc": metric}, 20, np.random.default_rng(0))
    ours = figures["mean over persons"]["p-affmem"]
    # By hand: 1, -1, and of (0.1, 0.9), (0.2, 0.6): 2 * 0.08 / (0.16 + 0.04 + 0.01) = 16 / 21.
    known = (1 - 1 + 16 / 21) / 3
    file = data.predictions({step.clip.name: step.memory for step in steps})
    theirs = official(table((tmp_path / "omg_TestVideos.csv").read_text("utf-8-sig")), table(file))
    for dimension in ("arousal", "valence"):
        assert ours[dimension]["ccc"] == pytest.approx(known, abs=1e-6)
        assert theirs[dimension] == pytest.approx(known, abs=1e-6)


@frozen
class FakeMakerConfig:
    persons: int = 1
    seed: int = 0
    train: float = 0.0
    validation: float = 0.0

    def build(self, _runtime):
        return self

    def make(self, folder, progress):
        MADE.append((self.persons, self.seed))
        corpus(folder)
        if self.seed == FAILING:
            raise OSError(28, "No space left on device")
        progress(self.persons, self.persons)


MADE = []
FAILING = 13


@pytest.fixture
def cache(tmp_path, monkeypatch):
    MADE.clear()
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda _name: tmp_path / "cache")

    class Fake:
        def config(self, kind, name):
            assert (kind, name) == ("maker", "omg")
            return FakeMakerConfig

    monkeypatch.setattr(sample, "catalogue", Fake)
    return tmp_path / "cache"


def test_it_is_registered_and_keeps_the_protocol(tmp_path):
    assert catalogue().config("dataset", "omg") is OMGConfig
    assert isinstance(dataset(corpus(tmp_path)), Dataset)


def test_without_a_root_drawn_persons_stand_in_and_are_kept(cache):
    for _ in range(2):
        data = OMGConfig(sample_persons=3, sample_seed=7).build(Runtime())
        assert len(data.clips()) == 4
        assert data.notes() == (omg.DRAWN,)
    assert MADE == [(3, 7)]
    assert len(list(cache.iterdir())) == 1
    OMGConfig(sample_persons=3, sample_seed=8).build(Runtime()).clips()
    assert MADE == [(3, 7), (3, 8)]


def test_progress_is_told(cache):
    told = []
    omg.corpus(OMGConfig(sample_persons=3), Runtime(), lambda done, of: told.append((done, of)))
    assert told == [(3, 3)]


def test_a_maker_that_fails_leaves_nothing(cache):
    said = problem(OMGConfig(sample_seed=FAILING).build(Runtime()))
    assert said.endswith("the sample cannot be written (No space left on device)")
    assert list(cache.iterdir()) == []


def test_a_cache_that_cannot_be_made_is_said(cache):
    cache.write_text("a file where the folder should be")
    said = problem(OMGConfig().build(Runtime()))
    assert said.startswith(str(cache))
    assert "the sample cannot be written (" in said
