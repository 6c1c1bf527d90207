"""SHIFT: 24 bits to metres, the class in the red channel, a test split without targets."""

import numpy as np
import pytest
from PIL import Image

from mtl_plugins.datasets import ShiftMultiTask
from mtl_plugins.errors import ConfigError, DataError
from tests.datasets.layouts import write_shift

PIPELINE = [dict(type="LoadImage"), dict(type="LoadTargets")]
FOLDER = "discrete/images/train/front"


@pytest.fixture
def root(tmp_path):
    write_shift(str(tmp_path))
    return tmp_path


def build(root, **kwargs):
    return ShiftMultiTask(data_root=str(root), pipeline=PIPELINE, serialize_data=False, **kwargs)


def test_classes_and_metres(root):
    dataset = build(root)
    assert len(dataset) == 2 and dataset.unpaired_files() == []
    sample = dataset[1]
    classes = dataset.metainfo["classes"]
    assert len(classes) == 14
    # Road, sky, and "other", which is not counted.
    road, sky = classes.index("road"), classes.index("sky")
    assert sample["gt_seg_map"][0, :3].tolist() == [road, sky, 255]
    # 2^16 and 2^8 of 2^24 - 1 steps of 1000 m; the last step is the sky.
    expected = [0, 65536e3 / 16777215, 256e3 / 16777215, 0]
    np.testing.assert_allclose(sample["gt_depth_map"][0, :4], expected, rtol=1e-6)


def test_labels_in_one_channel_and_depth_without_alpha(root):
    labels = root / f"{FOLDER}/semseg/007b-4e72/00000000_semseg_front.png"
    depth = root / f"{FOLDER}/depth/007b-4e72/00000000_depth_front.png"
    before = build(root)[0]
    Image.open(labels).getchannel("R").save(labels)
    Image.open(depth).convert("RGB").save(depth)
    after = build(root)[0]
    for key in ("gt_seg_map", "gt_depth_map"):
        assert np.array_equal(before[key], after[key])


def test_the_test_split_has_no_targets(root):
    dataset = build(root, split="test", test_mode=True)
    assert dataset.targets() == [] and dataset[0]["seg_fields"] == []
    with pytest.raises(ConfigError, match="'train', 'val' or 'test'"):
        build(root, split="minival")


def test_missing_files_and_unknown_classes_are_named(root):
    labels = root / f"{FOLDER}/semseg/007b-4e72/00000010_semseg_front.png"
    Image.fromarray(np.full((4, 8), 23, np.uint8)).save(labels)
    with pytest.raises(DataError, match=r"00000010_semseg_front\.png .* 23 \(32 pixels\)"):
        build(root)[1]
    labels.unlink()
    with pytest.raises(DataError, match=r"00000010_semseg_front\.png"):
        build(root)
    with pytest.raises(DataError, match="train/left_45/img does not exist"):
        build(root, view="left_45")
