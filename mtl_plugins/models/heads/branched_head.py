"""Branched: a decoder for each task behind the shared encoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mmseg.registry import MODELS
from torch import Tensor, nn

from ...errors import ConfigError
from .multi_task_head import MultiTaskHead
from .task_head import RawPrediction


@MODELS.register_module()
class BranchedHead(MultiTaskHead):
    """Decode separately for each task, so that tasks share the encoder alone.

    Args:
        in_channels, strides: of the encoder's levels (filled in by the model).
        decoder: config of the decoders.
        task_heads: config of each task's head by the task's name.
        task_decoders: what is different in a task's decoder: `{task: {key: value}}` is laid over
            `decoder`; with a `type` of its own it replaces it.

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
        in_channels: Sequence[int],
        strides: Sequence[int],
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
                f"{list(task_heads)}."
            )
        pyramid = dict(in_channels=in_channels, strides=strides)
        decoders = {}
        for task in task_heads:
            own = task_decoders.get(task, {})
            decoders[task] = MODELS.build({**({} if "type" in own else decoder), **own, **pyramid})
        channels = {task: decoder.out_channels for task, decoder in decoders.items()}
        super().__init__(task_heads, channels, init_cfg)
        self.decoders = nn.ModuleDict(decoders)

    def forward(self, levels: Sequence[Tensor]) -> dict[str, RawPrediction]:
        """Return the raw prediction of every task from its own decoder's map."""
        return {task: head(self.decoders[task](levels)) for task, head in self.tasks()}
