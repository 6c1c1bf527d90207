"""The maps of a sample: their targets, and their small files."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mtl_plugins.errors import DataError
from mtl_plugins.targets import DEPTH, NORMALS, Target
from mtl_plugins.visualization import TaskMaps, load_maps, sample_maps, save_maps

CLASSES = ["road", "car", "sky"]
PALETTE = [(128, 64, 128), (0, 0, 142), (70, 130, 180)]
LABELS = Target("semseg", "classes", classes=tuple(CLASSES), palette=tuple(PALETTE))
MASK = Target("edges", "binary")
HEIGHT = Target("height", "scalar", unit="m", range=(-5, 50))
FLOW = Target("flow", "offset")


def test_maps_of_wrong_shape_are_refused():
    labels = np.zeros((4, 5), int)
    for arguments, match in (
        ((LABELS, labels, labels[1:]), "one shape H,W"),
        ((LABELS,), "one shape"),
        ((NORMALS, labels), "one shape H,W,3"),
        ((FLOW, labels), "maps of flow .* one shape H,W,2"),
        ((DEPTH, np.zeros((4, 5, 3))), "one shape H,W"),
    ):
        with pytest.raises(ValueError, match=match):
            TaskMaps(*arguments)


def test_saved_maps_of_every_type_are_read_again(tmp_path):
    wide = Target("parts", "classes", classes=tuple(map(str, range(300))))
    flow = np.random.default_rng(0).normal(size=(3, 4, 2)).astype(np.float32)
    flow[0, 0] = np.nan
    heights = np.float32([[70000.0, np.nan, -3.0, 0.0]] * 3)
    ids = np.array([[299, 255, 65535, 0]] * 3)
    masks = np.array([[0, 1, 255, 1]] * 3, np.uint8)
    values = {wide: ids, MASK: masks, HEIGHT: heights, FLOW: flow}
    saved = [TaskMaps(target, array, array) for target, array in values.items()]
    save_maps(tmp_path / "a", np.zeros((9, 9, 3), np.uint8), saved)
    targets = {target.name: target for target in values}
    found = load_maps(tmp_path / "a", targets)
    assert list(found) == list(targets)
    for target, array in values.items():
        maps = found[target.name]
        assert maps.target is target and np.array_equal(maps.truth, maps.prediction, equal_nan=True)
        np.testing.assert_allclose(maps.truth, array, rtol=1e-3)
        assert not target.integer or (maps.truth == array).all()


def test_saved_maps_are_subsampled_and_keep_class_ids(tmp_path):
    labels = np.arange(8)[None] * 1000 + np.zeros((4, 1), int)
    depth = np.tile(np.float32([1e9, 2, 3, 4, 5, 6, 7, 8]), (4, 1))
    saved = [TaskMaps(LABELS, labels, labels % 3), TaskMaps(DEPTH, depth)]
    save_maps(tmp_path / "a.b" / "c.d", np.zeros((9, 9, 3), np.uint8), saved, longest=4)
    found = load_maps(tmp_path / "a.b" / "c.d")
    assert found["semseg"].prediction.tolist() == [[1000, 3000, 5000, 7000]] * 2
    assert found["semseg"].truth.tolist() == [[1, 0, 2, 1]] * 2
    assert found["depth"].prediction.tolist() == [[2, 4, 6, 8]] * 2
    assert found["depth"].truth is None
    with pytest.raises(DataError, match=r"d\.npz .*maps of 'depth', but only \['semseg'\]"):
        load_maps(tmp_path / "a.b" / "c.d", dict(semseg=LABELS))
    (tmp_path / "e.npz").write_bytes(b"PK")
    with pytest.raises(ValueError, match=r"e\.npz cannot be read"):
        load_maps(tmp_path / "e")


def sample_of(arrays, **meta):
    sample = SegDataSample(metainfo=meta)
    for key, array in arrays.items():
        sample.set_data({key: PixelData(data=torch.as_tensor(array).reshape(-1, 2, 2))})
    return sample


def test_a_sample_knows_its_targets():
    """Two tasks learn one label set, of which only the data set knows the names."""
    lanes = Target("lanes", "classes", classes=("none", "solid"))
    bare = Target("lanes", "classes")
    zeros, ones = torch.zeros(4, dtype=torch.int64), torch.ones(4, dtype=torch.int64)
    arrays = dict(gt_lanes_map=zeros, pred_lanes_map=ones, pred_second_map=zeros)
    arrays |= dict(pred_depth_map=torch.ones(4), gt_flow_map=torch.ones(8))
    predicted = [bare, bare.learned_by("second"), DEPTH, HEIGHT]
    sample = sample_of(arrays, targets=[lanes, FLOW], predicted=predicted)
    found = sample_maps(sample)
    assert [maps.target for maps in found] == [DEPTH, lanes, lanes.learned_by("second")]
    assert [maps.truth is None for maps in found] == [True, False, False]
    assert found[1].prediction.tolist() == [[1, 1], [1, 1]] and found[2].prediction.sum() == 0
    truths = sample_maps(sample, truth_only=True)
    assert [maps.target for maps in truths] == [lanes, FLOW]
    assert truths[1].truth.shape == (2, 2, 2) and truths[1].prediction is None
    # A network that knows more of its target than the data set does.
    sample = sample_of(arrays, targets=[bare], predicted=[lanes])
    assert sample_maps(sample)[0].target == lanes


def test_a_sample_without_targets_has_predefined_ones():
    ones = torch.ones(4)
    arrays = dict(pred_sem_seg=ones, gt_depth_map=ones, pred_depth_map=ones)
    meta = dict(classes=CLASSES, palette=PALETTE, depth_unit="relative")
    relative = Target("depth", "scalar", unit="relative", distance=True)
    # A test set that loads no truth still describes the classes.
    for given in (meta, dict(meta, targets={})):
        sample = sample_of(arrays)
        assert [maps.target for maps in sample_maps(sample, given)] == [LABELS, relative]
        assert [maps.target for maps in sample_maps(sample, given, truth_only=True)] == [relative]
    assert [maps.target.name for maps in sample_maps(sample_of(arrays))] == ["semseg", "depth"]
