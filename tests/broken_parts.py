"""A sound part of each kind, and for each check of the kit a part that fails it alone."""

from collections import deque
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from itertools import count, repeat
from pathlib import Path

import numpy as np
from attrs import define, evolve, field, frozen
from joblib.externals.loky import ProcessPoolExecutor as Processes

from affmem import Clip, Frame, Reading, Runtime
from affmem.conformance import Subject
from affmem.errors import ConflictError, InputError, StoreError, UserError
from affmem.rows import checked_affects, checked_codes
from affmem.terms import Schedule
from affmem.values import Affect, Card, Found


def shared():
    """A number in [0, 0.1) out of the random stream that a whole process shares."""
    return int(np.random.get_state()[1][5]) % 997 / 9970  # noqa: NPY002


def subject(kind, part, config=None):
    """The part by a class of settings that has none, unless given."""

    @frozen
    class Config(Schedule if kind == "term" else object):
        def build(self, _runtime, _shape=None):
            return part()

    return Subject(kind, part.__name__, config or Config(), examples=10)


# --- memories ---------------------------------------------------------------------------------


class Mean:
    """A memory of the mean of all labels; a code's activation is its own alone."""

    def __init__(self):
        self.known = np.zeros(3, np.int64)  # labels, width, whether a clip has just begun
        self.total = np.zeros(2)

    def begin(self):
        self.known[2] = 1

    def rows(self, codes):
        return checked_codes(codes, int(self.known[1]) or None)

    def partial_fit(self, codes, affects=None):
        rows = self.rows(codes)
        labels = checked_affects(affects, len(rows))
        for row, label in zip(rows, labels, strict=True):
            self.learn(row, label)

    def learn(self, row, label):
        self.known[1:] = len(row), 0
        if not np.isnan(label[0]):
            self.known[0] += 1
            self.total += label

    def predict(self, codes):
        rows, n = self.rows(codes), len(codes)
        mean = self.total / max(1, self.known[0]) if len(self) else np.full(2, np.nan)
        return Reading(
            np.tile(mean, (n, 1)).astype(np.float32),
            (len(self) / (1 + np.square(rows).sum(axis=1))).astype(np.float32),
            np.full(n, len(self) - 1),
        )

    def __len__(self):
        return int(min(1, self.known[0]))

    def state(self):
        return {"known": self.known.copy(), "total": self.total.copy()}

    def restore(self, state):
        if set(state) != {"known", "total"}:
            raise ValueError(f"no state of this memory: {sorted(state)}")
        self.known, self.total = state["known"].copy(), state["total"].copy()


class Shapeless(Mean):
    begin = None


class SharedLot(Mean):
    def __init__(self):
        super().__init__()
        self.lot = shared()

    def learn(self, row, label):
        super().learn(row, label)
        self.total += self.lot


class ByBatch(Mean):
    def partial_fit(self, codes, affects=None):
        super().partial_fit(codes, affects)
        self.total += 0.1 * (len(codes) > 1)


class InCompany(Mean):
    def predict(self, codes):
        reading = super().predict(codes)
        reading.activations[1:] *= 0.5
        return reading


class Curious(Mean):
    def predict(self, codes):
        reading = super().predict(codes)
        self.known[2] = 1
        return reading


class Loud(Mean):
    def predict(self, codes):
        reading = super().predict(codes)
        reading.affects[:] *= 1.5
        return reading


class Mixing(Mean):
    def restore(self, state):
        before = self.total
        super().restore(state)
        self.total += before


class Lending(Mean):
    def state(self):
        return {**super().state(), "total": self.total}


class Mending(Mean):
    def rows(self, codes):
        return super().rows(np.nan_to_num(codes))


class Lenient(Mean):
    def restore(self, state):
        super().restore({name: state[name] for name in ("known", "total") if name in state})


class FromNothing(Mean):
    def partial_fit(self, codes, affects=None):
        super().partial_fit(codes, affects)
        if affects is None and not len(codes):
            self.known[2] = 1 - self.known[2]


