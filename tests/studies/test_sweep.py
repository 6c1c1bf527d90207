"""The logic of a study: trials, workers and their deaths, tables."""

from __future__ import annotations

import glob
import os
import signal
import subprocess
import sys
import threading
import time

import optuna
import pytest
from optuna.trial import TrialState

from mtl_plugins.studies.sweep import run_sweep
from mtl_plugins.studies.sweep.storage import open_storage
from mtl_plugins.studies.sweep.study import counted, latest
from mtl_plugins.studies.sweep.worker import GaveUpError
from tests.conftest import ROOT
from tests.studies.sweeps import (
    CONFIG,
    GRID,
    LINE,
    STAND_IN,
    read_csv,
    start,
    study_of,
    sweep_of,
    worker_of,
)

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "train.py"
    path.write_text(STAND_IN)
    return str(path)


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
        "from mtl_plugins.studies.sweep import Sweep, load_space, run_sweep\n"
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
