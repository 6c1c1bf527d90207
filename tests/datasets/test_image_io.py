"""Reading files: the right channels, and an error for everything damaged."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from mtl_plugins.datasets.image_io import read_image, read_map
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


def test_images_stand_as_viewers_show_them(tmp_path):
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
    with pytest.raises(DataError, match=r"\(4, 5, 3\); expected one channel"):
        read_map(save(np.zeros((4, 5, 3), np.uint8), tmp_path / "c.png"))
