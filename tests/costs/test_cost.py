"""Costs: numbers computed by hand, and the command."""

from __future__ import annotations

import csv
import os
from dataclasses import asdict

import pytest
import torch
from mmengine.config import Config
from torch import nn

from mtl_plugins.checkpoints import build_network
from mtl_plugins.config import complete_tasks, load_config
from mtl_plugins.costs import (
    Cost,
    LiveMemory,
    count_macs,
    measure_cost,
    parameters_by_part,
    report_costs,
)
from mtl_plugins.costs.cost_table import COLUMNS, cost_caption
from mtl_plugins.errors import ConfigError
from tests.batches import DECODER, NUM_CLASSES, TASK_HEADS, model
from tests.commands import SMALL, call
from tests.conftest import ROOT

PARTS = ("encoder", "decoders", "task_heads", "rest")
FLOAT = 4


def small_config(**backbone):
    return Config(
        dict(
            model=dict(
                type="MultiTaskSegmentor",
                data_preprocessor=dict(type="MultiTaskDataPreprocessor"),
                backbone=backbone or dict(type="TimmEncoder", model_name="test_resnet"),
                decode_head=dict(type="BranchedHead", decoder=DECODER, task_heads=TASK_HEADS),
            ),
            optim_wrapper=dict(type="OptimWrapper", optimizer=dict(type="Adam", lr=1e-3)),
        )
    )


@pytest.fixture(scope="module")
def cost():
    return measure_cost(small_config(), "small", size=(32, 64), batch_size=2, repeats=1)


def test_macs_of_convolutions_and_linear_layers():
    network = nn.Sequential(
        nn.Conv2d(4, 6, 3, stride=2, padding=1, groups=2), nn.BatchNorm2d(6), nn.ReLU(),
        nn.ConvTranspose2d(6, 5, 2, stride=2), nn.Flatten(2), nn.Linear(64, 7),
    ).eval()  # fmt: skip
    convolution = 4 * 4 * 6 * (4 // 2) * 3 * 3
    transposed = 4 * 4 * 6 * 5 * 2 * 2
    expected = 2 * (convolution + transposed + 5 * 64 * 7)
    assert count_macs(lambda: network(torch.zeros(2, 4, 8, 8))) == expected


def test_macs_of_attention():
    heads, tokens, width = 2, 10, 8
    maps = torch.rand(1, heads, tokens, width)
    products = 2 * heads * tokens * tokens * width  # queries with keys, weights with values
    attention = nn.functional.scaled_dot_product_attention
    assert count_macs(lambda: attention(maps, maps, maps)) == products
    module = nn.MultiheadAttention(heads * width, heads, batch_first=True).eval()
    x = torch.rand(1, tokens, heads * width)
    projections = 4 * tokens * (heads * width) ** 2
    assert count_macs(lambda: module(x, x, x, need_weights=False)) == products + projections
    assert torch.backends.mha.get_fastpath_enabled()


def test_memory_of_a_training_step():
    layer = nn.Conv2d(3, 8, 3, padding=1, bias=False)
    network = nn.Sequential(layer, nn.ReLU())
    images = torch.rand(2, 3, 8, 8)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    weight, image, feature = (
        FLOAT * count for count in (8 * 3 * 3 * 3, 2 * 3 * 8 * 8, 2 * 8 * 8 * 8)
    )
    with LiveMemory([images, list(network.parameters())]) as memory:
        assert memory.now == weight + image
        loss = network(images).sum()
        # ReLU keeps its result, and the convolution's is gone.
        assert memory.now == weight + image + feature + FLOAT
        loss.backward()
        # At most: in the backward of ReLU, its result, the gradient of its input, the loss and
        # its gradient. The activations are freed then, the weight's gradient stays.
        assert memory.peak == weight + image + 2 * feature + 2 * FLOAT
        assert memory.now == 2 * weight + image + FLOAT
        optimizer.step()
        optimizer.zero_grad()
        assert memory.now == weight + image + FLOAT


def test_views_count_once_and_until_the_last_is_gone():
    with LiveMemory() as memory:
        rows = torch.zeros(4, 5)
        view = rows.view(20)[3:]
        del rows
        assert memory.now == 20 * FLOAT
        del view
        assert memory.now == 0
    assert memory.peak == 20 * FLOAT


@pytest.mark.parametrize("head", ["JointHead", "BranchedHead", "DistillationHead"])
def test_parts_are_those_of_the_modules(head):
    network = model(head)
    parts = parameters_by_part(network)

    def count(module):
        return sum(p.numel() for p in module.parameters())

    arrangement = network.decode_head
    decoders = arrangement.decoder if head == "JointHead" else arrangement.decoders
    stages = 2 if head == "DistillationHead" else 1
    assert parts["encoder"] == count(network.backbone)
    assert parts["decoders"] == count(decoders)
    assert parts["task_heads"] == stages * (DECODER["channels"] + 1) * (NUM_CLASSES + 1)
    assert (parts["rest"] > 0) == (head == "DistillationHead")
    assert sum(parts.values()) == count(network)


@pytest.mark.parametrize(
    ("name", "parameters", "gmacs"), [("joint", 26.0, 11.24), ("branched", 31.0, 15.15)]
)
def test_full_size_costs_are_those_of_the_reference(name, parameters, gmacs):
    config = load_config(os.path.join(ROOT, "configs", "miniscapes", f"{name}_resnet34.py"))
    complete_tasks(config)
    network = build_network(config.model.to_dict(), "model").eval()
    total = sum(parameters_by_part(network).values())
    assert total / 1e6 == pytest.approx(parameters, rel=0.02)
    macs = count_macs(lambda: network(torch.zeros(1, 3, 256, 256), mode="tensor"))
    assert macs / 1e9 == pytest.approx(gmacs, rel=0.02)


def test_a_models_cost(cost):
    assert cost.parameters == sum(getattr(cost, part) for part in PARTS)
    # Weights, gradients and Adam's two moments are there when the optimizer begins to step.
    assert cost.training_bytes > 4 * FLOAT * cost.parameters
    assert FLOAT * cost.parameters < cost.prediction_bytes < cost.training_bytes
    assert cost.prediction_seconds > 0 and cost.training_seconds > 0


def test_memory_and_macs_are_the_same_every_time(cost):
    again = measure_cost(small_config(), "small", size=(32, 64), batch_size=2, repeats=0)
    for key in ("parameters", "macs", "prediction_bytes", "training_bytes"):
        assert getattr(again, key) == getattr(cost, key)
    assert again.prediction_seconds is None and again.training_seconds is None


@pytest.mark.parametrize(
    "backbone",
    [
        dict(
            type="TaskEncoders",
            encoder=dict(type="TimmEncoder", model_name="test_resnet", pretrained="no.pth"),
            tasks=dict(semseg=dict(pretrained="no.pth"), depth=dict(output_stride=16)),
        ),
        dict(
            type="ResNetV1c", depth=18, base_channels=4, norm_cfg=dict(type="BN"),
            pretrained="no.pth",
        ),
    ],
    ids=lambda backbone: backbone["type"],
)  # fmt: skip
def test_pretrained_weights_are_never_fetched(backbone):
    cost = measure_cost(small_config(**backbone), size=(64, 64), batch_size=2, repeats=0)
    assert cost.parameters > 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(size=(0, 64)), r"size=\(0, 64\)"),
        (dict(batch_size=0), "batch_size=0"),
        (dict(device="tpu"), "'cpu' or 'cuda'"),
    ],
)
def test_invalid_sizes_and_devices_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        measure_cost(small_config(), **options)


