"""The whole model: padding, sizes, sliding windows, and what it leaves on the samples."""

from __future__ import annotations

import pytest
import torch
from mmseg.models.segmentors import EncoderDecoder
from mmseg.registry import MODELS
from torch import nn

from mtl_plugins.errors import ConfigError, DataError
from tests.batches import NUM_CLASSES, batch, gradients, model, sample, step


def predict(network, data):
    network.eval()
    with torch.no_grad():
        return network.test_step(data)


def test_predictions_come_in_original_size_without_logits():
    data = batch((50, 70), (64, 64))
    data["data_samples"][0].set_metainfo(dict(ori_shape=(100, 140)))
    first, second = predict(model(), data)
    assert first.pred_sem_seg.shape == (100, 140) and second.pred_sem_seg.shape == (64, 64)
    assert first.pred_depth_map.shape == (100, 140)
    assert first.pred_sem_seg.data.dtype == torch.int64
    assert first.pred_depth_map.data.dtype == torch.float32
    assert first.pred_depth_map.data.min() > 0
    assert "seg_logits" not in first and "depth_raw" not in first


def test_logits_are_kept_on_demand():
    network = model(test_cfg=dict(mode="whole", keep_raw=True))
    (result,) = predict(network, batch((50, 70)))
    assert result.seg_logits.data.shape == (NUM_CLASSES, 50, 70)
    assert torch.equal(result.seg_logits.data.argmax(0, keepdim=True), result.pred_sem_seg.data)


def test_padding_is_never_a_target():
    network = model()
    data = batch((40, 60), (64, 96))
    prepared = network.data_preprocessor(data, True)
    label = prepared["data_samples"][0].gt_sem_seg.data
    depth = prepared["data_samples"][0].gt_depth_map.data
    assert (label[:, 40:] == 255).all() and (label[:, :, 60:] == 255).all()
    assert (depth[:, 40:] == 0).all() and (depth[:, :, 60:] == 0).all()
    assert (prepared["inputs"][0, :, 40:] == 0).all()


@pytest.mark.parametrize("size", [(64, 64), (65, 97), (33, 50), (20, 20)])
def test_images_of_any_size_train_and_predict(size):
    network = model()
    logged = step(network, batch(size, size))
    assert torch.isfinite(logged["loss"])
    assert all(torch.isfinite(grad).all() for grad in gradients(network).values())
    assert predict(network, batch(size))[0].pred_sem_seg.shape == size


def test_odd_sizes_are_not_shifted():
    """Raw maps of an odd image are those of the same image inside a padded one."""
    network = model().eval()
    image = torch.randn(1, 3, 60, 90)
    padded = torch.zeros(1, 3, 64, 96)
    padded[..., :60, :90] = image
    with torch.no_grad():
        odd, even = network.encode_decode(image, []), network.encode_decode(padded, [])
    assert torch.allclose(odd, even[..., :60, :90], atol=1e-6)


def test_a_batch_of_one_trains():
    logged = step(model(), batch((64, 64)))
    assert torch.isfinite(logged["loss"])


def test_no_valid_depth_at_all_trains_on():
    data = batch((64, 64), (64, 64))
    for item in data["data_samples"]:
        item.gt_depth_map.data.zero_()
    network = model()
    logged = step(network, data)
    assert logged["depth/silog"].item() == 0 and logged["semseg/ce"].item() > 0
    assert all(torch.isfinite(grad).all() for grad in gradients(network).values())


class Pointwise(nn.Module):
    """An encoder whose output at a pixel depends on this pixel alone."""

    channels, strides = (4,), (1,)

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1)

    def forward(self, images):
        return (self.conv(images),)


def pointwise_model(test_cfg):
    if "Pointwise" not in MODELS:
        MODELS.register_module(module=Pointwise)
    decoder = dict(type="DeepLabDecoder", channels=6, aspp_rates=None, skip_stride=None)
    torch.manual_seed(3)
    return model("JointHead", dict(type="Pointwise"), decoder, test_cfg=test_cfg).eval()


def test_padding_changes_no_loss():
    """The loss of an image is that of its own pixels, whoever is beside it in the batch.

    With a pointwise network this holds exactly; a convolution sees the padding at the edge.
    """
    network = pointwise_model(None)
    small = batch((40, 60))
    beside = sample(64, 96)
    beside.gt_sem_seg.data.fill_(255)
    beside.gt_depth_map.data.zero_()
    both = dict(
        inputs=[small["inputs"][0], torch.zeros(3, 64, 96, dtype=torch.uint8)],
        data_samples=[small["data_samples"][0].clone(), beside],
    )
    alone = network(**network.data_preprocessor(small, True), mode="loss")
    padded = network(**network.data_preprocessor(both, True), mode="loss")
    for key, value in alone.items():
        assert padded[key].item() == pytest.approx(value.item(), rel=1e-5)


def test_sliding_windows_of_a_pointwise_network_equal_the_whole_image():
    data = batch((50, 70))
    whole = predict(pointwise_model(dict(mode="whole")), data)[0]
    data["data_samples"] = [sample(50, 70)]
    cfg = dict(mode="slide", crop_size=(32, 32), stride=(20, 20))
    slide = predict(pointwise_model(cfg), data)[0]
    assert torch.allclose(whole.pred_depth_map.data, slide.pred_depth_map.data, rtol=1e-4)
    assert torch.equal(whole.pred_sem_seg.data, slide.pred_sem_seg.data)


