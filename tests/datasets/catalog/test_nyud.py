"""NYUD-v2 of multi-task papers: four targets, both sizes, edges from files or from labels."""

import os

import numpy as np
import pytest
from mmseg.registry import DATASETS

from mtl_plugins.config import build_dataset, load_config
from mtl_plugins.datasets import NYUDMultiTask, pack_dataset
from mtl_plugins.errors import ConfigError, DataError
from tests.conftest import ROOT
from tests.datasets.layouts import write_nyud

LOAD = [dict(type="LoadImage"), dict(type="LoadTargets")]


def build(root, **kwargs):
    return NYUDMultiTask(
        data_root=str(root), **{**dict(pipeline=LOAD, serialize_data=False), **kwargs}
    )


def test_four_targets(tmp_path):
    write_nyud(str(tmp_path))
    dataset = build(tmp_path)
    assert len(dataset) == 2 and len(dataset.metainfo["classes"]) == 40
    assert [target.name for target in dataset.targets()] == ["semseg", "depth", "normals", "edges"]
    sample = dataset[0]
    # Wall, unlabelled, other prop.
    assert sample["gt_seg_map"][0, [3, 4, 5]].tolist() == [0, 255, 39]
    np.testing.assert_allclose(sample["gt_depth_map"][0, :3], [0, 0.713, 9.995])
    np.testing.assert_allclose(sample["gt_normal_map"][0, :2], [[0, 0, 0], [0.6, 0, -0.8]])
    assert sample["gt_edges_map"][0, :4].tolist() == [0, 1, 0, 0]
    names = [os.path.basename(e["img_path"]) for e in build(tmp_path, split="val").load_data_list()]
    assert names == ["0001.png", "0002.png"]
    with pytest.raises(ConfigError, match="'train' or 'val'"):
        build(tmp_path, split="test")


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.float32])
def test_photographs_and_edges_as_arrays(tmp_path, dtype):
    write_nyud(str(tmp_path), suffix=".jpg")
    expected = build(tmp_path)[1]["gt_edges_map"]
    for picture in (tmp_path / "edge").iterdir():
        np.save(picture.with_suffix(".npy"), expected.astype(dtype))
        picture.unlink()
    assert np.array_equal(build(tmp_path)[1]["gt_edges_map"], expected)


def test_without_files_edges_are_the_borders_of_the_labels(tmp_path):
    write_nyud(str(tmp_path), edges=False)
    dataset = build(tmp_path)
    edges = dataset[0]["gt_edges_map"]
    # The strip of one pixel without a class is one line.
    assert edges[2:-2].tolist() == [[0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]] * 4
    folder = str(tmp_path / "packed")
    source = dict(type="NYUDMultiTask", data_root=str(tmp_path))
    assert pack_dataset(build(tmp_path, pipeline=[]), folder, source) == []
    packed = DATASETS.build(dict(type="PackedDataset", data_root=folder, pipeline=LOAD))
    for found, expected in zip(packed, dataset, strict=True):
        for target in dataset.targets():
            assert np.array_equal(found[target.array], expected[target.array]), target.name


def test_missing_files_and_other_classes_are_named(tmp_path):
    write_nyud(str(tmp_path))
    (tmp_path / "normals/0004.npy").unlink()
    with pytest.raises(DataError, match=r"1 of 2 normals files are missing: .*normals/0004\.npy"):
        build(tmp_path)
    np.save(tmp_path / "depth/0003.npy", np.full((8, 12), -1.0))
    with pytest.raises(DataError, match=r"depth/0003\.npy has 96 depth values that are negative"):
        build(tmp_path, targets=("depth",))[0]


@pytest.mark.parametrize(
    ("name", "file", "trained"),
    [
        ("mtl_resnet50", (425, 560), (448, 576)),
        ("mtl_resnet50_480x640", (480, 640), (480, 640)),
    ],
)
def test_the_shipped_sizes(tmp_path, monkeypatch, name, file, trained):
    write_nyud(str(tmp_path), file)
    monkeypatch.setenv("NYUD_ROOT", str(tmp_path))
    config = load_config(os.path.join(ROOT, "configs", "nyud", f"{name}.py"))
    sample = build_dataset(config, "train")[0]
    assert sample["inputs"].shape == (3, *trained)
    keys = ("gt_sem_seg", "gt_depth_map", "gt_normal_map", "gt_edges_map")
    assert {tuple(sample["data_samples"].get(key).shape) for key in keys} == {trained}
    # Predictions have the size of the files, and are measured there.
    assert build_dataset(config, "val")[0]["data_samples"].ori_shape == file
