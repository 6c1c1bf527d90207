"""Losses: hand-computed values, invalid pixels, finite gradients, independent formulas."""

import numpy as np
import pytest
import torch
from mmseg.registry import MODELS
from torch.nn import functional as F

from mtl_plugins.errors import ConfigError

DEPTH_LOSSES = [
    *("SILogLoss", "MaskedL1Loss", "MaskedL2Loss", "BerHuLoss"),
    *("GradientMatchingLoss", "GradientL1Loss"),
]


def pair(*shape):
    target = torch.rand(shape) * 80 + 1
    target[..., :2] = 0
    return (torch.rand(shape) * 80 + 1).requires_grad_(), target


def numpy_silog(prediction, target, gamma, eps=1e-3):
    per_image = []
    for p, t in zip(prediction, target, strict=True):
        p, t = p[t > 0].astype(np.float64), t[t > 0].astype(np.float64)
        d = np.log(np.maximum(p, eps)) - np.log(np.maximum(t, eps))
        per_image.append(d.var() + gamma * d.mean() ** 2)
    return np.sqrt(np.mean(per_image))


@pytest.mark.parametrize("gamma", [0.0, 0.15, 1.0])
def test_silog_is_the_formula(gamma):
    prediction, target = pair(3, 1, 9, 11)
    loss = MODELS.build(dict(type="SILogLoss", gamma=gamma))(prediction, target, target > 0)
    expected = numpy_silog(prediction.detach().numpy(), target.numpy(), gamma)
    assert loss.item() == pytest.approx(expected, rel=1e-5)


def test_silog_by_hand():
    # Log errors of log 2 and log 8: variance (log 2)^2, mean 2 log 2.
    target = torch.tensor([[[[1.0, 1.0, 0.0]]]])
    prediction = torch.tensor([[[[2.0, 8.0, 5.0]]]])
    loss = MODELS.build(dict(type="SILogLoss", gamma=0.5))(prediction, target, target > 0)
    assert loss.item() == pytest.approx(np.log(2) * np.sqrt(1 + 0.5 * 4), rel=1e-6)


def test_silog_gradient_is_that_of_double_precision_differences():
    prediction, target = pair(2, 1, 3, 4)
    loss = MODELS.build(dict(type="SILogLoss"))
    loss(prediction, target, target > 0).backward()
    index, step = (1, 0, 2, 3), 1e-3
    values = []
    for sign in (-1, 1):
        moved = prediction.detach().clone()
        moved[index] += sign * step
        values.append(numpy_silog(moved.double().numpy(), target.double().numpy(), 0.15))
    assert prediction.grad[index].item() == pytest.approx((values[1] - values[0]) / 2e-3, rel=1e-2)


@pytest.mark.parametrize("name", DEPTH_LOSSES)
class TestEveryDepthLoss:
    def test_exact_prediction_is_zero_with_finite_gradient(self, name):
        _, target = pair(2, 1, 4, 5)
        prediction = target.clone().requires_grad_()
        loss = MODELS.build(dict(type=name))(prediction, target, target > 0)
        loss.backward()
        assert loss.item() == pytest.approx(0, abs=1e-6)
        assert torch.isfinite(prediction.grad).all()

    def test_an_image_without_truth_does_not_dilute_the_others(self, name):
        prediction, target = pair(1, 1, 4, 5)
        loss_function = MODELS.build(dict(type=name))
        alone = loss_function(prediction, target, target > 0)
        target = torch.cat([target, torch.zeros_like(target)])
        both = loss_function(torch.cat([prediction, prediction]), target, target > 0)
        assert both.item() == pytest.approx(alone.item(), rel=1e-6)

    @pytest.mark.parametrize("value", [0.0, -3.0, 1e-12])
    def test_predictions_at_and_below_zero_are_finite(self, name, value):
        _, target = pair(1, 1, 4, 5)
        prediction = torch.full_like(target, value).requires_grad_()
        loss = MODELS.build(dict(type=name))(prediction, target, target > 0)
        loss.backward()
        assert torch.isfinite(loss) and torch.isfinite(prediction.grad).all()

    def test_float32_under_autocast_and_half_precision_inputs(self, name):
        prediction, target = pair(2, 1, 8, 8)
        half = prediction.detach().to(torch.bfloat16).requires_grad_()
        loss_function = MODELS.build(dict(type=name))
        with torch.autocast("cpu", torch.bfloat16):
            loss = loss_function(half, target, target > 0)
        assert loss.dtype == torch.float32
        exact = loss_function(half.float(), target, target > 0)
        assert loss.item() == pytest.approx(exact.item(), rel=1e-6)

    def test_weight_is_a_factor(self, name):
        prediction, target = pair(2, 1, 4, 4)
        one = MODELS.build(dict(type=name))(prediction, target, target > 0)
        three = MODELS.build(dict(type=name, loss_weight=3.0))(prediction, target, target > 0)
        assert three.item() == pytest.approx(3 * one.item(), rel=1e-6)


