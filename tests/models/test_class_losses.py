"""Losses of classes: published definitions on pixels computed by hand, and without any label."""

import numpy as np
import pytest
import torch
from mmseg.registry import MODELS

from mtl_plugins.errors import ConfigError

PROBABILITIES = [[0.9, 0.05, 0.05], [0.6, 0.3, 0.1], [0.2, 0.2, 0.6], [0.1, 0.8, 0.1], [1, 1, 1]]
"""Of three classes at five pixels; the last pixel has no label."""
LABELS = [0, 1, 2, 0, 255]
OWN = [0.9, 0.3, 0.6, 0.1]
"""Probability of each labelled pixel's class."""
NAMES = [
    "MaskedCrossEntropyLoss", "MaskedFocalLoss", "MaskedOHEMLoss", "MaskedDiceLoss",
    "MaskedLovaszLoss",
]  # fmt: skip
WEIGHTED = NAMES[:3]


def pixels():
    logits = torch.tensor(PROBABILITIES).log().T.reshape(1, 3, 1, 5).clone().requires_grad_()
    return logits, torch.tensor(LABELS).view(1, 1, 5)


def loss_of(name, **arguments):
    logits, label = pixels()
    loss = MODELS.build(dict(type=name, **arguments))(logits, label)
    loss.backward()
    assert not logits.grad[..., -1].any()
    return loss.item()


def costs(power=0.0):
    own = np.array(OWN)
    return -((1 - own) ** power) * np.log(own)


def test_focal_loss_by_hand():
    # Lin et al., equation 4: -(1 - p)^gamma log p; the weights of equation 5 divide the mean.
    assert loss_of("MaskedFocalLoss") == pytest.approx(costs(2).mean(), rel=1e-5)
    assert loss_of("MaskedFocalLoss", gamma=0.5) == pytest.approx(costs(0.5).mean(), rel=1e-5)
    weights = [1.0, 4.0, 0.0]
    expected = np.average(costs(2), weights=[1, 4, 0, 1])
    found = loss_of("MaskedFocalLoss", class_weight=weights, loss_weight=2.0)
    assert found == pytest.approx(2 * expected, rel=1e-5)


def test_hard_example_mining_by_hand():
    # Below 0.7 are 0.3, 0.6 and 0.1; of four pixels the hardest half are 0.1 and 0.3.
    hard = costs()[[1, 2, 3]].mean()
    assert loss_of("MaskedOHEMLoss", threshold=0.7) == pytest.approx(hard, rel=1e-5)
    two = dict(threshold=0.05, share=0.5)
    assert loss_of("MaskedOHEMLoss", **two) == pytest.approx(costs()[[1, 3]].mean(), rel=1e-5)
    weighted = np.average(costs()[[1, 3]], weights=[4, 1])
    found = loss_of("MaskedOHEMLoss", **two, class_weight=[1, 4, 0])
    assert found == pytest.approx(weighted, rel=1e-5)
    assert loss_of("MaskedOHEMLoss", share=1.0) == pytest.approx(costs().mean(), rel=1e-5)


def test_dice_loss_by_hand():
    # Class 0 has 0.9 + 0.1 of its two pixels, and all pixels say 0.9 + 0.6 + 0.2 + 0.1 of it.
    dice = [2 * 1.0 / (1.8 + 2), 2 * 0.3 / (1.35 + 1), 2 * 0.6 / (0.85 + 1)]
    assert loss_of("MaskedDiceLoss") == pytest.approx(1 - np.mean(dice), rel=1e-5)


def jaccard(errors, truth):
    """Berman et al., equation 8: each error times the growth of the loss by its pixel."""
    order = np.argsort(-errors, kind="stable")
    total, before = 0.0, 0.0
    for count in range(1, len(order) + 1):
        wrong = np.zeros(len(order), bool)
        wrong[order[:count]] = True
        now = 1 - (truth & ~wrong).sum() / (truth | wrong).sum()
        total += errors[order[count - 1]] * (now - before)
        before = now
    return total


def test_lovasz_loss_is_the_extension_of_the_jaccard_loss():
    probabilities, labels = np.array(PROBABILITIES[:4]), np.array(LABELS[:4])
    truths = [labels == index for index in range(3)]
    losses = [jaccard(np.abs(t - p), t) for t, p in zip(truths, probabilities.T, strict=True)]
    assert loss_of("MaskedLovaszLoss") == pytest.approx(np.mean(losses), rel=1e-5)
    # Of class 1, in steps: errors 0.8 (no pixel of it), 0.7 (its own), 0.2 and 0.05 (none).
    by_hand = 0.8 * 1 / 2 + 0.7 * 1 / 2
    assert losses[1] == pytest.approx(by_hand)


def test_edges_count_by_their_weight_by_hand():
    # -(w y log p + (1 - y) log(1 - p)), the mean over the pixels with a truth.
    logits = torch.tensor([0.9, 0.2, 0.5]).logit().view(1, 1, 1, 3)
    target = torch.tensor([1, 0, 255]).view(1, 1, 1, 3)
    loss = MODELS.build(dict(type="BinaryCrossEntropyLoss", positive_weight=4.0))
    expected = (-4 * np.log(0.9) - np.log(0.8)) / 2
    assert loss(logits, target, target != 255).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("ignored", [255, 65535])
def test_nothing_labelled_is_zero_with_a_graph(name, ignored):
    weights = dict(class_weight=[1.0, 0.0, 3.0]) if name in WEIGHTED else {}
    logits = torch.randn(2, 3, 4, 5, requires_grad=True)
    label = torch.full((2, 4, 5), ignored)
    loss = MODELS.build(dict(type=name, **weights))(logits, label, ignore_index=ignored)
    loss.backward()
    assert loss.item() == 0 and logits.grad is not None and not logits.grad.any()


@pytest.mark.parametrize("name", WEIGHTED)
@pytest.mark.parametrize(
    "weights", [[1.0, -1.0], [1.0, float("inf")], [float("nan")], [0.0, 0.0], ["a"], 3.0, []]
)
def test_weights_that_mean_nothing_are_refused(name, weights):
    with pytest.raises(ConfigError, match=f"{name}: class_weight=.*expected a finite number of at"):
        MODELS.build(dict(type=name, class_weight=weights))
    with pytest.raises(ConfigError, match=r"'a\.json' is a file.*Give the numbers"):
        MODELS.build(dict(type=name, class_weight="a.json"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(threshold=1.0), r"threshold=1.0; expected one in \(0, 1\)"),
        (dict(threshold=0), "threshold=0"),
        (dict(share=0.0), r"share=0.0; expected one in \(0, 1\]"),
        (dict(share=1.5), "share=1.5"),
    ],
)
def test_shares_of_hard_pixels_are_checked(arguments, message):
    with pytest.raises(ConfigError, match=f"MaskedOHEMLoss: {message}"):
        MODELS.build(dict(type="MaskedOHEMLoss", **arguments))
