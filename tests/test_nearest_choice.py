"""Whatever a config names wrong is answered with the nearest thing that there is."""

from __future__ import annotations

import os

import pytest
from mmseg.registry import DATASETS, HOOKS, METRICS, MODELS

from mtl_plugins.checkpoints import load_checkpoint
from mtl_plugins.config import final_config, load_config
from mtl_plugins.engine import evaluate, train
from mtl_plugins.errors import MTLError
from mtl_plugins.studies.ladder import Ladder
from tests.batches import DECODER, TASK_HEADS
from tests.config.test_config import BRANCHED
from tests.conftest import ROOT

TASKS = ("semseg", "depth")
HEAD = dict(in_channels=(8, 16), strides=(4, 16), decoder=DECODER, task_heads=TASK_HEADS)


@pytest.mark.parametrize(
    ("config", "nearest"),
    [
        (dict(type="TimmEncoder", model_name="resnet_18"), "resnet18"),
        (dict(type="TimmEncoder", model_name="ConvNextTiny"), "convnext_tiny"),
        (dict(type="FixedWeights", weights=dict(semsg=1, depth=1), tasks=TASKS), "semseg"),
        (dict(type="BranchedHead", task_decoders=dict(dept={}), **HEAD), "depth"),
        (dict(type="GradientBalancer", weighting="nash", tasks=TASKS), "NashMTL"),
        (dict(type="GradientBalancer", weighting="CAGrad", nrm_eps=1, tasks=TASKS), "norm_eps"),
        (dict(type="LossBalancer", scalarizer="uncertainity", tasks=TASKS), "uncertainty"),
        (dict(type="LossBalancer", scalarizer="DWA", perod=9, tasks=TASKS), "period"),
    ],
)
def test_of_models(config, nearest):
    with pytest.raises(MTLError, match=rf"Did you mean {nearest}(,| or |\?)"):
        MODELS.build(config)


@pytest.mark.parametrize(
    ("arguments", "nearest"),
    [
        (dict(data_prefix=dict(img_pth="rgb/train")), r"img_path\?"),
        (dict(depth_format=dict(ofset=1)), r"offset\?"),
        (dict(normal_format=dict(scales=1)), r"scale\?"),
        (dict(data_prefix=dict(img_path="rgbs/train")), r"\S+/rgb/train\?"),
        (dict(ann_file="manifset.json"), ""),
        (dict(ann_file="street_scene.json"), r"\S+/street_scenes\.json\?"),
    ],
)
def test_of_data(scenes_root, arguments, nearest):
    prefix = dict(data_prefix=dict(img_path="rgb/train"))
    config = dict(type="MultiTaskDataset", data_root=scenes_root, **{**prefix, **arguments})
    with pytest.raises(MTLError, match=f"Did you mean {nearest}" if nearest else "not exist.$"):
        DATASETS.build(config)


def test_of_hooks_and_metrics():
    with pytest.raises(MTLError, match=r"'depht_log'\. Did you mean depth_log\?"):
        HOOKS.build(dict(type="PanelHook", depht_log=True))
    config = load_config(os.path.join(ROOT, "configs", "single_depth.py"))
    with pytest.raises(MTLError, match=r"tasks names the target 'dept'\. Did you mean depth\?"):
        final_config(config, ["val_evaluator.tasks=[dept]"])
    with pytest.raises(MTLError, match=r"absent='zer': expected one of \['skip', 'zero', 'nan'\]"):
        METRICS.build(dict(type="MultiTaskMetric", absent="zer"))


def test_of_checkpoints_before_anything_is_built(tmp_path):
    (tmp_path / "epoch_4.pth").touch()
    (tmp_path / "config.py").touch()
    wrong = os.path.join(tmp_path, "epoch4.pth")
    said = rf"epoch4\.pth does not exist.*Did you mean {tmp_path}/epoch_4\.pth\?"
    # Nothing is there to read: it would fail otherwise where data or weights are looked for.
    config = load_config(BRANCHED, [f"train_dataloader.dataset.data_root={tmp_path}/none"])
    with pytest.raises(FileNotFoundError, match=said):
        load_checkpoint(wrong)
    with pytest.raises(FileNotFoundError, match=said):
        evaluate(config, wrong, str(tmp_path / "test"))
    with pytest.raises(FileNotFoundError, match=said):
        train(config, str(tmp_path / "train"), resume=wrong)


def test_of_a_study(tmp_path):
    wrong = BRANCHED.replace("branched", "banched")
    with pytest.raises(MTLError, match=r"Did you mean \S+mtl_branched\.py\?"):
        Ladder([wrong], str(tmp_path))
