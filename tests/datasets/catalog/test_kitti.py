"""KITTI depth: images paired with the depth of their drive, metres / 256."""

import numpy as np
import pytest

from mtl_plugins.datasets import KittiMultiTask
from mtl_plugins.errors import DataError
from tests.datasets.layouts import write_kitti

PIPELINE = [dict(type="LoadImage"), dict(type="LoadTargets")]


def build(root, **kwargs):
    return KittiMultiTask(data_root=str(root), pipeline=PIPELINE, serialize_data=False, **kwargs)


def test_pairs_and_metres(tmp_path):
    write_kitti(str(tmp_path))
    dataset = build(tmp_path, split="val")
    assert [info["img_path"][-39:] for info in dataset.load_data_list()] == [
        f"drive_0002_sync/image_02/data/{n:010d}.png"[-39:] for n in (5, 6)
    ]
    assert dataset.unpaired_files() == []
    np.testing.assert_allclose(dataset[0]["gt_depth_map"][0, :3], [0, 1, 10.5])


def test_images_without_depth(tmp_path):
    write_kitti(str(tmp_path))
    dataset = build(tmp_path, data_prefix=dict(img_path="raw"), test_mode=True)
    assert len(dataset) == 6 and dataset[0]["seg_fields"] == []


def test_a_missing_image_and_missing_depth_are_named(tmp_path):
    write_kitti(str(tmp_path))
    [image] = (tmp_path / "raw").rglob("*_0001_sync/image_02/data/0000000005.png")
    image.unlink()
    with pytest.raises(DataError, match=r"0000000005\.png"):
        build(tmp_path)
    with pytest.raises(DataError, match="image_03"):
        build(tmp_path, camera="image_03")
