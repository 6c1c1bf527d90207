"""Sweeps whose trainings are a small script: the score is a function of the options."""

from __future__ import annotations

import csv
import os

from mtl_plugins.config import load_config
from mtl_plugins.studies.sweep import Sweep, load_space, open_study
from mtl_plugins.studies.sweep.study import open_storage
from mtl_plugins.studies.sweep.worker import Worker
from mtl_plugins.utils import ProgressLine
from tests.conftest import ROOT

CONFIG = os.path.join(ROOT, "configs", "mtl_branched.py")
LR, BATCH = "optim_wrapper.optimizer.lr", "train_dataloader.batch_size"

# Takes the arguments of tools/train.py. A training with SLOW_SEED takes a minute, as one with PAUSE
# does after its first validation.
SCRIPT = """
import json, os, sys, time

arguments = sys.argv
folder = arguments[arguments.index("--work-dir") + 1]
seed = int(arguments[arguments.index("--seed") + 1])
options = dict(option.split("=") for option in arguments[arguments.index("--cfg-options") + 1 :])
rate, batch = float(options["optim_wrapper.optimizer.lr"]), int(options.get(
    "train_dataloader.batch_size", 8))
started = os.path.join(folder, "started")
with open(started + ".new", "w") as file:
    json.dump({**os.environ, "pid": os.getpid()}, file)
os.replace(started + ".new", started)  # it is whole when it appears
if str(seed) == os.environ.get("SLOW_SEED"):
    time.sleep(60)
if rate > 1:
    print("Traceback ...")
    sys.exit("error: the loss is not finite")
with open(os.path.join(folder, "validations.jsonl"), "a") as file:
    for step in range(1, 4):
        score = batch * (seed + 1) * step / 3
        file.write(json.dumps({
            "step": step, "is_last": step == 3, "metrics": {"semseg/mIoU": score},
            "batch_size": batch, "step_seconds": batch / 100, "peak_bytes": batch * 2**20,
            "memory": "none",
        }) + "\\n")
        if step == 1 and "PAUSE" in os.environ:
            file.flush()
            time.sleep(60)
"""
GRID = f"""
from optuna.samplers import BruteForceSampler
metric, direction, sampler = "semseg/mIoU", "maximize", BruteForceSampler


def space(trial):
    rate = trial.suggest_categorical("rate", [0.1, 0.2])
    return {{{LR!r}: rate, {BATCH!r}: trial.suggest_int("batch", 2, 6, step=2)}}
"""
LINE = f"""
metric, direction = "semseg/mIoU", "maximize"


def space(trial):
    return {{{LR!r}: trial.suggest_float("rate", 1e-4, 1e-1, log=True)}}
"""


def sweep_of(folder, text, **options):
    """Return a sweep of a search space with this text."""
    path = folder / "space.py"
    path.write_text(text)
    space = load_space(str(path), load_config(CONFIG))
    return Sweep(CONFIG, space, str(folder / "out"), **options)


def study_of(sweep):
    return open_study(sweep, open_storage(sweep.url, sweep.heartbeat))


def work(sweep, script, jobs=1):
    """Run trials in this process, without the checks before and the report after them."""
    os.makedirs(sweep.out, exist_ok=True)
    with ProgressLine(sweep.name, sweep.trials) as line:
        Worker(sweep, study_of(sweep), script, jobs, line).run()


def read_csv(sweep, name):
    with open(os.path.join(sweep.out, name), encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
