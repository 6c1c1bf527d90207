"""The base of all task heads: a 1x1 convolution, losses, and decoding from raw to physical."""

import inspect
from abc import ABCMeta, abstractmethod
from collections import Counter
from collections.abc import Sequence
from typing import Any

import torch
from mmengine.model import BaseModule
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from ...errors import ConfigError
from ...targets import MIRRORED_AXES, Target
from ..layers import resize
from .loss_trial import build_loss, trial_target, try_losses

RawPrediction = Any
"""A task's raw map (N,C,h,w), or a structure that its head's `to_map` turns into one. Under deep
supervision: a dict of these by the stage's name, the final one last."""

FINAL = "final"
"""Name of the stage whose prediction is the task's."""


def final_stage(raw: RawPrediction) -> RawPrediction:
    """Return the prediction of the final stage.

    >>> final_stage(dict(first=1, final=2)), final_stage(3)
    (2, 3)
    """
    return raw[FINAL] if isinstance(raw, dict) else raw


class TriedHead(ABCMeta):
    """Try the losses of every head once it is built, whatever its class adds to the constructor."""

    @property
    def __signature__(cls) -> inspect.Signature:
        """Return the constructor's signature, which `__call__` would hide."""
        built: Any = cls
        _, *parameters = inspect.signature(built.__init__).parameters.values()
        return inspect.Signature(parameters)

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        """Build a head; raise a `ConfigError` for a loss with which it cannot be trained."""
        head = super().__call__(*args, **kwargs)
        if (target := trial_target(head)) is not None:
            try_losses(head, target)
        return head


