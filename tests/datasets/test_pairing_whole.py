"""Lists and patterns are read, packed, checked, drawn, trained, measured and saved."""

from __future__ import annotations

import math

import numpy as np
import pytest
from mmengine.config import Config
from mmseg.registry import DATASETS

from mtl_plugins import evaluate
from mtl_plugins.config import build_dataset, pack_config, with_packed
from mtl_plugins.data_tools import browse_data, check_data
from mtl_plugins.datasets import DepthFormat, pack_dataset
from mtl_plugins.engine import train
from mtl_plugins.street_scenes import DEPTH_SCALE
from tests.engine.tiny_run import tiny_config
from tests.inference.every_type import (
    PIPELINE,
    TARGETS,
    config,
    dataset,
    save_checkpoint,
    write_files,
)

pytestmark = pytest.mark.slow

PRESENT = ([*TARGETS], ["depth", "edges", "flow"], [])
"""Targets of each of three samples."""


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("partial")
    write_files(folder)
    rows = [["image", *TARGETS]]
    for index, present in enumerate(PRESENT):
        files = {
            name: f"{index}{each.get('suffix', '.png')}" if name in present else ""
            for name, each in TARGETS.items()
        }
        rows.append([f"{index}", *files.values()])
    (folder / "list.csv").write_text("\n".join(",".join(row) for row in rows))
    return folder


def source(root, **options):
    return dict(dataset(root, **options), ann_file="list.csv")


def truths(dataset):
    """Return the truth of each sample by the target's name."""
    samples = [dataset[index]["data_samples"] for index in range(len(dataset))]
    named = {target.name: target.truth for target in dataset.targets()}
    return [
        {name: sample.get(key).data.numpy() for name, key in named.items() if key in sample}
        for sample in samples
    ]


def test_a_sample_has_the_targets_of_its_cells(root):
    found, whole = truths(DATASETS.build(source(root))), truths(DATASETS.build(dataset(root)))
    assert [[*each] for each in found] == [[*each] for each in PRESENT]
    for sample, complete in zip(found, whole, strict=True):
        for name, values in sample.items():
            np.testing.assert_array_equal(values, complete[name])
    listed = DATASETS.build(source(root))
    assert [listed.get_cat_ids(index) for index in range(3)] == [[0, 1], [], []]
    joined = DATASETS.build(dict(type="ConcatDataset", datasets=[source(root), dataset(root)]))
    assert len(joined) == 6 and {*joined.metainfo["targets"]} == {*TARGETS}


def test_it_is_packed(root, tmp_path):
    files = DATASETS.build(source(root))
    assert pack_dataset(files, str(tmp_path), {}) == []
    packed = DATASETS.build(dict(type="PackedDataset", data_root=str(tmp_path), pipeline=PIPELINE))
    for a, b in zip(truths(files), truths(packed), strict=True):
        assert [*a] == [*b]
        for name, values in a.items():
            np.testing.assert_array_equal(values, b[name])


def test_it_is_checked(root):
    found = check_data(Config(dict(train_dataloader=dict(dataset=source(root)))))
    [part] = found.parts
    assert part.problems == []
    assert part.statistics.samples == 3
    maps = {name: tally.maps for name, tally in part.statistics.tallies.items()}
    assert maps == {name: sum(name in each for each in PRESENT) for name in TARGETS}


def test_its_predictions_are_saved(root, tmp_path):
    given = config(source(root), tmp_path)
    checkpoint = save_checkpoint(given, tmp_path / "a.pth")
    given.default_hooks = dict(
        save_predictions=dict(type="SavePredictionsHook", folder=str(tmp_path / "saved"))
    )
    evaluate(given, checkpoint, str(tmp_path / "run"))
    saved = tmp_path / "saved"
    names = {path.relative_to(saved).as_posix() for path in saved.rglob("*.*")}
    assert {"depth/0.png", "depth/1.png", "label/0.png", "flow/1.npy"} <= names
    assert len([name for name in names if "2." in name]) == len(TARGETS) + 1


