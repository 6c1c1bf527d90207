"""Parts of mmseg and mmengine that a run cannot use, with their replacements."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch

from ..errors import ConfigError
from ..targets import DEPTH, IGNORE_LABEL, SEMSEG, Target

Refused = Mapping[str, tuple[str, str]]
"""Name of a part -> why it is refused, and what to use instead."""

_HOOKS: Refused = {
    "NPUProfilerHook": ("needs Ascend's torch_npu", "ProfilerHook"),
    "NaiveVisualizationHook": ("draws nothing since mmengine changed its samples", "PanelHook"),
    "PrepareTTAHook": (
        "replaces the model by one that knows labels alone",
        "model.test_cfg=dict(tta=dict(scales=(0.5, 1.0), flip=True))",
    ),
    "RFSearchHook": (
        "changes the layers of the network, so that its checkpoints fit no config",
        "the dilation rates that you want in the network's config",
    ),
}

_METRICS: Refused = {
    "CityscapesMetric": (
        "needs cityscapesscripts and the files of the official labels",
        "MultiTaskMetric, and tools/test.py --save for the files of the predictions",
    ),
}

_WRAPPERS: Refused = {
    **dict.fromkeys(
        (
            "CollosalAIModelWrapper", "ColossalAIModelWrapper", "DataParallel",
            "DistributedDataParallel", "MMDeepSpeedEngineWrapper",
            "MMSeparateDistributedDataParallel",
        ),
        ("cannot run the training step of this model", "MMDistributedDataParallel, the default"),
    ),
    "MMFullyShardedDataParallel": ("is not supported, see docs/distributed.md", "ShardedModel"),
}  # fmt: skip

_OPTIMIZERS: Refused = dict.fromkeys(
    ("ApexOptimWrapper", "ColossalAIOptimWrapper", "DeepSpeedOptimWrapper"),
    ("needs another library's trainer", "OptimWrapper, or AutocastOptimWrapper for half precision"),
)

_CONSTRUCTORS: Refused = dict.fromkeys(
    ("LayerDecayOptimizerConstructor", "LearningRateDecayOptimizerConstructor"),
    (
        "knows the layers of mmseg's ConvNeXt, MAE and BEiT alone",
        "optim_wrapper.paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=0.1)))",
    ),
)
"""Constructors that are refused for other encoders than `LAYERED`."""

LAYERED = ("ConvNeXt", "MAE", "BEiT")
"""The encoders of mmseg whose layers they know."""

REFUSED: Mapping[str, Refused] = dict(
    hooks=_HOOKS,
    metrics=_METRICS,
    model_wrappers=_WRAPPERS,
    optim_wrappers=_OPTIMIZERS,
    constructors=_CONSTRUCTORS,
)
"""All of them, by what they are."""

NEEDS: Mapping[str, Target] = {"DepthMetric": DEPTH, "IoUMetric": SEMSEG}
"""Metric of mmseg -> the one target that it measures."""


def foreign_parts(run: Any) -> Iterator[str]:
    """Find parts of mmseg and mmengine that a run would fail with, or that would do nothing.

    Args:
        run: with the `config` of a run.
    """
    config = run.config
    for key, node, refused in _parts(config):
        name = _name(node)
        if name in refused:
            why, instead = refused[name]
            yield f"{key} is a {name}, which {why}. Use {instead}."
        if name == "SegVisualizationHook" and (node.get("draw") or node.get("show")):
            visualizer = _name(config.get("visualizer"))
            if visualizer != "SegLocalVisualizer":
                yield (
                    f"{key} is a SegVisualizationHook, but visualizer is a {visualizer}, which "
                    "draws nothing of a sample. Use PanelHook, or "
                    "visualizer=dict(type='SegLocalVisualizer')."
                )
        if name == "AmpOptimWrapper" and not torch.cuda.is_available():
            yield (
                f"{key} is an AmpOptimWrapper, which needs a GPU, and there is none. Use "
                "AutocastOptimWrapper, as --amp does."
            )
    if _normalises(config.get("model") or {}):
        for key in ("train_dataloader", "val_dataloader", "test_dataloader"):
            if "Normalize" in {_name(each) for each in _transforms(config.get(key))}:
                yield (
                    f"The pipeline of {key} has Normalize, and model.data_preprocessor normalises "
                    "as well, so images would be normalised twice. Leave Normalize out, and give "
                    "its mean and std to model.data_preprocessor."
                )
    runner = config.get("runner_type", "MultiTaskRunner")
    if runner not in ("MultiTaskRunner", "Runner"):
        yield (
            f"runner_type={runner!r} would have no effect: every run has a MultiTaskRunner. Leave "
            "runner_type out."
        )


def unused_arguments(run: Any) -> Iterator[str]:
    """Find arguments of mmseg's models that have no effect here, where they ask for something.

    Args:
        run: with the `config` of a run.
    """
    model = run.config.get("model") or {}
    if model.get("train_cfg"):
        yield (
            f"model.train_cfg={model['train_cfg']} has no effect: leave it out. Losses and their "
            "options belong to the task heads."
        )
    for key, node in _nodes(model.get("decode_head"), "model.decode_head"):
        head = node.get("head")
        if _name(node) != "MMSegDecoder" or not isinstance(head, Mapping):
            continue
        losses = head.get("loss_decode") or ()
        losses = [losses] if isinstance(losses, Mapping) else losses
        if any(_name(each) != "CrossEntropyLoss" or each.get("class_weight") for each in losses):
            yield (
                f"{key}.head.loss_decode has no effect: features alone are taken from the head. "
                "Give the losses to the task head, as loss=..."
            )
        if head.get("sampler"):
            yield (
                f"{key}.head.sampler has no effect: features alone are taken from the head. Use "
                "MaskedOHEMLoss in the task head for pixels that are hard."
            )


def _nodes(node: Any, key: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield every dict inside of a config, with its dotted key."""
    if isinstance(node, Mapping):
        yield key, node
        for name, each in node.items():
            yield from _nodes(each, f"{key}.{name}")


