"""Runs with balancers log, learn, save and print the balance of the tasks."""

from __future__ import annotations

import glob
import json

import pytest
import torch
from mmengine.logging import MessageHub
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from mtl_plugins.checkpoints import load_checkpoint
from mtl_plugins.config import load_config
from mtl_plugins.engine import train
from mtl_plugins.report import balance_report

SMALL = [
    "model.backbone.model_name=test_resnet",
    "model.decode_head.decoder.channels=8",
    "model.decode_head.decoder.skip_channels=4",
    "default_hooks.checkpoint.save_best=None",
]
SLOW = ("panels", "report")
"""Hooks that draw or count, which have their own tests."""


def run(work_dir, options, config="configs/mtl_branched.py", balancer=None, epochs=1, **kwargs):
    loaded = load_config(config, [*options, *SMALL, f"train_cfg.max_epochs={epochs}"])
    loaded.default_hooks.update(dict.fromkeys(SLOW))
    if balancer:
        loaded.model.balancer = balancer
    return train(loaded, work_dir=str(work_dir), seed=0, **kwargs)


def curves(work_dir):
    (file,) = glob.glob(f"{work_dir}/*/vis_data/events*")
    events = EventAccumulator(file)
    events.Reload()
    return {tag: [e.value for e in events.Scalars(tag)] for tag in events.Tags()["scalars"]}


def test_a_balanced_run_shows_whether_the_tasks_fight(tmp_path, scene_options, capfd):
    run(tmp_path, scene_options, "configs/mtl_cagrad.py")
    found = curves(tmp_path)
    keys = ("weight_semseg", "weight_depth", "grad_norm_depth", "cosine_semseg_depth")
    for key in keys:
        assert len(found[f"balance/{key}"]) == 3 and all(torch.tensor(found[f"balance/{key}"]))
    with open(tmp_path / "summary.json", encoding="utf-8") as file:
        report = json.load(file)["balance"]
    cosines = torch.tensor(found["balance/cosine_semseg_depth"])
    pair = report["semseg | depth"]
    assert pair["cosine"] == pytest.approx(cosines.mean().item(), abs=1e-4)
    assert pair["conflict"] == pytest.approx(100 * (cosines < 0).float().mean().item(), abs=1e-4)
    weights = torch.tensor(found["balance/weight_depth"])
    assert report["depth"]["weight"] == pytest.approx(weights.mean().item(), abs=1e-4)
    assert "Balance of the tasks" in capfd.readouterr().out


def test_the_report_leaves_out_steps_without_a_task():
    hub = MessageHub.get_instance("balance report")
    for weight, cosine in ((1.0, -0.5), (float("nan"), float("nan")), (3.0, 0.1)):
        hub.update_scalar("train/balance/weight_a", weight)
        hub.update_scalar("train/balance/weight_b", 2.0)
        hub.update_scalar("train/balance/cosine_a_b", cosine)
        hub.update_scalar("train/loss", 1.0)
    assert balance_report(hub) == {
        "a": dict(weight=2.0),
        "b": dict(weight=2.0),
        "a | b": dict(cosine=pytest.approx(-0.2), conflict=50.0),
    }
    assert balance_report(MessageHub.get_instance("nothing logged")) == {}


@pytest.mark.parametrize(
    "balancer",
    [
        dict(type="LossBalancer", scalarizer="UW"),
        dict(type="GradientBalancer", weighting="GradVac"),
    ],
    ids=lambda each: each.get("scalarizer") or each["weighting"],
)
def test_a_balancers_state_is_in_the_checkpoint(tmp_path, scene_options, balancer):
    trained = run(tmp_path, scene_options, balancer=balancer)
    expected = {k: v for k, v in trained.model.state_dict().items() if k.startswith("balancer.")}
    assert expected and any((value != 0).any() for value in expected.values())
    saved = load_checkpoint(str(tmp_path / "epoch_1.pth"))["state_dict"]
    # A resumed run with nothing left to train has exactly the saved state.
    resumed = run(tmp_path, scene_options, balancer=balancer, resume="auto")
    for key, value in expected.items():
        assert torch.equal(saved[key], value)
        assert torch.equal(resumed.model.state_dict()[key], value)


@pytest.mark.parametrize(
    "balancer", [None, dict(type="GradientBalancer", weighting="UPGrad")], ids=["fixed", "UPGrad"]
)
def test_two_data_sets_with_one_task_each_train_both(tmp_path, partial_options, balancer):
    runner = run(tmp_path, partial_options, "configs/mtl_partial_labels.py", balancer)
    kinds = [set(runner.train_dataloader.dataset[index]["data_samples"].keys()) for index in (0, 5)]
    assert kinds == [{"gt_sem_seg"}, {"gt_depth_map"}]
    found = curves(tmp_path)
    # Six samples, two a batch: both losses must have been there in some step.
    assert max(found["semseg/ce"]) > 0 and max(found["depth/silog"]) > 0
    with open(tmp_path / "summary.json", encoding="utf-8") as file:
        summary = json.load(file)
    assert {"semseg/mIoU", "depth/si_log_rmse"} <= set(summary["metrics"])
    assert {"semseg/mIoU", "depth/si_log_rmse"} <= set(summary["image_blind"])
