"""Saved predictions of every type are read back by the data set that they imitate."""

from __future__ import annotations

import pickle
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.structures import PixelData
from mmseg.registry import DATASETS
from PIL import Image

from mtl_plugins import evaluate
from mtl_plugins.checkpoints import load_checkpoint
from mtl_plugins.config import stored_config
from mtl_plugins.datasets import DepthFormat, MultiTaskDataset, pack_dataset
from mtl_plugins.engine.hooks import SavePredictionsHook
from mtl_plugins.errors import ConfigError
from tests.inference.every_type import (
    COUNT,
    PIPELINE,
    TARGETS,
    config,
    dataset,
    save_checkpoint,
    write_files,
)

# Directions get length 1 again, which moves them by at most the length of the rounding error.
STEPS = dict(depth=0.01, warmth=0.05, normals=3**0.5 * 2 / 255)
"""Steps of the values in files; ids, and values in `.npy` files, are exact."""


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("every_type")
    for name in ("data", "other"):
        write_files(folder / name)
    return folder


@pytest.fixture(scope="module")
def checkpoint(root):
    return save_checkpoint(config(dataset(root / "data")), root / "a.pth")


def saved(source, checkpoint, folder):
    """Test a checkpoint and save its predictions; return each image's by path and key."""
    given: Config = config(source, folder)
    # Data without truth declare no targets.
    given.model = stored_config(load_checkpoint(checkpoint), checkpoint).model
    hook = dict(type="SavePredictionsHook", folder=str(folder / "saved"))
    given.default_hooks = dict(save_predictions=hook)
    evaluate(given, checkpoint, str(folder / "run"))
    with open(folder / "results.pkl", "rb") as file:
        samples = pickle.load(file)
    return {
        sample["img_path"]: {
            key: np.moveaxis(np.asarray(value["data"]), 0, 2).squeeze()
            for key, value in sample.items()
            if key.startswith("pred_")
        }
        for sample in samples
    }


