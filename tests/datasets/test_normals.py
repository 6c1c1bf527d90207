"""Normals: files, flips, resizing, packing, and transforms that are refused."""

import os

import numpy as np
import pytest
from mmseg.registry import DATASETS, TRANSFORMS
from PIL import Image

from mtl_plugins.datasets import NormalFormat
from mtl_plugins.errors import ConfigError, DataError
from mtl_plugins.street_scenes import render_scene
from tests.conftest import SCENES

LOAD = [dict(type="LoadImage"), dict(type="LoadTargets")]
ALL = ("semseg", "depth", "normals")


def scenes(root, pipeline=(), targets=ALL):
    return DATASETS.build(
        dict(
            type="StreetScenesDataset", data_root=root, split="train", targets=targets,
            pipeline=[*LOAD, *pipeline], **SCENES,
        )
    )  # fmt: skip


def flip(results, direction="horizontal"):
    return TRANSFORMS.build(dict(type="FlipTargets", prob=1.0, direction=direction))(results)


def hand_made():
    # The first row faces right and up, the second the camera and nowhere.
    normals = np.array([[[1, 0, 0], [0, -1, 0]], [[0.6, 0, -0.8], [0, 0, 0]]], np.float32)
    image = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    return dict(
        img=image, gt_normal_map=normals, gt_depth_map=np.array([[1.0, 2], [3, 4]], np.float32),
        seg_fields=["gt_normal_map", "gt_depth_map"], img_shape=(2, 2),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("direction", "normals", "depth"),
    [
        ("horizontal", [[[0, -1, 0], [-1, 0, 0]], [[0, 0, 0], [-0.6, 0, -0.8]]], [[2, 1], [4, 3]]),
        ("vertical", [[[0.6, 0, -0.8], [0, 0, 0]], [[1, 0, 0], [0, 1, 0]]], [[3, 4], [1, 2]]),
        ("diagonal", [[[0, 0, 0], [-0.6, 0, -0.8]], [[0, 1, 0], [-1, 0, 0]]], [[4, 3], [2, 1]]),
    ],
)
def test_flips_by_hand(direction, normals, depth):
    result = flip(hand_made(), direction)
    assert np.array_equal(result["gt_normal_map"], np.array(normals, np.float32))
    assert np.array_equal(result["gt_depth_map"], depth)
    assert result["flip"] and result["flip_direction"] == direction
    twice = flip(result, direction)
    for key in ("img", "gt_normal_map", "gt_depth_map"):
        assert np.array_equal(twice[key], hand_made()[key])


def test_without_a_flip_nothing_changes():
    keep = TRANSFORMS.build(dict(type="FlipTargets", prob=0.0))
    assert np.array_equal(keep(hand_made())["gt_normal_map"], hand_made()["gt_normal_map"])


def test_mirrored_normals_are_those_of_the_mirrored_depth():
    """The reference are finite differences of the mirrored depth in the mirrored camera."""
    scene = render_scene(5, 2, (128, 256))
    results = flip(
        dict(
            img=scene.img, gt_depth_map=scene.depth, gt_normal_map=scene.normals,
            seg_fields=["gt_depth_map", "gt_normal_map"], img_shape=scene.depth.shape,
        )
    )  # fmt: skip
    depth, normals = results["gt_depth_map"], results["gt_normal_map"]
    rays = scene.camera.rays()[:, ::-1] * (-1, 1, 1)
    points = rays * depth[..., None]
    right, down = points[:-1, 1:] - points[:-1, :-1], points[1:, :-1] - points[:-1, :-1]
    measured = np.cross(down, right)
    measured /= np.maximum(np.linalg.norm(measured, axis=-1, keepdims=True), 1e-12)
    here = normals[:-1, :-1]
    change = np.abs(here - normals[:-1, 1:]) + np.abs(here - normals[1:, :-1])
    # Only slanted planes, where the sign of x matters.
    use = (change.sum(-1) < 1e-6) & (depth[:-1, :-1] > 0) & (depth[:-1, :-1] < 60)
    use &= np.abs(here[..., 0]) > 0.3
    assert use.sum() > 500
    unsigned = here * (-1, 1, 1)
    signed, wrong = ((measured * n).sum(-1)[use] for n in (here, unsigned))
    assert np.median(signed) > 0.999 and np.median(wrong) < 0.85
    assert (signed > 0.99).mean() > 0.9


