"""Surface normals: the loss by hand, safe gradients, and mirrored maps."""

import pytest
import torch
from mmseg.registry import MODELS

from mtl_plugins.errors import ConfigError
from mtl_plugins.models.losses import CosineLoss
from mtl_plugins.models.task_heads import DepthHead, NormalsHead


def vectors(*columns):
    """1,3,1,W from one x, y, z a column."""
    return torch.tensor(columns, dtype=torch.float32).T[None, :, None]


def test_cosine_loss_by_hand():
    # cos = 1, 0.6, -1 and a pixel without truth: (0 + 0.4 + 2) / 3; lengths do not matter.
    target = vectors((0, 0, 1), (0.6, 0, 0.8), (0, 1, 0), (0, 0, 0))
    prediction = vectors((0, 0, 7), (3, 0, 0), (0, -0.5, 0), (1, 2, 3)).requires_grad_()
    valid = target.any(1, keepdim=True)
    loss = CosineLoss()(prediction, target, valid)
    loss.backward()
    assert loss.item() == pytest.approx(0.8, abs=1e-5)
    # d(1 - cos)/dp = (p cos / |p| - t) / |p| = ((0.6, 0, 0) - (0.6, 0, 0.8)) / 3, over 3 pixels.
    assert prediction.grad[0, :, 0, 1].tolist() == pytest.approx([0, 0, -0.8 / 9], abs=1e-5)
    assert (prediction.grad[..., 3] == 0).all()
    assert CosineLoss(loss_weight=3.0)(prediction, target, valid).item() == pytest.approx(2.4, 1e-5)


@pytest.mark.parametrize("value", [0.0, 1e30, float("inf"), float("nan")])
def test_values_at_invalid_pixels_do_not_matter(value):
    target = vectors((0, 0, 1), (0, 0, 0))
    prediction = vectors((0, 1, 1), (value, value, value)).requires_grad_()
    loss = CosineLoss()(prediction, target, target.any(1, keepdim=True))
    loss.backward()
    assert loss.item() == pytest.approx(1 - 0.5**0.5, abs=1e-5)
    assert torch.isfinite(prediction.grad).all() and (prediction.grad[..., 1] == 0).all()


def test_nothing_valid_is_zero_with_a_graph():
    prediction = torch.rand(2, 3, 4, 5, requires_grad=True)
    loss = CosineLoss()(prediction, torch.zeros(2, 3, 4, 5), torch.zeros(2, 1, 4, 5) > 0)
    loss.backward()
    assert loss.item() == 0 and (prediction.grad == 0).all()


def test_float32_under_autocast_and_half_precision_inputs():
    target = torch.nn.functional.normalize(torch.randn(2, 3, 8, 8), dim=1)
    valid = torch.ones(2, 1, 8, 8, dtype=torch.bool)
    half = torch.randn(2, 3, 8, 8).to(torch.bfloat16)
    with torch.autocast("cpu", torch.bfloat16):
        loss = CosineLoss()(half, target, valid)
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(CosineLoss()(half.float(), target, valid).item(), rel=1e-6)


def test_a_raw_vector_of_length_zero_is_safe():
    head = NormalsHead(4)
    truth = torch.zeros(1, 3, 2, 2)
    truth[:, 2] = 1
    raw = torch.zeros(1, 3, 2, 2, requires_grad=True)
    loss = head.losses_of(raw, truth)["cosine"]
    (loss + head.decode(raw).sum()).backward()
    assert loss.item() == 1 and torch.isfinite(raw.grad).all()
    assert torch.autograd.grad(head.losses_of(raw, truth)["cosine"], raw)[0].abs().max() <= 250
    assert (head.decode(raw) == 0).all()


def test_predictions_are_unit_vectors():
    lengths = NormalsHead(4).decode(torch.randn(2, 3, 8, 8) * 50).norm(dim=1)
    assert torch.allclose(lengths, torch.ones(2, 8, 8), atol=1e-6)


def test_other_losses_are_refused():
    with pytest.raises(ConfigError, match="MaskedL1Loss is no loss of normals"):
        NormalsHead(4, loss=dict(type="MaskedL1Loss"))


# Pixels of one row: (1, 2, 3) and (4, 5, 6); of the column below: (7, 8, 9) and (10, 11, 12).
RAW = torch.tensor([[[1, 4], [7, 10]], [[2, 5], [8, 11]], [[3, 6], [9, 12]]], dtype=torch.float32)


@pytest.mark.parametrize(
    ("direction", "first"),
    [("horizontal", (-4, 5, 6)), ("vertical", (7, -8, 9)), ("diagonal", (-10, -11, 12))],
)
def test_unflip_moves_the_map_and_mirrors_the_vectors(direction, first):
    head = NormalsHead(4)
    assert head.unflip(RAW, direction)[:, 0, 0].tolist() == list(first)
    assert torch.equal(head.unflip(head.unflip(RAW, direction), direction), RAW)
    plain = DepthHead(4).unflip(RAW[:1], direction)
    assert plain[0, 0, 0] == abs(first[0])


def test_a_head_learns_the_direction_of_a_plane():
    torch.manual_seed(0)
    head = MODELS.build(dict(type="NormalsHead", in_channels=2))
    truth = torch.tensor([0.0, -0.6, -0.8]).view(1, 3, 1, 1).expand(1, 3, 4, 4)
    optimizer = torch.optim.Adam(head.parameters(), lr=0.1)
    for _ in range(60):
        optimizer.zero_grad()
        head.losses_of(head(torch.ones(1, 2, 4, 4)), truth)["cosine"].backward()
        optimizer.step()
    with torch.no_grad():
        found = head.decode(head(torch.ones(1, 2, 4, 4)))
    assert torch.allclose(found, truth, atol=0.02)
