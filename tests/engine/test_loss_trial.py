"""A training tries its losses on its device and in its precision, before the first step."""

import pytest
import torch
from mmseg.registry import MODELS
from torch import nn
from torch.nn import functional as F

from mtl_plugins.engine import train
from mtl_plugins.errors import ConfigError
from tests.engine.tiny_run import tiny_config


@MODELS.register_module()
class FullPrecisionLoss(nn.Module):
    """A cross-entropy that refuses to work in half precision, as some of torch's losses do."""

    def forward(self, logits, label, ignore_index=255):
        if torch.is_autocast_enabled("cpu"):
            raise RuntimeError("unsafe to autocast")
        total = F.cross_entropy(logits, label, ignore_index=ignore_index, reduction="sum")
        return total / (label != ignore_index).sum().clamp(min=1)


def test_a_loss_that_fails_in_half_precision_is_refused_before_the_first_step(
    scene_options, tmp_path
):
    loss = "model.decode_head.task_heads.semseg.loss=dict(type=FullPrecisionLoss)"
    config = tiny_config(scene_options, loss, "train_cfg.max_epochs=1")
    with pytest.raises(ConfigError, match=r"FullPrecisionLoss fails .*unsafe to autocast"):
        train(config, work_dir=str(tmp_path), amp=True, seed=1)
    assert not [*tmp_path.glob("*.pth")]
    train(config, work_dir=str(tmp_path), seed=1)
    assert (tmp_path / "epoch_1.pth").exists()
