"""Encoders: declared channels and strides are true; every family of timm and mmseg works."""

import pytest
import timm
import torch
from mmseg.registry import MODELS

from mtl_plugins.errors import ConfigError
from mtl_plugins.models.encoders import TimmEncoder, encoder_spec
from tests.batches import batch, gradients, model, predict, step

SWIN = "swin_tiny_patch4_window7_224"
FAMILIES = [
    "test_resnet",  # five levels, channels first
    "mobilenetv3_small_050",  # inverted residuals
    "convnext_atto",  # four levels
    "test_vit",  # single stride, fixed size
    "test_efficientnet",
    SWIN,  # channels last, fixed size
    "hrnet_w18_small",  # needs whole strides
    "pvt_v2_b0",
]


@pytest.mark.parametrize("name", FAMILIES)
def test_declared_channels_and_strides_are_those_of_the_maps(name):
    encoder = TimmEncoder(name).eval()
    with torch.no_grad():
        levels = encoder(torch.rand(1, 3, 64, 96))
    assert len(levels) == len(encoder.channels) == len(encoder.strides) <= 4
    for level, channels, stride in zip(levels, encoder.channels, encoder.strides, strict=True):
        assert level.shape == (1, channels, 64 // stride, 96 // stride)


def test_single_stride_transformer_gives_evenly_spaced_blocks():
    encoder = TimmEncoder("vit_tiny_patch16_224").eval()
    reference = timm.create_model("vit_tiny_patch16_224", dynamic_img_size=True).eval()
    reference.load_state_dict(encoder.model.model.state_dict(), strict=False)
    image = torch.rand(1, 3, 32, 48)
    with torch.no_grad():
        ours = encoder(image)
        theirs = reference.forward_intermediates(
            image, indices=[2, 5, 8, 11], intermediates_only=True
        )
    for mine, other in zip(ours, theirs, strict=True):
        assert torch.allclose(mine, other, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "strides"),
    [
        (dict(), (4, 8, 16, 32)),
        (dict(output_stride=16), (4, 8, 16, 16)),
        (dict(output_stride=8), (4, 8, 8, 8)),
        (dict(replace_stride_with_dilation=(False, False, False)), (4, 8, 16, 32)),
        (dict(replace_stride_with_dilation=(False, False, True)), (4, 8, 16, 16)),
        (dict(replace_stride_with_dilation=(False, True, True)), (4, 8, 8, 8)),
    ],
)
def test_dilation_replaces_strides(options, strides):
    encoder = TimmEncoder("resnet18", **options).eval()
    assert encoder.strides == strides
    assert encoder(torch.rand(1, 3, 64, 64))[-1].shape[-1] == 64 // strides[-1]


def test_dilation_keeps_the_weights_of_the_plain_model():
    plain, dilated = TimmEncoder("resnet18"), TimmEncoder("resnet18", output_stride=8)
    dilated.load_state_dict(plain.state_dict())


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_weights_from_a_local_file(tmp_path, suffix):
    source = timm.create_model("test_resnet")
    path = str(tmp_path / f"weights{suffix}")
    if suffix == ".pth":
        torch.save(source.state_dict(), path)
    else:
        from safetensors.torch import save_file

        save_file(source.state_dict(), path)
    encoder = TimmEncoder("test_resnet", pretrained=path)
    loaded, expected = encoder.model.state_dict(), source.state_dict()
    assert set(loaded) <= set(expected) and len(loaded) > 20
    assert all(torch.equal(value, expected[name]) for name, value in loaded.items())


