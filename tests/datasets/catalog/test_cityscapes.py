"""Cityscapes: its layout, its two sets of classes, metres by each file's own camera."""

import json

import numpy as np
import pytest

from mtl_plugins.datasets import CityscapesMultiTask
from mtl_plugins.datasets.catalog.cityscapes import CATEGORY_IDS, TRAIN_IDS
from mtl_plugins.errors import ConfigError, DataError
from tests.datasets.layouts import write_cityscapes

PIPELINE = [dict(type="LoadImage"), dict(type="LoadTargets")]
CAMERA = "camera/train/aachen/aachen_000000_000000_camera.json"


@pytest.fixture
def root(tmp_path):
    write_cityscapes(str(tmp_path))
    return tmp_path


def build(root, **kwargs):
    return CityscapesMultiTask(
        data_root=str(root), pipeline=PIPELINE, serialize_data=False, **kwargs
    )


def test_classes_and_metres(root):
    dataset = build(root)
    assert len(dataset) == 2 and len(dataset.metainfo["classes"]) == 19
    sample = dataset[0]
    assert sample["gt_seg_map"][0, :3].tolist() == [0, 13, 255]
    # Raw 257 and 5121 are 1 and 20 pixels: 0.2 m * 2000 px / disparity.
    np.testing.assert_allclose(sample["gt_depth_map"][0, :4], [0, 0, 400, 20], rtol=1e-6)


def test_seven_categories(root):
    dataset = build(root, split="val", num_classes=7)
    assert len(dataset.metainfo["palette"]) == len(dataset.metainfo["classes"]) == 7
    assert dataset[1]["gt_seg_map"][0, :3].tolist() == [0, 6, 255]


def test_every_label_has_a_class():
    assert sorted(set(TRAIN_IDS.values())) == [*range(19), 255]
    assert sorted(set(CATEGORY_IDS.values())) == [*range(7), 255]
    assert set(TRAIN_IDS) == set(CATEGORY_IDS) == {-1, *range(34), 255}
    assert [CATEGORY_IDS[k] for k in (6, 7, 10, 11, 16, 17, 20, 22, 23, 25, 33)] == [
        255, 0, 0, 1, 1, 2, 2, 3, 4, 5, 6]  # fmt: skip


def test_edges_and_centres_are_those_of_objects(root):
    dataset = build(root, targets=dict(edges={}, centres={}))
    assert [target.name for target in dataset.targets()] == ["semseg", "depth", "edges", "centres"]
    sample = dataset[0]
    # Road, two cars, and static things, which have no class.
    for row in sample["gt_edges_map"]:
        assert row.tolist() == [0, 1, 1, 0, 1, 1, 255, 255]
    offsets = sample["gt_centres_map"]
    assert np.isnan(offsets[:, [0, 1, 6, 7]]).all()
    assert offsets[:, 2:6, 0].tolist() == [[1, 0, -1, 0]] * 4
    assert (offsets[:, 2:6, 1] == np.array([1.5, 0.5, -0.5, -1.5])[:, None]).all()
    only = build(root, targets=dict(edges={}), data_prefix=dict(img_path="leftImg8bit/train"))
    assert [target.name for target in only.targets()] == ["edges"]
    with pytest.raises(ConfigError, match=r"CityscapesMultiTask.*'egdes'.*folder.*edges"):
        build(root, targets=dict(egdes={}))


def test_depth_that_the_config_describes_is_read_so(root):
    raw = np.array([0, 0, 257, 5121])
    for given in (dict(depth_format=dict(scale=0.01)), dict(targets=dict(depth=dict(scale=0.01)))):
        depth = build(root, **given)[0]["gt_depth_map"][0]
        np.testing.assert_allclose(depth[2:4], raw[2:] * 0.01, rtol=1e-6)
    with pytest.raises(ConfigError, match=r"targets\.depth\.range=\(1, 80\).*MultiTaskMetric"):
        build(root, targets=dict(depth=dict(range=(1, 80))))


def test_test_split_has_no_targets(root):
    dataset = build(root, split="test", test_mode=True)
    assert dataset.targets() == [] and len(dataset) == 1
    assert dataset[0]["seg_fields"] == []


def test_every_file_is_decoded_by_its_own_camera_and_cameras_are_shared(root):
    camera = dict(extrinsic=dict(baseline=0.1), intrinsic=dict(fx=2000.0))
    dataset = build(root)
    paths = [info["depth_map_path"] for info in dataset.load_data_list()]
    decode = dataset.formats["depth"]
    assert decode.for_file(paths[0]) is decode.for_file(paths[1])
    (root / CAMERA).write_text(json.dumps(camera))
    assert dataset[0]["gt_depth_map"][0, 3] == pytest.approx(10)
    assert dataset[1]["gt_depth_map"][0, 3] == pytest.approx(20)


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "3"]
    + [
        f'{{"extrinsic": {{"baseline": {baseline}}}, "intrinsic": {{"fx": {fx}}}}}'
        for baseline, fx in [(0, 9), (1, "NaN"), ("1e-200", 9), (1, "1" + "0" * 400), ('"', 9)]
    ],
    ids=lambda text: text[:50],
)
def test_a_damaged_camera_is_named(root, text):
    (root / CAMERA).write_text(text)
    with pytest.raises(DataError, match=r"aachen_000000_000000_camera\.json"):
        build(root)[0]


def test_a_missing_camera_is_named(root):
    (root / CAMERA).unlink()
    with pytest.raises(DataError, match=r"aachen_000000_000000_camera.json does not exist"):
        build(root)[0]


@pytest.mark.parametrize("kwargs", [dict(split="training"), dict(num_classes=8)])
def test_other_splits_and_classes_are_refused(root, kwargs):
    with pytest.raises(ConfigError, match="expected"):
        build(root, **kwargs)
