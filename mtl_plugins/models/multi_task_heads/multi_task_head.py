"""The base of all arrangements of decoders and task heads, and one decoder for all tasks."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence

from mmengine.model import BaseModule
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from ...errors import ConfigError
from ...targets import Target
from ..task_heads import RawPrediction, TaskHead, head_config, task_targets

Share = Callable[[Sequence[Tensor]], Mapping[str, Sequence[Tensor]]]
"""Map the last maps that all tasks share to each task's own view of them."""


class MultiTaskHead(BaseModule, ABC):
    """Turn a feature pyramid into one raw prediction per task.

    Subclasses arrange decoders before the task heads and implement `forward`.

    Args:
        task_heads: config of each task's head by the task's name, which is also the prefix of the
            task's losses and the balancer's name of the task. A task learns the target of its
            name, or the one that its `target` names; type and number of classes follow from it.
        feature_channels: channels of the feature map that each task's head gets.

    Raises:
        ConfigError: no task, or a task without a target.
    """

    def __init__(
        self,
        task_heads: Mapping[str, dict],
        feature_channels: Mapping[str, int],
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if not task_heads:
            raise ConfigError(
                f"{type(self).__name__}: task_heads is empty; name at least one task."
            )
        self.task_heads = build_heads(task_heads, feature_channels)

    @property
    def out_channels(self) -> dict[str, int]:
        """Raw channels of each task."""
        return {task: head.out_channels for task, head in self.tasks()}

    def tasks(self) -> list[tuple[str, TaskHead]]:
        """Return the tasks' names and heads, in the order of the config."""
        return list(self.task_heads.items())  # type: ignore[arg-type]

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
            share: the balancer's `share`, called once with the last maps that all tasks share.
        """

    def views(self, maps: Sequence[Tensor], share: Share | None) -> Mapping[str, Sequence[Tensor]]:
        """Return each task's view of the last maps that all tasks share."""
        return dict.fromkeys(self.task_heads, maps) if share is None else share(maps)

    def batch_losses(
        self,
        raw: Mapping[str, RawPrediction],
        samples: Sequence[SegDataSample],
        size: tuple[int, int],
    ) -> dict[str, Tensor]:
        """Return `{'<task>/<loss>': scalar}` for raw predictions of an input of `size`."""
        return {
            f"{task}/{name}": value
            for task, head in self.tasks()
            for name, value in head.batch_losses(raw[task], samples, size).items()
        }


def build_heads(configs: Mapping[str, dict], channels: Mapping[str, int]) -> nn.ModuleDict:
    """Build each task's head for the channels of its feature map, and set its target."""
    targets = task_targets(configs)
    heads: dict[str, TaskHead] = {}
    for task, config in configs.items():
        completed = head_config(config, targets[task])
        completed.pop("target", None)
        heads[task] = MODELS.build(dict(completed, in_channels=channels[task]))
        heads[task].learn(task, targets[task])
    return nn.ModuleDict(heads)


@MODELS.register_module()
class JointHead(MultiTaskHead):
    """Decode once and predict every task from the same map.

    For classes and depth, the tasks' 1x1 convolutions together equal the single convolution to
    (classes + 1) channels of a joint DeepLabV3+.

    Args:
        in_channels, strides: channels and strides of the encoder's levels (filled in by the model).
        decoder: config of the decoder.

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
        views = self.views([self.decoder(levels)], share)
        return {task: head(*views[task]) for task, head in self.tasks()}
