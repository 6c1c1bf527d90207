"""Decoders with skips at several scales: their sizes, what reaches the output, their formulas."""

import numpy as np
import pytest
import torch
from mmseg.registry import MODELS
from torch import nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from mtl_plugins.models.decoders.levels import distinct_levels, nearest_level
from mtl_plugins.models.layers import ChannelAttention, ChannelFusion, ChannelGate

WIDTHS = (3, 4, 5, 6, 7)
FIVE, DILATED, FOUR, SINGLE = (2, 4, 8, 16, 32), (2, 4, 8, 16, 16), (4, 8, 16, 32), (16,) * 4
SMALL = dict(
    MultiScaleDecoder=dict(channels=6, skip_channels=4),
    AttentionFusionDecoder=dict(channels=6),
    NestedDecoder=dict(channels=6, hidden_channels=4),
    TransformerSkipDecoder=dict(channels=6, hidden_channels=4, num_layers=2, num_heads=2),
)
each_decoder = pytest.mark.parametrize("name", list(SMALL))


def build(name, strides, **options):
    config = dict(SMALL[name], type=name, in_channels=WIDTHS[: len(strides)], strides=strides)
    return MODELS.build(config | options)


def pyramid(strides, size=(64, 96), n=2):
    height, width = size
    return [
        torch.rand(n, c, height // s, width // s) for c, s in zip(WIDTHS, strides, strict=False)
    ]


def count(module):
    return sum(p.numel() for p in module.parameters())


def influential(decoder, levels):
    """The levels that change the output when they are changed."""
    decoder.eval()
    with torch.no_grad():
        before = decoder(levels)
        found = []
        for index, level in enumerate(levels):
            changed = [*levels[:index], level + torch.rand_like(level), *levels[index + 1 :]]
            if not torch.equal(decoder(changed), before):
                found.append(index)
    return found


def test_one_level_is_chosen_for_each_stride():
    assert distinct_levels(FIVE, 1) == [0, 1, 2, 3, 4]
    assert distinct_levels(DILATED, 4) == [1, 2, 4]
    assert distinct_levels(SINGLE, 2) == [3]
    assert [nearest_level(DILATED, s) for s in (1, 4, 16, 64)] == [0, 1, 3, 3]
    with pytest.raises(ValueError, match=r"finest_stride=64 .* choose at most 32"):
        distinct_levels(FIVE, 64)


@each_decoder
@pytest.mark.parametrize("strides", [FIVE, DILATED, FOUR, SINGLE, (4, 16)], ids=str)
def test_size_and_finite_gradients_with_a_batch_of_one(name, strides):
    decoder = build(name, strides).train()
    features = decoder(pyramid(strides, n=1))
    stride = max(strides[0], 2 if name == "MultiScaleDecoder" else 4)
    assert features.shape == (1, 6, 64 // stride, 96 // stride)
    assert decoder.out_channels == 6
    features.square().mean().backward()
    grads = [p.grad for p in decoder.parameters()]
    assert all(grad is not None and torch.isfinite(grad).all() for grad in grads)


@pytest.mark.parametrize("name", ["NestedDecoder", "TransformerSkipDecoder"])
@pytest.mark.parametrize("strides", [FIVE, DILATED, SINGLE], ids=str)
def test_one_image_of_one_deepest_pixel_trains(name, strides):
    decoder = build(name, strides).train()
    features = decoder(pyramid(strides, size=(strides[-1],) * 2, n=1))
    features.sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in decoder.parameters())


@pytest.mark.parametrize(
    ("name", "strides", "options", "used"),
    [
        ("MultiScaleDecoder", FIVE, {}, [0, 1, 2, 3, 4]),
        ("MultiScaleDecoder", FIVE, dict(finest_stride=4), [1, 2, 3, 4]),
        ("MultiScaleDecoder", DILATED, {}, [0, 1, 2, 4]),
        ("MultiScaleDecoder", (2, 4, 8, 8, 16), {}, [0, 1, 3, 4]),
        ("MultiScaleDecoder", SINGLE, {}, [3]),
        ("AttentionFusionDecoder", FIVE, {}, [1, 2, 3, 4]),
        ("AttentionFusionDecoder", FIVE, dict(fusion_strides=(2, 8)), [0, 2, 4]),
        ("AttentionFusionDecoder", DILATED, {}, [1, 2, 3, 4]),
        ("AttentionFusionDecoder", SINGLE, {}, [0, 3]),
        ("NestedDecoder", FIVE, {}, [1, 2, 3, 4]),
        ("NestedDecoder", DILATED, dict(finest_stride=2), [0, 1, 2, 4]),
        ("TransformerSkipDecoder", FIVE, {}, [1, 2, 3, 4]),
        ("TransformerSkipDecoder", DILATED, dict(finest_stride=2), [0, 1, 2, 4]),
        ("TransformerSkipDecoder", SINGLE, {}, [3]),
    ],
)
def test_the_levels_used_and_no_others_reach_the_output(name, strides, options, used):
    assert influential(build(name, strides, channels=32, **options), pyramid(strides)) == used


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("MultiScaleDecoder", dict(finest_stride=64), "finest_stride=64"),
        ("AttentionFusionDecoder", dict(fusion_strides=()), "fusion_strides is empty"),
        ("NestedDecoder", dict(hidden_channels=(4, 4, 4)), "3 widths for 4 scales"),
        ("TransformerSkipDecoder", dict(num_heads=0), "num_heads=0"),
    ],
)
def test_impossible_configs_are_refused(name, options, message):
    with pytest.raises(ValueError, match=message):
        build(name, FOUR, **options)


