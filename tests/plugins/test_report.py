import base64
import gzip
import json
import re
from html.parser import HTMLParser

import numpy as np
import plotly.graph_objects as go
import pytest

from affmem.errors import InputError
from affmem.evaluation import Units, score
from affmem.protocols import Reporter, Runtime
from affmem_report import affmem_reporters
from affmem_report.config import HTMLConfig, RerunConfig
from plugins import fake_run

VOID = {"meta", "img", "br", "link", "input", "hr"}
HOSTILE = "<script>alert(1)</script>"
CLOSER = "</script><img src=x onerror=alert(1)>\u2028&\"'`"


class Page(HTMLParser):
    """A page's elements, checked to be balanced."""

    def __init__(self, text):
        super().__init__()
        self.open, self.elements, self.options, self.text = [], [], [], []
        self.data = {}
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        assert len(attributes) == len(attrs), attrs
        self.elements.append((tag, attributes))
        if tag not in VOID:
            self.open.append((tag, attributes))
        if tag == "option":
            self.options.append("")

    def handle_endtag(self, tag):
        assert self.open, tag
        assert self.open.pop()[0] == tag

    def handle_data(self, data):
        tag, attributes = self.open[-1] if self.open else ("", {})
        if tag == "option":
            self.options[-1] += data
        elif tag == "script" and attributes.get("type") == "text/plain":
            self.data[attributes["id"]] = data
        elif tag not in {"script", "style"}:
            self.text.append(data)

    def words(self):
        return " ".join("".join(self.text).split())

    def chart(self, name):
        return json.loads(gzip.decompress(base64.b64decode(self.data[name])))


