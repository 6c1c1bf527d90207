"""Search spaces: the options that a sweep tries, and the score that it improves."""

from __future__ import annotations

import inspect
import os.path as osp
import re
import runpy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Literal

import optuna
from mmengine.config import Config
from optuna.pruners import BasePruner, MedianPruner
from optuna.samplers import BaseSampler, RandomSampler, TPESampler

from ...config import final_config, load_config, measured_names, parse_options
from ...errors import ConfigError
from ...utils import did_you_mean, did_you_mean_path, nearest

PROBES = 32
"""Random points of a space that are checked against the config before anything is trained."""
DIRECTIONS = {"greater": "maximize", "less": "minimize"}
"""mmengine's words for which metric is better, and Optuna's."""


@dataclass(frozen=True)
class SearchSpace:
    """Store the definitions of a search space file.

    Args:
        path: path of the file.
        space: suggests a trial's values and returns its options by dotted key.
        metric: name of a validation metric, or a function of all metrics by name; the first line
            of its docstring becomes the name of the score.
        direction: "maximize" or "minimize".
        seeds: every trial is trained once with each seed.
        sampler: makes Optuna's sampler from a seed.
        pruner: Optuna's pruner.
        pairs: pairs of parameter names; the report shows a table for each pair.

    Raises:
        ConfigError: a definition has a wrong type or value.
    """

    path: str
    space: Callable[[optuna.Trial], Mapping[str, Any]]
    metric: str | Callable[[Mapping[str, float]], float]
    direction: Literal["maximize", "minimize"]
    seeds: Sequence[int] = (0,)
    sampler: Callable[[int], BaseSampler] = lambda seed: TPESampler(seed=seed)
    pruner: BasePruner = field(default_factory=MedianPruner)
    pairs: Sequence[Sequence[str]] = ()

    def __post_init__(self) -> None:
        if not callable(self.space):
            raise ConfigError(f"{self.path}: space={self.space!r}; expected a function of a trial.")
        metric_fits = isinstance(self.metric, str) or callable(self.metric)
        if not metric_fits or self.direction not in DIRECTIONS.values():
            raise ConfigError(
                f"{self.path}: metric={self.metric!r}, direction={self.direction!r}. Give both: "
                'the name of a metric such as "semseg/mIoU", or a function of all metrics; '
                '"maximize" or "minimize".'
            )
        if not self.seeds or len({*self.seeds}) < len(self.seeds) or min(self.seeds) < 0:
            raise ConfigError(f"{self.path}: seeds={self.seeds}; expected different numbers >= 0.")
        if not callable(self.sampler) or not isinstance(self.sampler(0), BaseSampler):
            raise ConfigError(
                f"{self.path}: sampler={self.sampler!r}; expected a function that makes one of "
                "optuna.samplers from a seed."
            )
        if not isinstance(self.pruner, BasePruner):
            raise ConfigError(
                f"{self.path}: pruner={self.pruner!r}; expected one of optuna.pruners."
            )

    @property
    def metric_name(self) -> str:
        """Return the name of the score."""
        if isinstance(self.metric, str):
            return self.metric
        return (self.metric.__doc__ or self.metric.__name__).strip().split("\n")[0]

    def score(self, metrics: Mapping[str, float]) -> float:
        """Compute the score of a validation.

        Raises:
            ConfigError: the validation lacks a metric.
        """
        try:
            score = metrics[self.metric] if isinstance(self.metric, str) else self.metric(metrics)
        except KeyError as error:
            raise ConfigError(
                f"{self.path}: the validation has no metric {error}. "
                f"It has {', '.join(sorted(metrics))}."
            ) from error
        return float(score)

    def options(self, trial: optuna.Trial) -> list[str]:
        """Return the options of a trial as `dotted.key=value`.

        Raises:
            ConfigError: `space` fails, or returns something else.
            TrialPruned: `space` rejects a combination that is not worth training.
        """
        try:
            options = self.space(trial)
        except optuna.TrialPruned:
            raise
        except Exception as error:
            raise ConfigError(
                f"{self.path}: space(trial) failed: {type(error).__name__}: {error}"
            ) from error
        if not isinstance(options, Mapping) or not options:
            raise ConfigError(
                f"{self.path}: space(trial) returned {options!r}; expected a dict of config "
                'options, such as {"optim_wrapper.optimizer.lr": 1e-3}.'
            )
        return [self._option(key, value) for key, value in options.items()]

    def _option(self, key: str, value: Any) -> str:
        for text in (str(value), repr(value)):
            if parse_options([f"{key}={text}"]) == {key: value}:
                return f"{key}={text}"
        raise ConfigError(
            f"{self.path}: the value {value!r} of {key} cannot be passed as --cfg-options. "
            "Use numbers, text, True, False, None, and lists, tuples or dicts of them."
        )