class Forgetful(Mean):
    def begin(self):
        self.known[0] = 0


class Hoarding(Mean):
    def __init__(self):
        super().__init__()
        self.hoard = []

    def learn(self, row, label):
        super().learn(row, label)
        self.hoard.append(row.copy())


class KeepsEveryRow(Mean):
    """In one array: it takes little room beside what Python does, and grows all the same."""

    def __init__(self):
        super().__init__()
        self.kept = np.empty(0, np.float32)

    def learn(self, row, label):
        super().learn(row, label)
        self.kept = np.concatenate([self.kept, row])

    def state(self):
        return {**super().state(), "kept": self.kept.copy()}

    def restore(self, state):
        if "kept" not in state:
            raise ValueError("no state of this memory")
        super().restore({name: one for name, one in state.items() if name != "kept"})
        self.kept = state["kept"].copy()


class Dawdling(Mean):
    def learn(self, row, label):
        super().learn(row, label)
        deque(repeat(None, 600 * int(self.known[0])), maxlen=0)


class ForgetsThatAClipBegan(Mean):
    """The first row of a clip counts twice, but whether one began is not in its state."""

    began = 0

    def begin(self):
        self.began = 1

    def learn(self, row, label):
        super().learn(row, label)
        self.total[:] += self.began
        self.began = 0


# --- encoders, readers, editors ---------------------------------------------------------------


class Station:
    """Encoder, reader and editor; what is broken is broken in all three."""

    checks = True

    def encode(self, faces):
        self.check(faces.shape[1:] == (3, 96, 96))
        return self.answer(faces[:, :, 0, 0] / 2)

    def read(self, codes):
        self.check(codes.ndim == 2)
        return self.answer(np.tanh(codes[:, :2]) / 2)

    def edit(self, face, affects):
        self.check(affects.shape[1:] == (2,))
        return self.answer(face[None] * affects[:, :1, None, None] / 2)

    def check(self, fits):
        if self.checks and not fits:
            raise ValueError("another shape")

    def answer(self, rows):
        return rows.astype(np.float32)

    def explain(self, faces, of):
        return np.ones((len(faces), 96, 96), np.float32)


class ByLot(Station):
    def __init__(self):
        self.lot = shared()

    def answer(self, rows):
        return super().answer(rows + self.lot)


class ByNumber(Station):
    def answer(self, rows):
        return super().answer(rows + 0.01 * len(rows))


class Double(Station):
    def answer(self, rows):
        return rows.astype(np.float64)


class Taking(Station):
    checks = False


class Glaring(Station):
    def explain(self, faces, of):
        return 2 * super().explain(faces, of)


class Latent(Station):
    """An editor that also says, soundly or not, the codes of its edits; no encoder has a name."""

    said = Station()

    def check_encoder(self, encoder):
        raise UserError("of another encoder")

    def edit_codes(self, code, affects):
        self.said.check(code.shape == (1, 3) and affects.shape[1:] == (2,))
        return self.said.answer(code + affects[:, :1] / 2)


class LatentByLot(Latent):
    def __init__(self):
        self.said = ByLot()


class LatentByNumber(Latent):
    said = ByNumber()


class LatentDouble(Latent):
    said = Double()


class LatentTaking(Latent):
    said = Taking()


class Promiscuous(Latent):
    def check_encoder(self, encoder):
        pass


# --- metrics ----------------------------------------------------------------------------------


class Absolute:
    """The mean absolute error."""

    better = "lower"

    def __call__(self, truth, predicted):
        if truth.ndim != 1 or truth.shape != predicted.shape:
            raise ValueError("must be [n]")
        return float(np.abs(truth - predicted).mean()) if len(truth) else float("nan")


class Upside(Absolute):
    better = "higher"


class Narrow(Absolute):
    def __call__(self, truth, predicted):
        return super().__call__(truth, predicted) + 0.1 * (truth.dtype == np.float32)


