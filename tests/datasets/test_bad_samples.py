"""Samples that cannot be read end the run or are skipped and reported."""

import logging
import os
import re

import numpy as np
import pytest
from mmengine.runner import Runner
from mmseg.registry import DATASETS
from PIL import Image

from mtl_plugins.datasets import SampleIndex
from mtl_plugins.engine.hooks import SkippedSamplesHook
from mtl_plugins.errors import ConfigError, DataError
from mtl_plugins.utils import run_command

PIPELINE = [dict(type="LoadImage"), dict(type="LoadTargets"), dict(type="PackTargets")]


@pytest.fixture
def config(tmp_path):
    """Six images with labels, of which number 2 is truncated and number 4 has a wrong label."""
    for folder in ("rgb", "label"):
        os.makedirs(tmp_path / folder)
    for index in range(6):
        image = np.full((8, 12, 3), index, np.uint8)
        Image.fromarray(image).save(tmp_path / "rgb" / f"{index}.png")
        label = np.full((8, 12), 9 if index == 4 else 0, np.uint8)
        Image.fromarray(label).save(tmp_path / "label" / f"{index}.png")
    path = tmp_path / "rgb" / "2.png"
    path.write_bytes(path.read_bytes()[:40])
    return dict(
        type="MultiTaskDataset",
        data_root=str(tmp_path),
        data_prefix=dict(img_path="rgb", seg_map_path="label"),
        img_suffix=".png",
        metainfo=dict(classes=("a",)),
        pipeline=PIPELINE,
        # Collecting garbage after serialising costs more than all the rest.
        serialize_data=False,
    )


def image_of(sample):
    return int(sample["inputs"][0, 0, 0])


def test_by_default_a_bad_sample_ends_the_run(config):
    dataset = DATASETS.build(config)
    with pytest.raises(DataError, match=r"rgb/2\.png cannot be read"):
        dataset[2]


def test_a_skipped_sample_is_replaced_and_reported(config):
    dataset = DATASETS.build(dict(config, on_bad_sample="skip"))
    samples = [dataset[SampleIndex(i, (0, 0, i))] for i in range(6)]
    assert [image_of(samples[i]) for i in (0, 1, 3, 5)] == [0, 1, 3, 5]
    for index, text in ((2, "rgb/2.png cannot be read"), (4, "label/4.png has label values")):
        assert image_of(samples[index]) in (0, 1, 3, 5)
        assert text in samples[index]["data_samples"].skipped[0]
    again = [dataset[SampleIndex(i, (0, 0, i))] for i in range(6)]
    assert list(map(image_of, again)) == list(map(image_of, samples))


def test_a_file_that_vanishes_is_named(config):
    dataset = DATASETS.build(config)
    os.remove(os.path.join(config["data_root"], "rgb", "0.png"))
    with pytest.raises(DataError, match=r"rgb/0\.png does not exist"):
        dataset[0]


@pytest.mark.parametrize(("workers", "gone"), [(0, "rgb/3.png"), (1, "label/3.png")])
def test_a_file_that_vanishes_during_training_ends_it_in_one_message(config, workers, gone, capsys):
    """The batches before the missing file are still trained."""
    sampler = dict(type="SeededSampler", shuffle=False)
    loader = Runner.build_dataloader(
        dict(
            dataset=dict(config, indices=[0, 1, 5, 3] * 4),
            sampler=sampler, batch_size=3, num_workers=workers,
        ),
        seed=0,
    )  # fmt: skip
    batches = []

    def run():
        for batch in loader:
            batches.append(batch)
            if len(batches) == 1:
                os.remove(os.path.join(config["data_root"], gone))

    with pytest.raises(SystemExit) as end:
        run_command(run)
    message = capsys.readouterr().err
    assert end.value.code == 1 and len(batches) >= 1
    assert re.fullmatch(
        rf"\nerror: \S+/{gone} does not exist\. Put it back, or take its sample out of the data "
        r"set\.\n",
        message,
    )


def test_validation_never_skips(config):
    dataset = DATASETS.build(dict(config, on_bad_sample="skip", test_mode=True))
    with pytest.raises(DataError):
        dataset[2]


def test_missing_storage_ends_skipping(config):
    dataset = DATASETS.build(dict(config, on_bad_sample="skip"))
    for name in os.listdir(os.path.join(config["data_root"], "rgb")):
        os.remove(os.path.join(config["data_root"], "rgb", name))
    with pytest.raises(DataError, match=r"20 samples in a row .* does not exist"):
        dataset[0]


def test_wrong_arguments_are_refused(config):
    with pytest.raises(ConfigError, match="on_bad_sample='ignore'; choose 'raise' or 'skip'"):
        DATASETS.build(dict(config, on_bad_sample="ignore"))
    with pytest.raises(ConfigError, match="limit=-1"):
        SkippedSamplesHook(limit=-1)


@pytest.mark.parametrize("workers", [0, 2])
def test_the_hook_lists_each_bad_file_once_and_stops_at_its_limit(config, workers, caplog):
    loader = dict(
        dataset=dict(config, on_bad_sample="skip"),
        sampler=dict(type="SeededSampler", shuffle=True),
        batch_size=2,
        num_workers=workers,
    )
    caplog.set_level(logging.WARNING)
    loader = Runner.build_dataloader(loader, seed=0)
    hook = SkippedSamplesHook(limit=2)
    for _ in range(2):
        for index, batch in enumerate(loader):
            hook.before_train_iter(None, index, batch)
    hook.after_train_epoch(None)
    assert len(hook.skipped) == 2
    strict = SkippedSamplesHook(limit=1)
    with pytest.raises(
        DataError, match=r"2 samples could not be read, more than the 1 .*check_data"
    ):
        for index, batch in enumerate(loader):
            strict.before_train_iter(None, index, batch)


def test_a_problem_has_the_same_message_every_time(config, tmp_path):
    path = tmp_path / "rgb" / "0.png"
    path.write_bytes(b"no image")
    dataset = DATASETS.build(config)
    messages = []
    for _ in range(2):
        with pytest.raises(DataError, match="begins like no known image format") as error:
            dataset[0]
        messages.append((str(error.value), bytearray(1 << 16)))
    assert messages[0][0] == messages[1][0]
