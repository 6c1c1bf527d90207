"""Packed data gives the samples of its source; damaged files are named."""

import json
import os
import pickle

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmseg.registry import DATASETS
from PIL import Image

from mtl_plugins.config import pack_config, with_packed
from mtl_plugins.datasets import SampleIndex, pack_dataset
from mtl_plugins.errors import ConfigError, DataError
from mtl_plugins.targets import PREDEFINED

CROPPED = [
    dict(type="LoadImage"),
    dict(type="LoadTargets"),
    dict(type="RandomCrop", crop_size=(16, 24), cat_max_ratio=0.9),
    dict(type="FlipTargets", prob=0.5),
    dict(type="PhotoMetricDistortion"),
    dict(type="PackTargets"),
]
WHOLE = [dict(type="LoadImage"), dict(type="LoadTargets"), dict(type="PackTargets")]
SAMPLES = 7


@pytest.fixture
def config(tmp_path):
    """Seven samples with labels as colours, disparity and normals, in three sizes."""
    root = tmp_path / "files"
    random = np.random.default_rng(0)
    for folder in ("rgb", "label", "depth", "normal"):
        os.makedirs(root / folder)
    for index in range(SAMPLES):
        size = (32 + index % 3, 40)
        colours = np.array([[9, 0, 0], [0, 9, 0], [0, 0, 9]], np.uint8)
        arrays = dict(
            rgb=random.integers(0, 256, (*size, 3), np.uint8),
            label=colours[random.integers(0, 3, size)],
            depth=random.integers(0, 1 << 16, size).astype(np.uint16),
            normal=random.integers(0, 256, (*size, 3), np.uint8),
        )
        for folder, array in arrays.items():
            Image.fromarray(array).save(root / folder / f"{index}.png")
    dataset = dict(
        type="MultiTaskDataset",
        data_root=str(root),
        data_prefix=dict(
            img_path="rgb", seg_map_path="label", depth_map_path="depth", normal_map_path="normal"
        ),
        img_suffix=".png",
        metainfo=dict(classes=("a", "b"), palette=[[1, 2, 3], [4, 5, 6]]),
        label_map={(9, 0, 0): 0, (0, 9, 0): 1, (0, 0, 9): 255},
        depth_format=dict(scale=1 / 65536, inverse=True, max_depth=50.0),
        depth_unit="relative",
        serialize_data=False,  # it would collect garbage, which takes longer than a test
    )
    return Config(
        dict(
            train_dataloader=dict(dataset=dict(dataset, pipeline=CROPPED)),
            val_dataloader=dict(dataset=dict(dataset, pipeline=WHOLE, test_mode=True)),
        )
    )


@pytest.fixture
def folder(tmp_path):
    return str(tmp_path / "packed")


def built(config, split="train"):
    return DATASETS.build(config[f"{split}_dataloader"].dataset)


def shard(folder, number, suffix=".bin"):
    return os.path.join(folder, "train", f"shard-{number:05d}{suffix}")


def assert_equal(sample, other):
    assert torch.equal(sample["inputs"], other["inputs"])
    sample, other = sample["data_samples"], other["data_samples"]
    for target in PREDEFINED.values():
        a, b = sample.get(target.truth).data, other.get(target.truth).data
        assert a.dtype == b.dtype
        assert torch.equal(a, b)
    assert set(sample.metainfo) == set(other.metainfo)
    for key in ("img_path", "ori_shape", "img_shape", "flip", "seg_map_path"):
        assert sample.metainfo.get(key) == other.metainfo.get(key)


def test_samples_are_bit_equal_to_those_of_the_files(config, folder):
    assert pack_config(config, folder, samples_per_shard=3) == []
    assert sorted(os.listdir(folder)) == ["train"], "train and val are the same files: packed once"
    packed = with_packed(config, folder)
    types = [transform["type"] for transform in packed.train_dataloader.dataset.pipeline]
    assert types.index("RandomCrop") < types.index("DecodeTargets") < types.index("FlipTargets")
    for split in ("train", "val"):
        files, shards = built(config, split), built(packed, split)
        assert len(files) == len(shards) == SAMPLES
        assert shards.metainfo["classes"] == files.metainfo["classes"]
        assert shards.metainfo["depth_unit"] == "relative"
        for index in range(SAMPLES):
            for epoch in range(3):
                key = SampleIndex(index, (0, epoch, index))
                assert_equal(files[key], shards[key])