class TaskHead(BaseModule, metaclass=TriedHead):
    """Predict one task from a feature map.

    To add a head: subclass, set `types`, implement `losses_of` and `decode`, register. The model
    sets `target`, what the task learns, after the head is built.

    Args:
        in_channels: channels of the feature map (filled in by the model). A head whose `forward`
            takes a pyramid gets a tuple, and gives this constructor one number.
        out_channels: channels of the raw prediction.
        loss: config of a loss, or a list of configs whose values are added; a second one of the
            same name is logged as `<name>_x2`.
        dropout: share of feature channels dropped before the prediction.

    Shapes: features (N, in_channels, h, w) -> raw (N, out_channels, h, w).

    Raises:
        ConfigError: the features are a pyramid, or a loss fails its trial (see `try_losses`).
    """

    types: tuple[str, ...] = ()
    """Types of target that the head can learn; default: the one of the class's `target`."""

    target: Target
    """What the head learns; a class may have the one that a task of another name learns."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        # Heads that were written for version 0.1 have a target and no types.
        if not cls.types and hasattr(cls, "target"):
            cls.types = (cls.target.type,)

    decode_is_local: bool = True
    """Whether `decode` and `mergeable` look at each pixel alone, so that some rows of a map are
    decoded as in the whole map. If not, they get whole maps, at the images' size."""
    merges_probabilities: bool = False
    """Whether `mergeable` returns probabilities: of C classes, or with one channel that of 1."""
    merges: tuple[str, ...] = ("mean", "max")
    """How predictions of several views of an image can be merged."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        loss: dict | Sequence[dict],
        dropout: float = 0.0,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if not isinstance(in_channels, int):
            raise ConfigError(
                f"{type(self).__name__} takes one feature map, but gets a pyramid of "
                f"{tuple(in_channels)} channels; set fusion=dict(type='FusionDecoder') in the "
                "BranchedHead or JointHead, or choose a decoder that returns one map."
            )
        self.out_channels = out_channels
        self.dropout = nn.Dropout2d(dropout)
        self.predict = nn.Conv2d(in_channels, out_channels, 1)
        self.loss_functions: Any = nn.ModuleDict()
        seen: Counter[str] = Counter()
        listed = loss if isinstance(loss, (list, tuple)) else [loss]
        # A head of yours may compute its losses itself.
        ours = (type(self).losses_of.__module__ or "").startswith(__package__)
        if not listed and ours:
            raise ConfigError(f"{type(self).__name__}: loss=[]; expected at least one loss.")
        for built in (build_loss(each, self) for each in listed):
            key = loss_key(built)
            seen[key] += 1
            self.loss_functions[key if seen[key] == 1 else f"{key}_x{seen[key]}"] = built

    @classmethod
    def arguments_for(cls, target: Target) -> dict[str, Any]:
        """Return the constructor's arguments that follow from a target, below those of a config."""
        return {}

    def learn(self, task: str, target: Target) -> None:
        """Set the target.

        Raises:
            ConfigError: the head learns targets of another type.
        """
        if target.type not in self.types:
            raise ConfigError(
                f"task_heads.{task}: {type(self).__name__} learns targets of the types "
                f"{list(self.types)}, but {target.truth_name!r} is of the type {target.type!r}. "
                "Leave type out to get the default head, or choose another."
            )
        self.target = target

    def forward(self, features: Tensor) -> RawPrediction:
        return self.predict(self.dropout(features))

    def batch_losses(
        self, raw: RawPrediction, samples: Sequence[SegDataSample], size: tuple[int, int]
    ) -> dict[str, Tensor]:
        """Return the losses of one stage by name, computed at the targets' resolution.

        Args:
            raw: the stage's raw prediction of the whole (padded) input of `size` pixels.
            samples: the batch's samples, with targets no larger than `size`.

        A sample without this task's target counts as one whose pixels are all invalid.
        """
        truth = self.stack_targets(samples, self.to_map(raw).device)
        return self.stage_losses(raw, truth, size)

    def stage_losses(
        self, stage: RawPrediction, truth: Tensor, size: tuple[int, int]
    ) -> dict[str, Tensor]:
        """Return the losses of one stage against the truth (N,C,H,W), H and W within `size`."""
        height, width = truth.shape[2:]
        full = resize(self.to_map(stage).float(), size)[:, :, :height, :width]
        return self.losses_of(full, truth)

    def trial_stage(self, raw: Tensor) -> RawPrediction:
        """Return a stage's raw prediction with the map `raw`, for a trial of the losses."""
        return raw

    @abstractmethod
    def losses_of(self, raw: Tensor, truth: Tensor) -> dict[str, Tensor]:
        """Return the losses of one raw map (N,C,H,W float32) against the truth (N,C,H,W)."""

    @abstractmethod
    def decode(self, raw: Tensor) -> Tensor:
        """Decode a raw map: N,C,H,W -> N,C,H,W in the task's unit.

        With `decode_is_local`, it also gets some rows of a map.
        """

    def to_map(self, stage: RawPrediction) -> Tensor:
        """Return the raw map (N,C,h,w) of one stage, which is then resized, merged and decoded."""
        return stage

    def stack_targets(self, samples: Sequence[SegDataSample], device: torch.device) -> Tensor:
        """Stack the truth of a batch to N,C,H,W; where a sample has none it is all invalid."""
        truths = [sample.get(self.target.truth) for sample in samples]
        found = [None if truth is None else truth.data.to(device) for truth in truths]
        first = next((truth for truth in found if truth is not None), None)
        if first is None:
            size = samples[0].metainfo["img_shape"][:2]
            first = torch.empty(self.target.channels, *size, device=device)
        missing = torch.full_like(first, self.target.invalid)
        return torch.stack([missing if truth is None else truth for truth in found])

    def unflip(self, raw: Tensor, direction: str) -> Tensor:
        """Undo a flip on a raw map (..., C,H,W); raw vectors are mirrored as well.

        Args:
            raw: raw map of the flipped image.
            direction: "horizontal", "vertical" or "diagonal" (both), as in the sample's metainfo.
        """
        axes = MIRRORED_AXES[direction]
        flipped = raw.flip([-1 - axis for axis in axes])
        if self.target.vector:
            signs = torch.ones(self.target.channels, 1, 1, device=raw.device, dtype=raw.dtype)
            signs[list(axes)] = -1
            flipped = flipped * signs
        return flipped

    def rescale(self, raw: Tensor, factors: tuple[float, float]) -> Tensor:
        """Correct a raw map that was resized, where its unit is pixels.

        Args:
            raw: map (..., C,H,W) after resizing.
            factors: of width and height by which the image would be enlarged to the new size.
        """
        if self.target.type == "offset" and factors != (1.0, 1.0):
            return raw * raw.new_tensor(factors).view(2, 1, 1)
        return raw

    def mergeable(self, raw: Tensor) -> Tensor:
        """Map a raw map (N,C,H,W) to the space in which views of an image are merged."""
        return self.decode(raw)

    def merged(self, views: Tensor) -> Tensor:
        """Return the prediction for the mean or maximum of `mergeable` maps."""
        return views


def loss_key(loss: nn.Module) -> str:
    """Return the name under which a loss is logged: 'loss_silog' becomes 'silog'.

    The prefix goes because mmengine adds up every value whose name contains "loss".
    """
    name = getattr(loss, "loss_name", type(loss).__name__.lower())
    return name.removeprefix("loss_")
