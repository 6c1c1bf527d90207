"""Task heads are completed from the targets that the data of a config declare."""

from __future__ import annotations

import os

import pytest

from mtl_plugins.config import complete_tasks, load_config
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


def test_a_task_without_a_target_is_refused():
    config = load_config(LABEL_SETS)
    config.model.decode_head.task_heads.mobilty = {}
    with pytest.raises(ConfigError, match=r"learns the target 'mobilty'.* Did you mean mobility"):
        complete_tasks(config)
