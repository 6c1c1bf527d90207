"""Losses: what no mask, order, scale or value of an invalid pixel may change."""

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from mmseg.registry import MODELS
from torch.utils._python_dispatch import TorchDispatchMode

from tests.properties import PROPERTY

CONFIGS = dict(
    SILogLoss=[{}, dict(gamma=0.0), dict(average="pixels", unbiased=True)],
    MaskedL1Loss=[{}],
    MaskedL2Loss=[{}],
    BerHuLoss=[dict(threshold=0.3)],
    BinsChamferLoss=[{}],
    GradientMatchingLoss=[{}, dict(average="images", scales=2), dict(space="log")],
    GradientL1Loss=[{}],
    CosineLoss=[{}],
    DirectionL1Loss=[{}, dict(average="components")],
    EndPointLoss=[{}],
    BinaryCrossEntropyLoss=[{}, dict(positive_weight=20.0)],
    BalancedCrossEntropyLoss=[{}, dict(positive_weight=0.95)],
    MaskedCrossEntropyLoss=[{}, dict(class_weight=[0.5, 0.0, 2.0], label_smoothing=0.1)],
    MaskedFocalLoss=[{}, dict(gamma=0.5, class_weight=[0.5, 0.0, 2.0]), dict(gamma=0.0)],
    MaskedOHEMLoss=[{}, dict(threshold=0.2, share=0.5, class_weight=[0.5, 0.0, 2.0])],
    MaskedDiceLoss=[{}],
    MaskedLovaszLoss=[{}],
)
"""Arguments of every registered loss."""
LABELS = (
    "MaskedCrossEntropyLoss", "MaskedFocalLoss", "MaskedOHEMLoss", "MaskedDiceLoss",
    "MaskedLovaszLoss",
)  # fmt: skip
"""Losses of class ids."""
MASKS = ("BinaryCrossEntropyLoss", "BalancedCrossEntropyLoss")
DIRECTIONS = ("CosineLoss", "DirectionL1Loss")
WITH_IDS = (*LABELS, *MASKS)
ALL = [dict(type=name, **each) for name, configs in CONFIGS.items() for each in configs]
SILOG = [dict(type="SILogLoss", **each) for each in CONFIGS["SILogLoss"][:2]]
"""Those of each image, whose mean is written here by hand."""
METRIC = [
    dict(type=name)
    for name in ("MaskedL1Loss", "MaskedL2Loss", "BerHuLoss", "GradientMatchingLoss")
]
GARBAGE = st.sampled_from([0.0, -5.0, 1e-30, 1e30, float("inf"), float("-inf"), float("nan")])
IDS, NUMBERS = [255, 65535], [0.0, float("nan")]
"""What invalid pixels hold."""
SHAPES = st.tuples(st.integers(1, 4), st.integers(1, 5), st.integers(1, 5))
SHARES = st.sampled_from([0.0, 0.1, 0.5, 1.0])


class Case:
    """A loss, its prediction, its target with invalid pixels, and where it is valid."""

    def __init__(self, config, shape, share, seed, invalid):
        random = torch.Generator().manual_seed(seed)
        (count, height, width), self.kind = shape, config["type"]
        self.loss = MODELS.build(config)
        self.invalid = invalid
        self.valid = torch.rand(count, 1, height, width, generator=random) < share
        # The whole range of depths, from the nearest to the farthest.
        depth = 10 ** (torch.rand(2, count, 1, height, width, generator=random) * 5 - 2)
        self.prediction, self.target = depth
        if self.kind == "BinsChamferLoss":
            self.prediction = 10 ** (torch.rand(count, 6, generator=random) * 5 - 2)
        if self.kind in DIRECTIONS:
            vectors = torch.randn(2, count, 3, height, width, generator=random)
            self.prediction, self.target = vectors[0], vectors[1] / vectors[1].norm(dim=1)[:, None]
        if self.kind == "EndPointLoss":
            vectors = torch.randn(2, count, 2, height, width, generator=random) * 100
            self.prediction, self.target = vectors
        if self.kind in MASKS:
            self.prediction = torch.randn(count, 1, height, width, generator=random) * 20
            self.target = torch.randint(0, 2, self.valid.shape, generator=random)
        if self.labels:
            self.prediction = torch.randn(count, 3, height, width, generator=random) * 20
            self.target = torch.randint(0, 3, (count, height, width), generator=random)
        self.target = self.target.where(self.mask, invalid)

    @property
    def labels(self):
        return self.kind in LABELS

    @property
    def ids(self):
        return not self.target.is_floating_point()

    @property
    def mask(self):
        return self.valid[:, 0] if self.labels else self.valid

    def evaluate(self, prediction=None, order=slice(None), factor=1.0):
        """Return the loss and its gradient."""
        prediction = self.prediction if prediction is None else prediction
        prediction = (factor * prediction[order]).requires_grad_()
        target = self.target[order] * (1 if self.ids else factor)
        given = self.invalid if self.labels else self.valid[order]
        loss = self.loss(prediction, target, given)
        loss.backward()
        return loss.item(), prediction.grad


def cases(configs):
    return st.sampled_from(configs).flatmap(
        lambda config: st.builds(
            Case, st.just(config), SHAPES, SHARES, st.integers(0, 9999),
            st.sampled_from(IDS if config["type"] in WITH_IDS else NUMBERS),
        )
    )  # fmt: skip


