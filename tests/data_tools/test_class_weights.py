"""Weights of classes: the rules on pixels counted by hand, and the way into a config."""

from __future__ import annotations

import json
from math import log

import numpy as np
import pytest
from mmengine.config import Config

from mtl_plugins.config import final_config, load_config, pack_config, with_packed
from mtl_plugins.data_tools import check_data, report_data_check, training_weights, weights_of
from mtl_plugins.data_tools.tallies import ClassTally
from mtl_plugins.errors import ConfigError, DataError
from mtl_plugins.targets import Target
from tests.config.test_tasks import LABEL_SETS
from tests.data_tools.test_data_check import config_of, dataset, root  # noqa: F401 (a fixture)

CLASSES = Target("semseg", "classes", classes=("road", "pole", "sign", "boat"))


def tally():
    """Count two images: 60 pixels of road and 20 of pole; 40 of road and 10 of sign; no boat."""
    found = ClassTally(CLASSES)
    found.add(np.repeat([0, 1, 255], [60, 20, 20]).astype(np.uint8)[None])
    found.add(np.repeat([0, 2, 255], [40, 10, 50]).astype(np.uint8)[None])
    return found


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("enet", [1 / log(1.02 + share) for share in (100 / 130, 20 / 130, 10 / 130)]),
        ("inverse", [130 / 300, 130 / 60, 130 / 30]),
        # Frequencies 100/130, 20/80 and 10/50.
        ("median", [0.25 / (100 / 130), 1.0, 0.25 / 0.2]),
    ],
)
def test_rules_by_hand(rule, expected):
    found = weights_of(tally(), rule)
    assert [*found] == [*CLASSES.classes]
    # The class that never occurs weighs as much as the rarest that does.
    assert [*found.values()] == pytest.approx([*expected, max(expected)], rel=1e-3)


def test_a_mask_has_the_weight_of_its_pixels():
    found = ClassTally(Target("edges", "binary"))
    found.add(np.repeat([0, 1, 255], [90, 10, 7]).astype(np.uint8)[None])
    assert weights_of(found, "inverse") == 9.0
    enet = log(1.02 + 0.9) / log(1.02 + 0.1)
    assert weights_of(found) == pytest.approx(enet, rel=1e-3)


def test_the_training_data_alone_and_all_of_it_count(root):  # noqa: F811
    train = dataset(root, "train")
    joined = dict(type="ConcatDataset", datasets=[train, dataset(root, "val")])
    both = config_of(joined, dataset(root, "val"))
    # Of 40 labelled pixels of each image 24 are a and 16 are b.
    expected = dict(semseg=dict(a=0.8333, b=1.25))
    for config in (config_of(train, dataset(root, "val")), both):
        assert training_weights(check_data(config), "inverse") == expected
    part = dict(dataset(root, "val"), metainfo=dict(classes=("a", "c"), palette=[]))
    with pytest.raises(ConfigError, match=r"'semseg' with the classes \['a', 'b'\] and"):
        training_weights(check_data(config_of(dict(joined, datasets=[train, part]))))
    depth = dict(train, data_prefix=dict(img_path="rgb/train", depth_map_path="depth/train"))
    with pytest.raises(DataError, match="no labelled pixel of classes"):
        training_weights(check_data(config_of(depth)))


def test_weights_need_the_training_data(root, tmp_path):  # noqa: F811
    config, out = config_of(dataset(root, "train"), dataset(root, "val")), str(tmp_path / "w.json")
    for each, splits in ((config, ["val"]), (Config(dict()), ["train"])):
        with pytest.raises(ConfigError, match="--weights counts the training data"):
            report_data_check(each, splits, weights_file=out)


@pytest.fixture
def weights(command, scene_options, tmp_path):
    """The file that the command writes for the training data of two label sets and a mask."""
    path = tmp_path / "weights.json"
    options = [*scene_options, f"{SEMSEG}={{type: MaskedFocalLoss, class_weight: {path}}}"]
    command(
        "check_data.py", LABEL_SETS, "--weights", str(path), "--split", "train",
        "--out", str(tmp_path / "sheets"), "--cfg-options", *options,
    )  # fmt: skip
    return path


HEADS = "model.decode_head.task_heads"
SEMSEG, MOBILITY, BOUNDARY = (f"{HEADS}.{name}.loss" for name in ("semseg", "mobility", "boundary"))


def test_a_config_names_the_file_that_the_command_writes(weights, scene_options, tmp_path):
    """Also where the config names it before it is there."""
    content = json.loads(weights.read_text())
    assert {*content} == {"semseg", "mobility", "boundary"}
    options = [
        *scene_options,
        f"{SEMSEG}=[{{type: MaskedDiceLoss}}, {{type: MaskedFocalLoss, class_weight: {weights}}}]",
        f"{MOBILITY}={{type: MaskedCrossEntropyLoss, class_weight: {weights}}}",
        f"{BOUNDARY}.positive_weight={weights}",
    ]
    final = final_config(LABEL_SETS, options)
    heads = final.model.decode_head.task_heads
    assert heads.semseg.loss[1].class_weight == [*content["semseg"].values()]
    assert heads.semseg.loss[1].class_weight[0] < heads.semseg.loss[1].class_weight[5]
    assert heads.mobility.loss.class_weight == [
        content["mobility"][name] for name in ("fixed", "vehicle", "person")
    ]
    assert heads.boundary.loss.positive_weight == content["boundary"] > 1
    # Packed data have the same classes.
    plain = load_config(LABEL_SETS, options)
    pack_config(plain, str(tmp_path / "packed"))
    packed = final_config(with_packed(plain, str(tmp_path / "packed")))
    assert packed.model.decode_head.task_heads == heads
    again = training_weights(check_data(packed, ["train"]))
    assert again == content
    # The completed config needs no file, as Python and as JSON.
    weights.unlink()
    assert str(weights) not in final.pretty_text
    for name, text in (("a.py", final.pretty_text), ("a.json", json.dumps(final.to_dict()))):
        (tmp_path / name).write_text(text)
        stored = final_config(str(tmp_path / name))
        assert stored.model.decode_head.task_heads == heads
