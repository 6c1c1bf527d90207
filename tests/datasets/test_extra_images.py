"""Further channels from other files, and targets of another resolution than their image."""

from __future__ import annotations

import os

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from mmseg.registry import DATASETS

from mtl_plugins.config import pack_config
from mtl_plugins.datasets import ConcatDataset, MultiTaskDataset
from mtl_plugins.datasets.transforms.loading import nearest
from mtl_plugins.errors import ConfigError, DataError

SIZE = (8, 12)
LOAD = [dict(type="LoadImage"), dict(type="LoadTargets")]
SEMSEG = dict(folder="label", classes=("a", "b"))


@pytest.fixture
def root(tmp_path):
    """Three images with infrared (8 bits), thermal (14 bits), and targets of half the size."""
    random = np.random.default_rng(0)
    half = (SIZE[0] // 2, SIZE[1] // 2)
    for index in range(3):
        files = dict(
            rgb=random.integers(0, 256, (*SIZE, 3)).astype(np.uint8),
            infrared=random.integers(0, 256, SIZE).astype(np.uint8),
            thermal=random.integers(0, 2**14, SIZE).astype(np.uint16),
            label=random.integers(0, 2, half).astype(np.uint8),
        )
        for folder, array in files.items():
            os.makedirs(tmp_path / folder, exist_ok=True)
            cv2.imwrite(str(tmp_path / folder / f"{index}.png"), array)
        os.makedirs(tmp_path / "flow", exist_ok=True)
        flow = random.normal(size=(*half, 2)).astype(np.float32)
        np.save(tmp_path / "flow" / f"{index}.npy", flow)
    return tmp_path


def dataset(root, targets=(), **options):
    extras = dict(
        infrared=dict(folder="infrared"), thermal=dict(folder="thermal", image_range=(0, 16383))
    )
    given = dict(
        type="MultiTaskDataset", data_root=str(root), data_prefix=dict(img_path="rgb"),
        img_suffix=".png", extra_images=extras, pipeline=LOAD, targets=dict(targets),
    )  # fmt: skip
    return {**given, **options}


def stored(root, folder, index):
    return cv2.imread(str(root / folder / f"{index}.png"), cv2.IMREAD_UNCHANGED)


def test_channels_are_stacked_in_the_order_of_the_config(root):
    built = DATASETS.build(dataset(root))
    assert built.image_channels == built.metainfo["image_channels"] == 5
    assert built.metainfo["image_range"] == ((0, 255),) * 4 + ((0, 16383),)
    for index in range(3):
        image = built[index]["img"]
        assert image.dtype == np.float32 and image.shape == (*SIZE, 5)
        assert np.array_equal(image[..., :3], stored(root, "rgb", index))
        assert np.array_equal(image[..., 3], stored(root, "infrared", index))
        thermal = stored(root, "thermal", index) * (255 / 16383)
        np.testing.assert_allclose(image[..., 4], thermal, atol=1e-4)


def test_without_ranges_images_stay_bytes(root):
    built = DATASETS.build(dataset(root, extra_images=dict(infrared=dict(folder="infrared"))))
    assert built[0]["img"].dtype == np.uint8 and "image_range" not in built.metainfo
    assert not built.keeps_levels


def test_packed_samples_are_those_of_the_files(root, tmp_path):
    targets = dict(
        semseg=dict(SEMSEG, resize=True),
        flow=dict(type="offset", folder="flow", suffix=".npy", resize=True),
    )
    node = dataset(root, targets)
    pack_config(Config(dict(train_dataloader=dict(dataset=node))), str(tmp_path / "packed"))
    packed = DATASETS.build(
        dict(type="PackedDataset", data_root=str(tmp_path / "packed" / "train"), pipeline=LOAD)
    )
    files = DATASETS.build(node)
    for key in ("image_range", "image_channels"):
        assert packed.metainfo[key] == files.metainfo[key]
    assert packed.keeps_levels and packed.image_channels == 5
    for index in range(3):
        for key in ("img", "gt_seg_map", "gt_flow_map"):
            assert np.array_equal(packed[index][key], files[index][key])
            assert packed[index][key].dtype == files[index][key].dtype


def test_the_same_augmentation_from_files_and_packed(root, tmp_path):
    steps = [
        *LOAD,
        dict(type="RandomCrop", crop_size=(6, 8)),
        dict(type="RotateTargets", degree=20, prob=1.0),
        dict(type="FlipTargets", prob=0.5),
        dict(type="PhotometricJitter"),
        dict(type="PackTargets"),
    ]
    node = dataset(root, dict(semseg=dict(SEMSEG, resize=True)))
    pack_config(Config(dict(train_dataloader=dict(dataset=node))), str(tmp_path / "packed"))
    folder = str(tmp_path / "packed" / "train")
    packed = DATASETS.build(dict(type="PackedDataset", data_root=folder, pipeline=steps))
    files = DATASETS.build(dict(node, pipeline=steps))
    for index in range(3):
        samples = []
        for built in (files, packed):
            np.random.seed(index)
            samples.append(built[index])
        one, other = samples
        assert one["inputs"].shape == (5, 6, 8) and one["inputs"].equal(other["inputs"])


@pytest.mark.parametrize(
    ("extras", "text"),
    [
        ("thermal", r"extra_images='thermal'; expected dict\("),
        (dict(thermal=dict(suffix=".png")), r"extra_images.thermal=.*expected dict\(folder="),
        (dict(thermal=dict(folder="thermal", range=(0, 9))), "has no 'range'. .*image_range"),
        (dict(thermal=dict(folder="thermal", image_range=(9, 0))), r"image_range=\(9, 0\)"),
        (dict(semseg=dict(folder="thermal")), "extra_images.semseg has the name of a target"),
    ],
)
def test_other_declarations_are_refused(root, extras, text):
    with pytest.raises(ConfigError, match=text):
        DATASETS.build(dataset(root, dict(semseg=SEMSEG), extra_images=extras, lazy_init=True))


def test_a_missing_file_and_a_file_of_another_size_are_named(root):
    (root / "thermal" / "1.png").unlink()
    with pytest.raises(DataError, match=r"1 of 3 thermal files are missing.*extra_images.thermal"):
        DATASETS.build(dataset(root))
    cv2.imwrite(str(root / "thermal" / "1.png"), np.zeros((4, 6), np.uint16))
    with pytest.raises(DataError, match=r"1.png is 4x6 pixels, but the image that .* 8x12"):
        DATASETS.build(dataset(root))[1]


def test_patterns_and_columns_name_further_channels(root):
    extras = dict(thermal=dict(folder="thermal/{name}.png", image_range=(0, 16383)))
    expected = DATASETS.build(
        dataset(root, extra_images=dict(thermal=dict(extras["thermal"], folder="thermal")))
    )
    patterns = DATASETS.build(
        dataset(root, extra_images=extras, data_prefix=dict(img_path="rgb/{name}.png"))
    )
    (root / "list.csv").write_text("image,thermal\n2.png,2.png\n0.png,0.png\n")
    extras["thermal"]["folder"] = "thermal"
    columns = DATASETS.build(dataset(root, extra_images=extras, ann_file="list.csv"))
    assert len(patterns) == 3 and len(columns) == 2
    for index in range(3):
        assert np.array_equal(patterns[index]["img"], expected[index]["img"])
    assert np.array_equal(columns[0]["img"], expected[2]["img"])
    (root / "list.csv").write_text("image,thermal\n2.png,2.png\n0.png,\n")
    with pytest.raises(DataError, match="no thermal file in line 3"):
        DATASETS.build(dataset(root, extra_images=extras, ann_file="list.csv"))


@pytest.mark.parametrize("given", [2, 4.0, True, "4"])
def test_other_numbers_of_channels_are_refused(root, given):
    with pytest.raises(ConfigError, match=r"image_channels=.*3 or more"):
        DATASETS.build(dataset(root, image_channels=given, lazy_init=True))


def test_joined_data_needs_one_number_of_channels(root):
    parts = [dataset(root), dataset(root, extra_images=None)]
    with pytest.raises(ConfigError, match=r"image_(range|channels)=\["):
        ConcatDataset(parts)


def test_nearest_takes_the_value_under_each_centre():
    assert nearest(np.arange(3)[None], (1, 5)).tolist() == [[0, 0, 1, 2, 2]]
    assert nearest(np.arange(6)[:, None], (3, 1)).tolist() == [[1], [3], [5]]
    values = np.random.default_rng(0).integers(0, 9, (4, 6, 2))
    assert np.array_equal(nearest(values, (8, 12)), values.repeat(2, 0).repeat(2, 1))


def test_targets_of_half_the_resolution(root):
    flow = dict(type="offset", folder="flow", suffix=".npy", resize=True)
    built = DATASETS.build(dataset(root, dict(semseg=dict(SEMSEG, resize=True), flow=flow)))
    sample = built[0]
    labels = stored(root, "label", 0)
    assert np.array_equal(sample["gt_seg_map"], labels.repeat(2, 0).repeat(2, 1))
    # An offset of one coarse pixel is one of two fine ones.
    offsets = 2 * np.load(root / "flow" / "0.npy")
    assert np.array_equal(sample["gt_flow_map"], offsets.repeat(2, 0).repeat(2, 1))


def test_centres_of_half_the_resolution_are_in_pixels_of_the_image(root, tmp_path):
    centres = dict(type="offset", folder="ids", format=dict(type="CentreFormat"), resize=True)
    os.makedirs(root / "ids")
    for index in range(3):
        ids = np.zeros((SIZE[0] // 2, SIZE[1] // 2), np.uint8)
        ids[0, :2] = 5  # columns 0 to 3 of the image, whose centre is at 1.5
        cv2.imwrite(str(root / "ids" / f"{index}.png"), ids)
    node = dataset(root, dict(centres=centres))
    pack_config(Config(dict(train_dataloader=dict(dataset=node))), str(tmp_path / "packed"))
    folder = str(tmp_path / "packed" / "train")
    for built in (
        DATASETS.build(node),
        DATASETS.build(dict(type="PackedDataset", data_root=folder, pipeline=LOAD)),
    ):
        found = built[0]["gt_centres_map"]
        assert found.shape == (*SIZE, 2)
        assert found[0, :4].tolist() == [[1.5, 0.5], [0.5, 0.5], [-0.5, 0.5], [-1.5, 0.5]]


def test_a_resolution_that_is_not_declared_is_refused(root):
    built = DATASETS.build(dataset(root, dict(semseg=SEMSEG)))
    with pytest.raises(DataError, match=r"4x6 pixels.*8x12.*semseg=dict\(resize=True\)"):
        built[0]


# 4 x 7 is 0.55 of 8 x 12, rounded; no factor gives 4 x 8.
SHAPES = dict(half=(4, 6), double=(16, 24), rounded=(3, 5), odd=(4, 7), turned=(6, 4), wide=(4, 8))


@pytest.mark.parametrize("name", SHAPES)
def test_only_the_resolution_may_differ(root, name):
    cv2.imwrite(str(root / "label" / "0.png"), np.zeros(SHAPES[name], np.uint8))
    built = DATASETS.build(dataset(root, dict(semseg=dict(SEMSEG, resize=True))))
    if name not in ("turned", "wide"):
        assert built[0]["gt_seg_map"].shape == SIZE
        return
    with pytest.raises(DataError, match="pair the right files") as error:
        built[0]
    assert "resize=True" not in str(error.value)


def test_resize_is_a_flag(root):
    targets = dict(semseg=dict(SEMSEG, resize=2))
    with pytest.raises(ConfigError, match=r"targets.semseg.resize=2; expected True or False"):
        MultiTaskDataset(data_root=str(root), targets=targets, lazy_init=True)


@pytest.mark.parametrize("name", ["PhotoMetricDistortion", "CLAHE", "AdjustGamma",
                                  "LoadImageFromFile"])  # fmt: skip
@pytest.mark.parametrize("options", [dict(image_channels=4), dict(image_range=(0, 4095))])
def test_transforms_that_lose_channels_or_levels_are_refused(root, name, options):
    node = dataset(root, extra_images=None, pipeline=[LOAD[0], dict(type=name)], **options)
    with pytest.raises(ConfigError, match=rf"{name} takes three channels of 8 bits alone.* Use "):
        DATASETS.build(dict(node, lazy_init=True))
    plain = dataset(root, extra_images=None, pipeline=[LOAD[0], dict(type=name)])
    assert DATASETS.build(dict(plain, lazy_init=True)).image_channels == 3
