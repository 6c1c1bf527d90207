"""Training from packed data is the training from files."""

from __future__ import annotations

import os

import torch

from mtl_plugins.config import load_config, pack_config, run_config, with_packed
from mtl_plugins.engine import MultiTaskRunner
from tests.commands import call
from tests.config.test_config import BRANCHED
from tests.conftest import ROOT


def weights(config, work_dir):
    config.default_hooks.update(panels=None, report=None, summary=None)
    config.randomness = dict(seed=5)
    runner = MultiTaskRunner.from_cfg(run_config(config, work_dir=str(work_dir)))
    runner.train()
    return runner.model.state_dict()


def options_of(scene_options):
    return [
        *scene_options,
        "model.backbone.model_name=test_resnet",
        "default_hooks.checkpoint.save_best=None",
        "train_cfg.max_epochs=1",
    ]


def test_the_weights_are_bit_equal(scene_options, tmp_path):
    config = load_config(BRANCHED, options_of(scene_options))
    folder = str(tmp_path / "packed")
    pack_config(config, folder)
    assert sorted(os.listdir(folder)) == ["train", "val"]
    packed = with_packed(config, folder)
    found, expected = weights(packed, tmp_path / "a"), weights(config, tmp_path / "b")
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[key], expected[key]) for key in found)


def test_joined_sets_are_packed_each(partial_options, tmp_path):
    config = load_config(os.path.join(ROOT, "configs", "mtl_partial_labels.py"), partial_options)
    pack_config(config, str(tmp_path))
    assert sorted(os.listdir(tmp_path)) == ["train-0", "train-1", "val"]
    files = MultiTaskRunner.build_dataloader(config.train_dataloader, seed=0)
    packed = with_packed(config, str(tmp_path)).train_dataloader
    for batch, other in zip(files, MultiTaskRunner.build_dataloader(packed, seed=0), strict=True):
        for image, same in zip(batch["inputs"], other["inputs"], strict=True):
            assert torch.equal(image, same)
        keys = [[*sample.keys()] for sample in batch["data_samples"]]
        assert keys == [[*sample.keys()] for sample in other["data_samples"]]


def test_the_commands(scene_options, tmp_path):
    options = ["--cfg-options", *options_of(scene_options)]
    shared = dict(check=False, cwd=tmp_path)
    early = call("train.py", BRANCHED, "--packed", tmp_path / "packed", *options, **shared)
    assert early.returncode == 1
    assert "index.json does not exist" in early.stderr
    assert "Traceback" not in early.stderr
    packed = call("pack_data.py", BRANCHED, tmp_path / "packed", *options, **shared)
    assert packed.returncode == 0, packed.stderr
    assert "0 samples left out" in packed.stdout
    trained = call(
        "train.py", BRANCHED, "--packed", tmp_path / "packed", "--work-dir", "run", *options,
        **shared,
    )  # fmt: skip
    assert trained.returncode == 0, trained.stderr[-2000:]
    assert os.path.isfile(tmp_path / "run" / "epoch_1.pth")
