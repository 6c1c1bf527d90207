"""Which tasks help each other: gains by hand, by first order, and without a change of the run."""

from __future__ import annotations

import csv
import json
import math
from itertools import product

import cv2
import pytest
import torch
from mmseg.registry import MODELS
from torch import nn

from mtl_plugins.engine import train
from mtl_plugins.errors import ConfigError
from mtl_plugins.models.balancers import FixedWeights
from mtl_plugins.models.segmentors import sum_by_task
from mtl_plugins.studies import AffinityHook
from mtl_plugins.studies.affinity import (
    Measurement,
    affinity_rows,
    affinity_table,
    measure_affinity,
    study_affinity,
    verdict,
)
from mtl_plugins.studies.affinity.report import Mean
from tests.batches import batch, model
from tests.commands import SMALL, call
from tests.engine.tiny_run import tiny_config


class Toy(nn.Module):
    """Two tasks that share a vector: |w|^2, and the first component of w."""

    def __init__(self, tasks=("a", "b"), labelled=True):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([3.0, 4.0]))
        self.balancer = FixedWeights(tasks=tasks)
        self.labelled = labelled

    def data_preprocessor(self, data, training):
        assert training
        return data

    def forward(self, factor, mode):
        views = self.balancer.share([self.weight * factor])
        first = views["b"][0][0] if self.labelled else 0.0 * views["b"][0][0]
        return {"a/square": views["a"][0].square().sum(), "b/first": first}


def test_gains_and_cosines_by_hand():
    found = measure_affinity(Toy(), dict(factor=torch.tensor(1.0)), step=0.1)
    # |w| = 5, so a step goes 0.5 along (0.6, 0.8) for a, to (2.7, 3.6); for b to (2.5, 4).
    expected = {
        ("a", "a"): 1 - 20.25 / 25, ("a", "b"): 1 - 2.7 / 3,
        ("b", "a"): 1 - 22.25 / 25, ("b", "b"): 1 - 2.5 / 3,
    }  # fmt: skip
    assert found.gains == pytest.approx({pair: 100 * gain for pair, gain in expected.items()})
    assert found.cosines == pytest.approx({("a", "b"): 0.6})


class Linear(nn.Module):
    """Two tasks that see the outputs of one linear layer, whose losses are given as functions."""

    def __init__(self, first, second):
        super().__init__()
        self.layer = nn.Linear(2, 1, bias=False)
        self.norm = nn.BatchNorm1d(2, affine=False)  # for its running statistics
        self.losses = dict(a=first, b=second)
        self.balancer = FixedWeights(tasks=("a", "b"))
        nn.init.constant_(self.layer.weight, 1.0)

    def data_preprocessor(self, data, training):
        return data

    def forward(self, inputs, mode):
        self.norm(inputs)
        views = self.balancer.share([self.layer(inputs)])
        return {f"{n}/l": loss(views[n][0]).mean() for n, loss in self.losses.items()}


@pytest.mark.parametrize(
    ("second", "sign"),
    [
        (lambda y: 5 + y, 1),  # the same loss
        (lambda y: 10 + 2 * y, 1),  # in another scale
        (lambda y: 11 - y, -1),  # the opposite one
        (lambda y: 1 - y, -1),  # of which the loss is below 0
    ],
)
def test_equal_losses_help_and_opposite_ones_hurt(second, sign):
    network = Linear(lambda y: 5 + y, second)
    # y = 6 on average over inputs with mean (3, 3). A step of 0.1 |w| along (1, 1) / sqrt 2 moves
    # each weight by 0.1, and y by 0.6.
    inputs = torch.tensor([[2.0, 4.0], [4.0, 2.0]])
    state = {key: value.clone() for key, value in network.state_dict().items()}
    found = measure_affinity(network, dict(inputs=inputs), step=0.1)
    level = abs(second(6.0))
    scale = 2 if level == 22 else 1
    assert found.cosines["a", "b"] == pytest.approx(sign)
    assert found.gains == pytest.approx(
        {
            ("a", "a"): 60 / 11, ("a", "b"): sign * 60 * scale / level,
            ("b", "a"): sign * 60 / 11, ("b", "b"): 60 * scale / level,
        },
        rel=1e-5,
    )  # fmt: skip
    assert {**network.state_dict()}.keys() == state.keys()
    assert all(torch.equal(value, state[key]) for key, value in network.state_dict().items())
    assert all(each.grad is None for each in network.parameters()) and network.training