def test_strides_without_a_common_grid_are_refused():
    with pytest.raises(ValueError, match=r"strides \(6, 16\); each must divide the largest"):
        build("TransformerSkipDecoder", (6, 16))


# MultiScaleDecoder


def test_multi_scale_has_one_merging_convolution_per_scale():
    decoder = build("MultiScaleDecoder", DILATED, channels=10, skip_channels=4)
    kernels = [p.shape for p in decoder.convs.parameters() if p.dim() == 4]
    assert kernels == [(10, 14, 3, 3)] * 3
    # Kernels, then scale and shift of the normalisation.
    assert count(decoder.convs) == 3 * (14 * 10 * 9 + 2 * 10)
    assert count(decoder.skips) == (5 + 4 + 3) * 4 + 3 * 2 * 4


def test_multi_scale_equals_its_forward_written_out():
    decoder = build("MultiScaleDecoder", (4, 8, 16)).eval()
    fine, middle, deep = levels = pyramid((4, 8, 16))
    x = decoder.context(deep)
    x = F.interpolate(x, scale_factor=2, mode="bilinear")
    x = decoder.convs[0](torch.cat([x, decoder.skips[0](middle)], 1))
    x = F.interpolate(x, scale_factor=2, mode="bilinear")
    x = decoder.convs[1](torch.cat([x, decoder.skips[1](fine)], 1))
    assert torch.allclose(decoder(levels), x, atol=1e-6)


# AttentionFusionDecoder


def fused_input(decoder, levels):
    """What the fusing convolution sees."""
    seen = []
    handle = decoder.fuse.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    decoder(levels)
    handle.remove()
    return seen[0]


def set_gates(decoder, *biases):
    for gate, bias in zip(decoder.gates, biases, strict=True):
        nn.init.zeros_(gate.weight)
        nn.init.constant_(gate.bias, bias)


@pytest.mark.parametrize(("bias", "passed"), [(0.0, 0.5), (50.0, 1.0), (-200.0, 0.0)])
def test_gates_halve_pass_or_stop_the_features(bias, passed):
    decoder = build("AttentionFusionDecoder", FOUR)
    levels = pyramid(FOUR)
    set_gates(decoder, bias, bias, bias)
    plain = torch.cat([F.interpolate(x, size=(16, 24), mode="bilinear") for x in levels[:3]], dim=1)
    assert torch.allclose(fused_input(decoder, levels), passed * plain, atol=1e-6)