def files(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def assert_read_back(read, predicted, own="", steps=STEPS):
    """Assert that the truth of a data set is what was predicted."""
    targets, values = {target.name: target for target in read.targets()}, {}
    for index in range(len(read)):
        sample = read[index]["data_samples"]
        maps = predicted[sample.img_path]
        for name, target in targets.items():
            key = f"pred_{own}_map" if own else target.prediction
            found = np.moveaxis(sample.get(target.truth).data.numpy(), 0, 2).squeeze()
            values[name] = [*values.get(name, []), maps[key]]
            error = np.abs(found - maps[key].astype(np.float64))
            assert error.max() <= steps.get(name, 0) * 0.51 + 1e-5, name
    assert all(np.std(maps) > 0 for maps in values.values())


def test_predictions_of_every_type_are_read_back(root, checkpoint, tmp_path):
    predicted = saved(dataset(root / "data"), checkpoint, tmp_path)
    assert len(predicted) == COUNT
    found = DATASETS.build(dataset(tmp_path / "saved", root / "data" / "rgb"))
    assert [target.name for target in found.targets()] == [*TARGETS]
    assert_read_back(found, predicted)
    # The encoding is that of the data set's own files.
    label = np.asarray(Image.open(tmp_path / "saved" / "label" / "0.png"))
    assert {*np.unique(label)} == {7, 26}
    assert {*np.unique(Image.open(tmp_path / "saved" / "edges" / "0.png"))} == {0, 255}
    # A second task that learns depth.
    second = dict(depth=TARGETS["depth"])
    far = dataset(tmp_path / "saved" / "far", root / "data" / "rgb", targets=second)
    assert_read_back(DATASETS.build(far), predicted, own="far")
    expected = {f"{each.get('folder')}/0" for each in TARGETS.values()} | {"far/depth/0"}
    assert {name[:-4] for name in files(tmp_path / "saved") if "0." in name} == expected


@pytest.mark.slow
def test_several_data_sets_that_are_joined_and_repeated(root, checkpoint, tmp_path):
    parts = [dataset(root / name) for name in ("data", "other")]
    joined = dict(type="ConcatDataset", datasets=[dict(type="RepeatDataset", times=2, dataset=p)
                                                  for p in parts])  # fmt: skip
    predicted = saved(joined, checkpoint, tmp_path)
    assert len(predicted) == 2 * COUNT
    for number, name in enumerate(("data", "other")):
        folder = tmp_path / "saved" / str(number)
        assert_read_back(DATASETS.build(dataset(folder, root / name / "rgb")), predicted)
    assert {name.split("/")[0] for name in files(tmp_path / "saved")} == {"0", "1"}
    # Two halves of one folder share it.
    halves = [dataset(root / "data", indices=[index]) for index in range(COUNT)]
    joined = dict(type="ConcatDataset", datasets=halves)
    predicted = saved(joined, checkpoint, tmp_path / "halves")
    folder = tmp_path / "halves" / "saved"
    assert_read_back(DATASETS.build(dataset(folder, root / "data" / "rgb")), predicted)


def test_packed_data_and_predictions_without_a_value(root, tmp_path):
    source = dataset(root / "data")
    packed = str(tmp_path / "packed")
    pack_dataset(DATASETS.build(source), packed, {"data_root": source["data_root"]})
    given = config(source)
    checkpoint = save_checkpoint(given, tmp_path / "a.pth", warmth=float("nan"))
    node = dict(type="PackedDataset", data_root=packed, pipeline=PIPELINE, test_mode=True)
    predicted = saved(node, checkpoint, tmp_path)
    folder = tmp_path / "saved"
    ids = {name: dict(TARGETS[name], folder=f"{name}/rgb", label_map=None) for name in
           ("semseg", "lanes", "edges")}  # fmt: skip
    targets = {**TARGETS, **ids}
    targets.pop("warmth")
    read = DATASETS.build(dataset(folder, root / "data" / "rgb", targets=targets))
    assert_read_back(read, predicted)
    # 16-bit steps cannot hold nan.
    assert np.isnan(np.load(folder / "warmth" / "rgb" / "0.npy")).all()
    assert not (folder / "warmth" / "0.png").exists()


def test_images_without_truth_get_plain_files(root, checkpoint, tmp_path):
    predicted = saved(dataset(root / "data", targets={}), checkpoint, tmp_path)
    folder = tmp_path / "saved"
    names = {name: f"{name}/rgb/0" for name in (*TARGETS, "far")}
    values = {"height", "warmth", "flow"}
    expected = {name + (".npy" if task in values else ".png") for task, name in names.items()}
    assert {name for name in files(folder) if "0." in name} == expected
    [maps] = [maps for path, maps in predicted.items() if path.endswith("0.png")]
    for name in ("semseg", "lanes", "edges"):
        key = "pred_sem_seg" if name == "semseg" else f"pred_{name}_map"
        assert np.array_equal(Image.open(folder / f"{names[name]}.png"), maps[key])
    for name in ("depth", "far"):
        metres = DepthFormat(scale=1 / 256)(np.asarray(Image.open(folder / f"{names[name]}.png")))
        expected = maps[f"pred_{name}_map"].clip(max=65535 / 256)
        assert np.abs(metres - expected).max() <= 0.51 / 256
    for name in values:
        assert np.array_equal(np.load(folder / f"{names[name]}.npy"), maps[f"pred_{name}_map"])


def test_targets_of_the_same_files_do_not_overwrite_each_other(tmp_path):
    for folder in ("rgb", "label"):
        (tmp_path / folder).mkdir()
    Image.fromarray(np.zeros((2, 4, 3), np.uint8)).save(tmp_path / "rgb" / "a.png")
    Image.fromarray(np.zeros((2, 4), np.uint8)).save(tmp_path / "label" / "a.png")
    coarse = dict(type="classes", classes=("x", "y"), label_map={0: 0, 1: 1, 2: 1})
    node = dict(
        type="MultiTaskDataset", data_root=str(tmp_path), img_suffix=".png", pipeline=PIPELINE,
        data_prefix=dict(img_path="rgb"),
        targets=dict(
            semseg=dict(folder="label", classes=("a", "b", "c")),
            coarse=dict(coarse, folder="label"),
        ),
    )  # fmt: skip
    data = DATASETS.build(node)
    loop = SimpleNamespace(dataloader=SimpleNamespace(dataset=data))
    hook = SavePredictionsHook(str(tmp_path / "saved"))
    hook.before_test_epoch(SimpleNamespace(test_loop=loop))
    sample = data[0]["data_samples"]
    fine, merged = torch.tensor([[[2, 1, 0, 2]] * 2]), torch.tensor([[[1, 0, 0, 1]] * 2])
    sample.set_data(dict(pred_sem_seg=PixelData(data=fine), pred_coarse_map=PixelData(data=merged)))
    sample.set_metainfo(dict(predicted=data.targets()))
    hook.after_test_iter(None, 0, outputs=[sample])
    assert files(tmp_path / "saved") == ["coarse/label/a.png", "label/a.png"]
    for root, expected in (("saved", fine), ("saved/coarse", merged)):
        found = np.asarray(Image.open(tmp_path / root / "label" / "a.png"))
        assert np.array_equal(found, expected[0])


def colours(tmp_path, node):
    """Save the red value of each image as its class, without a network; return the files."""
    data = DATASETS.build(node) if isinstance(node, dict) else node
    hook = SavePredictionsHook(str(tmp_path / "saved"))
    hook.before_test_epoch(
        SimpleNamespace(test_loop=SimpleNamespace(dataloader=SimpleNamespace(dataset=data)))
    )
    for index in range(len(data)):
        packed = data[index]
        sample = packed["data_samples"]
        sample.set_data(dict(pred_sem_seg=PixelData(data=packed["inputs"][2:])))
        hook.after_test_iter(None, 0, outputs=[sample])
    return {name: int(value(tmp_path / "saved" / name)) for name in files(tmp_path / "saved")}


def value(path):
    found = np.load(path) if path.suffix.lower() == ".npy" else np.asarray(Image.open(path))
    return found.flat[0]


def write_image(path, number, label=None):
    for each, shape in ((path, (2, 4, 3)), (label, (2, 4))):
        if each is not None:
            each.parent.mkdir(parents=True, exist_ok=True)
            values = np.full(shape, number, np.uint8)
            with open(each, "wb") as file:
                if each.suffix.lower() == ".npy":
                    np.save(file, values)
                else:
                    Image.fromarray(values).save(file, "PNG")


def node(root, suffix=".png", label="label", images="rgb", **options):
    prefix = dict(img_path=images) | (dict(seg_map_path=label) if label else {})
    return dict(
        type="MultiTaskDataset", data_root=str(root), img_suffix=suffix, data_prefix=prefix,
        metainfo=dict(classes=tuple("abcdefgh")), pipeline=PIPELINE, test_mode=True, **options,
    )  # fmt: skip


def joined(*parts):
    return dict(type="ConcatDataset", datasets=[*parts])


@pytest.mark.parametrize("label", ["label", None])
def test_images_of_one_name_and_two_endings_are_all_kept(tmp_path, label):
    for number, suffix in enumerate((".png", ".jpg", ".PPM")):
        write_image(tmp_path / "rgb" / f"a{suffix}", number, tmp_path / "label" / "a.png")
    parts = [node(tmp_path, suffix, label) for suffix in (".png", ".jpg", ".ppm")]
    found = colours(tmp_path, joined(*parts))
    assert sorted(found.values()) == [0, 1, 2]
    assert {*found} == {f"semseg/rgb/a{end}.png" for end in ("", "_2", "_3")}


@pytest.mark.parametrize("roots", [["s0", "s1"], ["", ""], ["s0", "s0/inner"]])
@pytest.mark.parametrize("label", ["label", None])
def test_scenes_whose_files_are_called_alike_are_all_kept(tmp_path, roots, label):
    parts = []
    for number, root in enumerate(roots):
        scene = "" if root else f"scene{number}/"
        place = tmp_path / root / scene
        write_image(place / "rgb" / "0.png", number, place / "label" / "0.png")
        images, own = f"{scene}rgb", label and f"{scene}label"
        parts.append(node(tmp_path / root, label=own, images=images))
    repeated = dict(type="RepeatDataset", times=3, dataset=joined(*parts))
    found = colours(tmp_path, joined(repeated, parts[0]))
    assert sorted(found.values()) == [0, 1]


def test_a_truth_of_several_images_does_not_join_their_predictions(tmp_path):
    class OneLabel(MultiTaskDataset):
        def target_path(self, name, target):
            return str(tmp_path / "label" / "scene.png")

    for number in range(3):
        label = tmp_path / "label" / "scene.png"
        write_image(tmp_path / "rgb" / f"{number}.png", number, label)
    options = node(tmp_path)
    del options["type"]
    found = colours(tmp_path, OneLabel(**options))
    assert found == {f"semseg/rgb/{number}.png": number for number in range(3)}


def test_images_outside_the_root_are_kept_too(tmp_path):
    for number, folder in enumerate(("data/x", "data", "other")):
        write_image(tmp_path / folder / "rgb" / "0.png", number)
    parts = [
        node(tmp_path / "data", label=None, images=str(tmp_path / folder / "rgb"))
        for folder in ("data/x", "data", "other")
    ]
    assert sorted(colours(tmp_path, joined(*parts)).values()) == [0, 1, 2]


@pytest.mark.parametrize("suffix", [".PNG", ".npy", ".NPY"])
def test_predictions_have_the_names_of_their_truth_in_any_letter_case(tmp_path, suffix):
    write_image(tmp_path / "rgb" / "0.PNG", 3, tmp_path / "label" / f"0{suffix}")
    own = dict(seg_map_suffix=suffix.lower())
    assert colours(tmp_path, node(tmp_path, **own)) == {f"label/0{suffix}": 3}


def test_the_files_of_the_data_set_are_not_overwritten(tmp_path):
    root = tmp_path / "saved"
    write_image(root / "rgb" / "0.png", 1, root / "label" / "0.png")
    before = (root / "label" / "0.png").read_bytes()
    for part in (node(root), node(f"{tmp_path}/./saved/"), joined(node(root), node(root))):
        with pytest.raises(ConfigError, match="would overwrite the files of the data set"):
            colours(tmp_path, part)
    assert (root / "label" / "0.png").read_bytes() == before
