"""Images of 10 to 14 bits in files of 16: the range of their values, and a warning without it."""

from __future__ import annotations

import warnings

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from mmseg.registry import DATASETS
from PIL import Image

from mtl_plugins.config import pack_config
from mtl_plugins.datasets import ConcatDataset
from mtl_plugins.datasets.files import is_image_range, read_image
from mtl_plugins.errors import ConfigError, DataError

BITS = (10, 11, 12, 13, 14, 16)
SUFFIXES = (".png", ".tif")


def ramp(bits, colour, height=8):
    """All values of some bits, from black to white; colours differ by channel."""
    grey = np.linspace(0, 2**bits - 1, 640).round().astype(np.uint16)
    grey = np.tile(grey, (height, 1))
    return np.stack([grey, grey[:, ::-1], grey // 2], -1) if colour else grey


def quiet(path, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return read_image(str(path), **options)


@pytest.mark.parametrize("colour", [False, True])
@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("bits", BITS)
def test_a_range_keeps_all_grey_levels(tmp_path, bits, suffix, colour):
    path, values = tmp_path / f"a{suffix}", ramp(bits, colour)
    cv2.imwrite(str(path), values)
    image = quiet(path, image_range=(0, 2**bits - 1))
    assert np.array_equal(image, quiet(path, image_range=(0, 2**bits - 1), strict=True))
    assert image.dtype == np.float32 and image.shape == (*values.shape[:2], 3)
    exact = values if colour else np.repeat(values[..., None], 3, -1)
    assert np.abs(image - exact * (255 / (2**bits - 1))).max() < 1e-4
    assert len(np.unique(image)) == len(np.unique(exact))
    # Without a range, each value keeps its high byte.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert np.array_equal(read_image(str(path)), exact >> 8)


@pytest.mark.parametrize("bits", BITS)
def test_lost_grey_levels_are_reported_with_the_bits(tmp_path, bits):
    path = tmp_path / "a.png"
    cv2.imwrite(str(path), ramp(bits, False))
    if bits == 16:
        quiet(path)
        return
    remedy = rf"values below {2**bits} alone .*image_range=\(0, {2**bits - 1}\)"
    if bits < 14:
        with pytest.warns(UserWarning, match=remedy):
            read_image(str(path))
    with pytest.warns(UserWarning, match=r"many values outside of image_range=\(0, 511\)"):
        read_image(str(path), image_range=(0, 511))


def test_a_range_may_begin_above_0_and_files_of_8_bits_stay(tmp_path):
    thermal = np.array([[20000, 22550, 25100, 19000, 65535]], np.uint16)
    cv2.imwrite(str(tmp_path / "a.png"), thermal)
    with pytest.warns(UserWarning, match="outside"):
        image = read_image(str(tmp_path / "a.png"), image_range=(20000, 25100))
    assert image[0, :, 0].tolist() == pytest.approx([0, 127.5, 255, 0, 255])
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16)
    for suffix in (".png", ".jpg", ".bmp"):
        cv2.imwrite(str(tmp_path / f"b{suffix}"), grey)
        path = tmp_path / f"b{suffix}"
        assert np.array_equal(quiet(path, image_range=(0, 4095)), quiet(path))


def test_black_pictures_lose_nothing(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((4, 4), np.uint16))
    assert not quiet(tmp_path / "a.png").any()


def test_turned_16_bit_colours_are_refused(tmp_path):
    path = tmp_path / "a.png"
    cv2.imwrite(str(path), ramp(12, True))
    exif = Image.Exif()
    exif[0x0112] = 6
    # PIL writes no 16-bit colours, so the chunk of the orientation is put in by hand.
    Image.new("RGB", (4, 4)).save(tmp_path / "b.png", exif=exif)
    donor, data = (tmp_path / "b.png").read_bytes(), path.read_bytes()
    start = donor.index(b"eXIf") - 4
    length = int.from_bytes(donor[start : start + 4], "big") + 12
    path.write_bytes(data[:33] + donor[start : start + length] + data[33:])
    with pytest.raises(DataError, match="16-bit colours have an EXIF orientation"):
        read_image(str(path), image_range=(0, 4095))


@pytest.mark.parametrize(
    "given", [12, (0,), (4095, 0), (0, 1e99), (5, 5), (0, float("nan")), "ab", [0, "9"]]
)
def test_other_ranges_are_refused(given):
    assert not is_image_range(given)
    node = dict(type="MultiTaskDataset", data_prefix=dict(img_path="x"), pipeline=[])
    with pytest.raises(ConfigError, match=r"expected the values .* \(0, 4095\)"):
        DATASETS.build(dict(node, image_range=given, lazy_init=True))


@pytest.fixture
def node(tmp_path):
    folder = tmp_path / "rgb"
    folder.mkdir()
    for index in range(3):
        cv2.imwrite(str(folder / f"{index}.png"), ramp(12, index == 2) // (index + 1))
    return dict(
        type="MultiTaskDataset", data_root=str(tmp_path), data_prefix=dict(img_path="rgb"),
        img_suffix=".png", image_range=(0, 4095), pipeline=[dict(type="LoadImage")],
    )  # fmt: skip


def test_packed_images_are_those_of_the_files(tmp_path, node):
    config = Config(dict(train_dataloader=dict(dataset=node)), filename=None)
    pack_config(config, str(tmp_path / "packed"))
    root = str(tmp_path / "packed" / "train")
    packed = DATASETS.build(dict(type="PackedDataset", data_root=root, pipeline=node["pipeline"]))
    files = DATASETS.build(node)
    assert packed.metainfo["image_range"] == files.metainfo["image_range"] == (0, 4095)
    for index in range(3):
        assert np.array_equal(packed[index]["img"], files[index]["img"])
        assert len(np.unique(files[index]["img"])) > 80


def test_joined_sets_need_one_range(node):
    parts = [node, dict(node, image_range=(0, 1023))]
    with pytest.raises(ConfigError, match=r"image_range=\[\(0, 4095\), \(0, 1023\)\], but"):
        ConcatDataset(parts)
    assert ConcatDataset([node, node]).metainfo["image_range"] == (0, 4095)
