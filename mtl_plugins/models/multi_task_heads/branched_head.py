"""One decoder per task, without and with messages between the tasks."""

from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.model import ModuleDict
from mmseg.registry import MODELS
from torch import Tensor

from ...errors import ConfigError
from ...utils import did_you_mean
from ..interactions import Interaction
from ..layers import Features, Share, shared_views
from ..task_heads import FINAL, RawPrediction, StageHeads
from .multi_task_head import MultiTaskHead, build_fusion

Pyramid = Sequence[Tensor] | Mapping[str, Sequence[Tensor]]
"""The levels of one encoder, or of each task's encoder."""


@MODELS.register_module()
class BranchedHead(MultiTaskHead):
    """Decode separately for each task: decoder, interaction, fusion, task head.

    Without an interaction tasks share only the encoder; behind `TaskEncoders`, where each task's
    decoder gets its own pyramid, they then share nothing.

    Args:
        in_channels, strides: channels and strides of the encoder's levels, or `{task: those of the
            task's encoder}` (filled in by the model).
        decoder: config of the decoders.
        task_decoders: changes of a task's decoder, `{task: {key: value}}`, laid over `decoder`;
            they replace it where they have a `type`.
        interaction: config of what the tasks tell each other, such as `SpatialGates`; None:
            nothing.
        fusion: config of a second decoder for each task, which makes one map of its pyramid, such
            as `FusionDecoder`; for decoders or interactions that return pyramids.
        stages: weights and losses of the stages of supervision, see `StageHeads`. The last one is
            called `final`, first predictions as the interaction calls them.

    Raises:
        ConfigError: `task_decoders` names a task that has no head, `stages` a stage that is not
            there, or `fusion` gets a single map.

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
        interaction: dict | None = None,
        fusion: dict | None = None,
        stages: Mapping[str, dict] | None = None,
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
        heads = StageHeads(task_heads, stages)
        channels, out_strides = _specs(decoders)
        mixing = None
        if interaction is not None:
            mixing = _build_interaction(interaction, decoders, heads)
            channels, out_strides = mixing.out_channels, mixing.out_strides
        fusions = {}
        if fusion is not None:
            fusions = {
                task: build_fusion(fusion, channels[task], out_strides[task]) for task in channels
            }
            channels, _ = _specs(fusions)
        super().__init__(task_heads, channels, init_cfg, heads)
        self.stages.check()
        # mmengine's, through which every `init_cfg` is reached.
        self.decoders = ModuleDict(decoders)
        self.interaction = mixing
        self.fusion = ModuleDict(fusions)

    @property
    def mixes_tasks(self) -> bool:
        return self.interaction is not None

    def forward(self, levels: Pyramid, share: Share | None = None) -> dict[str, RawPrediction]:
        first: Any = {}
        if self.interaction is not None:
            features, first = self.interaction(self.decode(levels), share)
        elif isinstance(levels, Mapping):
            # Whatever such tasks share is inside their encoder.
            features = self.decode(levels)
        else:
            views = shared_views(dict.fromkeys(self.task_heads, levels), share)
            own: Any = {task: view[task] for task, view in views.items()}
            features = self.decode(own)
        for task, fusion in self.fusion.items():
            features[task] = fusion(features[task])
        final = {task: head(features[task]) for task, head in self.tasks()}
        if not first:
            return final
        return {
            task: {**{stage: raw[task] for stage, raw in first.items() if task in raw}, FINAL: each}
            for task, each in final.items()
        }

    def decode(self, levels: Pyramid) -> dict[str, Features]:
        """Return each task's features from its decoder."""
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


def _specs(modules: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return channels and strides of what each task's module returns; no strides for one map."""
    channels = {task: module.out_channels for task, module in modules.items()}
    return channels, {t: getattr(module, "out_strides", None) for t, module in modules.items()}


def _build_interaction(config: dict, decoders: Mapping[str, Any], heads: StageHeads) -> Interaction:
    """Build an interaction for what the decoders return."""
    channels, strides = _specs(decoders)
    return MODELS.build(dict(config, in_channels=channels, strides=strides, task_heads=heads))


@MODELS.register_module()
class DistillationHead(BranchedHead):
    """Predict twice: from each task's own features, and with the others' messages.

    `BranchedHead` with the interaction `SpatialGates`, under the name and with the weights of
    version 0.1. For further options write that.

    Source: Xu et al., *PAD-Net*, 2018 (distillation module C).

    Args:
        in_channels, strides, decoder, task_heads, task_decoders: see `BranchedHead`.
        learned_gates, norm_cfg: see `SpatialGates`.

    Returns from `forward`: `{task: dict(first=raw, final=raw)}`.

    >>> import torch
    >>> head = DistillationHead((8, 16), (4, 16), dict(type='DeepLabDecoder', channels=4),
    ...     dict(semseg=dict(type='SegmentationHead', num_classes=3), depth=dict(type='DepthHead')))
    >>> raw = head((torch.zeros(2, 8, 16, 24), torch.zeros(2, 16, 4, 6)))
    >>> {stage: tuple(each.shape) for stage, each in raw['semseg'].items()}
    {'first': (2, 3, 16, 24), 'final': (2, 3, 16, 24)}
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
        super().__init__(
            in_channels, strides, decoder, task_heads, task_decoders, init_cfg=init_cfg
        )
        gates = dict(type="SpatialGates", learned_gates=learned_gates, norm_cfg=norm_cfg)
        # Built after the task heads, so that a seed gives the weights that it gave in 0.1.
        decoders: Any = self.decoders
        self.interaction = _build_interaction(gates, decoders, self.stages)

    def _load_from_state_dict(self, state_dict: dict, prefix: str, *args: Any) -> None:
        self.rename_weights(state_dict, prefix)
        super()._load_from_state_dict(state_dict, prefix, *args)

    @staticmethod
    def rename_weights(weights: dict[str, Any], prefix: str) -> None:
        """Rename, in place, weights of version 0.1, which kept them in the head itself.

        Args:
            prefix: of the head's names, such as "decode_head.".
        """
        moved = tuple(f"{prefix}{part}." for part in ("first_heads", "gates", "refine"))
        for key in [key for key in weights if key.startswith(moved)]:
            new = f"{prefix}interaction.levels.0.{key.removeprefix(prefix)}"
            weights[new] = weights.pop(key)