def test_a_closed_gate_removes_its_scale():
    decoder = build("AttentionFusionDecoder", FOUR, channels=32)
    set_gates(decoder, 0.0, -200.0, 0.0)
    assert influential(decoder, pyramid(FOUR)) == [0, 2, 3]


def test_attention_maps_are_those_of_the_gates():
    decoder = build("AttentionFusionDecoder", FOUR)
    levels = pyramid(FOUR)
    maps = decoder.attention(levels)
    assert [tuple(m.shape) for m in maps] == [(2, 1, 16, 24), (2, 1, 8, 12), (2, 1, 4, 6)]
    weight, bias = (p.detach().double().flatten() for p in decoder.gates[1].parameters())
    pixel = levels[1][0, :, 2, 5].double()
    expected = 1 / (1 + torch.exp(-(weight @ pixel + bias)))
    assert maps[1][0, 0, 2, 5].item() == pytest.approx(expected.item(), abs=1e-6)


# NestedDecoder


def test_nested_nodes_have_the_inputs_of_the_paper():
    widths = (10, 20, 30, 40)
    decoder = build("NestedDecoder", FOUR, hidden_channels=widths)
    inputs = {name: node[0].conv.in_channels for name, node in decoder.nodes.items()}
    # X(i,j) sees its j predecessors of the row and one node of the row below.
    assert inputs == {
        "0_1": 10 + 20,
        "1_1": 20 + 30,
        "2_1": 30 + 40,
        "0_2": 2 * 10 + 20,
        "1_2": 2 * 20 + 30,
        "0_3": 3 * 10 + 20,
    }


def test_nested_parameter_count():
    decoder = build("NestedDecoder", (4, 8, 16), channels=6, hidden_channels=4)
    laterals = (3 + 4 + 5) * 4 + 3 * 4
    # Two 3x3 kernels and two normalisations a node: X(0,1), X(1,1) see 8 channels, X(0,2) 12.
    nodes = 9 * 4 * (8 + 8 + 12) + 3 * 9 * 4 * 4 + 3 * 2 * 8
    assert count(decoder) == laterals + nodes + 4 * 6 + 6


@pytest.mark.parametrize("strides", [(4, 8), (4, 8, 16)], ids=str)
def test_nested_equals_the_papers_recursion(strides):
    decoder = build("NestedDecoder", strides).eval()
    levels = pyramid(strides)

    def node(i, j):
        if j == 0:
            return decoder.laterals[i](levels[i])
        up = F.interpolate(node(i + 1, j - 1), scale_factor=2, mode="bilinear")
        return decoder.nodes[f"{i}_{j}"](torch.cat([*(node(i, k) for k in range(j)), up], dim=1))

    expected = decoder.project(node(0, len(strides) - 1))
    assert torch.allclose(decoder(levels), expected, atol=1e-6)


# TransformerSkipDecoder


def test_channel_attention_equals_the_formula():
    channels, heads, total = (2, 3), 2, 5
    module = ChannelAttention(channels, heads)
    # Small, so that the variance is near the normalisation's epsilon and the scale matters.
    tokens = [torch.rand(2, 7, c) / 10 for c in channels]
    context = torch.rand(2, 7, total) / 10
    results = [r.detach().numpy() for r in module(tokens, context)]

    def head(linear, x, index):
        weight = linear.weight.detach().numpy()
        width = len(weight) // heads
        return x @ weight[index * width : (index + 1) * width].T

    for level, c in enumerate(channels):
        for image in range(2):
            mean = np.zeros((7, c))
            for index in range(heads):
                q = head(module.queries[level], tokens[level][image].numpy(), index)
                k = head(module.key, context[image].numpy(), index)
                v = head(module.value, context[image].numpy(), index)
                scores = q.T @ k / np.sqrt(total)
                scores = (scores - scores.mean()) / np.sqrt(scores.var() + 1e-5)
                weights = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
                assert weights.shape == (c, total)
                mean += (weights @ v.T).T / heads
            expected = mean @ module.outs[level].weight.detach().numpy().T
            assert np.allclose(results[level][image], expected, atol=1e-6)


