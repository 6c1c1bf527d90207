"""Probabilities and confidence: in Python, as files, from exported networks."""

from __future__ import annotations

import re

import numpy as np
import pytest
from PIL import Image

from mtl_plugins.errors import ConfigError
from mtl_plugins.inference import MultiTaskInferencer
from mtl_plugins.inference.export import export
from tests.commands import call
from tests.inference.conftest import assert_equal, images
from tests.inference.every_type import config, dataset, save_checkpoint, write_files

EXTRAS = ("confidence", "probability")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("extras")
    write_files(folder / "data")
    save_checkpoint(config(dataset(folder / "data")), folder / "a.pth")
    return folder


@pytest.fixture(scope="module")
def inferencer(root):
    return MultiTaskInferencer(root / "a.pth", device="cpu", extras=EXTRAS)


def test_extras_belong_to_the_predictions(root, inferencer):
    picture = images()[1]
    [plain] = MultiTaskInferencer(root / "a.pth", device="cpu")(picture)
    [found] = inferencer(picture)
    tasks = {task for task, target in inferencer.targets.items() if target.integer}
    names = {f"{task}_{extra}" for task in tasks for extra in EXTRAS}
    assert {*found.maps} - {*plain.maps} == names and len(tasks) >= 3
    for task in tasks:
        ids, confidence = found[task], found[f"{task}_confidence"]
        shares = found[f"{task}_probability"]
        assert np.array_equal(ids, plain[task])
        assert confidence.shape == ids.shape and confidence.dtype == np.float32
        if inferencer.targets[task].type == "binary":
            assert shares.shape == ids.shape and np.array_equal(shares >= 0.5, ids == 1)
            expected = np.maximum(shares, 1 - shares)
        else:
            assert shares.shape == (*ids.shape, len(inferencer.targets[task].classes))
            np.testing.assert_allclose(shares.sum(-1), 1, rtol=1e-5)
            assert np.array_equal(shares.argmax(-1), ids)
            expected = shares.max(-1)
        assert np.array_equal(confidence, expected)


def test_the_command_writes_them_beside_each_other(root, inferencer, tmp_path):
    picture = images()[0]
    Image.fromarray(picture[..., ::-1]).save(tmp_path / "a.png")
    out = tmp_path / "out"
    call(
        "predict.py",
        root / "a.pth",
        tmp_path / "a.png",
        "--out",
        out,
        "--confidence",
        "--probability",
    )
    [found] = inferencer(str(tmp_path / "a.png"))
    shown = np.asarray(Image.open(out / "confidence" / "a.png"))
    assert shown.dtype == np.uint8
    assert np.abs(shown / 255 - found["semseg_confidence"]).max() <= 0.5 / 255 + 1e-6
    stored = np.load(out / "probability-lanes" / "a.npy")
    np.testing.assert_allclose(stored, found["lanes_probability"], atol=1e-6)


def test_kinds_without_their_extras_are_refused(root, tmp_path):
    plain = MultiTaskInferencer(root / "a.pth", device="cpu")
    with pytest.raises(ConfigError, match=r"extras=\['confidence'\]"):
        plain.save(images()[0], tmp_path / "out", kinds=["confidence"])


@pytest.mark.parametrize(
    ("extras", "message"),
    [(["confidenc"], r"Did you mean confidence\?"), ("probabilitys", r"Did you mean probability")],
)
def test_a_typo_gets_the_nearest_name(root, extras, message):
    with pytest.raises(ConfigError, match=message):
        MultiTaskInferencer(root / "a.pth", device="cpu", extras=extras)


@pytest.mark.parametrize("name", ["a.onnx", "a.pt2"])
@pytest.mark.slow
def test_exported_networks_predict_them_too(root, inferencer, name, capsys):
    pytest.importorskip("onnxscript")
    path = str(root / name)
    export(str(root / "a.pth"), out=path, preprocess=name == "a.onnx", extras=EXTRAS)
    # Names are folded in a narrow table.
    shown = re.sub(r"\s", "", capsys.readouterr().out)
    assert len(re.findall("semseg_c", shown)) == 6  # in five batches, and in the last line
    picture = images()[3]
    [expected] = inferencer(picture)
    [found] = MultiTaskInferencer(path, device="cpu", extras=["probability"])(picture)
    assert_equal(dict(sorted(found.maps.items())), dict(sorted(expected.maps.items())))


@pytest.mark.slow
def test_an_export_without_them_says_how_to_get_them(root, capsys):
    pytest.importorskip("onnxscript")
    path = str(root / "plain.pt2")
    export(str(root / "a.pth"), out=path)
    with pytest.raises(ConfigError, match=r"no confidence among its outputs\. Export it with"):
        MultiTaskInferencer(path, device="cpu", extras=["confidence"])
