"""The Chamfer loss equals the formula over the whole bins x pixels matrix, without that matrix."""

import pytest
import torch
from mmseg.registry import MODELS
from torch.autograd.graph import saved_tensors_hooks


def build(**kwargs):
    return MODELS.build(dict(type="BinsChamferLoss", **kwargs))


def dense(centres, target, valid):
    """The formula, with every distance written out."""
    per_image = []
    for c, y, v in zip(centres, target, valid, strict=True):
        if v.any():
            distance = (c[:, None] - y[v][None]).square()
            per_image.append(distance.min(1).values.mean() + distance.min(0).values.mean())
    return torch.stack(per_image).mean()


def case(images, bins, height, width, share=0.7):
    """Unsorted centres and depths (reaching beyond each other), a share of the depths valid."""
    centres = (torch.rand(images, bins) * 60 + 20).requires_grad_()
    target = torch.rand(images, 1, height, width) * 60 + 1
    target[torch.rand_like(target) > share] = 0
    return centres, target, target > 0


def test_by_hand():
    # Centres to depths: (2-1)^2, (7-4)^2; depths to centres: (1-2)^2, (4-2)^2.
    target = torch.tensor([[[[4.0, 0.0, 1.0]]]])
    centres = torch.tensor([[7.0, 2.0]], requires_grad=True)
    loss = build()(centres, target, target > 0)
    loss.backward()
    assert loss.item() == (1 + 9) / 2 + (1 + 4) / 2
    assert centres.grad.tolist() == [[3.0, (2 + 2 - 4) / 2]]


@pytest.mark.parametrize("bins", [1, 2, 7, 200])
@pytest.mark.parametrize("size", [(1, 1), (3, 5), (20, 30)])
def test_value_and_gradient_are_the_dense_formulas(bins, size):
    centres, target, valid = case(3, bins, *size)
    target[0, 0, 0, 0], valid[0, 0, 0, 0] = 30.0, True
    loss = build()(centres, target, valid)
    expected = dense(centres, target, valid)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    (gradient,) = torch.autograd.grad(loss, centres)
    (wanted,) = torch.autograd.grad(expected, centres)
    assert torch.allclose(gradient, wanted, rtol=1e-4, atol=1e-5)


def test_bins_at_the_depths_cost_nothing():
    target = torch.tensor([[[[5.0, 1.0, 9.0, 5.0]]]])
    centres = torch.tensor([[9.0, 5.0, 1.0]], requires_grad=True)
    loss = build()(centres, target, target > 0)
    loss.backward()
    assert loss.item() == 0 and (centres.grad == 0).all()


def test_invalid_depths_do_not_matter():
    centres, target, valid = case(2, 9, 6, 7)
    loss = build()(centres, target, valid)
    for value in (-1e30, 25.0, float("inf"), float("nan")):
        again = build()(centres, target.where(valid, torch.tensor(value)), valid)
        assert again.item() == loss.item()
        again.backward()
        assert torch.isfinite(centres.grad).all()


def test_an_image_without_depth_does_not_dilute_the_others():
    centres, target, valid = case(2, 9, 6, 7)
    valid[1] = False
    loss = build()(centres, target, valid)
    loss.backward()
    assert loss.item() == build()(centres[:1], target[:1], valid[:1]).item()
    assert centres.grad[0].any() and (centres.grad[1] == 0).all()


def test_nothing_valid_is_zero_with_a_graph():
    centres, target, _ = case(2, 9, 6, 7)
    loss = build()(centres, target, torch.zeros_like(target, dtype=torch.bool))
    loss.backward()
    assert loss.item() == 0 and (centres.grad == 0).all()


def test_float32_under_autocast_and_weighted():
    centres, target, valid = case(2, 9, 6, 7)
    half = centres.detach().bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        loss = build(loss_weight=0.1)(half, target, valid)
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(0.1 * dense(half.float(), target, valid).item(), rel=1e-5)


def test_memory_is_linear_in_bins_plus_pixels():
    bins, pixels = 64, 40 * 50
    largest = []

    def pack(tensor):
        largest.append(tensor.numel())
        return tensor

    with saved_tensors_hooks(pack, lambda tensor: tensor):
        build()(*case(1, bins, 40, 50))
    assert max(largest) <= bins + pixels
