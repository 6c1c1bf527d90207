"""Trials, workers that end early, and tables of a sweep."""

from __future__ import annotations

import glob
import json
import multiprocessing
import os
import signal
import time
from dataclasses import replace

import pytest
from optuna.trial import TrialState

from mtl_plugins.errors import MTLError
from mtl_plugins.studies.sweep import run_sweep
from mtl_plugins.studies.sweep.study import TWIN, counted
from mtl_plugins.studies.sweep.worker import job_environments
from tests.studies.sweeps import GRID, LINE, SCRIPT, read_csv, study_of, sweep_of, work

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning"),
]


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "train.py"
    path.write_text(SCRIPT)
    return str(path)


@pytest.fixture
def other_worker(script, monkeypatch):
    """Start a worker in a process of its own, and wait for the training of its last seed."""

    def start(sweep, folder):
        monkeypatch.setenv("SLOW_SEED", str(sweep.space.seeds[-1]))
        process = multiprocessing.get_context("fork").Process(target=work, args=(sweep, script))
        process.start()
        while not os.path.exists(os.path.join(sweep.out, folder, "started")):
            assert process.is_alive()
            time.sleep(0.02)
        monkeypatch.delenv("SLOW_SEED")
        return process

    return start


def training_of(sweep, folder="trial_0000"):
    """Return the environment and the process id of a training."""
    path = os.path.join(sweep.out, folder, "started")
    with open(path) as file:
        return json.load(file)


def is_running(training):
    try:
        os.kill(training["pid"], 0)
    except OSError:
        return False
    return True


def test_tables_hold_means_and_spreads_and_the_cost_of_a_batch_size(tmp_path, script, capsys):
    sweep = sweep_of(tmp_path, GRID + "seeds, pairs = (0, 1, 3), [('batch', 'rate')]", trials=50)
    run_sweep(sweep, script, jobs=2)
    rows = [row for row in read_csv(sweep, "sweep.csv") if not row["twin"]]
    # The grid has six points; a trial scores its batch size times 1, 2 and 4.
    assert len(rows) == 6 and len({(row["param rate"], row["param batch"]) for row in rows}) == 6
    assert [row["param batch"] for row in rows] == ["6", "6", "4", "4", "2", "2"]
    best = rows[0]
    assert float(best["score"]) == pytest.approx(6 * 7 / 3) and best["seeds"] == "3"
    # Differences from the mean 14: -8, -2 and 10.
    assert float(best["std"]) == pytest.approx(((64 + 4 + 100) / 2) ** 0.5)
    assert float(best["semseg/mIoU"]) == pytest.approx(14)
    values = {(row["parameter"], row["value"]): row for row in read_csv(sweep, "values.csv")}
    assert len(values) == 5
    assert values["batch", "4"]["trials"] == "2" and values["rate", "0.1"]["trials"] == "3"
    assert float(values["batch", "4"]["mean_score"]) == pytest.approx(28 / 3)
    assert float(values["rate", "0.1"]["mean_score"]) == pytest.approx((2 + 4 + 6) / 3 * 7 / 3)
    assert float(values["rate", "0.1"]["best_score"]) == pytest.approx(14)
    assert float(values["batch", "6"]["step_seconds"]) == pytest.approx(0.06)
    assert float(values["batch", "6"]["images_per_second"]) == pytest.approx(100)
    assert float(values["rate", "0.2"]["peak_mib"]) == 6
    text = (tmp_path / "out" / "sweep.md").read_text()
    assert "| 14 | 9.165 | 3 | 6 |" in text
    assert "| batch | 4 | 2 | 9.333 | 9.333 | 0.04 | 100 | 4 |" in text
    assert "| batch x rate | 0.1 | 0.2 |" in text and "| 4 | 9.333 | 9.333 |" in text
    for name in ("importance", "parallel_coordinates"):
        with open(os.path.join(sweep.out, f"{name}.png"), "rb") as file:
            assert file.read(4) == b"\x89PNG"
    printed = capsys.readouterr().out
    assert "By value" in printed and "9.333" in printed
    # Two jobs: each training has half of the cores, unless the user says otherwise.
    variables = training_of(sweep, os.path.join(best["folder"], "seed0"))
    assert variables["OMP_WAIT_POLICY"] == "PASSIVE"
    assert variables["OMP_NUM_THREADS"] == os.environ["OMP_NUM_THREADS"]
    assert {row["state"] for row in rows} == {"complete"}
    # A second call has nothing left to train.
    work(sweep, str(tmp_path / "nowhere.py"), jobs=2)
    trials = counted(study_of(sweep))
    # How many copies of results the exhausted grid adds depends on timing.
    assert sum(TWIN not in trial.user_attrs for trial in trials) == 6
    assert all(trial.state == TrialState.COMPLETE for trial in trials)


