"""Reading of files: the right channels, and an error for every damaged file."""

import io
import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from mtl_plugins.datasets import DepthFormat, LabelFormat
from mtl_plugins.datasets.files import read_image, read_map
from mtl_plugins.errors import DataError


def save(array, path, **kwargs):
    Image.fromarray(array).save(path, **kwargs)
    return str(path)


def test_images_are_bgr(tmp_path):
    rgb = np.zeros((4, 5, 3), np.uint8)
    rgb[..., 0], rgb[..., 2] = 200, 10
    assert read_image(save(rgb, tmp_path / "a.png"))[0, 0].tolist() == [10, 0, 200]


def test_grey_and_alpha_images_become_three_channels(tmp_path):
    grey = save(np.full((4, 5), 7, np.uint8), tmp_path / "grey.png")
    alpha = save(np.full((4, 5, 4), 9, np.uint8), tmp_path / "alpha.png")
    assert read_image(grey)[0, 0].tolist() == [7, 7, 7]
    assert read_image(alpha).shape == (4, 5, 3)


def test_images_are_rotated_as_exif_says(tmp_path):
    pixels = np.zeros((4, 6, 3), np.uint8)
    pixels[0, 0] = (255, 0, 0)
    exif = Image.Exif()
    exif[0x0112] = 3  # to be turned by half a turn
    path = save(pixels, tmp_path / "turned.png", exif=exif)
    assert read_image(path)[-1, -1].tolist() == [0, 0, 255]


def test_sixteen_bit_depth_is_exact(tmp_path):
    raw = np.array([[0, 1, 255, 256, 65535]], np.uint16)
    assert np.array_equal(read_map(save(raw, tmp_path / "d.png")), raw)


def test_palette_labels_give_indices_not_colours(tmp_path):
    ids = np.array([[0, 1, 2]], np.uint8)
    image = Image.fromarray(ids, mode="P")
    image.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0])
    image.save(tmp_path / "p.png")
    assert np.array_equal(read_map(str(tmp_path / "p.png")), ids)


def test_npy_maps(tmp_path):
    depth = np.random.rand(3, 4).astype(np.float32)
    np.save(tmp_path / "d.npy", depth)
    assert np.array_equal(read_map(str(tmp_path / "d.npy")), depth)


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
@pytest.mark.parametrize("keep", [0.0, 0.1, 0.5, 0.9])
def test_truncated_files_are_errors(tmp_path, suffix, keep):
    path = tmp_path / f"a{suffix}"
    save(np.random.default_rng(0).integers(0, 256, (40, 40, 3)).astype(np.uint8), path)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])
    with pytest.raises(DataError, match=rf"a\{suffix} cannot be read as an image"):
        read_image(str(path))


def test_flipped_bytes_in_a_png_are_errors(tmp_path):
    path = tmp_path / "a.png"
    save(np.random.default_rng(0).integers(0, 65536, (40, 40)).astype(np.uint16), path)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(bytes(data))
    with pytest.raises(DataError, match="damaged"):
        read_map(str(path))


def test_missing_and_foreign_files(tmp_path):
    with pytest.raises(DataError, match="does not exist"):
        read_map(str(tmp_path / "none.png"))
    (tmp_path / "text.png").write_text("hello")
    with pytest.raises(DataError, match="cannot be read as an image"):
        read_map(str(tmp_path / "text.png"))


def test_colour_coded_maps_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"\(4, 5, 3\); expected one channel.*digits"):
        read_map(save(np.zeros((4, 5, 3), np.uint8), tmp_path / "c.png"))


def test_an_empty_file_and_a_folder_are_errors(tmp_path):
    for name in ("a.png", "a.npy"):
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(
        DataError, match=r"a\.png cannot be read as an image: it is empty .*replace"
    ):
        read_image(str(tmp_path / "a.png"))
    with pytest.raises(DataError, match=r"a\.npy is not a readable \.npy file.*replace"):
        read_map(str(tmp_path / "a.npy"))
    with pytest.raises(DataError, match=r"cannot be read: .*Check that it is a file"):
        read_image(str(tmp_path))


