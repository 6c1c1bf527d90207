"""The base of all arrangements of decoders and task heads, and one decoder for all tasks."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

from mmengine.model import BaseModule
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from ...errors import ConfigError
from ...targets import Target
from ..layers import Share, Widths, shared_views
from ..task_heads import FINAL, RawPrediction, StageHeads, TaskHead


class MultiTaskHead(BaseModule, ABC):
    """Turn a feature pyramid into one raw prediction per task.

    Subclasses arrange decoders before the task heads and implement `forward`.

    Args:
        task_heads: config of each task's head by the task's name, which is also the prefix of the
            task's losses and the balancer's name of the task. A task learns the target of its
            name, or the one that its `target` names; type and number of classes follow from it.
        feature_channels: channels of what each task's head gets: a number for one feature map, a
            tuple for a pyramid.
        stages: builder of `task_heads` that has built the heads of first predictions; default:
            there are none.

    Raises:
        ConfigError: no task, or a task without a target.
    """

    def __init__(
        self,
        task_heads: Mapping[str, dict],
        feature_channels: Mapping[str, Widths],
        init_cfg: dict | None = None,
        stages: StageHeads | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if not task_heads:
            raise ConfigError(
                f"{type(self).__name__}: task_heads is empty; name at least one task."
            )
        self.stages = stages or StageHeads(task_heads)
        self.task_heads = self.stages(FINAL, feature_channels)

    @property
    def out_channels(self) -> dict[str, int]:
        """Raw channels of each task."""
        return {task: head.out_channels for task, head in self.tasks()}

    @property
    def mixes_tasks(self) -> bool:
        """Whether a task's prediction depends on several tasks' levels, where each has its own."""
        return False

    def tasks(self) -> list[tuple[str, TaskHead]]:
        """Return the tasks' names and heads, in the order of the config."""
        return list(self.task_heads.items())

    def targets(self) -> dict[str, Target]:
        """Return the target of each task."""
        return {task: head.target for task, head in self.tasks()}

    @abstractmethod
    def forward(
        self, levels: Sequence[Tensor], share: Share | None = None
    ) -> dict[str, RawPrediction]:
        """Return the raw prediction of every task from the encoder's levels.

        Args:
            levels: the encoder's feature maps.
            share: the balancer's `share`, called once with the last maps that all tasks share
                (see `shared_views`); not called where tasks share none.
        """

    def batch_losses(
        self,
        raw: Mapping[str, RawPrediction],
        samples: Sequence[SegDataSample],
        size: tuple[int, int],
    ) -> dict[str, Tensor]:
        """Return `{'<task>/<loss>': scalar}` for raw predictions of an input of `size`.

        Losses of first predictions are called `<task>/<loss>_<stage>`.
        """
        return {
            f"{task}/{name}": value
            for task, _ in self.tasks()
            for name, value in self.stages.losses(task, raw[task], samples, size).items()
        }


@MODELS.register_module()
class JointHead(MultiTaskHead):
    """Decode once and predict every task from the same map.

    For classes and depth, the tasks' 1x1 convolutions together equal the single convolution to
    (classes + 1) channels of a joint DeepLabV3+.

    Args:
        in_channels, strides: channels and strides of the encoder's levels (filled in by the model).
        decoder: config of the decoder.
        fusion: config of a second decoder, which makes one map of the first one's pyramid.

    Raises:
        ConfigError: each task has an encoder of its own, or `fusion` gets a single map.

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
        fusion: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        if isinstance(in_channels, Mapping):
            raise ConfigError(
                "JointHead: the backbone returns a pyramid for each task, but one decoder takes "
                "one pyramid. Use BranchedHead or DistillationHead behind TaskEncoders."
            )
        built = MODELS.build(dict(decoder, in_channels=in_channels, strides=strides))
        last = built
        if fusion is not None:
            last = build_fusion(fusion, built.out_channels, getattr(built, "out_strides", None))
        super().__init__(task_heads, dict.fromkeys(task_heads, last.out_channels), init_cfg)
        self.decoder = built
        self.fusion = None if fusion is None else last

    def forward(
        self, levels: Sequence[Tensor], share: Share | None = None
    ) -> dict[str, RawPrediction]:
        features = self.decoder(levels)
        if self.fusion is not None:
            features = self.fusion(features)
        views = shared_views(dict.fromkeys(self.task_heads, features), share)
        return {task: head(views[task][task]) for task, head in self.tasks()}


def build_fusion(config: dict, channels: Widths, strides: Widths | None) -> nn.Module:
    """Build the decoder that makes one map of a pyramid of these channels and strides."""
    if isinstance(channels, int):
        raise ConfigError(
            f"fusion={config}, but the features are one map of {channels} channels already; leave "
            "fusion out, or choose a decoder that returns a pyramid, such as PyramidDecoder."
        )
    return MODELS.build(dict(config, in_channels=channels, strides=strides))
