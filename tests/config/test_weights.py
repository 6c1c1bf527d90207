"""Class weights in a config: files become numbers, and what cannot act is refused."""

from __future__ import annotations

import json
import os

import pytest
import torch
from mmseg.datasets import CityscapesDataset

from mtl_plugins import MultiTaskInferencer, build
from mtl_plugins.config import final_config
from mtl_plugins.errors import ConfigError
from tests.config.test_config import BRANCHED
from tests.config.test_tasks import LABEL_SETS

HEADS = "model.decode_head.task_heads"
FIXED = dict(fixed=1.0, vehicle=3.0, person=5.5)


@pytest.fixture
def path(tmp_path, monkeypatch):
    """A file of weights in the current folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "w.json").write_text(json.dumps(dict(mobility=FIXED, boundary=6.5)))
    return tmp_path / "w.json"


def loss(task, **arguments):
    values = dict(type="MaskedCrossEntropyLoss", **arguments)
    return f"{HEADS}.{task}.loss={values}"


def test_names_not_the_order_decide(path):
    path.write_text(json.dumps(dict(mobility=dict(reversed(FIXED.items())), boundary=6.5)))
    options = [
        loss("mobility", class_weight="w.json"),
        f"{HEADS}.boundary.loss.positive_weight=w.json",
        "model.backbone.model_name=test_resnet",
    ]
    network = build(LABEL_SETS, options=options)
    heads = network.decode_head.task_heads
    assert heads["mobility"].loss_functions["ce"].class_weight.tolist() == [*FIXED.values()]
    assert heads["boundary"].loss_functions["bce"].positive_weight == 6.5


def test_a_second_task_has_the_weights_of_its_target(path):
    path.write_text(json.dumps(dict(mobility=FIXED)))
    focal = "{type: MaskedFocalLoss, class_weight: w.json}"
    options = [f"{HEADS}.coarse={{target: mobility, loss: {focal}}}"]
    options.append("model.balancer.weights.coarse=0.1")
    heads = final_config(LABEL_SETS, options).model.decode_head.task_heads
    assert heads.coarse.loss.class_weight == [*FIXED.values()]


def test_weights_may_be_written_by_name():
    shuffled = dict(sorted(FIXED.items(), reverse=True))
    heads = final_config(LABEL_SETS, [loss("mobility", class_weight=shuffled)]).model.decode_head
    assert heads.task_heads.mobility.loss.class_weight == [*FIXED.values()]
    name = next(iter(FIXED))
    del shuffled[name]
    with pytest.raises(ConfigError, match=f"it lacks .*{name}.*Give one for each"):
        final_config(LABEL_SETS, [loss("mobility", class_weight=shuffled)])


def test_losses_of_stages_have_weights_too(path):
    own = "{mobility: {type: MaskedFocalLoss, class_weight: w.json}}"
    config = final_config(LABEL_SETS, [f"model.decode_head.stages={{first: {{loss: {own}}}}}"])
    found = config.model.decode_head.stages.first.loss.mobility
    assert found.class_weight == [*FIXED.values()]


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (
            loss("depth", class_weight=[1.0, 2.0]),
            r"task_heads\.depth\.loss\.class_weight: the target 'depth' of depth is of the type "
            r"'scalar', and class_weight has a meaning for 'classes' alone\. Leave it out",
        ),
        (
            loss("boundary", class_weight=[1.0, 2.0]),
            "'boundary' of boundary is of the type 'binary'.*Write positive_weight instead",
        ),
        (
            f"{HEADS}.semseg.loss={{type: BinaryCrossEntropyLoss, positive_weight: 3}}",
            "'semseg' of semseg is of the type 'classes'.*Write class_weight instead",
        ),
        (f"{HEADS}.depth.loss={{type: SILogLoss, class_weight: [1]}}", "SILogLoss has no such"),
        (loss("mobility", class_weight=[1.0] * 4), "class_weight has 4 numbers for 3 classes"),
        (loss("mobility", class_weight=[1, -1, 1]), "expected a finite number of at least 0"),
        (loss("mobility", class_weight=[1, float("nan"), 1]), "expected a finite number"),
        (loss("mobility", class_weight=[1, 1, 1e400]), "expected a finite number"),
        (loss("mobility", class_weight=2.0), r"class_weight=2\.0; expected a finite number"),
        (
            f"{HEADS}.mobility.loss={{type: CrossEntropyLoss, class_weight: [1, 1]}}",
            r"loss\.class_weight: class_weight has 2 numbers for 3 classes",
        ),
        (f"{HEADS}.boundary.loss.positive_weight=0", "positive_weight=0; expected a finite number"),
        (f"{HEADS}.boundary.loss.positive_weight=-2.5", "expected a finite number above 0"),
        (
            loss("mobility", class_weight="no.json"),
            r"no file 'no.json'\. Write it: python tools/check_data\.py CONFIG --weights no\.json",
        ),
    ],
)  # fmt: skip
def test_what_cannot_act_is_refused(path, option, message):
    with pytest.raises(ConfigError, match=message):
        final_config(LABEL_SETS, [option])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (dict(mobility=dict(fixed=1, car=2, person=1)), "lacks .'vehicle'. and names .'car'."),
        (dict(mobility=dict(fixed=1, vehicle=2)), r"it lacks \['person'\]\. Write it for"),
        (dict(mobility=3.0), r"has 3.0 for 'mobility'; expected the weight of each class"),
        (dict(semseg=FIXED), r"has no weights of 'mobility', but \['semseg'\]"),
        ([1, 2, 3], "has no weights of 'mobility', but list"),
        (dict(mobility=dict(FIXED, person=-1)), "expected a finite number of at least 0"),
        (dict(mobility=dict(FIXED, person="a")), "expected a finite number of at least 0"),
        ("{", r"w\.json cannot be read.*It is no JSON file of weights"),
    ],
)
def test_files_of_other_data_are_refused(path, content, message):
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(ConfigError, match=message):
        final_config(LABEL_SETS, [loss("mobility", class_weight="w.json")])


def test_a_mask_has_one_weight(path):
    path.write_text(json.dumps(dict(boundary=FIXED)))
    with pytest.raises(ConfigError, match="expected a finite number above 0"):
        final_config(LABEL_SETS, [f"{HEADS}.boundary.loss.positive_weight=w.json"])


def test_a_checkpoint_holds_numbers(path, command, scene_options):
    """Training and resuming with the file, and loading without it."""
    classes = CityscapesDataset.METAINFO["classes"]
    path.write_text(json.dumps(dict(semseg={name: 1.0 + i for i, name in enumerate(classes)})))
    options = [
        *scene_options, loss("semseg", class_weight=str(path)),
        "model.backbone.model_name=test_resnet", "model.decode_head.decoder.channels=8",
        "default_hooks.panels.num_images=0", "default_hooks.summary.image_blind=False",
    ]  # fmt: skip
    work = str(path.parent / "run")
    for arguments, epochs in ((("--work-dir", work), 1), (("--work-dir", work, "--resume"), 2)):
        command("train.py", BRANCHED, *arguments, "--cfg-options", *options,
                f"train_cfg.max_epochs={epochs}")  # fmt: skip
    path.unlink()
    stored = torch.load(os.path.join(work, "epoch_2.pth"), weights_only=True)["meta"]["cfg"]
    assert str(path) not in stored and "19.0" in stored
    assert MultiTaskInferencer(os.path.join(work, "epoch_2.pth")).targets
