"""Checks of the data at the start of training: numbers of classes and units of depth."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from mmengine.logging import MMLogger

from mtl_plugins.engine.hooks import ClassCheckHook, DepthCheckHook, ImageSizeCheckHook
from mtl_plugins.errors import ConfigError
from tests.batches import NUM_CLASSES, batch, model


def runner_of(network, classes=()):
    dataset = SimpleNamespace(metainfo=dict(classes=classes))
    return SimpleNamespace(model=network, train_dataloader=SimpleNamespace(dataset=dataset))


@pytest.mark.parametrize("classes", [NUM_CLASSES, NUM_CLASSES + 2, 0])
def test_a_head_with_another_number_of_classes_is_refused(classes):
    runner = runner_of(model(), [f"class {i}" for i in range(classes)])
    if classes in (NUM_CLASSES, 0):  # without names there is nothing to compare with
        ClassCheckHook().before_train(runner)
        return
    with pytest.raises(ConfigError, match=r"semseg.num_classes=5, but .* 7 classes. Set it to 7"):
        ClassCheckHook().before_train(runner)


SLIDE = dict(mode="slide", crop_size=(64, 64), stride=(32, 32))


@pytest.mark.parametrize(
    ("size", "test_cfg", "fits"),
    [
        ((60, 96), {}, True),
        ((60, 97), {}, False),
        ((60, 200), SLIDE, True),
        ((60, 96), dict(tta=dict(scales=(1.0, 1.5))), False),
    ],
)
def test_validation_images_that_an_encoder_of_one_size_cannot_take_are_refused(
    size, test_cfg, fits
):
    backbone = dict(type="TimmEncoder", model_name="pit_ti_224", img_size=(64, 96))
    runner = runner_of(model(backbone=backbone, test_cfg=test_cfg))
    runner.val_loop = runner.val_dataloader = SimpleNamespace(
        dataset=[dict(inputs=torch.zeros(3, *size))]
    )
    if fits:
        ImageSizeCheckHook().before_train(runner)
        return
    with pytest.raises(ConfigError, match=rf"images have {size[0]}x{size[1]} .* most 64x96"):
        ImageSizeCheckHook().before_train(runner)


@pytest.mark.parametrize(("far", "reported"), [(0.5, True), (80.0, False)])
def test_depths_outside_a_codec_are_reported_once(caplog, far, reported):
    MMLogger.get_current_instance().addHandler(caplog.handler)
    codec = dict(type="ExpCodec", min_depth=0.1, max_depth=far)
    network = model(task_heads=dict(depth=dict(type="DepthHead", codec=codec)))
    runner, hook = runner_of(network), DepthCheckHook()
    for index in range(2):
        hook.before_train_iter(runner, index, batch((8, 16)))  # 1 to 51 m
    text = f"are not within the 0.1 to {far:g} of model.decode_head.task_heads.depth.codec."
    assert caplog.text.count(text) == reported
    assert caplog.text.count("100 % of the depths of the first batch (median ") == reported
    assert caplog.text.count("Is depth_format.scale right?") == reported
