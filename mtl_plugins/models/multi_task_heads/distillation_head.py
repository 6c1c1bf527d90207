"""The distillation arrangement: tasks exchange features before their final prediction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmcv.cnn import ConvModule
from mmseg.registry import MODELS
from torch import nn

from ..layers import SpatialGate, resize
from ..task_heads.task_head import RawPrediction
from .branched_head import BranchedHead, Pyramid
from .multi_task_head import Share


@MODELS.register_module()
class DistillationHead(BranchedHead):
    """Add to `BranchedHead` a second prediction from each task's features and the others' messages.

    The decoders' features give a first prediction of each task. Then each task adds to its own
    features a gated message from every other task's, and predicts again. Both stages are
    trained (deep supervision); the second is the prediction.

    Source: Xu et al., *PAD-Net*, 2018 (distillation module C).

    Args:
        in_channels, strides, decoder, task_heads, task_decoders: as in `BranchedHead`.
        learned_gates: False freezes the gates' attention at zero.
        norm_cfg: normalisation of the convolution after the messages; default: batch norm.

    Returns from `forward`: `{task: [first, refined]}`.

    >>> import torch
    >>> head = DistillationHead((8, 16), (4, 16), dict(type='DeepLabDecoder', channels=4),
    ...     dict(semseg=dict(type='SegmentationHead', num_classes=3), depth=dict(type='DepthHead')))
    >>> raw = head((torch.zeros(2, 8, 16, 24), torch.zeros(2, 16, 4, 6)))
    >>> [tuple(stage.shape) for stage in raw['semseg']]
    [(2, 3, 16, 24), (2, 3, 16, 24)]
    """

    def __init__(
        self,
        in_channels: Sequence[int] | Mapping[str, Sequence[int]],
        strides: Sequence[int] | Mapping[str, Sequence[int]],
        decoder: dict,
        task_heads: Mapping[str, dict],
        task_decoders: Mapping[str, dict] | None = None,
        learned_gates: bool = True,
        norm_cfg: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(in_channels, strides, decoder, task_heads, task_decoders, init_cfg)
        decoders: Any = self.decoders
        channels = {task: module.out_channels for task, module in decoders.items()}
        self.first_heads = nn.ModuleDict(
            {
                task: MODELS.build(dict(config, in_channels=channels[task]))
                for task, config in task_heads.items()
            }
        )
        self.gates = nn.ModuleDict(
            {
                task: nn.ModuleDict(
                    {
                        source: SpatialGate(channels[source], channels[task], learned_gates)
                        for source in channels
                        if source != task
                    }
                )
                for task in channels
            }
        )
        self.refine = nn.ModuleDict(
            {
                task: ConvModule(width, width, 3, padding=1, norm_cfg=norm_cfg or dict(type="BN"))
                for task, width in channels.items()
            }
        )

    def forward(
        self, levels: Pyramid, share: Share | None = None
    ) -> dict[str, list[RawPrediction]]:
        """Return the first and the refined raw prediction of every task."""
        decoded = self.decode(levels)
        # Messages carry every task's loss into every decoder, so that all tasks share those too.
        views = self.views(list(decoded.values()), share)
        raw = {}
        gates: Any = self.gates
        for task, head in self.tasks():
            features = dict(zip(decoded, views[task], strict=True))
            mixed = features[task]
            for source, gate in gates[task].items():
                message = resize(gate(features[source]), mixed.shape[2:])
                mixed = mixed + message
            raw[task] = [self.first_heads[task](features[task]), head(self.refine[task](mixed))]
        return raw