class Guessing(Absolute):
    def __call__(self, truth, predicted):
        return super().__call__(truth, predicted) if len(truth) else 0.0


class Cutting(Absolute):
    def __call__(self, truth, predicted):
        few = min(truth.size, predicted.size)
        return super().__call__(truth.ravel()[:few], predicted.ravel()[:few])


# --- datasets and face finders ----------------------------------------------------------------


class Grey:
    """Two clips of three grey frames, grey faces without end, and a form for predictions."""

    unit = "frame"
    names = "a", "b"

    def notes(self):
        return ()

    def clips(self):
        return [Clip(name, "anna") for name in self.names]

    def frames(self, clip):
        for number in range(3):
            yield Frame(self.time(number), self.image(number), Affect(0.0, 0.0))

    def time(self, number):
        return number / 25

    def image(self, number):
        return np.full((8, 6, 3), number, np.uint8)

    def fresh(self, number):
        return Frame(0.0, Grey.image(self, number), Affect(0.0, 0.0))

    def predictions(self, read):
        return "".join(f"{name},{read.get(name, Affect(0, 0)).arousal}\n" for name in self.names)


class Namesakes(Grey):
    names = "a", "a"


class Backwards(Grey):
    def time(self, number):
        return (3 - number) / 25


class Flickering(Grey):
    def image(self, number):
        return super().image(number) + np.uint8(1000 * shared())


class Stale(Grey):
    def fresh(self, number):
        return Frame(0.0, Flickering().image(number), Affect(0.0, 0.0))


class Demanding(Grey):
    def predictions(self, read):
        return "".join(f"{name},{read[name].arousal}\n" for name in self.names)


class Blur:
    """A face finder that takes each picture's mean colour for the face."""

    def find(self, images):
        for image in images:
            yield self.face(image)

    def face(self, image):
        colour = image.mean(axis=(0, 1)) / 127.5 - 1
        return np.tile(colour[:, None, None], (1, 96, 96)).astype(np.float32).clip(-1, 1)


class TooFine(Blur):
    def face(self, image):
        return super().face(image).astype(np.float64)


class Eager(Blur):
    def find(self, images):
        return super().find(list(images))


class OneStream(Blur):
    before = 0.0

    def face(self, image):
        face = (super().face(image) + self.before) / 2
        self.before = face[0, 0, 0]
        return face


class PerStream(OneStream):
    """Sound: what came before in a stream counts, but in that stream alone."""

    def find(self, images):
        return OneStream.find(OneStream(), images)


class Glance(Blur):
    """Sound: follows the one face that each picture is."""

    tracks = 0, 1

    def follow(self):
        return self

    def see(self, image):
        wide, high = image.shape[1] / 2, image.shape[0]
        corners = np.array([[0, 0], [wide, 0], [wide, high], [0, high]])
        return [Found(track, corners, self.face(image)) for track in self.tracks]


class Twins(Glance):
    tracks = 0, 0


class OneGlance(OneStream, Glance):
    """Each stream's own find; but all that are followed are one."""

    def find(self, images):
        return OneStream.find(OneStream(), images)


# --- parts of a training, and what writes files -----------------------------------------------


class Flat:
    """A term."""

    critic = None

    def duel(self, batch):
        return batch.codes.detach().mean()

    def cost(self, batch):
        return batch.codes.mean()


class Vector(Flat):
    def cost(self, batch):
        return batch.codes.mean(dim=1)


class Leaking(Flat):
    def duel(self, batch):
        return batch.codes.mean()


@frozen
class Negative(Schedule):
    def weighs(self, step, steps):
        return -1.0

    def build(self, _runtime, _shape):
        return Flat()


class Listening:
    """A tracker."""

    def begin(self, folder, text):
        pass

    def figures(self, step, figures):
        pass

    def picture(self, step, name, image):
        pass

    def end(self):
        pass


class Rounding(Listening):
    def figures(self, step, figures):
        figures.update(loss=0.0)