def test_masked_losses_are_numpys_means():
    prediction, target = pair(2, 1, 4, 5)
    valid = target > 0
    error = (prediction - target).detach().numpy()[valid.numpy()]
    l1 = MODELS.build(dict(type="MaskedL1Loss"))(prediction, target, valid)
    l2 = MODELS.build(dict(type="MaskedL2Loss"))(prediction, target, valid)
    assert l1.item() == pytest.approx(np.abs(error).mean(), rel=1e-5)
    assert l2.item() == pytest.approx((error**2).mean(), rel=1e-5)


def test_berhu_by_hand():
    # The largest error is 10, so the knee lies at 5: errors 2 and 5 cost as in L1, 10 costs
    # (10^2 + 5^2) / 10 = 12.5; the gradient of the parabola is 10 / 5.
    target = torch.tensor([[[[1.0, 10.0, 20.0, 0.0]]]])
    prediction = torch.tensor([[[[3.0, 5.0, 30.0, 99.0]]]], requires_grad=True)
    loss = MODELS.build(dict(type="BerHuLoss", threshold=0.5))(prediction, target, target > 0)
    loss.backward()
    assert loss.item() == pytest.approx((2 + 5 + 12.5) / 3)
    assert (3 * prediction.grad).flatten().tolist() == pytest.approx([1, -1, 2, 0])
    with pytest.raises(ValueError, match="threshold=0"):
        MODELS.build(dict(type="BerHuLoss", threshold=0))


class TestCrossEntropy:
    def build(self, **kwargs):
        return MODELS.build(dict(type="MaskedCrossEntropyLoss", **kwargs))

    @pytest.mark.parametrize("weight", [None, [1.0, 2.0, 0.5]])
    def test_is_pytorchs_mean(self, weight):
        logits, label = torch.randn(2, 3, 4, 5), torch.randint(0, 3, (2, 4, 5))
        label[0, 0] = 255
        expected = F.cross_entropy(logits, label, weight and torch.tensor(weight), ignore_index=255)
        assert self.build(class_weight=weight)(logits, label).item() == pytest.approx(
            expected.item(), rel=1e-5
        )


@pytest.mark.parametrize("weight", [None, [0.5, 0.0, 2.0]])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_the_cross_entropy_is_pytorchs(weight, smoothing):
    label = torch.randint(0, 3, (2, 5, 7))
    label[:, :2] = 255
    gradients, losses = [], []
    loss = MODELS.build(
        dict(type="MaskedCrossEntropyLoss", class_weight=weight, label_smoothing=smoothing)
    )
    factor = None if weight is None else torch.tensor(weight)
    for function in (
        loss,
        lambda x, y: F.cross_entropy(
            x, y, weight=factor, ignore_index=255, label_smoothing=smoothing
        ),
    ):
        logits = torch.linspace(-4, 4, 210).view(2, 3, 5, 7).sin().mul(5).requires_grad_()
        value = function(logits, label)
        value.backward()
        losses.append(value.item())
        gradients.append(logits.grad)
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)
    torch.testing.assert_close(*gradients, rtol=1e-5, atol=1e-8)


class TestBalancedCrossEntropy:
    def test_a_fixed_weight_is_that_of_the_positives_in_another_scale(self):
        logits, target = torch.randn(2, 1, 5, 6), torch.randint(0, 2, (2, 1, 5, 6))
        target[:, :, :2] = 255
        found, same = (
            MODELS.build(config)(logits, target, target != 255)
            for config in (
                dict(type="BalancedCrossEntropyLoss", positive_weight=0.95),
                dict(type="BinaryCrossEntropyLoss", positive_weight=19.0, loss_weight=0.05),
            )
        )
        assert found.item() == pytest.approx(same.item(), rel=1e-5)

    def test_without_a_weight_both_sides_count_the_same(self):
        # 1 of 4 valid pixels is 1: it weighs 3/4, the others 1/4; logits of 0 cost log(2) each.
        target = torch.tensor([[[[1, 0, 0, 0, 255]]]])
        logits = torch.zeros(1, 1, 1, 5, requires_grad=True)
        loss = MODELS.build(dict(type="BalancedCrossEntropyLoss"))(logits, target, target != 255)
        loss.backward()
        assert loss.item() == pytest.approx(1.5 / 4 * np.log(2))
        assert logits.grad.flatten().tolist() == pytest.approx([-3 / 32, 1 / 32, 1 / 32, 1 / 32, 0])

    @pytest.mark.parametrize("weight", [0, 1, 19.0])
    def test_a_weight_outside_its_range_is_refused(self, weight):
        with pytest.raises(ConfigError, match=f"positive_weight={weight}; expected a number in"):
            MODELS.build(dict(type="BalancedCrossEntropyLoss", positive_weight=weight))


