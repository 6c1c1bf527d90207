"""The commands as a user calls them."""

from __future__ import annotations

import glob
import json
import os
import runpy
import shutil
import signal
import sys

import pytest
import torch

from mtl_plugins.config import load_config
from mtl_plugins.engine import train
from mtl_plugins.engine.run import resume_from
from tests.commands import PLAIN, SMALL, call
from tests.conftest import ROOT
from tests.engine.tiny_run import run
from tests.ranks import run_ranks


@pytest.fixture(scope="module")
def trained(tmp_path_factory, scene_options):
    """A work dir after two tiny epochs, and the options of the run."""
    work_dir = str(tmp_path_factory.mktemp("run"))
    options = [*scene_options, *SMALL, "train_cfg.max_epochs=2"]
    result = call(
        "train.py", "configs/mtl_branched.py", "--work-dir", work_dir, "--seed", "3",
        "--cfg-options", *options,
    )  # fmt: skip
    return work_dir, options, result


def test_training_ends_with_a_table_pictures_curves_and_checkpoints(trained):
    work_dir, _, result = trained
    assert "image-blind" in result.stdout and "SI-logRMSE" in result.stdout
    assert f"tensorboard --logdir {work_dir}" in result.stdout
    with open(os.path.join(work_dir, "summary.json"), encoding="utf-8") as file:
        summary = json.load(file)
    for key in ("semseg/mIoU", "depth/si_log_rmse", "multitask/score"):
        assert key in summary["metrics"] and key in summary["image_blind"]
    assert len(glob.glob(os.path.join(work_dir, "panels", "*", "*.png"))) == 2 * 3
    assert glob.glob(os.path.join(work_dir, "*", "vis_data", "events.out.tfevents.*"))
    assert glob.glob(os.path.join(work_dir, "best_multitask_score_epoch_*.pth"))
    checkpoint = torch.load(os.path.join(work_dir, "epoch_2.pth"), weights_only=True)
    assert checkpoint["meta"]["epoch"] == 2


def test_test_command_reproduces_the_last_validation(trained):
    work_dir, options, _ = trained
    result = call(
        "test.py", "configs/mtl_branched.py", os.path.join(work_dir, "epoch_2.pth"),
        "--work-dir", os.path.join(work_dir, "test"), "--cfg-options", *options,
    )  # fmt: skip
    with open(os.path.join(work_dir, "summary.json"), encoding="utf-8") as file:
        metrics = json.load(file)["metrics"]
    for key in ("semseg/mIoU", "depth/si_log_rmse"):
        assert f"{metrics[key]:.3f}" in result.stdout


def test_image_blind_command_prints_what_the_summary_holds(trained):
    work_dir, options, _ = trained
    result = call("image_blind.py", "configs/mtl_branched.py", "--cfg-options", *options)
    with open(os.path.join(work_dir, "summary.json"), encoding="utf-8") as file:
        blind = json.load(file)["image_blind"]
    assert f"{blind['depth/si_log_rmse']:.3f}" in result.stdout


def test_a_killed_run_goes_on_from_its_last_checkpoint(tmp_path, scene_options):
    options = [*scene_options, *SMALL, *PLAIN, "train_cfg.max_epochs=3"]
    config = load_config("configs/mtl_branched.py", options)
    kill = dict(type="SignalHook", signal="SIGKILL", moment="train", iteration=4)
    config.custom_hooks = [kill]
    code, _ = run(config, tmp_path, resume=None)
    assert code == -signal.SIGKILL and (tmp_path / "epoch_1.pth").exists()
    result = call(
        "train.py", "configs/mtl_branched.py", "--work-dir", str(tmp_path), "--resume",
        "--cfg-options", *options,
    )  # fmt: skip
    output = result.stdout + result.stderr
    assert "resumed epoch: 1" in output
    assert "Epoch(train) [1]" not in output and "Epoch(train) [3]" in output
    assert (tmp_path / "epoch_3.pth").exists()


def test_a_run_resumed_after_its_end_still_writes_its_summary(trained):
    work_dir, options, _ = trained
    path = os.path.join(work_dir, "summary.json")
    with open(path, encoding="utf-8") as file:
        before = json.load(file)
    os.remove(path)
    call(
        "train.py", "configs/mtl_branched.py", "--work-dir", work_dir, "--resume",
        "--cfg-options", *options,
    )  # fmt: skip
    with open(path, encoding="utf-8") as file:
        assert json.load(file) == before


