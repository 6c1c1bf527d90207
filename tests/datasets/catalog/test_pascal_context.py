"""PASCAL-Context: five targets from pictures and MATLAB files, people, damaged archives."""

import os

import numpy as np
import pytest
from mmseg.registry import DATASETS
from scipy.io import savemat

from mtl_plugins.config import build_dataset, load_config
from mtl_plugins.data_tools import check_data
from mtl_plugins.datasets import PascalContextMultiTask, pack_dataset
from mtl_plugins.datasets.catalog.pascal_context import FACING, PART_IDS, PARTS
from mtl_plugins.errors import ConfigError, DataError
from tests.conftest import ROOT
from tests.datasets.layouts import filled, save, structures, write_pascal

LOAD = [dict(type="LoadImage"), dict(type="LoadTargets")]
NAMES = ["semseg", "normals", "parts", "saliency", "edges"]
FIRST = "human_parts/2008_000001.mat"
CONFIG = os.path.join(ROOT, "configs", "pascal", "mtl_resnet18.py")


@pytest.fixture
def root(tmp_path):
    write_pascal(str(tmp_path))
    return tmp_path


def build(root, **kwargs):
    return PascalContextMultiTask(
        data_root=str(root), **{**dict(pipeline=LOAD, serialize_data=False), **kwargs}
    )


def test_five_targets(root):
    dataset = build(root)
    assert len(dataset) == 2 and [target.name for target in dataset.targets()] == NAMES
    assert len(dataset.metainfo["classes"]) == len(dataset.metainfo["palette"]) == 21
    sample = dataset[0]
    assert sample["gt_seg_map"][0, :3].tolist() == [0, 15, 255]
    # Hair above a foot at the left, a torso above nothing at the right.
    corners = sample["gt_parts_map"][[0, 0, -1, -1], [0, -1, 0, -1]]
    assert [PARTS[part] for part in corners] == ["head", "torso", "lower leg", "background"]
    # 127 is below one half, 128 above.
    assert sample["gt_saliency_map"][0, :4].tolist() == [0, 0, 1, 1]
    # The wall at the left has normals, the sky at the right none.
    normals = sample["gt_normal_map"]
    assert (normals[:, :6, 2] > 0.99).all() and not normals[:, 6:].any()
    # One line between wall and sky, whose end at the border is thinned away.
    edges = sample["gt_edges_map"]
    assert edges.sum(axis=1).tolist() == [0, *[1] * 7] and set(edges.nonzero()[1]) <= {5, 6}


def test_labels_of_either_folder_and_the_lists_of_both_splits(root):
    folders = {os.path.dirname(entry["seg_map_path"]) for entry in build(root).load_data_list()}
    assert {os.path.basename(folder) for folder in folders} == {"VOC12", "pascal-context"}
    names = [os.path.basename(e["img_path"]) for e in build(root, split="val").load_data_list()]
    assert names == ["2010_1.jpg", "2010_2.jpg"]
    with pytest.raises(ConfigError, match="'train' or 'val'"):
        build(root, split="test")
    with pytest.raises(ConfigError, match=r"PascalContextMultiTask.*'edge'.*edges"):
        build(root, targets=("semseg", "edge"))


def test_chosen_targets_and_images_alone(root):
    assert [target.name for target in build(root, targets=("edges",)).targets()] == ["edges"]
    other = dict(parts=dict(classes=("other", "person")), saliency={})
    with pytest.raises(DataError, match=r"2008_000001\.mat .* 2 \("):
        build(root, targets=other)[0]
    assert build(root, targets=())[0]["seg_fields"] == []


def test_every_part_of_a_person_has_a_class():
    assert len(PART_IDS) == 24 and {*PART_IDS.values()} == {*range(1, len(PARTS))}
    sides = {name for name in PART_IDS if f"r{name[1:]}" in PART_IDS and name[0] == "l"}
    assert len(sides) == 9 and all(PART_IDS[name] == PART_IDS[f"r{name[1:]}"] for name in sides)


