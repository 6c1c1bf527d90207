"""The joint arrangement: one decoder for all tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mmseg.registry import MODELS
from torch import Tensor

from ...errors import ConfigError
from ..task_heads.task_head import RawPrediction
from .multi_task_head import MultiTaskHead, Share


@MODELS.register_module()
class JointHead(MultiTaskHead):
    """Decode once and predict every task from the same map.

    For classes and depth, the tasks' 1x1 convolutions together equal the single convolution to
    (classes + 1) channels of a joint DeepLabV3+.

    Args:
        in_channels, strides: channels and strides of the encoder's levels (filled in by the model).
        decoder: config of the decoder.
        task_heads: config of each task's head by the task's name.

    >>> import torch
    >>> head = JointHead((8, 16), (4, 16), dict(type='DeepLabDecoder', channels=4),
    ...     dict(semseg=dict(type='SegmentationHead', num_classes=3), depth=dict(type='DepthHead')))
    >>> raw = head((torch.zeros(2, 8, 16, 24), torch.zeros(2, 16, 4, 6)))
    >>> {task: tuple(value.shape) for task, value in raw.items()}
    {'semseg': (2, 3, 16, 24), 'depth': (2, 1, 16, 24)}
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        strides: Sequence[int],
        decoder: dict,
        task_heads: Mapping[str, dict],
        init_cfg: dict | None = None,
    ) -> None:
        if isinstance(in_channels, Mapping):
            raise ConfigError(
                "JointHead: the backbone returns a pyramid for each task, but one decoder takes "
                "one pyramid. Use BranchedHead or DistillationHead behind TaskEncoders."
            )
        built = MODELS.build(dict(decoder, in_channels=in_channels, strides=strides))
        super().__init__(task_heads, dict.fromkeys(task_heads, built.out_channels), init_cfg)
        self.decoder = built

    def forward(
        self, levels: Sequence[Tensor], share: Share | None = None
    ) -> dict[str, RawPrediction]:
        """Return the raw prediction of every task from the shared decoder's map."""
        views = self.views([self.decoder(levels)], share)
        return {task: head(*views[task]) for task, head in self.tasks()}
