"""Real trainings of a sweep."""

from __future__ import annotations

import csv
import os
import sys

import optuna
import pytest

from mtl_plugins.errors import ConfigError
from mtl_plugins.studies import SweepHook
from mtl_plugins.studies.sweep import TrialLink
from tests.commands import SMALL, call
from tests.studies.sweeps import LINE, LR, sweep_of

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")


def test_a_training_ends_when_its_worker_is_gone(tmp_path, monkeypatch):
    space = sweep_of(tmp_path, LINE).space.path
    with pytest.raises(ConfigError, match="leave the hook out"):
        SweepHook()
    for worker in (os.getppid(), os.getppid() + 1):
        link = TrialLink("sqlite://", "study", 3, space, worker, reports=False)
        for name, value in link.environment().items():
            monkeypatch.setenv(name, value)
        hook = SweepHook()
        if worker == os.getppid():
            hook.before_train_iter(None, 0)
            hook.before_val_iter(None, 0)
        else:
            with pytest.raises(SystemExit, match="worker of trial 3 has ended"):
                hook.before_train_iter(None, 0)


REAL = f"""
import optuna


class Impatient(optuna.pruners.BasePruner):
    def prune(self, study, trial):
        return trial.params["rate"] == 0.5 or trial.last_step == 2


metric, direction, pruner = "depth/si_log_rmse", "minimize", Impatient()
sampler = optuna.samplers.BruteForceSampler


def space(trial):
    rate = trial.suggest_categorical("rate", [0.001, 0.5, "broken"])
    if rate == "broken":
        return {{"model.backbone.model_name": "resnet1"}}
    return {{{LR!r}: rate}}
"""


def test_real_trainings_are_scored_pruned_and_reported(tmp_path, scene_options):
    path = tmp_path / "space.py"
    path.write_text(REAL)
    out = tmp_path / "out"
    options = [*scene_options, *SMALL, "train_cfg.max_epochs=2"]
    result = call(
        "sweep.py", "configs/mtl_branched.py", str(path), "--out", str(out), "--trials", "3",
        "--cfg-options", *options,
    )  # fmt: skip
    with open(out / "sweep.csv", encoding="utf-8", newline="") as file:
        rows = {row["param rate"]: row for row in csv.DictReader(file)}
    states = {rate: row["state"] for rate, row in rows.items()}
    assert states == {"0.001": "complete", "0.5": "pruned", "broken": "failed"}
    folders = {rate: out / f"trial_{int(row['trial']):04d}" for rate, row in rows.items()}
    assert (folders["0.001"] / "epoch_2.pth").exists()
    assert (folders["0.5"] / "epoch_1.pth").exists()
    assert not (folders["0.5"] / "epoch_2.pth").exists()
    assert "timm has no model 'resnet1'" in rows["broken"]["reason"]
    assert "timm has no model 'resnet1'" in result.stdout
    score = float(rows["0.001"]["score"])
    assert score == float(rows["0.001"]["depth/si_log_rmse"]) > 0
    assert rows["0.001"]["batch_size"] == "2" and float(rows["0.001"]["step_seconds"]) > 0
    if sys.platform == "linux":
        assert float(rows["0.001"]["peak_bytes"]) > 100 * 2**20
    study = optuna.load_study(study_name=None, storage=f"sqlite:///{out}/sweep.db")
    values = {t.params["rate"]: t.intermediate_values for t in study.trials}
    assert list(values[0.001]) == [1, 2] and values[0.001][2] == score
    assert list(values[0.5]) == [1] and values["broken"] == {}
