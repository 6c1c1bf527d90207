"""Decoders: ours by their formula, mmseg's through the adapter."""

import pytest
import torch
from mmseg.registry import MODELS
from torch.utils.flop_counter import FlopCounterMode
from torchvision.models.segmentation.deeplabv3 import ASPP as torchvision_aspp  # noqa: N811

from mtl_plugins.models.layers import ASPP
from tests.batches import TASK_HEADS, batch, gradients, model, step

CHANNELS, STRIDES = (8, 16, 24, 32), (4, 8, 16, 32)


def pyramid(size=64, n=2):
    return [torch.rand(n, c, size // s, size // s) for c, s in zip(CHANNELS, STRIDES, strict=True)]


def deeplab(**options):
    return MODELS.build(
        dict(type="DeepLabDecoder", in_channels=CHANNELS, strides=STRIDES, **options)
    )


def test_aspp_works_with_a_batch_of_one_in_training():
    module = ASPP(8, 4).train()
    assert torch.isfinite(module(torch.rand(1, 8, 3, 3))).all()


def test_aspp_rates_are_the_reach_of_its_branches():
    # The response to one changed pixel ends at the largest rate; pooling off, as it sees all.
    module = ASPP(1, 4, rates=(2, 5), image_pooling=False).eval()
    image = torch.zeros(1, 1, 1, 31)
    changed = image.clone()
    changed[..., 15] = 1
    with torch.no_grad():
        reached = (module(changed) - module(image)).abs().sum(1)[0, 0].nonzero().flatten() - 15
    assert set(reached.tolist()) <= {-5, -2, 0, 2, 5}
    assert reached.min() == -5 and reached.max() == 5


def test_rates_below_one_are_refused():
    with pytest.raises(ValueError, match="rates"):
        ASPP(8, 4, rates=(0, 3))


def test_the_skip_is_the_level_nearest_to_its_stride():
    assert deeplab(channels=6, skip_stride=4)(pyramid()).shape == (2, 6, 16, 16)
    assert deeplab(channels=6, skip_stride=8)(pyramid()).shape == (2, 6, 8, 8)
    assert deeplab(channels=6, skip_stride=None)(pyramid()).shape == (2, 6, 2, 2)


def test_fine_detail_reaches_the_output_through_the_skip_only():
    levels = pyramid()
    other = [torch.rand_like(levels[0]), *levels[1:]]
    with_skip, without = deeplab(channels=6).eval(), deeplab(channels=6, skip_stride=None).eval()
    assert not torch.equal(with_skip(levels), with_skip(other))
    assert torch.equal(without(levels), without(other))


def test_context_without_aspp_is_one_convolution():
    plain = deeplab(channels=6, aspp_rates=None, skip_stride=None)
    assert sum(p.numel() for p in plain.parameters()) == 32 * 6 + 2 * 6


@pytest.mark.parametrize("convs", [1, 3])
def test_number_of_convolutions(convs):
    decoder = deeplab(channels=6, skip_channels=2, num_convs=convs)
    kernels = [p.shape for p in decoder.convs.parameters() if p.dim() == 4]
    assert kernels == [(6, 8, 3, 3)] + [(6, 6, 3, 3)] * (convs - 1)


def test_a_skip_without_convolution_is_refused():
    with pytest.raises(ValueError, match="num_convs=0"):
        deeplab(num_convs=0)


@pytest.mark.parametrize(
    ("head", "parameters", "gmacs"), [("JointHead", 26.0, 11.24), ("BranchedHead", 31.0, 15.15)]
)
def test_full_size_costs_are_those_of_the_reference(head, parameters, gmacs):
    network = model(
        head,
        backbone=dict(type="TimmEncoder", model_name="resnet34", output_stride=16),
        decoder=dict(type="DeepLabDecoder", channels=256),
    ).eval()
    assert sum(p.numel() for p in network.parameters()) / 1e6 == pytest.approx(parameters, rel=0.02)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network._forward(torch.zeros(1, 3, 256, 256))
    # The counter counts a multiplication and an addition as two.
    assert counter.get_total_flops() / 2e9 == pytest.approx(gmacs, rel=0.02)


BN = dict(type="BN")
MMSEG_HEADS = [
    dict(type="FCNHead", channels=8, norm_cfg=BN),
    dict(type="ASPPHead", channels=8, dilations=(1, 3), norm_cfg=BN),
    dict(
        type="DepthwiseSeparableASPPHead", channels=8, dilations=(1, 3), c1_in_channels=8,
        c1_channels=4, norm_cfg=BN,
    ),
    dict(type="PSPHead", channels=8, norm_cfg=BN),
    dict(type="UPerHead", channels=8, norm_cfg=BN),
    dict(type="SegformerHead", channels=8, norm_cfg=BN, in_index=[0, 1, 2, 3]),
    dict(
        type="FPNHead", channels=8, norm_cfg=BN, in_index=[0, 1, 2, 3],
        feature_strides=[4, 8, 16, 32],
    ),
    dict(type="GCHead", channels=8, norm_cfg=BN),
    dict(type="NLHead", channels=8, norm_cfg=BN),
    dict(type="DNLHead", channels=8, norm_cfg=BN),
    dict(type="ANNHead", channels=8, project_channels=4, in_index=[2, 3], norm_cfg=BN),
    dict(type="DAHead", channels=8, pam_channels=4, norm_cfg=BN),
    dict(type="EMAHead", channels=8, ema_channels=8, num_bases=4, num_stages=2, norm_cfg=BN),
    dict(type="ISAHead", channels=8, isa_channels=4, down_factor=(2, 2), norm_cfg=BN),
    dict(type="APCHead", channels=8, norm_cfg=BN),
    dict(type="DMHead", channels=8, norm_cfg=BN),
]  # fmt: skip


@pytest.mark.parametrize("head", MMSEG_HEADS, ids=lambda head: head["type"])
def test_mmseg_decode_heads_are_decoders(head):
    backbone = dict(type="ResNetV1c", depth=18, norm_cfg=BN, base_channels=8)
    network = model(backbone=backbone, decoder=dict(type="MMSegDecoder", head=head))
    logged = step(network, batch((64, 64), (64, 64)))
    assert torch.isfinite(logged["loss"])
    for task in TASK_HEADS:
        grads = [g for n, g in gradients(network).items() if f"decoders.{task}.head" in n]
        assert grads and all(torch.isfinite(grad).all() for grad in grads)
        assert any(grad.abs().sum() > 0 for grad in grads)
    assert not any(".conv_seg." in name for name, _ in network.named_parameters())


def test_features_of_mmseg_heads_are_those_before_the_classifier():
    config = dict(type="FCNHead", channels=6, num_convs=1, norm_cfg=BN, dropout_ratio=0.0)
    decoder = MODELS.build(
        dict(type="MMSegDecoder", in_channels=CHANNELS, strides=STRIDES, head=config)
    ).eval()
    head = MODELS.build(dict(config, in_channels=32, num_classes=3)).eval()
    head.load_state_dict(decoder.head.state_dict(), strict=False)
    levels = pyramid()
    with torch.no_grad():
        expected = head(levels)
        assert torch.allclose(head.conv_seg(decoder(levels)), expected, atol=1e-6)


def test_aspp_is_torchvisions_with_copied_weights():
    """torchvision's has a batch norm in the pooled branch, ours a bias: the norm is undone."""
    theirs = torchvision_aspp(8, (2, 4), 6).eval()
    ours = ASPP(8, 6, rates=(2, 4)).eval()
    for module in theirs.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.normal_(module.running_mean)
            torch.nn.init.uniform_(module.running_var, 0.5, 2.0)
    branches = [*theirs.convs[:-1], theirs.project]
    for mine, other in zip([*ours.branches, ours.project], branches, strict=True):
        mine.conv.load_state_dict(other[0].state_dict())
        mine.bn.load_state_dict(other[1].state_dict())
    pooled = theirs.convs[-1]
    norm = pooled[2]
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()
    ours.pooled.conv.weight.data = pooled[1].weight.data * scale[:, None, None, None]
    ours.pooled.conv.bias.data = norm.bias.data - norm.running_mean * scale
    x = torch.randn(2, 8, 9, 11)
    with torch.no_grad():
        assert torch.allclose(ours(x), theirs(x), atol=1e-5)
