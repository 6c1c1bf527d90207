"""Distillation between tasks, and an encoder for each task."""

import pytest
import torch
from mmcv.cnn import ConvModule
from mmengine.runner.checkpoint import load_state_dict
from mmseg.registry import MODELS

from mtl_plugins.checkpoints import load_weights
from mtl_plugins.errors import ConfigError
from mtl_plugins.models.layers import SpatialGate
from tests.batches import DECODER, TASK_HEADS, batch, gradients, model, step

PYRAMID = dict(in_channels=(8, 16), strides=(4, 16))


def build(**options):
    config = dict(PYRAMID, type="DistillationHead", decoder=DECODER, task_heads=TASK_HEADS)
    return MODELS.build({**config, **options})


def levels():
    return torch.rand(2, 8, 16, 16), torch.rand(2, 16, 4, 4)


def test_gate_is_its_formula():
    gate = SpatialGate(3, 5)
    x = torch.rand(2, 3, 6, 7)
    kernel = torch.nn.functional.conv2d
    expected = kernel(x, gate.conv.weight, padding=1) / (
        1 + torch.exp(-kernel(x, gate.attention.weight, gate.attention.bias, padding=1))
    )
    assert torch.allclose(gate(x), expected, atol=1e-6)


def test_refined_prediction_is_own_features_plus_gated_messages():
    """Against the sum written out for two tasks."""
    head = build().eval()
    pyramid = levels()
    with torch.no_grad():
        raw = head(pyramid)
        a, b = (head.decoders[task](pyramid) for task in TASK_HEADS)
        level = head.interaction.levels[0]
        gate = level.gates["semseg"]["depth"]
        mixed = a + gate.conv(b) * gate.attention(b).sigmoid()
        expected = head.task_heads["semseg"].predict(level.refine["semseg"](mixed))
    assert torch.allclose(raw["semseg"]["final"], expected, atol=1e-6)
    assert torch.equal(raw["semseg"]["first"], level.first_heads["semseg"](a))


def test_no_task_sends_a_message_to_itself():
    head = build()
    assert {to: list(givers) for to, givers in head.interaction.levels[0].gates.items()} == dict(
        semseg=["depth"], depth=["semseg"]
    )


def test_both_stages_are_trained():
    network = model("DistillationHead")
    logged = step(network, batch((64, 64), (64, 64)))
    names = {"semseg/ce_first", "semseg/ce", "depth/silog_first", "depth/silog"}
    assert set(logged) == {"loss", *names}
    assert logged["loss"].item() == pytest.approx(sum(logged[n].item() for n in names), rel=1e-5)
    grads = gradients(network)
    assert all(torch.isfinite(g).all() for g in grads.values())
    assert set(grads) == dict(network.named_parameters()).keys()


def raw(network, image):
    """Concatenate the raw maps of all tasks."""
    return torch.cat([*network.raw_maps(image).values()], dim=1)


def test_the_second_stage_is_the_prediction():
    network = model("DistillationHead").eval()
    image = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        before = raw(network, image)
        for head in network.decode_head.interaction.levels[0].first_heads.values():
            torch.nn.init.zeros_(head.predict.weight)
        assert torch.equal(raw(network, image), before)
        for head in network.decode_head.task_heads.values():
            torch.nn.init.zeros_(head.predict.weight)
        assert not torch.equal(raw(network, image), before)


def test_other_tasks_loss_reaches_a_tasks_decoder():
    network = model("DistillationHead").train()
    losses = network(**network.data_preprocessor(batch((64, 64), (64, 64)), True), mode="loss")
    losses["depth/silog"].backward()
    assert any(
        p.grad is not None and p.grad.any()
        for p in network.decode_head.decoders["semseg"].parameters()
    )


def test_frozen_gates_stay_at_one_half():
    head = build(learned_gates=False)
    gate = head.interaction.levels[0].gates["semseg"]["depth"]
    assert not any(p.requires_grad for p in gate.attention.parameters())
    x = torch.rand(1, gate.conv.in_channels, 5, 5)
    assert torch.equal(gate(x), gate.conv(x) / 2)
    optimizer = torch.optim.SGD([p for p in head.parameters() if p.requires_grad], lr=1.0)
    sum(stage.sum() for raw in head(levels()).values() for stage in raw.values()).backward()
    optimizer.step()
    assert not any(p.any() for p in gate.attention.parameters())


def names_of_0_1(state):
    """Return a state dict under the names of version 0.1, which had no interactions."""
    return {name.replace("interaction.levels.0.", ""): value for name, value in state.items()}


