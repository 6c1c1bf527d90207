"""Frozen stages, and learning rates that fall from layer to layer."""

from __future__ import annotations

import pytest
import timm
import torch
from timm.optim import param_groups_layer_decay
from torch import nn

from mtl_plugins.engine.optim import BalancedOptimWrapperConstructor
from mtl_plugins.errors import ConfigError
from mtl_plugins.models.encoders import TimmEncoder
from mtl_plugins.models.encoders.timm_layers import parameter_depths
from tests.batches import batch, model

SMALL = ["test_resnet", "test_vit", "test_convnext", "test_efficientnet", "test_byobnet"]
FAMILIES = [*SMALL, "swin_tiny_patch4_window7_224", "hrnet_w18_small_v2", "regnetx_002"]


def backbone(name="test_resnet", **changes):
    return dict(type="TimmEncoder", model_name=name, **changes)


def step(network, lr=0.1):
    """Train a step and return the loss."""
    network.train()
    optimizer = torch.optim.SGD([p for p in network.parameters() if p.requires_grad], lr=lr)
    losses = network(**network.data_preprocessor(batch((64, 64)), True), mode="loss")
    total, _ = network.parse_losses(losses)
    total.backward()
    optimizer.step()
    return total


def changed(before, network):
    after = network.state_dict()
    return {key for key, value in before.items() if not torch.equal(value, after[key])}


@pytest.mark.parametrize("name", SMALL)
def test_frozen_stages_stay_as_they_are_with_their_statistics(name):
    with torch.random.fork_rng():
        network = model(backbone=backbone(name, frozen_stages=1))
    encoder = network.backbone
    depths, _ = encoder_depths(name)
    before = {key: value.clone() for key, value in encoder.model.state_dict().items()}
    step(network)
    moved = changed(before, encoder.model)
    trained = {key for key, depth in depths.items() if depth > 1}
    assert moved and trained & moved
    for key in moved:
        owner = key.rpartition(".")[0]
        # Of statistics, those whose layer is trained.
        assert key in trained or any(each.startswith(owner + ".") for each in trained)


def encoder_depths(name):
    return parameter_depths(name, timm.create_model(name, features_only=True), coarse=True)


@pytest.mark.parametrize("name", FAMILIES)
def test_stages_are_numbered_from_the_stem_in_every_family(name):
    depths, last = encoder_depths(name)
    assert {*depths.values()} >= {*range(min(last, 2))} and max(depths.values()) <= last
    assert next(iter(depths.values())) == 0
    frozen = TimmEncoder(name, frozen_stages=0)
    free = {key for key, p in frozen.model.named_parameters() if p.requires_grad}
    assert free == {key for key, depth in depths.items() if depth > 0}


def test_a_frozen_encoder_learns_nothing_and_the_rest_does():
    network = model(backbone=backbone(frozen_stages="all"))
    encoder = {k: v.clone() for k, v in network.backbone.state_dict().items()}
    head = {k: v.clone() for k, v in network.decode_head.state_dict().items()}
    step(network)
    assert not changed(encoder, network.backbone)
    assert changed(head, network.decode_head)
    assert not any(part.training for part in network.backbone.model.modules())


def test_the_mode_of_the_frozen_part_does_not_depend_on_the_order_of_calls():
    encoder = TimmEncoder("test_resnet", frozen_stages=1)
    for mode in (True, False, True):
        encoder.train(mode)
        norms = [m for m in encoder.model.modules() if isinstance(m, nn.BatchNorm2d)]
        assert not norms[0].training and norms[-1].training == mode


@pytest.mark.parametrize("head", ["JointHead", "BranchedHead"])
@pytest.mark.parametrize(
    "balancer",
    [
        dict(type="GradientBalancer", weighting="UPGrad", level="features"),
        dict(type="GradientBalancer", weighting="AlignedMTL", level="parameters"),
        dict(type="LossBalancer", scalarizer="UW"),
    ],
)
def test_a_frozen_encoder_under_balancers(balancer, head):
    network = model(backbone=backbone(frozen_stages="all"), balancer=balancer, head=head)
    assert torch.isfinite(step(network))


@pytest.mark.parametrize(
    ("stages", "message"),
    [(5, r"has 4 stages.*0 \(the stem alone\) to 4"), (-2, "has 4 stages"), ("first", "has 4")],
)
def test_stages_that_are_not_there_are_refused(stages, message):
    with pytest.raises(ConfigError, match=message):
        TimmEncoder("test_resnet", frozen_stages=stages)


def rates(network, **paramwise):
    build = BalancedOptimWrapperConstructor(
        dict(type="OptimWrapper", optimizer=dict(type="AdamW", lr=1.0, weight_decay=0.1)), paramwise
    )
    groups = build(network).optimizer.param_groups
    return {id(p): group["lr"] for group in groups for p in group["params"]}, groups


@pytest.mark.parametrize("name", FAMILIES)
def test_rates_equal_those_of_timm_for_the_whole_model(name):
    network = model(backbone=backbone(name))
    found, groups = rates(network, layer_decay=0.7)
    whole = timm.create_model(name)
    expected = {}
    names = {id(p): key for key, p in whole.named_parameters()}
    for group in param_groups_layer_decay(whole, layer_decay=0.7):
        expected |= {names[id(p)].replace(".", "_"): group["lr_scale"] for p in group["params"]}
    for key, parameter in network.backbone.model.named_parameters():
        plain = key.replace(".", "_").removeprefix("model_")
        assert found[id(parameter)] == pytest.approx(expected[plain]), key
    assert all(found[id(p)] == 1.0 for p in network.decode_head.parameters())
    # One group for each rate, not for each parameter.
    assert len(groups) == len({*found.values()})


def test_the_decay_goes_with_other_rules():
    network = model(backbone=backbone())
    found, _ = rates(network, layer_decay=0.5, custom_keys=dict(backbone=dict(lr_mult=0.1)))
    plain, _ = rates(network, layer_decay=0.5)
    for parameter in network.backbone.parameters():
        assert found[id(parameter)] == pytest.approx(0.1 * plain[id(parameter)])


def test_a_decay_that_cannot_act_is_refused():
    with pytest.raises(ConfigError, match=r"layer_decay=1\.5; expected"):
        rates(model(), layer_decay=1.5)
    mmseg = dict(type="ResNet", depth=18)
    with pytest.raises(ConfigError, match="needs a TimmEncoder"):
        rates(model(backbone=mmseg), layer_decay=0.5)
