"""A sweep's study: its settings, its database and its trials."""

from __future__ import annotations

import hashlib
import os.path as osp
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import RDBStorage, RetryHeartbeatStaleTrialCallback
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from ...errors import ConfigError
from .search_space import SearchSpace

MISSED_HEARTBEATS = 6
"""Heartbeats without which a worker counts as dead."""
REPEATS = 5
"""How often a trial is repeated whose worker dies each time."""
SQLITE_SECONDS = 60
"""How long SQLite waits while other processes write."""
ATTEMPTS = 5
DATABASE = "sweep.db"
SETTINGS = "settings"
"""Attribute of the study."""
FOLDER, OPTIONS, RUNS, WORKER = "folder", "options", "runs", "worker"
REASON, TWIN = "reason", "twin"
"""Attributes of a trial: folder of its runs, config options, a result for each seed, the process
that runs it; the reason of a failure, and the trial with the same values whose result it has."""


@dataclass(frozen=True)
class Sweep:
    """Store the settings of a sweep.

    Args:
        config: path of the config file.
        space: the search space.
        out: folder of the runs and the report.
        trials: number of trials of all workers together.
        storage: URL of the database; None: the SQLite file `sweep.db` in `out`.
        study: name of the study in the database; None: made from the names of config and space.
        options: `dotted.key=value`, applied to the config before a trial's own options.
        seed: seed of the sampler.
        heartbeat: seconds between a worker's heartbeats.

    Raises:
        ConfigError: a number is out of range.
    """

    config: str
    space: SearchSpace
    out: str
    trials: int = 20
    storage: str | None = None
    study: str | None = None
    options: Sequence[str] = ()
    seed: int = 0
    heartbeat: int = 10

    def __post_init__(self) -> None:
        for name, least in dict(trials=1, seed=0, heartbeat=1).items():
            if getattr(self, name) < least:
                raise ConfigError(f"--{name} {getattr(self, name)}; expected {least} or more.")

    @property
    def url(self) -> str:
        """Return the URL of the database."""
        return self.storage or f"sqlite:///{osp.abspath(osp.join(self.out, DATABASE))}"

    @property
    def name(self) -> str:
        """Return the name of the study."""
        if self.study or self.storage:
            return self.study or f"{Path(self.config).stem}-{Path(self.space.path).stem}"
        # The same name for all, so that another sweep in the same folder is noticed.
        return "sweep"

    def settings(self) -> dict[str, Any]:
        """Return the settings that all workers must share for comparable scores."""
        text = Path(self.space.path).read_bytes().replace(b"\r\n", b"\n")
        return dict(
            config=osp.basename(self.config),
            options=list(self.options),
            space=hashlib.sha256(text).hexdigest()[:12],
            metric=self.space.metric_name,
            direction=self.space.direction,
            seed=self.seed,
        )


def open_storage(url: str, heartbeat: int) -> RDBStorage:
    """Connect to a database and create missing tables.

    Args:
        url: SQLAlchemy's, such as `sqlite:///sweep.db` or `postgresql://user:password@host/name`.
        heartbeat: seconds between a worker's heartbeats.

    Raises:
        ConfigError: the URL is malformed, its driver is missing, or the database does not open.
    """
    shown = repr(url)
    for attempt in range(1, ATTEMPTS + 1):
        try:
            shown = make_url(url).render_as_string(hide_password=True)
            sqlite = make_url(url).get_backend_name() == "sqlite"
            return RDBStorage(
                url,
                dict(connect_args=dict(timeout=SQLITE_SECONDS)) if sqlite else {},
                heartbeat_interval=heartbeat,
                grace_period=MISSED_HEARTBEATS * heartbeat,
                heartbeat_stale_trial_callback=RetryHeartbeatStaleTrialCallback(REPEATS),
            )
        except DBAPIError as error:
            # Several workers that start at once may all create the tables.
            if attempt == ATTEMPTS:
                raise ConfigError(f"--storage {shown} cannot be opened: {error.orig}") from error
            time.sleep(0.2 * attempt)
        except (ArgumentError, ImportError, NoSuchModuleError) as error:
            raise ConfigError(
                f"--storage {shown}: {error}. Expected a URL such as sqlite:///sweep.db or "
                "postgresql://user:password@host/name, and its driver to be installed, such as "
                "psycopg2-binary for postgresql:// or pymysql for mysql+pymysql://."
            ) from error
    raise AssertionError("unreachable")


def open_study(sweep: Sweep, storage: RDBStorage, create: bool = True) -> optuna.Study:
    """Open a sweep's study in a database; create a missing one if asked to.

    Raises:
        ConfigError: the study does not exist, or has other settings.
    """
    if create:
        optuna.create_study(
            storage=storage, study_name=sweep.name, direction=sweep.space.direction,
            load_if_exists=True,
        )  # fmt: skip
    try:
        study = optuna.load_study(
            study_name=sweep.name, storage=storage, sampler=sweep.space.sampler(sweep.seed),
            pruner=sweep.space.pruner,
        )  # fmt: skip
    except KeyError as error:
        raise ConfigError(
            f"There is no study {sweep.name!r} in the database. Run the command without "
            "--report-only first."
        ) from error
    settings = sweep.settings()
    if SETTINGS not in study.user_attrs:
        study.set_user_attr(SETTINGS, settings)
    recorded = study.user_attrs[SETTINGS]
    for key, value in settings.items():
        if recorded.get(key) != value:
            was = "another search space" if key == "space" else f"{key}={recorded.get(key)!r}"
            now = "" if key == "space" else f", not {value!r}"
            raise ConfigError(
                f"The study {sweep.name!r} was started with {was}{now}. Repeat the first call's "
                "arguments, or choose another --out and --study."
            )
    return study


def counted(study: optuna.Study) -> list[FrozenTrial]:
    """Return the trials of a study without lost attempts.

    Lost attempts have failed without a reason, because they were interrupted or their worker died,
    or have no worker, because it died before it began.
    """
    return [
        trial
        for trial in study.get_trials(deepcopy=False)
        if not (trial.state == TrialState.FAIL and REASON not in trial.user_attrs)
        and not (trial.state == TrialState.RUNNING and WORKER not in trial.user_attrs)
    ]
