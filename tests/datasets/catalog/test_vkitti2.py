"""Virtual KITTI 2: colours to classes, centimetres to metres, splits by scene."""

import numpy as np
import pytest

from mtl_plugins.datasets import VirtualKitti2MultiTask
from mtl_plugins.errors import DataError
from tests.datasets.layouts import write_vkitti2

PIPELINE = [dict(type="LoadImage"), dict(type="LoadTargets")]


def build(root, **kwargs):
    write_vkitti2(str(root))
    return VirtualKitti2MultiTask(
        data_root=str(root), pipeline=PIPELINE, serialize_data=False, **kwargs
    )


def test_classes_and_metres(tmp_path):
    dataset = build(tmp_path, scenes=("Scene02", "Scene18"))
    assert len(dataset) == 4
    assert {info["img_path"].split("/")[-6] for info in dataset.load_data_list()} == {
        "Scene02", "Scene18"}  # fmt: skip
    assert dataset.unpaired_files() == []
    sample = dataset[3]
    # Road, Car and Undefined; black sky and far pixels are not measured.
    assert sample["gt_seg_map"][0, :3].tolist() == [5, 12, 255]
    np.testing.assert_allclose(sample["gt_depth_map"][0, :3], [0, 12.5, 0])


def test_images_without_targets(tmp_path):
    dataset = build(tmp_path, data_prefix=dict(img_path="."), test_mode=True)
    assert len(dataset) == 10 and dataset[0]["seg_fields"] == []


def test_a_missing_scene_is_named(tmp_path):
    with pytest.raises(DataError, match="Scene07"):
        build(tmp_path, scenes=("Scene07",))


def test_a_missing_file_is_named(tmp_path):
    write_vkitti2(str(tmp_path))
    depth = "Scene01/clone/frames/depth/Camera_0/depth_00001.png"
    (tmp_path / depth).unlink()
    with pytest.raises(DataError, match=r"depth_00001\.png"):
        VirtualKitti2MultiTask(data_root=str(tmp_path), pipeline=PIPELINE)