@pytest.mark.parametrize(
    ("jobs", "devices", "given", "expected"),
    [
        (1, [], {}, [{"OMP_NUM_THREADS": "8"}]),
        (2, ["3"], {}, [{"OMP_NUM_THREADS": "4", "OMP_WAIT_POLICY": "PASSIVE"}] * 2),
        (16, [], {"OMP_WAIT_POLICY": "ACTIVE"}, [{"OMP_NUM_THREADS": "1"}] * 16),
        (2, ["3", "5"], {"OMP_NUM_THREADS": "7", "OMP_WAIT_POLICY": ""},
         [{"CUDA_VISIBLE_DEVICES": "3"}, {"CUDA_VISIBLE_DEVICES": "5"}]),
    ],
)  # fmt: skip
def test_jobs_share_cores_and_devices(jobs, devices, given, expected):
    assert job_environments(jobs, devices, 8, given) == expected


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


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_sweep_that_only_fails_gives_up(tmp_path, script, jobs):
    sweep = sweep_of(tmp_path, GRID.replace("[0.1, 0.2]", "[7, 8]"), trials=6)
    with pytest.raises(MTLError, match=r"(?s)first 5 trials failed.*not finite"):
        run_sweep(sweep, script, jobs)
    failed = [t for t in counted(study_of(sweep)) if t.state == TrialState.FAIL]
    assert 5 <= len(failed) < 5 + jobs


def test_values_depend_on_seed_and_trial_number_alone(tmp_path, script):
    drawn = []
    for name, seed, parts in (("one", 5, (3,)), ("two", 5, (1, 3)), ("three", 6, (1,))):
        (tmp_path / name).mkdir()
        for trials in parts:
            sweep = sweep_of(tmp_path / name, LINE, trials=trials, seed=seed)
            work(sweep, script)
        drawn.append([trial.params["rate"] for trial in study_of(sweep).trials])
    assert drawn[0] == drawn[1] and len(set(drawn[0])) == 3
    assert drawn[0][0] != drawn[2][0]


@pytest.mark.parametrize("jobs", [1, 3])
def test_values_that_were_tried_are_not_trained_again(tmp_path, script, capsys, jobs):
    text = LINE.replace('float("rate", 1e-4, 1e-1, log=True)', 'categorical("rate", [0.1, 7.0])')
    sweep = sweep_of(tmp_path, text, trials=6)
    run_sweep(sweep, script, jobs)
    assert len(glob.glob(os.path.join(sweep.out, "trial_*"))) == 2
    assert "the result of an earlier one: 4." in capsys.readouterr().out
    states = {row["param rate"]: row["state"] for row in read_csv(sweep, "sweep.csv")}
    assert states == {"0.1": "complete", "7.0": "failed"}
    assert {row["trials"] for row in read_csv(sweep, "values.csv")} == {"1"}


def test_a_sampler_that_stops_too_early_is_asked_again(tmp_path, script):
    text = """
from optuna.samplers import RandomSampler


class Stopping(RandomSampler):
    def after_trial(self, study, *result):
        study.stop()


sampler = Stopping
"""
    sweep = sweep_of(tmp_path, LINE + text, trials=3)
    work(sweep, script)
    assert len(counted(study_of(sweep))) == 3


