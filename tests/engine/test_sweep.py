"""Sweeps: search spaces, the study's logic with a stand-in for training, and real trainings."""

from __future__ import annotations

import csv
import glob
import importlib
import os
import signal
import subprocess
import sys
import threading
import time

import optuna
import pytest
from optuna.trial import FixedTrial, TrialState

import mtl_plugins.engine.sweep
from mtl_plugins.engine import SweepHook, load_config
from mtl_plugins.engine.sweep import Sweep, TrialLink, check_space, load_space, run_sweep
from mtl_plugins.engine.sweep.storage import open_storage
from mtl_plugins.engine.sweep.study import counted, latest, open_study
from mtl_plugins.engine.sweep.worker import GaveUpError, Worker
from mtl_plugins.errors import ConfigError
from tests.conftest import ROOT
from tests.test_tools import SMALL, call

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
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


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "train.py"
    path.write_text(STAND_IN)
    return str(path)


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


def test_tables_hold_means_and_spreads_and_what_a_batch_size_costs(tmp_path, script, capsys):
    sweep = sweep_of(tmp_path, GRID + "seeds, pairs = (0, 1, 3), [('batch', 'rate')]", trials=50)
    run_sweep(sweep, script, jobs=2)
    rows = read_csv(sweep, "sweep.csv")
    # The grid has six points, and the batch's size times 1, 2 and 4 is what they score.
    assert len(rows) == 6 and len({(row["param rate"], row["param batch"]) for row in rows}) == 6
    assert [row["param batch"] for row in rows] == ["6", "6", "4", "4", "2", "2"]
    best = rows[0]
    assert float(best["score"]) == pytest.approx(6 * 7 / 3) and best["n"] == "3"
    # Around 14: -8, -2 and 10.
    assert float(best["std"]) == pytest.approx(((64 + 4 + 100) / 2) ** 0.5)
    assert float(best["gain"]) == pytest.approx(14)
    values = {(row["parameter"], row["value"]): row for row in read_csv(sweep, "values.csv")}
    assert len(values) == 5
    assert values["batch", "4"]["trials"] == "2" and values["rate", "0.1"]["trials"] == "3"
    assert float(values["batch", "4"]["mean_score"]) == pytest.approx(28 / 3)
    assert float(values["rate", "0.1"]["mean_score"]) == pytest.approx((2 + 4 + 6) / 3 * 7 / 3)
    assert float(values["rate", "0.1"]["best_score"]) == pytest.approx(14)
    assert float(values["batch", "6"]["step_seconds"]) == pytest.approx(0.06)
    assert float(values["batch", "6"]["images_per_second"]) == pytest.approx(100)
    assert float(values["rate", "0.2"]["peak_bytes"]) == 6 * 2**20
    text = (tmp_path / "out" / "sweep.md").read_text()
    assert "| 14 | 9.2 | 3 | 6 |" in text and "6 trials: 6 complete." in text
    assert "| batch | 4 | 2 | 9.333 | 9.333 | 40 | 100.0 | 4 |" in text
    assert "| batch x rate | 0.1 | 0.2 |" in text and "| 4 | 9.333 | 9.333 |" in text
    for name in ("importance", "parallel_coordinates"):
        with open(os.path.join(sweep.out, f"{name}.png"), "rb") as file:
            assert file.read(4) == b"\x89PNG"
    printed = capsys.readouterr().out
    assert "By value" in printed and "9.333" in printed
    # Called again, with nothing left to try, it trains nothing.
    worker_of(sweep, str(tmp_path / "nowhere.py")).run()
    assert len(latest(study_of(sweep))) == 6


