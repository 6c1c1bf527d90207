"""Ladder studies: statistics by hand, reports from files, and the command on tiny scenes."""

from __future__ import annotations

import csv
import json
import math
import multiprocessing
import os
import shutil
import signal
import time

import pytest

from mtl_plugins.errors import ConfigError, MTLError
from mtl_plugins.studies.ladder import (
    Ladder,
    Spread,
    difference,
    is_larger,
    spread_of,
    study,
    write_report,
)
from tests.commands import PLAIN, call, start
from tests.conftest import ROOT

MIOU, SI_LOG_RMSE = "semseg/mIoU", "depth/si_log_rmse"
BLIND = {MIOU: 10.0, SI_LOG_RMSE: 55.0, "multitask/score": 0.0}


def test_spread_is_that_of_a_sample():
    spread = spread_of([2.0, 4.0, 9.0])
    assert spread.mean == 5.0 and spread.n == 3
    assert spread.std == pytest.approx(math.sqrt((9 + 1 + 16) / 2))
    assert spread_of([7.0]) == Spread(7.0, None, 1)
    assert spread_of([]) == Spread(None, None, 0)


def test_a_difference_counts_beyond_two_standard_errors():
    before = Spread(10.0, 3.0, 9)  # squared standard error: 1
    bound = 2 * math.sqrt(1 + 4**2 / 4)
    assert is_larger(before, Spread(10 + bound + 0.01, 4.0, 4)) is True
    assert is_larger(before, Spread(10 - bound - 0.01, 4.0, 4)) is True
    assert is_larger(before, Spread(10 + bound - 0.01, 4.0, 4)) is False
    assert is_larger(before, Spread(50.0, None, 1)) is None
    assert is_larger(before, Spread(math.nan, 1.0, 2)) is None
    assert difference(before, Spread(12.0, None, 1)) == 2.0
    assert difference(before, spread_of([])) is None


@pytest.fixture
def configs(tmp_path):
    """Two configs that differ in their width, and one of a network that does not exist."""
    changes = dict(
        first="decode_head=dict(decoder=dict(channels=8))",
        second="decode_head=dict(decoder=dict(channels=16))",
        broken="backbone=dict(model_name='resnet1')",
    )
    paths = []
    for name, change in changes.items():
        backbone = "" if name == "broken" else "backbone=dict(model_name='test_resnet'), "
        path = tmp_path / f"{name}.py"
        path.write_text(
            f"_base_ = {os.path.join(ROOT, 'configs/mtl_branched.py')!r}\n"
            f"model = dict({backbone}{change})\n"
        )
        paths.append(str(path))
    return paths


def finish(ladder, values):
    """Write a summary for every run that `values` holds, by name: mIoU and SI-logRMSE."""
    for run in ladder.runs():
        if run.name in values:
            miou, error = values[run.name]
            run.record(ladder.settings())
            metrics = {MIOU: miou, SI_LOG_RMSE: error, "multitask/score": miou - error}
            with open(os.path.join(run.folder, "summary.json"), "w", encoding="utf-8") as file:
                json.dump(dict(metrics=metrics, image_blind=BLIND), file)


def read_report(out):
    """Return the rows of the CSV file, those of the Markdown table, and the Markdown text."""
    with open(os.path.join(out, "ladder.csv"), encoding="utf-8", newline="") as file:
        rows = {row["step"]: row for row in csv.DictReader(file)}
    with open(os.path.join(out, "ladder.md"), encoding="utf-8") as file:
        text = file.read()
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("| ") and not line.startswith("| ---")
    ]
    with open(os.path.join(out, "ladder.png"), "rb") as file:
        assert file.read(4) == b"\x89PNG"
    return rows, {row[0]: row for row in cells}, text


