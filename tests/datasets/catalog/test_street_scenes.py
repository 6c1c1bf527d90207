"""StreetScenes: targets that the renderer writes, and others that are made from the same files."""

import os

import numpy as np
import pytest
from mmengine.config import Config
from mmseg.registry import DATASETS

from mtl_plugins.datasets import StreetScenesDataset
from mtl_plugins.errors import ConfigError
from mtl_plugins.street_scenes import Label, render_scene
from tests.conftest import ROOT, SCENES

LOAD = [dict(type="LoadImage"), dict(type="LoadTargets")]


def scenes(root, targets, split="train"):
    return StreetScenesDataset(
        data_root=root, split=split, targets=targets, pipeline=LOAD, serialize_data=False, **SCENES
    )


def test_outlines_are_the_renderers(scenes_root):
    sample = scenes(scenes_root, ("semseg", "boundary"))[2]
    scene = render_scene(SCENES["seed"], 2, SCENES["size"])
    assert np.array_equal(sample["gt_boundary_map"], scene.boundary)
    assert np.array_equal(sample["gt_boundary_map"] == 255, sample["gt_seg_map"] == 255)


def test_centres_and_outlines_are_those_of_the_renderers_objects(scenes_root):
    sample = scenes(scenes_root, ("centres", "outlines"))[2]
    scene = render_scene(SCENES["seed"], 2, SCENES["size"])
    offsets, outlines = sample["gt_centres_map"], sample["gt_outlines_map"]
    assert np.array_equal(np.isnan(offsets).all(-1), scene.instances == 0)
    numbers = np.unique(scene.instances)[1:]
    assert len(numbers) > 3
    for number in numbers:
        rows, columns = np.nonzero(scene.instances == number)
        ends = np.stack([columns, rows], 1) + offsets[rows, columns]
        np.testing.assert_allclose(ends, [[columns.mean(), rows.mean()]] * len(ends), atol=1e-3)
    known = scene.boundary != 255
    assert not (outlines[known] > scene.boundary[known]).any(), "objects' borders are boundaries"
    inside = outlines == 1
    assert inside.any() and not inside[scene.instances == 0].all()


def test_the_shipped_label_sets_come_from_two_folders(scenes_root):
    config = Config.fromfile(os.path.join(ROOT, "configs", "mtl_label_sets.py"))
    given = config.train_dataloader.dataset
    given.update(data_root=scenes_root, pipeline=LOAD, **SCENES)
    dataset = DATASETS.build(given)
    assert [target.name for target in dataset.targets()] == [
        "semseg", "depth", "mobility", "boundary",
    ]  # fmt: skip
    mobility = dataset.targets()[2]
    assert mobility.classes == ("fixed", "vehicle", "person") and len(mobility.palette) == 3
    seen = set()
    for sample in dataset:
        labels, coarse = sample["gt_seg_map"], sample["gt_mobility_map"]
        people = np.isin(labels, (Label.PERSON, Label.RIDER))
        vehicles = (labels >= Label.CAR) & (labels != Label.VOID)
        expected = np.select([labels == Label.VOID, people, vehicles], [255, 2, 1], 0)
        assert np.array_equal(coarse, expected)
        seen |= {*np.unique(coarse).tolist()}
    assert seen >= {0, 1, 2}


def test_a_format_of_ones_own_replaces_the_scenes_own(scenes_root):
    near = dict(format=dict(type="DepthFormat", scale=0.01))
    twice = scenes(scenes_root, dict(depth=near))[0]["gt_depth_map"]
    once = scenes(scenes_root, dict(depth={}))[0]["gt_depth_map"]
    np.testing.assert_allclose(twice, 2 * once, rtol=1e-6)


def test_unknown_targets_are_refused(scenes_root):
    with pytest.raises(ConfigError, match=r"StreetScenesDataset.*boundry.*boundary"):
        scenes(scenes_root, ("semseg", "boundry"))