def test_sliding_windows_average_their_overlap():
    """Against windows cut, run and averaged by hand."""
    cfg = dict(mode="slide", crop_size=(32, 32), stride=(16, 24))
    network = model(test_cfg=cfg).eval()
    image = torch.randn(1, 3, 48, 56)
    total, count = torch.zeros(1, NUM_CLASSES + 1, 48, 56), torch.zeros(1, 1, 48, 56)
    with torch.no_grad():
        for top in (0, 16):
            for left in (0, 24):
                window = (..., slice(top, top + 32), slice(left, left + 32))
                total[window] += network.encode_decode(image[window], [])
                count[window] += 1
        slid = network.inference(image, [dict(ori_shape=(48, 56))])
    assert torch.allclose(slid, total / count, atol=1e-5)


def test_sliding_is_really_used():
    cfg = dict(mode="slide", crop_size=(32, 32), stride=(32, 32))
    torch.manual_seed(5)
    slid = model(test_cfg=cfg)
    torch.manual_seed(5)
    whole = model()
    data = batch((64, 64))
    a = predict(slid, dict(inputs=data["inputs"], data_samples=[sample(64, 64)]))[0]
    b = predict(whole, dict(inputs=data["inputs"], data_samples=[sample(64, 64)]))[0]
    assert not torch.equal(a.pred_depth_map.data, b.pred_depth_map.data)


@pytest.mark.parametrize("direction", ["horizontal", "vertical"])
def test_flipped_inputs_are_flipped_back(direction):
    network = pointwise_model(dict(mode="whole"))
    image = torch.randint(0, 256, (3, 40, 60), dtype=torch.uint8)
    axis = 2 if direction == "horizontal" else 1
    flipped = sample(40, 60)
    flipped.set_metainfo(dict(flip=True, flip_direction=direction))
    plain = predict(network, dict(inputs=[image], data_samples=[sample(40, 60)]))[0]
    back = predict(network, dict(inputs=[image.flip(axis)], data_samples=[flipped]))[0]
    assert torch.equal(plain.pred_sem_seg.data, back.pred_sem_seg.data)
    assert torch.allclose(plain.pred_depth_map.data, back.pred_depth_map.data)


def test_nothing_is_summed_into_the_loss_by_its_name():
    network = model()
    losses = {
        "semseg/loss_like": torch.tensor(2.0, requires_grad=True),
        "depth/silog": torch.tensor(3.0, requires_grad=True),
    }
    total, logged = network.parse_losses(losses)
    assert total.item() == 5 and set(logged) == {"loss", *losses}


@pytest.mark.parametrize(
    ("test_cfg", "message"),
    [(dict(mode="slid"), "'whole' or 'slide'"), (dict(mode="slide"), "crop_size")],
)
def test_wrong_test_config_is_refused(test_cfg, message):
    with pytest.raises(ValueError, match=message):
        model(test_cfg=test_cfg)


def test_channels_last_computes_the_same():
    torch.manual_seed(2)
    plain = model().eval()
    torch.manual_seed(2)
    last = model(channels_last=True).eval()
    data = batch((64, 64), (64, 64))
    assert last.backbone.model.layer4[0].conv1.weight.is_contiguous(
        memory_format=torch.channels_last
    )
    expected, found = (
        network(**network.data_preprocessor(data, True), mode="loss") for network in (plain, last)
    )
    for key, value in expected.items():
        assert found[key].item() == pytest.approx(value.item(), rel=1e-4)


def test_it_is_a_segmentor_of_mmseg():
    assert isinstance(model(), EncoderDecoder)


def test_preprocessor_normalises_as_numpy_does():
    preprocessor = MODELS.build(
        dict(type="MultiTaskDataPreprocessor", mean=(10.0, 20.0, 30.0), std=(1.0, 2.0, 4.0))
    )
    image = torch.arange(12, dtype=torch.uint8).view(3, 2, 2)
    out = preprocessor(dict(inputs=[image]))["inputs"][0]
    bgr = image.numpy().astype("float32")
    for channel, (mean, std) in enumerate([(10, 1), (20, 2), (30, 4)]):
        expected = (bgr[2 - channel] - mean) / std
        assert torch.allclose(out[channel], torch.from_numpy(expected))


def test_targets_of_predictions_keep_their_size():
    preprocessor = MODELS.build(dict(type="MultiTaskDataPreprocessor"))
    data = preprocessor(batch((40, 60), (64, 96)), training=False)
    assert data["data_samples"][0].gt_sem_seg.shape == (40, 60)
    assert data["inputs"].shape == (2, 3, 64, 96)


def test_a_target_that_did_not_move_with_its_image_is_refused():
    data = batch((32, 32))
    sized = sample(32, 64)
    preprocessor = MODELS.build(dict(type="MultiTaskDataPreprocessor"))
    with pytest.raises(
        DataError, match=r"gt_sem_seg is \(32, 64\) pixels, but its image \(32, 32\)"
    ):
        preprocessor(dict(inputs=data["inputs"], data_samples=[sized]), training=True)


def test_unknown_test_options_are_refused():
    with pytest.raises(ConfigError, match=r"mod.*keep_raw"):
        model(test_cfg=dict(mod="slide"))
