"""Delta_m against single-task baselines: written by a study, read, and printed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mtl_plugins.config import load_config
from mtl_plugins.engine import train
from mtl_plugins.errors import ConfigError
from mtl_plugins.evaluation import ALL_METRICS, ONE_METRIC, Baseline, Baselines
from mtl_plugins.studies.ladder import Ladder, write_report
from tests.commands import PLAIN, SMALL, call
from tests.studies.test_ladder import MIOU, SI_LOG_RMSE, configs, read_report  # noqa: F401

FILE = Baselines(
    "by hand",
    {
        "semseg": Baseline("a", 2, {MIOU: 50.0, "semseg/aAcc": 80.0}),
        "depth": Baseline("b", 2, {SI_LOG_RMSE: 20.0, "depth/delta1": 0.5, "depth/rmse": 0.0}),
    },
)
METRICS = {
    MIOU: 55.0, "semseg/aAcc": 80.0, SI_LOG_RMSE: 25.0, "depth/delta1": 0.6, "depth/rmse": 1.0,
    "multitask/score": 30.0,
}  # fmt: skip


def test_both_ways_of_averaging_by_hand(tmp_path):
    FILE.write(str(tmp_path / "baselines.json"))
    found = Baselines.read(str(tmp_path / "baselines.json"))
    assert found == FILE
    # +10 % mIoU, +25 % error; then 0 % accuracy and +20 % delta1. Baselines of 0 are left out.
    assert found.delta_m(METRICS) == {
        ONE_METRIC: pytest.approx((10 - 25) / 2),
        ALL_METRICS: pytest.approx((10 + 0 - 25 + 20) / 4),
    }
    depth = {key: value for key, value in METRICS.items() if key.startswith("depth")}
    assert found.delta_m(depth)[ONE_METRIC] == pytest.approx(-25)


def test_mistakes_are_reported(tmp_path):
    with pytest.raises(ConfigError, match=r"no single-task baseline of \['normals'\], only of"):
        FILE.delta_m({**METRICS, "normals/mean_angle": 20.0})
    with pytest.raises(ConfigError, match="was not measured"):
        FILE.delta_m({"semseg/aAcc": 1.0})
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "other.json").write_text('{"metrics": {}}')
    for name in ("broken.json", "other.json", "nowhere.json"):
        with pytest.raises(ConfigError, match="holds no single-task baselines"):
            Baselines.read(str(tmp_path / name))


def finish(ladder, values):
    """Write a summary for every run of the configs that `values` names."""
    for run in ladder.runs():
        config = run.name.split("/")[0]
        run.record(ladder.settings())
        with open(f"{run.folder}/summary.json", "w", encoding="utf-8") as file:
            metrics = {key: value + run.seed for key, value in values[config].items()}
            json.dump(dict(metrics=metrics, image_blind={}), file)


def test_a_study_writes_the_means_of_its_single_tasks(tmp_path, configs):  # noqa: F811
    first, second = configs[:2]
    third = tmp_path / "third.py"
    third.write_text(Path(first).read_text())
    ladder = Ladder([first, second, str(third)], str(tmp_path / "out"), [0, 2])
    finish(
        ladder,
        dict(
            first={MIOU: 49.0},
            second={SI_LOG_RMSE: 19.0},
            third={MIOU: 54.0, SI_LOG_RMSE: 14.0, "multitask/score": 1.0},
        ),
    )
    write_report(ladder, (32, 64))
    found = Baselines.read(f"{ladder.out}/baselines.json")
    assert found.tasks == {
        "semseg": Baseline("first", 2, {MIOU: 50.0}),
        "depth": Baseline("second", 2, {SI_LOG_RMSE: 20.0}),
    }
    assert "seeds 0, 2" in found.settings
    rows, table, _ = read_report(ladder.out)
    assert float(rows["third"][ONE_METRIC]) == pytest.approx((10 + 25) / 2)
    assert float(rows["first"][ALL_METRICS]) == pytest.approx(0)
    assert table["third"][-2:] == ["+17.50", "+17.50"]
    # Against other baselines: those of the file.
    write_report(ladder, (32, 64), FILE)
    assert float(read_report(ladder.out)[0]["first"][ONE_METRIC]) == pytest.approx(0)
    ladder = Ladder([first, str(third)], str(tmp_path / "twice"), [0])
    finish(ladder, dict(first={MIOU: 49.0}, third={MIOU: 54.0}))
    write_report(ladder, (32, 64))
    # The first config of a task is its baseline; another one is compared with it.
    assert Baselines.read(f"{ladder.out}/baselines.json").tasks["semseg"].config == "first"
    assert float(read_report(ladder.out)[0]["third"][ONE_METRIC]) == pytest.approx(500 / 49)


def test_training_and_testing_print_delta_m(tmp_path, scene_options, capfd):
    options = [*scene_options, *SMALL, *PLAIN, "train_cfg.max_epochs=1"]
    file = str(tmp_path / "baselines.json")
    tasks = dict(semseg={MIOU: 10.0}, depth={SI_LOG_RMSE: 40.0})
    Baselines("by hand", {k: Baseline(k, 1, v) for k, v in tasks.items()}).write(file)
    config, run = "configs/mtl_branched.py", tmp_path / "both"
    options.append(f"default_hooks.summary.baselines={file}")
    train(load_config(config, options), str(run), seed=1)
    summary = json.loads((run / "summary.json").read_text())
    metrics = summary["metrics"]
    expected = 50 * ((metrics[MIOU] - 10) / 10 - (metrics[SI_LOG_RMSE] - 40) / 40)
    assert summary["delta_m"] == dict.fromkeys((ONE_METRIC, ALL_METRICS), pytest.approx(expected))
    line = f"{ONE_METRIC}: {expected:+.2f}"
    assert line in capfd.readouterr().out
    tested = call(
        "test.py", config, str(run / "epoch_1.pth"), "--work-dir", str(tmp_path / "test"),
        "--baselines", file, "--cfg-options", *options,
    )  # fmt: skip
    assert line in tested.stdout