@pytest.mark.parametrize("name", ["hrnet_w18_small", "test_resnet", "test_vit"])
def test_initialising_the_model_leaves_loaded_weights_alone(name):
    encoder = TimmEncoder(name)
    before = {key: value.clone() for key, value in encoder.state_dict().items()}
    encoder.init_weights()
    assert all(torch.equal(value, before[key]) for key, value in encoder.state_dict().items())


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (dict(model_name="resnet_34"), ValueError, "Did you mean .*resnet34"),
        (dict(output_stride=5), ValueError, "choose 8, 16 or 32"),
        (dict(model_name=SWIN, output_stride=16), ValueError, "cannot have output stride 16"),
        (dict(replace_stride_with_dilation=(True, False, False)), ValueError, "dilated"),
        (dict(output_stride=8, replace_stride_with_dilation=(0, 1, 1)), ValueError, "not both"),
        (dict(pretrained="no/such.pth"), FileNotFoundError, "no/such.pth"),
        (dict(unsupported_stride="x"), ValueError, "'error' or 'native'"),
    ],
)
def test_wrong_options_are_refused(options, error, message):
    with pytest.raises(error, match=message):
        TimmEncoder(**{"model_name": "resnet18", **options})


def test_unsupported_stride_can_fall_back_to_the_models_own():
    encoder = TimmEncoder("test_vit", output_stride=8, unsupported_stride="native")
    assert set(encoder.strides) == {16}


def test_fixed_size_models_take_the_size_they_are_built_for():
    encoder = TimmEncoder("mixer_s32_224", img_size=(64, 96)).eval()
    assert encoder(torch.rand(1, 3, 64, 96))[-1].shape[2:] == (2, 3)


@pytest.mark.parametrize("name", ["resnet18", "resnet26"])
def test_squeeze_excitation_is_in_every_residual_block(name):
    plain = TimmEncoder(name, output_stride=16)
    gated = TimmEncoder(name, output_stride=16, squeeze_excitation=True)
    blocks = [m for m in gated.modules() if type(m).__name__ in ("BasicBlock", "Bottleneck")]
    assert blocks and all(type(block.se).__name__ == "SEModule" for block in blocks)
    added = set(gated.state_dict()) - set(plain.state_dict())
    assert added and all(".se." in key for key in added)
    assert set(plain.state_dict()) <= set(gated.state_dict())


def test_squeeze_excitation_gates_the_residual_before_the_addition():
    gated = TimmEncoder("resnet18", squeeze_excitation=True).eval()
    block = gated.model.layer1[0]
    x = torch.rand(1, 64, 8, 8)
    with torch.no_grad():
        branch = block.bn2(block.conv2(block.act1(block.bn1(block.conv1(x)))))
        mean = branch.mean((2, 3), keepdim=True)
        scale = block.se.fc2(torch.relu(block.se.fc1(mean))).sigmoid()
        assert torch.allclose(block(x), torch.relu(branch * scale + x), atol=1e-5)


def test_plain_pretrained_weights_load_under_squeeze_excitation(tmp_path):
    source = timm.create_model("resnet18")
    torch.save(source.state_dict(), tmp_path / "plain.pth")
    encoder = TimmEncoder(
        "resnet18", squeeze_excitation=True, pretrained=str(tmp_path / "plain.pth")
    )
    expected = source.state_dict()
    loaded = {k: v for k, v in encoder.model.state_dict().items() if ".se." not in k}
    assert len(loaded) == len([k for k in expected if not k.startswith("fc.")])
    assert all(torch.equal(value, expected[key]) for key, value in loaded.items())


def test_squeeze_excitation_needs_a_resnet():
    with pytest.raises(ConfigError, match=r"convnext_atto .*squeeze_excitation"):
        TimmEncoder("convnext_atto", squeeze_excitation=True)