def test_report_compares_steps_and_names_missing_runs(tmp_path, configs, capsys):
    ladder = Ladder(configs[:2], str(tmp_path / "out"), [0, 1, 4], ["train_cfg.max_epochs=7"])
    finish(ladder, {
        "first/seed0": (40, 30), "first/seed1": (42, 30.5), "first/seed4": (44, 31),
        "second/seed0": (50, 30), "second/seed4": (52, 30.5),
    })  # fmt: skip
    write_report(ladder, (32, 64))
    rows, table, text = read_report(ladder.out)
    first, second = rows["first"], rows["second"]
    assert (first[f"{MIOU} mean"], first[f"{MIOU} std"], first[f"{MIOU} n"]) == ("42.0", "2.0", "3")
    assert first[f"{MIOU} difference"] == first[f"{MIOU} larger"] == ""
    assert float(second[f"{MIOU} difference"]) == 9 and second[f"{MIOU} larger"] == "True"
    assert float(second[f"{SI_LOG_RMSE} difference"]) == -0.25
    assert second[f"{SI_LOG_RMSE} larger"] == "False"
    assert int(second["macs"]) > int(first["macs"]) > 0
    assert second["missing_seeds"] == "1" and first["missing_seeds"] == ""
    assert float(rows["image-blind"][f"{MIOU} mean"]) == 10
    assert table["first"][1] == "42.00 ± 2.00 (n=3)"
    assert table["second"][-4:] == ["+9.00", "yes", "-0.25", "no"]
    assert table["image-blind"][1:4] == ["10.00", "55.00", "0.00"]
    assert {len(row) for row in table.values()} == {10}
    assert "train_cfg.max_epochs=7; seeds 0, 1, 4; 7 epochs; trained on" in text
    assert "32x64" in text and "torch" in text and "Lower SI-logRMSE is better. Diff" in text
    missing = "Missing: 1 of 6 runs: second/seed1."
    assert missing in text and missing in capsys.readouterr().out


def test_report_of_further_targets(tmp_path, configs):
    ladder = Ladder(configs[:2], str(tmp_path / "out"), [0])
    for run, f1 in zip(ladder.runs(), (40.0, 44.0), strict=True):
        run.record(ladder.settings())
        metrics = {"height/mae": 2.0, "height/bias": -1.0, "edges/f1": f1, MIOU: 50.0}
        with open(os.path.join(run.folder, "summary.json"), "w", encoding="utf-8") as file:
            json.dump(dict(metrics=metrics, image_blind={"edges/f1": 2 * f1}), file)
    write_report(ladder, (32, 64))
    rows, table, text = read_report(ladder.out)
    heads = ["mIoU", "height mean absolute error", "edges F1"]
    assert table["step"][1:4] == ["mIoU (%)", "height mean absolute error", "edges F1 (%)"]
    assert table["step"][6::2] == [f"{head} difference" for head in heads]
    assert table["second"][-2:] == ["+4.00", "-"] and rows["first"]["height/mae mean"] == "2.0"
    assert "Lower height mean absolute error is better." in text
    assert "The image-blind predictor differs" in text


def test_a_config_of_the_same_name_does_not_take_over_a_run(tmp_path, configs):
    finish(Ladder(configs[:1], str(tmp_path / "out"), [0]), {"first/seed0": (40, 30)})
    other = tmp_path / "other" / "first.py"
    other.parent.mkdir()
    shutil.copy(configs[0], other)
    with pytest.raises(ConfigError, match=r"first/seed0 was trained with config=.* not other/"):
        Ladder([str(other)], str(tmp_path / "out"), [0])


def test_report_of_one_seed_and_of_none(tmp_path, configs):
    ladder = Ladder(configs, str(tmp_path / "out"), [0])
    study(ladder, (32, 64), script=None)
    assert "Missing: 3 of 3 runs" in read_report(ladder.out)[2]
    finish(ladder, {"first/seed0": (40, 30), "second/seed0": (50, 31)})
    study(ladder, (32, 64), script=None)
    _, table, text = read_report(ladder.out)
    assert table["second"][1] == "50.00 (n=1)"
    assert table["second"][-4:] == ["+10.00", "-", "+1.00", "-"]
    assert table["broken"][1:] == ["-"] * 9
    assert "broken/seed0" in text


def test_mistakes_are_found_before_anything_is_trained(tmp_path, configs, monkeypatch):
    out = str(tmp_path / "out")
    (tmp_path / "copy").mkdir()
    copy = tmp_path / "copy" / "first.py"
    copy.write_text("")
    with pytest.raises(ConfigError, match="have the same file name"):
        Ladder([configs[0], str(copy)], out)
    with pytest.raises(ConfigError, match="have the same file name"):
        Ladder([configs[0], configs[0]], out)
    with pytest.raises(ConfigError, match="There is no config file"):
        Ladder(["nowhere.py"], out)
    with pytest.raises(ConfigError, match="expected different numbers"):
        Ladder(configs, out, [1, 1])
    with pytest.raises(ConfigError, match="--size 0 64"):
        study(Ladder(configs, out), (0, 64), None)
    ladder = Ladder(configs, out)
    finish(ladder, {"first/seed1": (40, 30)})
    monkeypatch.setenv("LADDER_SIZE", "small")
    with pytest.raises(ConfigError, match="was trained with LADDER_SIZE=full, not small"):
        Ladder(configs, out)
    monkeypatch.delenv("LADDER_SIZE")
    with pytest.raises(ConfigError, match="Call the command as before"):
        Ladder(configs, out, options=["train_cfg.max_epochs=7"])