class Page:
    """A reporter."""

    def write(self, run):
        if not (run / "run.json").exists():
            raise InputError(run, "is no run")
        return run / "report.html"


class Careless(Page):
    def write(self, run):
        (run / "report.html").touch()
        return run / "report.html"


class Files:
    """A maker."""

    def make(self, folder, progress):
        content = [self.content(number, progress) for number in range(3)]
        folder.mkdir()
        for number, text in enumerate(content):
            (folder / f"{number}.txt").write_text(text)

    def content(self, number, progress):
        progress(number + 1, 3)
        return str(number)


class Counting(Files):
    numbers = count()

    def content(self, number, progress):
        return super().content(number, progress) + str(next(self.numbers))


class Littering(Files):
    def make(self, folder, progress):
        folder.mkdir()
        for number in range(3):
            (folder / f"{number}.txt").write_text(self.content(number, progress))


# --- stores -----------------------------------------------------------------------------------


class Listed:
    """A store: one dict, whoever opens it."""

    rows = {}  # noqa: RUF012  (shared on purpose)
    versions = count(1)

    def people(self):
        return [
            Card(
                name, version, made, made, kept.faces if kept else 0, kept.units if kept else 0,
                100, *times,
            )
            for name, (kept, version, made, times) in sorted(self.rows.items())
        ]  # fmt: skip

    def card(self, person):
        return next((one for one in self.people() if one.person == person), None)

    def load(self, person):
        kept, version, _, times = self.rows.get(person, nobody())
        self.check_time(times)
        return kept and (kept, version)

    def save(self, person, kept, base):
        self.check_name(person)
        _, version, made, times = self.rows.get(person, nobody())
        self.check_time(times)
        if version != base:
            raise ConflictError(person)
        number = self.number(version)
        self.rows[person] = kept, number, made, times
        return number

    def number(self, base):
        return next(self.versions)

    def check_name(self, name):
        if not (0 < len(name) <= 200 and name.isprintable()):
            raise StoreError(f"no name: {name!r}")

    def check_time(self, times):
        if times[1] and times[1] <= datetime.now(UTC):
            raise StoreError("expired")

    def erase(self, person):
        if self.rows.pop(person, None) is None:
            raise StoreError(f"nobody: {person}")

    def erase_expired(self):
        now = datetime.now(UTC)
        gone = [one.person for one in self.people() if one.expires and one.expires <= now]
        for name in gone:
            del self.rows[name]
        return gone

    def rename(self, old, new):
        self.check_name(new)
        if old not in self.rows or new in self.rows:
            raise StoreError("nobody, or taken")
        self.rows[new] = self.rows.pop(old)

    def consent(self, person, given, expires):
        self.check_name(person)
        if any(one and not one.tzinfo for one in (given, expires)):
            raise ValueError("no zone")
        self.rows[person] = (*self.rows.get(person, nobody())[:3], (given, expires))

    def close(self):
        pass


def nobody():
    return None, 0, datetime.now(UTC), (None, None)


class Western(Listed):
    """It has no place for letters beyond Latin-1."""

    def save(self, person, kept, base):
        known = all(ord(letter) < 256 for letter in person)
        return super().save(person, kept if known else evolve(kept, about={}), base)


class Recounting(Listed):
    def number(self, base):
        return base + 1


class Remembering(Listed):
    consents = {}  # noqa: RUF012

    def erase(self, person):
        times = self.rows.get(person, nobody())[3]
        super().erase(person)
        self.consents[person] = times

    def save(self, person, kept, base):
        number = super().save(person, kept, base)
        given = self.consents.pop(person, (None, None))[0]
        self.rows[person] = (*self.rows[person][:3], (given, self.rows[person][3][1]))
        return number


class Unasked(Listed):
    def rename(self, old, new):
        super().rename(old, new)
        self.rows[new] = (*self.rows[new][:3], (None, self.rows[new][3][1]))


