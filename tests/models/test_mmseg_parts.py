"""Encoders and decode heads of mmseg that need more than a call: each works or is refused."""

import pytest
import torch
from mmseg.models import decode_heads
from mmseg.registry import MODELS

from mtl_plugins.errors import ConfigError
from mtl_plugins.models.decoders.mmseg_decoder import NO_DECODERS
from mtl_plugins.models.encoders import encoder_spec, feature_levels
from tests.batches import batch, gradients, model, predict, step

BN = dict(type="BN")
VIT = dict(embed_dims=32, num_layers=2, num_heads=2)
CHANNELS, STRIDES = (8, 16, 24, 32), (4, 8, 16, 32)


def pyramid(size=64, n=2):
    return [torch.rand(n, c, size // s, size // s) for c, s in zip(CHANNELS, STRIDES, strict=True)]


ONE_SIZE = dict(VIT, img_size=(64, 96), patch_size=16, out_indices=(0, 1))


@pytest.mark.parametrize("kind", ["BEiT", "MAE"])
def test_encoders_of_one_size_see_smaller_images_padded_and_larger_ones_in_windows(kind):
    decoder = dict(type="MMSegDecoder", head=dict(type="FCNHead", channels=8, norm_cfg=BN))
    network = model("JointHead", dict(ONE_SIZE, type=kind), decoder)
    assert network.padded_size(17, 96) == (64, 96)
    assert torch.isfinite(step(network, batch((48, 64), (64, 96)))["loss"])
    for size in ((40, 50), (64, 96), (100, 140)):
        (found,) = predict(network, batch(size))
        assert found.pred_sem_seg.data.shape == (1, *size)
    # A small image is predicted as if it had been padded by the user.
    image = torch.rand(1, 3, 40, 50)
    whole = torch.nn.functional.pad(image, (0, 46, 0, 24))
    with torch.no_grad():
        small, large = network.raw_maps(image), network.raw_maps(whole)
    assert torch.allclose(small["depth"], large["depth"][:, :, :40, :50], atol=1e-6)
    with pytest.raises(ConfigError, match=r"images of \(64, 96\) and got \(80, 96\): train on"):
        step(network, batch((80, 96)))
    slide = dict(mode="slide", crop_size=(96, 96), stride=(64, 64))
    with pytest.raises(ConfigError, match=r"crop_size=\(96, 96\), but the backbone is built for"):
        model("JointHead", dict(ONE_SIZE, type=kind), decoder, test_cfg=slide)


def test_task_encoders_of_one_size_share_it():
    kinds = dict(semseg=dict(type="BEiT", **ONE_SIZE), depth={})
    encoder = dict(type="ResNetV1c", depth=18, base_channels=8, norm_cfg=BN)
    both = MODELS.build(dict(type="TaskEncoders", encoder=encoder, tasks=kinds))
    assert encoder_spec(both).fixed_size == (64, 96)
    other = dict(ONE_SIZE, type="BEiT", img_size=(96, 96))
    with pytest.raises(ConfigError, match=r"different sizes alone, \[\(64, 96\), \(96, 96\)\]"):
        MODELS.build(dict(type="TaskEncoders", encoder=other, tasks=dict(kinds, normals={})))


RESNET = dict(type="ResNetV1c", depth=18, norm_cfg=BN, dilations=(1, 1, 2, 4), strides=(1, 2, 1, 1))
TWO_BRANCHES = [
    (
        dict(type="DDRNet", channels=8, ppm_channels=8, norm_cfg=BN),
        dict(type="DDRHead", in_channels=32, channels=8, norm_cfg=BN),
        None,
    ),
    (
        dict(type="PIDNet", channels=8, ppm_channels=8, norm_cfg=BN),
        dict(type="PIDHead", in_channels=32, channels=8, norm_cfg=BN),
        None,
    ),
    (
        dict(
            type="ICNet", backbone_cfg=dict(RESNET), layer_channels=(128, 512),
            light_branch_middle_channels=8, psp_out_channels=32, out_channels=(16, 32, 32),
            norm_cfg=BN,
        ),
        dict(type="FCNHead", in_index=2, channels=8, norm_cfg=BN),
        dict(type="ICNeck", in_channels=(16, 32, 32), out_channels=16, norm_cfg=BN),
    ),
    (
        dict(
            type="BiSeNetV1", backbone_cfg=dict(RESNET, dilations=(1,) * 4, strides=(1, 2, 2, 2)),
            spatial_channels=(64, 64, 64, 128), context_channels=(128, 256, 512), out_channels=256,
            norm_cfg=BN,
        ),
        dict(type="FCNHead", in_index=0, channels=8, norm_cfg=BN),
        None,
    ),
]  # fmt: skip


@pytest.mark.parametrize("parts", TWO_BRANCHES, ids=lambda parts: parts[0]["type"])
def test_encoders_of_two_branches_train_and_predict(parts):
    backbone, head, neck = parts
    decoder = dict(type="MMSegDecoder", head=head)
    network = model("JointHead", backbone, decoder, neck=neck)
    logged = step(network, batch((64, 64), (64, 64)))
    assert torch.isfinite(logged["loss"])
    grads = gradients(network)
    wanted = {name for name, value in network.named_parameters() if value.requires_grad}
    assert set(grads) == wanted and all(torch.isfinite(each).all() for each in grads.values())
    # Training and evaluation run the same branches: with the same statistics they agree.
    image = torch.rand(2, 3, 64, 64)
    network.eval()
    with torch.no_grad():
        evaluated = network.raw_maps(image)
        network.train()
        for part in network.modules():
            if isinstance(part, (torch.nn.modules.batchnorm._BatchNorm, torch.nn.Dropout2d)):
                part.eval()
        trained = network.raw_maps(image)
    assert all(torch.allclose(trained[task], evaluated[task], atol=1e-5) for task in trained)
    (found,) = predict(network, batch((50, 70)))
    assert found.pred_depth_map.data.shape == (1, 50, 70)


def test_a_map_and_its_class_token_are_one_level():
    tokens = dict(VIT, type="VisionTransformer", img_size=64, output_cls_token=True)
    spec = encoder_spec(MODELS.build(dict(tokens, out_indices=(0, 1))))
    assert spec.channels == (32, 32) and spec.strides == (16, 16)
    image = torch.zeros(1, 3)
    assert feature_levels([(image, None), image]) == (image, image)
    assert feature_levels(image) == (image,)


def mmseg_decoder(head, in_channels=CHANNELS, strides=STRIDES):
    return MODELS.build(
        dict(type="MMSegDecoder", in_channels=in_channels, strides=strides, head=head)
    )


@pytest.mark.parametrize(
    ("head", "message"),
    [
        *(
            (dict(type=name), f"{name} cannot be a decoder, because .* Use ")
            for name in NO_DECODERS
        ),
        (
            [dict(type="FCNHead"), dict(type="OCRHead")],
            r"cascade \['FCNHead', 'OCRHead'\].*first of them alone",
        ),
        (None, "head=None; expected the config"),
        (dict(channels=8), "expected the config of one of mmseg's"),
        (dict(type="DPTHead", readout_type="project"), "Set readout_type='ignore'"),
        (dict(type="FCNHead", channels=8, in_index=4), "in_index=4, but the encoder has 4 levels"),
        (dict(type="FCNHead", channels=8, num_convs="x"), r"FCNHead cannot be built .*TypeError"),
        (dict(type="FCNHead", channels=8, in_channels=9), "FCNHead fails on levels"),
        (
            dict(type="PSAHead", channels=8, mask_size=(9, 9), norm_cfg=BN),
            "PSAHead fails .* no compiled ops",
        ),
    ],
)
def test_heads_that_are_no_decoders_are_refused_by_name(head, message):
    with pytest.raises(ConfigError, match=message):
        mmseg_decoder(head)


def test_the_refused_heads_are_those_of_mmseg():
    assert set(NO_DECODERS) <= set(dir(decode_heads))


@pytest.mark.parametrize(
    "head",
    [
        dict(type="DAHead", channels=8, pam_channels=4, norm_cfg=BN),
        dict(type="EncHead", channels=8, in_index=(1, 2, 3), norm_cfg=BN),
        dict(type="PIDHead", channels=8, in_channels=32, in_index=3, norm_cfg=BN),
    ],
    ids=lambda head: head["type"],
)
def test_layers_of_auxiliary_outputs_are_not_trained(head):
    """DDP would wait for their gradients."""
    decoder = mmseg_decoder(head)
    decoder(pyramid()).sum().backward()
    trained = [each for each in decoder.parameters() if each.requires_grad]
    assert 0 < len(trained) < len([*decoder.parameters()])
    assert all(each.grad is not None for each in trained)


def test_images_that_are_too_small_for_a_head_are_padded():
    head = dict(
        type="LRASPPHead", in_channels=(8, 16, 32), in_index=(0, 1, 2), channels=8,
        branch_channels=(4, 8), norm_cfg=BN, input_transform="multiple_select",
    )  # fmt: skip
    # It pools over 49 x 49 values of the last level.
    assert mmseg_decoder(head, (8, 16, 32), (4, 8, 8)).least_size == 49 * 8
    assert mmseg_decoder(dict(type="FCNHead", channels=8, norm_cfg=BN)).least_size == 0
    network = model("JointHead", decoder=dict(type="MMSegDecoder", head=dict(type=SmallestHead)))
    assert network.padded_size(20, 200) == (128, 224)
    (found,) = predict(network, batch((20, 200)))
    assert found.pred_sem_seg.data.shape == (1, 20, 200)


@MODELS.register_module()
class SmallestHead(decode_heads.FCNHead):
    """A head that needs four rows of the last level."""

    def __init__(self, **arguments):
        super().__init__(channels=8, norm_cfg=BN, **arguments)

    def forward(self, inputs):
        pooled = torch.nn.functional.avg_pool2d(inputs[-1], 4)
        return super().forward([*inputs[:-1], inputs[-1] + pooled.mean()])


def test_dpt_reads_maps_without_class_tokens():
    levels = [torch.rand(1, 32, 4, 6) for _ in range(4)]
    head = dict(
        type="DPTHead", in_channels=(32,) * 4, in_index=(0, 1, 2, 3), channels=8, embed_dims=32,
        input_transform="multiple_select", post_process_channels=[4, 4, 8, 8], norm_cfg=BN,
    )  # fmt: skip
    decoder = mmseg_decoder(head, (32,) * 4, (16,) * 4)
    assert decoder(levels).shape == (1, 8, 32, 48)
