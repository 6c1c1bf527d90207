"""Fixtures: a checkpoint as a run saves it, images and videos."""

from __future__ import annotations

import os

import cv2
import numpy as np
import pytest
import torch
from mmengine.runner import Runner

from mtl_plugins.config import load_config, run_config
from mtl_plugins.inference import MultiTaskInferencer
from tests.conftest import ROOT

BINS = dict(type="AttentionBinsHead", num_bins=6, channels=8, num_blocks=1, initial_depth=20.0)
RATE = 12.5
SIZES = ((64, 128), (50, 90), (64, 128), (33, 47), (64, 128))


def save_run(folder, options, **changes):
    """Save an untrained network as a training run does; return file, config and runner."""
    options = [
        *options,
        "model.backbone.model_name=test_resnet",
        "model.decode_head.decoder.channels=8",
    ]
    config = load_config(os.path.join(ROOT, "configs", "mtl_normals.py"), options)
    config.merge_from_dict({"randomness": dict(seed=1), **changes})
    runner = Runner.from_cfg(run_config(config, work_dir=str(folder)))
    # With its initial weights it would predict the same class and depth everywhere.
    for _, head in runner.model.decode_head.tasks():
        for parameter in head.parameters():
            torch.nn.init.normal_(parameter, std=0.5)
    assert runner.train_loop  # the property builds it, as at the start of training
    parts = dict(save_optimizer=False, save_param_scheduler=False)
    runner.save_checkpoint(str(folder), "epoch_1.pth", **parts)
    return str(folder / "epoch_1.pth"), config, runner


@pytest.fixture(scope="session")
def saved(tmp_path_factory, scene_options):
    return save_run(tmp_path_factory.mktemp("run"), scene_options)


@pytest.fixture(scope="session")
def inferencer(saved):
    return MultiTaskInferencer(saved[0], device="cpu", batch_size=4)


def images(sizes=SIZES):
    generator = np.random.default_rng(3)
    small = [generator.integers(0, 256, (6, 9, 3), np.uint8) for _ in sizes]
    return [cv2.resize(each, size[::-1]) for each, size in zip(small, sizes, strict=True)]


def assert_equal(found, expected):
    """Assert equality up to rounding: batches of another size add up in another order."""
    assert list(found) == list(expected)
    for task, values in expected.items():
        assert found[task].shape == values.shape and found[task].dtype == values.dtype
        if values.dtype == np.uint8:
            assert (found[task] != values).mean() < 1e-3
        else:
            np.testing.assert_allclose(found[task], values, rtol=1e-4, atol=1e-4)


def write_video(path, frames):
    height, width = frames[0].shape[:2]
    codec = cv2.VideoWriter_fourcc(*"mp4v")
    video = cv2.VideoWriter(str(path), codec, RATE, (width, height))
    for frame in frames:
        video.write(frame)
    video.release()


def read_video(path):
    video = cv2.VideoCapture(str(path))
    rate, frames = video.get(cv2.CAP_PROP_FPS), []
    while (read := video.read())[0]:
        frames.append(read[1])
    return rate, frames


def brightness(batch):
    """Predict one task: depth in metres is the mean intensity plus 1."""
    return [{"far": image.mean(2).astype(np.float32) + 1} for image in batch]


brightness.metainfo = dict(classes=(), palette=[], depth_unit="m", tasks={"far": "depth"})
