"""Repeating samples with rare classes: which ones, in which order, in every kind of data."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest
from mmseg.registry import DATASETS
from PIL import Image
from torch import distributed

from mtl_plugins.config import final_config, load_config, pack_config, with_packed
from mtl_plugins.datasets import SampleIndex, SeededSampler, leaf_of
from mtl_plugins.engine import train
from mtl_plugins.errors import ConfigError, DataError
from tests.config.test_config import BRANCHED
from tests.engine.tiny_run import tiny_config
from tests.ranks import run_ranks

PIPELINE = [dict(type="LoadImage"), dict(type="LoadTargets"), dict(type="PackTargets")]
LABELS = [(0,), (0, 1), (0,), (0, 255), (0, 1), (0,), (0, 2), (255,)]
"""The ids in the label file of each image: 1 is in two of eight, 2 in one."""
TIMES = [1, 2, 1, 1, 2, 1, 3, 1]
"""How often each occurs: sqrt(0.6 / 0.25) = 1.5, and sqrt(0.6 / 0.125) = 2.2, rounded up."""
ORDER = [index for index, times in enumerate(TIMES) for _ in range(times)]


@pytest.fixture
def root(tmp_path):
    """Eight images with labels, and masks that are 1 in the last image alone."""
    for name in ("rgb", "label", "edges"):
        os.makedirs(tmp_path / name)
    for index, ids in enumerate(LABELS):
        image = np.random.default_rng(index).integers(0, 256, (4, 8, 3), np.uint8)
        label = np.resize(np.array(ids, np.uint8), (4, 8))
        mask = np.full((4, 8), index == len(LABELS) - 1, np.uint8)
        for name, array in (("rgb", image), ("label", label), ("edges", mask)):
            Image.fromarray(array).save(tmp_path / name / f"{index}.png")
    return tmp_path


def plain(root, **options):
    targets = dict(
        semseg=dict(folder="label", classes=("road", "pole", "sign")),
        edges=dict(type="binary", folder="edges"),
    )
    known = dict(
        type="MultiTaskDataset", data_root=str(root), data_prefix=dict(img_path="rgb"),
        img_suffix=".png", targets=targets, pipeline=PIPELINE,
    )  # fmt: skip
    return {**known, **options}


def balanced(dataset, **options):
    config = dict(type="ClassBalancedDataset", oversample_thr=0.6, dataset=dataset, **options)
    return DATASETS.build(config)


def order(dataset):
    """Return the numbers of the images of a data set, in its order."""
    paths = [dataset.get_data_info(index)["img_path"] for index in range(len(dataset))]
    return [int(os.path.splitext(os.path.basename(path))[0]) for path in paths]


@pytest.mark.slow
def test_rare_classes_of_the_named_target_are_repeated(root):
    assert order(balanced(plain(root))) == ORDER
    # The mask has two values; 1 is in one of eight images.
    assert order(balanced(plain(root), target="edges")) == [*range(8), 7, 7]


def test_joined_and_partly_labelled_data(root):
    edges = dict(type="binary", folder="edges")
    unlabelled = plain(root, targets=dict(edges=edges))
    joined = dict(type="ConcatDataset", datasets=[unlabelled, plain(root)])
    # Samples without labels neither count nor repeat.
    assert order(balanced(joined)) == [*range(8), *ORDER]
    twice = dict(type="RepeatDataset", times=2, dataset=plain(root))
    assert order(balanced(twice)) == ORDER * 2
    inner = dict(type="ClassBalancedDataset", oversample_thr=0.6, dataset=plain(root))
    whole = DATASETS.build(dict(type="ConcatDataset", datasets=[unlabelled, inner]))
    assert order(whole) == [*range(8), *ORDER]
    # The classes are those of the part that has them.
    assert whole.metainfo["classes"] == ("road", "pole", "sign")


def test_packed_data_repeat_the_same(root, tmp_path):
    config = load_config(BRANCHED)
    config.train_dataloader.dataset = dict(
        type="ClassBalancedDataset", oversample_thr=0.6, dataset=plain(root)
    )
    config.val_dataloader = config.test_dataloader = None
    pack_config(config, str(tmp_path / "packed"))
    packed = DATASETS.build(with_packed(config, str(tmp_path / "packed")).train_dataloader.dataset)
    assert order(packed) == ORDER
    assert type(leaf_of(packed, 0)[0]).__name__ == "PackedDataset"


def test_the_order_is_a_function_of_the_seed(root):
    crop = [*PIPELINE[:2], dict(type="RandomCrop", crop_size=(2, 2)), PIPELINE[2]]
    first, second = (balanced(plain(root, pipeline=crop)) for _ in range(2))
    samplers = [SeededSampler(each, seed=3) for each in (first, second)]
    found = [[first[index]["inputs"] for index in samplers[0]] for _ in range(2)]
    again = [second[index]["inputs"] for index in samplers[1]]
    for a, b, c in zip(*found, again, strict=True):
        assert a.equal(b) and a.equal(c)
    # A sample that is repeated is cropped differently.
    keys = [(5, 0, index) for index, number in enumerate(ORDER) if number == 6]
    crops = [first[SampleIndex(key[2], key)]["inputs"] for key in keys]
    assert not all(crop.equal(crops[0]) for crop in crops)


def counted(rank, root, folder):
    distributed.init_process_group("gloo")
    dataset = balanced(plain(root))
    with open(os.path.join(folder, f"order_{rank}.json"), "w") as file:
        json.dump(order(dataset), file)


def test_each_process_reads_a_part_of_the_labels(root, tmp_path):
    codes, output = run_ranks(2, counted, tmp_path, root, str(tmp_path))
    assert codes == [0, 0], output
    for rank in range(2):
        assert json.loads((tmp_path / f"order_{rank}.json").read_text()) == ORDER


def test_a_damaged_label_ends_every_process(root, tmp_path):
    (root / "label" / "1.png").write_bytes(b"no picture")
    codes, output = run_ranks(2, counted, tmp_path, root, str(tmp_path))
    assert codes == [1, 1] and all("label/1.png" in text for text in output), output
    with pytest.raises(DataError, match=r"label/1\.png"):
        balanced(plain(root))
    # Where it may be skipped, it occurs once; 1 is in one of eight now.
    again = balanced(plain(root, on_bad_sample="skip"))
    assert order(again) == [0, 1, 2, 3, 4, 4, 4, 5, 6, 6, 6, 7]


def test_nothing_to_repeat_is_said(root, monkeypatch):
    said = []
    monkeypatch.setattr("mtl_plugins.datasets.joined_dataset.warn", said.append)
    found = DATASETS.build(
        dict(type="ClassBalancedDataset", oversample_thr=0.1, dataset=plain(root))
    )
    assert order(found) == [*range(8)]
    assert len(said) == 1 and "no class of 'semseg' is in less than 10% of the samples" in said[0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(target="semsg"), "Did you mean semseg"),
        (dict(target=None), "target=None is not loaded.* Choose from edges, semseg"),
        (dict(oversample_thr=0), "oversample_thr=0; expected a share"),
        (dict(oversample_thr=1.5), r"oversample_thr=1\.5; expected"),
    ],
)
def test_what_cannot_be_balanced_is_refused(root, options, message):
    config = dict(type="ClassBalancedDataset", oversample_thr=0.6, dataset=plain(root))
    with pytest.raises(ConfigError, match=message):
        DATASETS.build({**config, **options})


def wrapped(scene_options, name="train_dataloader", **options):
    config = tiny_config(scene_options)
    config[name].dataset = dict(
        type="ClassBalancedDataset", oversample_thr=1.0, dataset=config[name].dataset, **options
    )
    return config


def test_a_config_is_refused_before_anything_is_built(scene_options):
    with pytest.raises(ConfigError, match="target='depth' is of the type 'scalar'"):
        final_config(wrapped(scene_options, target="depth"))
    with pytest.raises(ConfigError, match="some images would count several times"):
        final_config(wrapped(scene_options, "val_dataloader"))


@pytest.mark.slow
def test_a_resumed_run_sees_the_same_samples(scene_options, tmp_path):
    """Half of a run and the rest of it end in the weights of a whole one."""
    config = wrapped(scene_options)
    config.param_scheduler = []
    whole = train(config, str(tmp_path / "whole"), seed=3)
    config.train_cfg.max_epochs = 1
    train(config, str(tmp_path / "parts"), seed=3)
    config.train_cfg.max_epochs = 2
    rest = train(config, str(tmp_path / "parts"), resume="auto", seed=3)
    for (name, a), b in zip(
        whole.model.state_dict().items(), rest.model.state_dict().values(), strict=True
    ):
        assert a.equal(b), name
