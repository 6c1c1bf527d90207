"""Depths in another unit than the config says are told when a training starts."""

from __future__ import annotations

import pytest

from tests.engine.tiny_run import run, tiny_config

CODEC = "model.decode_head.task_heads.depth.codec"


@pytest.mark.parametrize(("far", "warned"), [(0.5, True), (300.0, False)])
def test_depths_that_no_head_predicts_are_told_once(scene_options, tmp_path, far, warned):
    config = tiny_config(scene_options, f"{CODEC}.max_depth={far}", "train_cfg.max_epochs=1")
    code, output = run(config, tmp_path)
    assert code == 0
    assert output.count(f"are not within the 0.1 to {far:g} of {CODEC}.") == warned
    assert output.count("100 % of the depths of the first batch (median ") == warned
    assert output.count("Is depth_format.scale right?") == warned
