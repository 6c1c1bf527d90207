"""A file of any kind is read, or refused as what it is."""

from __future__ import annotations

import gzip
import io
import pickle
import zipfile

import numpy as np
import pytest
from PIL import Image

from mtl_plugins.datasets.files import read_image, read_map
from mtl_plugins.errors import DataError

DEPTH = np.arange(12, dtype=np.uint16).reshape(3, 4)


def npy(values) -> bytes:
    file = io.BytesIO()
    np.save(file, values)
    return file.getvalue()


def npz(**arrays) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def png(values=DEPTH) -> bytes:
    file = io.BytesIO()
    Image.fromarray(values).save(file, "PNG")
    return file.getvalue()


def archive(**files) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as content:
        for name, data in files.items():
            content.writestr(name, data)
    return file.getvalue()


OTHERS = {
    "empty": b"",
    "zeros": bytes(5000),
    "HEIC": b"\0\0\0\x18ftypheic\0\0\0\0",
    "AVIF": b"\0\0\0\x1cftypavif\0\0\0\0",
    "JPEG XL": b"\xff\x0a\xfa",
    "HTML page": b"\n<!DOCTYPE html>\n<html><body>404</body></html>",
    "HTML": b"<HTML><head>",
    "Git LFS": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3\n",
    "gzip": gzip.compress(npy(DEPTH)),
    "HDF5": b"\x89HDF\r\n\x1a\n\0\0",
    "PDF": b"%PDF-1.7",
    "pickle": pickle.dumps(DEPTH),
    "video": b"\0\0\0\x18ftypmp42\0\0\0\0",
    "AppleDouble": b"\0\x05\x16\x07\0\x02\0\0",
    "JSON": b'{"error": "not found"}',
    "SVG": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "Photoshop": b"8BPS\0\1",
    "Radiance": b"#?RADIANCE\n",
}


@pytest.mark.parametrize("kind", OTHERS)
@pytest.mark.parametrize("suffix", [".jpg", ".npy", ".npz", ".exr"])
def test_files_of_other_kinds_are_called_what_they_are(tmp_path, kind, suffix):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(OTHERS[kind])
    for read in (read_image, read_map):
        with pytest.raises(DataError, match=kind) as error:
            read(str(path))
        assert "truncated" not in str(error.value) and str(path) in str(error.value)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".npy", ".npz", ".PNG", ".exr", ""])
def test_the_first_bytes_say_how_a_file_is_read(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    for content in (png(), npy(DEPTH), npz(depth=DEPTH), npz(anything=DEPTH[..., None])):
        path.write_bytes(content)
        assert np.array_equal(read_map(str(path)), DEPTH)
    path.write_bytes(png(np.dstack([DEPTH.astype(np.uint8)] * 3)))
    assert read_image(str(path)).shape == (3, 4, 3)


@pytest.mark.parametrize(
    "content, reason",
    [
        (npz(depth=DEPTH, mask=DEPTH), r"archive of 2 files \(depth, mask\).*np\.save"),
        (archive(**{"a.txt": b"text"}), r"zip archive of a\.txt"),
        (npz(depth=np.array([["a"]])), r"type <U1; expected numbers"),
        (npy(np.array([[None]])), r"type object; expected numbers"),
        (npy(np.zeros((2, 2), [("x", "f4")])), r"expected numbers"),
    ],
)
def test_arrays_that_are_not_read_say_why(tmp_path, content, reason):
    (tmp_path / "d.npz").write_bytes(content)
    with pytest.raises(DataError, match=reason) as error:
        read_map(str(tmp_path / "d.npz"))
    assert "truncated" not in str(error.value)


@pytest.mark.parametrize("content", [npy(DEPTH)[:-3], npz(depth=DEPTH)[:-30], png()[:-20]])
def test_files_of_a_kind_that_is_read_are_called_damaged(tmp_path, content):
    (tmp_path / "d.npz").write_bytes(content)
    with pytest.raises(DataError, match="truncated or damaged"):
        read_map(str(tmp_path / "d.npz"))


def test_an_archive_that_promises_too_much_is_refused(tmp_path, monkeypatch):
    (tmp_path / "d.npz").write_bytes(npz(depth=np.zeros((100, 100))))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(DataError, match=r"d\.npz is too large: depth\.npy in it promises 80128"):
        read_map(str(tmp_path / "d.npz"))


@pytest.mark.parametrize("dtype", ["?", "u1", ">u2", "<i4", ">i8", "<f2", ">f4", "f8"])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("shape", [(3, 4), (3, 4, 1), (1, 3, 4)])
def test_arrays_of_one_channel_are_read_in_the_order_of_this_machine(tmp_path, dtype, order, shape):
    values = np.asarray(DEPTH % 2, dtype, order=order).reshape(shape, order="A")
    (tmp_path / "d.npy").write_bytes(npy(values))
    found = read_map(str(tmp_path / "d.npy"))
    assert found.dtype.isnative and found.dtype.kind == np.dtype(dtype).kind
    assert np.array_equal(found, values.reshape(3, 4))
