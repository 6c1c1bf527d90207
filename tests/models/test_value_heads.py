"""Masks, numbers and offsets: losses and predictions by hand."""

import math

import pytest
import torch
from mmseg.registry import MODELS

from mtl_plugins.errors import ConfigError
from mtl_plugins.models.losses import BinaryCrossEntropyLoss, EndPointLoss
from mtl_plugins.models.task_heads import BinaryHead, OffsetHead, ScalarHead, SegmentationHead
from mtl_plugins.targets import Target
from tests.batches import TARGETS

NAN = float("nan")


def row(*values):
    """1,1,1,W from one value a pixel; 1,C,1,W from one vector a pixel."""
    pixels = torch.tensor(values, dtype=torch.float32)
    return (pixels.T if pixels.ndim > 1 else pixels[None])[None, :, None]


def learning(head, target):
    head.learn("task", TARGETS[target])
    return head


@pytest.mark.parametrize("kind", [torch.uint8, torch.int64, torch.float32])
def test_binary_cross_entropy_by_hand(kind):
    logits = row(0.0, math.log(3), -math.log(3), 5.0).requires_grad_()
    truth = row(1, 0, 1, 255).to(kind)
    head = learning(BinaryHead(4, loss=dict(type="BinaryCrossEntropyLoss")), "edges")
    # Probabilities 1/2, 3/4 and 1/4: of the truth 1/2, 1/4 and 1/4.
    loss = head.losses_of(logits, truth)["bce"]
    loss.backward()
    assert loss.item() == pytest.approx(5 * math.log(2) / 3, rel=1e-6)
    expected = [(0.5 - 1) / 3, 0.75 / 3, (0.25 - 1) / 3, 0]
    assert logits.grad.flatten().tolist() == pytest.approx(expected)
    weighed = BinaryCrossEntropyLoss(positive_weight=10.0, loss_weight=2.0)
    value = weighed(logits, truth, truth != 255).item()
    assert value == pytest.approx(2 * (10 * 3 + 2) * math.log(2) / 3, rel=1e-6)


def test_binary_cross_entropy_of_large_logits_is_finite():
    logits = row(1e4, -1e4).requires_grad_()
    loss = BinaryCrossEntropyLoss()(logits, row(0, 1), row(1, 1) > 0)
    loss.backward()
    assert loss.item() == pytest.approx(1e4)
    assert logits.grad.flatten().tolist() == [0.5, -0.5]


def test_masks_begin_at_the_threshold():
    head = learning(BinaryHead(4, threshold=0.75), "edges")
    raw = row(math.log(3) + 1e-4, math.log(3) - 1e-4, -9.0)
    assert head.decode(raw).flatten().tolist() == [1, 0, 0]
    # Two views of 0.9 and 0.5 have the mean 0.7; their logits would have said 0.75.
    views = head.mergeable(row(math.log(9))) / 2 + head.mergeable(row(0.0)) / 2
    assert views.item() == pytest.approx(0.7) and head.merged(views).item() == 0


def test_numbers_within_a_range():
    head = learning(ScalarHead(4, range=(-10, 30)), "heat")
    raw = row(-1.0, 0.5, 3.0, 0.0).requires_grad_()
    assert head.decode(raw).flatten().tolist() == [-10, 20, 30, 10]
    truth = row(-8.0, 10.0, 30.0, NAN)
    loss = head.losses_of(raw, truth)["l1"]
    loss.backward()
    assert loss.item() == pytest.approx((2 + 10 + 0) / 3)
    # Outside the range there is a gradient too; a raw step is 20 units.
    assert raw.grad.flatten().tolist() == pytest.approx([-20 / 3, 20 / 3, 0, 0])
    below = row(-2.0).requires_grad_()
    head.losses_of(below, row(0.0))["l1"].backward()
    assert below.grad.item() == -20


def test_raw_losses_of_numbers_compare_shares_of_the_range():
    losses = [dict(type="MaskedL2Loss", space="raw"), dict(type="MaskedL1Loss", space="raw")]
    head = learning(ScalarHead(4, range=(-10, 30), loss=losses), "heat")
    # 20 is 0.5 in raw numbers; 90 is beyond the range and counts as its end, 1.
    found = head.losses_of(row(0.0, 2.0), row(20.0, 90.0))
    assert found["l2"].item() == pytest.approx((0.25 + 1) / 2)
    assert found["l1"].item() == pytest.approx((0.5 + 1) / 2)


def test_numbers_without_a_range_are_the_raw_map():
    head = learning(ScalarHead(4), "heat")
    assert head.decode(row(-300.0, 7.5)).flatten().tolist() == [-300, 7.5]
    assert head.losses_of(row(-300.0, 0.0), row(-290.0, NAN))["l1"].item() == 10


