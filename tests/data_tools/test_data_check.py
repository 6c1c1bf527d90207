"""Checking data: every problem with its file, hand-counted statistics, nothing written."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil

import numpy as np
import pytest
from mmengine.config import Config
from mmseg.registry import DATASETS
from PIL import Image

from mtl_plugins.config import load_config, pack_config
from mtl_plugins.data_tools import check_data, measure_depth, report_data_check
from mtl_plugins.datasets import MultiTaskDataset, TargetFormat
from mtl_plugins.errors import ConfigError, DataError
from tests.commands import call
from tests.config.test_config import BRANCHED
from tests.conftest import ROOT
from tests.datasets.layouts import write_cityscapes, write_kitti, write_vkitti2

FOLDERS = dict(rgb="img", label="seg_map", depth="depth_map", normal="normal_map")
SIZE = (6, 8)
TRAIN, VAL = 5, 3


def save(path, array):
    os.makedirs(path.parent, exist_ok=True)
    Image.fromarray(array).save(path)


@pytest.fixture
def root(tmp_path):
    """Five samples to train on and three to validate with; all pixels are known."""
    folder, random = tmp_path / "data", np.random.default_rng(0)
    for split, count in (("train", TRAIN), ("val", VAL)):
        for index in range(count):
            label = np.zeros(SIZE, np.uint8)
            label[1:3], label[-1] = 1, 255
            depth = np.full(SIZE, 200 + index, np.uint16)
            depth[0] = 0
            normal = np.full((*SIZE, 3), (128, 0, 128), np.uint8)
            normal[:, 0] = 0
            arrays = dict(
                rgb=random.integers(0, 256, (*SIZE, 3)).astype(np.uint8),
                label=label, depth=depth, normal=normal,
            )  # fmt: skip
            for name, array in arrays.items():
                save(folder / name / split / f"{index}.png", array)
    return folder


def dataset(root, split, **options):
    prefix = {f"{path}_path": f"{folder}/{split}" for folder, path in FOLDERS.items()}
    return dict(
        type="MultiTaskDataset", data_root=str(root), img_suffix=".png", data_prefix=prefix,
        metainfo=dict(classes=("a", "b"), palette=[[200, 0, 0], [0, 0, 200]]),
        depth_format=dict(scale=0.01),
        pipeline=[dict(type="LoadImage"), dict(type="LoadTargets")], **options,
    )  # fmt: skip


def config_of(train, val=None):
    loaders = dict(train_dataloader=dict(dataset=train))
    if val:
        loaders.update(val_dataloader=dict(dataset=val), test_dataloader=dict(dataset=val))
    return Config(loaders, filename=None)


@pytest.fixture
def config(root):
    return config_of(dataset(root, "train"), dataset(root, "val"))


def state(folder):
    """Contents and times of all files and folders below a folder."""
    found = {}
    for base, _, files in os.walk(folder):
        found[base] = os.stat(base).st_mtime_ns
        for name in files:
            path = os.path.join(base, name)
            with open(path, "rb") as file:
                found[path] = (os.stat(path).st_mtime_ns, hashlib.md5(file.read()).digest())
    return found


def files(findings, root):
    return sorted(os.path.relpath(finding.file, root) for finding in findings)


def test_sound_data_is_counted(config, root):
    before = state(root)
    found = check_data(config)
    assert state(root) == before
    assert found.problems == found.warnings == []
    train, val = found.parts
    assert (train.name, train.splits, val.name, val.splits) == (
        "train", ["train"], "val", ["val", "test"],
    )  # fmt: skip
    counted = train.statistics
    assert counted.samples == TRAIN and counted.bad_samples == 0
    assert counted.sizes == {SIZE: TRAIN}
    # Of 6 rows three are class 0, two class 1 and one without a class, in every image.
    labels, normals = counted.tallies["semseg"], counted.tallies["normals"]
    assert labels.class_pixels.tolist() == [24 * TRAIN, 16 * TRAIN]
    assert (labels.valid_pixels, labels.pixels) == (40 * TRAIN, 48 * TRAIN)
    assert labels.class_images.tolist() == [TRAIN] * 2
    assert (normals.valid_pixels, normals.pixels) == (42 * TRAIN, 48 * TRAIN)
    maps = [np.repeat([[0.0], [2 + i / 100]], [1, 5], 0) for i in range(TRAIN)]
    expected = measure_depth(np.broadcast_to(depth, SIZE) for depth in maps)
    depth = counted.tallies["depth"].depth.statistics()
    assert depth.log_mean == pytest.approx(expected.log_mean)
    assert depth.log_std == pytest.approx(expected.log_std, rel=1e-4)
    assert (depth.valid_pixels, depth.pixels) == (40 * TRAIN, 48 * TRAIN)


def test_every_problem_is_reported_with_its_file_and_the_check_continues(config, root):
    # An image that is damaged does not hide that its label is too.
    for name in ("rgb/train/0.png", "label/train/0.png"):
        path = root / name
        path.write_bytes(path.read_bytes()[:50])
    (root / "depth/train/1.png").write_bytes(b"")
    save(root / "label/train/2.png", np.zeros((3, 3), np.uint8))
    save(root / "depth/train/2.png", np.zeros((*SIZE, 3), np.uint8))
    save(root / "label/train/3.png", np.full(SIZE, 7, np.uint8))
    os.remove(root / "normal/train/3.png")
    os.remove(root / "rgb/train/4.png")
    found = check_data(config)
    assert files(found.problems, root) == [
        "depth/train/1.png", "depth/train/2.png", "depth/train/4.png", "label/train/0.png",
        "label/train/2.png", "label/train/3.png", "label/train/4.png", "normal/train/3.png",
        "normal/train/4.png", "rgb/train/0.png",
    ]  # fmt: skip
    texts = "\n".join(str(finding) for finding in found.problems)
    for part in (
        "rgb/train/0.png cannot be read as an image", "is empty (0 bytes)", "is 3x3 pixels, but",
        "has shape (6, 8, 3); expected one channel", "no class: 7 (48 pixels)",
        "normal/train/3.png does not exist", "depth/train/4.png belongs to no image",
    ):  # fmt: skip
        assert part in texts
    counted = found.parts[0].statistics
    assert counted.samples == 4 and counted.bad_samples == 4
    # The valid targets of a sample with problems are counted.
    assert counted.tallies["semseg"].class_images[0] == 1
    assert counted.tallies["normals"].pixels == 3 * 48


def test_suspicious_data_is_a_warning(config, root):
    save(root / "rgb/train/0.png", np.full((*SIZE, 3), 9, np.uint8))
    save(root / "label/train/1.png", np.full(SIZE, 255, np.uint8))
    save(root / "depth/train/1.png", np.zeros(SIZE, np.uint16))
    save(root / "normal/train/1.png", np.zeros((*SIZE, 3), np.uint8))
    shutil.copy(root / "rgb/train/3.png", root / "rgb/train/4.png")
    # The same pixels in another file are the same picture.
    Image.open(root / "rgb/train/3.png").save(root / "rgb/val/0.png", compress_level=1)
    for index in range(VAL):
        save(root / f"label/val/{index}.png", np.zeros(SIZE, np.uint8))
    found = check_data(config)
    assert found.problems == []
    texts = {os.path.relpath(f.file, root): f.text for f in found.warnings}
    assert set(texts) == {
        "rgb/train/0.png", "label/train/1.png", "depth/train/1.png", "normal/train/1.png",
        "rgb/train/4.png", "rgb/val/0.png", ".",
    }  # fmt: skip
    assert "of one colour (R, G, B = [9, 9, 9])" in texts["rgb/train/0.png"]
    assert "all are 255" in texts["label/train/1.png"] and "all are 0" in texts["depth/train/1.png"]
    assert texts["rgb/train/4.png"].endswith("is the picture of " + str(root / "rgb/train/3.png."))
    assert "is the picture of train's" in texts["rgb/val/0.png"]
    assert texts["."].startswith("semseg: classes without a single pixel: b. All others are 'a'")


def test_validating_on_training_data_and_a_wrong_unit_are_warnings(root):
    train = dataset(root, "train")
    train["depth_format"] = dict(scale=10.0)
    found = check_data(config_of(train, train))
    (part,) = found.parts
    assert part.splits == ["train", "val", "test"]
    texts = [finding.text for finding in found.warnings]
    # 201 to 205 raw steps of 10 m, to half a bin of the histogram.
    assert re.match(r"half of the values of depth are below 20(19|20|21) m: is the scale", texts[0])
    assert texts[1] == "this is the data of train and of val and test."
    train["depth_unit"] = "relative"
    assert len(check_data(config_of(train), ["train"]).warnings) == 0


def test_each_part_of_joined_data_is_checked(config, root, tmp_path):
    packed = str(tmp_path / "packed")
    pack_config(config, packed, samples_per_shard=2)
    inner = dict(type="PackedDataset", data_root=f"{packed}/train", pipeline=[])
    repeated = dict(type="RepeatDataset", times=3, dataset=inner)
    half = dict(dataset(root, "train"), indices=2)
    joined = config_of(dict(type="ConcatDataset", datasets=[half, repeated]))
    found = check_data(joined)
    assert found.problems == []
    assert [(p.name, p.statistics.samples) for p in found.parts] == [("train-0", 2), ("train-1", 5)]
    file = os.path.join(packed, "train", "shard-00001.bin")
    with open(file, "r+b") as shard:
        shard.write(b"\x01\x02\x03")
    found = check_data(joined)
    assert [f.file for f in found.problems] == [file] and "checksum" in found.problems[0].text
    # Where a data set cannot be opened, all of its shards are still looked at.
    second = os.path.join(packed, "train", "shard-00002.bin")
    os.truncate(second, 10)
    found = check_data(joined)
    assert [f.file for f in found.problems] == [file, second]
    assert found.parts[1].statistics is None


def test_missing_scenes_are_not_rendered(tmp_path):
    folder = str(tmp_path / "none")
    options = [f"{s}_dataloader.dataset.data_root={folder}" for s in ("train", "val", "test")]
    found = check_data(load_config(BRANCHED, options))
    assert [part.name for part in found.parts] == ["train", "val"]
    assert all("no StreetScenes in" in finding.text for finding in found.problems)
    assert len(found.problems) == 2 and not os.path.exists(folder)


def test_a_damaged_manifest_is_named(scene_options, scenes_root, tmp_path):
    folder = tmp_path / "scenes"
    folder.mkdir()
    (folder / "street_scenes.json").write_text("{")
    options = [option.replace(scenes_root, str(folder)) for option in scene_options]
    (problem, _) = check_data(load_config(BRANCHED, options)).problems
    assert "street_scenes.json is damaged" in problem.text and "Delete" in problem.text


@pytest.mark.parametrize(
    ("name", "write", "damaged"),
    [
        (
            "CityscapesMultiTask",
            write_cityscapes,
            "camera/train/aachen/aachen_000000_000001_camera",
        ),
        (
            "VirtualKitti2MultiTask",
            write_vkitti2,
            "Scene01/clone/frames/depth/Camera_0/depth_00001",
        ),
        (
            "KittiMultiTask",
            write_kitti,
            "raw/2011_09_26/2011_09_26_drive_0001_sync/image_02/data/0",
        ),
    ],
)
def test_public_data_sets_are_checked(tmp_path, name, write, damaged):
    write(str(tmp_path))
    pipeline = [dict(type="LoadImage"), dict(type="LoadTargets")]
    config = config_of(dict(type=name, data_root=str(tmp_path), pipeline=pipeline))
    assert check_data(config).problems == []
    path = min(path for path in map(str, tmp_path.rglob("*.*")) if damaged in path)
    with open(path, "wb"):
        pass
    problems = check_data(config).problems
    # The first image of a KITTI drive belongs to no sample.
    assert len(problems) == (name != "KittiMultiTask")
    assert all(os.path.basename(path) in finding.text for finding in problems)


class Wrong(TargetFormat):
    """A format that fails for one file, and gives nan for all others."""

    def __call__(self, raw, path=""):
        if path.endswith("0.png"):
            raise KeyError("no such camera")
        return np.where(raw == 0, np.nan, raw).astype(np.float32)


class WrongDataset(MultiTaskDataset):
    """A data set whose depth is decoded by `Wrong`."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.formats["depth"] = Wrong()