def test_a_task_without_truth_is_unknown():
    found = measure_affinity(Toy(labelled=False), dict(factor=torch.tensor(1.0)), step=0.1)
    assert found.gains["a", "a"] == pytest.approx(19)
    unknown = (found.gains[pair] for pair in (("a", "b"), ("b", "a"), ("b", "b")))
    assert all(math.isnan(gain) for gain in (*unknown, found.cosines["a", "b"]))


@MODELS.register_module()
class SharedMaps(FixedWeights):
    """Remember the last shared features, of which no level depends on another one."""

    def share(self, maps):
        self.maps = [each.view_as(each) for each in maps]
        return super().share(self.maps)


def test_cosines_are_those_of_autograd_and_a_small_step_is_the_product_of_the_gradients():
    torch.manual_seed(3)
    network = model(balancer=dict(type="SharedMaps"))
    network.train()
    data, step = batch((64, 64), (64, 64)), 1e-6
    found = measure_affinity(network, data, step)
    losses = sum_by_task(network(**network.data_preprocessor(data, True), mode="loss"))
    first, second = (
        torch.cat(
            [
                each.flatten()
                for each in torch.autograd.grad(
                    loss, network.balancer.maps, retain_graph=True, allow_unused=True
                )
                if each is not None  # a level that the decoder does not read
            ]
        )
        for loss in losses.values()
    )
    cosine = torch.cosine_similarity(first, second, dim=0).item()
    assert found.cosines == pytest.approx({("semseg", "depth"): cosine}, rel=1e-4)
    encoder = [*network.backbone.parameters()]
    gradients = {
        task: torch.cat(
            [g.flatten() for g in torch.autograd.grad(loss, encoder, retain_graph=True)]
        )
        for task, loss in losses.items()
    }
    length = torch.cat([each.flatten() for each in encoder]).norm()
    for source, other in product(losses, losses):
        product_of = gradients[source] @ gradients[other] / gradients[source].norm()
        expected = 100 * step * (length * product_of / losses[other]).item()
        assert found.gains[source, other] == pytest.approx(expected, rel=0.05, abs=5e-5)


@pytest.mark.parametrize("balancer", ["FixedWeights", "LossBalancer"])
@pytest.mark.slow
def test_a_run_is_the_same_with_the_measurement(balancer, tmp_path, scene_options):
    states = []
    for name, hooks in (("without", []), ("with", [dict(type="AffinityHook", every=1)])):
        config = tiny_config(scene_options, hooks=hooks)
        if balancer == "LossBalancer":
            # It draws random weights.
            config.model.balancer = dict(type=balancer, scalarizer="Random")
        runner = train(config, str(tmp_path / name), seed=3)
        path = tmp_path / name / "epoch_2.pth"
        states.append((torch.load(path, weights_only=False), runner))
    (without, first), (measured, second) = states
    assert without["state_dict"].keys() == measured["state_dict"].keys()
    assert any("running_mean" in key for key in without["state_dict"])
    for key, value in without["state_dict"].items():
        assert torch.equal(value, measured["state_dict"][key]), key
    assert _equal(without["optimizer"], measured["optimizer"])
    curves = [
        {key: [*map(float, each.data[0])] for key, each in run.message_hub.log_scalars.items()
         if "time" not in key}
        for run in (first, second)
    ]  # fmt: skip
    assert curves[0] == curves[1] and len(curves[0]["train/loss"]) == 6
    with open(tmp_path / "with" / "affinity.csv", encoding="utf-8", newline="") as file:
        rows = [*csv.DictReader(file)]
    assert [int(row["iteration"]) for row in rows[::4]] == [*range(6)]


def _equal(first, second):
    if isinstance(first, torch.Tensor):
        return torch.equal(first, second)
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(_equal(first[k], second[k]) for k in first)
    if isinstance(first, list):
        return len(first) == len(second) and all(map(_equal, first, second))
    return first == second