def test_a_failed_trial_is_listed_and_the_others_go_on(tmp_path, script, capsys):
    sweep = sweep_of(tmp_path, GRID.replace("[0.1, 0.2]", "[0.1, 7.0]"), trials=6)
    run_sweep(sweep, script)
    rows = read_csv(sweep, "sweep.csv")
    assert [row["state"] for row in rows] == ["complete"] * 3 + ["failed"] * 3
    assert {row["reason"] for row in rows[3:]} == {"exit code 1: error: the loss is not finite"}
    assert {row["param rate"] for row in rows[3:]} == {"7.0"}
    printed = capsys.readouterr().out
    assert "6 trials: 3 complete, 3 failed." in printed
    assert "failed (batch 4, rate 7): exit code 1: error: the loss" in printed
    assert {row["trials"] for row in read_csv(sweep, "values.csv")} == {"1", "3"}


def test_a_sweep_that_only_fails_gives_up(tmp_path, script):
    sweep = sweep_of(
        tmp_path, GRID.replace("[0.1, 0.2]", "[7, 8]") + "pairs = [('batch', 'rate')]", trials=6
    )
    with pytest.raises(GaveUpError, match=r"(?s)first 5 trials failed.*not finite"):
        run_sweep(sweep, script)
    assert len(counted(study_of(sweep))) == 5


def test_the_values_depend_on_seed_and_number_alone(tmp_path, script):
    drawn = []
    for name, seed, parts in (("one", 5, (3,)), ("two", 5, (1, 3)), ("three", 6, (1,))):
        (tmp_path / name).mkdir()
        for trials in parts:
            sweep = sweep_of(tmp_path / name, LINE, trials=trials, seed=seed)
            worker_of(sweep, script).run()
        drawn.append([trial.params["rate"] for trial in study_of(sweep).trials])
    assert drawn[0] == drawn[1] and len(set(drawn[0])) == 3
    assert drawn[0][0] != drawn[2][0]


def test_values_that_were_tried_are_not_trained_again(tmp_path, script, capsys):
    text = LINE.replace('float("rate", 1e-4, 1e-1, log=True)', 'categorical("rate", [0.1, 0.2])')
    sweep = sweep_of(tmp_path, text, trials=6)
    run_sweep(sweep, script)
    assert len(glob.glob(os.path.join(sweep.out, "trial_*"))) == 2
    assert "4 had the values of an earlier one" in capsys.readouterr().out
    assert {row["trials"] for row in read_csv(sweep, "values.csv")} == {"1"}


def test_two_workers_share_the_trials_and_the_death_of_one_loses_one_trial(
    tmp_path, script, monkeypatch
):
    sweep = sweep_of(tmp_path, LINE, trials=6, heartbeat=1)
    code = (
        "from mtl_plugins.engine import load_config\n"
        "from mtl_plugins.engine.sweep import Sweep, load_space, run_sweep\n"
        f"space = load_space({sweep.space.path!r}, load_config({CONFIG!r}))\n"
        f"sweep = Sweep({CONFIG!r}, space, {sweep.out!r}, trials=6, heartbeat=1)\n"
        f"run_sweep(sweep, {script!r})\n"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code],
        env=dict(os.environ, PYTHONPATH=ROOT, STAND_IN_SECONDS="0.6"),
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    while not (tmp_path / "out" / "trial_0000" / "pid").exists():
        assert other.poll() is None, other.stderr.read()
        time.sleep(0.05)
    killed = {}

    def kill() -> None:
        study = study_of(sweep)
        while other.poll() is None:
            trials = study.get_trials(deepcopy=False)
            workers = {t.user_attrs.get("worker") for t in trials if t.state.is_finished()}
            theirs = [
                t for t in trials
                if t.state == TrialState.RUNNING
                and str(t.user_attrs.get("worker")).endswith(f":{other.pid}")
                and os.path.exists(os.path.join(sweep.out, f"trial_{t.number:04d}", "pid"))
            ]  # fmt: skip
            if len(workers) == 2 and theirs:
                other.send_signal(signal.SIGKILL)
                killed["trial"] = theirs[0]
                return
            time.sleep(0.02)

    killer = threading.Thread(target=kill)
    killer.start()
    monkeypatch.setenv("STAND_IN_SECONDS", "0.5")
    worker_of(sweep, script).run()
    killer.join()
    other.stderr.close()
    study = study_of(sweep)
    assert len(counted(study)) == 6 and "trial" in killed
    assert all(t.state == TrialState.COMPLETE for t in latest(study))
    repeats = [t for t in study.trials if "failed_trial" in t.system_attrs]
    assert [t.system_attrs["failed_trial"] for t in repeats] == [killed["trial"].number]
    assert repeats[0].params == study.trials[killed["trial"].number].params
    assert len({t.user_attrs["worker"] for t in latest(study)}) == 2