BN, ONES = dict(type="BN"), [1, 1, 1, 1]
MMSEG_BACKBONES = [
    dict(type="ResNetV1c", depth=18, norm_cfg=BN),
    dict(type="ResNeSt", depth=50, stem_channels=64, norm_cfg=BN),
    dict(type="MobileNetV2", out_indices=(1, 2, 4, 6), norm_cfg=BN),
    dict(type="MobileNetV3", arch="small", out_indices=(0, 1, 12), norm_cfg=BN),
    dict(type="SwinTransformer", embed_dims=24, depths=ONES, num_heads=(1, 2, 4, 8), window_size=4),
    dict(type="MixVisionTransformer", embed_dims=16, num_layers=ONES),
    dict(
        type="PCPVT", embed_dims=[16, 32, 64, 128], num_heads=[1, 2, 4, 8], depths=ONES,
        mlp_ratios=[2, 2, 2, 2], sr_ratios=[8, 4, 2, 1],
    ),
    dict(type="VisionTransformer", img_size=64, embed_dims=32, num_layers=2, num_heads=2),
    dict(
        type="MSCAN", embed_dims=[16, 32, 64, 128], depths=ONES, norm_cfg=BN,
        attention_kernel_paddings=[2, [0, 3], [0, 5], [0, 10]],
    ),
    dict(
        type="HRNet",
        norm_cfg=BN,
        extra={
            f"stage{n}": dict(
                num_modules=1, num_branches=n, block="BASIC" if n > 1 else "BOTTLENECK",
                num_blocks=(1,) * n, num_channels=(8, 16, 32, 64)[:n],
            )
            for n in range(1, 5)
        },
    ),
    dict(type="UNet", base_channels=4, norm_cfg=BN),
    dict(
        type="STDCNet", stdc_type="STDCNet1", in_channels=3, channels=(8, 16, 32, 64, 128),
        bottleneck_type="cat", norm_cfg=BN, act_cfg=dict(type="ReLU"), num_convs=4,
    ),
    dict(type="FastSCNN", norm_cfg=BN, out_indices=(0, 1, 2)),
]  # fmt: skip


@pytest.mark.parametrize("config", MMSEG_BACKBONES, ids=lambda config: config["type"])
def test_any_mmseg_backbone_is_an_encoder(config):
    network = model(backbone=config)
    logged = step(network, batch((64, 64), (48, 64)))
    assert torch.isfinite(logged["loss"])
    first = next(iter(network.backbone.parameters()))
    assert first.grad is not None and torch.isfinite(first.grad).all()
    assert all(torch.isfinite(grad).all() for grad in gradients(network).values())


def test_measuring_an_encoder_keeps_its_training_modes():
    backbone = MODELS.build(dict(type="ResNetV1c", depth=18, norm_cfg=BN))
    backbone.layer1.eval()
    before = {name: value.clone() for name, value in backbone.state_dict().items()}
    spec = encoder_spec(backbone)
    assert spec.channels == (64, 128, 256, 512) and spec.strides == (4, 8, 16, 32)
    assert not backbone.layer1.training and backbone.layer2.training
    assert all(torch.equal(value, before[name]) for name, value in backbone.state_dict().items())


VIT = dict(embed_dims=32, num_layers=2, num_heads=2)


