"""`MultiTaskDataset`: pairing of files, decoding, errors, targets that move with the image."""

import os

import numpy as np
import pytest
from mmseg.registry import DATASETS
from PIL import Image

from mtl_plugins.errors import ConfigError, DataError

PIPELINE = [dict(type="LoadImage"), dict(type="LoadTargets")]
SIZE = (24, 36)


@pytest.fixture
def root(tmp_path):
    """Three images whose red channel, label and depth all encode the pixel's column."""
    for name in ("a", "b", "sub/c"):
        for folder in ("rgb", "label", "depth"):
            os.makedirs(os.path.dirname(tmp_path / folder / name), exist_ok=True)
        rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
        image = np.stack([columns * 7, rows * 10, np.zeros_like(rows)], -1).astype(np.uint8)
        Image.fromarray(image).save(tmp_path / "rgb" / f"{name}.png")
        label = (columns * 7 // 10 % 4).astype(np.uint8)
        Image.fromarray(label).save(tmp_path / "label" / f"{name}_id.png")
        Image.fromarray((columns * 700 + 100).astype(np.uint16)).save(
            tmp_path / "depth" / f"{name}.png"
        )
    return tmp_path


def build(root, pipeline=PIPELINE, **options):
    config = dict(
        type="MultiTaskDataset",
        data_root=str(root),
        data_prefix=dict(img_path="rgb", seg_map_path="label", depth_map_path="depth"),
        img_suffix=".png",
        seg_map_suffix="_id.png",
        metainfo=dict(classes=("w", "x", "y", "z")),
        depth_format=dict(scale=0.01),
        pipeline=pipeline,
        serialize_data=False,  # it would collect garbage, which takes longer than a test
    )
    return DATASETS.build({**config, **options})


def test_files_are_paired_by_name_below_sub_folders_too(root):
    dataset = build(root)
    assert len(dataset) == 3
    entry = dataset.get_data_info(2)
    assert entry["img_path"].endswith("rgb/sub/c.png")
    assert entry["seg_map_path"].endswith("label/sub/c_id.png")
    assert entry["depth_map_path"].endswith("depth/sub/c.png")


def test_values_are_decoded(root):
    item = build(root)[0]
    assert item["img"].dtype == np.uint8 and item["gt_seg_map"].dtype == np.uint8
    assert item["gt_depth_map"].dtype == np.float32
    columns = np.arange(SIZE[1])
    assert np.array_equal(item["gt_seg_map"][5], columns * 7 // 10 % 4)
    assert np.allclose(item["gt_depth_map"][5], columns * 7 + 1)


def test_packed_samples_follow_the_contract(root):
    item = build(root, [*PIPELINE, dict(type="PackSegInputs")])[0]
    sample = item["data_samples"]
    assert item["inputs"].shape == (3, *SIZE)
    assert sample.gt_sem_seg.data.shape == sample.gt_depth_map.data.shape == (1, *SIZE)
    assert sample.ori_shape == SIZE


def aligned(item):
    """Return the share of valid pixels whose label has the column of image and depth."""
    column = item["img"][..., 2].astype(float) / 7
    valid = item["gt_depth_map"] > 0
    assert valid.any()
    depth_column = (item["gt_depth_map"] - 1) / 7
    assert np.abs(depth_column - column)[valid].max() <= 1
    label = np.round(column).astype(int) * 7 // 10 % 4
    return (label == item["gt_seg_map"])[valid].mean()


@pytest.mark.parametrize(
    "transform",
    [
        dict(type="RandomFlip", prob=1.0),
        dict(type="RandomFlip", prob=1.0, direction="vertical"),
        dict(type="RandomCrop", crop_size=(12, 20)),
        dict(type="Resize", scale=(72, 48), keep_ratio=True),
    ],
    ids=lambda transform: transform["type"],
)
def test_image_label_and_depth_move_together(root, transform):
    dataset = build(root, [*PIPELINE, transform])
    for index in range(3):
        assert aligned(dataset[index]) > 0.9


def test_a_test_set_needs_no_targets(root):
    item = build(root, data_prefix=dict(img_path="rgb"), test_mode=True)[0]
    assert "gt_seg_map" not in item and "gt_depth_map" not in item


def test_one_target_alone(root):
    item = build(root, data_prefix=dict(img_path="rgb", depth_map_path="depth"))[0]
    assert "gt_seg_map" not in item and "gt_depth_map" in item


def test_ann_file_selects_the_images(root):
    (root / "split.txt").write_text("a\nsub/c\n")
    assert len(build(root, ann_file="split.txt")) == 2


def test_label_map_and_unit(root):
    label_map = {0: 255, 1: 0, 2: 1, 3: 1}
    dataset = build(
        root, metainfo=dict(classes=("p", "q")), label_map=label_map, depth_unit="relative"
    )
    assert set(np.unique(dataset[0]["gt_seg_map"])) == {0, 1, 255}
    assert dataset.metainfo["depth_unit"] == "relative"
    assert len(dataset.metainfo["palette"]) == 2


class TestErrors:
    def test_missing_depth_file(self, root):
        (root / "depth" / "b.png").unlink()
        with pytest.raises(DataError, match=r"1 of 3 depth files are missing: .*b\.png"):
            build(root)

    def test_missing_label_file_names_the_first_few(self, root):
        for name in ("a", "b"):
            (root / "label" / f"{name}_id.png").unlink()
        with pytest.raises(DataError, match=r"2 of 3 semseg files are missing: .*a_id.*b_id"):
            build(root)

    def test_no_folder_and_no_images(self, root):
        with pytest.raises(DataError, match=r"image folder .*nowhere.* does not exist.*data_root"):
            build(root, data_prefix=dict(img_path="nowhere"))
        with pytest.raises(DataError, match=r"no file ending in '\.webp'.*img_suffix"):
            build(root, img_suffix=".webp")
        with pytest.raises(DataError, match=r"Nothing says where the images are.*img_path"):
            build(root, data_prefix=dict(img_path=None))

    def test_no_list(self, root):
        with pytest.raises(DataError, match=r"ann_file .*none\.txt does not exist"):
            build(root, ann_file="none.txt")
        with pytest.raises(DataError, match=r"not exist\. Set data_root or ann_file"):
            build(root, ann_file="lists/none.txt")

    def test_label_outside_the_classes(self, root):
        with pytest.raises(DataError, match=r"a_id\.png has label values that are no class: 3"):
            build(root, metainfo=dict(classes=("w", "x", "y")))[0]

    def test_truncated_depth(self, root):
        path = root / "depth" / "a.png"
        path.write_bytes(path.read_bytes()[:60])
        with pytest.raises(DataError, match=r"depth/a\.png cannot be read"):
            build(root)[0]

    def test_target_of_another_size(self, root):
        Image.fromarray(np.zeros((10, 36), np.uint8)).save(root / "label" / "a_id.png")
        with pytest.raises(DataError, match=r"a_id\.png is 10x36 pixels, .* is 24x36"):
            build(root)[0]


def test_depth_alone_needs_no_classes(root):
    prefix = dict(img_path="rgb", depth_map_path="depth")
    dataset = build(root, data_prefix=prefix, metainfo=None, test_mode=True)
    assert dataset.metainfo["classes"] == () and "gt_depth_map" in dataset[0]


@pytest.mark.parametrize(
    "transform",
    [
        dict(type="RandomRotate", prob=1.0, degree=45),
        dict(type="RandomCutOut", prob=1.0, n_holes=1, cutout_shape=(2, 2), seg_fill_in=255),
        dict(type="CenterCrop", crop_size=8),
        dict(type="Pad", size_divisor=32),
    ],
    ids=lambda transform: transform["type"],
)
def test_transforms_that_break_depth_are_refused_where_depth_is_loaded(root, transform):
    with pytest.raises(ConfigError, match=transform["type"]):
        build(root, [*PIPELINE, transform])
    labels_only = dict(img_path="rgb", seg_map_path="label")
    assert len(build(root, [*PIPELINE, transform], data_prefix=labels_only)) == 3


def test_a_typo_in_the_depth_format_is_named(root):
    with pytest.raises(ConfigError, match="scael"):
        build(root, depth_format=dict(scael=0.01))


def test_a_folder_that_is_none_is_left_out(root):
    folders = dict(img_path="rgb", seg_map_path="label", depth_map_path=None)
    assert [target.name for target in build(root, data_prefix=folders).targets()] == ["semseg"]
    with pytest.raises(ConfigError, match=r"data_prefix\.depth_map_path=5; expected a folder"):
        build(root, data_prefix=dict(folders, depth_map_path=5))


@pytest.mark.parametrize("number", [1, 3, 5])
def test_a_palette_of_another_length_is_refused(root, number):
    metainfo = dict(classes=("w", "x", "y", "z"), palette=[[1, 2, 3]] * number)
    with pytest.raises(DataError, match=f"{number} colours in its palette for 4 classes"):
        build(root, metainfo=metainfo)
