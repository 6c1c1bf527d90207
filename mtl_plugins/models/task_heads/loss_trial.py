"""Trial of a head's losses on a few pixels, before anything is trained with them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from copy import deepcopy
from math import isqrt
from typing import Any

import torch
from mmseg.registry import MODELS
from torch import Tensor, nn

from ...errors import ConfigError, MTLError
from ...targets import Target

INSTEAD: dict[str, str] = {
    "BoundaryLoss": "a target of type 'binary', which BinaryCrossEntropyLoss trains",
    "DiceLoss": "MaskedDiceLoss",
    "FocalLoss": "MaskedFocalLoss",
    "HuasdorffDisstanceLoss": "MaskedLovaszLoss",
    "LovaszLoss": "MaskedLovaszLoss",
    "OhemCrossEntropy": "MaskedOHEMLoss",
    "TverskyLoss": "MaskedDiceLoss",
}
"""Name of a loss of mmseg -> the counterpart, for classes."""

USUAL: dict[str, str] = dict(
    classes="MaskedCrossEntropyLoss",
    binary="BinaryCrossEntropyLoss or BalancedCrossEntropyLoss",
    scalar="MaskedL1Loss, MaskedL2Loss or BerHuLoss",
    distance="SILogLoss, MaskedL1Loss, MaskedL2Loss or BerHuLoss",
    direction="CosineLoss or DirectionL1Loss",
    offset="EndPointLoss",
)
"""Form of a target -> losses for it."""

IMAGES = 3
LARGEST_SIDE = 32
"""Images of the trial, and their height in pixels; a loss may look at windows of some pixels."""

VALUES = 2**15
"""Raw values of an image, which limit its height for a head with many classes."""

NOISE = 1e-6
"""Gradient at unlabelled pixels, relative to the largest one, that rounding may leave."""


def build_loss(config: Any, head: Any) -> nn.Module:
    """Build a loss of a head from its config.

    Raises:
        ConfigError: it is no config, or the loss refuses its arguments.
    """
    if not isinstance(config, Mapping) or "type" not in config:
        raise ConfigError(
            f"{type(head).__name__}: loss={config!r}; expected dict(type=..., ...), or a list of "
            "such dicts."
        )
    try:
        return MODELS.build(dict(config))
    except MTLError:
        raise
    except KeyError:
        raise  # the name is not registered; the registry's own error says so
    except Exception as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise ConfigError(
            f"{type(head).__name__}: loss={dict(config)} cannot be built: {reason}. "
            f"{_alternative(head, str(config.get('type')))}"
        ) from error


def _alternative(head: Any, name: str) -> str:
    """Return the sentence that names the loss to use in the place of another."""
    target = trial_target(head)
    if target is None:
        return "Correct it, or choose another loss."
    usual = USUAL[target.form]
    return f"Use {INSTEAD.get(name, usual) if target.type == 'classes' else usual}."


def trial_target(head: Any) -> Target | None:
    """Return a target that a head could learn, for a trial before it knows its own.

    None for a head that names no type.
    """
    if not head.types:
        return None
    if "classes" in head.types:
        names = tuple(map(str, range(head.out_channels)))
        return Target("trial", "classes", classes=names)
    own = getattr(head, "target", None)
    return own if own is not None else Target("trial", head.types[0])


def try_losses(head: Any, target: Target) -> None:
    """Compute the losses of a copy of a head on a few pixels, on the head's device.

    Raises:
        ConfigError: a loss fails, is no finite number, has a gradient at pixels without truth, or
            is not 0 (with a graph) where there is no truth at all.
    """
    device = next((each.device for each in head.parameters()), torch.device("cpu"))
    if device.type == "meta":
        return
    with ExitStack() as stack:
        # Neither the trial's random numbers nor its statistics of losses may change a training.
        devices = [] if device.type == "cpu" else [device]
        stack.enter_context(torch.random.fork_rng(devices, device_type=device.type))
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.enable_grad())
        stack.enter_context(torch.device(device))
        copy = deepcopy(head)
        copy.target = target
        for known in _masks(head.out_channels):
            _check(copy, target, known)


def try_losses_of(model: nn.Module) -> None:
    """Try the losses of all heads of a model, for their own targets and where the model is.

    Raises:
        ConfigError: as `try_losses`.
    """
    for module in model.modules():
        target = getattr(module, "target", None)
        if hasattr(module, "trial_stage") and isinstance(target, Target):
            try_losses(module, target)


def _masks(channels: int) -> list[Tensor]:
    """Return which pixels have a truth, N,1,H,W: some, a single one, and none."""
    side = max(4, min(LARGEST_SIDE, isqrt(VALUES // channels)))
    # Not square, and not as wide as there are classes, which would hide weights of columns.
    width = side + 1 + (side + 1 == channels)
    none = torch.zeros(IMAGES, 1, side, width, dtype=torch.bool)
    single, some = none.clone(), none.clone()
    single[0, 0, 1, 2] = True
    some[0, 0, :, ::2] = True  # half of an image, a pixel of the next one, none of the last one
    some[1, 0, 2, 1] = True
    return [some, single, none]


def _check(head: Any, target: Target, known: Tensor) -> None:
    """Try the losses for truth at the `known` pixels N,1,H,W."""
    count, _, *size = known.shape
    shape = (count, head.out_channels, *size)
    # Above 0, because some heads' raw maps are metres.
    raw = torch.linspace(0.5, 1.5, known.numel() * head.out_channels).view(shape)
    raw = raw.roll(7, 3).requires_grad_()
    truth = _truth(target, head, known)
    entered: list[nn.Module] = []
    for loss in head.modules():
        if loss is not head:
            loss.register_forward_pre_hook(lambda module, _: entered.append(module))
    try:
        losses = head.stage_losses(head.trial_stage(raw), truth, tuple(size))
    except Exception as error:
        if not entered:
            return  # the head's own fault: it may be one that is never trained
        loss = entered[-1]
        text = str(error).split("\n")[0] or type(error).__name__
        raise _refusal(head, loss, f"fails ({type(error).__name__}: {text})", known) from error
    for name, value in losses.items():
        if problem := _problem(value, raw, known):
            loss = dict(head.loss_functions).get(name, name)
            raise _refusal(head, loss, problem, known)


def _problem(loss: Any, raw: Tensor, known: Tensor) -> str:
    """Return what is wrong with the value of a loss; empty if nothing is."""
    if not isinstance(loss, Tensor) or loss.numel() != 1:
        shape = tuple(loss.shape) if isinstance(loss, Tensor) else type(loss).__name__
        return f"gives {shape} instead of one number"
    if not loss.isfinite().all():
        return f"is {loss.item()}"
    if not known.any() and loss.item() != 0:
        return f"is {loss.item():.4g} instead of 0"
    if not loss.requires_grad:
        return "has no gradient, not even one of 0"
    (gradient,) = torch.autograd.grad(loss.sum(), raw, retain_graph=True, allow_unused=True)
    if gradient is None:
        return ""  # it compares something else, such as the centres of bins
    if not gradient.isfinite().all():
        return "has a gradient that is not finite"
    size = gradient.abs()
    unknown = size.where(~known, 0.0).max().item()
    if unknown > NOISE * size.max().item():
        return "has a gradient at pixels without truth"
    return ""


def _refusal(head: Any, loss: Any, problem: str, known: Tensor) -> ConfigError:
    where = {0: "none of the pixels has a truth", 1: "a single pixel has a truth"}
    place = where.get(int(known.sum()), "some of the pixels have no truth")
    name = loss if isinstance(loss, str) else type(loss).__name__
    return ConfigError(
        f"{type(head).__name__}: the loss {name} {problem} if {place}. A loss must be one finite "
        "number, without a gradient at pixels without truth, and 0 (with a graph) without any "
        f"truth. {_alternative(head, name)}"
    )


def _truth(target: Target, head: Any, known: Tensor) -> Tensor:
    """Return a truth N,C,H,W of a target that every pixel could have, at the `known` ones."""
    count, _, *size = known.shape
    order = torch.arange(known.numel()).view(count, 1, *size)
    if target.integer:
        ids = head.out_channels if target.type == "classes" else 2
        return (order % max(ids, 1)).where(known, int(target.invalid))
    low, high = target.range or (1.0, 10.0)
    values = torch.cat([(order + 3 * c) % 11 for c in range(target.channels)], 1) / 10
    values = low + (high - low) * (0.1 + 0.8 * values)
    if target.type == "direction":
        values = nn.functional.normalize(values, dim=1)
    return values.where(known, target.invalid)
