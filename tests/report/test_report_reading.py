"""Reading logs and configs, and the files that training writes for a report."""

from __future__ import annotations

import json
import math

import pytest
import torch
from mmengine.config import Config

from mtl_plugins.config import load_config
from mtl_plugins.engine import train
from mtl_plugins.report import Details, read_runs, write_page
from mtl_plugins.report.echarts import MOST_POINTS, LineChart
from mtl_plugins.report.run_record import log_files, parse_config, read_history
from mtl_plugins.visualization import load_maps
from tests.commands import SMALL
from tests.report.report_runs import log_run


def steps(history):
    return [entry.iteration for entry in history.training]


def test_a_resumed_run_is_one_curve(tmp_path):
    train_a = [("train", step, dict(loss=1.0)) for step in (4, 8, 14)]
    log_run(tmp_path, [*train_a[:2], ("val", 1, {"a/b": 1.0}), train_a[2]], "20260101_000000")
    again = [("train", step, dict(loss=2.0)) for step in (14, 20)]
    log_run(tmp_path, [*again, ("val", 2, {"a/b": 2.0})], "20260102_000000")
    # Resumed after its end, the run is only validated again.
    log_run(tmp_path, [("val", 2, {"a/b": 3.0})], "20260103_000000")
    history = read_history(log_files(tmp_path))
    assert steps(history) == [4, 8, 14, 20] and history.per_epoch == 10
    assert [e.values["loss"] for e in history.training] == [1, 1, 2, 2]
    assert [(e.iteration, e.values["a/b"]) for e in history.validation] == [(10, 1.0), (20, 3.0)]
    # A new training in the same folder replaces everything.
    log_run(tmp_path, [("train", 4, dict(loss=5.0))], "20260104_000000")
    history = read_history(log_files(tmp_path))
    assert steps(history) == [4] and not history.validation


def test_length_of_an_epoch_does_not_depend_on_the_logging_interval(tmp_path):
    records = [("train", step, {}) for step in (3, 6, 9, 13, 16, 19)]
    records.insert(3, ("val", 1, {"a/b": 1.0}))
    history = read_history([log_run(tmp_path / "a", records)])
    assert history.per_epoch == 10 and history.validation[0].iteration == 10
    # The length is unknown before the first epoch ends.
    history = read_history([log_run(tmp_path / "b", records[:3])])
    assert history.per_epoch is None


def test_validations_may_be_counted_in_iterations(tmp_path):
    records = [("train", 14, {}), ("val", 15, {"a/b": 1.0}), ("train", 20, {})]
    history = read_history([log_run(tmp_path, records)])
    assert [entry.iteration for entry in history.validation] == [15]


def test_unreadable_lines_are_counted(tmp_path):
    path = log_run(tmp_path, [("train", 1, dict(loss=float("nan")))])
    with open(path, "a", encoding="utf-8") as file:
        file.write('[1]\n7\n"step"\n{"iter": 3}\n{"step": "x"}\n\n{"loss": 1')
    history = read_history([path])
    assert history.broken_lines == 7 and math.isnan(history.training[0].values["loss"])


def test_long_curves_are_thinned_out_and_keep_their_last_point():
    chart = LineChart("x", ("empty pane", "pane"))
    points = [(i, i / 7) for i in range(10 * MOST_POINTS + 3)]
    chart.add(0, "long", 1, points)
    chart.add(0, "empty", 0, [(1, float("nan")), (2, None)])
    option = chart.option()
    [curve] = option["series"]
    assert MOST_POINTS / 2 < len(curve["data"]) <= MOST_POINTS
    assert curve["data"][-1][0] == float(f"{points[-1][0]:.5g}")
    assert [axis["name"] for axis in option["yAxis"]] == ["pane"] and curve["yAxisIndex"] == 0


@pytest.fixture(scope="module")
def trained(tmp_path_factory, scene_options):
    """Train one config twice with one seed, the second time without the ReportHook."""
    options = [*scene_options, *SMALL, "train_cfg.max_epochs=2"]
    folders = []
    for name in ("with", "without"):
        config = load_config("configs/mtl_cagrad.py", options)
        folders.append(tmp_path_factory.mktemp(name))
        # Drawing panels would make the test slow.
        dropped = ["panels", "report"][: 1 + (name == "without")]
        config.default_hooks.update(dict.fromkeys(dropped))
        train(config, str(folders[-1]), seed=4)
    return folders


def test_details_of_training_agree_with_its_metrics(trained):
    work_dir = trained[0]
    details = Details.read(work_dir)
    metrics = json.loads((work_dir / "summary.json").read_text())["metrics"]
    confusion = torch.tensor(details.confusion["semseg"]).double()
    assert 100 * confusion.diagonal().sum() / confusion.sum() == pytest.approx(
        metrics["semseg/aAcc"]
    )
    assert (details.epoch, details.iteration) == (2, 6) and len(
        details.classes("semseg").classes
    ) == 19
    errors = details.distance_errors["depth"]
    pixels = torch.tensor(errors["pixels"])
    mean = (pixels * torch.tensor(errors["abs_rel"])).sum() / pixels.sum()
    # The metric weighs images equally, the distance errors pixels: nearly the same here.
    assert mean.item() == pytest.approx(metrics["depth/abs_rel"], rel=0.1)
    state = torch.load(work_dir / "epoch_2.pth", weights_only=True)["state_dict"]
    learned = [v for k, v in state.items() if "running" not in k and "num_batches" not in k]
    assert sum(details.cost["parameters"].values()) == sum(v.numel() for v in learned)
    assert (details.cost["height"], details.cost["width"]) == (64, 128)
    assert len(details.images) == 3
    for name in details.images:
        maps = load_maps(Details.gallery(work_dir) / name, details.described)
        assert set(maps) == {"semseg", "depth"} and maps["depth"].shape == (64, 128)
    correct = sum(
        (maps.truth == maps.prediction).sum()
        for maps in (load_maps(Details.gallery(work_dir) / n)["semseg"] for n in details.images)
    )
    assert correct == confusion.diagonal().sum()


def test_hook_does_not_change_training_and_report_works_without_it(trained, tmp_path):
    runs = read_runs(list(map(str, trained)))
    losses = [[entry.values["loss"] for entry in run.history.training] for run in runs]
    assert losses[0] == losses[1] and len(losses[0]) == 6
    assert runs[0].metrics == runs[1].metrics and not runs[0].notes
    write_page(list(map(str, trained)), str(tmp_path / "r.html"))
    text = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert text.count(f"Not recorded: {runs[1].name}.") == 5
    assert len(text) < 2e6


def test_config_is_read_as_if_executed(trained):
    [path] = trained[0].glob("*/vis_data/config.py")
    found = parse_config(path.read_text(encoding="utf-8"))
    expected = json.loads(json.dumps(Config.fromfile(path).to_dict()))
    assert found == expected
