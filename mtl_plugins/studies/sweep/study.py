"""A sweep and its study: what is tried, and which trials there are."""

from __future__ import annotations

import hashlib
import os.path as osp
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import optuna
from optuna.storages import RDBStorage, RetryHeartbeatStaleTrialCallback
from optuna.trial import FrozenTrial

from ...errors import ConfigError
from ..ladder import step_name
from .sampler import PerTrialSampler
from .search_space import SearchSpace

SURPLUS = "surplus"
"""Attribute of a trial that several workers at once took beyond the last one."""
SETTINGS = "settings"
DATABASE = "sweep.db"

retried = RetryHeartbeatStaleTrialCallback.retried_trial_number


@dataclass(frozen=True)
class Sweep:
    """What is tried, where it goes, and for how long.

    Args:
        config: path of the config file.
        space: the search space.
        out: folder of the runs and the report.
        trials: how many there shall be altogether, whoever runs them.
        storage: URL of the database; None: the SQLite file `sweep.db` in `out`, for this study
            alone.
        study: its name, unique within the database; None: those of config and space.
        options: `dotted.key=value`, laid over the config before those of a trial.
        seed: of the choice of values.
        heartbeat: seconds between a worker's signs of life.

    Raises:
        ConfigError: a number is out of range.
    """

    config: str
    space: SearchSpace
    out: str
    trials: int = 20
    storage: str | None = None
    study: str | None = None
    options: Sequence[str] = field(default_factory=tuple)
    seed: int = 0
    heartbeat: int = 10

    def __post_init__(self) -> None:
        for name, least in dict(trials=1, seed=0, heartbeat=1).items():
            if getattr(self, name) < least:
                raise ConfigError(f"--{name} {getattr(self, name)}; expected {least} or more.")

    @property
    def url(self) -> str:
        """URL of the database."""
        return self.storage or f"sqlite:///{osp.abspath(osp.join(self.out, DATABASE))}"

    @property
    def name(self) -> str:
        """Name of the study."""
        if self.study or self.storage:
            return self.study or "-".join(map(step_name, (self.config, self.space.path)))
        # One name for all: a folder that holds another study is noticed.
        return "sweep"

    def settings(self) -> dict[str, Any]:
        """Return what every worker must agree on for the scores to be comparable."""
        with open(self.space.path, "rb") as file:
            text = file.read().replace(b"\r\n", b"\n")
        return dict(
            config=osp.basename(self.config),
            options=list(self.options),
            space=hashlib.sha256(text).hexdigest()[:12],
            metric=self.space.metric_name,
            direction=self.space.direction,
            seed=self.seed,
        )


def open_study(sweep: Sweep, storage: RDBStorage, create: bool = True) -> optuna.Study:
    """Join a sweep's study.

    Args:
        sweep: the sweep.
        storage: the database.
        create: whether the study is made where it does not exist.

    Raises:
        ConfigError: it does not exist, or was begun with other settings.
    """
    options = dict(
        storage=storage,
        study_name=sweep.name,
        sampler=PerTrialSampler(sweep.space.sampler, sweep.seed),
        pruner=sweep.space.pruner,
    )
    if create:
        study = optuna.create_study(**options, direction=sweep.space.direction, load_if_exists=True)
    else:
        try:
            study = optuna.load_study(**options)
        except KeyError as error:
            raise ConfigError(
                f"There is no study {sweep.name!r} in the database. Run it without --report-only "
                "first."
            ) from error
    settings = sweep.settings()
    recorded = study.user_attrs.get(SETTINGS)
    if recorded is None:
        study.set_user_attr(SETTINGS, settings)
    for key, value in settings.items():
        if recorded is not None and recorded.get(key) != value:
            what = "another search space" if key == "space" else f"{key}={recorded.get(key)!r}"
            given = "the file as it was" if key == "space" else f"not {value!r}"
            raise ConfigError(
                f"The study {sweep.name!r} was begun with {what}; {given} is needed to go on. "
                "Call the command as before, or choose another --out and --study."
            )
    return study


def counted(study: optuna.Study) -> list[FrozenTrial]:
    """Return the trials that count: repeated ones once, and none beyond the last."""
    trials = study.get_trials(deepcopy=False)
    return [t for t in trials if retried(t) is None and SURPLUS not in t.user_attrs]


def latest(study: optuna.Study) -> list[FrozenTrial]:
    """Return the last attempt of every trial that counts."""
    repeats = {retried(t): t for t in study.get_trials(deepcopy=False)}
    return [repeats.get(t.number, t) for t in counted(study)]


def origin(study: optuna.Study, number: int) -> FrozenTrial:
    """Return the trial that this one repeats, or itself."""
    trials = study.get_trials(deepcopy=False)
    first = retried(trials[number])
    return trials[number if first is None else first]


def run_folder(sweep: Sweep, trial: int, seed: int) -> str:
    """Return the work dir of a trial's run with a seed; that of its origin's number.

    >>> import os
    >>> from types import SimpleNamespace
    >>> sweep = SimpleNamespace(out="out", space=SimpleNamespace(seeds=(0, 1)))
    >>> run_folder(sweep, 7, 1).replace(os.sep, "/")
    'out/trial_0007/seed1'
    """
    parts = [sweep.out, f"trial_{trial:04d}"]
    return osp.join(*parts, *([f"seed{seed}"] if len(sweep.space.seeds) > 1 else []))