def test_it_is_the_branched_head_with_spatial_gates():
    torch.manual_seed(0)
    old = build().eval()
    new = build(type="BranchedHead", interaction=dict(type="SpatialGates")).eval()
    new.load_state_dict(old.state_dict())
    pyramid = levels()
    with torch.no_grad():
        one, other = old(pyramid), new(pyramid)
    assert all(torch.equal(one[t][s], other[t][s]) for t in TASK_HEADS for s in ("first", "final"))


def test_a_seed_gives_the_weights_of_0_1():
    """Which drew the decoders first, then the task heads, first heads, gates and refinements."""
    torch.manual_seed(0)
    head = build()
    torch.manual_seed(0)
    parts = {f"decoders.{task}": MODELS.build(dict(DECODER, **PYRAMID)) for task in TASK_HEADS}
    width, inside = DECODER["channels"], "interaction.levels.0."
    for place in ("task_heads", f"{inside}first_heads"):
        for task, config in TASK_HEADS.items():
            parts[f"{place}.{task}"] = MODELS.build(dict(config, in_channels=width))
    for task, other in (("semseg", "depth"), ("depth", "semseg")):
        parts[f"{inside}gates.{task}.{other}"] = SpatialGate(width, width)
    for task in TASK_HEADS:
        parts[f"{inside}refine.{task}"] = ConvModule(
            width, width, 3, padding=1, norm_cfg=dict(type="BN")
        )
    expected = {f"{p}.{n}": v for p, part in parts.items() for n, v in part.state_dict().items()}
    found = head.state_dict()
    assert found.keys() == expected.keys()
    assert all(torch.equal(value, expected[name]) for name, value in found.items())
    # An optimizer's state is stored by the number of the parameter.
    order = [name.partition(".")[0] for name in names_of_0_1(dict(head.named_parameters()))]
    places = ["task_heads", "decoders", "first_heads", "gates", "refine"]
    assert list(dict.fromkeys(order)) == places


def by_torch(network, state):
    network.load_state_dict(state)


def by_mmengine(network, state):
    load_state_dict(network, state, strict=True)


def by_name(network, state):
    load_weights(network, dict(state_dict=state), "a.pth")


@pytest.mark.parametrize("load", [by_torch, by_mmengine, by_name])
def test_checkpoints_of_0_1_load(load):
    trained, network = (model("DistillationHead").eval() for _ in range(2))
    old = names_of_0_1(trained.state_dict())
    for part in ("first_heads.depth.predict.weight", "gates.depth.semseg.conv.weight"):
        assert f"decode_head.{part}" in old
    load(network, dict(old))
    image = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(raw(network, image), raw(trained, image))
    load(network, trained.state_dict())


TASK_ENCODERS = dict(
    type="TaskEncoders",
    encoder=dict(type="TimmEncoder", model_name="resnet10t"),
    tasks=dict(semseg=dict(output_stride=8), depth=dict(output_stride=16)),
)


def task_encoder_model(head):
    return model(
        head,
        backbone=TASK_ENCODERS,
        task_decoders=dict(depth=dict(aspp_rates=(1, 2, 3), num_convs=3)),
    )


@pytest.mark.parametrize("head", ["BranchedHead", "DistillationHead"])
def test_each_task_has_its_own_encoder(head):
    network = task_encoder_model(head)
    assert network.backbone.strides == dict(semseg=(4, 8, 8, 8), depth=(4, 8, 16, 16))
    logged = step(network, batch((64, 64), (60, 50)))
    assert torch.isfinite(logged["loss"])
    assert set(gradients(network)) == dict(network.named_parameters()).keys()


def test_tasks_with_their_own_encoders_share_nothing():
    network = task_encoder_model("BranchedHead").train()
    losses = network(**network.data_preprocessor(batch((64, 64), (64, 64)), True), mode="loss")
    losses["depth/silog"].backward()
    touched = {n for n, p in network.named_parameters() if p.grad is not None and p.grad.any()}
    assert touched and not any("semseg" in name for name in touched)


def test_wrong_options_are_refused():
    with pytest.raises(ConfigError, match="BranchedHead or DistillationHead"):
        model("JointHead", backbone=TASK_ENCODERS)
    with pytest.raises(ConfigError, match="'depth' has a head but no encoder"):
        model("BranchedHead", backbone=dict(TASK_ENCODERS, tasks=dict(semseg={})))
    with pytest.raises(ConfigError, match="tasks is empty"):
        MODELS.build(dict(TASK_ENCODERS, tasks={}))
