"""A study: an experiment's settings tuned by Optuna's TPE (P§2.3), in a folder of its own.

Every trial walks the same persons. Faces, codes and edits are on a tape after the first walk, so
that a trial of another memory costs what that memory costs. What a trial tries follows from the
seed and the trials before it alone: a study cut off goes on as if it had not been.
"""

import csv
import io
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from html import escape
from importlib.util import find_spec
from itertools import groupby
from math import isfinite
from pathlib import Path
from time import perf_counter, sleep
from typing import TYPE_CHECKING, Any, final

import numpy as np
from attrs import evolve

from affmem.assembly import build
from affmem.errors import ExperimentError, UserError
from affmem.evaluation import Units, units
from affmem.experiment import Experiment, Part, dumps
from affmem.files import write
from affmem.ledger import Ledger, opened
from affmem.protocols import Metric, Runtime
from affmem.road import walk
from affmem.tape import Tape
from affmem.tuning import Range, Setting, Tuning, has, variant
from affmem.values import DIMENSIONS

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.trial import FrozenTrial, TrialState

Figures = dict[str, Any]
Told = Callable[[str, int, int], None]

FIRST = "as it stands"
"""What the experiment comes to with its own settings."""
NUMBER = "trial"
"""Which of the study's a trial is, from 0: another is tried under the number of one that failed."""
CLOSE = 0.01
"""How far two machines' goals of the same experiment may lie apart: they round differently."""
PAUSE = 0.5
"""Seconds after which is looked anew whether others' trials are over."""
SHOWN = 5
"""Of how many of the best trials the figures tell."""
IMPORTANCES = 20
"""They compare the best tenth of the complete trials with all: fewer trials say nothing."""
TAPES = 4
"""How many tapes are kept; only where faces, encoder or editor are tuned is there more than one."""


def tune(tuning: Tuning, out: Path, told: Told = lambda *_: None) -> Figures:
    """Try variants of the experiment until `tuning.trials` are finished, and keep all in `out`.

    `told(stage, done, of)` hears of it, and of what other processes do where they share the study.
    Raises UserError without Optuna (the extra "tune"), where nothing can be scored, and where a
    database fails or has another tuning; InputError where `out` holds another.
    """
    if find_spec("optuna") is None:
        raise UserError("tuning needs Optuna: pip install affmem[tune]")
    walks = Walks(tuning)
    with opened(tuning, walks.metric, out) as (study, ledger):
        _first(study, tuning, walks, ledger, told)
        while left := _left(study, tuning):
            told("tuning", tuning.trials - left, tuning.trials)
            trial = _begun(study, tuning, ledger)
            if trial is None:
                sleep(PAUSE)
                continue
            _try(study, trial, tuning, walks)
            _write(study, tuning, out)
        told("tuning", tuning.trials, tuning.trials)
        _write(study, tuning, out)
        figures = _figures(study, tuning)
        write(out / "study.html", _page(study, figures))
        return figures


@final
class Walks:
    """The walks of a study: over the same persons, from tapes, each with its goal."""

    def __init__(self, tuning: Tuning) -> None:
        self._tuning = tuning
        self.metric: Metric = tuning.experiment.metrics[0].build(Runtime())
        self._tape = lru_cache(TAPES)(self._new)

    def first(self, told: Told) -> float:
        """The goal of the experiment as it stands; walking it fills the tape."""
        found = np.nan
        for done, of, value in self.values(self._tuning.experiment):
            told("watching everyone once", done, of)
            found = value
        if not isfinite(found):
            raise UserError(f"the goal is undefined for {_whom(self._tuning)}: are there labels?")
        return found

    def values(self, experiment: Experiment) -> Iterator[tuple[int, int, float]]:
        """As each person is done with: how many are, of all, and the goal over them so far.

        The goal is NaN where it is undefined.
        """
        experiment = evolve(experiment, dataset=self._tuning.dataset)
        stations, _ = build(experiment, Runtime(seed=experiment.seed, device=experiment.device))
        tape = self._tape(
            experiment.dataset, experiment.faces, experiment.encoder, experiment.editor
        )
        taped = evolve(stations, dataset=tape, faces=tape, encoder=tape, editor=tape)
        if experiment.start.of == "mean":
            taped = stations  # a tape has no means of faces
        last = {clip.person: clip for clip in tape.clips()}
        scored: list[Units] = []
        persons = 0
        for clip, steps in groupby(walk(taped, {}), key=lambda step: step.clip):
            scored.append(units(list(steps), tape.unit))
            persons += clip == last[clip.person]
            if clip == last[clip.person] and persons < len(last):
                yield persons, len(last), self._goal(scored)
        yield len(last), len(last), self._goal(scored)

    def _goal(self, scored: Sequence[Units]) -> float:
        """The mean over the dimensions of the headline metric over these clips' units."""
        if not any(one.persons for one in scored):
            return np.nan
        truth = np.concatenate([one.truth for one in scored])

        def mean(system: str) -> float:
            read = np.concatenate([one.read[system] for one in scored])
            columns = range(len(DIMENSIONS))
            return float(np.mean([self.metric(truth[:, c], read[:, c]) for c in columns]))

        return mean("p-affmem") - (mean("pk") if self._tuning.goal == "gain" else 0.0)

    def _new(self, dataset: Part, faces: Part, encoder: Part, editor: Part) -> Tape:
        experiment = self._tuning.experiment
        runtime = Runtime(seed=experiment.seed, device=experiment.device)
        edited = [experiment.start.frames]
        for one in self._tuning.settings:
            if one.name == "start.frames":
                edited += [int(one.values.high)] if isinstance(one.values, Range) else one.values
        built = [part.build(runtime) for part in (dataset, faces, encoder, editor)]
        return Tape(built[0], built[1], built[2], built[3], max(edited))