def test_the_command_trains_one_epoch_and_reports(tmp_path, scene_options):
    options = [*scene_options, *SMALL]
    result = call(
        "affinity.py", "configs/mtl_branched.py", "--work-dir", str(tmp_path), "--every", "2",
        "--seed", "1", "--cfg-options", *options,
    )  # fmt: skip
    assert "Which tasks help each other" in result.stdout and "semseg" in result.stdout
    assert not [*tmp_path.rglob("*.pth")]
    found = json.loads((tmp_path / "affinity.json").read_text())
    assert found["tasks"] == ["semseg", "depth"] and found["measurements"] == 2  # of 0, 1, 2
    assert {(row["source"], row["other"]) for row in found["pairs"]} == {
        ("semseg", "depth"), ("depth", "semseg"),
    }  # fmt: skip
    picture = cv2.imread(str(tmp_path / "affinity.png"))
    assert picture.shape[0] > 300 and picture.std() > 20


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("configs/single_depth.py", r"has the tasks \['depth'\]; two or more are needed"),
        ("configs/ladder/a01_task_specific.py", "share no features"),
    ],
)
def test_tasks_that_cannot_act_on_each_other_are_refused(
    config, message, tmp_path, scene_options, monkeypatch
):
    options = [*scene_options, *(SMALL[:2] if "single" in config else ())]
    monkeypatch.setenv("LADDER_SIZE", "small")
    with pytest.raises(ConfigError, match=message):
        study_affinity(config, str(tmp_path), options=options)


def test_other_folders_and_several_processes_are_refused(tmp_path, scene_options, monkeypatch):
    (tmp_path / "20260101_120000").mkdir()
    (tmp_path / "affinity.json").touch()
    (tmp_path / "epoch_4.pth").touch()
    config = "configs/mtl_branched.py"
    with pytest.raises(ConfigError, match=r"holds other things .* such as epoch_4\.pth\. Give"):
        study_affinity(config, str(tmp_path), options=scene_options)
    with pytest.raises(ConfigError, match=r"holds other things"):
        study_affinity(config, options=[*scene_options, f"work_dir={tmp_path}"])
    with pytest.raises(ConfigError, match="measured in one process"):
        study_affinity(config, options=[*scene_options, "launcher=pytorch"])
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ConfigError, match="measured in one process"):
        study_affinity(config, options=scene_options)


def test_a_frozen_encoder_shares_nothing_that_is_trained():
    network = model()
    network.backbone.requires_grad_(False)
    with pytest.raises(ConfigError, match="share no weights that are trained"):
        measure_affinity(network, batch((32, 64), (32, 64)))


@pytest.mark.parametrize("arguments", [dict(every=0), dict(step=0.0), dict(step=1.5)])
def test_arguments_are_checked(arguments):
    with pytest.raises(ConfigError, match="expected every >= 1 and a step"):
        AffinityHook(**arguments)


def measurements():
    """Six measurements in which a helps b, and b does to a now this, now that."""
    return [
        Measurement(
            10 * i,
            {("a", "b"): 0.2 if i < 2 else -0.1 * i},
            {("a", "a"): 4.0, ("a", "b"): 1.0 + 0.1 * i, ("b", "a"): (-1.0) ** i, ("b", "b"): 5.0},
        )
        for i in range(6)
    ]


def test_rows_are_means_with_their_errors():
    first, second = affinity_rows(("a", "b"), measurements())
    assert (first["source"], first["other"], first["verdict"]) == ("a", "b", "helps")
    assert first["gain"] == pytest.approx(1.25) and first["own_gain"] == 5.0
    # Squares of the deviations 0.25, 0.15, 0.05: 2 * 0.0875 = 0.175; / 5 / 6.
    assert first["error"] == pytest.approx(math.sqrt(0.175 / 30))
    assert first["cosine_first"] == pytest.approx(0.2) == second["cosine_first"]
    assert first["cosine_last"] == pytest.approx(-0.45)
    assert first["conflict"] == pytest.approx(100 * 4 / 6) and first["count"] == 6
    assert second["verdict"] == "unclear" and second["gain"] == 0
    table = affinity_table([first, second]).markdown()
    assert "| a | b | helps | +1.250 ± 0.076 | +25 | +0.200 | -0.450 | 67 |" in table


def test_one_measurement_says_nothing_for_sure():
    [row, _] = affinity_rows(("a", "b"), measurements()[:1])
    assert row["verdict"] == "unclear" and row["error"] is None
    assert verdict(Mean.of([])) == verdict(Mean.of([1.0, 1.1, 0.9, 1.0])) == "unclear"
    assert verdict(Mean.of([1.0, 1.1, 0.9, 1.0, 1.0])) == "helps"
    assert MODELS.get("AffinityHook") is None
