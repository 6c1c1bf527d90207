"""Exported files predict what the model predicts, for any number and size of images."""

from __future__ import annotations

import json
import math
import os
import re
from contextlib import redirect_stdout
from copy import copy, deepcopy
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from dev.export_matrix import export_all, networks, randomise
from mmengine.registry import init_default_scope
from mmseg.datasets import CityscapesDataset
from mmseg.registry import MODELS

from mtl_plugins.checkpoints import CheckpointError, load_checkpoint
from mtl_plugins.config import complete_tasks, load_config
from mtl_plugins.errors import ConfigError, DataError
from mtl_plugins.inference import (
    ExportedProgramPredictor,
    ModelInfo,
    MultiTaskInferencer,
    OnnxPredictor,
    TorchPredictor,
    load_predictor,
)
from mtl_plugins.inference.export import (
    Agreement,
    ExportError,
    check_predictor,
    default_batches,
    export,
    random_image,
)
from mtl_plugins.inference.export.agreement import compare, report_agreement
from mtl_plugins.inference.export.command import _notes
from mtl_plugins.inference.export.tracing import divide_in_whole_numbers
from mtl_plugins.targets import DEPTH, NORMALS, SEMSEG, Target, declared_target
from tests.conftest import ROOT

pytest.importorskip("onnxscript", reason="the export extra is not installed")