def test_a_config_without_an_optimizer_is_refused():
    config = small_config()
    config.optim_wrapper = None
    with pytest.raises(ConfigError, match="no optim_wrapper"):
        measure_cost(config)


def test_files_hold_the_same_numbers(cost, tmp_path, capsys):
    untimed = Cost(**asdict(cost) | dict(config="b.py", training_seconds=None))
    files = [str(tmp_path / "made" / name) for name in ("cost.csv", "cost.md")]
    report_costs([cost, untimed], *files)
    with open(files[0], encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row, expected in zip(rows, (cost, untimed), strict=True):
        for key, value in asdict(expected).items():
            assert row[key] == ("" if value is None else str(value))
    with open(files[1], encoding="utf-8") as file:
        text = file.read()
    table = [line.strip("| \n").split(" | ") for line in text.splitlines() if line[:1] == "|"]
    assert table[0] == list(COLUMNS)
    first = dict(zip(table[0], table[2], strict=True))
    assert float(first["params (M)"]) == pytest.approx(cost.parameters / 1e6, abs=0.005)
    assert float(first["GMACs"]) == pytest.approx(cost.macs / 1e9, abs=0.005)
    assert float(first["train (MiB)"]) == pytest.approx(cost.training_bytes / 2**20, abs=0.05)
    assert float(first["train (ms)"]) == pytest.approx(cost.training_seconds * 1e3, abs=0.05)
    assert dict(zip(table[0], table[3], strict=True))["train (ms)"] == "-"
    assert cost_caption(cost) in text
    shown = capsys.readouterr().out
    assert all(value in shown for value in table[2])
    assert "one multiply-add of a convolution" in " ".join(shown.split())


def test_command(tmp_path):
    file = str(tmp_path / "cost.csv")
    result = call(
        "cost.py", "configs/mtl_branched.py", "configs/mtl_joint.py", "--size", "32", "64",
        "--batch", "2", "--no-timing", "--csv", file, "--cfg-options", *SMALL[:2],
    )  # fmt: skip
    assert "configs/mtl_joint.py" in result.stdout
    with open(file, encoding="utf-8", newline="") as lines:
        branched, joint = csv.DictReader(lines)
    for key in ("parameters", "macs", "training_bytes", "prediction_bytes"):
        assert int(branched[key]) > int(joint[key])
    assert branched["training_seconds"] == ""
