"""The base of all interactions between tasks."""

from abc import ABC, abstractmethod
from collections.abc import Mapping

from mmengine.model import BaseModule

from ..layers import Features, Share, Widths
from ..task_heads import RawPrediction

FirstPredictions = dict[str, dict[str, RawPrediction]]
"""Raw predictions `{stage: {task: raw}}`, stages in the order in which they are made."""


class Interaction(BaseModule, ABC):
    """Exchange features between the tasks, which the decoders give and the task heads take.

    To add one: subclass, implement `forward`, register. An interaction that adds first predictions
    takes `task_heads` too, a `StageHeads` that the model fills in: `task_heads(stage, {task:
    channels})` builds the heads of a stage, whose predictions `forward` returns and which are
    trained like the final ones.

    Args:
        in_channels: `{task: channels}` of what the decoders give (filled in by the model): a number
            for one map, a tuple for a pyramid.
        strides: `{task: strides}` of the pyramids' levels, None for one map (filled in by the
            model).

    Attributes:
        out_channels, out_strides: the same of what it returns; the base class takes them to be
            those of what it gets.
    """

    def __init__(
        self,
        in_channels: Mapping[str, Widths],
        strides: Mapping[str, Widths | None],
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.out_channels: dict[str, Widths] = dict(in_channels)
        self.out_strides: dict[str, Widths | None] = dict(strides)

    @abstractmethod
    def forward(
        self, features: Mapping[str, Features], share: Share | None = None
    ) -> tuple[dict[str, Features], FirstPredictions]:
        """Return every task's features after the exchange, and first predictions (or none).

        Args:
            features: every task's features, from its decoder.
            share: the balancer's `share`, called once with the last maps that all tasks share;
                `shared_views(features, share)` does it where those are the features given. What
                becomes of a task must then come from this task's views alone.
        """
