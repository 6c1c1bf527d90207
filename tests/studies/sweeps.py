"""Sweeps with a stand-in for training, whose score is a function of its options."""

from __future__ import annotations

import csv
import os
import threading
import time

from mtl_plugins.config import load_config
from mtl_plugins.studies.sweep import Sweep, load_space, open_study
from mtl_plugins.studies.sweep.storage import open_storage
from mtl_plugins.studies.sweep.worker import Worker
from tests.conftest import ROOT

CONFIG = os.path.join(ROOT, "configs", "mtl_branched.py")
LR, BATCH = "optim_wrapper.optimizer.lr", "train_dataloader.batch_size"

# Takes the arguments of tools/train.py; the score is a function of them.
STAND_IN = """
import json, os, sys, time

arguments = sys.argv
folder = arguments[arguments.index("--work-dir") + 1]
seed = int(arguments[arguments.index("--seed") + 1])
options = dict(option.split("=") for option in arguments[arguments.index("--cfg-options") + 1 :])
rate, batch = float(options["optim_wrapper.optimizer.lr"]), int(options.get(
    "train_dataloader.batch_size", 8))
with open(os.path.join(folder, "pid"), "w") as file:
    file.write(str(os.getpid()))
time.sleep(float(os.environ.get("STAND_IN_SECONDS", 0)))
if rate > 1:
    print("Traceback ...")
    sys.exit("error: the loss is not finite")
usage = dict(batch_size=batch, step_seconds=batch / 100, peak_bytes=batch * 2**20, memory="none")
for name, content in dict(usage=usage, summary=dict(metrics=dict(gain=batch * (seed + 1)))).items():
    with open(os.path.join(folder, name + ".json"), "w") as file:
        json.dump(content, file)
"""
GRID = f"""
from optuna.samplers import BruteForceSampler
metric, direction, sampler = "gain", "maximize", BruteForceSampler


def space(trial):
    rate = trial.suggest_categorical("rate", [0.1, 0.2])
    return {{{LR!r}: rate, {BATCH!r}: trial.suggest_int("batch", 2, 6, step=2)}}
"""
LINE = f"""
metric, direction = "gain", "maximize"


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
    return open_study(sweep, open_storage(sweep.url), create=False)


def worker_of(sweep, script, stop=None, told=None):
    """Return a worker that runs in this process."""
    os.makedirs(sweep.out, exist_ok=True)
    tell = (lambda trial: None) if told is None else told.append
    storage = open_storage(sweep.url, sweep.heartbeat)
    return Worker(sweep, storage, script, {}, stop or threading.Event(), tell)


def start(worker, sweep):
    """Run a worker aside, and return when it trains its first trial."""
    thread = threading.Thread(target=worker.run)
    thread.start()
    while not os.path.exists(os.path.join(sweep.out, "trial_0000", "pid")):
        assert thread.is_alive()
        time.sleep(0.02)
    return thread


def read_csv(sweep, name):
    with open(os.path.join(sweep.out, name), encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