def _parts(config: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any], Refused]]:
    """Yield the key and the config of each part that a run builds, and what is refused there."""
    for name, hook in (config.get("default_hooks") or {}).items():
        yield f"default_hooks.{name}", hook or {}, _HOOKS
    for index, hook in enumerate(config.get("custom_hooks") or ()):
        yield f"custom_hooks.{index}", hook, _HOOKS
    for key in ("val_evaluator", "test_evaluator"):
        for metric in _metrics(config.get(key)):
            yield key, metric, _METRICS
    yield "model_wrapper_cfg", config.get("model_wrapper_cfg") or {}, _WRAPPERS
    wrapper = config.get("optim_wrapper") or {}
    yield "optim_wrapper", wrapper, _OPTIMIZERS
    if _name((config.get("model") or {}).get("backbone")) not in LAYERED:
        yield "optim_wrapper.constructor", dict(type=wrapper.get("constructor")), _CONSTRUCTORS


def _normalises(model: Mapping[str, Any]) -> bool:
    """Return whether a model's preprocessor changes the mean or deviation of images."""
    preprocessor = model.get("data_preprocessor") or dict(type="MultiTaskDataPreprocessor")
    if _name(preprocessor) != "MultiTaskDataPreprocessor":
        return False
    unchanged = not any(preprocessor.get("mean", [1])) and {*preprocessor.get("std", [])} == {1}
    return not unchanged


def _transforms(node: Any) -> Iterator[Any]:
    """Yield the configs of all transforms of a data loader, also those within others."""
    if isinstance(node, Mapping):
        for key in ("dataset", "datasets"):
            yield from _transforms(node.get(key))
        for key in ("pipeline", "transforms"):
            for each in node.get(key) or ():
                yield from (each, *_transforms(each))
    elif isinstance(node, Sequence) and not isinstance(node, str):
        for each in node:
            yield from _transforms(each)


def _metrics(evaluator: Any) -> Sequence[Any]:
    """Return the metrics of an evaluator, of a list or of one metric."""
    if isinstance(evaluator, Mapping):
        return _metrics(evaluator["metrics"]) if "metrics" in evaluator else [evaluator]
    return evaluator or ()


def _name(node: Any) -> str:
    """Return the name of the class that a config names or holds, without its scope."""
    kind = node.get("type") if isinstance(node, Mapping) else type(node)
    name = kind if isinstance(kind, str) else getattr(kind, "__name__", "")
    return name.rpartition(".")[2]


def check_foreign_metrics(config: Mapping[str, Any], targets: Sequence[Target]) -> None:
    """Refuse metrics of mmseg for a target that the network does not predict, or not as they ask.

    Args:
        config: the config of a run.
        targets: those of its network; empty for a network of mmseg's.

    Raises:
        ConfigError: the metric would fail after the first epoch, or measure something else.
    """
    for key in ("val_evaluator", "test_evaluator"):
        for metric in _metrics(config.get(key)):
            name = _name(metric)
            needed = NEEDS.get(name)
            if needed is None or not targets:
                continue
            found = next((t for t in targets if t.name == needed.name), None)
            problem = ""
            if found is None:
                problem = f"measures {needed.name!r}, which the network does not predict"
            elif found.integer and found.invalid != IGNORE_LABEL:
                problem = f"takes {IGNORE_LABEL} for no class, which here is {int(found.invalid)}"
            elif metric.get("depth_metrics") is not None:
                problem = "fails with depth_metrics"
            elif found.integer and metric.get("ignore_index", IGNORE_LABEL) != IGNORE_LABEL:
                problem = "has an ignore_index other than 255, which here means no class"
            if problem:
                raise ConfigError(f"{key}: {name} {problem}. Use MultiTaskMetric.")
