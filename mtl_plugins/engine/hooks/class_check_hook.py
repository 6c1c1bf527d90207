"""Whether the model's classes are those of the data."""

from __future__ import annotations

from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from ...errors import ConfigError
from ...models.segmentors import MultiTaskSegmentor
from ...targets import SEMSEG
from ...utils import unwrapped


@HOOKS.register_module()
class ClassCheckHook(Hook):
    """Stop before the first step where a head predicts another number of classes than the data has.

    Otherwise it would end deep inside a loss (on a GPU without saying where), or not at all.

    Raises:
        ConfigError: with both numbers.
    """

    def before_train(self, runner: Runner) -> None:
        """Compare each segmentation head with the training data."""
        classes = runner.train_dataloader.dataset.metainfo.get("classes", ())
        model = unwrapped(runner.model)
        if not isinstance(model, MultiTaskSegmentor):
            return
        for task, head in model.decode_head.tasks():
            if head.target is SEMSEG and classes and head.out_channels != len(classes):
                raise ConfigError(
                    f"model.decode_head.task_heads.{task}.num_classes={head.out_channels}, but the "
                    f"training data has {len(classes)} classes. Set it to {len(classes)}."
                )