@pytest.mark.parametrize("config", MMSEG_BACKBONES, ids=lambda config: config["type"])
def test_measured_strides_of_mmseg_backbones_are_exact(config):
    backbone = MODELS.build(config)
    backbone.eval()
    spec = encoder_spec(backbone)
    side = spec.size_divisor * 3
    with torch.no_grad():
        maps = backbone(torch.zeros(1, 3, side, 2 * side))
    shapes = [
        (1, c, side // s, 2 * side // s) for c, s in zip(spec.channels, spec.strides, strict=True)
    ]
    assert [tuple(level.shape) for level in maps] == shapes


@pytest.mark.parametrize("patch", [14, 16])
@pytest.mark.parametrize(
    "config",
    [
        dict(VIT, type="VisionTransformer", img_size=56),
        # These take images of one size.
        dict(VIT, type="BEiT", img_size=112, out_indices=(0, 1)),
        dict(VIT, type="MAE", img_size=(112, 224), out_indices=(0, 1)),
    ],
    ids=lambda config: config["type"],
)
def test_strides_of_mmseg_transformers(config, patch):
    spec = encoder_spec(MODELS.build(dict(config, patch_size=patch)))
    assert set(spec.strides) == {patch} and set(spec.channels) == {32}
    fixed = None if config["type"] == "VisionTransformer" else config["img_size"]
    assert spec.fixed_size == ((fixed, fixed) if isinstance(fixed, int) else fixed)


class Plain(torch.nn.Module):
    """A timm transformer as a backbone that declares nothing; by default of one image size."""

    def __init__(self, patch, side, **options):
        super().__init__()
        self.net = timm.create_model("test_vit", patch_size=patch, img_size=side, **options)

    def forward(self, images):
        return tuple(self.net.forward_intermediates(images, intermediates_only=True))


@pytest.mark.parametrize("options", [dict(), dict(dynamic_img_size=True)])
@pytest.mark.parametrize(("patch", "side"), [(14, 112), (14, 518), (16, 112), (16, (64, 96))])
def test_strides_of_timm_transformers(patch, side, options):
    config = dict(type=Plain, patch=patch, side=side, **options)
    spec = encoder_spec(MODELS.build(config))
    assert set(spec.strides) == {patch} and set(spec.channels) == {64}
    height, width = (side, side) if isinstance(side, int) else side
    network = model(
        backbone=config, decoder=dict(type="DeepLabDecoder", channels=8, skip_stride=None)
    )
    logged = step(network, batch((height, width)))
    assert torch.isfinite(logged["loss"])


@pytest.mark.parametrize(("patch", "size"), [(14, (112, 126)), (16, (112, 128))])
def test_timm_encoder_takes_other_patches(patch, size):
    encoder = TimmEncoder("test_vit", model_args=dict(patch_size=patch), img_size=size).eval()
    assert set(encoder.strides) == {patch}
    with torch.no_grad():
        maps = encoder(torch.zeros(1, 3, *size))
    assert {tuple(level.shape[2:]) for level in maps} == {(size[0] // patch, size[1] // patch)}


class Odd(torch.nn.Module):
    """An encoder of one size that no attribute gives."""

    def __init__(self, side=200, pad=0):
        super().__init__()
        self.side, self.pad = side, pad
        self.conv = torch.nn.Conv2d(3, 4, 8, stride=8)

    def forward(self, images):
        if self.side and images.shape[2] != self.side:
            raise ValueError(f"expected {self.side} pixels")
        return (torch.nn.functional.pad(self.conv(images), (0, self.pad)),)


@pytest.mark.parametrize(
    ("encoder", "message"),
    [
        (Odd(), r"Odd: .*128 x 128 \(ValueError: expected 200 pixels\).*img_size.*`strides`"),
        (Odd(side=None, pad=40), r"tried .*224 x 224 \(the maps' sides do not divide"),
        (torch.nn.Flatten(), r"Flatten must return a tuple of N,C,H,W"),
    ],
)
def test_encoders_that_cannot_be_measured_are_refused(encoder, message):
    with pytest.raises(ConfigError, match=message):
        encoder_spec(encoder)
    assert encoder.training


def test_pyramids_of_each_task_are_measured_too():
    class Both(torch.nn.Module):
        def forward(self, images):
            pooled = torch.nn.functional.avg_pool2d(images, 4)
            return dict(semseg=(pooled,), depth=(images, pooled))

    spec = encoder_spec(Both())
    assert spec.strides == dict(semseg=(4,), depth=(1, 4))
    assert spec.channels == dict(semseg=(3,), depth=(3, 3)) and spec.size_divisor == 4


@pytest.mark.parametrize("decoder", ["DeepLabDecoder", "TransformerSkipDecoder"])
def test_a_neck_may_enlarge_patches_of_14_pixels_fourfold(decoder):
    network = model(
        backbone=dict(type="TimmEncoder", model_name="test_vit", model_args=dict(patch_size=14)),
        neck=dict(type="Feature2Pyramid", embed_dim=64, norm_cfg=BN),
        decoder=dict(type=decoder, channels=8),
    )
    assert network.size_divisor == 28
    assert torch.isfinite(step(network, batch((70, 98)))["loss"])
    assert all(torch.isfinite(grad).all() for grad in gradients(network).values())
    assert predict(network, batch((71, 99)))[0].pred_depth_map.data.shape == (1, 71, 99)


def test_an_encoder_of_one_size_is_measured_together_with_its_neck():
    encoder = TimmEncoder("mixer_s32_224", out_indices=(0, 1))
    spec = encoder_spec(torch.nn.Sequential(encoder, torch.nn.Identity()))
    assert spec.strides == encoder.strides == (32, 32)