def load_space(path: str, config: Config) -> SearchSpace:
    """Read a search space file.

    Args:
        path: a Python file. It is executed: load only files that you trust. It defines
            `space(trial)` and may define the other arguments of `SearchSpace`.
        config: the metric of its best checkpoint is the default.

    Raises:
        ConfigError: the file is missing or fails, or a definition cannot be used.
    """
    if not osp.isfile(path):
        raise ConfigError(f"There is no search space {path!r}. {did_you_mean_path(path)}".rstrip())
    try:
        found = runpy.run_path(path)
    except Exception as error:
        raise ConfigError(
            f"The search space {path} cannot be read: {type(error).__name__}: {error}"
        ) from error
    names = [each.name for each in fields(SearchSpace) if each.name != "path"]
    for name in found:
        near = nearest(name, names, cutoff=0.85)
        if near and name not in names and not inspect.ismodule(found[name]):
            raise ConfigError(
                f"{path} defines {name}, which nothing reads. Did you mean {near[0]}? If not, "
                "choose another name."
            )
    if "space" not in found:
        raise ConfigError(
            f"{path} defines no function space(trial). It suggests values and returns the "
            "config's options by dotted key; see configs/sweeps/report_a.py."
        )
    given = {name: found[name] for name in names if name in found}
    # The targets of the data complete the tasks, and these say what is measured.
    final = final_config(config)
    if given.get("metric") is None and given.get("direction") is None:
        hook = (final.get("default_hooks") or {}).get("checkpoint") or {}
        given["metric"] = hook.get("save_best")
        given["direction"] = DIRECTIONS.get(hook.get("rule", ""))
    space = SearchSpace(path, **{"metric": None, "direction": None, **given})
    # Empty where the config measures with metrics that do not declare their names.
    measured = measured_names(final)
    if isinstance(space.metric, str) and measured and space.metric not in measured:
        raise ConfigError(
            f"{path}: the validation has no metric {space.metric!r}. "
            + did_you_mean(space.metric, measured, f"It has {', '.join(sorted(measured))}.")
        )
    return space


def check_space(space: SearchSpace, config: str, options: Sequence[str]) -> None:
    """Check a search space against a config, with options applied to it first, at random points.

    Raises:
        ConfigError: `space` fails or suggests what `options` set, a key or type does not exist, or
            `pairs` names something that is no parameter.
    """
    study = optuna.create_study(sampler=RandomSampler(seed=0))
    seen: set[frozenset[str]] = set()
    params: set[str] = set()
    for _ in range(PROBES):
        trial = study.ask()
        try:
            suggested = space.options(trial)
        except optuna.TrialPruned:
            continue
        params |= trial.params.keys()
        fixed = {*parse_options(options)}
        if twice := [key for key in parse_options(suggested) if key in fixed]:
            raise ConfigError(
                f"{space.path} suggests values of {', '.join(twice)}, which --cfg-options sets: "
                "leave it out of one of them."
            )
        # Loading takes a tenth of a second, and another number makes no difference to it.
        keys_and_words = frozenset(re.sub(r"=[-+.\de]+$", "", option) for option in suggested)
        if keys_and_words not in seen:
            seen.add(keys_and_words)
            try:
                load_config(config, [*options, *suggested])
            except ConfigError as error:
                raise ConfigError(f"{space.path}: {error}") from error
    for pair in space.pairs:
        if len(pair) != 2 or not {*pair} <= params:
            raise ConfigError(
                f"{space.path}: pairs has {pair!r}; expected the names of two parameters, out of "
                f"{', '.join(sorted(params))}."
            )