def test_every_config_has_its_first_seed_before_the_second(tmp_path, configs):
    names = [run.name for run in Ladder(configs[:2], str(tmp_path), [3, 1]).runs()]
    assert names == ["first/seed3", "second/seed3", "first/seed1", "second/seed1"]


TRAINING = """
import json, os, sys

config, folder = sys.argv[1], sys.argv[sys.argv.index("--work-dir") + 1]
if "broken" in config:
    sys.exit("error: timm has no model 'resnet1'")
print("trained")
with open(os.path.join(folder, "summary.json"), "w") as file:
    json.dump(dict(metrics={"semseg/mIoU": 30.0}, image_blind={}), file)
"""
"""Takes the arguments of tools/train.py."""


@pytest.fixture
def _signals():
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.usefixtures("_signals")
def test_a_failed_run_is_reported_and_what_was_trained_is_kept(tmp_path, configs, capsys):
    first, _, broken = configs
    script = tmp_path / "train.py"
    script.write_text(TRAINING)
    ladder = Ladder([broken, first], str(tmp_path / "out"), [5])
    with pytest.raises(MTLError, match=r"1 of 2 runs failed:\n  broken/seed5: see "):
        study(ladder, (32, 64), str(script))
    said = capsys.readouterr()
    assert "broken/seed5: failed after" in said.err and "timm has no model 'resnet1'" in said.err
    assert "first/seed5: trained in" in said.err
    assert "Missing: 1 of 2 runs: broken/seed5." in said.out
    study(Ladder([first], ladder.out, [5]), (32, 64), str(script))
    assert "first/seed5: trained before" in capsys.readouterr().err
    assert (tmp_path / "out" / "first" / "seed5" / "ladder.log").read_text() == "trained\n"
    rows, _, text = read_report(ladder.out)
    assert rows["first"][f"{MIOU} mean"] == "30.0" and "Missing" not in text


WAITING = """
import os, sys, time

with open(os.path.join(os.path.dirname(__file__), "pid"), "w") as file:
    print(os.getpid(), file=file)
time.sleep(60)
"""


def test_a_killed_study_leaves_no_training_behind(tmp_path, configs):
    script = tmp_path / "train.py"
    script.write_text(WAITING)
    out = tmp_path / "out"
    ladder = Ladder(configs[:1], str(out), [5])
    process = multiprocessing.get_context("fork").Process(
        target=study, args=(ladder, (32, 64), str(script))
    )
    process.start()
    wait_for(process, lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
    process.terminate()
    process.join()
    assert process.exitcode == 128 + signal.SIGTERM
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)
    assert not (out / "first" / "seed5" / "summary.json").exists()


def wait_for(process, happened):
    """Wait until something has happened, which a process does."""
    deadline = time.time() + 100
    while not happened() and time.time() < deadline:
        assert process.is_alive()
        time.sleep(0.02)


@pytest.mark.slow
def test_a_study_goes_on_with_a_killed_training(tmp_path, configs, scene_options):
    """The trainings are real; the first one is killed as a study kills it when it is stopped."""
    out = tmp_path / "out"
    run = out / "second" / "seed5"
    options = [*scene_options, *PLAIN, "train_cfg.val_interval=1", "train_cfg.max_epochs=2"]
    ladder = Ladder([configs[1]], str(out), [5], options)
    ladder.runs()[0].record(ladder.settings())
    process = start(
        "train.py", configs[1], "--work-dir", run, "--seed", "5", "--cfg-options", *options
    )
    wait_for(process, (run / "last_checkpoint").exists)
    process.kill()
    process.join()
    assert not (run / "summary.json").exists()

    arguments = [configs[1], "--out", out, "--seeds", "5", "--size", "32", "64"]
    result = call("ladder.py", *arguments, "--cfg-options", *options)
    assert "second/seed5: trained in" in result.stderr
    assert "resumed epoch: 1" in (run / "ladder.log").read_text()
    rows, _, text = read_report(out)
    with open(run / "summary.json", encoding="utf-8") as file:
        metrics = json.load(file)["metrics"]
    assert float(rows["second"][f"{MIOU} mean"]) == metrics[MIOU]
    assert "Missing" not in text and "2 epochs" in text
