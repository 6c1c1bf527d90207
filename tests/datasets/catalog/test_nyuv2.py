"""NYUv2: conversion of the .mat file, 40 and 13 classes, millimetres, the evaluation window."""

import os
import runpy
import sys

import h5py
import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from mtl_plugins.config import build_dataset, load_config
from mtl_plugins.datasets import NYUv2MultiTask
from mtl_plugins.datasets.catalog import convert_nyuv2
from mtl_plugins.datasets.catalog.nyuv2 import NAMES_13, NAMES_40, TO_13
from mtl_plugins.errors import ConfigError, DataError
from tests.conftest import ROOT
from tests.datasets.layouts import picture, write_nyuv2, write_nyuv2_mat

PIPELINE = [dict(type="LoadImage"), dict(type="LoadTargets")]


@pytest.fixture
def mat(tmp_path):
    write_nyuv2_mat(str(tmp_path / "mat"))
    return tmp_path / "mat"


def convert(mat, root):
    files = ("nyu_depth_v2_labeled.mat", "splits.mat", "classMapping40.mat")
    return convert_nyuv2(*(str(mat / name) for name in files), str(root))


def build(root, **kwargs):
    return NYUv2MultiTask(data_root=str(root), pipeline=PIPELINE, serialize_data=False, **kwargs)


def test_the_converted_mat_file_is_read_by_the_data_set(mat, tmp_path):
    assert convert(mat, tmp_path / "out") == dict(train=2, test=2)
    dataset = build(tmp_path / "out", split="test")
    assert len(dataset) == 2 and dataset.unpaired_files() == []
    sample = dataset[1]
    assert np.array_equal(sample["img"][..., ::-1], picture((6, 8), 2)), "upright, in colour"
    # Label 0; 1 -> class 1; 894 -> 893 % 40 + 1 = 14; 2 -> class 2: ids are one less.
    assert sample["gt_seg_map"][0, :4].tolist() == [255, 0, 13, 1]
    np.testing.assert_allclose(sample["gt_depth_map"][0, :2], [0.713, 9.995], rtol=1e-6)
    assert not list((tmp_path / "out").rglob("*.tmp"))


def test_conversion_goes_on_where_it_was_stopped(mat, tmp_path):
    convert(mat, tmp_path / "out")
    kept, lost = (tmp_path / f"out/rgb/train/{number:04d}.png" for number in (3, 4))
    first = lost.read_bytes()
    kept.write_bytes(b"kept as it is")
    lost.unlink()
    convert(mat, tmp_path / "out")
    assert kept.read_bytes() == b"kept as it is" and lost.read_bytes() == first


@pytest.mark.parametrize("name", ["0001.jpg", "mine.png", "9999.png"])
def test_files_of_others_are_not_mixed_in(mat, tmp_path, name):
    path = tmp_path / "out" / "rgb" / "test" / name
    path.parent.mkdir(parents=True)
    path.write_bytes(b"mine")
    with pytest.raises(DataError, match=r"holds other files .*Choose another folder"):
        convert(mat, tmp_path / "out")
    assert [path] == [each for each in (tmp_path / "out").rglob("*") if each.is_file()]


@pytest.mark.parametrize("name", ["nyu_depth_v2_labeled.mat", "splits.mat", "classMapping40.mat"])
def test_missing_and_damaged_files_are_named_with_where_to_get_them(mat, tmp_path, name):
    path = mat / name
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(DataError, match=rf"{name} .*http"):
        convert(mat, tmp_path / "out")
    path.unlink()
    with pytest.raises(DataError, match=rf"{name} .*http"):
        convert(mat, tmp_path / "out")


def test_files_of_other_contents_are_refused(mat, tmp_path):
    savemat(mat / "splits.mat", dict(trainNdxs=[[1]], testNdxs=[[9]]))
    with pytest.raises(DataError, match="the splits name scene 9"):
        convert(mat, tmp_path / "out")
    savemat(mat / "splits.mat", dict(trainNdxs=[[1]], testNdxs=[[1]]))
    with pytest.raises(DataError, match="share no scene"):
        convert(mat, tmp_path / "out")
    savemat(mat / "classMapping40.mat", dict(mapClass=[[1, 2]]))
    with pytest.raises(DataError, match="894 classes"):
        convert(mat, tmp_path / "out")