def test_failing_formats_and_data_sets_of_others_are_reported(root):
    DATASETS.register_module(module=WrongDataset)
    try:
        found = check_data(config_of(dict(dataset(root, "train"), type="WrongDataset")))
        texts = [finding.text for finding in found.problems]
        assert "cannot be read: KeyError: 'no such camera'" in texts[0]
        assert "8 depths that are negative, nan or infinite, such as nan" in texts[1]
        assert files(found.problems, root) == [f"depth/train/{i}.png" for i in range(TRAIN)]
    finally:
        DATASETS.module_dict.pop("WrongDataset")
    foreign = config_of(dataset(root, "train"), dict(type="ADE20KDataset", data_root="ade"))
    texts = [str(finding) for finding in check_data(foreign).problems]
    assert [t[:5] for t in texts] == ["ade: "] * 2 and "ADE20KDataset is no data set" in texts[0]


def test_splits_are_chosen(config):
    assert [part.name for part in check_data(config, ["test"]).parts] == ["val"]
    config.pop("val_dataloader")
    with pytest.raises(ConfigError, match="no data for val; choose another split"):
        check_data(config, ["val"])


def test_the_report_writes_json_and_sheets_before_it_ends_in_an_error(
    config, root, tmp_path, capsys
):
    save(root / "label/val/1.png", np.full(SIZE, 7, np.uint8))
    out, file = str(tmp_path / "out"), str(tmp_path / "new" / "found.json")
    with pytest.raises(DataError, match=r"1 problem in the data of .*; 0 warnings"):
        report_data_check(config, out=out, json_file=file)
    with open(file, encoding="utf-8") as text:
        written = json.load(text)
    assert written["problems"][0]["file"] == str(root / "label/val/1.png")
    assert written["parts"]["train"]["targets"]["semseg"]["classes"]["b"] == dict(
        pixels=16 * TRAIN, images=TRAIN
    )
    assert written["parts"]["val"]["bad_samples"] == 1
    assert written["contact_sheets"] == [os.path.join(out, f"{n}.png") for n in ("train", "val")]
    # Three columns of targets beside the image, the second class in its colour.
    sheet = np.asarray(Image.open(written["contact_sheets"][0]))
    assert sheet.shape[1] > 4 * 360 and (sheet == (0, 0, 200)).all(-1).sum() > 360
    shown = capsys.readouterr().out
    assert "problem [val]: " in shown and "Depth of train (m)" in shown