class TestGradients:
    def test_matching_adds_the_scales_and_skips_pairs_with_an_invalid_pixel(self):
        # Errors 0 1 4 ? 2: at step 1 pairs |1 - 0| + |4 - 1| over 4 pixels, at step 2 the pixels
        # 0, 2, 4 with |4 - 0| + |2 - 4| over 3.
        error = torch.tensor([[[[0.0, 1.0, 4.0, 9.0, 2.0]]]])
        target = torch.tensor([[[[5.0, 5.0, 5.0, 0.0, 5.0]]]])
        loss = MODELS.build(dict(type="GradientMatchingLoss", scales=2))
        found = loss(target + error, target, target > 0)
        assert found.item() == pytest.approx((1 + 3) / 4 + (4 + 2) / 3)
        column = loss(*(each.mT for each in (target + error, target, target > 0)))
        assert column.item() == pytest.approx(found.item())

    @pytest.mark.parametrize("space", ["depth", "log"])
    def test_an_error_that_is_everywhere_the_same_costs_nothing(self, space):
        _, target = pair(2, 1, 9, 7)
        shifted = target + 3 if space == "depth" else 3 * target
        loss = MODELS.build(dict(type="GradientMatchingLoss", space=space))
        assert loss(shifted, target, target > 0).item() == pytest.approx(0, abs=1e-4)

    def test_images_count_alike_or_by_their_pixels(self):
        prediction, target = pair(2, 1, 8, 8)
        target[1, :, 2:] = 0
        losses = {
            average: MODELS.build(dict(type="GradientMatchingLoss", scales=1, average=average))
            for average in ("images", "pixels")
        }
        valid = target > 0
        alone = [losses["images"](*(each[i : i + 1] for each in (prediction, target, valid)))
                 for i in range(2)]  # fmt: skip
        assert torch.allclose(losses["images"](prediction, target, valid), sum(alone) / 2)
        shares = valid.flatten(1).sum(1) / valid.sum()
        pooled = losses["pixels"](prediction, target, valid)
        assert torch.allclose(pooled, (torch.stack(alone) * shares).sum())

    def test_the_angle_of_a_gradient_is_that_of_its_slope(self):
        # Truth: x = 0, y = 1, angle pi / 2; prediction: x = -1, y = 1, angle -pi / 4.
        target = torch.tensor([[[[1.0, 1.0], [2.0, 2.0]]]])
        prediction = torch.tensor([[[[1.0, 1.0], [3.0, 2.0]]]], requires_grad=True)
        loss = MODELS.build(dict(type="GradientL1Loss"))(prediction, target, target > 0)
        loss.backward()
        assert loss.item() == pytest.approx(1 + 3 / 4 * np.pi, rel=1e-6)
        # As the lower left pixel grows by s, the squared length grows by 2 s, the angle by s / 2,
        # which is too small.
        assert prediction.grad[0, 0, 1, 0].item() == pytest.approx(2 - 1 / 2)


@pytest.mark.parametrize("average", ["images", "pixels"])
def test_silog_with_the_unbiased_variance_is_numpys(average):
    prediction, target = pair(2, 1, 5, 6)
    target[1, :, 1:] = 0
    loss = MODELS.build(dict(type="SILogLoss", gamma=0.5, average=average, unbiased=True))
    error = (prediction.detach().log() - target.log()).double().numpy()
    known = [each[each < np.inf] for each in error]
    parts = known if average == "images" else [np.concatenate(known)]
    expected = np.sqrt(np.mean([d.var(ddof=1) + 0.5 * d.mean() ** 2 for d in parts]))
    assert loss(prediction, target, target > 0).item() == pytest.approx(expected, rel=1e-5)


def test_arguments_of_losses_are_checked():
    for name, arguments in (
        ("SILogLoss", dict(average="batch")),
        ("GradientMatchingLoss", dict(scales=0)),
        ("GradientMatchingLoss", dict(space="metres")),
        ("GradientL1Loss", dict(space="log")),
        ("DirectionL1Loss", dict(average="images")),
    ):
        with pytest.raises(ConfigError, match=f"{name}: {next(iter(arguments))}="):
            MODELS.build(dict(type=name, **arguments))
