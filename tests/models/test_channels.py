"""Networks of n channels: preprocessor, encoders, and weights that were trained on three."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
from mmseg.registry import MODELS
from torch import nn

from mtl_plugins.errors import ConfigError, WeightsError
from mtl_plugins.models.encoders import with_channels
from tests.batches import batch, model, predict, step

MEAN, STD = [10.0, 20.0, 30.0, 40.0, 50.0, 60.0], [1.0, 2.0, 4.0, 8.0, 16.0, 32.0]


def preprocessor(channels=5, **options):
    return dict(
        type="MultiTaskDataPreprocessor", mean=MEAN[:channels], std=STD[:channels], **options
    )


def network(channels=5, **options):
    return model(data_preprocessor=preprocessor(channels), **options)


def batch_of(channels, *sizes):
    data = batch(*sizes)
    data["inputs"] = [torch.rand(channels, *size) * 255 for size in sizes]
    return data


@pytest.mark.parametrize("swap", [True, False])
def test_only_red_and_blue_are_swapped(swap):
    built = MODELS.build(preprocessor(bgr_to_rgb=swap))
    values = torch.tensor([30.0, 24, 14, 48, 82]).view(5, 1, 1)  # blue, green, red, others
    found = built(dict(inputs=[values.expand(5, 2, 3)]))["inputs"]
    expected = [4, 2, 0, 1, 2] if swap else [20, 2, -4, 1, 2]
    assert found[0, :, 0, 0].tolist() == expected
    shown = built.to_images(found)
    assert shown.shape == (1, 3, 2, 3) and shown[0, :, 0, 0].tolist() == [14, 24, 30]


def test_levels_stay_apart():
    built = MODELS.build(dict(type="MultiTaskDataPreprocessor"))
    levels = torch.arange(4096.0).mul(255 / 4095).expand(3, 1, -1)
    found = built(dict(inputs=[levels.contiguous()]))["inputs"]
    assert (found.diff(dim=-1) > 0).all()


def test_images_of_other_channels_are_refused():
    with pytest.raises(ConfigError, match=r"Images have 4 channels, but .* mean and std of 5"):
        network()(**network().data_preprocessor(batch_of(4, (32, 64))))
    for mean, std in ((MEAN[:4], STD[:5]), (MEAN[:2], STD[:2])):
        with pytest.raises(ConfigError, match="one for each channel"):
            MODELS.build(dict(type="MultiTaskDataPreprocessor", mean=mean, std=std))


@pytest.mark.parametrize(
    "backbone",
    [
        dict(type="TimmEncoder", model_name="test_resnet"),
        dict(type="TimmEncoder", model_name="test_vit"),
        dict(type="ResNet", depth=18, base_channels=8),
        dict(type="MixVisionTransformer", embed_dims=8, num_layers=[1] * 4, num_heads=[1] * 4),
    ],
    ids=lambda each: each.get("model_name", each["type"]),
)
def test_encoders_take_the_channels_of_the_preprocessor(backbone):
    built = network(backbone=backbone)
    losses = step(built, batch_of(5, (32, 64), (32, 64)))
    assert all(value == value for value in losses.values())
    first = next(m for m in built.backbone.modules() if isinstance(m, nn.Conv2d))
    assert first.weight.shape[1] == 5
    # Every channel is used, and trained.
    assert (first.weight.grad.flatten(2).abs().sum((0, 2)) > 0).all()


def test_every_task_encoder_takes_them():
    backbone = dict(
        type="TaskEncoders",
        encoder=dict(type="TimmEncoder", model_name="test_resnet"),
        tasks=dict(semseg=dict(), depth=dict()),
    )
    maps = MODELS.build(with_channels(backbone, 5))(torch.rand(1, 5, 32, 64))
    assert {*maps} == {"semseg", "depth"}


def test_other_encoders_are_refused():
    with pytest.raises(ConfigError, match=r"in_channels=4, but .* of 5 channels"):
        with_channels(dict(type="TimmEncoder", model_name="test_resnet", in_channels=4), 5)
    with pytest.raises(ConfigError, match="MobileNetV2 takes images of three channels alone"):
        with_channels(dict(type="MobileNetV2"), 5)
    three = dict(type="TimmEncoder", model_name="test_resnet")
    assert with_channels(three, 3) == three


def colours_then_more(weight, channels):
    """Repeat the weights of three channels in turn, independently of timm."""
    return torch.stack([weight[:, i % 3] for i in range(channels)], 1) * (3 / channels)


@pytest.mark.parametrize(
    "backbone",
    [dict(type="TimmEncoder", model_name="test_resnet"),
     dict(type="ResNet", depth=18, base_channels=8)],
    ids=["timm", "mmseg"],
)  # fmt: skip
def test_weights_of_three_channels_are_adapted(backbone, caplog):
    colours = model(backbone=backbone)
    wide = network(backbone=backbone)
    wide.load_state_dict(colours.state_dict())
    name = next(n for n, m in colours.named_modules() if isinstance(m, nn.Conv2d))
    own, adapted = colours.state_dict(), wide.state_dict()
    expected = colours_then_more(own[f"{name}.weight"], 5)
    torch.testing.assert_close(adapted[f"{name}.weight"], expected)
    for key, value in own.items():
        assert key == f"{name}.weight" or torch.equal(adapted[key], value)


def test_six_equal_channels_are_seen_as_three():
    colours, wide = model(), network(6)
    wide.load_state_dict(colours.state_dict())
    grey = torch.rand(1, 1, 32, 64)
    with torch.no_grad():
        expected, found = (
            each.eval().backbone(grey.repeat(1, channels, 1, 1))
            for each, channels in ((colours, 3), (wide, 6))
        )
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other)


def test_weights_of_their_own_channels_stay():
    one, other = network(), network()
    other.load_state_dict(one.state_dict())
    for key, value in one.state_dict().items():
        assert torch.equal(other.state_dict()[key], value)


@pytest.mark.parametrize(("stored", "own"), [(4, 5), (5, 3)])
def test_weights_of_other_channels_are_refused(stored, own):
    text = f"conv1.0.weight is for images of {stored} channels, and those of .* have {own}; only"
    with pytest.raises(WeightsError, match=text):
        network(own).load_state_dict(network(stored).state_dict())


def test_a_network_can_still_be_copied_and_stored():
    built = network()
    for other in (copy.deepcopy(built), pickle.loads(pickle.dumps(built))):
        other.load_state_dict(model().state_dict())


def test_predictions_have_the_size_of_the_image():
    [found] = predict(network(), batch_of(5, (33, 47)))
    assert found.pred_sem_seg.data.shape[-2:] == (33, 47)
