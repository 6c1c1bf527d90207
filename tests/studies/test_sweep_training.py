"""Real trainings of a sweep."""

from __future__ import annotations

import csv
import os
import sys

import optuna
import pytest

from mtl_plugins.errors import ConfigError
from mtl_plugins.studies import SweepHook
from tests.commands import PLAIN, SMALL, call
from tests.studies.sweeps import LR

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")


def test_a_training_ends_when_its_sweep_has_ended(monkeypatch):
    with pytest.raises(ConfigError, match="remove the hook"):
        SweepHook()
    monkeypatch.setenv("MTL_SWEEP_WORKER", str(os.getppid()))
    SweepHook().before_train_iter(None, 0)
    SweepHook().before_val_iter(None, 0)
    monkeypatch.setenv("MTL_SWEEP_WORKER", str(os.getppid() + 1))
    for check in (SweepHook().before_train_iter, SweepHook().before_val_iter):
        with pytest.raises(SystemExit, match="has ended"):
            check(None, 0)


# A training that the pruner ends has many epochs to go, as validations are read now and then.
REAL = f"""
import optuna


class Impatient(optuna.pruners.BasePruner):
    def prune(self, study, trial):
        return trial.params["rate"] == 0.5 or trial.last_step == 2


metric, direction, pruner = "depth/si_log_rmse", "minimize", Impatient()
sampler = optuna.samplers.BruteForceSampler


def space(trial):
    rate = trial.suggest_categorical("rate", [0.001, 0.5])
    return {{{LR!r}: rate, "train_cfg.max_epochs": 2 if rate == 0.001 else 200}}
"""


def test_real_trainings_are_scored_pruned_and_reported(tmp_path, scene_options):
    path = tmp_path / "space.py"
    path.write_text(REAL)
    out = tmp_path / "out"
    call(
        "sweep.py", "configs/mtl_branched.py", str(path), "--out", str(out), "--trials", "2",
        "--jobs", "2", "--cfg-options", *scene_options, *SMALL, *PLAIN,
    )  # fmt: skip
    with open(out / "sweep.csv", encoding="utf-8", newline="") as file:
        rows = {row["param rate"]: row for row in csv.DictReader(file)}
    states = {rate: row["state"] for rate, row in rows.items()}
    assert states == {"0.001": "complete", "0.5": "pruned"}
    best = rows["0.001"]
    assert (out / best["folder"] / "epoch_2.pth").exists()
    assert (out / rows["0.5"]["folder"] / "epoch_1.pth").exists()
    score = float(best["score"])
    assert score == float(best["depth/si_log_rmse"]) > 0
    assert best["batch_size"] == "2" and float(best["step_seconds"]) > 0
    if sys.platform == "linux":
        assert float(best["peak_mib"]) > 100
    study = optuna.load_study(study_name=None, storage=f"sqlite:///{out}/sweep.db")
    values = {t.params["rate"]: t.intermediate_values for t in study.trials}
    assert list(values[0.001]) == [1, 2] and values[0.001][2] == score
    assert min(values[0.5]) == 1
