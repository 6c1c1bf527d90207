"""Messages between tasks through spatial gates."""

from collections.abc import Mapping
from typing import Any

from mmcv.cnn import ConvModule
from mmengine.model import BaseModule, ModuleList
from mmseg.registry import MODELS
from torch import Tensor, nn

from ...errors import ConfigError
from ..layers import Features, Share, SpatialGate, Widths, resize, shared_views
from ..task_heads import RawPrediction, StageHeads
from .interaction import FirstPredictions, Interaction


@MODELS.register_module()
class SpatialGates(Interaction):
    """Add to each task's features a gated message from every other task's.

    The features give a first prediction of each task, which is trained too. Pyramids are treated
    level by level, each with gates and first predictions of its own.

    Source: Xu et al., *PAD-Net*, 2018 (distillation module C); on several scales, Vandenhende et
    al., *MTI-Net*, 2020.

    Args:
        in_channels, strides: channels and strides of every task's features, and
        task_heads: the heads of the first predictions (all filled in by the model).
        learned_gates: False freezes the gates' attention at zero.
        norm_cfg: normalisation of the convolution after the messages; default: batch norm.

    Stages: `first`, or for pyramids `scale0` (the finest), `scale1`, ...

    Shapes: those of the features, for every task.

    Raises:
        ConfigError: the tasks' features differ in their number of levels.

    >>> import torch
    >>> heads = StageHeads(dict(a=dict(type='DepthHead'), b=dict(type='NormalsHead')))
    >>> gates = SpatialGates(dict(a=4, b=6), dict(a=None, b=None), heads)
    >>> maps, first = gates(dict(a=torch.zeros(2, 4, 8, 8), b=torch.zeros(2, 6, 8, 8)))
    >>> maps['b'].shape, first['first']['b'].shape
    (torch.Size([2, 6, 8, 8]), torch.Size([2, 3, 8, 8]))
    """

    def __init__(
        self,
        in_channels: Mapping[str, Widths],
        strides: Mapping[str, Widths | None],
        task_heads: StageHeads,
        learned_gates: bool = True,
        norm_cfg: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(in_channels, strides, init_cfg)
        widths = {t: [c] if isinstance(c, int) else list(c) for t, c in in_channels.items()}
        counts = {task: len(each) for task, each in widths.items()}
        if len(set(counts.values())) > 1:
            raise ConfigError(
                f"SpatialGates: the tasks' features have {counts} levels; messages pass level by "
                "level, so give all tasks decoders with equally many."
            )
        count = next(iter(counts.values()))
        self.stages = ["first"] if count == 1 else [f"scale{index}" for index in range(count)]
        self.levels = ModuleList(
            GatedLevel(
                {task: each[index] for task, each in widths.items()},
                task_heads,
                stage,
                learned_gates,
                norm_cfg or dict(type="BN"),
            )
            for index, stage in enumerate(self.stages)
        )

    def forward(
        self, features: Mapping[str, Features], share: Share | None = None
    ) -> tuple[dict[str, Features], FirstPredictions]:
        # Messages carry every task's loss into every decoder, so that all tasks share those too.
        views = shared_views(features, share)
        mixed: dict[str, list[Tensor]] = {task: [] for task in features}
        first: FirstPredictions = {}
        for index, (stage, level) in enumerate(zip(self.stages, self.levels, strict=True)):
            seen = {
                task: {source: _level(each, index) for source, each in view.items()}
                for task, view in views.items()
            }
            maps, first[stage] = level(seen)
            for task, each in maps.items():
                mixed[task].append(each)
        return {
            task: mixed[task][0] if isinstance(features[task], Tensor) else tuple(mixed[task])
            for task in features
        }, first


def _level(features: Features, index: int) -> Tensor:
    return features if isinstance(features, Tensor) else features[index]


class GatedLevel(BaseModule):
    """Exchange messages between the tasks' maps of one scale, and make their first predictions.

    Args:
        channels: of each task's map.
        task_heads: builds the heads of `stage`.
        learned_gates, norm_cfg: see `SpatialGates`.
    """

    def __init__(
        self,
        channels: Mapping[str, int],
        task_heads: StageHeads,
        stage: str,
        learned_gates: bool,
        norm_cfg: dict,
    ) -> None:
        super().__init__()
        self.first_heads = task_heads(stage, channels)
        self.gates: Any = nn.ModuleDict()
        self.refine: Any = nn.ModuleDict()
        for task, width in channels.items():
            others = {source: own for source, own in channels.items() if source != task}
            self.gates[task] = nn.ModuleDict(
                {source: SpatialGate(own, width, learned_gates) for source, own in others.items()}
            )
        for task, width in channels.items():
            self.refine[task] = ConvModule(width, width, 3, padding=1, norm_cfg=norm_cfg)

    def forward(
        self, views: Mapping[str, Mapping[str, Tensor]]
    ) -> tuple[dict[str, Tensor], dict[str, RawPrediction]]:
        """Return each task's map and first raw prediction from its views of all tasks' maps."""
        maps, first = {}, {}
        for task, view in views.items():
            mixed = view[task]
            for source, gate in self.gates[task].items():
                mixed = mixed + resize(gate(view[source]), mixed.shape[2:])
            first[task] = self.first_heads[task](view[task])
            maps[task] = self.refine[task](mixed)
        return maps, first
