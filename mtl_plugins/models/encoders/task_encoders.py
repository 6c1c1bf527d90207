"""Separate encoders for the tasks."""

from __future__ import annotations

from collections.abc import Mapping

from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor, nn

from ...errors import ConfigError
from .spec import encoder_spec


@MODELS.register_module()
class TaskEncoders(BaseModule):
    """Encode separately for each task, so that tasks share only the image.

    Needs an arrangement with one decoder per task, such as `BranchedHead`.

    Args:
        encoder: config of the encoders.
        tasks: changes of each task's encoder, `{task: {key: value}}`, laid over `encoder`; they
            replace it where they have a `type`.

    Shapes: (N, 3, H, W) -> `{task: pyramid}`; `channels` and `strides` are dicts by task, too.

    >>> encoders = TaskEncoders(dict(type='TimmEncoder', model_name='test_resnet'),
    ...     dict(semseg=dict(output_stride=8), depth=dict(output_stride=16)))
    >>> encoders.strides
    {'semseg': (4, 8, 8, 8), 'depth': (4, 8, 16, 16)}
    """

    def __init__(
        self, encoder: dict, tasks: Mapping[str, dict], init_cfg: dict | None = None
    ) -> None:
        super().__init__(init_cfg)
        if not tasks:
            raise ConfigError(
                "TaskEncoders: tasks is empty; give a (possibly empty) dict per task."
            )
        self.encoders = nn.ModuleDict(
            {
                task: MODELS.build({**({} if "type" in own else encoder), **own})
                for task, own in tasks.items()
            }
        )
        specs = {task: encoder_spec(module) for task, module in self.encoders.items()}
        self.channels = {task: spec.channels for task, spec in specs.items()}
        self.strides = {task: spec.strides for task, spec in specs.items()}

    def forward(self, images: Tensor) -> dict[str, tuple[Tensor, ...]]:
        """Return each task's pyramid."""
        return {task: tuple(encoder(images)) for task, encoder in self.encoders.items()}
