"""Faults of the machine end a run with advice."""

from __future__ import annotations

import pytest

from mtl_plugins.engine import train
from mtl_plugins.engine.hooks import FaultError
from tests.engine.faulty_parts import with_loss
from tests.engine.tiny_run import tiny_config


def test_a_killed_worker_is_reported_with_advice(scene_options, tmp_path):
    options = ["train_dataloader.num_workers=2", "train_dataloader.persistent_workers=True"]
    config = tiny_config(scene_options, *options)
    config.train_dataloader.dataset.pipeline.append(dict(type="KillWorker"))
    with pytest.raises(FaultError, match=r"signal: Killed.*train_dataloader.num_workers=1"):
        train(config, str(tmp_path))


def test_lack_of_memory_is_reported_with_the_batch_and_advice(scene_options, tmp_path):
    with pytest.raises(FaultError) as error:
        train(with_loss(tiny_config(scene_options), "GreedyLoss"), str(tmp_path))
    text = str(error.value)
    assert "The machine has not enough memory" in text and "2 images of 3x" in text
    for switch in ("--amp", "with_cp=True", "batch_size=1", "accumulative_counts=2"):
        assert switch in text


@pytest.mark.filterwarnings("ignore:Error detected in MulBackward0")
def test_detect_anomaly_names_the_operation(scene_options, tmp_path):
    config = with_loss(tiny_config(scene_options), "RootLoss")
    with pytest.raises(FaultError, match=r"MulBackward0.*returned nan.*2 images of .*\.jpg"):
        train(config, str(tmp_path), detect_anomaly=True)
