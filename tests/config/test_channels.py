"""Data, preprocessor and encoder take the same number of channels, or the run does not start."""

from __future__ import annotations

import os

import pytest

from mtl_plugins import build
from mtl_plugins.config import final_config, load_config
from mtl_plugins.errors import ConfigError
from tests.conftest import ROOT

BRANCHED = os.path.join(ROOT, "configs", "mtl_branched.py")
LOAD = [dict(type="LoadImage"), dict(type="LoadTargets"), dict(type="PackTargets")]


def config(data=4, preprocessor=4, encoder=None):
    """Return a config whose parts have some numbers of channels; None: not given."""
    found = load_config(BRANCHED, ["model.backbone.model_name=test_resnet"])
    folders = dict(img_path="x", seg_map_path="y", depth_map_path="z")
    for split in ("train", "val", "test"):
        found[f"{split}_dataloader"].dataset = dict(
            type="MultiTaskDataset", data_prefix=folders, image_channels=data,
            metainfo=dict(classes=("a", "b")), pipeline=LOAD,
        )  # fmt: skip
    if preprocessor:
        given = dict(mean=[100.0] * preprocessor, std=[50.0] * preprocessor)
        found.model.data_preprocessor.update(given)
    if encoder:
        found.model.backbone.in_channels = encoder
    return found


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        ((4, 3), r"images of train_dataloader have 4 channels, but .* of 3"),
        ((4, None), r"images of train_dataloader have 4 channels, but .* of 3"),
        ((3, 4), r"images of train_dataloader have 3 channels, but .* of 4"),
        ((4, 4, 3), r"model.backbone.in_channels=3, but .* 4 channels"),
    ],
)
def test_other_numbers_are_refused(parts, text):
    with pytest.raises(ConfigError, match=text):
        final_config(config(*parts))


def test_a_mean_and_a_std_of_other_lengths_are_refused():
    given = config()
    given.model.data_preprocessor.std = [50.0] * 3
    with pytest.raises(ConfigError, match="one for each channel"):
        build(final_config(given))


@pytest.mark.parametrize("parts", [(4, 4), (4, 4, 4), (3, None), (3, 3)])
def test_equal_numbers_make_a_network(parts):
    network = build(final_config(config(*parts)), pretrained=False)
    assert network.in_channels == parts[0]
    assert next(network.backbone.parameters()).shape[1] == parts[0]
