"""What a training tells its study."""

from __future__ import annotations

import sys
from collections.abc import Mapping

import optuna
from mmengine.config import Config
from optuna.exceptions import UpdateFinishedTrialError

from .link import TrialLink
from .search_space import SearchSpace, load_space
from .storage import open_storage


class Reporter:
    """Hand the scores of a running training to its study.

    Args:
        link: the trial; one that does not report is never pruned.
    """

    def __init__(self, link: TrialLink) -> None:
        self.link = link
        self._space: SearchSpace | None = None
        self._storage = open_storage(link.storage) if link.reports else None

    def is_hopeless(self, config: Config, step: int, metrics: Mapping[str, float]) -> bool:
        """Report a validation and return whether the study's pruner gives the trial up.

        Args:
            config: of the training; names the metric where the search space does not.
            step: epochs, or iterations, that are trained.
            metrics: of the validation, by name.

        Raises:
            ConfigError: the study's metric is not among them.
            SystemExit: the trial has been taken from this worker.
        """
        # Once: the file may be changed while the training runs.
        self._space = space = self._space or load_space(self.link.space, config)
        score = space.score(metrics)
        if self._storage is None:
            return False
        study = optuna.load_study(
            study_name=self.link.study, storage=self._storage, pruner=space.pruner
        )
        trial = self._storage.get_trial_id_from_study_id_trial_number(
            self._storage.get_study_id_from_name(self.link.study), self.link.trial
        )
        try:
            self._storage.set_trial_intermediate_value(trial, step, score)
        except UpdateFinishedTrialError:
            sys.exit(f"error: trial {self.link.trial} was given to another worker.")
        return space.pruner.prune(study, self._storage.get_trial(trial))
