"""The inferencer takes every kind of input; batches do not change predictions."""

from __future__ import annotations

import os

import numpy as np
import pytest
from PIL import Image

import mtl_plugins
from mtl_plugins.datasets.files import read_image
from mtl_plugins.errors import ConfigError, DataError
from mtl_plugins.inference import MultiTaskInferencer
from tests.inference.conftest import SIZES, assert_equal, brightness, images


def test_a_prediction_in_three_lines(saved):
    inferencer = mtl_plugins.MultiTaskInferencer(saved[0])
    [street] = inferencer(images()[0])
    assert street.semseg.shape == street.depth.shape == (64, 128)
    assert street.semseg.dtype == np.uint8 and len(np.unique(street.semseg)) > 1
    assert street.depth.dtype == np.float32 and street.depth.std() > 0.1
    assert np.allclose(np.linalg.norm(street.normals, axis=2), 1, atol=1e-5)
    assert inferencer.metainfo["classes"][:2] == ("road", "sidewalk")
    assert inferencer.metainfo["tasks"] == dict(semseg="semseg", depth="depth", normals="normals")


def test_batches_of_mixed_sizes_equal_single_images(inferencer):
    alone = [inferencer.predictor([image])[0] for image in images()]
    for image, maps, found in zip(images(), alone, inferencer(images()), strict=True):
        assert found["depth"].shape == image.shape[:2]
        assert_equal(found.maps, maps)
        assert np.array_equal(found.image, image)


def test_inputs_are_arrays_files_folders_and_globs(tmp_path, inferencer):
    first, second, third = images(SIZES[:3])
    for place, image in (("a/ö ü.png", first), ("a/deep/x.PNG", second), ("b/x.png", third)):
        path = tmp_path / place
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image[..., ::-1]).save(path)
    (tmp_path / "a" / "notes.txt").write_text("no image")
    (tmp_path / "a" / ".hidden.png").write_text("no image")
    expected = {"first": first, "second": second, "third": third}
    expected = {name: inferencer.predictor([image])[0] for name, image in expected.items()}

    def check(inputs, **names):
        found = inferencer(inputs)
        assert found.problems == []
        assert [each.name for each in found] == list(names.values())
        for each, name in zip(found, names, strict=True):
            assert_equal(each.maps, expected[name])

    check([first, third], first="array_0", third="array_1")
    check(str(tmp_path / "a" / "ö ü.png"), first="ö ü")
    check(tmp_path / "a", second="deep/x", first="ö ü")
    check([tmp_path / "a" / "deep", tmp_path / "b"], second="a/deep/x", third="b/x")
    check(str(tmp_path / "**" / "x.*"), second="a/deep/x", third="b/x")
    check([first, str(tmp_path / "b")], first="array_0", third="x")


def test_files_are_read_as_in_training(tmp_path, inferencer):
    """EXIF rotation, transparency and grey images are handled as in `read_image`."""
    exif = Image.Exif()
    exif[0x0112] = 6
    image = images()[0]
    Image.fromarray(image).save(tmp_path / "turned.jpg", exif=exif)
    Image.fromarray(image[..., 0]).save(tmp_path / "grey.png")
    Image.fromarray(np.dstack([image, image[..., :1]])).save(tmp_path / "alpha.png")
    for found in inferencer(tmp_path):
        assert np.array_equal(found.image, read_image(found.source.path))
    assert found.depth.shape == (128, 64)


def test_unreadable_inputs_are_listed_and_the_others_predicted(tmp_path, inferencer):
    good, cut, text = (tmp_path / name for name in ("good.png", "cut.png", "text.jpg"))
    Image.fromarray(images()[0]).save(good)
    cut.write_bytes(good.read_bytes()[:300])
    text.write_text("hello")
    (tmp_path / "clip.mp4").write_text("no video")
    (tmp_path / "empty").mkdir()
    inputs = [tmp_path, tmp_path / "none.png", tmp_path / "*.gif", tmp_path / "empty", 97]
    found = inferencer(inputs)
    assert [each.name for each in found] == ["good"]
    reasons = {os.path.basename(p.source): p.reason for p in found.problems}
    assert set(reasons) == {
        "cut.png", "text.jpg", "clip.mp4", "none.png", "*.gif", "empty", "webcam 97",
    }  # fmt: skip
    assert "does not exist" in reasons["none.png"] and "no file" in reasons["*.gif"]
    assert "truncated" in reasons["cut.png"] and "as a video" in reasons["clip.mp4"]
    assert "opened" in reasons["webcam 97"]
    problems = []
    streamed = list(inferencer.stream(inputs, problems=problems))
    assert len(streamed) == 1 and {p.reason for p in problems} == set(reasons.values())
    with pytest.raises(DataError, match=r"(?s)None of the inputs.*none\.png: it does not exist"):
        inferencer(tmp_path / "none.png")


def test_arrays_other_than_images_are_refused(inferencer):
    image = images()[0]
    for wrong in (image[..., 0], image.astype(np.float32), image[:0], None, [image]):
        with pytest.raises(DataError, match=r"expected an (image|array) H,W,3 uint8"):
            inferencer([image, wrong])
    with pytest.raises(DataError, match="An input is a float; expected an array"):
        inferencer(1.5)


def test_a_stream_reads_one_batch_at_a_time():
    sizes = []

    def counted(batch):
        sizes.append(len(batch))
        return brightness(batch)

    counted.metainfo = brightness.metainfo
    stream = MultiTaskInferencer(counted, batch_size=2).stream(images())
    assert sizes == []
    next(stream)
    assert sizes == [2]
    assert len(list(stream)) == 4 and sizes == [2, 2, 1]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (dict(model=None), "model is a NoneType; expected the path"),
        (dict(model={}), "model is a dict; expected the path"),
        (dict(model=brightness, batch_size="4"), "batch_size='4'; expected a whole number"),
    ],
)
def test_arguments_of_another_kind_are_refused(given, message):
    with pytest.raises(ConfigError, match=message):
        MultiTaskInferencer(**given)


def test_a_map_that_is_not_predicted_is_named_with_the_nearest(inferencer):
    with pytest.raises(KeyError, match=r"no 'semsge'. Did you mean semseg"):
        inferencer(images()[0])[0]["semsge"]
