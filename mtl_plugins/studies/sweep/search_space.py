"""A search space: which options of a config are tried, and what is a good result."""

from __future__ import annotations

import difflib
import inspect
import os.path as osp
import runpy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import optuna
from mmengine.config import Config
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler

from ...config import final_config, load_config, parse_options
from ...errors import ConfigError

PROBES = 32
"""Random points of a space that are checked against the config before anything is trained."""
DIRECTIONS = {"greater": "maximize", "less": "minimize"}
"""mmengine's words for which metric is better, and Optuna's."""
NAMES = ("space", "metric", "direction", "seeds", "sampler", "pruner", "pairs")
"""What a search space's file may define."""


@dataclass(frozen=True)
class SearchSpace:
    """What the file of a search space defines.

    Args:
        path: of the file.
        suggest: `space(trial)` of the file: the options of a trial, by dotted key.
        metric: name of a validation's metric, or a function of all of them, by name; the first
            line of its docstring is what the score is called.
        direction: "maximize" or "minimize".
        seeds: every trial is trained with each of them.
        sampler: makes Optuna's sampler from a seed.
        pruner: Optuna's pruner.
        pairs: names of two parameters each, which the report shows in a table of both.
    """

    path: str
    suggest: Callable[[optuna.Trial], Mapping[str, Any]]
    metric: str | Callable[[Mapping[str, float]], float]
    direction: str
    seeds: Sequence[int]
    sampler: Callable[[int], BaseSampler]
    pruner: BasePruner
    pairs: Sequence[tuple[str, str]]

    @property
    def metric_name(self) -> str:
        """What to call the score."""
        if isinstance(self.metric, str):
            return self.metric
        return (self.metric.__doc__ or self.metric.__name__).strip().split("\n")[0]

    def score(self, metrics: Mapping[str, float]) -> float:
        """Return the score of a validation.

        Raises:
            ConfigError: it lacks a metric.
        """
        try:
            found = metrics[self.metric] if isinstance(self.metric, str) else self.metric(metrics)
        except KeyError as error:
            raise ConfigError(
                f"{self.path}: the validation has no metric {error}. "
                f"It has {', '.join(sorted(metrics))}."
            ) from error
        return float(found)

    def options(self, trial: optuna.Trial) -> list[str]:
        """Return the options of a trial as `dotted.key=value`.

        Raises:
            ConfigError: `space` fails, or returns something else.
            TrialPruned: raised by `space`, for combinations that are not worth training.
        """
        try:
            options = self.suggest(trial)
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
            f"{self.path}: the value {value!r} of {key} cannot be given as --cfg-options. "
            "Use numbers, text, True, False, None, and lists or tuples of them."
        )


def load_space(path: str, config: Config) -> SearchSpace:
    """Read the file of a search space.

    Args:
        path: a Python file. It is executed: read only those that you trust. It defines
            `space(trial)`, which suggests values by Optuna's `trial.suggest_...` and returns the
            config's options by dotted key; and, where the default does not fit, `metric` with
            `direction`, `seeds`, `sampler(seed)`, `pruner` and `pairs`.
        config: whose best checkpoint's metric is the default.

    Raises:
        ConfigError: the file is missing or fails, or what it defines cannot be used.
    """
    if not osp.isfile(path):
        raise ConfigError(f"There is no search space {path!r}.")
    try:
        found = runpy.run_path(path)
    except Exception as error:
        raise ConfigError(
            f"The search space {path} cannot be read: {type(error).__name__}: {error}"
        ) from error
    _check_names(path, found)
    metric, direction = _metric(path, found, config)
    space = SearchSpace(
        path,
        found["space"],
        metric,
        direction,
        tuple(found.get("seeds", (0,))),
        found.get("sampler", lambda seed: optuna.samplers.TPESampler(seed=seed)),
        found.get("pruner") or optuna.pruners.MedianPruner(),
        tuple(found.get("pairs", ())),
    )
    if not space.seeds or len(set(space.seeds)) < len(space.seeds) or min(space.seeds) < 0:
        raise ConfigError(f"{path}: seeds={space.seeds}; expected different numbers >= 0.")
    if not callable(space.sampler) or not isinstance(space.sampler(0), BaseSampler):
        raise ConfigError(f"{path}: sampler(seed) must be a function that makes Optuna's sampler.")
    if not isinstance(space.pruner, BasePruner):
        raise ConfigError(f"{path}: pruner={space.pruner!r}; expected one of optuna.pruners.")
    return space


def _check_names(path: str, found: Mapping[str, Any]) -> None:
    own = [name for name in found if not name.startswith("_") and name not in NAMES]
    for name in own:
        near = difflib.get_close_matches(name, NAMES, n=1, cutoff=0.85)
        if near and not inspect.ismodule(found[name]):
            raise ConfigError(
                f"{path} defines {name}, which nothing reads. Did you mean {near[0]}? If not, "
                "give it another name."
            )
    if not callable(found.get("space")):
        raise ConfigError(
            f"{path} defines no function space(trial). It suggests values and returns the "
            "config's options by dotted key; see configs/sweeps/report_a.py."
        )


def _metric(path: str, found: Mapping[str, Any], config: Config) -> tuple[Any, str]:
    metric, direction = found.get("metric"), found.get("direction")
    if metric is None and direction is None:
        hook = (final_config(config).get("default_hooks") or {}).get("checkpoint") or {}
        metric, direction = hook.get("save_best"), DIRECTIONS.get(hook.get("rule", ""))
    if not (isinstance(metric, str) or callable(metric)) or direction not in DIRECTIONS.values():
        raise ConfigError(
            f"{path}: metric={metric!r}, direction={direction!r}. Give both: the name of a "
            'metric such as "semseg/mIoU", or a function of all metrics; "maximize" or "minimize".'
        )
    return metric, direction


def _names(suggested: Sequence[str]) -> frozenset[str]:
    """Return what of some options the check of a config looks at: keys, and words."""
    parsed = parse_options(suggested)
    numbers = {key for key, value in parsed.items() if isinstance(value, (int, float))}
    return frozenset(key if key in numbers else f"{key}={value}" for key, value in parsed.items())


def check_space(space: SearchSpace, config: str, options: Sequence[str]) -> None:
    """Check what a search space suggests against the config, at random points.

    Args:
        space: the search space.
        config: path of the config file.
        options: `dotted.key=value`, laid over the config first.

    Raises:
        ConfigError: `space` fails, or there is no such key or type; with the nearest names.
    """
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    seen: set[frozenset[str]] = set()
    params: set[str] = set()
    for _ in range(PROBES):
        trial = study.ask()
        try:
            suggested = space.options(trial)
        except optuna.TrialPruned:
            continue
        params |= trial.params.keys()
        if (names := _names(suggested)) in seen:
            continue
        seen.add(names)
        try:
            load_config(config, [*options, *suggested])
        except ConfigError as error:
            raise ConfigError(f"{space.path}: {error}") from error
    for pair in space.pairs:
        if len(pair) != 2 or not set(pair) <= params:
            raise ConfigError(
                f"{space.path}: pairs has {pair!r}; expected the names of two parameters, out of "
                f"{', '.join(sorted(params))}."
            )