def report(run, **settings):
    return Page(HTMLConfig(**settings).build(Runtime()).write(run).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return fake_run.make(tmp_path_factory.mktemp("whole"))


@pytest.fixture(scope="module")
def page(whole):
    return report(whole)


@pytest.fixture
def small(tmp_path):
    return fake_run.make(tmp_path / "run", persons=("anna", "bela"), clips=2, seconds=2.0, edits=1)


def change(path, **values):
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def test_the_plugin_gives_two_reporters():
    assert affmem_reporters() == {"html": HTMLConfig, "rerun": RerunConfig}
    assert isinstance(HTMLConfig().build(Runtime()), Reporter)


def test_the_page_refers_to_nothing_outside_itself(page):
    for tag, attributes in page.elements:
        assert tag not in {"link", "iframe", "object", "embed", "base"}
        assert "src" not in attributes or attributes["src"].startswith("data:image/webp;base64,")
        assert "href" not in attributes or attributes["href"].startswith("#")
        assert "srcset" not in attributes
        assert "url(" not in attributes.get("style", "")


def test_every_link_and_label_within_the_page_has_its_end(page):
    ids = [attributes["id"] for _tag, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    for tag, attributes in page.elements:
        if tag == "a":
            assert attributes["href"][1:] in ids
        if "for" in attributes:
            assert attributes["for"] in ids
        if "data-chart" in attributes:
            assert attributes["data-chart"] in page.data


def test_only_the_two_scripts_that_the_page_names_may_run(page):
    policy = next(a["content"] for _t, a in page.elements if "http-equiv" in a)
    assert policy.startswith("default-src 'none'")
    scripts = policy.partition("script-src")[2]
    assert len(re.findall(r"'sha256-[^']{44}'", scripts)) == 2
    assert "unsafe" not in scripts


def test_every_person_is_in_the_picker_and_in_the_table(page):
    assert page.options == list(fake_run.NAMES)
    assert all(page.words().count(name) >= 2 for name in fake_run.NAMES)


def test_persons_beyond_the_setting_are_still_in_the_table(whole):
    page = report(whole, persons=3)
    assert page.options == list(fake_run.NAMES[:3])
    assert "The first 3 of 11 persons" in page.words()
    assert "kofi" in page.words()


def test_the_answer_says_what_the_intervals_show(page):
    words = page.words()
    interval = "[\N{MINUS SIGN}0.02, 0.08]"
    assert f"gain for arousal is +0.03 {interval}: the interval holds 0, so no gain is" in words
    assert "gain for valence is +0.09 [0.03, 0.15]: the whole interval is above 0" in words


def test_every_chart_is_one_that_plotly_accepts(page):
    for name in page.data:
        if name != "plotly":
            chart = page.chart(name) if name != "scatter-data" else page.chart(name)["chart"]
            go.Figure(data=chart["data"], layout=chart["layout"])


def test_frames_without_a_face_are_gaps_and_long_runs_are_thinned(tmp_path):
    run = fake_run.make(tmp_path / "run", persons=("anna",), clips=2, seconds=120, edits=0)
    page = report(run, points=200)
    chart = page.chart("timeline-0")
    assert all(len(trace["y"]) <= 200 + 2 * 2 for trace in chart["data"])
    assert re.search(r"One frame in \d+ is drawn", page.words())
    rows = (run / "frames.csv").read_text().splitlines()
    faceless = [rows[0]] + [re.sub(r"^((?:[^,]*,){3})1,", r"\g<1>0,", row) for row in rows[1:]]
    (run / "frames.csv").write_text("\n".join(faceless))
    chart = report(run).chart("timeline-0")
    lines = [trace for trace in chart["data"] if trace["name"] in {"PK", "P-AffMem", "activation"}]
    assert len(lines) == 5
    assert all(y is None for trace in lines for y in trace["y"])


def test_the_same_run_gives_the_same_bytes(whole):
    first = HTMLConfig().build(Runtime()).write(whole).read_bytes()
    assert HTMLConfig().build(Runtime()).write(whole).read_bytes() == first
    assert not [path for path in whole.iterdir() if path.name.startswith(".")]


def test_the_page_stays_under_three_megabytes(whole):
    assert HTMLConfig().build(Runtime()).write(whole).stat().st_size < 3_000_000


def test_hostile_names_are_text(tmp_path):
    run = fake_run.make(tmp_path / "run", persons=(HOSTILE, CLOSER), clips=2, seconds=2.0, edits=2)
    (run / "experiment.toml").write_text(f"# {CLOSER}")
    change(run / "run.json", notes=[HOSTILE], versions={HOSTILE: CLOSER}, parts={"dataset": CLOSER})
    page = report(run, title=CLOSER)
    assert page.options == [HOSTILE, CLOSER]
    assert sum(tag == "script" and "type" not in a for tag, a in page.elements) == 1
    assert not [a for _tag, a in page.elements if "onerror" in a]
    texts = page.chart("scatter-data")["chart"]["data"][1]["text"]
    assert texts[0].startswith("&lt;script&gt;alert(1)&lt;/script&gt;<br>")


@pytest.mark.parametrize("labels", [True, False])
@pytest.mark.parametrize("persons", [("anna",), ("anna", "bela")])
def test_few_persons_without_edits_or_labels_make_a_page(tmp_path, persons, labels):
    run = fake_run.make(tmp_path / "run", persons, clips=1, seconds=1.0, labels=labels, edits=0)
    words = report(run).words()
    assert ("undefined: too few labels" in words) is not labels
    assert "nan" not in words.casefold().replace("anna", "")
    assert ("With one person" in words) is (len(persons) == 1)


def test_nan_in_the_files_is_undefined(small):
    text = (small / "metrics.json").read_text()
    (small / "metrics.json").write_text(re.sub(r"0\.029|0\.31\b", "NaN", text))
    assert "gain for arousal is undefined" in report(small).words()
    rows = (small / "frames.csv").read_text().splitlines()
    columns = rows[0].split(",")
    empty = [",".join([*row.split(",")[:4], *[""] * (len(columns) - 4)]) for row in rows[1:]]
    (small / "frames.csv").write_text("\n".join([rows[0], *empty]))
    report(small)


@pytest.mark.parametrize("status", ["interrupted", "failed", "running"])
def test_an_unfinished_run_says_so_and_shows_what_there_is(small, status):
    change(small / "run.json", status=status, finished=None)
    for name in ("metrics.json", "timing.json", "utterances.csv"):
        (small / name).unlink()
    page = report(small)
    assert "metrics.json, timing.json and utterances.csv are missing" in page.words()
    assert page.options == ["anna", "bela"]
    for name in ("frames.csv", "experiment.toml"):
        (small / name).unlink()
    assert report(small).options == []


def test_labels_of_frames_are_scored_by_frame(small):
    change(small / "metrics.json", unit="frame", scored=96)
    assert "labels of 96 frames" in report(small).words()


def test_where_lower_is_better_a_fall_is_a_gain(small):
    metrics = json.loads((small / "metrics.json").read_text())
    figures = metrics["metrics"].pop("rmse")
    gain = figures.pop("gain")
    change(small / "metrics.json", headline="rmse", systems=figures, gain=gain, metrics={})
    words = report(small).words()
    assert "(lower is better): the whole interval is below 0, so a gain is shown" in words
    assert "RMSE over the labels" in words


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("run.json", None, "not a run directory: it has no run.json"),
        ("run.json", "{", "broken JSON: "),
        ("run.json", '{"format": 2, "status": "finished"}', "format 2; this version reads"),
        ("run.json", "[]", ""),
        ("run.json", '{"format": 1, "status": "lost"}', "status"),
        ("metrics.json", None, "missing, though the run is finished"),
        ("metrics.json", '{"unit": "frame", "persons": "3"}', "expected a whole number, got '3'"),
        ("timing.json", '{"seconds": [], "total_seconds": 1e999, "frames": 1}', "finite"),
        ("frames.csv", "clip,person\n", "no column 'time'"),
        ("frames.csv", "", "no column 'clip'"),
        ("utterances.csv", b"\xff\xfe", "utf-8"),
        ("edits/edits.json", "[{}]", "'person'"),
        ("edits/edits.json", "{", "broken JSON"),
        ("edits/edits.json",
         '[{"person": "anna", "file": "../../x.png", "affects": [], "columns": 5}]',
         "leads out of"),
        ("edits/0.png", b"no picture", "is not a picture"),
        ("edits/0.png", None, "missing, though edits.json names it"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line_that_names_the_file(small, name, content, problem):
    path = small / name
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError) as caught:
        report(small)
    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (small / "report.html").exists()


@pytest.mark.parametrize("cell", ["x", "inf"])
def test_a_broken_cell_is_named_by_its_line(small, cell):
    rows = (small / "frames.csv").read_text().splitlines()
    rows[4] = rows[4].rpartition(",")[0] + "," + cell
    (small / "frames.csv").write_text("\n".join(rows))
    with pytest.raises(InputError, match="line 5: "):
        report(small)


def test_a_run_that_ended_before_its_first_clip_makes_a_page(small):
    change(small / "run.json", status="interrupted")
    for name in ("frames.csv", "utterances.csv"):
        head = (small / name).read_text().partition("\n")[0]
        (small / name).write_text(head + "\n")
    for name in ("metrics.json", "timing.json"):
        (small / name).unlink()
    assert "This run was interrupted" in report(small).words()


def test_a_memory_that_took_no_edits_is_not_said_to_have_begun_with_them(small):
    timing = json.loads((small / "timing.json").read_text())
    for edited in (True, False):
        timing["seconds"].pop("edit", None)
        timing["seconds"] |= {"edit": 0.1} if edited else {}
        (small / "timing.json").write_text(json.dumps(timing))
        assert ("begun with edits" in report(small).words()) == edited


def test_the_figures_are_read_as_the_core_writes_them(small):
    rng = np.random.default_rng(1)
    truth = rng.uniform(-1, 1, (20, 2))
    scored = Units(
        persons=tuple("ab" * 10),
        truth=truth,
        read={"pk": truth + 0.3, "p-affmem": truth + 0.1},
    )

    def bias(one, other):
        return float(abs(np.mean(other - one)))

    bias.better = "lower"
    figures = score(scored, {"bias": bias, "mae": bias}, 50, rng)
    (small / "metrics.json").write_text(
        json.dumps({"unit": "utterance", "persons": 2, "frames": 96, **figures})
    )
    words = report(small).words()
    assert "gain for valence is \N{MINUS SIGN}0.20" in words
    assert "so a gain is shown" in words
    assert "bias, mean over persons" in words