PATTERNS = dict(
    img_path="{scene}/rgb/img_{name}.jpg",
    seg_map_path="{scene}/label/{name}_label.png",
    depth_map_path="{scene}/depth/{name}.png",
)
FOLDERS = dict(zip(PATTERNS, ("rgb", "label", "depth"), strict=True))
COUNTS = dict(train=6, val=3)


def as_list(scenes_root, root, split):
    """List scenes that lack classes, depth, both or nothing."""
    lines = ["image\tsemseg\tdepth"]
    for index in range(COUNTS[split]):
        name = f"{split}/{index:06}"
        label, depth = f"label/{name}.png" * (index % 3 != 1), f"depth/{name}" * (index % 3 != 2)
        lines.append(f"rgb/{name}.jpg\t{label}\t{depth}")
    (root / f"{split}.tsv").write_text("\n".join(lines))
    return dict(data_root=scenes_root, ann_file=str(root / f"{split}.tsv"))


def as_patterns(scenes_root, root, split):
    """Give each scene its own folders, with one kind of files in each, of different prefixes."""
    for index in range(COUNTS[split]):
        for key, pattern in PATTERNS.items():
            path = root / split / pattern.format(scene=f"scene {index % 2}", name=index)
            path.parent.mkdir(parents=True, exist_ok=True)
            stored = f"{scenes_root}/{FOLDERS[key]}/{split}/{index:06}{path.suffix}"
            path.symlink_to(stored)
    return dict(data_root=str(root / split), data_prefix=PATTERNS)


@pytest.fixture(params=[as_list, as_patterns])
def paired(request, scenes_root, scene_options, tmp_path):
    """A config that reads scenes by a list or patterns, and how many targets each scene has."""
    given = tiny_config(scene_options, "train_cfg.max_epochs=1")
    known = given.train_dataloader.dataset
    metainfo = {k: DATASETS.build(known).metainfo[k] for k in ("classes", "palette")}
    for split in ("train", "val", "test"):
        loader = given[f"{split}_dataloader"]
        files = "train" if split == "train" else "val"
        loader.dataset = dict(
            type="MultiTaskDataset",
            metainfo=metainfo,
            depth_format=dict(scale=DEPTH_SCALE),
            pipeline=loader.dataset.pipeline,
            test_mode=split != "train",
            **(request.param(scenes_root, tmp_path, files) if split != "test" else {}),
        )
        loader.update(num_workers=0, persistent_workers=False, batch_size=2)
    given.test_dataloader.dataset = given.val_dataloader.dataset
    return given, [2, 1, 1] if request.param is as_list else [2, 2, 2]


def test_it_is_trained_measured_checked_and_drawn(paired, tmp_path):
    config, numbers = paired
    assert isinstance(build_dataset(config, "train").formats["depth"], DepthFormat)
    part, *_ = check_data(config).parts
    maps = {name: tally.maps for name, tally in part.statistics.tallies.items()}
    # Of six training samples, as of three in validation.
    assert part.problems == [] and maps == dict.fromkeys(("semseg", "depth"), sum(numbers))
    config.default_hooks.update(summary=dict(type="SummaryHook"))
    runner = train(config, str(tmp_path / "run"), seed=0)
    scores = {key: value for key, value in runner.message_hub.log_scalars.items() if "val/" in key}
    assert all(math.isfinite(value.current()) for value in scores.values())
    assert {"val/semseg/mIoU", "val/depth/abs_rel"} <= {*scores}
    assert len(browse_data(config, str(tmp_path / "seen"), num=6)) == 6
    pack_config(config, str(tmp_path / "packed"))
    packed = build_dataset(with_packed(config, str(tmp_path / "packed")), "val")
    found, files = truths(packed), truths(build_dataset(config, "val"))
    assert [len(each) for each in files] == numbers
    for one, other in zip(found, files, strict=True):
        assert {*one} == {*other}
        assert all(np.array_equal(one[name], other[name]) for name in other)
