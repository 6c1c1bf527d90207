"""Every row runs at a tiny size, results are kept, and the compared networks are equal."""

from __future__ import annotations

import json
import os

import pytest
import torch
from dev.bench import report, row_names, run_benchmarks
from dev.bench.peers import peer_models
from dev.bench.rows import startup
from dev.bench.rows.step import CONFIG
from dev.bench.steps import TrainingStep, build_network

from mtl_plugins.errors import ConfigError
from tests.commands import call
from tests.conftest import ROOT

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def measured(settings, tmp_path_factory):
    """All rows at tiny sizes, and the folder they are in."""
    out = str(tmp_path_factory.mktemp("bench"))
    return run_benchmarks(row_names(), settings(), out), out


def test_every_row_is_measured_and_kept(measured):
    results, out = measured
    assert [result.row for result in results] == row_names()
    for result in results:
        kept = [each for each in result.measurements if not each.skipped]
        assert kept
        for each in kept:
            assert len(each.ours) >= 1 and all(value == value for value in each.ours)
            assert len(each.other) == (len(each.ours) if each.other_is else 0)
        with open(os.path.join(out, "cpu", f"{result.row}.json"), encoding="utf-8") as file:
            assert len(json.load(file)["measurements"]) == len(result.measurements)


def test_tables_and_picture_show_every_row(measured, tmp_path):
    results, _ = measured
    report(results, str(tmp_path))
    text = (tmp_path / "bench_cpu.md").read_text()
    for result in results:
        assert f"### `{result.row}`: {result.title}" in text
    assert (tmp_path / "bench_cpu.png").stat().st_size > 10_000


def test_kept_cases_are_not_measured_again(measured, settings, tmp_path):
    results, _ = measured
    result = next(each for each in results if each.row == "bins")
    path = str(tmp_path / "cpu" / "bins.json")
    first, *rest = result.measurements
    marked = type(first)(**{**vars(first), "ours": [123.0]})
    type(result)(result.row, result.title, result.made, [marked]).write(path)
    [again] = run_benchmarks(["bins"], settings(), str(tmp_path))
    assert again.measurements[0].ours == [123.0]
    assert [each.case for each in again.measurements[1:]] == [each.case for each in rest]
    [other] = run_benchmarks(["bins"], settings(repeats=2), str(tmp_path))
    assert len(other.measurements[0].ours) == 2


def test_an_unknown_row_or_device_is_refused(settings, tmp_path):
    with pytest.raises(ConfigError, match=r"no row 'stairs'.*step"):
        run_benchmarks(["stairs"], settings(), str(tmp_path))
    if not torch.cuda.is_available():
        with pytest.raises(ConfigError, match="no CUDA device"):
            run_benchmarks(["step"], settings(device="cuda"), str(tmp_path))


def test_mmseg_starts_alone(settings, tmp_path):
    """What is timed runs; here in a fork, as a quick run starts no process that imports."""
    (tmp_path / "start.py").write_text(startup.MMSEG + "print(Runner.__name__)")
    compat = os.path.join(ROOT, "mtl_plugins", "install", "compat.py")
    assert "Runner" in call(tmp_path / "start.py", compat).stdout
    assert 0 < startup._start(settings(), "-c", "pass") < 60


def test_mmsegs_networks_are_ours_with_the_encoder_twice(settings):
    config = settings().config(CONFIG)
    ours = build_network(config.model, torch.device("cpu"))

    def count(module):
        return sum(parameter.numel() for parameter in module.parameters())

    peers = peer_models(config.model, (64, 64))
    assert sum(map(count, peers.values())) == count(ours) + count(ours.backbone)
    assert [*peers] == ["semseg", "depth"]


def test_a_bare_step_trains_as_the_model_does(settings):
    config = settings().config(CONFIG)
    steps = [TrainingStep(config, (64, 64), 2, torch.device("cpu")) for _ in range(2)]
    steps[0]()
    steps[1].bare()()
    for one, other in zip(*(step.network.parameters() for step in steps), strict=True):
        torch.testing.assert_close(one, other)
