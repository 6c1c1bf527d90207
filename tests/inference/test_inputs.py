"""Inputs of every kind are predicted, or refused in one sentence; no output replaces another."""

from __future__ import annotations

import base64
import io
import json
import os
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from mtl_plugins.errors import DataError
from mtl_plugins.inference import MultiTaskInferencer, inferencer
from tests.inference.conftest import brightness, images, write_video

IMAGE = images()[1]
RGB = np.ascontiguousarray(IMAGE[..., ::-1])


def encoded(kind="PNG", image=None) -> bytes:
    file = io.BytesIO()
    (Image.fromarray(RGB) if image is None else image).save(file, kind)
    return file.getvalue()


def pil(mode="RGB"):
    return Image.fromarray(RGB).convert(mode)


def opened(*options):
    return open("a.png", *options)


@pytest.fixture
def predict(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.png").write_bytes(encoded())
    opened = []
    # OpenCV looks for a webcam for seconds.
    monkeypatch.setattr(cv2, "VideoCapture", lambda source: opened.append(source))
    yield MultiTaskInferencer(brightness)
    assert opened == []


SAME = {
    "bytes": encoded,
    "bytearray": lambda: bytearray(encoded()),
    "memoryview": lambda: memoryview(encoded()),
    "BytesIO": lambda: io.BytesIO(encoded()),
    "open file": lambda: opened("rb"),
    "unbuffered file": lambda: opened("rb", 0),
    "PIL": pil,
    "PIL, lazily read": lambda: Image.open("a.png"),
    "PIL with alpha": lambda: pil("RGBA"),
    "address": lambda: "data:image/png;base64," + base64.b64encode(encoded()).decode(),
    "array": lambda: IMAGE,
    "array of negative strides": lambda: RGB[..., ::-1],
    "array in Fortran order": lambda: np.asfortranarray(IMAGE),
    "read-only array": lambda: np.frombuffer(IMAGE.tobytes(), np.uint8).reshape(IMAGE.shape),
    "text": lambda: "a.png",
    "Path": lambda: Path("a.png"),
    "Path of a pattern": lambda: Path("*.png"),
    "folder": lambda: Path("."),
    "list": lambda: ["a.png"],
    "tuple": lambda: ("a.png",),
    "set": lambda: {"a.png"},
    "generator": lambda: (each for each in ["a.png"]),
    "keys of a dict": lambda: {"a.png": 1}.keys(),
    "array of objects in a list": lambda: list(np.array(["a.png"], object)),
}


@pytest.mark.parametrize("kind", SAME)
def test_the_same_image_in_every_form_is_the_same(predict, kind):
    [found] = predict(SAME[kind]())
    assert np.array_equal(found.image, IMAGE)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "CMYK", "YCbCr", "HSV"])
def test_pil_images_of_every_mode_look_as_in_viewers(predict, mode):
    given = pil(mode)
    [found] = predict(given)
    expected = np.asarray(given.convert("RGB"))[..., ::-1]
    assert np.array_equal(found.image, expected)


def test_pil_images_and_bytes_are_turned_as_exif_says(predict):
    file, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = 6
    pil().save(file, "PNG", exif=exif)
    for given in (file.getvalue(), Image.open(file)):
        [found] = predict(given)
        assert np.array_equal(found.image, np.rot90(IMAGE, -1))


ARRAYS = {
    "no pixels": (IMAGE[:0], r"\(0, 90, 3\) uint8"),
    "grey": (IMAGE[..., 0], "COLOR_GRAY2BGR"),
    "grey with its axis": (IMAGE[..., :1], "COLOR_GRAY2BGR"),
    "transparent": (np.dstack([IMAGE, IMAGE[..., 0]]), r"array\[\.\.\., :3\]"),
    "shares": (IMAGE / 255, r"array \* 255"),
    "16 bits": (IMAGE.astype(np.uint16), "Scale it to 0 to 255"),
    "mask": (IMAGE > 9, r"array \* 255"),
    "channels first": (IMAGE.transpose(2, 0, 1), "transpose"),
    "batch": (np.stack([IMAGE, IMAGE]), r"list\(array\)"),
    "number": (np.array(0), r"An array is \(\)"),
    "names": (np.array(["a.png"]), r"An array is \(1,\)"),
}
REFUSED = {
    **{kind: (lambda array=array: array, reason) for kind, (array, reason) in ARRAYS.items()},
    "tensor": (lambda: torch.from_numpy(RGB.copy()), "RGB or BGR.*permute"),
    "tensor of one number": (lambda: torch.tensor(3), "A tensor is"),
    "file open as text": (lambda: opened(), "open as text"),
    "text in memory": (lambda: io.StringIO("a.png"), "open as text"),
    "closed file": (lambda: closed(), "cannot be read"),
    "file read to its end": (lambda: read(io.BytesIO(encoded())), r"seek\(0\)"),
    "no bytes": (lambda: b"", r"empty \(0 bytes\)"),
    "half of the bytes": (lambda: encoded("JPEG")[:300], "truncated or damaged"),
    "bytes of a page": (lambda: b"<html>", "HTML page"),
    "bytes of a name": (lambda: b"a.png", "no known image format"),
    "bytes of a video": (lambda: b"\0\0\0\x18ftypmp42\0\0", "a video"),
    "PIL of floats": (lambda: pil("F"), "mode F"),
    "PIL of 32 bits": (lambda: pil("I"), "mode I"),
    "PIL of 16 bits": (lambda: Image.fromarray(np.zeros((4, 5), np.uint16)), "mode I;16"),
    "damaged PIL": (lambda: Image.open(io.BytesIO(encoded("JPEG")[:700])), "read by PIL"),
    "damaged address": (lambda: "data:image/png;base64,?", "The address data:.* cannot be read"),
    "address without base64": (lambda: "data:,hello", "expected data:image/png;base64"),
    "dict": (lambda: {"img": IMAGE}, "An input is a dict"),
    "None": (lambda: None, "An input is a NoneType"),
    "list of None": (lambda: ["a.png", None], "An input is a NoneType"),
    "list in a list": (lambda: [["a.png"]], "An input is a list"),
    "truth": (lambda: True, "An input is a bool"),
    "fraction": (lambda: 1.5, "An input is a float"),
    "large number": (lambda: 1234, "the number 1234; expected the index of a webcam"),
    "huge number": (lambda: 2**70, "expected the index of a webcam"),
    "negative number": (lambda: np.int64(-1), "expected the index of a webcam"),
    "digits": (lambda: "007", "007: it does not exist"),
    "digits of a frame": (lambda: "20240131", "it does not exist"),
    "nothing": (lambda: [], "They are empty"),
    "no name": (lambda: "", "'': it does not exist"),
    "http": (lambda: "http://example.org/a.jpg", "not fetched; download"),
    "https": (lambda: "https://example.org/a.jpg", "not fetched; download"),
    "Path of http": (lambda: Path("http://example.org/a.jpg"), "not fetched; download"),
    "rtsp": (lambda: "rtsp://camera", "not fetched; download"),
    "file address": (lambda: Path("a.png").absolute().as_uri(), "not fetched; download"),
}