def test_images_of_other_modes_look_as_in_viewers(tmp_path):
    """CMYK without ink is white; 16-bit values keep the high byte and are not clipped."""
    Image.new("CMYK", (3, 2), (0, 255, 0, 0)).save(tmp_path / "cmyk.jpg", quality=100)
    assert np.abs(read_image(str(tmp_path / "cmyk.jpg"))[0, 0] - [255.0, 0, 255]).max() < 4
    grey = save(np.full((2, 3), 0x1234, np.uint16), tmp_path / "grey16.png")
    assert read_image(grey).tolist() == np.full((2, 3, 3), 0x12).tolist()
    colours = np.full((2, 3, 3), (0x1234, 0x5678, 0x9ABC), np.uint16)
    cv2.imwrite(str(tmp_path / "colour16.png"), colours)
    assert read_image(str(tmp_path / "colour16.png"))[0, 0].tolist() == [0x12, 0x56, 0x9A]


@pytest.mark.parametrize(
    ("dtype", "message"), [(np.float32, "float values"), (np.int32, "32-bit values")]
)
def test_32_bit_and_float_values_are_refused_as_images_and_read_as_maps(tmp_path, dtype, message):
    path = save(np.full((2, 3), 70000, dtype), tmp_path / "a.tif")
    with pytest.raises(DataError, match=rf"a\.tif has {message}; .*Convert it"):
        read_image(path)
    assert read_map(path).tolist() == np.full((2, 3), 70000).tolist()


@pytest.mark.parametrize(("mode", "channels"), [("LA", 1), ("RGBA", 1), ("CMYK", 3)])
def test_targets_with_other_channels_are_refused(tmp_path, mode, channels):
    path = str(tmp_path / ("a.tif" if mode == "CMYK" else "a.png"))
    Image.new(mode, (5, 4)).save(path)
    with pytest.raises(DataError, match=rf"a\.\w+ has shape \(4, 5, {len(mode)}\); expected"):
        read_map(path, channels=channels)


def test_16_bit_colours_are_refused_as_targets(tmp_path):
    path = str(tmp_path / "a.png")
    cv2.imwrite(path, np.full((2, 3, 3), 0x1234, np.uint16))
    with pytest.raises(DataError, match=r"a\.png has colours of 16 bits .*\.npy"):
        read_map(path, channels=3)


def test_targets_whose_values_would_be_scaled_are_refused(tmp_path):
    (tmp_path / "a.pgm").write_bytes(b"P5 2 1 18\n" + bytes([3, 18]))
    with pytest.raises(DataError, match=r"a\.pgm has another maximum than 255 or 65535.*PNG"):
        read_map(str(tmp_path / "a.pgm"))
    (tmp_path / "a.pgm").write_bytes(b"P5 2 1 255\n" + bytes([3, 18]))
    assert read_map(str(tmp_path / "a.pgm")).tolist() == [[3, 18]]
    (tmp_path / "a.pgm").write_bytes(b"P5 2 1 65535\n" + bytes([1, 2, 0, 3]))
    assert read_map(str(tmp_path / "a.pgm")).tolist() == [[258, 3]]


def test_lossy_files_are_refused_for_classes_but_not_for_depth(tmp_path):
    path = save(np.full((8, 8), 100, np.uint8), tmp_path / "a.jpg")
    assert read_map(path).tolist() == np.full((8, 8), 100).tolist()
    with pytest.raises(DataError, match=r"a\.jpg is a JPEG .*Write the target losslessly"):
        read_map(path, exact=True)
    assert LabelFormat(1).exact and DepthFormat(digits=(1, 256)).exact and not DepthFormat().exact