def test_resume_prefers_the_runs_own_checkpoint_to_the_weights_it_started_with(trained, tmp_path):
    """It starts with those weights if there is no checkpoint yet."""
    work_dir, options, _ = trained
    first, last = (os.path.join(work_dir, f"epoch_{epoch}.pth") for epoch in (1, 2))
    for folder, expected in ((work_dir, (True, last)), (str(tmp_path), (False, first))):
        config = load_config(os.path.join(ROOT, "configs", "mtl_branched.py"), options)
        config.update(load_from=first, work_dir=folder)
        resume_from(config, "auto")
        assert (config.resume, config.load_from) == expected


@pytest.mark.parametrize(
    ("task", "metric"), [("semseg", "semseg/mIoU"), ("depth", "depth/si_log_rmse")]
)
def test_a_model_of_one_task_keeps_its_best_by_that_task(tmp_path, scene_options, task, metric):
    options = [*scene_options, *SMALL, *PLAIN, "train_cfg.max_epochs=1"]
    config = load_config(os.path.join(ROOT, "configs", "mtl_branched.py"), options)
    heads = config.model.decode_head.task_heads
    config.model.decode_head.task_heads = {task: heads[task]}
    config.model.balancer = None
    train(config, str(tmp_path))
    assert glob.glob(str(tmp_path / f"best_{metric.replace('/', '_')}_epoch_1.pth"))


def test_mixed_precision_trains_on_this_device(tmp_path, scene_options):
    options = [*scene_options, *SMALL, *PLAIN, "train_cfg.max_epochs=1"]
    result = call(
        "train.py", "configs/mtl_joint.py", "--amp", "--work-dir", str(tmp_path),
        "--cfg-options", *options,
    )  # fmt: skip
    assert "nan" not in result.stdout.split("Epoch(train)")[-1].split("Epoch(val)")[0]
    assert (tmp_path / "epoch_1.pth").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["model.backbone.type=TimEncoder"], "Did you mean TimmEncoder"),
        (["model.backbone.model_name=resnet1"], "timm has no model 'resnet1'"),
        (["train_dataloader.dataset.type=MultiTaskDataset"], "no such argument"),
        (
            ["model.decode_head.task_heads.semseg.num_classes=5"],
            "num_classes=5, but the training data has 19 classes",
        ),
        (
            ["train_dataloader.batch_size=99"],
            "too few for a batch of train_dataloader.batch_size=99",
        ),
    ],
)
def test_mistakes_end_in_one_message_without_a_traceback(tmp_path, scene_options, options, message):
    result = call(
        "train.py", "configs/mtl_branched.py", "--work-dir", str(tmp_path), "--cfg-options",
        *scene_options, *options, check=False,
    )  # fmt: skip
    assert result.returncode == 1
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def test_errors_of_loader_workers_end_in_one_message_too(tmp_path, scenes_root, scene_options):
    root = tmp_path / "data"
    shutil.copytree(scenes_root, root)
    broken = root / "depth" / "train" / "000001.png"
    broken.write_bytes(broken.read_bytes()[:100])
    options = [
        option.replace(scenes_root, str(root)).replace("num_workers=0", "num_workers=1")
        for option in scene_options
    ]
    result = call(
        "train.py", "configs/mtl_branched.py", "--work-dir", str(tmp_path / "run"),
        "--cfg-options", *options, *SMALL, check=False,
    )  # fmt: skip
    assert result.returncode == 1
    assert "000001.png cannot be read as an image" in result.stderr
    assert "Traceback" not in result.stderr


def call_in_rank(rank, tool, *arguments):
    sys.path.insert(0, os.path.join(ROOT, "tools"))
    sys.argv = [tool, *arguments]
    runpy.run_path(os.path.join(ROOT, "tools", tool), run_name="__main__")


def test_two_processes_measure_like_one(tmp_path, trained):
    """With torchrun's variables; 3 images on 2 ranks."""
    work_dir, options, _ = trained
    codes, output = run_ranks(
        2, call_in_rank, tmp_path, "test.py", os.path.join(ROOT, "configs", "mtl_branched.py"),
        os.path.join(work_dir, "epoch_2.pth"), "--work-dir", str(tmp_path),
        "--launcher", "pytorch", "--cfg-options", *options,
    )  # fmt: skip
    assert codes == [0, 0], output
    with open(os.path.join(work_dir, "summary.json"), encoding="utf-8") as file:
        metrics = json.load(file)["metrics"]
    for key in ("semseg/mIoU", "depth/si_log_rmse", "multitask/score"):
        assert f"{metrics[key]:.3f}" in output[0]