def test_an_interrupted_trial_is_given_back(tmp_path, script, monkeypatch):
    monkeypatch.setenv("STAND_IN_SECONDS", "60")
    sweep = sweep_of(tmp_path, LINE, trials=2)
    stop = threading.Event()
    thread = start(worker_of(sweep, script, stop), sweep)
    stop.set()
    thread.join()
    with open(os.path.join(sweep.out, "trial_0000", "pid")) as file, pytest.raises(OSError):
        os.kill(int(file.read()), 0)
    monkeypatch.setenv("STAND_IN_SECONDS", "0")
    worker_of(sweep, script).run()
    first, again, second = study_of(sweep).trials
    assert first.params == again.params != second.params
    assert [t.number for t in latest(study_of(sweep))] == [1, 2]


def test_a_trial_that_was_given_to_another_worker_is_let_go(tmp_path, script, monkeypatch):
    monkeypatch.setenv("STAND_IN_SECONDS", "3")
    sweep = sweep_of(tmp_path, LINE, trials=2)
    told = []
    thread = start(worker_of(sweep, script, told=told), sweep)
    study, storage = study_of(sweep), open_storage(sweep.url)
    number = storage.get_trial_id_from_study_id_trial_number(
        storage.get_study_id_from_name(sweep.name), 0
    )
    storage.set_trial_state_values(number, TrialState.FAIL)
    optuna.storages.RetryHeartbeatStaleTrialCallback()(study, study.trials[0])
    thread.join()
    assert [trial.number for trial in told] == [1, 2]
    assert study.trials[1].params == study.trials[0].params


def test_a_worker_that_died_before_its_first_sign_of_life_loses_nothing(tmp_path, script):
    sweep = sweep_of(tmp_path, LINE, trials=1, heartbeat=1)
    worker = worker_of(sweep, script)
    study_of(sweep).ask()  # by a worker that is never heard of again
    worker.run()
    lost, again = study_of(sweep).trials
    assert (lost.state, again.state) == (TrialState.FAIL, TrialState.COMPLETE)


MISTAKES = {
    "metric = 1": "no function space",
    "def space(:": "SyntaxError",
    LINE + "direction = 'up'": "Give both",
    LINE + "metric = None": "Give both",
    LINE + "directon = 'minimize'": "Did you mean direction",
    LINE + "pairs = [('rate', 'size')]": "out of rate",
    LINE + "seeds = (1, 1)": "expected different numbers",
    LINE + "sampler = 'tpe'": "sampler",
    LINE + "pruner = 'median'": "optuna.pruners",
    LINE.replace("lr'", "lrr'"): "lrr: Adam has no such argument. Did you mean lr",
    LINE.replace("suggest_float", "suggest_flaot"): "AttributeError",
    "def space(trial): return {'optim_wrapper.optimizer.type': 'Admm'}": "Did you mean Adam",
    "def space(trial): return {'optim_wraper.optimizer.lr': 1}": "Did you mean optim_wrapper",
    "def space(trial): return {'train_cfg': dict(max_epochs=1)}": "cannot be given",
    "def space(trial): return 1": "expected a dict",
}