def closed():
    file = io.BytesIO(encoded())
    file.close()
    return file


def read(file):
    file.read()
    return file


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_image_is_refused_in_a_sentence(predict, kind):
    make, reason = REFUSED[kind]
    with pytest.raises(DataError, match=reason):
        predict(make())


def test_a_folder_contributes_what_is_an_image_by_name_or_content(predict):
    folder = Path("in")
    (folder / "deep").mkdir(parents=True)
    for name in ("a.PNG", "no ending", "b.dat", "deep/c.jfif"):
        (folder / name).write_bytes(encoded())
    for name in ("notes.txt", ".hidden.png", "._a.png", "Thumbs.db"):
        (folder / name).write_bytes(encoded() if name.startswith(".") else b"x")
    (folder / "d.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0")
    os.symlink("gone.png", folder / "broken.png")
    os.symlink("..", folder / "deep" / "again")
    found = predict(folder)
    assert [each.name for each in found] == ["a", "b", "deep/c", "no ending"]
    reasons = [str(problem) for problem in found.problems]
    assert len(reasons) == 2 and "broken.png does not exist" in reasons[0]
    assert "it is a HEIC picture" in reasons[1]


def listed(folder):
    entries = json.loads((folder / "predictions.json").read_text())["predictions"]
    return {entry["name"]: entry["source"] for entry in entries}


def depth(folder, name):
    return int(np.asarray(Image.open(folder / "depth" / f"{name}.png"))[0, 0])


def grey(value):
    return np.full((8, 8, 3), value, np.uint8)


def test_predictions_of_an_earlier_call_are_kept(predict, tmp_path):
    out = tmp_path / "out"
    for name in ("x", "y"):
        Path(name).mkdir()
        cv2.imwrite(f"{name}/0.png", grey(9 if name == "x" else 99))
    for value in (1, 2, 3):
        predict.save(grey(value), out, kinds=["depth"])
    predict.save([grey(4), cv2.imencode(".png", grey(5))[1].tobytes()], out, kinds=["depth"])
    for name in ("x", "y", "x", "y"):
        predict.save(f"{name}/0.png", out, kinds=["depth"])
    found = {name: depth(out, name) // 100 - 1 for name in listed(out)}
    names = ["array_0", *(f"array_0_{number}" for number in (2, 3, 4)), "image_0", "0", "0_2"]
    assert found == dict(zip(names, (1, 2, 3, 4, 5, 9, 99), strict=True))
    # The same files get the same names again, also if one is named twice.
    for _ in range(2):
        predict.save(["y/0.png", "y/0.png", "x/0.png"], out, kinds=["depth"])
    again = {name: depth(out, name) // 100 - 1 for name in listed(out)}
    assert again == {**found, "0_2_2": 99}
    assert {path.stem for path in (out / "depth").iterdir()} == {*again}
    # Predictions of another scale keep their files, but are not in a list that gives ours.
    predict.save(grey(6), out, kinds=["depth"], depth_scale=0.1)
    assert listed(out) == {"array_0_5": "array 0"} and depth(out, "array_0") == 200
    # A damaged list says nothing.
    (out / "predictions.json").write_text("{")
    predict.save(grey(7), out, kinds=["depth"])
    assert listed(out) == {"array_0": "array 0"}


def test_videos_of_one_name_are_kept(tmp_path):
    network = MultiTaskInferencer(brightness)
    for name in ("x", "y"):
        (tmp_path / name).mkdir()
        write_video(tmp_path / name / "clip.mp4", images()[:1] * 3)
        network.save(tmp_path / name / "clip.mp4", tmp_path / "out")
    assert sorted(os.listdir(tmp_path / "out" / "video")) == ["clip.mp4", "clip_2.mp4"]


def test_the_command_reads_standard_input(tmp_path, monkeypatch, capsys):
    class Stdin:
        buffer = io.BytesIO(encoded())

    monkeypatch.setattr(sys, "stdin", Stdin)
    inferencer.predict(brightness, ["-"], str(tmp_path / "out"), {}, dict(kinds=["depth"]))
    assert "1 image predicted" in capsys.readouterr().out
    assert listed(tmp_path / "out") == {"image_0": "image 0"}
