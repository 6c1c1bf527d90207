"""The branched arrangement: one decoder per task behind the shared encoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmseg.registry import MODELS
from torch import Tensor, nn

from ...errors import ConfigError
from ...utils import did_you_mean
from ..task_heads.task_head import RawPrediction
from .multi_task_head import MultiTaskHead, Share

Pyramid = Sequence[Tensor] | Mapping[str, Sequence[Tensor]]
"""The levels of one encoder, or of each task's encoder."""


@MODELS.register_module()
class BranchedHead(MultiTaskHead):
    """Decode separately for each task, so that tasks share only the encoder.

    Behind `TaskEncoders` each task's decoder gets its own pyramid, and tasks share nothing.

    Args:
        in_channels, strides: channels and strides of the encoder's levels, or `{task: those of the
            task's encoder}` (filled in by the model).
        decoder: config of the decoders.
        task_heads: config of each task's head by the task's name.
        task_decoders: changes of a task's decoder, `{task: {key: value}}`, laid over `decoder`;
            they replace it where they have a `type`.

    Raises:
        ConfigError: `task_decoders` names a task that has no head.

    >>> import torch
    >>> head = BranchedHead((8, 16), (4, 16), dict(type='DeepLabDecoder', channels=4),
    ...     dict(semseg=dict(type='SegmentationHead', num_classes=3), depth=dict(type='DepthHead')),
    ...     task_decoders=dict(depth=dict(channels=6)))
    >>> head.decoders['depth'].out_channels
    6
    """

    def __init__(
        self,
        in_channels: Sequence[int] | Mapping[str, Sequence[int]],
        strides: Sequence[int] | Mapping[str, Sequence[int]],
        decoder: dict,
        task_heads: Mapping[str, dict],
        task_decoders: Mapping[str, dict] | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        task_decoders = task_decoders or {}
        unknown = sorted(set(task_decoders) - set(task_heads))
        if unknown:
            raise ConfigError(
                f"BranchedHead: task_decoders names {unknown}, but the tasks are "
                f"{list(task_heads)}. {did_you_mean(unknown[0], task_heads)}"
            )
        decoders = {}
        for task in task_heads:
            own = task_decoders.get(task, {})
            pyramid = dict(in_channels=_of(task, in_channels), strides=_of(task, strides))
            decoders[task] = MODELS.build({**({} if "type" in own else decoder), **own, **pyramid})
        channels = {task: decoder.out_channels for task, decoder in decoders.items()}
        super().__init__(task_heads, channels, init_cfg)
        self.decoders = nn.ModuleDict(decoders)

    def forward(self, levels: Pyramid, share: Share | None = None) -> dict[str, RawPrediction]:
        """Return the raw prediction of every task from its own decoder's map."""
        # Tasks with their own encoders share nothing.
        features = self.decode(levels if isinstance(levels, Mapping) else self.views(levels, share))
        return {task: head(features[task]) for task, head in self.tasks()}

    def decode(self, levels: Pyramid) -> dict[str, Tensor]:
        """Return the feature map of every task's decoder."""
        return {task: decoder(_of(task, levels)) for task, decoder in self.decoders.items()}


def _of(task: str, value: Any) -> Any:
    """Return a task's own value where there is one for each task, else the shared one."""
    if not isinstance(value, Mapping):
        return value
    if task not in value:
        raise ConfigError(
            f"The task {task!r} has a head but no encoder; encoders are given for {list(value)}. "
            + did_you_mean(task, value)
        )
    return value[task]