def header(data, **fields):
    """A PNG file with other values in its header, and a checksum that is right."""
    names = ("width", "height", "bits", "colour", "compression", "filter", "interlace")
    values = dict(zip(names, struct.unpack(">IIBBBBB", data[16:29]), strict=True), **fields)
    chunk = b"IHDR" + struct.pack(">IIBBBBB", *values.values())
    return data[:12] + chunk + struct.pack(">I", zlib.crc32(chunk)) + data[33:]


def encoded(array, file_format="PNG"):
    file = io.BytesIO()
    Image.fromarray(array).save(file, file_format)
    return file.getvalue()


@pytest.mark.parametrize(("side", "reason"), [(9_000, "truncated"), (2**31 - 1, "too large")])
def test_a_png_that_promises_more_than_it_holds_is_refused(tmp_path, side, reason):
    (tmp_path / "a.png").write_bytes(header(encoded(np.zeros((4, 4), np.uint8)), width=side))
    with pytest.raises(DataError, match=rf"a\.png .*{reason}"):
        read_map(str(tmp_path / "a.png"))


@pytest.mark.parametrize("side", [9_000, 65_535])
def test_a_jpeg_that_promises_more_than_it_holds_is_refused(tmp_path, side):
    data = bytearray(encoded(np.zeros((16, 16, 3), np.uint8), "JPEG"))
    place = data.index(b"\xff\xc0") + 5
    data[place : place + 4] = struct.pack(">HH", side, side)
    (tmp_path / "a.jpg").write_bytes(data)
    with pytest.raises(DataError, match=rf"a\.jpg cannot be read .*promises {side**2} pixels"):
        read_image(str(tmp_path / "a.jpg"))


def test_a_jpeg_that_ends_in_zeros_is_an_error(tmp_path):
    random = np.random.default_rng(0).integers(0, 256, (40, 40, 3)).astype(np.uint8)
    data = encoded(random, "JPEG")
    half = len(data) // 2
    (tmp_path / "a.jpg").write_bytes(data[:half] + bytes(len(data) - half))
    with pytest.raises(DataError, match=r"a\.jpg cannot be read .*end marker"):
        read_image(str(tmp_path / "a.jpg"))


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("pixels", [15, 7])
def test_images_beyond_pils_limit_are_refused(tmp_path, monkeypatch, pixels):
    """PIL itself only warns up to twice its limit."""
    path = save(np.zeros((4, 4), np.uint8), tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", pixels)
    with pytest.raises(DataError, match=rf"a\.png is too large.*more than {pixels} .*tiles"):
        read_map(path)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    assert read_map(path).shape == (4, 4)


def test_npy_files_of_another_size_than_their_header_says_are_errors(tmp_path):
    np.save(tmp_path / "d.npy", np.zeros((3, 4), np.float32))
    data = (tmp_path / "d.npy").read_bytes()
    wide = data.replace(b"(3, 4), }     ", b"(3, 4000000), }")[: len(data)]
    for changed in (data[:-1], data + b"x", wide, data.replace(b"'<f4'", b"'<f8'")):
        assert changed != data
        (tmp_path / "d.npy").write_bytes(changed)
        with pytest.raises(DataError, match=r"d\.npy is not a readable .*header promises shape"):
            read_map(str(tmp_path / "d.npy"))


@pytest.mark.parametrize(
    "values", [np.array([["a"]]), np.array([[1j]]), np.array([[None]]), np.zeros((2, 2), "M8[s]")]
)
def test_npy_files_without_numbers_are_errors(tmp_path, values):
    np.save(tmp_path / "d.npy", values)
    with pytest.raises(DataError, match=r"d\.npy is not a readable .*expected numbers"):
        read_map(str(tmp_path / "d.npy"))


def test_npy_files_of_any_order_and_version_are_read(tmp_path):
    values = np.arange(6, dtype=">i4").reshape(2, 3)
    for version in ((1, 0), (2, 0)):
        with open(tmp_path / "d.npy", "wb") as file:
            np.lib.format.write_array(file, np.asfortranarray(values), version)
        assert read_map(str(tmp_path / "d.npy")).tolist() == values.tolist()
