"""Images of n channels are read exactly, in one order, or refused in a sentence."""

from __future__ import annotations

import warnings

import cv2
import numpy as np
import pytest
from PIL import Image

from mtl_plugins.datasets.files import (
    each_range,
    is_image_range,
    read_image,
    shown_colours,
    to_intensities,
)
from mtl_plugins.errors import DataError

SIZE = (5, 7)


def values(channels, dtype=np.uint8, high=256):
    """Return random values H,W,C in the order of a file: red, green, blue, others."""
    return np.random.default_rng(channels).integers(0, high, (*SIZE, channels)).astype(dtype)


def blue_first(array):
    return array[..., [2, 1, 0, *range(3, array.shape[2])]]


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize(("dtype", "high"), [(np.uint8, 256), (np.uint16, 4096)])
def test_the_fourth_channel_of_a_picture_is_data(tmp_path, suffix, dtype, high):
    given, path = values(4, dtype, high), str(tmp_path / f"a{suffix}")
    cv2.imwrite(path, blue_first(given))
    image = read_image(path, image_range=(0, 4095), channels=4)
    scale = 1 if dtype == np.uint8 else 255 / 4095
    assert image.dtype == (np.uint8 if dtype == np.uint8 else np.float32)
    np.testing.assert_allclose(image, blue_first(given) * scale, atol=1e-4)
    # Of three channels, the fourth one is transparency.
    assert read_image(path, image_range=(0, 4095)).shape == (*SIZE, 3)


def test_pil_writes_the_same_channels(tmp_path):
    given = values(4)
    for suffix in ("png", "tif"):
        Image.fromarray(given).save(tmp_path / f"a.{suffix}")
        image = read_image(str(tmp_path / f"a.{suffix}"), channels=4)
        assert np.array_equal(image, blue_first(given))


@pytest.mark.parametrize("channels", [3, 4, 9])
def test_arrays_have_any_number_of_channels(tmp_path, channels):
    given, path = values(channels, np.uint16, 1024), str(tmp_path / "a.npy")
    np.save(path, given)
    image = read_image(path, image_range=(0, 1023), channels=channels)
    np.testing.assert_allclose(image, blue_first(given) * (255 / 1023), atol=1e-4)
    with pytest.raises(DataError, match=rf"\(5, 7, {channels}\); expected 5 channels .*\.npy"):
        read_image(path, channels=5)


@pytest.mark.parametrize("bits", [10, 12, 14, 16])
def test_no_level_is_lost(bits):
    levels = np.arange(2**bits, dtype=np.uint16)[None]
    found = to_intensities(levels, "a.png", (0, 2**bits - 1))
    assert found.dtype == np.float32 and found[0, 0] == 0 and found[0, -1] == 255
    assert (np.diff(found[0]) > 0).all()
    # The preprocessor's mean and standard deviation keep them apart too.
    assert (np.diff((found[0] - np.float32(123.675)) / np.float32(58.395)) > 0).all()


def test_channels_have_a_range_each():
    given = np.array([[[10, 20, 30, 21000]]], np.uint16)  # blue, green, red, thermal
    ranges = ((0, 60), (0, 255), (0, 10), (20000, 30000))  # red, green, blue, thermal
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = to_intensities(given, "a.npy", ranges)
    assert found[0, 0].tolist() == pytest.approx([255, 20, 127.5, 25.5])
    with pytest.raises(DataError, match=r"a.npy has values of shape .*1 range|image_range=.*for 4"):
        to_intensities(given[..., :3], "a.npy", ranges)
    assert is_image_range(ranges, 4) and not is_image_range(ranges, 3)
    assert each_range((0, 9), 2) == ((0, 9), (0, 9)) and each_range(ranges, 4) == ranges


def test_a_data_set_refuses_values_outside_of_its_range(tmp_path):
    given, path = np.zeros((10, 10), np.uint16), str(tmp_path / "a.png")
    given[0, :5] = 4096
    cv2.imwrite(path, given)
    # 5 of 100 pixels are a few hot ones.
    assert read_image(path, image_range=(0, 4095), strict=True).max() == 255
    given[1, 0] = 9000
    cv2.imwrite(path, given)
    text = r"a.png has values of 0 to 9000, and 6 % of its pixels .*image_range=\(0, 4095\).* wide"
    with pytest.raises(DataError, match=text):
        read_image(path, image_range=(0, 4095), strict=True)
    with pytest.warns(UserWarning, match="outside of image_range"):
        read_image(path, image_range=(0, 4095))


def test_one_channel_that_is_outside_is_enough(tmp_path):
    given = np.zeros((*SIZE, 4), np.uint16)
    given[0, :, 3] = 500
    np.save(tmp_path / "a.npy", given)
    with pytest.raises(DataError, match=r"20 % of its pixels"):
        read_image(str(tmp_path / "a.npy"), image_range=(0, 255), channels=4, strict=True)


def test_floating_point_images_need_a_range(tmp_path):
    celsius = np.linspace(-20, 40, 35, dtype=np.float32).reshape(SIZE)
    np.save(tmp_path / "a.npy", celsius)
    Image.fromarray(celsius).save(tmp_path / "a.tif")
    for name in ("a.npy", "a.tif"):
        with pytest.raises(DataError, match=r"image_range"):
            read_image(str(tmp_path / name))
        image = read_image(str(tmp_path / name), image_range=(-20, 40))
        assert image.shape == (*SIZE, 3) and (image == image[..., :1]).all()
        np.testing.assert_allclose(image[..., 0], (celsius + 20) * (255 / 60), atol=1e-4)
    celsius[0, 0] = np.nan
    np.save(tmp_path / "a.npy", celsius)
    with pytest.raises(DataError, match="not finite"):
        read_image(str(tmp_path / "a.npy"), image_range=(-20, 40))


def test_one_channel_is_grey(tmp_path):
    grey = values(3)[..., 0]
    Image.fromarray(grey).save(tmp_path / "grey.png")
    Image.fromarray(values(3)).save(tmp_path / "colour.png")
    assert np.array_equal(read_image(str(tmp_path / "grey.png"), channels=1), grey[..., None])
    with pytest.raises(DataError, match="has colours; expected one channel"):
        read_image(str(tmp_path / "colour.png"), channels=1)


@pytest.mark.parametrize(
    ("name", "mode", "text"),
    [
        ("a.webp", "RGBA", "does not keep 4 channels as they were"),
        ("a.png", "RGB", r"shape \(5, 7, 3\); expected 4 channels"),
        ("a.jpg", "RGB", "does not keep 4 channels as they were"),
        ("a.png", "L", r"expected 4 channels"),
    ],
)
def test_pictures_of_other_channels_are_refused(tmp_path, name, mode, text):
    Image.new(mode, SIZE[::-1]).save(tmp_path / name)
    with pytest.raises(DataError, match=text):
        read_image(str(tmp_path / name), channels=4)


def test_a_turned_picture_of_four_channels_is_refused(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGBA", SIZE).save(tmp_path / "a.png", exif=exif)
    with pytest.raises(DataError, match="4 channels and an EXIF orientation"):
        read_image(str(tmp_path / "a.png"), channels=4)


def test_the_shown_colours_are_the_first_three():
    image = np.array([[[0.4, 254.6, 3, 99, 7]]], np.float32)
    assert shown_colours(image).tolist() == [[[0, 255, 3]]]