class Renewing(Listed):
    """Whoever is saved is there since then."""

    def save(self, person, kept, base):
        number = super().save(person, kept, base)
        self.rows[person] = kept, number, datetime.now(UTC), self.rows[person][3]
        return number


class Latest(Listed):
    """Whoever is asked for, the card is that of who is listed last."""

    def card(self, person):
        return self.people()[-1] if person in self.rows else None


class Timeless(Listed):
    def erase_expired(self):
        return []


class Nameless(Listed):
    def check_name(self, name):
        if len(name) > 200 or not name or "\0" in name:
            raise StoreError(f"no name: {name!r}")


class Tidy(Listed):
    def close(self):
        for name in [name for name, row in self.rows.items() if row[0] is None]:
            del self.rows[name]


# --- backends ---------------------------------------------------------------------------------


class Two:
    """A backend: processes of this machine."""

    threads = 1
    lost = ()

    def workers(self, jobs):
        return 2

    @contextmanager
    def started(self, workers):
        executor = Processes(workers, timeout=8)
        try:
            yield self.given(executor)
        finally:
            self.end(executor)

    def given(self, executor):
        return executor

    def end(self, executor):
        executor.shutdown(kill_workers=True)


class Nobody(Two):
    def workers(self, jobs):
        return jobs - 1


class Wrapped(Two):
    def given(self, executor):
        executor.submit = partial(executor.submit, self.wrap)
        return executor


class Adding(Wrapped):
    @staticmethod
    def wrap(work, job):
        done = work(job)
        return (*done[:1], 0, *done[2:]) if isinstance(done, tuple) else done


class Mute(Wrapped):
    @staticmethod
    def wrap(work, job):
        try:
            return work(job)
        except UserError:
            raise UserError("it went wrong") from None


class Losing(Two):
    def given(self, executor):
        whole = executor.submit

        def submit(work, job):
            told = Future()
            whole(work, job).add_done_callback(partial(self.tell, told))
            return told

        executor.submit = submit
        return executor

    @staticmethod
    def tell(told, done):
        try:
            told.set_result(done.result())
        except UserError as error:
            told.set_exception(error)
        except BaseException as error:  # noqa: BLE001
            told.set_exception(OSError(str(error)))


class Leaving(Two):
    left = []  # noqa: RUF012  (shared on purpose)

    def end(self, executor):
        self.left.append(executor)  # its processes end of themselves, some time later


class Idle:
    """A trainer."""

    def train(self, examples, terms, out):
        yield {"step": 1, "of": 1}


# --- settings ---------------------------------------------------------------------------------


@frozen
class RelativeConfig:
    table: Path = Path("labels.csv")

    def build(self, _runtime: Runtime):
        return Absolute()


@define
class ChangeableConfig:
    weight: float = field(default=1.0)

    def build(self, _runtime: Runtime):
        return Absolute()