def test_labels_and_depths_out_of_range_are_refused(mat, tmp_path):
    with h5py.File(mat / "nyu_depth_v2_labeled.mat", "r+") as file:
        file["depths"][2] = -1
    with pytest.raises(DataError, match=r"Scene 3 .* depths from -1\.0"):
        convert(mat, tmp_path / "out")


def test_the_command_finds_the_small_files_beside_the_large_one(mat, tmp_path, monkeypatch, capsys):
    tools, out = os.path.join(ROOT, "tools"), str(tmp_path / "out")
    monkeypatch.syspath_prepend(tools)
    monkeypatch.setattr(sys, "argv", ["", str(mat / "nyu_depth_v2_labeled.mat"), out])
    command = runpy.run_path(os.path.join(tools, "convert_nyuv2.py"))["main"]
    command()
    assert f"{out}: 2 scenes to train, 2 to test." in capsys.readouterr().out
    (mat / "splits.mat").unlink()
    with pytest.raises(SystemExit):
        command()
    assert "splits.mat does not exist. Get it from http" in capsys.readouterr().err


def test_forty_and_thirteen_classes(tmp_path):
    write_nyuv2(str(tmp_path), (4, 8))
    forty, thirteen = build(tmp_path), build(tmp_path, num_classes=13)
    # Wall, bed, unlabelled, other prop.
    assert forty[0]["gt_seg_map"][0, :4].tolist() == [0, 3, 255, 39]
    names = [thirteen.metainfo["classes"][i] for i in thirteen[0]["gt_seg_map"][0, [0, 1, 3]]]
    assert names == ["wall", "bed", "objects"] and thirteen[0]["gt_seg_map"][0, 2] == 255
    np.testing.assert_allclose(forty[0]["gt_depth_map"][0, :4], [0, 0.713, 9.995, 2], rtol=1e-6)
    with pytest.raises(ConfigError, match="40 or 13"):
        build(tmp_path, num_classes=37)


def test_classes_of_the_same_name_are_the_same_in_both_sets():
    pairs = {name: NAMES_13[to - 1] for name, to in zip(NAMES_40, TO_13, strict=True)}
    assert set(pairs.values()) == set(NAMES_13)
    for name in set(NAMES_40) & set(NAMES_13):
        assert pairs[name] == name
    assert pairs["television"] == "tv" and pairs["blinds"] == "window"


def test_images_without_targets_and_missing_files(tmp_path):
    write_nyuv2(str(tmp_path), (4, 8))
    prefix = dict(img_path="rgb/test")
    assert build(tmp_path, data_prefix=prefix, test_mode=True)[0]["seg_fields"] == []
    (tmp_path / "depth/train/0003.png").unlink()
    with pytest.raises(DataError, match=r"depth/train/0003\.png"):
        build(tmp_path)
    Image.fromarray(np.full((4, 8), 41, np.uint8)).save(tmp_path / "label40/test/0001.png")
    with pytest.raises(DataError, match=r"label40/test/0001\.png .* 41 \(32 pixels\)"):
        build(tmp_path, split="test")[0]


def test_the_shipped_protocols(tmp_path, monkeypatch):
    write_nyuv2(str(tmp_path))
    monkeypatch.setenv("NYUV2_ROOT", str(tmp_path))
    config = load_config(os.path.join(ROOT, "configs", "nyuv2", "branched_resnet50.py"))
    sample = build_dataset(config, "val")[0]["data_samples"]
    for counted in (sample.gt_depth_map.data[0] > 0, sample.gt_sem_seg.data[0] != 255):
        # A quarter of the pixels has no depth, another one no class.
        assert counted[45:471, 41:601].float().mean() == 0.75
        assert counted.sum() == counted[45:471, 41:601].sum()
    config = load_config(os.path.join(ROOT, "configs", "nyuv2", "mtan_resnet50.py"))
    sample = build_dataset(config, "val")[0]["data_samples"]
    assert sample.ori_shape == (288, 384) and sample.gt_depth_map.shape == (288, 384)
