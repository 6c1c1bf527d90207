"""Configs: typos are found before anything is built, and said with the nearest name."""

from __future__ import annotations

import glob
import os

import pytest

from mtl_plugins.engine import load_config
from mtl_plugins.errors import ConfigError
from tests.conftest import ROOT

BRANCHED = os.path.join(ROOT, "configs", "mtl_branched.py")
SHIPPED = sorted(
    path
    for path in glob.glob(os.path.join(ROOT, "configs", "**", "*.py"), recursive=True)
    if "_base_" not in path and "sweeps" not in path
)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: os.path.relpath(p, ROOT))
def test_every_shipped_config_passes_the_check_and_is_short(path):
    assert load_config(path).model.type == "MultiTaskSegmentor"
    with open(path, encoding="utf-8") as lines:
        assert len(list(lines)) <= 30


def test_options_are_laid_over_with_their_types():
    config = load_config(
        BRANCHED,
        [
            "model.backbone.model_name=resnet50",
            "train_dataloader.batch_size=3",
            "model.decode_head.decoder.aspp_rates=(6,12)",
            "model.backbone.pretrained=False",
        ],
    )
    assert config.model.backbone.model_name == "resnet50"
    assert config.train_dataloader.batch_size == 3
    assert config.model.decode_head.decoder.aspp_rates == (6, 12)
    assert config.model.backbone.pretrained is False


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("model.backbone.type=TimEncoder", r"model\.backbone\.type='TimEncoder'.*TimmEncoder"),
        ("optim_wrapper.optimizer.type=Adamm", r"optimizer\.type='Adamm'.*Adam"),
        ("val_evaluator.type=MultiTaskMetrics", "MultiTaskMetric"),
        ("train_dataloader.dataset.pipeline.2.type=RandmFlip", "RandomFlip"),
        ("model.backbone.outputstride=8", r"no such argument.*output_stride"),
        ("model.decode_head.decoder.aspp_rate=3", r"no such argument.*aspp_rates"),
        ("model.decode_head.task_heads.depth.intial_depth=3", r"no such argument.*initial_depth"),
        ("train_dataloader.dataset.data_rot=x", r"no such argument.*data_root"),
        ("model.backbone", "key=value"),
        ("modle.backbone.model_name=resnet50", "there is no modle.*model"),
        ("epochs=1", "epochs is a variable of the config file.*max_epochs"),
        ("train_cfg.max_epoch=2", r"no such argument.*max_epochs"),
        ("train_dataloader.batchsize=4", r"no such argument.*batch_size"),
        ("optim_wrapper.optimizer.lrr=1", r"no such argument.*lr"),
        ("val_evaluator.max_dept=80", r"no such argument.*max_depth"),
    ],
)
def test_a_typo_names_its_place_and_the_nearest_name(option, message):
    with pytest.raises(ConfigError, match=message):
        load_config(BRANCHED, [option])


def test_missing_and_broken_files(tmp_path):
    with pytest.raises(ConfigError, match=r"no config file 'none\.py'"):
        load_config("none.py")
    broken = tmp_path / "broken.py"
    broken.write_text("model = dict(\n")
    with pytest.raises(ConfigError, match=r"broken\.py cannot be read"):
        load_config(str(broken))


def test_class_paths_are_left_to_mmengine():
    config = load_config(BRANCHED, ["optim_wrapper.optimizer.type=torch.optim.SGD"])
    assert config.optim_wrapper.optimizer.type == "torch.optim.SGD"
