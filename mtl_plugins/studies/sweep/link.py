"""How a training finds the trial that it is a run of."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass

from ...errors import ConfigError

VARIABLE = "MTL_SWEEP_TRIAL"


@dataclass(frozen=True)
class TrialLink:
    """A trial as its training sees it.

    It travels in an environment variable: a config is written into the work dir, where a storage
    URL with a password does not belong.

    Args:
        storage: URL of the study's database.
        study: name of the study.
        trial: number of the trial.
        space: path of the search space.
        worker: id of the process that started the training.
        reports: whether its validations go to the study, which may end it early.
    """

    storage: str
    study: str
    trial: int
    space: str
    worker: int
    reports: bool

    def environment(self) -> dict[str, str]:
        """Return the variables that a training is started with."""
        return {VARIABLE: json.dumps(asdict(self))}

    @classmethod
    def from_environment(cls) -> TrialLink:
        """Return the trial that this process was started for.

        Raises:
            ConfigError: it was not started for one.
        """
        if VARIABLE not in os.environ:
            raise ConfigError(
                f"SweepHook: {VARIABLE} is not set. tools/sweep.py sets it and adds the hook "
                "itself; leave the hook out of the config."
            )
        return cls(**json.loads(os.environ[VARIABLE]))
