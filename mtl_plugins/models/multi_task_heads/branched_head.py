"""One decoder per task, without and with messages between the tasks."""

from collections.abc import Mapping, Sequence
from typing import Any

from mmcv.cnn import ConvModule
from mmseg.registry import MODELS
from torch import Tensor, nn

from ...errors import ConfigError
from ...utils import did_you_mean
from ..layers import SpatialGate, resize
from ..task_heads.task_head import RawPrediction
from .multi_task_head import MultiTaskHead, Share, build_heads

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
        # Tasks with their own encoders share nothing.
        features = self.decode(levels if isinstance(levels, Mapping) else self.views(levels, share))
        return {task: head(features[task]) for task, head in self.tasks()}

    def decode(self, levels: Pyramid) -> dict[str, Tensor]:
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


@MODELS.register_module()
class DistillationHead(BranchedHead):
    """Add to `BranchedHead` a second prediction from each task's features and the others' messages.

    The decoders' features give a first prediction of each task. Then each task adds to its own
    features a gated message from every other task's, and predicts again. Both stages are
    trained (deep supervision); the second is the prediction.

    Source: Xu et al., *PAD-Net*, 2018 (distillation module C).

    Args:
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
        self.first_heads = build_heads(task_heads, channels)
        self.gates, self.refine = nn.ModuleDict(), nn.ModuleDict()
        for task, width in channels.items():
            others = {source: own for source, own in channels.items() if source != task}
            self.gates[task] = nn.ModuleDict(
                {source: SpatialGate(own, width, learned_gates) for source, own in others.items()}
            )
        norm_cfg = norm_cfg or dict(type="BN")
        for task, width in channels.items():
            self.refine[task] = ConvModule(width, width, 3, padding=1, norm_cfg=norm_cfg)

    def forward(
        self, levels: Pyramid, share: Share | None = None
    ) -> dict[str, list[RawPrediction]]:
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