def _first(study: "Study", tuning: Tuning, walks: Walks, ledger: Ledger, told: Told) -> None:
    """Walk the experiment as it stands, once a study, and once a process of a shared one: each
    needs a tape, and a machine with other data, weights or code shows."""
    if FIRST in study.user_attrs and not (ledger.shared and _left(study, tuning)):
        return
    here = walks.first(told)
    with ledger.turn():
        if FIRST not in study.user_attrs:
            study.set_user_attr(FIRST, here)
    if abs(here - (there := study.user_attrs[FIRST])) > CLOSE:
        raise UserError(
            f"{tuning.storage}: study {tuning.name!r}: the experiment as it stands comes to "
            f"{there:.4f} there, but {here:.4f} here; expected the same data, weights and affmem"
        )


def _begun(study: "Study", tuning: Tuning, ledger: Ledger) -> "Trial | None":
    """The next trial that nobody has taken, or that was abandoned; None where all are taken.

    It has the lowest number that is left, and is drawn by it.
    """
    from optuna.samplers import TPESampler
    from optuna.trial import TrialState

    with ledger.turn():
        for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            if ledger.abandoned(trial.number):
                study.tell(trial.number, state=TrialState.FAIL)
        taken = _numbered(study, TrialState.COMPLETE, TrialState.PRUNED, TrialState.RUNNING)
        number = min(set(range(tuning.trials)) - taken.keys(), default=None)
        if number is None:
            return None
        draws = Runtime(seed=tuning.seed).rng(f"trial {number}")
        study.sampler = TPESampler(seed=int(draws.integers(2**31)))
        begun = study.ask()
        ledger.hold(begun.number)
        begun.set_user_attr(NUMBER, number)
        return begun


def _try(study: "Study", trial: "Trial", tuning: Tuning, walks: Walks) -> None:
    """Walk a trial: complete, or pruned with the reason why."""
    from optuna import TrialPruned
    from optuna.trial import TrialState

    began = perf_counter()
    value, state = None, TrialState.PRUNED
    try:
        value, state = _value(trial, tuning, walks), TrialState.COMPLETE
    except (TrialPruned, ExperimentError) as reason:
        trial.set_user_attr("why", str(reason))
    trial.set_user_attr("seconds", round(perf_counter() - began, 3))
    study.tell(trial, value, state)


def _value(trial: "Trial", tuning: Tuning, walks: Walks) -> float:
    from optuna import TrialPruned

    chosen: dict[str, Any] = {}
    for one in tuning.settings:
        if has(tuning, one, chosen):
            chosen[one.name] = _drawn(trial, one)
    value = np.nan
    for done, of, value in walks.values(variant(tuning, chosen)):
        if done < of and isfinite(value):
            trial.report(value, done)
            if trial.should_prune():
                raise TrialPruned(f"behind half of the others after {done} of {of} persons")
    if not isfinite(value):
        raise TrialPruned("the goal is undefined")
    return value


def _drawn(trial: "Trial", one: Setting) -> Any:  # noqa: ANN401  (a setting's value)
    match one.values:
        case Range(low, high, log, step) if one.whole:
            return trial.suggest_int(one.name, int(low), int(high), log=log, step=int(step or 1))
        case Range(low, high, log, step):
            return trial.suggest_float(one.name, low, high, log=log, step=step)
        case choices:
            labels = [_label(value) for value in choices]
            return choices[labels.index(trial.suggest_categorical(one.name, labels))]


def _label(value: Any) -> Any:  # noqa: ANN401  (a setting's value)
    """A choice as a table shows it: a number, or else a string."""
    return value if isinstance(value, int | float) else str(value)


def _numbered(study: "Study", *states: "TrialState") -> dict[int, "FrozenTrial"]:
    """The trials that are in such a state, each by its number, in that order."""
    trials = enumerate(study.get_trials(deepcopy=False, states=states))
    # In a journal that an earlier version began, they have none: there the order tells.
    return dict(sorted((one.user_attrs.get(NUMBER, place), one) for place, one in trials))