def test_street_scenes_files_hold_the_renderers_normals(scenes_root):
    item = scenes(scenes_root)[1]
    truth = render_scene(SCENES["seed"], 1, SCENES["size"]).normals
    found = item["gt_normal_map"]
    valid = truth.any(-1)
    assert found.dtype == np.float32 and found.shape == (*SCENES["size"], 3)
    assert np.array_equal(found.any(-1), valid)
    assert np.array_equal(valid, item["gt_depth_map"] > 0)
    np.testing.assert_allclose(np.linalg.norm(found[valid], axis=-1), 1, atol=1e-6)
    angles = np.degrees(np.arccos(np.clip((found * truth).sum(-1)[valid], -1, 1)))
    assert angles.max() < 0.45 and angles.mean() < 0.25


def test_resizing_and_cropping_keep_unit_length(scenes_root):
    pipeline = [
        dict(type="Resize", scale=(200, 100), keep_ratio=True),
        dict(type="RandomCrop", crop_size=(80, 96)),
        dict(type="PackTargets"),
    ]
    sample = scenes(scenes_root, pipeline)[0]["data_samples"]
    normals, depth = sample.gt_normal_map.data, sample.gt_depth_map.data
    assert normals.shape == (3, 80, 96) and sample.gt_sem_seg.shape == (80, 96)
    lengths = normals.norm(dim=0)
    assert ((lengths - 1).abs() < 1e-6)[depth[0] > 0].all() and (lengths[depth[0] == 0] == 0).all()


def test_packing_keeps_each_component():
    results = dict(hand_made(), img_path="a.png", ori_shape=(2, 2))
    sample = TRANSFORMS.build(dict(type="PackTargets"))(results)["data_samples"]
    data = sample.gt_normal_map.data
    assert data[:, 1, 0].tolist() == pytest.approx([0.6, 0, -0.8])
    assert sample.gt_depth_map.data.tolist() == [[[1, 2], [3, 4]]]
    assert sample.img_path == "a.png" and "gt_sem_seg" not in sample


def test_formats_by_hand():
    raw = np.array([[[0, 128, 128], [128, 255, 128], [0, 0, 0], [128, 128, 128]]], np.uint8)
    normals = NormalFormat()(raw)
    expected = np.array([[[-1, 0, 0], [0, 1, 0], [0, 0, 0], [0, 0, 0]]])
    np.testing.assert_allclose(normals, expected, atol=0.004)
    opengl = NormalFormat(scale=1, offset=0, signs=(1, -1, -1))
    floats = np.array([[[0, 1.1, 0], [np.nan, 0, 1], [0, 0, 0]]], np.float32)
    assert opengl(floats).tolist() == [[[0, -1, 0], [0, 0, 0], [0, 0, 0]]]
    with pytest.raises(DataError, match="signs"):
        NormalFormat(signs=(1, 2, 1))


def test_a_folder_of_normals(tmp_path):
    for folder in ("rgb", "normal"):
        os.makedirs(tmp_path / folder)
    Image.fromarray(np.zeros((4, 6, 3), np.uint8)).save(tmp_path / "rgb" / "a.png")
    normals = np.zeros((4, 6, 3), np.float32)
    normals[..., 1] = 1
    np.save(tmp_path / "normal" / "a.npy", normals)
    config = dict(
        type="MultiTaskDataset", data_root=str(tmp_path), img_suffix=".png", pipeline=LOAD,
        data_prefix=dict(img_path="rgb", normal_map_path="normal"), normal_map_suffix=".npy",
        normal_format=dict(scale=1, offset=0, signs=(1, -1, -1)),
    )  # fmt: skip
    item = DATASETS.build(config)[0]
    assert (item["gt_normal_map"] == (0, -1, 0)).all()
    np.save(tmp_path / "normal" / "a.npy", normals[..., 0])
    with pytest.raises(DataError, match=r"a\.npy has shape \(4, 6\).*H, W, 3"):
        DATASETS.build(config)[0]
    with pytest.raises(ConfigError, match=r"normal_format.*sings"):
        DATASETS.build(dict(config, normal_format=dict(sings=(1, 1, 1))))


@pytest.mark.parametrize(
    ("transform", "instead"),
    [
        (dict(type="RandomFlip", prob=0.5), "FlipTargets"),
        (dict(type="RandomRotate", prob=1.0, degree=45), "RotateTargets"),
        (dict(type="PackSegInputs"), "PackTargets"),
    ],
    ids=["RandomFlip", "RandomRotate", "PackSegInputs"],
)
def test_transforms_that_break_normals_are_refused(scenes_root, transform, instead):
    with pytest.raises(ConfigError, match=f"{transform['type']}.*Use {instead} for"):
        scenes(scenes_root, [transform])
    assert len(scenes(scenes_root, [transform], targets=("semseg",))) == 6


def test_unknown_targets_are_refused(scenes_root):
    with pytest.raises(ConfigError, match="edges"):
        scenes(scenes_root, targets=("edges",))