def test_loading_maps_and_only_a_crop_is_decoded(config, folder):
    pack_config(config, folder)
    dataset = built(with_packed(config, folder))
    load, targets = dataset.pipeline.transforms[:2]
    results = targets(load(dataset.get_data_info(0)))
    for key in ("img", "gt_seg_map", "gt_depth_map", "gt_normal_map"):
        assert np.shares_memory(results[key], dataset.shards[0])
        assert not results[key].flags.writeable
    assert results["gt_depth_map"].dtype == np.uint16
    sample = dataset[0]["data_samples"]
    assert not np.shares_memory(sample.gt_sem_seg.data.numpy(), dataset.shards[0])


def test_another_process_maps_the_files_itself(config, folder):
    pack_config(config, folder)
    dataset = built(with_packed(config, folder))
    before = len(pickle.dumps(dataset))
    dataset[0]
    assert len(pickle.dumps(dataset)) == before < os.path.getsize(shard(folder, 0))
    assert_equal(
        pickle.loads(pickle.dumps(dataset))[SampleIndex(1, (0, 0, 1))],
        dataset[SampleIndex(1, (0, 0, 1))],
    )


def test_stopped_packing_is_continued(config, folder):
    def stop(name, done, total):
        if done >= 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pack_config(config, folder, stop, samples_per_shard=2)
    with pytest.raises(DataError, match=r"index\.json does not exist.*goes on where"):
        with_packed(config, folder)
    first = [os.stat(shard(folder, 0)).st_mtime_ns, os.stat(shard(folder, 1)).st_mtime_ns]
    os.truncate(shard(folder, 1), 100)
    pack_config(config, folder, samples_per_shard=2)
    assert os.stat(shard(folder, 0)).st_mtime_ns == first[0], "a finished shard is kept"
    assert os.stat(shard(folder, 1)).st_mtime_ns != first[1], "a damaged one is replaced"
    assert not [name for name in os.listdir(os.path.join(folder, "train")) if "tmp" in name]
    assert_equal(built(config, "val")[3], built(with_packed(config, folder), "val")[3])


@pytest.mark.parametrize("size", [0, 100])
def test_a_shard_of_the_wrong_size_is_named(config, folder, size):
    pack_config(config, folder, samples_per_shard=3)
    os.truncate(shard(folder, 1), size)
    with pytest.raises(DataError, match=rf"shard-00001\.bin has {size} bytes.*pack_data\.py"):
        built(with_packed(config, folder))
    os.remove(shard(folder, 1))
    with pytest.raises(DataError, match=r"shard-00001\.bin does not exist"):
        built(with_packed(config, folder))


def test_a_changed_byte_is_found(config, folder):
    pack_config(config, folder, samples_per_shard=3)
    dataset = built(with_packed(config, folder))
    assert [*dataset.verify()] == []
    with open(shard(folder, 2), "r+b") as file:
        file.seek(64)
        byte = file.read(1)
        file.seek(64)
        file.write(bytes([byte[0] ^ 1]))
    (problem,) = dataset.verify()
    assert "shard-00002.bin has the checksum" in problem
    assert "pack_data.py" in problem


def test_truncating_a_mapped_shard_is_an_error_and_no_crash(config, folder):
    """Reading a page behind the end of a mapped file would kill the process (SIGBUS)."""
    pack_config(config, folder, samples_per_shard=3)
    dataset = built(with_packed(config, folder))
    dataset[0], dataset[3]
    for size in (0, 5000):
        os.truncate(shard(folder, 0), size)
        with pytest.raises(
            DataError, match=rf"shard-00000\.bin was cut off to {size} of .*pack_data"
        ):
            dataset[0]
        assert_equal(dataset[SampleIndex(3, (0, 0, 3))], dataset[SampleIndex(3, (0, 0, 3))])


def test_a_mapped_shard_survives_deletion_but_an_unmapped_one_is_missed(config, folder):
    pack_config(config, folder, samples_per_shard=3)
    dataset, index = built(with_packed(config, folder)), SampleIndex(0, (0, 0, 0))
    before = dataset[index]
    for number in (0, 1):
        os.remove(shard(folder, number))
    assert_equal(dataset[index], before)
    with pytest.raises(DataError, match=r"shard-00001\.bin cannot be read: .*pack_data"):
        dataset[3]
    with open(shard(folder, 1), "wb") as file:
        file.write(bytes(100))
    with pytest.raises(DataError, match=r"shard-00001\.bin ends within a sample.*pack_data"):
        dataset[3]


