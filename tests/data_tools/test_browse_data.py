"""Pictures of samples: they are exactly those that a training run gets."""

from __future__ import annotations

import os

import numpy as np
import pytest
import torch
from mmseg.registry import MODELS
from PIL import Image

from mtl_plugins.config import load_config, pack_config, run_config, with_packed
from mtl_plugins.data_tools import browse_data, seen_samples
from mtl_plugins.datasets.files import read_image
from mtl_plugins.engine import MultiTaskRunner
from mtl_plugins.errors import ConfigError
from mtl_plugins.targets import PREDEFINED
from tests.conftest import ROOT, SCENES

NORMALS = os.path.join(ROOT, "configs", "mtl_normals.py")
SEED, EPOCH = 5, 1
# All kinds of randomness: different sizes within a batch, flips and colours on the device.
PIPELINE = [
    dict(type="LoadImage"),
    dict(type="LoadTargets"),
    dict(type="RandomResize", scale=(128, 64), ratio_range=(0.5, 1.5), keep_ratio=True),
    dict(type="RandomCrop", crop_size=(60, 110)),
    dict(type="FlipTargets", prob=0.5, on_device=True),
    dict(type="PhotometricJitter"),
    dict(type="PackTargets"),
]


@pytest.fixture
def config(scene_options):
    options = [*scene_options, "model.backbone.model_name=test_resnet", "train_cfg.max_epochs=2"]
    config = load_config(NORMALS, options)
    config.train_dataloader.dataset.pipeline = PIPELINE
    config.train_cfg.val_interval = 9
    config.default_hooks.update(panels=None, report=None, summary=None)
    return config


def everything(image, sample):
    """Return the image and all targets of a sample as arrays."""
    truths = [sample.get(t.truth).data.numpy() for t in PREDEFINED.values() if t.truth in sample]
    return [image, *truths]


def seen_pairs(config, epoch, seed):
    return [(s.image, s.sample) for s in seen_samples(config, "train", epoch, seed)]


def assert_equal(found, expected):
    assert len(found) == len(expected) > 0
    for one, other in zip(found, expected, strict=True):
        assert len(one) == len(other) == 4
        assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_the_samples_are_those_of_training(config, tmp_path):
    config.randomness = dict(seed=SEED)
    runner = MultiTaskRunner.from_cfg(run_config(config, work_dir=str(tmp_path)))
    preprocessor = runner.model.data_preprocessor
    trained = []

    def record(module, arguments, batch):
        images = module.to_images(batch["inputs"]).permute(0, 2, 3, 1).numpy()
        pairs = zip(images, batch["data_samples"], strict=True)
        trained.extend((runner.epoch, everything(*pair)) for pair in pairs)

    preprocessor.register_forward_hook(record)
    runner.train()
    seen = [everything(*pair) for pair in seen_pairs(config, EPOCH, SEED)]
    assert_equal(seen, [sample for epoch, sample in trained if epoch == EPOCH])
    other = [everything(*pair) for pair in seen_pairs(config, EPOCH, SEED + 1)]
    assert not all(np.array_equal(a[0], b[0]) for a, b in zip(seen, other, strict=True))
    # Some samples are padded, and padding has no truth.
    padded = [s for _, s in seen_pairs(config, EPOCH, SEED) if s.img_shape != s.pad_shape]
    assert padded
    for sample in padded:
        height, width = sample.img_shape
        for target in PREDEFINED.values():
            truth = sample.get(target.truth).data
            assert (truth[:, height:] == target.invalid).all()
            assert (truth[:, :, width:] == target.invalid).all()


def test_packed_data_looks_the_same(config, tmp_path):
    pack_config(config, str(tmp_path))
    packed, files = (
        [everything(*pair) for pair in seen_pairs(each, 0, SEED)]
        for each in (with_packed(config, str(tmp_path)), config)
    )
    assert_equal(packed, files)


def test_validation_samples_equal_their_files(config):
    for number, seen in enumerate(seen_samples(config, "val")):
        file = read_image(seen.sample.metainfo["img_path"])
        assert np.array_equal(seen.image, file[..., ::-1])
        assert seen.number == number
    assert number == SCENES["counts"]["val"] - 1


@pytest.mark.parametrize("swap", [True, False])
def test_images_come_back_from_normalised_inputs(swap):
    preprocessor = MODELS.build(dict(type="MultiTaskDataPreprocessor", bgr_to_rgb=swap))
    image = (
        torch.arange(256, dtype=torch.uint8).repeat(3, 1, 1)
        * torch.tensor([1, 3, 7])[:, None, None]
    )
    inputs = preprocessor(dict(inputs=[image.to(torch.uint8)]))["inputs"]
    assert torch.equal(preprocessor.to_images(inputs)[0], image.to(torch.uint8).flip(0))


def test_pictures_are_named_by_position_and_file(config, tmp_path):
    files = browse_data(config, str(tmp_path / "a"), num=3, seed=SEED)
    seen = list(seen_samples(config, seed=SEED))
    assert [os.path.basename(file) for file in files] == [
        f"{i:04d}_{os.path.splitext(seen[i].name)[0]}.png" for i in range(3)
    ]
    again = browse_data(config, str(tmp_path / "b"), num=3, seed=SEED)
    for one, other in zip(files, again, strict=True):
        assert np.array_equal(Image.open(one), Image.open(other))
    assert len(browse_data(config, str(tmp_path / "c"), num=99, split="val")) == 3


def test_pictures_of_another_split_or_epoch_are_kept(config, tmp_path):
    def browse(**options):
        return browse_data(config, str(tmp_path), num=2, seed=SEED, **options)

    calls = [browse(), browse(split="val"), browse(epoch=1), browse(), browse(split="val")]
    assert calls[0] == calls[3] and calls[1] == calls[4]
    assert len({*calls[0], *calls[1], *calls[2]}) == len(os.listdir(tmp_path)) == 6


def test_impossible_requests_are_refused(config, tmp_path):
    with pytest.raises(ConfigError, match="num=0"):
        browse_data(config, str(tmp_path), num=0)
    with pytest.raises(ConfigError, match="seed=-1"):
        browse_data(config, str(tmp_path), seed=-1)
    config.train_dataloader.sampler = dict(type="InfiniteSampler")
    with pytest.raises(ConfigError, match="InfiniteSampler knows no epochs"):
        browse_data(config, str(tmp_path), epoch=1)
    config.model.data_preprocessor = dict(type="SegDataPreProcessor")
    with pytest.raises(ConfigError, match=r"is a SegDataPreProcessor.*MultiTaskDataPreprocessor"):
        browse_data(config, str(tmp_path))
    config.test_dataloader = None
    with pytest.raises(ConfigError, match="has no test_dataloader"):
        browse_data(config, str(tmp_path), "test")


def test_command(command, scene_options, tmp_path, capsys):
    command(
        "browse_data.py", "configs/mtl_branched.py", "--num", "2", "--out", str(tmp_path),
        "--cfg-options", *scene_options,
    )  # fmt: skip
    assert capsys.readouterr().out == f"{tmp_path}: 2 pictures\n"
    assert len(list(tmp_path.glob("000?_*.png"))) == 2


def test_fewer_samples_than_a_full_batch_are_refused(config, tmp_path):
    config.train_dataloader.update(batch_size=9, drop_last=True)
    with pytest.raises(ConfigError, match=r"6 samples, too few .* train_dataloader.batch_size=6"):
        browse_data(config, str(tmp_path))