def test_channel_attention_ignores_the_order_of_tokens():
    module = ChannelAttention((2, 3), 2)
    tokens, context = [torch.rand(1, 7, c) for c in (2, 3)], torch.rand(1, 7, 5)
    order = torch.randperm(7)
    straight = module(tokens, context)
    shuffled = module([t[:, order] for t in tokens], context[:, order])
    for a, b in zip(straight, shuffled, strict=True):
        assert torch.allclose(a[:, order], b, atol=1e-6)


def test_channel_gate_equals_the_formula():
    gate = ChannelGate(3, 4)
    skip, features = torch.randn(2, 3, 4, 6), torch.randn(2, 4, 2, 3)
    of_skip = torch.einsum("nchw,dc->nd", skip, gate.of_skip.weight) / 24 + gate.of_skip.bias
    of_features = torch.einsum("nchw,dc->nd", features, gate.of_features.weight) / 6
    score = (of_skip + of_features + gate.of_features.bias) / 2
    expected = torch.clamp(skip * torch.sigmoid(score)[..., None, None], min=0)
    assert torch.allclose(gate(skip, features), expected, atol=1e-6)


def test_channel_fusion_carries_every_level_to_every_other():
    fusion = ChannelFusion((8, 8, 8), (4, 2, 1), num_layers=1, num_heads=2)
    levels = [torch.rand(1, 8, 4 * s, 8 * s, requires_grad=True) for s in (4, 2, 1)]
    for index, fused in enumerate(fusion(levels)):
        # Without the residual, by which a level reaches itself.
        grads = torch.autograd.grad((fused - levels[index]).sum(), levels, retain_graph=True)
        assert all(grad.abs().sum() > 0 for grad in grads)


def test_channel_fusion_adds_to_the_levels_and_its_layers_to_the_tokens():
    fusion = ChannelFusion((4, 6), (2, 1), num_layers=2, num_heads=2)
    levels = [torch.rand(1, 4, 6, 8), torch.rand(1, 6, 3, 4)]
    tokens = [torch.rand(1, 12, 4), torch.rand(1, 12, 6)]
    last = [m[-1] for layer in fusion.layers for m in layer.perceptrons]
    outs = [m for layer in fusion.layers for m in layer.attention.outs]
    for module in [*last, *outs, *(spread.conv for spread in fusion.spread)]:
        for parameter in module.parameters():
            nn.init.zeros_(parameter)
    assert all(map(torch.equal, fusion.layers(tokens), tokens))
    assert all(map(torch.equal, fusion(levels), levels))


def test_transformer_skip_equals_its_forward_written_out():
    decoder = build("TransformerSkipDecoder", (4, 8, 16)).eval()
    levels = pyramid((4, 8, 16))
    fine, middle, x = decoder.fusion(
        [lateral(level) for lateral, level in zip(decoder.laterals, levels, strict=True)]
    )
    for index, skip in enumerate((middle, fine)):
        x = F.interpolate(x, scale_factor=2, mode="bilinear")
        x = decoder.convs[index](torch.cat([decoder.gates[index](skip, x), x], dim=1))
    assert torch.allclose(decoder(levels), decoder.project(x), atol=1e-6)


def test_transformer_skip_costs_grow_linearly_with_pixels():
    decoder = build("TransformerSkipDecoder", FOUR).eval()
    flops = []
    for size in (64, 128, 256):
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            decoder(pyramid(FOUR, (size, size), n=1))
        flops.append(counter.get_total_flops())
    # What does not depend on the size, the gates' matrices, cancels out.
    assert flops[2] - flops[1] == 4 * (flops[1] - flops[0])
