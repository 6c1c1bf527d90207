"""Images that could be read in two ways: they are read the right way, or refused."""

import struct
import warnings
import zlib

import numpy as np
import OpenEXR
import pytest
from PIL import Image

from mtl_plugins.datasets import LabelFormat, LoadImage
from mtl_plugins.datasets.files import read_image, read_map
from mtl_plugins.errors import DataError
from mtl_plugins.targets import SEMSEG
from tests.datasets.files.test_image_io import encoded, header, save
from tests.datasets.sources import load_targets


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.webp", dict(quality=80)),
        ("a.jp2", dict(irreversible=True)),
        ("a.tif", dict(compression="jpeg")),
    ],
)
def test_lossy_files_of_other_formats_are_refused_for_classes_too(tmp_path, name, options):
    path = save(np.full((8, 8, 3), 100, np.uint8), tmp_path / name, **options)
    with pytest.raises(DataError, match=r"a\.\w+ is a \w+ file whose compression changes values"):
        read_map(path, channels=3, exact=True)


def test_lossless_webp_is_accepted_for_classes(tmp_path):
    colours = np.random.default_rng(0).integers(0, 256, (8, 8, 3)).astype(np.uint8)
    path = save(colours, tmp_path / "a.webp", lossless=True)
    assert np.array_equal(read_map(path, channels=3, exact=True), colours)


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_grey_values_of_few_bits_are_read_unscaled(tmp_path, bits):
    """PIL scales them to 0..255, which is right only for images."""
    values = np.arange(16).reshape(2, 8) % (1 << min(bits, 4))
    digits = "".join(f"{value:0{bits}b}" for value in values[1])
    row = b"\0" + int(digits, 2).to_bytes(len(digits) // 8, "big")
    first = b"\0" + bytes(len(digits) // 8)
    pixels = zlib.compress(first + row)
    chunk = b"IDAT" + pixels
    data = encoded(np.zeros((2, 8), np.uint8))
    data, end = header(data, bits=bits)[:33], data[-12:]
    data += struct.pack(">I", len(pixels)) + chunk
    (tmp_path / "a.png").write_bytes(data + struct.pack(">I", zlib.crc32(chunk)) + end)
    assert read_map(str(tmp_path / "a.png"))[1].tolist() == values[1].tolist()
    if bits < 16:
        picture = read_image(str(tmp_path / "a.png"))[1, :, 0]
        assert picture.tolist() == (values[1] * (255 // ((1 << bits) - 1))).tolist()


def test_a_tiff_with_inverted_values_is_refused_as_target(tmp_path):
    path = tmp_path / "a.tif"
    save(np.array([[0, 1, 255]], np.uint8), path)
    data = bytearray(path.read_bytes())
    data[data.index(struct.pack("<HHI", 262, 3, 1)) + 8] = 0  # white is 0
    path.write_bytes(data)
    assert read_image(str(path))[0, :, 0].tolist() == [255, 254, 0]
    with pytest.raises(DataError, match=r"a\.tif has its values upside down .*PNG"):
        read_map(str(path))


@pytest.mark.parametrize("suffix", ["gif", "png", "tif", "webp"])
def test_files_of_several_pictures_are_refused(tmp_path, suffix):
    path = str(tmp_path / f"a.{suffix}")
    first, second = (Image.fromarray(np.full((4, 5, 3), v, np.uint8)) for v in (10, 200))
    first.save(path, save_all=True, append_images=[second])
    for read in (read_image, read_map):
        with pytest.raises(DataError, match=rf"a\.{suffix} holds 2 pictures .*expected one"):
            read(path)


def test_the_first_image_of_a_phones_jpeg_is_read(tmp_path):
    path = str(tmp_path / "a.jpg")
    first, second = (Image.fromarray(np.full((8, 8, 3), v, np.uint8)) for v in (10, 200))
    first.save(path, format="MPO", save_all=True, append_images=[second])
    assert (read_image(path) == 10).all()


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_targets_are_rotated_as_exif_says(tmp_path, suffix):
    exif = Image.Exif()
    exif[0x0112] = 6  # rotate clockwise
    path = save(np.array([[1, 2, 3], [4, 5, 6]], np.uint8), tmp_path / f"a.{suffix}", exif=exif)
    assert read_map(path).tolist() == [[4, 1], [5, 2], [6, 3]]
    assert read_image(path)[..., 0].tolist() == [[4, 1], [5, 2], [6, 3]]


def test_rotating_an_image_away_from_its_targets_warns(tmp_path):
    exif = Image.Exif()
    pixels = np.zeros((4, 6, 3), np.uint8)
    labels = save(pixels[..., 0], tmp_path / "label.png")
    sample = dict(seg_map_path=labels, targets=[SEMSEG])
    targets = load_targets(dict(semseg=LabelFormat(1)))

    def load(orientation):
        exif[0x0112] = orientation
        path = save(pixels, tmp_path / "a.png", exif=exif)
        return targets(LoadImage()(dict(sample, img_path=path)))

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load(1)
    with pytest.warns(UserWarning, match=r"turned as their EXIF .*browse_data"):
        load(3)
    # After a quarter turn, targets without EXIF have another size.
    with (
        pytest.warns(UserWarning, match="turned"),
        pytest.raises(DataError, match=r"4x6 pixels, but .*6x4 \(height x width, turned as EXIF"),
    ):
        load(6)


@pytest.mark.parametrize("size", [(1, 1), (20_000, 10), (10, 20_000)])
def test_extreme_shapes_are_read_exactly(tmp_path, size):
    values = np.random.default_rng(0).integers(0, 256, size).astype(np.uint8)
    path = save(values, tmp_path / "a.png")
    assert np.array_equal(read_map(path), values)
    assert np.array_equal(read_image(path)[..., 1], values)


def test_an_exr_that_promises_more_than_it_holds_is_refused(tmp_path):
    path = str(tmp_path / "a.exr")
    OpenEXR.File({}, {"Z": np.ones((6, 9), np.float32)}).write(path)
    data = bytearray((tmp_path / "a.exr").read_bytes())
    place = data.index(b"dataWindow\0box2i\0") + 21
    for corner in ((8, 90_000), (90_000, 90_000), ((1 << 31) - 2,) * 2, (-5, -5)):
        data[place + 8 : place + 16] = struct.pack("<2i", *corner)
        (tmp_path / "a.exr").write_bytes(data)
        with pytest.raises(DataError, match=r"a\.exr cannot be read as OpenEXR"):
            read_map(path)