def test_a_distance_is_never_trained_on_zero():
    head = learning(ScalarHead(4), "gap")
    assert head.losses_of(row(5.0, 5.0, 5.0), row(3.0, 0.0, float("inf")))["l1"].item() == 2


def test_end_point_error_by_hand():
    head = learning(OffsetHead(4, scale=2.0), "flow")
    raw = row((1.5, 0.0), (0.0, 2.0), (9.0, 9.0), (9.0, 9.0)).requires_grad_()
    truth = row((0.0, 4.0), (0.0, 4.0), (NAN, NAN), (1.0, NAN))
    loss = head.losses_of(raw, truth)["epe"]
    loss.backward()
    # Pixels: (3, 0) to (0, 4) is 5; the second is exact; the others have no truth.
    assert loss.item() == pytest.approx(5 / 2, abs=1e-3)
    expected = [2 * 3 / 5 / 2, 0, 0, 0, -2 * 4 / 5 / 2, 0, 0, 0]
    assert raw.grad.flatten().tolist() == pytest.approx(expected, abs=1e-6)
    assert EndPointLoss(loss_weight=3.0)(
        head.decode(raw), truth, torch.tensor([[[[True, False, False, False]]]])
    ).item() == pytest.approx(15, abs=4e-3)


def test_offsets_follow_the_size_and_the_flips_of_an_image():
    head = learning(OffsetHead(4), "flow")
    raw = torch.tensor([[[[3.0, 5.0]], [[-1.0, 2.0]]]])
    # Twice as wide and half as high.
    assert head.rescale(raw, (2.0, 0.5)).flatten().tolist() == [6, 10, -0.5, 1]
    assert head.rescale(raw, (1.0, 1.0)) is raw
    assert head.unflip(raw, "horizontal").flatten().tolist() == [-5, -3, 2, -1]
    assert head.unflip(raw, "vertical").flatten().tolist() == [3, 5, 1, -2]
    assert head.unflip(raw, "diagonal").flatten().tolist() == [-5, -3, -2, 1]
    numbers = learning(ScalarHead(4), "heat")
    assert torch.equal(numbers.rescale(raw[:, :1], (2.0, 0.5)), raw[:, :1])


def test_more_than_255_classes_have_another_id_for_none():
    head = learning(SegmentationHead(4, num_classes=300), "species")
    logits = torch.zeros(1, 300, 1, 3, requires_grad=True)
    truth = torch.tensor([[[[255, 299, 65535]]]], dtype=torch.int32)
    loss = head.losses_of(logits, truth)["ce"]
    loss.backward()
    assert loss.item() == pytest.approx(math.log(300), rel=1e-6)
    assert logits.grad[0, 255, 0, 0].item() == pytest.approx((1 / 300 - 1) / 2)
    assert not logits.grad[..., 2].any()
    assert head.decode(torch.eye(300)[None, :, :, None]).max() == 299


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (dict(type="BinaryHead", threshold=0.0), r"threshold=0.0; expected a number in \(0, 1\)"),
        (dict(type="BinaryHead", threshold=NAN), "threshold=nan"),
        (dict(type="BinaryHead", loss=dict(type="MaskedL1Loss")), "MaskedL1Loss is no loss for it"),
        (dict(type="ScalarHead", range=(3, 3)), r"range=\(3, 3\); expected \(smallest, largest\)"),
        (dict(type="ScalarHead", range=(0, float("inf"))), "expected .smallest, largest"),
        (dict(type="ScalarHead", range=(1, 2, 3)), "expected .smallest, largest"),
        (dict(type="ScalarHead", loss=dict(type="SILogLoss")), "SILogLoss is no loss for it"),
        (dict(type="OffsetHead", scale=0), "scale=0; expected pixels above 0"),
        (dict(type="OffsetHead", scale=NAN), "scale=nan"),
        (dict(type="OffsetHead", loss=dict(type="CosineLoss")), "choose EndPointLoss"),
        (dict(type="SegmentationHead"), "num_classes is missing"),
    ],
)
def test_wrong_arguments_are_refused(config, message):
    with pytest.raises(ConfigError, match=message):
        MODELS.build(dict(config, in_channels=4))


def test_wrong_weights_are_refused():
    for weight in (0.0, -1.0, NAN):
        with pytest.raises(ConfigError, match="positive_weight"):
            BinaryCrossEntropyLoss(positive_weight=weight)


def test_a_class_with_the_id_of_no_class_is_refused():
    head = SegmentationHead(4, num_classes=256)
    with pytest.raises(ConfigError, match="256 classes, but 'parts' names 5, so that 255 means no"):
        head.learn("parts", TARGETS["parts"])
    SegmentationHead(4, num_classes=255).learn("any", Target("any", "classes"))