def _finished(study: "Study") -> dict[int, "FrozenTrial"]:
    from optuna.trial import TrialState

    return _numbered(study, TrialState.COMPLETE, TrialState.PRUNED)


def _left(study: "Study", tuning: Tuning) -> int:
    """How many trials are not finished, be they begun or not."""
    return len(set(range(tuning.trials)) - _finished(study).keys())


def _best(study: "Study") -> dict[int, "FrozenTrial"]:
    """The complete trials by number, the best first; of equals the one of the lowest number."""
    from optuna.study import StudyDirection
    from optuna.trial import TrialState

    sign = -1 if study.direction == StudyDirection.MAXIMIZE else 1
    complete = _numbered(study, TrialState.COMPLETE).items()
    return dict(sorted(complete, key=lambda one: sign * (one[1].value or 0.0)))


def _write(study: "Study", tuning: Tuning, out: Path) -> None:
    """The trials as a table, and the best as an experiment."""
    text = io.StringIO()
    names = [one.name for one in tuning.settings]
    table = csv.DictWriter(
        text, [NUMBER, "state", "value", "seconds", *names, "why"], lineterminator="\n"
    )
    table.writeheader()
    for number, trial in _finished(study).items():
        row = {NUMBER: number, "state": trial.state.name.lower(), "value": trial.value}
        table.writerow({**row, **trial.user_attrs, **trial.params})
    write(out / "trials.csv", text.getvalue())
    for trial in [*_best(study).values()][:1]:
        head = f"# {_goal(tuning)} {trial.value:.4f} on {_whom(tuning)}, whom it was chosen for.\n"
        write(out / "best.toml", head + dumps(variant(tuning, _chosen(tuning, trial.params))))


def _chosen(tuning: Tuning, params: Mapping[str, Any]) -> dict[str, Any]:
    """A trial's settings as they stood in the file."""
    chosen = dict(params)
    for one in tuning.settings:
        if one.name in params and not isinstance(one.values, Range):
            labels = [_label(value) for value in one.values]
            chosen[one.name] = one.values[labels.index(params[one.name])]
    return chosen


def _goal(tuning: Tuning) -> str:
    metric = tuning.experiment.metrics[0].use.upper()
    what = f"gain in {metric}" if tuning.goal == "gain" else f"{metric} of P-AffMem"
    return f"{what}, mean of {' and '.join(DIMENSIONS)},"


def _whom(tuning: Tuning) -> str:
    split = getattr(tuning.dataset.config, "split", None)
    return f'dataset "{tuning.dataset.use}"' + (f', split "{split}"' if split else "")


def _figures(study: "Study", tuning: Tuning) -> Figures:
    """What a study came to. Raises UserError where no trial came to a figure."""
    import optuna

    finished, best = _finished(study), _best(study)
    if not best:
        why = finished[0].user_attrs["why"]
        raise UserError(f"none of {len(finished)} trials came to a figure; the first: {why}")
    importances = None
    if len(best) >= IMPORTANCES:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that a rare choice was tried but once
            importances = optuna.importance.get_param_importances(study)
    return {
        "goal": _goal(tuning),
        "dataset": _whom(tuning),
        FIRST: study.user_attrs[FIRST],
        "complete": len(best),
        "pruned": len(finished) - len(best),
        "best": [
            {"trial": number, "value": trial.value, "settings": trial.params}
            for number, trial in [*best.items()][:SHOWN]
        ],
        "importances": importances,
    }


def _page(study: "Study", figures: Figures) -> str:
    """A page of its own, which needs no network: how the study went, and what mattered."""
    from optuna.visualization import plot_optimization_history, plot_param_importances

    history = plot_optimization_history(study, target_name=figures["goal"].rstrip(","))
    history.add_hline(y=figures[FIRST], line_dash="dot", annotation_text=FIRST)
    history.update_layout(title=None)
    parts = [history.to_html(full_html=False, include_plotlyjs=True)]
    if figures["importances"] is None:
        parts.append(f"<p>Importances are told from {IMPORTANCES} complete trials on.</p>")
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            importances = plot_param_importances(study)
        importances.update_layout(title=None, xaxis_title="importance", yaxis_title=None)
        parts += [
            "<h2>Which settings set the best tenth of the trials apart</h2>",
            importances.to_html(full_html=False, include_plotlyjs=False),
        ]
    title = escape(f"{figures['goal']} on {figures['dataset']}")
    style = "body{font-family:system-ui,sans-serif;max-width:64rem;margin:2rem auto;padding:0 1rem}"
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{style}</style></head><body><h1>{title}</h1>{''.join(parts)}</body></html>\n"
    )
