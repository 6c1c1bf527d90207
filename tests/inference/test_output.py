"""Files of predictions: values, names and videos."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest
from PIL import Image

from mtl_plugins.datasets import DepthFormat, NormalFormat
from mtl_plugins.datasets.files import read_image, read_map
from mtl_plugins.errors import ConfigError, DataError
from mtl_plugins.inference import KINDS, MultiTaskInferencer, encode_depth
from mtl_plugins.inference.inputs import distinct_names
from mtl_plugins.inference.pictures import panes
from mtl_plugins.models.segmentors import EXTRAS
from mtl_plugins.visualization import Style, colorize_depth, colorize_labels, depth_norm
from tests.commands import call
from tests.inference.conftest import RATE, brightness, images, read_video, write_video


def listing(folder):
    return json.loads((folder / "predictions.json").read_text(encoding="utf-8"))


def files(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def save(image, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image[..., ::-1]).save(path)


def test_files_hold_what_was_predicted(tmp_path, inferencer):
    save(images()[0], tmp_path / "in" / "street.png")
    asked = [kind for kind in KINDS if kind not in ("maps", *EXTRAS)]
    report = inferencer.save(tmp_path / "in", tmp_path / "out", kinds=asked)
    [found] = inferencer(tmp_path / "in")
    out = tmp_path / "out"
    kinds = sorted(set(asked) - {"video"})  # an image is no video
    assert files(out) == [*(f"{kind}/street.png" for kind in kinds), "predictions.json"]
    assert (report.images, report.problems) == (1, [])
    # A data set in folders reads them back.
    assert np.array_equal(read_map(str(out / "labels" / "street.png")), found.semseg)
    depth = DepthFormat(scale=0.01)(read_map(str(out / "depth" / "street.png")))
    assert np.abs(depth - found.depth).max() <= 0.005 + 1e-5
    normals = NormalFormat()(read_map(str(out / "normals" / "street.png"), channels=3))
    assert np.abs(normals - found.normals).max() < 0.02
    overlay = read_image(str(out / "overlay" / "street.png"))[..., ::-1].astype(float)
    colors = colorize_labels(found.semseg, inferencer.metainfo["palette"])
    assert np.abs(overlay - (found.image[..., ::-1] / 2.0 + colors / 2.0)).max() <= 0.5
    color = read_image(str(out / "depth_color" / "street.png"))[..., ::-1]
    near, far = np.percentile(found.depth, (2, 98))
    assert np.array_equal(
        color[:64, :128], colorize_depth(found.depth, depth_norm(near, far, log=True))
    )
    assert color.shape[0] > 64  # the bar
    panel = read_image(str(out / "panel" / "street.png"))
    assert panel.shape[1] > 1000
    written = listing(out)
    assert written["complete"] and written["depth_scale"] == 0.01
    assert written["classes"][0] == "road" and written["palette"][0] == "#804080"
    [entry] = written["predictions"]
    assert entry["files"]["depth"] == "depth/street.png" and entry["size"] == [64, 128]


def test_only_a_video_of_images_is_refused(tmp_path, inferencer):
    save(images()[0], tmp_path / "street.png")
    with pytest.raises(ConfigError, match="no input is a video"):
        inferencer.save(tmp_path / "street.png", tmp_path / "out", kinds=["video"])


def test_one_kind_may_be_a_text(tmp_path, inferencer):
    inferencer.save(images()[0], tmp_path, kinds="labels")
    assert files(tmp_path) == ["labels/array_0.png", "predictions.json"]


@pytest.mark.parametrize("wrong", [5, (5,), (5, 1), (1, 2, 3)])
def test_a_range_of_colours_has_two_ends(tmp_path, inferencer, wrong):
    with pytest.raises(ConfigError, match="expected 0 < near < far"):
        inferencer.save(images()[0], tmp_path, depth_range=wrong)


def test_depth_of_16_bits():
    depth = np.array([[0.0, np.nan, 0.0001, 1.234, 655.35, 655.36, np.inf, -1.0]], np.float32)
    values, too_far = encode_depth(depth)
    assert values.dtype == np.uint16 and too_far == 2
    assert values.tolist() == [[0, 0, 1, 123, 65535, 65535, 65535, 0]]
    kitti, too_far = encode_depth(np.array([[1.0, 255.99, 256.0]]), 1 / 256)
    assert kitti.tolist() == [[256, 65533, 65535]] and too_far == 1
    metres = np.random.default_rng(0).uniform(0.5, 200, (50, 50))
    back = DepthFormat(scale=0.004)(encode_depth(metres, 0.004)[0])
    assert np.abs(back - metres).max() <= 0.002 + 1e-4
    with pytest.raises(ConfigError, match="depth_scale=0"):
        encode_depth(metres, 0)


def test_too_far_for_16_bits_is_reported(tmp_path, inferencer):
    save(images()[0], tmp_path / "street.png")
    report = inferencer.save(
        tmp_path / "street.png", tmp_path / "out", kinds=["depth"], depth_scale=1e-5
    )
    assert report.too_far > 0
    assert listing(tmp_path / "out")["predictions"][0]["too_far"] == report.too_far


def test_a_video_side_by_side(tmp_path, inferencer):
    """It has the frames and the rate of its source, and image | classes | depth | normals."""
    frames = [np.roll(images()[0], 4 * i, axis=1) for i in range(7)]
    write_video(tmp_path / "clip ö.mp4", frames)
    report = inferencer.save(tmp_path / "clip ö.mp4", tmp_path / "out")
    assert files(tmp_path / "out") == ["predictions.json", "video/clip ö.mp4"]
    assert report.images == 7
    rate, found = read_video(tmp_path / "out" / "video" / "clip ö.mp4")
    assert rate == RATE and len(found) == 7
    predictions = inferencer(tmp_path / "clip ö.mp4")
    assert [p.name for p in predictions][:2] == ["clip ö/000000", "clip ö/000001"]
    for frame, prediction in zip(found, predictions, strict=True):
        span = np.percentile(predictions[0].depth, (2, 98))
        style = Style(ranges=dict(depth=tuple(span)))
        expected = np.hstack(panes(prediction, style))
        assert frame.shape == expected.shape == (64, 4 * 128, 3)
        assert np.abs(frame[..., ::-1].astype(float) - expected).mean() < 10  # it is lossy


def test_the_colours_of_a_video_do_not_flicker(tmp_path):
    """One depth keeps its colour when the range of depths in the scene changes."""
    ramp = np.linspace(0, 255, 128).astype(np.uint8)
    scene = np.tile(ramp[None, :, None], (64, 1, 3))
    dark = scene // 4
    write_video(tmp_path / "clip.mp4", [scene] * 4 + [dark] * 4)
    out = tmp_path / "out"
    MultiTaskInferencer(brightness).save(tmp_path / "clip.mp4", out, depth_log=False)
    _, found = read_video(tmp_path / "out" / "video" / "clip.mp4")
    first, last = (found[index][:, 128:, ::-1].astype(float) for index in (0, -1))
    # Intensity 56 is in column 28 of the bright scene, and in column 112 of the dark one.
    assert np.abs(first[:, 26:31].mean((0, 1)) - last[:, 110:115].mean((0, 1))).max() < 12
    # If each frame had its own range, the dark scene would span all colours, too.
    assert (
        last[:, :8].mean() - last[:, -8:].mean() < 80 < first[:, :8].mean() - first[:, -8:].mean()
    )


def test_frames_of_a_video_as_pictures(tmp_path, inferencer):
    write_video(tmp_path / "clip.mp4", images()[:1] * 2)
    save(images()[0], tmp_path / "clip" / "000000.png")  # the name of the first frame
    inferencer.save(
        [tmp_path / "clip.mp4", tmp_path / "clip"], tmp_path / "out", kinds=["labels", "video"]
    )
    assert files(tmp_path / "out") == [
        "labels/clip/000000.png",
        "labels/clip_2/000000.png",
        "labels/clip_2/000001.png",
        "predictions.json",
        "video/clip_2.mp4",
    ]


def test_a_video_that_ends_too_early(tmp_path, inferencer):
    write_video(tmp_path / "clip.avi", images()[:1] * 40)
    whole = (tmp_path / "clip.avi").read_bytes()
    (tmp_path / "clip.avi").write_bytes(whole[: len(whole) // 2])
    predictions = inferencer(tmp_path / "clip.avi")
    [problem] = predictions.problems
    assert 0 < len(predictions) < 36
    assert f"ends after {len(predictions)} of 40 frames" in problem.reason


def test_equal_names_get_different_files(tmp_path, inferencer):
    for place in ("a/x.png", "b/x.png", "b/x.jpg", "b/X.png"):
        save(images()[3], tmp_path / place)
    inputs = [tmp_path / "a", tmp_path / "b", tmp_path / "a" / "x.png", images()[3]]
    inferencer.save(inputs, tmp_path / "out", kinds=["labels"])
    found = [entry["files"]["labels"] for entry in listing(tmp_path / "out")["predictions"]]
    assert len({path.lower() for path in found}) == len(found) == 6
    assert set(found) <= set(files(tmp_path / "out"))
    assert {"labels/a/x.png", "labels/b/X.png", "labels/array_0.png"} <= set(found)


def test_names_are_distinct_for_every_file_system():
    assert distinct_names(["é", "e\u0301", "A", "a"]) == ["é", "e\u0301_2", "A", "a_2"]
    # Nothing else lies in the folder of a video's frames, in any order of the inputs.
    assert distinct_names(["clip", "clip/1"], [0]) == ["clip_2", "clip/1"]
    assert distinct_names(["clip/1", "clip", "clip"], [1, 2]) == ["clip/1", "clip_2", "clip_3"]


def test_files_of_others_are_neither_overwritten_nor_read_again(tmp_path, inferencer, monkeypatch):
    save(images()[3], tmp_path / "data" / "rgb" / "x.png")
    save(images()[3], tmp_path / "data" / "labels" / "x.png")
    before = (tmp_path / "data" / "labels" / "x.png").read_bytes()
    with pytest.raises(ConfigError, match="could overwrite something else"):
        inferencer.save(tmp_path / "data" / "rgb", tmp_path / "data")
    assert (tmp_path / "data" / "labels" / "x.png").read_bytes() == before
    # An output folder inside the input is not read: the second call gives the same.
    out = tmp_path / "data" / "out"
    for _ in range(2):
        assert inferencer.save(tmp_path / "data", out, kinds=["overlay"]).images == 2
    assert files(out) == ["overlay/labels/x.png", "overlay/rgb/x.png", "predictions.json"]
    assert sorted(os.listdir(tmp_path / "data")) == ["labels", "out", "rgb"]
    monkeypatch.chdir(tmp_path / "data")
    inferencer.save(os.path.join("..", "data", "rgb", "x.png"), "out2", kinds=["overlay"])
    assert files(tmp_path / "data" / "out2") == ["overlay/x.png", "predictions.json"]
    with pytest.raises(ConfigError, match="is a file"):
        inferencer.save("rgb", "rgb/x.png")
    with pytest.raises(ConfigError, match=r"kinds=.*Did you mean panel"):
        inferencer.save("rgb", "new", kinds=["panels"])
    with pytest.raises(ConfigError, match="near < far"):
        inferencer.save("rgb", "new", depth_range=(5, 5))
    assert not os.path.exists("new")
    with pytest.raises(DataError, match="holds no image"):
        os.mkdir("empty")
        inferencer.save("empty", "new")


def test_kinds_of_missing_tasks_are_left_out_or_refused(tmp_path):
    only = MultiTaskInferencer(brightness)
    save(images()[0], tmp_path / "x.png")
    only.save(tmp_path / "x.png", tmp_path / "out")
    assert files(tmp_path / "out") == ["depth/x.png", "panel/x.png", "predictions.json"]
    [found] = only(tmp_path / "x.png")
    assert found.semseg is None and found.normals is None and found["far"] is found.depth
    with pytest.raises(ConfigError, match="overlay needs a target of the type classes"):
        only.save(tmp_path / "x.png", tmp_path / "out", kinds=["overlay"])
    with pytest.raises(ConfigError, match="gives no bins"):
        only(tmp_path / "x.png", bins=True)


def test_the_command(tmp_path, saved):
    save(images()[0], tmp_path / "my photos" / "straße.png")
    save(images()[1], tmp_path / "my photos" / "b [1].png")
    (tmp_path / "my photos" / "bad.png").write_text("no image")
    result = call(
        "predict.py", saved[0], str(tmp_path / "my photos"), "missing.jpg",
        "--out", str(tmp_path / "out"), "--depth", "--depth-color", "--device", "cpu",
    )  # fmt: skip
    assert files(tmp_path / "out") == [
        "depth/b [1].png", "depth/straße.png", "depth_color/b [1].png", "depth_color/straße.png",
        "predictions.json",
    ]  # fmt: skip
    assert "2 images predicted" in result.stdout
    assert "2 inputs could not be read" in result.stderr
    assert "missing.jpg: it does not exist" in result.stderr and "bad.png" in result.stderr
    assert "Traceback" not in result.stderr
