"""Stages of supervision: names, weights and losses."""

from copy import deepcopy

import pytest
import torch
from mmseg.registry import MODELS

from mtl_plugins.errors import ConfigError
from mtl_plugins.models.task_heads import StageHeads
from tests.batches import NUM_CLASSES, TASK_HEADS, batch, gradients, model, sample, step

GATES = dict(type="BranchedHead", interaction=dict(type="SpatialGates"))


def logged(data, **options):
    torch.manual_seed(0)
    return step(model(dict(GATES, **options)), deepcopy(data))


def test_stages_count_in_full_by_default():
    values = logged(batch((64, 64), (64, 64)))
    names = {"semseg/ce_first", "semseg/ce", "depth/silog_first", "depth/silog"}
    assert set(values) == {"loss", *names}
    assert values["loss"].item() == pytest.approx(sum(values[n].item() for n in names), rel=1e-6)


def test_weights_multiply_what_is_logged_and_trained():
    data = batch((64, 64), (64, 64))
    plain = logged(data)
    stages = dict(first=dict(weight=dict(depth=0.25)), final=dict(weight=2))
    found = logged(data, stages=stages)
    factors = {"semseg/ce_first": 1, "semseg/ce": 2, "depth/silog_first": 0.25, "depth/silog": 2}
    for name, factor in factors.items():
        assert found[name].item() == pytest.approx(factor * plain[name].item(), rel=1e-6)
    assert found["loss"].item() == pytest.approx(sum(found[n].item() for n in factors), rel=1e-6)


def test_a_stage_without_weight_still_gives_every_parameter_a_gradient():
    network = model(dict(GATES, stages=dict(first=dict(weight=0))))
    step(network, batch((64, 64), (64, 64)))
    found = gradients(network)
    assert set(found) == dict(network.named_parameters()).keys()
    assert not any(g.any() for name, g in found.items() if "first_heads" in name)


def test_stages_may_have_losses_of_their_own():
    data = batch((64, 64), (64, 64))
    loss = dict(depth=[dict(type="MaskedL1Loss"), dict(type="BerHuLoss")])
    found = logged(data, stages=dict(first=dict(loss=loss, weight=0.5)))
    depth = {name for name in found if name.startswith("depth/")}
    assert depth == {"depth/l1_first", "depth/berhu_first", "depth/silog"}
    plain = logged(data)
    assert found["depth/silog"] == plain["depth/silog"]
    assert found["semseg/ce_first"].item() == pytest.approx(plain["semseg/ce_first"].item() / 2)


def test_losses_of_a_stage_are_those_of_its_head():
    heads = StageHeads(TASK_HEADS)
    for stage in ("first", "final"):
        heads(stage, dict.fromkeys(TASK_HEADS, 4))
    first, final = (torch.randn(1, NUM_CLASSES, side, side) for side in (4, 8))
    samples = [sample(16, 16)]
    found = heads.losses("semseg", dict(first=first, final=final), samples, (16, 16))
    assert list(found) == ["ce_first", "ce"]
    head = MODELS.build(dict(TASK_HEADS["semseg"], in_channels=4))
    assert found["ce_first"] == head.batch_losses(first, samples, (16, 16))["ce"]
    assert heads.losses("semseg", final, samples, (16, 16)) == dict(ce=found["ce"])


@pytest.mark.parametrize(
    ("stages", "message"),
    [
        (dict(fisrt=dict(weight=0.5)), r"stages names 'fisrt'; known are .*Did you mean first"),
        (dict(first=dict(wieght=0.5)), r"stages\.first names 'wieght'.*weight"),
        (dict(first=0.5), r"stages\.first=0\.5; expected a dict"),
        (dict(first=dict(weight=-1)), r"stages\.first\.weight=-1; expected numbers >= 0"),
        (dict(final=dict(weight=dict(dept=1))), r"stages\.final\.weight names 'dept'.*depth"),
        (dict(first=dict(loss=dict(type="SILogLoss"))), r"stages\.first\.loss names 'type'"),
        (dict(first=dict(loss=dict(depth=dict(type="CosineLoss")))), "no depth loss"),
    ],
)
def test_unknown_stages_and_settings_are_refused(stages, message):
    with pytest.raises(ConfigError, match=message):
        model(dict(GATES, stages=stages))


def test_without_an_interaction_there_is_the_final_stage_alone():
    with pytest.raises(ConfigError, match=r"'first'; known are \['final'\]"):
        model(dict(type="BranchedHead", stages=dict(first=dict(weight=0.5))))
