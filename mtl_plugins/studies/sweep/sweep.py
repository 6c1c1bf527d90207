"""Running a sweep: from the first checks to the report."""

from __future__ import annotations

import glob
import os
import os.path as osp

from optuna.trial import TrialState

from ...errors import ConfigError, MTLError
from ...utils import ProgressLine
from .report import write_report
from .search_space import check_space
from .study import DATABASE, Sweep, open_storage, open_study
from .worker import Worker


def run_sweep(sweep: Sweep, script: str | None, jobs: int = 1) -> None:
    """Run trials until the study has all of them, then write the report into `sweep.out`.

    Args:
        sweep: the settings.
        script: path of `tools/train.py`; None: only report.
        jobs: trials at the same time on this machine.

    Raises:
        ConfigError: the search space, the storage, the folder or the number of jobs cannot be used.
        MTLError: the first trials all failed, or no trial has a score.
        SystemExit: a signal ended the sweep.
    """
    if jobs < 1:
        raise ConfigError(f"--jobs {jobs}; expected 1 or more.")
    if script:
        check_space(sweep.space, sweep.config, sweep.options)
        os.makedirs(sweep.out, exist_ok=True)
    elif not sweep.storage and not osp.exists(osp.join(sweep.out, DATABASE)):
        raise ConfigError(
            f"There is no study in {sweep.out}. Run the command without --report-only first."
        )
    folders = glob.glob(osp.join(glob.escape(sweep.out), "trial_*"))
    study = open_study(sweep, open_storage(sweep.url, sweep.heartbeat), create=script is not None)
    if script and folders and not study.get_trials(deepcopy=False):
        raise ConfigError(
            f"{sweep.out} holds {len(folders)} trials of another study, such as {folders[0]}. "
            "Remove them, or choose another --out."
        )
    try:
        if script:
            with ProgressLine(sweep.name, sweep.trials) as line:
                Worker(sweep, study, script, jobs, line).run()
    finally:
        # Also after an interruption or an error.
        write_report(study, sweep.space.metric_name, sweep.out, sweep.space.pairs)
    if not study.get_trials(deepcopy=False, states=[TrialState.COMPLETE]):
        raise MTLError("No trial has a score yet.")
