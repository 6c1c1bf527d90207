"""A worker: takes trials of a study until there are none."""

from __future__ import annotations

import math
import os
import socket
from collections.abc import Callable, Mapping
from statistics import mean
from threading import Event
from uuid import uuid4

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.samplers import BruteForceSampler, GridSampler
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState

from ...errors import ConfigError, MTLError
from ..ladder import Run
from .link import TrialLink
from .storage import WORKER, give_back_stale, repeat
from .study import SURPLUS, Sweep, counted, open_study, origin, run_folder
from .training import InterruptedTrialError, PrunedRunError, TrialError, train_run

OPTIONS, RUNS, REASON, TWIN = "options", "runs", "reason", "twin"
"""Attributes of a trial: what it was trained with, what came out, why it failed, and the number of
the trial with the same values whose result it took over."""
CLAIMED, STARTED = "claimed", "started"
"""Attributes of a trial that asks for its values alone, and of one that has them."""
IDENTITY = "identity"
"""Attribute that a repeated trial has from the one that it repeats."""
WAIT_SECONDS = 1
FAILURES = 5
"""Trials that may fail one after the other, with none that succeeds, before a worker gives up."""


class GaveUpError(MTLError):
    """A sweep whose every trial fails."""


class Worker:
    """Run trials of a sweep, one after the other.

    Args:
        sweep: what is tried.
        storage: the study's database.
        script: path of `tools/train.py`.
        environment: variables of the trainings.
        stop: ends the worker when set; the trial that it runs is given back.
        tell: called with the trial when one has ended.
    """

    def __init__(
        self,
        sweep: Sweep,
        storage: RDBStorage,
        script: str,
        environment: Mapping[str, str],
        stop: Event,
        tell: Callable[[FrozenTrial], None],
    ) -> None:
        self.sweep = sweep
        self.script = script
        self.environment = environment
        self.stop = stop
        self.tell = tell
        self._storage = storage
        self._study = open_study(sweep, storage)
        self._exhausted = False
        self._succeeded = False
        self._failures = 0
        self._number = -1

    def run(self) -> None:
        """Take trials until the study has all of them, and none is left that might come back.

        Raises:
            GaveUpError: the first trials all failed.
        """
        while not self.stop.is_set():
            give_back_stale(self._study, self._storage)
            if self._may_take():
                self._take()
            elif any(t.state == TrialState.RUNNING for t in self._study.get_trials(False)):
                self.stop.wait(WAIT_SECONDS)  # should their worker die, this one repeats them
            else:
                return

    def _may_take(self) -> bool:
        if any(t.state == TrialState.WAITING for t in self._study.get_trials(deepcopy=False)):
            return True
        return not self._exhausted and len(counted(self._study)) < self.sweep.trials

    def _take(self) -> None:
        """Run trials by Optuna's loop until there are none to take."""
        ours = False

        def after(study: optuna.Study, trial: FrozenTrial) -> None:
            nonlocal ours
            self._after(trial)
            if self.stop.is_set() or not self._may_take():
                ours = True
                study.stop()

        try:
            self._study.optimize(
                self._objective, callbacks=[after], catch=(TrialError, InterruptedTrialError)
            )
        except (UpdateFinishedTrialError, ValueError):
            # The others missed this worker's signs of life: one of them repeats the trial.
            if self._study.get_trials()[self._number].state == TrialState.FAIL:
                return
            raise
        # Samplers that have tried everything end the loop themselves.
        self._exhausted |= not ours

    def _after(self, trial: FrozenTrial) -> None:
        if SURPLUS in trial.user_attrs:
            return
        if trial.state == TrialState.FAIL and REASON not in trial.user_attrs:
            # Interrupted: given back.
            repeat(self._study, trial)
            return
        self.tell(trial)
        self._succeeded |= trial.state != TrialState.FAIL
        self._failures += trial.state == TrialState.FAIL
        if self._failures == FAILURES and not self._succeeded:
            raise GaveUpError(
                f"The first {FAILURES} trials failed. Mend the config or the search space. The "
                f"last one ended so:\n  {trial.user_attrs[REASON]}"
            )

    def _objective(self, trial: optuna.Trial) -> float:
        self._number = trial.number
        if IDENTITY not in trial.user_attrs:
            trial.set_user_attr(IDENTITY, uuid4().hex)
        trial.set_user_attr(WORKER, f"{socket.gethostname()}:{os.getpid()}")
        first = origin(self._study, trial.number)
        if first.number == trial.number and self._is_surplus(trial):
            trial.set_user_attr(SURPLUS, True)
            raise InterruptedTrialError("there are enough trials")
        try:
            return self._score(trial, first)
        except (TrialError, ConfigError) as error:
            trial.set_user_attr(REASON, str(error))
            raise TrialError(str(error)) from error

    def _is_surplus(self, trial: optuna.Trial) -> bool:
        before = [t for t in counted(self._study) if t.number < trial.number]
        return len(before) >= self.sweep.trials

    def _score(self, trial: optuna.Trial, first: FrozenTrial) -> float:
        space = self.sweep.space
        options = space.options(trial)
        trial.set_user_attr(OPTIONS, options)
        twin = self._twin(trial)
        if twin is not None:
            return self._same_as(twin, trial)
        runs, scores = [], []
        for index, seed in enumerate(space.seeds):
            run = Run(self.sweep.config, seed, run_folder(self.sweep, first.number, seed))
            link = TrialLink(
                self.sweep.url, self.sweep.name, trial.number, os.path.abspath(space.path),
                os.getpid(), reports=index == 0,
            )  # fmt: skip
            try:
                found = train_run(
                    run,
                    self.script,
                    [*self.sweep.options, *options, "default_hooks.sweep.type=SweepHook"],
                    dict(trial=trial.user_attrs[IDENTITY], options=options),
                    {**self.environment, **link.environment()},
                    self.stop,
                )
            except PrunedRunError:
                raise optuna.TrialPruned from None
            scores.append(space.score(found["metrics"]))
            runs.append(dict(found, score=scores[-1]))
            trial.set_user_attr(RUNS, runs)
        if not all(map(math.isfinite, scores)):
            raise TrialError(f"the score is {', '.join(map(str, scores))}")
        return mean(scores)

    def _twin(self, trial: optuna.Trial) -> FrozenTrial | None:
        """Return an earlier trial with the same values, whose result would be the same.

        Raises:
            InterruptedTrialError: there is one, and the sampler tries everything once: nothing is
                left to try.
        """
        if isinstance(self._study.sampler.wrapped, (BruteForceSampler, GridSampler)):
            self._claim(trial)
            return None
        done = self._alike(trial, [TrialState.COMPLETE, TrialState.PRUNED])
        return next((t for t in done if t.number < trial.number), None)

    def _claim(self, trial: optuna.Trial) -> None:
        """Make sure that no other worker runs the same values, which may be taken at once."""
        trial.set_user_attr(CLAIMED, True)
        states = [TrialState.COMPLETE, TrialState.PRUNED, TrialState.RUNNING]
        while rivals := self._alike(trial, states):
            claimed = [t for t in rivals if CLAIMED in t.user_attrs]
            if any(STARTED in t.user_attrs or t.number < trial.number for t in claimed):
                self._exhausted = True
                trial.set_user_attr(SURPLUS, True)
                raise InterruptedTrialError("everything is tried")
            if not claimed:
                break
            # A later one claimed them too: it has started already, or gives way in a moment.
            if self.stop.wait(0.1):
                raise InterruptedTrialError("the worker was stopped")
        trial.set_user_attr(STARTED, True)

    def _alike(self, trial: optuna.Trial, states: list[TrialState]) -> list[FrozenTrial]:
        """Return the other trials that have the same values and a result of their own."""
        others = self._study.get_trials(deepcopy=False, states=states)
        return [
            t
            for t in others
            if t.number != trial.number
            and t.params == trial.params
            and not {TWIN, SURPLUS} & set(t.user_attrs)
        ]

    def _same_as(self, twin: FrozenTrial, trial: optuna.Trial) -> float:
        trial.set_user_attr(TWIN, twin.number)
        if twin.state == TrialState.PRUNED:
            raise optuna.TrialPruned
        return twin.value
