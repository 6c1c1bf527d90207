"""A network with a task for every type of target, from a checkpoint to files."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from mtl_plugins.datasets.files import read_map
from mtl_plugins.inference import MultiTaskInferencer, TorchPredictor, metainfo_of, targets_of
from mtl_plugins.models.segmentors import InferenceConfig
from mtl_plugins.targets import DEPTH, SEMSEG, declared_target
from tests.inference.conftest import read_video, write_video
from tests.inference.every_type import (
    LANES,
    SIZE,
    TARGETS,
    config,
    dataset,
    save_checkpoint,
    write_files,
)

FOLDERS = dict(
    overlay={"overlay": "semseg", "overlay-lanes": "lanes"},
    labels={"labels": "semseg", "labels-lanes": "lanes", "labels-edges": "edges"},
    depth={"depth": "depth", "depth-far": "far"},
    depth_color={"depth_color": "depth", "depth_color-far": "far"},
    normals={"normals": "normals"},
)
"""Kind of output -> folders and their tasks."""


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("every_type")
    write_files(folder / "data")
    return folder


@pytest.fixture(scope="module")
def checkpoint(root):
    return save_checkpoint(config(dataset(root / "data")), root / "a.pth")


@pytest.fixture(scope="module")
def inferencer(checkpoint):
    return MultiTaskInferencer(checkpoint, device="cpu")


def image_of(root):
    return root / "data" / "rgb" / "0.png"


def files(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def test_the_checkpoint_describes_its_targets(root, checkpoint, inferencer):
    assert {*inferencer.targets} == {*TARGETS, "far"}
    lanes, far = inferencer.targets["lanes"], inferencer.targets["far"]
    assert (lanes.classes, lanes.palette) == (LANES["classes"], LANES["palette"])
    assert inferencer.targets["height"].range == (-5, 50)
    assert (far.truth_name, far.distance, far.unit) == ("depth", True, "m")
    # Colours of classes that the data set gives none.
    assert len(inferencer.targets["semseg"].palette) == 2
    meta = inferencer.metainfo
    assert meta["classes"] == ("road", "car") and meta["depth_unit"] == "m"
    assert meta["tasks"]["far"] == "depth" and meta["tasks"]["lanes"] == "lanes"
    [found] = inferencer(image_of(root))
    shapes = {task: values.shape for task, values in found.maps.items()}
    channels = dict(normals=(3,), flow=(2,))
    assert shapes == {task: (*SIZE, *channels.get(task, ())) for task in inferencer.targets}
    ids = {task for task, values in found.maps.items() if values.dtype == np.uint8}
    assert ids == {"semseg", "lanes", "edges"}
    assert found.semseg is found["semseg"] and found.of_kind("binary") is found["edges"]
    assert found.depth is found["depth"] and found.of_kind("lanes") is found["lanes"]
    # With a config, the data set in it completes the tasks.
    given = config(dataset(root / "data"))
    assert TorchPredictor(checkpoint, given, device="cpu").targets == inferencer.targets
    assert given.model.decode_head.task_heads.lanes == {}


def test_a_checkpoint_of_version_0_1_is_described_by_its_data_set(root, checkpoint, tmp_path):
    """Its config has the number of classes, its data set names, colours and unit."""
    content = torch.load(checkpoint, weights_only=True)
    heads = dict(
        semseg=dict(type="SegmentationHead", num_classes=2), depth=dict(type="DepthHead"),
        normals=dict(type="NormalsHead"),
    )  # fmt: skip
    given = config(dataset(root / "data"))
    given.model.decode_head.task_heads = heads
    meta = dict(classes=("a", "b"), palette=[[1, 2, 3], [4, 5, 6]], depth_unit="relative")
    others = {
        key: value
        for key, value in content["state_dict"].items()
        if "task_heads" not in key or key.split(".")[2] in heads
    }
    path = tmp_path / "old.pth"

    def targets(**changes):
        stored = dict(cfg=given.pretty_text, dataset_meta={**meta, **changes})
        torch.save(dict(state_dict=others, meta=stored), path)
        return TorchPredictor(path, device="cpu").metainfo

    found = targets()
    semseg = replace(SEMSEG, classes=("a", "b"), palette=((1, 2, 3), (4, 5, 6)))
    assert found["targets"]["semseg"] == semseg
    assert found["targets"]["depth"] == replace(DEPTH, unit="relative")
    assert found["classes"] == ("a", "b") and found["palette"] == [(1, 2, 3), (4, 5, 6)]
    assert found["depth_unit"] == "relative"
    # What does not fit the network is replaced, the rest is kept.
    assert targets(classes=("a", "b", "c"))["classes"] == ("class 0", "class 1")
    damaged = targets(palette=[[1, 2, 3], [4, 5, 600]])
    assert damaged["classes"] == ("a", "b") and damaged["palette"] != found["palette"]
    assert targets(classes=[1, 2])["classes"] == ("class 0", "class 1")


def test_every_target_has_its_files(root, inferencer, tmp_path):
    [found] = inferencer(image_of(root))
    kinds = [*FOLDERS, "maps", "panel"]
    inferencer.save(image_of(root), tmp_path, kinds=kinds)
    pictures = {folder: task for each in FOLDERS.values() for folder, task in each.items()}
    expected = [f"{folder}/0.png" for folder in (*pictures, "panel")]
    expected += [f"maps/{task}/0.npy" for task in inferencer.targets]
    assert files(tmp_path) == sorted([*expected, "predictions.json"])
    for folder, task in FOLDERS["labels"].items():
        assert np.array_equal(read_map(str(tmp_path / folder / "0.png")), found[task])
    for folder, task in FOLDERS["depth"].items():
        metres = read_map(str(tmp_path / folder / "0.png")) * 0.01
        assert np.abs(metres - found[task].clip(0.01)).max() <= 0.005 + 1e-5
    for task in inferencer.targets:
        assert np.array_equal(np.load(tmp_path / "maps" / task / "0.npy"), found[task])
    overlay = np.asarray(Image.open(tmp_path / "overlay-lanes" / "0.png"), float)
    colors = np.array(LANES["palette"])[found["lanes"]]
    assert np.abs(overlay - (found.image[..., ::-1] / 2.0 + colors / 2.0)).max() <= 0.5
    listing = json.loads((tmp_path / "predictions.json").read_text())
    described = {task: dict(each) for task, each in listing["targets"].items()}
    read = {task: declared_target(each.pop("name"), each) for task, each in described.items()}
    assert read == inferencer.targets
    assert listing["predictions"][0]["files"]["labels-edges"] == "labels-edges/0.png"


def test_default_files_and_a_video_show_every_target(root, inferencer, tmp_path):
    [found] = inferencer(image_of(root))
    write_video(tmp_path / "clip.mp4", [found.image] * 2)
    inferencer.save([image_of(root), tmp_path / "clip.mp4"], tmp_path / "out")
    folders = {path.rpartition("/")[0] for path in files(tmp_path / "out")} - {""}
    pictures = {folder for kind in ("overlay", "labels", "depth") for folder in FOLDERS[kind]}
    maps = {f"maps/{task}/rgb" for task in ("height", "warmth", "flow")}
    assert len(folders) == len({*pictures, *maps, "panel", "video"})
    _, frames = read_video(next((tmp_path / "out").rglob("*.mp4")))
    panes = 1 + len(inferencer.targets)
    assert frames[0].shape == (SIZE[0], SIZE[1] * panes, 3)


def test_predictors_without_targets_are_those_of_version_0_1():
    old = dict(classes=("a",), palette=[(1, 2, 3)], depth_unit="m", tasks=dict(far="depth"))
    assert targets_of(old) == {"far": DEPTH}
    assert metainfo_of(targets_of(old))["tasks"] == {"far": "depth"}
    with pytest.raises(ValueError, match=r"task 'x' predicts 'shade'.*targets.*Target"):
        targets_of(dict(old, tasks=dict(x="shade")))


RESIZED = [dict(type="LoadImage"), dict(type="Resize", scale=(96, 48), keep_ratio=False),
           dict(type="PackTargets")]  # fmt: skip


@pytest.mark.parametrize(
    ("views", "pipeline", "expected"),
    [
        (dict(), None, (3, -2)),
        (dict(mode="slide", crop_size=(32, 32), stride=(16, 16)), None, (3, -2)),
        # An image of half the size has half as long offsets.
        (dict(tta=dict(scales=(0.5, 2.0), flip=False)), None, (3.75, -2.5)),
        # The mean of an image and its mirror image has no sideways part.
        (dict(tta=dict(scales=(1.0,), flip=True)), None, (0, -2)),
        (dict(), RESIZED, (2.5, -2)),
    ],
    ids=["whole", "slide", "scales", "mirrored", "resized"],
)
def test_offsets_are_pixels_of_the_image_however_the_network_sees_it(
    root, checkpoint, views, pipeline, expected
):
    """The network's raw offsets are (3, -2) everywhere, in pixels of what it sees."""
    given = config(dataset(root / "data"))
    if pipeline:
        given.test_dataloader.dataset.pipeline = pipeline
    predictor = TorchPredictor(checkpoint, given, device="cpu")
    predictor.network.inference_config = InferenceConfig.of(views)
    layer = predictor.network.decode_head.task_heads["flow"].predict
    with torch.no_grad():
        layer.weight.zero_()
        layer.bias.copy_(torch.tensor([3.0, -2.0]))
    [maps] = predictor([np.zeros((*SIZE, 3), np.uint8)])
    assert maps["flow"].shape == (*SIZE, 2)
    np.testing.assert_allclose(maps["flow"], np.broadcast_to(expected, (*SIZE, 2)), rtol=1e-5)
