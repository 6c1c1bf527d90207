"""Stages of supervision: first predictions that train a network, and the final ones."""

from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.model import ModuleDict
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor

from ...errors import ConfigError
from ...utils import did_you_mean
from ..layers import Widths
from .defaults import head_config, task_targets
from .task_head import FINAL, RawPrediction

SETTINGS = ("weight", "loss")


class StageHeads:
    """Build the task heads of each stage, and compute the losses of their raw predictions.

    Calling it with a stage's name and `{task: channels of its features}` returns the heads of that
    stage. Every stage has heads of the same config, and the tasks' own losses in full, unless
    `stages` says otherwise.

    Args:
        task_heads: config of each task's head, by the task's name.
        stages: `{stage: dict(weight=..., loss=...)}`: `weight` multiplies the stage's losses, one
            number >= 0 or `{task: number}`; `loss` replaces losses, `{task: config or list}`.

    Raises:
        ConfigError: a setting, a task or (from `check`) a stage does not exist, or a weight is
            negative.

    >>> heads = StageHeads(dict(depth=dict(type='DepthHead')), dict(first=dict(weight=0.5)))
    >>> heads('first', dict(depth=4))['depth'].predict.in_channels
    4
    """

    def __init__(
        self,
        task_heads: Mapping[str, dict],
        stages: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        self.targets = task_targets(task_heads)
        self.configs = {
            task: head_config(config, self.targets[task]) for task, config in task_heads.items()
        }
        self.settings = dict(stages or {})
        self.heads: dict[str, Any] = {}
        for stage, settings in self.settings.items():
            _check_names(f"stages.{stage}", settings, SETTINGS)
            for name, value in settings.items():
                if name == "loss" or isinstance(value, Mapping):
                    _check_names(f"stages.{stage}.{name}", value, task_heads)
            for task in task_heads:
                if self._weight(stage, task) < 0:
                    raise ConfigError(
                        f"stages.{stage}.weight={settings['weight']}; expected numbers >= 0."
                    )

    def __call__(self, stage: str, channels: Mapping[str, Widths]) -> ModuleDict:
        losses = self.settings.get(stage, {}).get("loss", {})
        self.heads[stage] = ModuleDict()
        for task, width in channels.items():
            own = dict(loss=losses[task]) if task in losses else {}
            config = {**self.configs[task], **own, "in_channels": width}
            config.pop("target", None)
            head = MODELS.build(config)
            head.learn(task, self.targets[task])
            self.heads[stage][task] = head
        return self.heads[stage]

    def check(self) -> None:
        """Raise a `ConfigError` for settings of a stage that has no heads."""
        _check_names("stages", self.settings, self.heads)

    def losses(
        self,
        task: str,
        raw: RawPrediction,
        samples: Sequence[SegDataSample],
        size: tuple[int, int],
    ) -> dict[str, Tensor]:
        """Return a task's weighted losses: `<loss>`, of stages before the final `<loss>_<stage>`.

        Args:
            raw: the task's raw prediction of the whole (padded) input of `size` pixels.
            samples: the batch's samples, with targets no larger than `size`.
        """
        result: dict[str, Tensor] = {}
        for stage, each in (raw if isinstance(raw, dict) else {FINAL: raw}).items():
            weight = self._weight(stage, task)
            suffix = "" if stage == FINAL else f"_{stage}"
            for name, value in self.heads[stage][task].batch_losses(each, samples, size).items():
                result[name + suffix] = value if weight == 1 else weight * value
        return result

    def _weight(self, stage: str, task: str) -> float:
        weight = self.settings.get(stage, {}).get("weight", 1.0)
        return weight.get(task, 1.0) if isinstance(weight, Mapping) else weight


def _check_names(place: str, given: Any, known: Any) -> None:
    """Raise a `ConfigError` for a value that is no dict, or the first key that is not known."""
    if not isinstance(given, Mapping):
        raise ConfigError(f"{place}={given!r}; expected a dict with keys of {list(known)}.")
    for name in given:
        if name not in known:
            raise ConfigError(
                f"{place} names {name!r}; known are {list(known)}. {did_you_mean(name, known)}"
            )
