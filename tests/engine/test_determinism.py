"""Training is a function of its seed: workers, validations and resumes change nothing."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch
from mmengine.dataset import ConcatDataset, RepeatDataset
from mmseg.registry import DATASETS

from mtl_plugins.config import load_config, run_config
from mtl_plugins.datasets import SampleIndex, SeededSampler, seed_all, seeded
from mtl_plugins.engine import MultiTaskRunner
from mtl_plugins.engine.run import resume_from
from tests.config.test_config import BRANCHED

QUICK = [
    "model.backbone.model_name=test_resnet",
    # Something random outside the data as well.
    "model.decode_head.decoder.dropout=0.3",
    "default_hooks.checkpoint.save_best=None",
    "default_hooks.checkpoint.max_keep_ckpts=-1",
    "train_cfg.max_epochs=2",
]


def trained(scene_options, work_dir, *options, resume=None):
    """The weights after two epochs of three batches on tiny scenes."""
    config = load_config(BRANCHED, [*scene_options, *QUICK, *options])
    config.default_hooks.update(panels=None, report=None, summary=None)
    config.randomness = dict(seed=5)
    config = run_config(config, work_dir=str(work_dir))
    if resume:
        resume_from(config, str(resume))
    runner = MultiTaskRunner.from_cfg(config)
    runner.train()
    return runner.model.state_dict()


def equal(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[k], second[k]) for k in first)


@pytest.fixture(scope="module")
def reference(scene_options, tmp_path_factory):
    """One run without workers, and its folder with a checkpoint of every iteration."""
    folder = tmp_path_factory.mktemp("reference")
    every = ["default_hooks.checkpoint.by_epoch=False", "default_hooks.checkpoint.interval=1"]
    return trained(scene_options, folder, *every), folder


def test_workers_and_validations_change_nothing(reference, scene_options, tmp_path):
    options = ["train_dataloader.num_workers=2", "train_cfg.val_interval=5"]
    assert equal(trained(scene_options, tmp_path, *options), reference[0])


def test_seven_workers_load_what_none_loads(scene_options):
    loader = load_config(BRANCHED, scene_options).train_dataloader
    epochs = []
    for workers in (0, 7):
        loader.update(num_workers=workers, pin_memory=False)
        batches = MultiTaskRunner.build_dataloader(loader, seed=4)
        epochs.append([image for batch in batches for image in batch["inputs"]])
    assert len(epochs[0]) == 6
    assert all(torch.equal(*images) for images in zip(*epochs, strict=True))


def test_another_seed_changes_something(reference, scene_options, tmp_path):
    config = load_config(BRANCHED, [*scene_options, *QUICK])
    config.randomness = dict(seed=6)
    runner = MultiTaskRunner.from_cfg(run_config(config, work_dir=str(tmp_path)))
    assert not equal(runner.model.state_dict(), reference[0])


@pytest.mark.parametrize("iteration", [3, 5])
def test_a_resume_changes_nothing(iteration, reference, scene_options, tmp_path):
    checkpoint = reference[1] / f"iter_{iteration}.pth"
    assert equal(trained(scene_options, tmp_path, resume=checkpoint), reference[0])


@pytest.fixture
def dataset(scene_options):
    config = load_config(BRANCHED, scene_options)
    return DATASETS.build(config.train_dataloader.dataset)


def pixels(sample):
    return sample["inputs"].numpy()


def test_a_sample_depends_on_seed_epoch_and_index_alone(dataset):
    key = (0, 1, 2)
    np.random.seed(1)
    first = pixels(dataset[SampleIndex(2, key)])
    np.random.seed(2)
    before = np.random.get_state()[1].copy()
    assert np.array_equal(pixels(dataset[SampleIndex(2, key)]), first)
    assert np.array_equal(np.random.get_state()[1], before)
    for other in ((1, 1, 2), (0, 2, 2), (0, 1, 3)):
        assert not np.array_equal(pixels(dataset[SampleIndex(2, other)]), first)


def test_wrapped_data_sets_keep_the_key(dataset):
    joined = ConcatDataset([dataset, dataset])
    inner = pixels(dataset[SampleIndex(1, (0, 0, 7))])
    assert np.array_equal(pixels(joined[SampleIndex(7, (0, 0, 7))]), inner)
    repeated = RepeatDataset(dataset, 2)
    assert np.array_equal(pixels(repeated[SampleIndex(7, (0, 0, 7))]), inner)
    # The same image a second time in an epoch is another sample.
    assert not np.array_equal(pixels(repeated[SampleIndex(1, (0, 0, 1))]), inner)


def test_indices_travel_to_workers():
    index = pickle.loads(pickle.dumps([SampleIndex(4, (1, 2, 4))]))[0]
    assert index == 4 and index.key == (1, 2, 4)


def test_the_sampler_starts_where_it_is_told_and_keeps_its_length():
    sampler = SeededSampler(range(10), shuffle=True, seed=3)
    whole = list(sampler)
    sampler.start = 4
    assert list(sampler) == whole[4:] and len(sampler) == 10
    assert [index.key for index in sampler] == [(3, 0, i) for i in whole[4:]]
    sampler.set_epoch(1)
    assert list(sampler) != whole[4:]


def test_seeding_leaves_the_outside_as_it_was():
    seed_all(9)
    expected = np.random.rand(), torch.rand(1).item()
    seed_all(9)
    with seeded(1, 2):
        inside = np.random.rand(), torch.rand(1).item()
    assert (np.random.rand(), torch.rand(1).item()) == expected
    assert inside != expected