@pytest.mark.parametrize("text", MISTAKES, ids=range(len(MISTAKES)))
def test_mistakes_in_a_search_space_are_found_before_anything_is_trained(tmp_path, text):
    with pytest.raises(ConfigError, match=MISTAKES[text]):
        run_sweep(sweep_of(tmp_path, text), str(tmp_path / "nowhere.py"))
    assert not (tmp_path / "out").exists()


def test_other_mistakes_are_told(tmp_path, script):
    with pytest.raises(ConfigError, match="There is no search space"):
        load_space("nowhere.py", load_config(CONFIG))
    for options in (dict(trials=0), dict(seed=-1), dict(heartbeat=0)):
        with pytest.raises(ConfigError, match=f"--{next(iter(options))}"):
            sweep_of(tmp_path, LINE, **options)
    with pytest.raises(ConfigError, match="--jobs 0"):
        run_sweep(sweep_of(tmp_path, LINE), script, jobs=0)
    for url, problem in {
        "nonsense": "no database URL",
        "oracle9://host": "no driver for oracle9",
        "sqlite:////nowhere/at/all.db": "unable to open",
    }.items():
        with pytest.raises(ConfigError, match=problem):
            run_sweep(sweep_of(tmp_path, LINE, storage=url), script)
    with pytest.raises(ConfigError, match="There is no study"):
        run_sweep(sweep_of(tmp_path, LINE), None)
    assert not (tmp_path / "out" / "sweep.db").exists()
    worker_of(sweep_of(tmp_path, LINE, trials=1), script).run()
    with pytest.raises(ConfigError, match="begun with another search space"):
        run_sweep(sweep_of(tmp_path, GRID), script)
    with pytest.raises(ConfigError, match=r"begun with options=\[\]"):
        run_sweep(sweep_of(tmp_path, LINE, options=["train_cfg.max_epochs=7"]), script)
    os.remove(tmp_path / "out" / "sweep.db")
    told = []
    worker_of(sweep_of(tmp_path, LINE, trials=2), script, told=told).run()
    assert [trial.state for trial in told] == [TrialState.FAIL, TrialState.COMPLETE]
    assert "holds a run of another study" in told[0].user_attrs["reason"]


def test_a_metric_that_the_validation_lacks_is_told_with_those_it_has(tmp_path):
    space = sweep_of(tmp_path, LINE).space
    with pytest.raises(ConfigError, match=r"no metric 'gain'. It has semseg/mIoU"):
        space.score({"semseg/mIoU": 1})


def test_the_default_metric_is_that_of_the_best_checkpoint(tmp_path):
    path = tmp_path / "space.py"
    path.write_text(LINE.replace("metric, direction", "_unused, _also"))
    shown = [
        (space.metric, space.direction)
        for name in ("mtl_branched", "single_depth")
        for space in [load_space(str(path), load_config(f"{ROOT}/configs/{name}.py"))]
    ]
    assert shown == [("multitask/score", "maximize"), ("depth/si_log_rmse", "minimize")]


def test_the_shipped_space_fits_the_default_config():
    path = os.path.join(ROOT, "configs", "sweeps", "report_a.py")
    space = load_space(path, load_config(CONFIG))
    check_space(space, CONFIG, [])
    assert space.score({"semseg/mIoU": 20.0, "depth/si_log_rmse": 30.0}) == -10
    options = space.options(
        FixedTrial(dict(optimizer="SGD", learning_rate=1e-4, semseg_weight=0.67, batch_size=8))
    )
    config = load_config(CONFIG, options)
    assert config.optim_wrapper.optimizer == dict(type="SGD", lr=1e-4, momentum=0.9)
    assert config.model.balancer.weights == dict(semseg=0.67, depth=0.33)


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


def test_a_missing_package_is_told_with_the_command_that_brings_it(monkeypatch):
    for name in ("optuna", "sklearn"):
        with monkeypatch.context() as patch, pytest.raises(ImportError, match=f"need {name}.*pip"):
            patch.setitem(sys.modules, name, None)
            importlib.reload(mtl_plugins.engine.sweep)


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
