"""What is watched is seen picture by picture; what is written of it is whole, and of who agreed."""

import csv
import json
import resource
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta

import av
import numpy as np
import pytest
from attrs import evolve, frozen
from click.testing import CliRunner

from affmem.catalogue import catalogue
from affmem.cli import main
from affmem.erasing import prepare
from affmem.errors import InputError
from affmem.experiment import Part, watching
from affmem.protocols import Runtime
from affmem.record import Record
from affmem.session import Session, Sighting
from affmem.source import Newest, Source
from affmem.spreadsheet import Spreadsheet
from affmem.watch import Look
from affmem_drawn.corpus import write_video
from affmem_drawn.drawing import draw_person
from affmem_drawn.portrait import as_image, sample_person
from affmem_drawn.scene import Light, Pose, draw_backdrop, sample_backdrop
from strategies import Flat, beside, stations

FRAMES = 12
PARTS = ["--set", "faces.every=5"]


def pair(step):
    """Two drawn persons in one picture, the left one larger."""
    rng = np.random.default_rng(5)
    picture = draw_backdrop(sample_backdrop(rng), 240, 400)
    for unit, x in ((26, 100 + step), (18, 300)):
        person = sample_person(rng, 0.5)
        actions = person.manner.show(np.array([[0.2, 0.3]], np.float32))[0]
        place = np.array([[unit, 0, x], [0, unit, 110]], np.float64)
        draw_person(picture, person.look, actions, Pose(), Light(), place)
    return as_image(picture)


@pytest.fixture(scope="session")
def video(tmp_path_factory):
    path = tmp_path_factory.mktemp("watched") / "two.mp4"
    write_video(path, map(pair, range(FRAMES)), 400, 240)
    return path


def watch(*words):
    return CliRunner().invoke(main, ["watch", *map(str, words), *PARTS])


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_file_is_walked_whole_and_all_that_is_written_agrees(video, tmp_path):
    out, table, run = tmp_path / "a.mp4", tmp_path / "a.csv", tmp_path / "run"
    said = watch(
        video, "--person", "Zoë", "--consent", "--out", out, "--csv", table, "--record", run
    )
    assert said.exit_code == 0, said.output or str(said.exception)
    seen = rows(table)
    assert len(seen) == 2 * FRAMES
    assert {(row["track"], row["person"]) for row in seen[2:]} == {("0", "Zoë"), ("1", "")}
    nobody = [row for row in seen if not row["person"]]
    assert {(row["memory_arousal"], row["units"], row["learnt"]) for row in nobody} == {
        ("", "0", "0")
    }
    with av.open(str(out)) as container:
        times = [round(frame.time, 3) for frame in container.decode(video=0)]
    assert times == [round(step / 25, 3) for step in range(FRAMES)]
    kept = rows(run / "frames.csv")
    assert {row["person"] for row in kept} == {"Zoë"}  # and nothing of who did not agree
    assert len(kept) == FRAMES - 1
    assert json.loads((run / "run.json").read_text())["status"] == "finished"
    report = CliRunner().invoke(main, ["report", str(run)])
    assert report.exit_code == 0, report.output
    assert not [one for one in tmp_path.iterdir() if one.name.startswith(".")]


def test_what_the_report_lacks_is_said_before_anything_is_watched(video, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "rerun", None)
    monkeypatch.delitem(sys.modules, "affmem_report.recording", raising=False)
    said = watch(video, "--record", tmp_path / "run", "--set", "report.use=rerun")
    assert (said.exit_code, said.stdout) == (2, "")
    assert said.stderr == "error: reporter 'rerun' needs rerun: pip install affmem[rerun]\n"
    assert not (tmp_path / "run").exists()


def test_nobody_is_erased_from_what_is_being_recorded(tmp_path):
    session = Session(stations(Flat()))
    record = Record(tmp_path / "run", watching(None), "camera", session)
    with pytest.raises(InputError, match="run: the run is still going on"):
        prepare(tmp_path)
    record.close()
    prepare(tmp_path)


@frozen
class Slow:
    """A reporter; it tries to erase from what it reports on."""

    def build(self, _runtime):
        return self

    def write(self, run):
        assert json.loads((run / "run.json").read_text())["status"] == "finished"
        with pytest.raises(InputError, match="run: the run is still going on"):
            prepare(run)
        return run / "report.slow"


def test_nor_while_its_report_is_written(tmp_path):
    asked = evolve(watching(None), report=Part("reporter", "slow", Slow()))
    Record(tmp_path / "run", asked, "camera", Session(stations(Flat()))).close()
    prepare(tmp_path)


def test_of_two_who_were_recorded_one_can_be_erased(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    out, session = tmp_path / "runs" / "one", Session(stations(Flat()))
    record = Record(out, watching(None), "camera", session)
    image = beside((0.5, 0.1), (-0.5, 0.2))
    session.see(image, 0.0)
    for track, name in enumerate(("anna", "ben")):
        session.start(track, name)
    record.see(Look(image, 0.1, tuple(session.see(image, 0.1)), 0.0))
    record.close()
    assert "anna" in (out / "report.html").read_text()
    words = ["people", "erase", "anna", "--runs", str(tmp_path / "runs"), "--yes"]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, done.output
    assert {row["person"] for row in rows(out / "frames.csv")} == {"ben"}
    report = (out / "report.html").read_text()
    assert ("ben" in report, "anna" in report) == (True, False)


def test_a_recording_that_could_not_be_begun_is_not_going_on(tmp_path):
    session, full = Session(stations(Flat())), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, full[1]))
    try:
        with pytest.raises(InputError, match=r"run\.json: cannot be written") as refused:
            Record(tmp_path / "run", watching(None), "camera", session)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, full)
    prepare(tmp_path)
    assert refused.tb  # it holds what was begun


