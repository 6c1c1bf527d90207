"""The whole model: padding, image sizes, losses, and the keys of predicted samples."""

import pytest
import torch
from mmseg.models.segmentors import BaseSegmentor
from mmseg.registry import MODELS

from mtl_plugins.errors import ConfigError, DataError
from tests.batches import NUM_CLASSES, batch, gradients, model, predict, sample, step
from tests.pointwise import pointwise_model


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
    network = model(test_cfg=dict(keep_raw=True)).eval()
    image = torch.randn(1, 3, 60, 90)
    padded = torch.zeros(1, 3, 64, 96)
    padded[..., :60, :90] = image
    with torch.no_grad():
        (odd,), (even,) = network.predict(image), network.predict(padded)
    for key in ("seg_logits", "depth_raw"):
        assert torch.allclose(odd.get(key).data, even.get(key).data[..., :60, :90], atol=1e-6)


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


def test_padding_changes_no_loss():
    """The loss of an image depends on its own pixels only, not on the rest of the batch.

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


def test_no_logged_value_is_added_to_the_loss_by_its_name():
    network = model()
    losses = {
        "semseg/loss_like": torch.tensor(2.0, requires_grad=True),
        "depth/silog": torch.tensor(3.0, requires_grad=True),
    }
    total, logged = network.parse_losses(losses)
    assert total.item() == 5 and set(logged) == {"loss", *losses}


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
    assert isinstance(model(), BaseSegmentor)


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


@pytest.mark.parametrize("std", [(0.229, 0.224, 0.225), (1.0, 1.0), (1.0, 0.0, 1.0)])
def test_images_are_normalised_in_intensities_of_0_to_255(std):
    with pytest.raises(ConfigError, match=r"multiply both by 255|three numbers each, std > 0"):
        MODELS.build(dict(type="MultiTaskDataPreprocessor", mean=(0.5, 0.5, 0.5), std=std))


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