SOUND = [
    subject("memory", Mean),
    subject("encoder", Station),
    subject("reader", Station),
    subject("editor", Station),
    subject("editor", Latent),
    subject("metric", Absolute),
    subject("dataset", Grey),
    subject("faces", Blur),
    subject("faces", PerStream),
    subject("faces", Glance),
    subject("term", Flat),
    subject("tracker", Listening),
    subject("reporter", Page),
    subject("maker", Files),
    subject("trainer", Idle),
    subject("store", Listed),
    subject("backend", Two),
]
STATIONS = {
    "the_same_whenever_asked": ByLot,
    "alone_or_in_company": ByNumber,
    "answers_have_their_form": Double,
    "other_shapes_are_refused": Taking,
}
LATENT = {
    "the_same_whenever_asked": LatentByLot,
    "alone_or_in_company": LatentByNumber,
    "answers_have_their_form": LatentDouble,
    "other_shapes_are_refused": LatentTaking,
}
BROKEN = [
    ("has_its_methods", subject("memory", Shapeless)),
    ("settings_survive_toml", subject("metric", Absolute, RelativeConfig())),
    ("settings_are_a_value", subject("metric", Absolute, ChangeableConfig())),
    ("same_settings_same_memory", subject("memory", SharedLot)),
    ("rows_at_once_or_in_parts", subject("memory", ByBatch)),
    ("read_alone_or_in_company", subject("memory", InCompany)),
    ("predict_changes_nothing", subject("memory", Curious)),
    ("readings_are_in_bounds", subject("memory", Loud)),
    ("restored_it_goes_on_alike", subject("memory", Mixing)),
    ("its_state_is_a_copy", subject("memory", Lending)),
    ("what_is_no_code_is_refused", subject("memory", Mending)),
    ("what_is_no_state_is_refused", subject("memory", Lenient)),
    ("no_rows_are_no_rows", subject("memory", FromNothing)),
    ("a_new_clip_keeps_what_was_learnt", subject("memory", Forgetful)),
    ("its_room_grows_with_its_units", subject("memory", Hoarding)),
    ("its_room_grows_with_its_units", subject("memory", KeepsEveryRow)),
    ("its_time_grows_with_its_units", subject("memory", Dawdling)),
    ("whatever_is_done_to_it", subject("memory", ForgetsThatAClipBegan)),
    *(
        (check, subject(kind, part))
        for kind in ("encoder", "reader", "editor")
        for check, part in STATIONS.items()
    ),
    *((check, subject("editor", part)) for check, part in LATENT.items()),
    ("another_encoder_is_refused", subject("editor", Promiscuous)),
    ("maps_are_in_bounds", subject("encoder", Glaring)),
    ("truth_is_best", subject("metric", Upside)),
    ("the_same_figure_again", subject("metric", Narrow)),
    ("what_is_undefined_is_nan", subject("metric", Guessing)),
    ("other_lengths_are_refused", subject("metric", Cutting)),
    ("clips_are_listed", subject("dataset", Namesakes)),
    ("frames_come_in_time_order", subject("dataset", Backwards)),
    ("frames_are_the_same_again", subject("dataset", Flickering)),
    ("fresh_faces_are_the_same_again", subject("dataset", Stale)),
    ("predictions_fit_its_form", subject("dataset", Demanding)),
    ("each_picture_has_an_answer", subject("faces", TooFine)),
    ("no_picture_is_read_too_early", subject("faces", Eager)),
    ("streams_do_not_mix", subject("faces", OneStream)),
    ("followed_faces_have_numbers", subject("faces", Twins)),
    ("followed_streams_do_not_mix", subject("faces", OneGlance)),
    ("weights_are_weights", subject("term", Flat, Negative())),
    ("costs_are_finite_scalars", subject("term", Vector)),
    ("a_duel_teaches_its_critic_alone", subject("term", Leaking)),
    ("it_follows_a_training", subject("tracker", Rounding)),
    ("what_is_no_run_is_refused", subject("reporter", Careless)),
    ("it_is_made_whole_and_the_same_again", subject("maker", Counting)),
    ("interrupted_it_leaves_nothing", subject("maker", Littering)),
    ("what_is_kept_comes_back", subject("store", Western)),
    ("a_card_is_found_by_name", subject("store", Latest)),
    ("no_update_is_lost", subject("store", Recounting)),
    ("what_is_erased_is_gone", subject("store", Remembering)),
    ("a_new_name_takes_all_along", subject("store", Unasked)),
    ("who_comes_back_is_new", subject("store", Renewing)),
    ("who_has_expired_is_not_read", subject("store", Timeless)),
    ("what_is_no_name_is_refused", subject("store", Nameless)),
    ("it_keeps_what_a_list_would", subject("store", Tidy)),
    ("a_number_of_workers_is_told", subject("backend", Nobody)),
    ("every_job_is_done_once", subject("backend", Adding)),
    ("a_mistake_comes_back", subject("backend", Mute)),
    ("a_lost_process_is_made_up_for", subject("backend", Losing)),
    ("nothing_is_left_behind", subject("backend", Leaving)),
]
"""Each with the check that it fails."""
