"""The database that the workers of a study share."""

from __future__ import annotations

import time
from datetime import datetime

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import RDBStorage, RetryHeartbeatStaleTrialCallback
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from ...errors import ConfigError

GRACE = 6
"""Heartbeats that may be missing before a worker is taken for dead."""
DEATHS = 5
"""Times that a trial is repeated; one that takes its worker with it each time is given up."""
LOCK_SECONDS = 60
"""How long SQLite waits for others that write."""
ATTEMPTS = 5
WORKER = "worker"
"""Attribute of a trial: who runs it."""


def open_storage(url: str, heartbeat: int | None = None) -> RDBStorage:
    """Connect to a database; its tables are made where they are missing.

    Args:
        url: SQLAlchemy's, such as `sqlite:///sweep.db` or `postgresql://user:password@host/name`.
        heartbeat: seconds between a worker's signs of life; None: for those that run no trials.

    Raises:
        ConfigError: there is no such database, or no driver for it.
    """
    try:
        shown = make_url(url).render_as_string(hide_password=True)
        backend = make_url(url).get_backend_name()
    except ArgumentError as error:
        raise ConfigError(
            f"--storage {url!r} is no database URL; expected one such as sqlite:///sweep.db or "
            "postgresql://user:password@host/name."
        ) from error
    options = dict(connect_args=dict(timeout=LOCK_SECONDS)) if backend == "sqlite" else {}
    attempt = 0
    while True:
        attempt += 1
        try:
            return RDBStorage(
                url,
                options,
                heartbeat_interval=heartbeat,
                grace_period=heartbeat and GRACE * heartbeat,
                heartbeat_stale_trial_callback=RetryHeartbeatStaleTrialCallback(
                    DEATHS, inherit_intermediate_values=True
                ),
            )
        except DBAPIError as error:
            # Several workers that start at once all try to make the tables.
            if attempt == ATTEMPTS:
                raise ConfigError(f"--storage {shown} cannot be opened: {error.orig}") from error
            time.sleep(0.2 * attempt)
        except (ImportError, NoSuchModuleError) as error:
            raise ConfigError(
                f"--storage {shown}: there is no driver for {backend}. Install it, such as "
                "psycopg2-binary for postgresql:// or pymysql for mysql+pymysql://."
            ) from error


def repeat(study: optuna.Study, trial: FrozenTrial) -> None:
    """Queue a trial once more, with the same values; its number will be another one."""
    RetryHeartbeatStaleTrialCallback(inherit_intermediate_values=True)(study, trial)


def give_back_stale(study: optuna.Study, storage: RDBStorage) -> None:
    """Queue the trials of dead workers once more."""
    optuna.storages.fail_stale_trials(study)
    # Optuna overlooks those whose worker died before its first sign of life.
    for trial in study.get_trials(deepcopy=False, states=[TrialState.RUNNING]):
        age = (datetime.now() - trial.datetime_start).total_seconds()
        if WORKER in trial.user_attrs or age < storage.grace_period:
            continue
        number = storage.get_trial_id_from_study_id_trial_number(
            storage.get_study_id_from_name(study.study_name), trial.number
        )
        try:
            storage.set_trial_state_values(number, TrialState.FAIL)
        except UpdateFinishedTrialError:
            continue  # another worker was faster
        repeat(study, trial)
