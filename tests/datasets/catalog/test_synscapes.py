"""Synscapes and Miniscapes: floats of OpenEXR, 8 bits of disparity, splits."""

import os
import sys

import numpy as np
import pytest

from mtl_plugins.config import build_dataset, load_config
from mtl_plugins.datasets import SynscapesMultiTask
from mtl_plugins.datasets.files import read_map
from mtl_plugins.errors import ConfigError, DataError
from tests.conftest import ROOT
from tests.datasets.layouts import write_miniscapes, write_synscapes

PIPELINE = [dict(type="LoadImage"), dict(type="LoadTargets")]


def build(root, **kwargs):
    return SynscapesMultiTask(
        data_root=str(root), pipeline=PIPELINE, serialize_data=False, **kwargs
    )


def test_classes_and_metres(tmp_path):
    write_synscapes(str(tmp_path), numbers=(2, 10, 1, 24501))
    dataset = build(tmp_path)
    names = [os.path.basename(entry["img_path"]) for entry in dataset.load_data_list()]
    assert names == ["1.png", "2.png", "10.png"]
    sample = dataset[0]
    # Road, sky and unlabeled; from 1000 m on is the sky.
    assert sample["gt_seg_map"][0, :3].tolist() == [0, 10, 255]
    assert sample["gt_depth_map"][0, :3].tolist() == [12.5, 0, 999]
    assert len(build(tmp_path, split="val")) == 1


def test_images_without_targets_and_other_splits(tmp_path):
    write_synscapes(str(tmp_path))
    prefix = dict(img_path="img/rgb")
    assert build(tmp_path, data_prefix=prefix, test_mode=True)[0]["seg_fields"] == []
    with pytest.raises(ConfigError, match="'train' or 'val'"):
        build(tmp_path, split="test")
    (tmp_path / "mine.txt").write_text("24502\n")
    assert len(build(tmp_path, ann_file="mine.txt")) == 1


def test_missing_scenes_and_files_are_named(tmp_path):
    write_synscapes(str(tmp_path), numbers=(1, 2))
    with pytest.raises(DataError, match="24501 to 25000"):
        build(tmp_path, split="val")
    (tmp_path / "img/depth/2.exr").unlink()
    with pytest.raises(DataError, match=r"depth/2\.exr"):
        build(tmp_path)


@pytest.mark.parametrize("keep", [0, 40, 150, -8])
def test_a_truncated_exr_file_is_named(tmp_path, keep):
    write_synscapes(str(tmp_path), numbers=(1,))
    path = tmp_path / "img/depth/1.exr"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(DataError, match=r"depth/1\.exr cannot be read as OpenEXR"):
        build(tmp_path)[0]


def test_the_channel_of_depth(tmp_path):
    OpenEXR = pytest.importorskip("OpenEXR")
    path = str(tmp_path / "a.exr")
    ones = np.ones((2, 3), np.float32)
    OpenEXR.File({}, {"Z": 4 * ones, "A": ones}).write(path)
    assert (read_map(path) == 4).all()
    OpenEXR.File({}, {"V": 5 * ones}).write(path)
    assert (read_map(path) == 5).all()
    OpenEXR.File({}, {"R": ones, "G": ones}).write(path)
    with pytest.raises(DataError, match=r"a\.exr has the channels \['G', 'R'\]"):
        read_map(path)


def test_missing_openexr_names_what_to_install(tmp_path, monkeypatch):
    write_synscapes(str(tmp_path), numbers=(1,))
    monkeypatch.setitem(sys.modules, "OpenEXR", None)
    with pytest.raises(ImportError, match=r"1\.exr .* pip install \"mtl_plugins\[data\]\""):
        build(tmp_path)[0]


def test_miniscapes(tmp_path, monkeypatch):
    write_miniscapes(str(tmp_path))
    monkeypatch.setenv("MINISCAPES_ROOT", str(tmp_path))
    config = load_config(os.path.join(ROOT, "configs", "miniscapes", "branched_resnet34.py"))
    config.val_dataloader.dataset.pipeline = PIPELINE
    dataset = build_dataset(config, "val")
    assert len(dataset) == 2 and dataset.unpaired_files() == []
    sample = dataset[1]
    assert sample["gt_seg_map"][0, :3].tolist() == [0, 13, 255]
    np.testing.assert_allclose(sample["gt_depth_map"][0, :3], [0, 300, 4], rtol=1e-6)
    config.val_dataloader.dataset.data_prefix = dict(img_path="test/rgb")
    assert build_dataset(config, "val")[0]["seg_fields"] == []
