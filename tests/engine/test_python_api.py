"""The short Python API: paths, configs and plain values do the same."""

from __future__ import annotations

import pytest
import torch

from mtl_plugins import build, evaluate, load_config, train
from mtl_plugins.config import complete_tasks, copied
from mtl_plugins.errors import ConfigError
from mtl_plugins.evaluation import declared_measures, direction_of, table_labels
from tests.config.test_config import BRANCHED
from tests.engine.tiny_run import TINY, tiny_config


def test_a_network_is_built_from_a_path_a_config_or_its_values(tmp_path):
    config = load_config(BRANCHED, TINY)
    config.model.backbone.pretrained = "no_such_file.pth"
    network = build(config, pretrained=False)
    assert not network.training
    torch.save(dict(state_dict=network.state_dict()), tmp_path / "a.pth")
    image = torch.randint(0, 256, (3, 40, 50), dtype=torch.uint8)
    [expected] = network.test_step(dict(inputs=[image]))
    assert expected.pred_sem_seg.shape == expected.pred_depth_map.shape == (40, 50)
    values = config.to_dict()
    complete = copied(config)
    complete_tasks(complete)
    section = complete.model.to_dict()
    for given, options in ((BRANCHED, TINY), (config, ()), (values, ()), (section, ())):
        # A checkpoint's weights replace pretrained ones.
        again = build(given, tmp_path / "a.pth", options=options)
        [found] = again.test_step(dict(inputs=[image]))
        assert torch.equal(found.pred_depth_map.data, expected.pred_depth_map.data)
    # What was given stays as it was.
    assert build(config, pretrained=False, options=["model.channels_last=False"])
    assert config.model.channels_last and config.model.backbone.pretrained == "no_such_file.pth"
    with pytest.raises(ConfigError, match="chanels_last: MultiTaskSegmentor has no such argument"):
        build(config, options=["model.chanels_last=False"])
    with pytest.raises(ConfigError, match=r"'BranchedHaed' is not registered.*BranchedHead"):
        build(dict(values["model"], decode_head=dict(type="BranchedHaed")))
    with pytest.raises(ConfigError, match="no model"):
        build(dict(model=None))
    with pytest.raises(ConfigError, match="There is no config file"):
        train("configs/no_such.py")


def test_training_and_testing_by_path(scene_options, tmp_path):
    quick = [*scene_options, *TINY, "train_cfg.max_epochs=1"]
    quick.append("default_hooks.summary.image_blind=False")
    quick += [f"default_hooks.{name}.num_images=0" for name in ("panels", "report")]
    runner = train(BRANCHED, str(tmp_path), seed=5, options=quick)
    assert runner.iter == 3
    config = tiny_config(scene_options)
    found = evaluate(BRANCHED, str(tmp_path / "epoch_1.pth"), str(tmp_path), options=quick)
    assert found == evaluate(config, str(tmp_path / "epoch_1.pth"), str(tmp_path))


def test_tables_show_what_the_metrics_declare():
    labels = table_labels()
    assert list(labels) == [
        "semseg/mIoU", "semseg/mAcc", "semseg/aAcc", "depth/si_log_rmse", "depth/rmse",
        "depth/abs_rel", "depth/delta1", "mtan/abs_err", "mtan/rel_err", "normals/mean_angle",
        "normals/median_angle", "normals/within_11.25", "multitask/score",
    ]  # fmt: skip
    assert labels["depth/delta1"] == "delta < 1.25"
    higher = {m.name for m in declared_measures() if direction_of(m.name) == "higher"}
    assert higher == {
        "semseg/mIoU", "semseg/mAcc", "semseg/aAcc", "semseg/mF1", "semseg/mPrecision",
        "depth/delta1", "depth/delta2", "depth/delta3", "normals/within_11.25",
        "normals/within_22.5", "normals/within_30",
        "multitask/score",
    }  # fmt: skip
