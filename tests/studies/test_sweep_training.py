"""A real training of a sweep."""

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


REAL = f"""
metric, direction = "depth/si_log_rmse", "minimize"


def space(trial):
    return {{{LR!r}: trial.suggest_categorical("rate", [0.001]), "train_cfg.max_epochs": 2}}
"""


@pytest.mark.slow
def test_a_real_training_is_scored_and_reported(tmp_path, scene_options):
    path = tmp_path / "space.py"
    path.write_text(REAL)
    out = tmp_path / "out"
    call(
        "sweep.py", "configs/mtl_branched.py", str(path), "--out", str(out), "--trials", "1",
        "--cfg-options", *scene_options, *SMALL, *PLAIN,
    )  # fmt: skip
    with open(out / "sweep.csv", encoding="utf-8", newline="") as file:
        [best] = csv.DictReader(file)
    assert best["state"] == "complete" and best["param rate"] == "0.001"
    assert (out / best["folder"] / "epoch_2.pth").exists()
    score = float(best["score"])
    assert score == float(best["depth/si_log_rmse"]) > 0
    assert best["batch_size"] == "2" and float(best["step_seconds"]) > 0
    if sys.platform == "linux":
        assert float(best["peak_mib"]) > 100
    study = optuna.load_study(study_name=None, storage=f"sqlite:///{out}/sweep.db")
    [values] = [trial.intermediate_values for trial in study.trials]
    assert list(values) == [1, 2] and values[2] == score