def test_shipped_scenes_are_sound_and_stay_as_they_are(scene_options, scenes_root, tmp_path):
    before = state(scenes_root)
    config = load_config(os.path.join(ROOT, "configs", "mtl_normals.py"), scene_options)
    assert report_data_check(config, out=str(tmp_path)).problems == []
    assert state(scenes_root) == before
    assert Image.open(tmp_path / "val.png").width > 4 * 360


def test_the_command_ends_with_1_where_something_is_wrong(scene_options, scenes_root, tmp_path):
    root = str(tmp_path / "scenes")
    shutil.copytree(scenes_root, root)
    os.remove(os.path.join(root, "rgb", "val", "000001.jpg"))
    options = [option.replace(scenes_root, root) for option in scene_options]
    result = call(
        "check_data.py", "configs/mtl_normals.py", "--split", "val", "--out", str(tmp_path / "out"),
        "--cfg-options", *options, check=False,
    )  # fmt: skip
    assert result.returncode == 1 and "Traceback" not in result.stderr
    assert "error: 3 problems in the data of configs/mtl_normals.py" in result.stderr
    assert f"{root}/label/val/000001.png belongs to no image" in result.stdout


def test_pictures_that_are_left_out_are_listed(config, root):
    for name in ("5.JPG", "._0.png"):
        (root / "rgb" / "train" / name).write_bytes(b"")
    found = check_data(config)
    assert found.problems == []
    listed = [finding.text for finding in found.warnings if "left out" in finding.text]
    assert len(listed) == 2 and all("img_suffix" in text for text in listed)
    assert "._0.png" in listed[0] and "5.JPG" in listed[1]