def test_changed_class_ids_in_a_shard_are_errors(config, folder):
    pack_config(config, folder)
    dataset = built(with_packed(config, folder), "val")
    with open(shard(folder, 0, ".json"), encoding="utf-8") as file:
        offset = json.load(file)["samples"][2]["arrays"]["gt_seg_map"][0]
    with open(shard(folder, 0), "r+b") as file:
        file.seek(offset)
        file.write(bytes([2, 77, 255]))
    with pytest.raises(
        DataError, match=r"shard-00000\.bin is damaged: .*label/2\.png has the class ids \[2, 77\]"
    ):
        dataset[2]


def test_a_description_of_another_set_or_with_another_number_is_named(config, folder):
    pack_config(config, folder, samples_per_shard=3)
    path = shard(folder, 1, ".json")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    with open(path, "w", encoding="utf-8") as file:
        file.write(text.replace('"gt_seg_map": [', '"gt_seg_map": [1'))
    with pytest.raises(DataError, match=r"shard-00001\.json is damaged: it changed after"):
        built(with_packed(config, folder))
    with open(shard(folder, 2, ".json"), encoding="utf-8") as other:
        text = other.read()
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    with pytest.raises(DataError, match=r"shard-00001\.json belongs to another data set"):
        built(with_packed(config, folder))


def test_packed_data_is_packed_again(config, folder, tmp_path):
    pack_config(config, folder)
    packed = built(with_packed(config, folder), "val")
    pack_dataset(packed, str(tmp_path / "again"), {})
    again = DATASETS.build(
        dict(type="PackedDataset", data_root=str(tmp_path / "again"), pipeline=WHOLE)
    )
    for index in range(SAMPLES):
        assert_equal(again[index], packed[index])


@pytest.mark.parametrize("content", ["", "{", "[" * 100_000, '{"version": 99}'])
def test_a_damaged_index_is_named(config, folder, content):
    pack_config(config, folder)
    for path in (os.path.join(folder, "train", "index.json"), shard(folder, 0, ".json")):
        with open(path, encoding="utf-8") as file:
            text = file.read()
        with open(path, "w", encoding="utf-8") as file:
            file.write(content)
        with pytest.raises(DataError, match=r"\.json is (damaged|not of version 3)"):
            built(with_packed(config, folder))
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)


def test_data_packed_from_another_set_is_refused(config, folder):
    pack_config(config, folder)
    config.train_dataloader.dataset.depth_format.max_depth = 2.0
    with pytest.raises(ConfigError, match=r"depth_format was .*50\.0.*, is .*2\.0.*pack_data"):
        with_packed(config, folder)
    pack_config(config, folder)
    assert built(with_packed(config, folder))[0]["data_samples"].gt_depth_map.data.max() <= 2


def test_a_bad_sample_ends_packing_or_is_left_out(config, folder):
    root = config.train_dataloader.dataset.data_root
    with open(os.path.join(root, "depth", "4.png"), "wb"):
        pass
    with pytest.raises(DataError, match=r"depth/4\.png cannot be read"):
        pack_config(config, folder, samples_per_shard=3)
    for split in ("train", "val"):
        config[f"{split}_dataloader"].dataset.on_bad_sample = "skip"
    (problem,) = pack_config(config, folder, samples_per_shard=3)
    assert "depth/4.png" in problem
    dataset = built(with_packed(config, folder))
    assert [os.path.basename(dataset.get_data_info(i)["img_path"]) for i in range(6)] == [
        f"{i}.png" for i in (0, 1, 2, 3, 5, 6)
    ]


def test_sets_without_some_target_are_packed(config, folder):
    node = config.train_dataloader.dataset
    for key in ("seg_map_path", "normal_map_path"):
        del node.data_prefix[key]
    node.pipeline = WHOLE
    dataset = DATASETS.build(node)
    pack_dataset(dataset, folder, {})
    packed = DATASETS.build(dict(type="PackedDataset", data_root=folder, pipeline=WHOLE))
    assert [target.name for target in packed.targets()] == ["depth"]
    for index in range(SAMPLES):
        sample, other = packed[index]["data_samples"], dataset[index]["data_samples"]
        assert "gt_sem_seg" not in sample
        assert torch.equal(sample.gt_depth_map.data, other.gt_depth_map.data)


def test_the_description_is_plain_json(config, folder):
    pack_config(config, folder)
    with open(shard(folder, 0, ".json"), encoding="utf-8") as file:
        description = json.load(file)
    offsets = [place[0] for entry in description["samples"] for place in entry["arrays"].values()]
    assert all(offset % 64 == 0 for offset in offsets)
    assert len(set(offsets)) == 4 * SAMPLES