def test_normals_count_on_things_that_are_indoors_too():
    # Of PASCAL-Context's 459 classes: chair, floor, person, sofa, table, television, wall.
    assert {72, 158, 284, 368, 397, 427, 440} <= {*FACING}
    # Horse, sky, tree, unknown.
    assert not {207, 360, 420, 431} & {*FACING} and min(FACING) > 0 and max(FACING) < 460
    assert sorted(FACING) == [*FACING] and len({*FACING}) == len(FACING)


def test_images_without_people_have_no_parts_in_the_shipped_pipelines(root, monkeypatch):
    monkeypatch.setenv("PASCAL_ROOT", str(root))
    config = load_config(CONFIG)
    for split in ("train", "val"):
        people, horse = (each["data_samples"] for each in build_dataset(config, split))
        assert (people.gt_parts_map.data < 7).any() and (horse.gt_parts_map.data == 255).all()
        assert (horse.gt_saliency_map.data == 1).any()
    assert build_dataset(config, "train")[0]["inputs"].shape == (3, 512, 512)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (dict(LabelMap=np.zeros((8, 12))), "does not hold the objects of PASCAL-Part"),
        (dict(anno=dict(objects=np.zeros((0, 0)))), "does not hold the objects"),
        (dict(anno=dict(objects=structures(("class_ind", "mask"), [(15, "x")]))), "no mask of"),
        (
            dict(anno=dict(objects=structures(
                ("class_ind", "mask", "parts"),
                [(15, np.ones((8, 12)), structures(
                    ("part_name", "mask"), [("tail", np.ones((8, 12)))]))],
            ))),
            "'tail'",
        ),
    ],
)  # fmt: skip
def test_other_contents_are_named(root, content, message):
    savemat(root / FIRST, content)
    with pytest.raises(DataError, match=rf"2008_000001\.mat .*{message}"):
        build(root)[0]


def test_missing_and_damaged_files_are_named(root):
    context = root / "pascal-context/trainval/2008_000001.mat"
    savemat(context, dict(Labels=np.zeros((8, 12))))
    for target in ("edges", "normals"):
        with pytest.raises(DataError, match=r"2008_000001\.mat has no matrix LabelMap"):
            build(root, targets=(target,))[0]
    savemat(context, dict(LabelMap=np.zeros((4, 4))))
    with pytest.raises(DataError, match=r"\(4, 4\), but the normals in .*2008_000001\.png"):
        build(root, targets=("normals",))[0]
    context.write_bytes(b"MATLAB 5.0 MAT-file" + bytes(200))
    with pytest.raises(DataError, match=r"2008_000001\.mat is no readable \.mat file"):
        build(root, targets=("edges",))[0]
    (root / FIRST).unlink()
    with pytest.raises(DataError, match=r"1 of 2 parts files are missing: .*2008_000001\.mat"):
        build(root)


def test_it_is_packed_with_what_its_files_decode_to(root):
    folder = str(root / "packed")
    source = dict(type="PascalContextMultiTask", data_root=str(root), serialize_data=False)
    assert pack_dataset(build(root, pipeline=[]), folder, source) == []
    crop = dict(type="CenterCropTargets", crop_size=(4, 8))
    late = dict(type="LoadTargets", decode=False)
    packed = DATASETS.build(
        dict(
            type="PackedDataset",
            data_root=folder,
            pipeline=[LOAD[0], late, crop, dict(type="DecodeTargets")],
        )
    )
    for found, expected in zip(packed, build(root, pipeline=[*LOAD, crop]), strict=True):
        for target in packed.targets():
            assert np.array_equal(found[target.array], expected[target.array]), target.name


def test_its_data_are_checked(root, monkeypatch):
    monkeypatch.setenv("PASCAL_ROOT", str(root))
    found = check_data(load_config(CONFIG))
    assert [part.problems for part in found.parts] == [[], []]
    save(str(root), "sal_distill/2010_1.png", filled((4, 4), [0]))
    (val,) = (part for part in check_data(load_config(CONFIG)).parts if "val" in part.splits)
    (problem,) = val.problems
    assert "sal_distill/2010_1.png is 4x4" in problem.text