CONFIG = os.path.join(ROOT, "configs", "mtl_normals.py")
SMALL = [
    "model.backbone.model_name=test_resnet",
    "model.decode_head.type=JointHead",  # tracing takes as long as there are layers
    "model.decode_head.decoder.channels=8",
    "model.decode_head.decoder.aspp_rates=None",  # the test of transformers has both
    "model.decode_head.decoder.skip_stride=None",
]
FILES = ["model.onnx", "model.pt2"]
SLIDE = ["model.test_cfg.mode=slide", "model.test_cfg.crop_size=(32,32)"]
OPTIONS = {
    "model.onnx": dict(preprocess=True),
    "model.pt2": dict(options=[*SLIDE, "model.test_cfg.stride=(16,16)"], format="torch"),
    "weights.safetensors": dict(),
}
CLASSES = CityscapesDataset.METAINFO
HEADS = dict(
    lanes=dict(target=dict(type="classes", classes=("none", "solid", "dashed"))),
    edges=dict(target=dict(type="binary")),
    height=dict(target=dict(type="scalar", unit="m", range=(-5.0, 50.0))),
    warmth=dict(target=dict(type="scalar", unit="K")),
    # A fraction and a whole number.
    far=dict(target=dict(type="scalar", distance=True, range=(0.5, 60))),
    flow=dict(target=dict(type="offset"), scale=4.0),
)
TASKS = ["semseg", "depth", "normals", *HEADS]
IDS = ("semseg", "lanes", "edges")
VECTORS = dict(normals=3, flow=2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A checkpoint of every type, the files exported from it and what the command printed."""
    init_default_scope("mmseg")
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("export")
    config = load_config(CONFIG, SMALL)
    complete_tasks(config)
    config.model.decode_head.task_heads.update(HEADS)
    config.model.pop("balancer")
    config.dump(folder / "config.py")
    network = MODELS.build(config.model.to_dict())
    randomise(network)
    checkpoint = str(folder / "trained.pth")
    meta = dict(cfg=config.pretty_text, dataset_meta=dict(CLASSES))
    torch.save(dict(state_dict=network.state_dict(), meta=meta), checkpoint)
    for name, options in OPTIONS.items():
        options = dict(options, config=str(folder / "config.py") if "options" in options else None)
        with open(folder / f"{name}.txt", "w") as said, redirect_stdout(said):
            export(checkpoint, out=str(folder / name), **options)
    return folder


@pytest.fixture(scope="module")
def eager(folder):
    return TorchPredictor(folder / "trained.pth", device="cpu")


@pytest.fixture(scope="module")
def exported(folder):
    """The predictors of the ONNX file (normalises itself) and of the program (does not)."""
    classes = (OnnxPredictor, ExportedProgramPredictor)
    return {name: kind(folder / name) for name, kind in zip(FILES, classes, strict=True)}


def images(*sizes, seed=0):
    rng = np.random.default_rng(seed)
    return [random_image(rng, *size) for size in sizes]


@pytest.mark.parametrize("name", FILES)
def test_predictions_agree_for_all_sizes_and_numbers_of_images(exported, eager, name):
    predictor = exported[name]
    batches = default_batches(eager.network.size_divisor, None)
    assert {count for count, _, _ in batches} == {1, 2, 3}
    found = list(check_predictor(eager.network, predictor, batches))
    assert len(found) == len(TASKS) * len(batches) and all(each.holds for each in found)
    # The maps are not constant.
    [maps] = eager(images((160, 224)))
    assert len(np.unique(maps["semseg"])) > 3 and maps["depth"].std() > 0.1
    for task in ("normals", "flow", "height", "warmth", "edges"):
        assert maps[task].std(axis=(0, 1)).min() > 0.01
    height = predictor(images((64, 96)))[0]["height"]
    assert height.min() == -5 and height.max() <= 50  # cut off inside the graph


@pytest.mark.parametrize("name", FILES)
def test_mixed_sizes_are_predicted_as_single_images(exported, name):
    predictor = exported[name]
    mixed = images((40, 50), (33, 47), (40, 50), (16, 16), (1, 5))
    together = predictor(mixed)
    for image, maps in zip(mixed, together, strict=True):
        [alone] = predictor([image])
        shapes = {task: (values.shape, values.dtype) for task, values in maps.items()}
        size = image.shape[:2]
        assert {task: tuple(shape) for task, (shape, _) in shapes.items()} == {
            task: (*size, VECTORS[task]) if task in VECTORS else size for task in TASKS
        }
        assert {task for task, (_, dtype) in shapes.items() if dtype == np.uint8} == {*IDS}
        assert {dtype for task, (_, dtype) in shapes.items() if task not in IDS} == {
            np.dtype(np.float32)
        }
        for task in IDS:
            assert (maps[task] == alone[task]).mean() > 0.99
        for task in ("depth", "height", "flow"):
            np.testing.assert_allclose(maps[task], alone[task], rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(np.linalg.norm(maps["normals"], axis=-1), 1, atol=1e-5)


def test_preprocessing_inside_the_model_equals_that_outside(exported):
    batch = images((40, 50), (40, 50))
    inputs = [exported[name].info.preprocess for name in FILES]
    assert inputs == [True, False]
    for inside, outside in zip(*(exported[name](batch) for name in FILES), strict=True):
        assert (inside["semseg"] == outside["semseg"]).mean() > 0.999
        np.testing.assert_allclose(inside["depth"], outside["depth"], rtol=1e-4)


@pytest.mark.parametrize("name", FILES)
def test_a_file_describes_its_model(exported, eager, name):
    predictor = exported[name]
    assert predictor.metainfo["tasks"] == {task: task for task in TASKS}
    assert predictor.metainfo["targets"] == eager.targets
    assert eager.targets["semseg"].classes == CLASSES["classes"]
    for task, head in HEADS.items():
        given = declared_target(task, head["target"])
        assert replace(eager.targets[task], palette=()) == given
    assert predictor.metainfo["depth_unit"] == "m"
    for key in ("classes", "palette"):
        assert np.array_equal(predictor.metainfo[key], CLASSES[key])
    assert predictor.info == ModelInfo.of(eager.network, eager.metainfo, name == "model.onnx")
    assert predictor.info.mean == pytest.approx((123.675, 116.28, 103.53))


def test_onnx_names_its_axes_and_outputs(exported):
    session = exported["model.onnx"].session
    [taken] = session.get_inputs()
    assert (taken.name, taken.shape) == ("images", ["batch", "height", "width", 3])
    size = ["height", "width"]
    assert {each.name: each.shape for each in session.get_outputs()} == {
        task: ["batch", *size] if task in IDS else ["batch", VECTORS.get(task, 1), *size]
        for task in TASKS
    }


def test_the_inferencer_takes_exported_files(folder):
    [image] = images((45, 70))
    files = (folder / "model.onnx", folder / "trained.pth")
    mine, other = (MultiTaskInferencer(file, device="cpu")([image])[0] for file in files)
    assert (mine.maps["semseg"] == other.maps["semseg"]).mean() > 0.999
    np.testing.assert_allclose(mine.maps["depth"], other.maps["depth"], rtol=1e-3)


def test_safetensors_are_a_checkpoint(folder, eager):
    path = folder / "weights.safetensors"
    stored, trained = load_checkpoint(path), load_checkpoint(folder / "trained.pth")
    assert list(stored["state_dict"]) == [
        name for name in trained["state_dict"] if not name.startswith("balancer.")
    ]
    assert stored["meta"]["dataset_meta"]["classes"][0] == "road"
    [image] = images((45, 70))
    [mine], [other] = TorchPredictor(path, device="cpu")([image]), eager([image])
    assert all(np.array_equal(mine[task], other[task]) for task in other)


def test_the_command_prints_differences_and_notes(folder):
    said = {name: (folder / f"{name}.txt").read_text() for name in OPTIONS}
    for name in FILES:
        batches = default_batches(16, None)
        for count, height, width in batches:
            assert said[name].count(f"{count} x {height} x {width} ") == len(TASKS)
        assert len(re.findall(r"ok\s*$", said[name], re.MULTILINE)) == len(TASKS) * len(batches)
    text = f"(batch, height, width, 3) uint8 BGR -> {', '.join(TASKS)}."
    assert text in said["model.onnx"].replace("\n", "")
    assert ["once and whole" in text for text in said.values()] == [False, True, False]
    assert "bit for bit" in said["weights.safetensors"]


def test_a_note_names_the_transforms_that_change_images_alone(eager):
    predictor, config = copy(eager), deepcopy(eager.config)
    truth = [
        dict(type="IgnoreEmpty", kinds=("semseg",)),
        dict(type="EvaluationCrop", rows=(0, 4), columns=(0, 4)),
        dict(type="FillSkyDepth"),
    ]
    for resize, expected in (([], 0), ([dict(type="ResizeSample", size=(32, 64))], 1)):
        pipeline = [dict(type="LoadImage"), *resize, *truth, dict(type="PackTargets")]
        config.test_dataloader.dataset.pipeline = pipeline
        predictor.config = config
        notes = [note for note in _notes(predictor) if "must be applied" in note]
        text = "Note: ResizeSample of the test pipeline must be applied to images before."
        assert notes == [text] * expected


def test_a_file_for_images_of_one_size(folder):
    export(str(folder / "trained.pth"), out=str(folder / "sized.onnx"), size=(45, 70))
    predictor = load_predictor(str(folder / "sized.onnx"), device="cpu")
    assert predictor(images((45, 70)))[0]["depth"].shape == (45, 70)
    with pytest.raises(DataError, match=r"takes images of \(45, 70\)"):
        predictor(images((46, 70)))
    with pytest.raises(ConfigError, match=r"--size 0 70: expected numbers of pixels"):
        export(str(folder / "trained.pth"), size=(0, 70))


def test_a_difference_above_the_limits_is_an_error(capsys):
    bad = Agreement("depth", DEPTH, 1, 8, 9, largest=1.0, relative=0.1)
    with pytest.raises(ExportError, match=r"a\.onnx differ"):
        report_agreement("a.onnx", [bad])
    assert "1.0e-01" in capsys.readouterr().out


def test_another_models_file_differs(exported):
    torch.manual_seed(1)
    config = load_config(CONFIG, SMALL)
    complete_tasks(config)
    config.model.decode_head.task_heads.update(HEADS)
    config.model.pop("balancer")
    other = MODELS.build(config.model.to_dict())
    randomise(other)
    found = list(check_predictor(other, exported["model.onnx"], [(1, 64, 64)]))
    assert [each.task for each in found] == TASKS and not any(each.holds for each in found)


def test_the_limits_of_agreement():
    classes = np.zeros((20, 100), np.uint8)
    one, three = classes.copy(), classes.copy()
    one[0, 0], three[0, :3] = 1, 1
    assert compare("a", SEMSEG, [classes], [one]).agreeing == 0.9995
    assert compare("a", SEMSEG, [classes], [one]).holds
    assert not compare("a", SEMSEG, [classes], [three]).holds
    depth = np.full((2, 2), 50.0, np.float32)
    for factor, holds in ((1.0009, True), (0.9989, False), (np.nan, False)):
        assert compare("b", DEPTH, [depth], [depth * np.float32(factor)]).holds == holds
    assert compare("b", DEPTH, [depth], [depth + 0.04]).largest == pytest.approx(0.04, rel=1e-3)
    vectors = np.tile(np.float32([0, 0, 1]), (20, 100, 1))
    tilted = vectors.copy()
    tilted[0, :3] = (0, 0.1, 0.99)
    assert compare("c", NORMALS, [vectors], [tilted]).agreeing == pytest.approx(0.9985)
    assert not compare("c", NORMALS, [vectors], [tilted]).holds
    assert not compare("d", DEPTH, [depth], [depth[:1]]).holds
    # Numbers and offsets are compared with the longest one, masks as classes.
    height = np.linspace(0, 5, 12, dtype=np.float32).reshape(3, 4)
    flow = np.stack([height, height], axis=-1)
    for target, values in ((Target("h", "scalar"), height), (Target("f", "offset"), flow)):
        assert compare("e", target, [values], [values + 4e-3]).holds
        assert not compare("e", target, [values], [values + 1e-2]).holds
        assert not compare("e", target, [values], [values * np.float32(np.nan)]).holds
    edges = Target("edges", "binary")
    assert compare("f", edges, [classes], [one]).holds
    assert not compare("f", edges, [classes], [three]).holds


def test_rounded_up_divisions_of_sizes_can_be_stored(tmp_path):
    class Halved(torch.nn.Module):
        def forward(self, x):
            return x[:, : math.ceil(x.shape[1] / 4)]

    dynamic = dict(x={1: torch.export.Dim.DYNAMIC(min=1)})
    program = torch.export.export(Halved(), (torch.zeros(1, 10),), dynamic_shapes=dynamic)
    assert any(node.target is math.ceil for node in program.graph.nodes)
    divide_in_whole_numbers(program.graph)
    torch.export.save(program, tmp_path / "halved.pt2")
    module = torch.export.load(tmp_path / "halved.pt2").module()
    assert [module(torch.zeros(1, side)).shape[1] for side in (5, 8, 9, 13)] == [2, 2, 3, 4]


@pytest.mark.slow
def test_transformers_and_adaptive_bins():
    """Position embeddings are resized to the image, features pooled to a grid of fixed size."""
    config = load_config(CONFIG, ["model.backbone.model_name=test_vit", *SMALL[1:3]])
    config.model.decode_head.decoder.aspp_rates = (3,)
    config.model.backbone.model_args = dict(depth=3)  # blocks; more take longer to trace
    head = dict(type="AttentionBinsHead", num_bins=6, channels=8, num_blocks=1)
    config.model.decode_head.task_heads = dict(depth=head)
    config.model.balancer = None
    models = networks(dict(bins=config))
    [result] = export_all(dict(bins=models["bins"]), ["onnx"])
    assert result.error == "" and result.holds
    assert set(result.agreements) == {"depth"}


@pytest.mark.parametrize("name", [*FILES, "weights.safetensors"])
def test_damaged_files_are_named(folder, tmp_path, name):
    content = (folder / name).read_bytes()
    broken = tmp_path / name
    broken.write_bytes(content[: len(content) // 3])
    with pytest.raises(CheckpointError, match=re.escape(str(broken))):
        MultiTaskInferencer(broken)
    with pytest.raises(FileNotFoundError, match="none"):
        MultiTaskInferencer(tmp_path / f"none{broken.suffix}")


def test_other_files_devices_and_images_are_refused(folder, tmp_path):
    import onnx

    model = onnx.load(folder / "model.onnx")
    del model.metadata_props[:]
    onnx.save(model, tmp_path / "foreign.onnx")
    with pytest.raises(CheckpointError, match=r"foreign\.onnx does not say.*tools/export\.py"):
        OnnxPredictor(tmp_path / "foreign.onnx")
    for name, kind in zip(FILES, (OnnxPredictor, ExportedProgramPredictor), strict=True):
        with pytest.raises(ConfigError, match=r"device='xpu'.*cpu"):
            kind(folder / name, device="xpu")
    for wrong in (np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3), np.float32)):
        with pytest.raises(DataError, match="expected uint8 of H, W, 3, BGR"):
            OnnxPredictor(folder / "model.onnx")([wrong])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(out="model.bin"), "suffix gives the format"),
        (dict(out="model.onnx", format="torch"), r"ends in \.pt2"),
        (dict(out="trained.safetensors"), "is the checkpoint itself"),
        (dict(out="new.safetensors", extras=["confidence"]), "is the weights alone"),
        (dict(out="new.safetensors", size=(32, 32)), "is the weights alone"),
        (dict(out="mine.onnx"), r"mine\.onnx is there already, and is no export"),
        (dict(out="folder.pt2"), r"folder\.pt2 is there already, and is no export"),
        (dict(), r"trained\.onnx is there already, and is no export"),
    ],
)
def test_wrong_destinations_are_refused(folder, tmp_path, monkeypatch, options, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.pt2").mkdir()
    files = [tmp_path / name for name in ("trained.safetensors", "mine.onnx", "trained.onnx")]
    for file in files:
        file.write_bytes(b"mine")
    with pytest.raises(ConfigError, match=message):
        export("trained.safetensors", **options)
    assert all(file.read_bytes() == b"mine" for file in files)


def test_missing_packages_are_named(folder, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ImportError, match="pip install"):
        OnnxPredictor(folder / "model.onnx")


def test_the_page_runs(folder, tmp_path, monkeypatch, capsys):
    with open(os.path.join(ROOT, "docs", "export.md"), encoding="utf-8") as page:
        blocks = re.findall(r"```python\n(.*?)```", page.read(), re.DOTALL)
    monkeypatch.chdir(tmp_path)
    cv2.imwrite("street.png", images((40, 60))[0])
    os.symlink(folder / "model.onnx", "model.onnx")
    assert len(blocks) == 2
    for block in blocks:
        exec(compile(block, "docs/export.md", "exec"), {})
    assert "road" in capsys.readouterr().out
    assert json.loads(OnnxPredictor("model.onnx").info.to_json())["preprocess"]
