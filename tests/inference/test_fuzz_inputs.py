"""Damaged networks and videos give an error that names the file, or output of the right shape.

FUZZ_ROUNDS=20 damages 20 times as many.
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from mtl_plugins.checkpoints import CheckpointError
from mtl_plugins.errors import DataError
from mtl_plugins.inference import (
    ExportedProgramPredictor,
    ModelInfo,
    MultiTaskInferencer,
    OnnxPredictor,
    Sources,
)
from mtl_plugins.inference.model_info import KEY
from mtl_plugins.targets import DEPTH, SEMSEG, Target
from tests.datasets.mutations import damaged_texts, outcomes, strange_texts, text_outcomes
from tests.inference.conftest import brightness, images, write_video

IMAGE = images()[0]
LANES = Target("lanes", "classes", classes=("a", "b"), palette=((1, 2, 3), (4, 5, 6)))
NORMALISATION = dict(
    mean=(1.0, 2.0, 3.0), std=(1.0, 2.0, 1.0), bgr_to_rgb=True, preprocess=False, size_divisor=1,
    size=IMAGE.shape[:2],
)  # fmt: skip
INFO = ModelInfo({"far": DEPTH}, **NORMALISATION)
OF_0_1 = json.dumps(
    dict(
        tasks={"far": "depth", "semseg": "semseg"}, classes=["a", "b"], depth_unit="relative",
        palette=[[1, 2, 3], [4, 5, 6]], **NORMALISATION, version="0.1.0",
    )
)  # fmt: skip


@pytest.mark.parametrize(
    "text", [ModelInfo({"far": DEPTH, "l": LANES}, **NORMALISATION).to_json(), OF_0_1]
)
def test_a_strange_description_is_refused_or_usable(text):
    texts = [*damaged_texts(text, 1000), *strange_texts(json.loads(text), json.dumps, 1500)]
    found = [*text_outcomes(texts, lambda t: ModelInfo.from_json(t, "a.onnx"), "a.onnx")]
    for info in found:
        if info is not None:
            assert np.isfinite(np.float32(info.mean) / np.float32(info.std)).all()
            for task, target in info.targets.items():
                assert isinstance(task, str) and all(isinstance(c, str) for c in target.classes)
                shape = np.array(target.palette, np.uint8).shape
                assert shape in ((len(target.classes), 3), (0,))
            assert list(ModelInfo.from_json(info.to_json(), "b").targets) == [*info.targets]
            assert json.loads(json.dumps(asdict(info)))
    assert 0 < sum(info is not None for info in found) < len(found) / 2


def test_a_description_of_version_0_1_is_read():
    info = ModelInfo.from_json(OF_0_1, "a.onnx")
    semseg = replace(SEMSEG, classes=("a", "b"), palette=((1, 2, 3), (4, 5, 6)))
    assert info.targets == {"far": replace(DEPTH, unit="relative"), "semseg": semseg}
    assert (info.mean, info.size, info.version) == ((1.0, 2.0, 3.0), IMAGE.shape[:2], "0.1.0")
    assert info.metainfo["tasks"] == {"far": "depth", "semseg": "semseg"}
    assert info.metainfo["classes"] == ("a", "b") and info.metainfo["depth_unit"] == "relative"


def test_a_damaged_onnx_file_is_an_error_or_a_network(tmp_path):
    """The format has no checksums."""
    weight = numpy_helper.from_array(np.full((1, 3, 1, 1), 0.25, np.float32), "weight")
    place = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", channels, "h", "w"])
             for name, channels in (("image", 3), ("far", 1))]  # fmt: skip
    node = helper.make_node("Conv", ["image", "weight"], ["far"])
    graph = helper.make_graph([node], "graph", place[:1], place[1:], [weight])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    model.metadata_props.add(key=KEY, value=INFO.to_json())
    path = tmp_path / "a.onnx"
    onnx.save(model, path)

    def read(_):
        return OnnxPredictor(path, "cpu")([IMAGE])[0]

    assert read(path)["far"].std() > 0
    for maps in outcomes(path.read_bytes(), path, read, "", rounds=250):
        for found in (maps or {}).values():
            assert found.shape[:2] == IMAGE.shape[:2]


class Tiny(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Conv2d(3, 1, 1)

    def forward(self, image):
        return {"far": self.layer(image)}


def test_a_damaged_program_is_an_error_or_predicts_the_same(tmp_path, capsys):
    path = tmp_path / "a.pt2"
    program = torch.export.export(Tiny(), (torch.zeros(1, 3, *IMAGE.shape[:2]),))
    torch.export.save(program, path, extra_files={KEY: INFO.to_json()})

    def read(_):
        return ExportedProgramPredictor(path, "cpu")([IMAGE])[0]["far"]

    original = read(path)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(CheckpointError, match="only the beginning"):
        read(path)
    assert "Traceback" not in capsys.readouterr().err  # torch.export would log one
    path.write_bytes(content)
    for found in outcomes(path.read_bytes(), path, read, rounds=100):
        assert found is None or np.array_equal(found, original)


def test_a_damaged_video_is_reported_or_has_frames(tmp_path):
    path = tmp_path / "a.mp4"
    write_video(path, [IMAGE] * 4)

    def read(name):
        sources = Sources(name)
        shapes = {frame.image.shape for frame in sources}
        if sources.problems:
            raise DataError(str(sources.problems[0]))
        return shapes

    found = [*outcomes(path.read_bytes(), path, read, rounds=150)]
    assert all(shapes is None or len(shapes) == 1 for shapes in found)
    assert found.count(None) > len(found) / 3


@pytest.mark.parametrize("suffix", ["png", "mp4"])
def test_empty_files_and_folders_are_named(tmp_path, suffix):
    (tmp_path / f"empty.{suffix}").write_bytes(b"")
    (tmp_path / f"folder.{suffix}").mkdir()
    for name, reason in (("empty", "empty|as a video"), ("folder", "holds no image")):
        with pytest.raises(DataError, match=rf"(?s){name}\.{suffix}.*({reason})"):
            MultiTaskInferencer(brightness)(tmp_path / f"{name}.{suffix}")
