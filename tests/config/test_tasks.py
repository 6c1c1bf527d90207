"""Task heads are completed from the targets that the data of a config declare."""

from __future__ import annotations

import os

import pytest

from mtl_plugins.config import complete_tasks, final_config, load_config
from mtl_plugins.errors import ConfigError
from tests.conftest import ROOT

LABEL_SETS = os.path.join(ROOT, "configs", "mtl_label_sets.py")
OF = "dataset.targets.mobility"


def completed(*options):
    config = load_config(LABEL_SETS, options)
    complete_tasks(config)
    return config.model.decode_head.task_heads


def test_heads_get_target_type_and_number_of_classes():
    heads = completed()
    assert heads.semseg.num_classes == 19 and heads.mobility.num_classes == 3
    assert heads.mobility.type == "SegmentationHead"
    assert heads.mobility.target.classes == ["fixed", "vehicle", "person"]
    assert heads.boundary.type == "BinaryHead" and heads.boundary.target == dict(type="binary")
    # A completed config stays as it is.
    config = load_config(LABEL_SETS)
    complete_tasks(config)
    before = config.to_dict()
    complete_tasks(config)
    assert config.to_dict() == before


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (
            f"val_dataloader.{OF}.classes=['fixed', 'person', 'vehicle']",
            "val_dataloader declares 'mobility' as classes .*an earlier split as classes",
        ),
        (
            "model.decode_head.task_heads.mobility.num_classes=4",
            "mobility.num_classes=4, but the training data has 3 classes. Set it to 3",
        ),
    ],
)
def test_numbers_and_names_that_differ_are_refused(option, message):
    with pytest.raises(ConfigError, match=message):
        completed(option)


def test_a_removed_task_takes_what_refers_to_it_along():
    options = [
        "model.decode_head.task_heads.mobility=None",
        "model.decode_head.task_decoders={mobility: {channels: 8}, semseg: {channels: 8}}",
        "model.balancer={_delete_: True, type: FixedWeights, weights: {semseg: 1, mobility: 2}}",
        "val_evaluator.tasks=[semseg, mobility]",
    ]
    config = load_config(LABEL_SETS, options)
    complete_tasks(config)
    assert "mobility" not in config.model.decode_head.task_heads
    assert {*config.model.decode_head.task_decoders} == {"semseg"}
    assert config.model.balancer.weights == dict(semseg=1)
    assert config.val_evaluator.tasks == ["semseg"]


def test_the_metric_follows_a_removed_task():
    branched = os.path.join(ROOT, "configs", "mtl_branched.py")
    final = final_config(branched, ["model.decode_head.task_heads.depth=None"])
    assert {*final.model.decode_head.task_heads} == {*final.model.balancer.weights} == {"semseg"}
    assert final.default_hooks.checkpoint.save_best == "semseg/mIoU"
    with pytest.raises(ConfigError, match="a network needs at least one task"):
        final_config(branched, ["model.decode_head.task_heads={_delete_: True}"])
    with pytest.raises(ConfigError, match=r"task_heads\.depth=3; expected a dict.*or None"):
        final_config(branched, ["model.decode_head.task_heads.depth=3"])


def test_a_typo_in_the_folder_of_a_target_is_said_as_such():
    option = f"train_dataloader.{OF}.foldr=x"
    with pytest.raises(ConfigError, match=r"foldr.*folder"):
        completed(option)


def test_a_task_without_a_target_is_refused():
    config = load_config(LABEL_SETS)
    config.model.decode_head.task_heads.mobilty = {}
    with pytest.raises(ConfigError, match=r"learns the target 'mobilty'.* Did you mean mobility"):
        complete_tasks(config)