def test_the_pruner_ends_a_training_but_not_after_its_last_validation(
    tmp_path, script, monkeypatch
):
    sweep = sweep_of(tmp_path, LINE + "from optuna.pruners import ThresholdPruner as Threshold\n"
                     "pruner = Threshold(lower=100)", trials=1)  # fmt: skip
    monkeypatch.setenv("PAUSE", "yes")
    work(sweep, script)
    assert not is_running(training_of(sweep))
    monkeypatch.delenv("PAUSE")
    work(replace(sweep, trials=2), script)
    pruned, complete = study_of(sweep).trials
    assert (pruned.state, complete.state) == (TrialState.PRUNED, TrialState.COMPLETE)
    assert pruned.intermediate_values == {1: pytest.approx(8 / 3)}
    assert complete.intermediate_values == pytest.approx({1: 8 / 3, 2: 16 / 3, 3: 8})


@pytest.mark.slow
def test_a_killed_worker_loses_one_trial_and_another_one_repeats_it(tmp_path, script, other_worker):
    sweep = sweep_of(tmp_path, LINE, trials=2, heartbeat=1)
    first = other_worker(sweep, "trial_0000")
    first.kill()
    first.join()
    os.kill(training_of(sweep)["pid"], signal.SIGKILL)  # a real training ends by itself
    work(sweep, script)
    study = study_of(sweep)
    assert [t.state for t in counted(study)] == [TrialState.COMPLETE] * 2
    lost, *_, again = sorted(study.trials, key=lambda t: "failed_trial" in t.system_attrs)
    assert again.system_attrs["failed_trial"] == lost.number == 0
    assert again.params == lost.params and again.user_attrs["folder"] == "trial_0000"
    assert again.user_attrs["worker"] != lost.user_attrs["worker"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_worker_queues_its_trial_again(tmp_path, script, other_worker, number):
    sweep = sweep_of(tmp_path, LINE + "seeds = (0, 1)", trials=2)
    worker = other_worker(sweep, "trial_0000/seed1")
    seed0, seed1 = (training_of(sweep, f"trial_0000/seed{seed}") for seed in (0, 1))
    os.kill(worker.pid, number)
    worker.join()
    assert worker.exitcode == 128 + number and not is_running(seed1)
    work(sweep, script)
    first, again, second = study_of(sweep).trials
    assert first.params == again.params != second.params
    assert [t.number for t in counted(study_of(sweep))] == [1, 2]
    # The finished seed is not trained again.
    assert training_of(sweep, "trial_0000/seed0") == seed0
    assert training_of(sweep, "trial_0000/seed1") != seed1
    assert again.value == second.value == (8 + 16) / 2


def test_a_trial_that_another_worker_repeats_is_dropped(tmp_path):
    sweep = sweep_of(tmp_path, LINE, trials=2)
    # The first training itself declares its trial dead, as another worker would.
    taking = SCRIPT + (
        "import optuna\n"
        "from optuna.storages import RDBStorage, RetryHeartbeatStaleTrialCallback as Retry\n"
        f"study = optuna.load_study(study_name='sweep', storage={sweep.url!r})\n"
        "if not study.trials[0].state.is_finished():\n"
        "    study.tell(0, state=optuna.trial.TrialState.FAIL)\n"
        "    Retry()(study, study.trials[0])\n"
    )
    path = tmp_path / "taking.py"
    path.write_text(taking)
    work(sweep, str(path))
    study = study_of(sweep)
    assert [t.state for t in counted(study)] == [TrialState.COMPLETE] * 2
    assert study.trials[1].params == study.trials[0].params
    assert study.trials[0].state == TrialState.FAIL


def test_a_worker_that_died_before_its_first_heartbeat_loses_nothing(tmp_path, script):
    sweep = sweep_of(tmp_path, LINE, trials=1)
    os.makedirs(sweep.out)
    with pytest.warns(UserWarning, match="Heartbeat"):
        study_of(sweep).ask()
    work(sweep, script)
    assert [t.state for t in counted(study_of(sweep))] == [TrialState.COMPLETE]