def test_no_name_is_a_formula_to_a_spreadsheet(tmp_path):
    corner = np.array([[0, 0], [9, 0], [9, 9], [0, 9]], np.float64)
    one = Sighting(0, "=1+1", 0.0, corner, None, None, 0.0, 0, learnt=False)
    table = Spreadsheet(tmp_path / "a.csv")
    table.see(Look(np.zeros((9, 9, 3), np.uint8), 0.0, (one,), 0.0))
    table.close()
    assert [row["person"] for row in rows(tmp_path / "a.csv")] == ["'=1+1"]


def test_nothing_is_kept_of_who_did_not_agree(video, tmp_path):
    said = watch(video, "--record", tmp_path / "run", "--seconds", "0.1")
    assert said.exit_code == 0, said.output or str(said.exception)
    assert rows(tmp_path / "run" / "frames.csv") == []
    assert json.loads((tmp_path / "run" / "memories" / "people.json").read_text()) == {}


def test_a_memory_goes_on_from_one_time_to_the_next(video, tmp_path):
    store = ["--set", f'store={{use="sql",file="{tmp_path}/store.db"}}']
    for expected in (1, FRAMES):
        consent = ["--consent"] if expected == 1 else []  # who is kept agreed before
        table = tmp_path / f"{expected}.csv"
        said = watch(video, "--person", "anna", *consent, *store, "--csv", table)
        assert said.exit_code == 0, said.output or str(said.exception)
    first, second = (
        [row for row in rows(tmp_path / f"{name}.csv") if row["person"]] for name in (1, FRAMES)
    )
    assert float(first[0]["activation"]) == 0  # a memory that knew nothing
    assert float(second[0]["activation"]) > 0


def test_consent_has_an_end_and_one_that_stands_stays_unless_days_are_named(video, tmp_path):
    store = ["--set", f'store={{use="sql",file="{tmp_path}/store.db"}}', "--seconds", "0.1"]
    kept = catalogue().config("store", "sql")(file=tmp_path / "store.db").build(Runtime())
    for words, days in ((["--days", "90"], 90), ([], 90), (["--days", "2"], 2)):
        said = watch(video, "--person", "anna", "--consent", *store, *words)
        assert said.exit_code == 0, said.output or str(said.exception)
        left = kept.card("anna").expires - datetime.now(UTC)
        assert left / timedelta(days=1) == pytest.approx(days, abs=0.01)
    said = watch(video, "--person", "ben", "--consent", *store)
    assert said.exit_code == 0, said.output or str(said.exception)
    ben = kept.card("ben")
    assert ben.expires - ben.consent == timedelta(days=30)
    kept.close()


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["VIDEO", "--person", "anna", "--consent", "--days", "9"], "--days: of what?"),
        (["VIDEO", "--person", "anna", "--consent", "--days", "0"], "'--days'"),
        (["VIDEO", "--person", "anna"], "no memory is begun without --consent"),
        (["VIDEO", "--consent"], "expected --person NAME too"),
        (["VIDEO", "--out", "nowhere/a.mp4"], "no folder nowhere"),
        (["none.mp4"], "does not exist"),
        (["/dev/video77"], "no camera is there"),
        (["rtsp://me:secret@127.0.0.1:9/a"], "rtsp:/127.0.0.1:9/a: cannot be read"),
        (["VIDEO", "--set", "faces.use=mtcn"], "did you mean 'mtcnn'"),
    ],
)
def test_a_mistake_is_told_in_a_line(words, line, video):
    done = watch(*(video if word == "VIDEO" else word for word in words))
    assert done.exit_code == 2, done.output
    assert line in done.output.replace("rtsp://", "rtsp:/")
    assert "secret" not in done.output


def test_ctrl_c_leaves_a_film_that_plays(tmp_path):
    long, out = tmp_path / "long.mp4", tmp_path / "a.mp4"
    pictures = [pair(step) for step in (0, 1)]
    write_video(long, (pictures[number // 25 % 2] for number in range(1500)), 400, 240)
    words = [sys.executable, "-m", "affmem", "watch", str(long), "--out", str(out)]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as going:
        next(line for line in going.stderr if " s  face " in line)  # it has seen some
        going.send_signal(signal.SIGINT)
        assert going.wait(timeout=60) == 130
    with av.open(str(out)) as container:
        assert sum(1 for _ in container.decode(video=0)) > 0
    assert {one.name for one in tmp_path.iterdir()} == {"a.mp4", "long.mp4"}


def test_of_what_does_not_wait_only_the_newest_is_seen():
    made = threading.Event()

    def camera():
        for number in range(5):
            yield float(number), lambda: np.zeros((2, 2, 3), np.uint8)
        made.set()

    newest = Newest(camera())
    made.wait(5)
    assert [moment for moment, _ in newest] == [4.0]
    assert newest.dropped == 4


def test_what_breaks_a_source_is_told_to_who_watches():
    def broken():
        yield 0.0, lambda: None
        raise InputError("camera 0", "was unplugged")

    newest = Newest(broken())
    with pytest.raises(InputError, match="was unplugged"):
        for _ in newest:
            pass


def test_the_password_of_an_address_is_not_shown():
    assert str(Source("rtsp://me:secret@camera:554/live")) == "rtsp://camera:554/live"
    assert Source("rtsp://camera/live").live
    assert Source("0").live
    assert not Source("film.mp4").live