def test_every_loss_has_a_case():
    module = "mtl_plugins.models.losses."
    found = {
        name for name, item in MODELS.module_dict.items() if item.__module__.startswith(module)
    }
    assert found == {*CONFIGS}


class Operations(TorchDispatchMode):
    """Collect the names of the operations, with "float" for one of floating-point numbers."""

    def __init__(self):
        super().__init__()
        self.names = set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket.__name__
        self.names.add(name)
        if any(isinstance(each, torch.Tensor) and each.is_floating_point() for each in args):
            self.names.add(f"float {name}")
        return func(*args, **(kwargs or {}))


RANDOM_ON_A_GPU = {
    "nll_loss2d_forward", "nll_loss2d_backward", "float cumsum", "histc", "put_", "median",
    "grid_sampler_2d_backward", "reflection_pad2d_backward", "_adaptive_avg_pool2d_backward",
    "adaptive_max_pool2d_backward", "upsample_bilinear2d_backward",
}  # fmt: skip
"""What `torch.use_deterministic_algorithms` refuses on CUDA, from its documentation."""


@pytest.mark.parametrize("config", ALL, ids=str)
def test_a_loss_has_deterministic_algorithms_on_a_gpu(config):
    case = Case(config, (2, 4, 5), 0.5, 0, 255 if config["type"] in WITH_IDS else 0.0)
    with Operations() as used:
        case.evaluate()
    assert used.names and not used.names & RANDOM_ON_A_GPU


def garbled(case, value):
    """The prediction with another value wherever nothing is known."""
    if case.kind == "BinsChamferLoss":
        return case.prediction
    return case.prediction.where(case.valid, torch.tensor(value))


@pytest.mark.parametrize("config", ALL, ids=str)
@PROPERTY
@given(data=st.data(), value=GARBAGE)
def test_any_mask_gives_a_finite_loss_of_the_valid_pixels_alone(config, data, value):
    case = data.draw(cases([config]))
    loss, gradient = case.evaluate()
    assert np.isfinite(loss) and loss >= 0 and torch.isfinite(gradient).all()
    if not case.valid.any():
        assert loss == 0 and not gradient.any()
    if case.labels:
        value = min(max(np.nan_to_num(value), -1e30), 1e30)
    again, moved = case.evaluate(garbled(case, value))
    assert again == pytest.approx(loss, rel=1e-6)
    assert torch.allclose(moved, gradient, rtol=1e-5)
    if case.kind != "BinsChamferLoss":
        assert not moved.where(~case.valid, torch.zeros(())).any()


@PROPERTY
@given(cases(ALL), st.randoms(use_true_random=False))
def test_the_order_of_the_batch_does_not_matter(case, random):
    order = [*range(len(case.target))]
    random.shuffle(order)
    loss, gradient = case.evaluate()
    again, permuted = case.evaluate(order=order)
    assert again == pytest.approx(loss, rel=1e-5, abs=1e-7)
    assert torch.allclose(permuted, gradient[order], rtol=1e-4, atol=1e-7)


@PROPERTY
@given(cases(SILOG), st.floats(0.5, 20))
def test_silog_depends_only_on_ratios(case, factor):
    """Another unit for both changes nothing; for one of them only what gamma says."""
    # Depths below eps count as eps.
    assume(factor * 0.01 >= case.loss.eps)
    loss, _ = case.evaluate()
    assert case.evaluate(factor=factor)[0] == pytest.approx(loss, rel=1e-3, abs=1e-5)
    scaled, _ = case.evaluate(factor * case.prediction)
    if case.loss.gamma == 0:
        assert scaled == pytest.approx(loss, rel=1e-3, abs=1e-5)
    # All of the mean is forgiven in the variance: the rest is that of the mean.
    images = case.valid.flatten(1).any(1)
    if images.any():
        error = (case.prediction.log() - case.target.log()).where(case.valid, torch.zeros(()))
        mean = error.sum((1, 2, 3)) / case.valid.sum((1, 2, 3)).clamp(min=1)
        moved = (mean + np.log(factor)).square() - mean.square()
        expected = loss**2 + case.loss.gamma * moved[images].mean().item()
        assert scaled**2 == pytest.approx(expected, rel=1e-2, abs=1e-4)


@PROPERTY
@given(cases(METRIC), st.floats(0.01, 100))
def test_metric_losses_have_the_unit_of_their_error(case, factor):
    loss, _ = case.evaluate()
    power = 2 if case.kind == "MaskedL2Loss" else 1
    scaled, _ = case.evaluate(factor=factor)
    assert scaled == pytest.approx(loss * factor**power, rel=1e-4, abs=1e-6)


@PROPERTY
@given(cases([dict(type=name) for name in DIRECTIONS]), st.floats(0.1, 1e6))
def test_the_length_of_a_predicted_normal_does_not_matter(case, factor):
    loss, _ = case.evaluate()
    # Short ones count as undecided.
    long = case.prediction / case.prediction.norm(dim=1, keepdim=True)
    assert case.evaluate(factor * long)[0] == pytest.approx(case.evaluate(long)[0], abs=1e-4)
    assert loss <= 2 * 3**0.5 + 1e-6  # 2 for 1 - cos; |a| + |b| + |c| <= sqrt(3) * length
