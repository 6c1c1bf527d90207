"""Write a page with every loss, transform, hook, ... of mmseg and MMEngine: honoured or refused."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from mmengine.registry import MODEL_WRAPPERS, OPTIM_WRAPPERS, Registry
from mmseg.registry import DATA_SAMPLERS, HOOKS, METRICS, MODELS, TRANSFORMS

from mtl_plugins.config import REFUSED as REFUSED_PARTS
from mtl_plugins.datasets import FAULTS, IGNORED, NO_SAMPLE
from mtl_plugins.errors import ConfigError
from mtl_plugins.models.preprocessing import checked_preprocessor
from mtl_plugins.models.task_heads import INSTEAD, USUAL
from mtl_plugins.targets import DEPTH, NORMALS, SEMSEG, Target
from mtl_plugins.utils import TextTable, write_text

WEIGHTS = dict(class_weight=[1.0, 3.0, 3.0])
LOSSES: Sequence[tuple[str, dict[str, Any]]] = (
    ("BoundaryLoss", {}),
    ("CrossEntropyLoss", {}),
    ("CrossEntropyLoss", dict(avg_non_ignore=True)),
    ("CrossEntropyLoss", dict(use_sigmoid=True)),
    ("CrossEntropyLoss", dict(use_mask=True)),
    ("CrossEntropyLoss", WEIGHTS),
    ("CrossEntropyLoss", dict(use_sigmoid=True, **WEIGHTS)),
    ("CrossEntropyLoss", dict(reduction="sum")),
    ("CrossEntropyLoss", dict(reduction="none")),
    ("DiceLoss", {}),
    ("DiceLoss", dict(use_sigmoid=False)),
    ("DiceLoss", dict(naive_dice=True)),
    ("FocalLoss", {}),
    ("HuasdorffDisstanceLoss", {}),
    ("LovaszLoss", {}),
    ("LovaszLoss", dict(reduction="none")),
    ("LovaszLoss", dict(per_image=True)),
    ("LovaszLoss", dict(loss_type="binary", reduction="none")),
    ("OhemCrossEntropy", {}),
    ("SiLogLoss", {}),
    ("TverskyLoss", {}),
    ("TverskyLoss", WEIGHTS),
    ("TverskyLoss", dict(ignore_index=0)),
)
"""mmseg's losses in their forms, for a head of three classes."""

TARGETS: Mapping[str, Target] = {
    "one label map of up to 255 classes": SEMSEG,
    "more than 255 classes": Target("many", "classes", classes=tuple(map(str, range(300)))),
    "a second label map": Target("parts", "classes", classes=("a", "b")),
    "binary": Target("edges", "binary"),
    "scalar": Target("height", "scalar"),
    "depth": DEPTH,
    "normals": NORMALS,
    "offset": Target("flow", "offset"),
}
"""A target of each type, by its name on the page."""

CONDITIONS: Mapping[str, tuple[str, str]] = {
    "Normalize": (
        "honoured, unless the preprocessor normalises too (its default)",
        "mean and std of model.data_preprocessor",
    ),
    "InfiniteSampler": (
        "honoured where iterations are counted; refused where epochs are, and in evaluations",
        "SeededSampler; DefaultSampler in evaluations",
    ),
    "SegVisualizationHook": (
        "honoured; with draw=True, refused unless visualizer is a SegLocalVisualizer",
        "PanelHook",
    ),
    "ParamSchedulerHook": ("honoured once; a second one is refused", ""),
    "CheckpointHook": ("honoured once; a second one that writes the same files is refused", ""),
    "AmpOptimWrapper": ("honoured on a GPU; refused on a CPU", "AutocastOptimWrapper"),
    "DepthMetric": ("honoured with a task depth, without depth_metrics", "MultiTaskMetric"),
    "IoUMetric": ("honoured with a task semseg of up to 255 classes", "MultiTaskMetric"),
    "MultiImageMixDataset": (
        "honoured for mmseg's own data sets; refused for those of this package",
        "MosaicTargets",
    ),
}
"""Parts that are honoured sometimes: when, and what to use otherwise."""

HONOURED = "honoured"
REFUSED = "refused"

PREFACE = """# Parts of mmseg and MMEngine

Written by `python tools/dev/commands/foreign_parts.py`; do not edit.

Whatever mmseg and MMEngine register can be named in a config. Each part here either has the effect
that it has there (*honoured*), or the run stops before its first step with an error that names the
replacement (*refused*). `tests/test_foreign_parts.py`, `tests/models/test_loss_trial.py` and
`tests/datasets/transforms/test_transforms.py` try each of them.

A loss of your own, or of another package, is tried like mmseg's on a few pixels when its head is
built, and again on the device before the first step: it must be one finite number, must have no
gradient at pixels without truth, and must be 0, with a graph, without any truth.
"""


@dataclass(frozen=True)
class Row:
    """A part, what happens to it, and what to use where it is refused."""

    part: str
    outcome: str
    instead: str = ""


def losses() -> Iterator[Row]:
    """Try each loss in a head of classes."""
    for name, arguments in LOSSES:
        given = ", ".join(f"{key}={value!r}" for key, value in arguments.items())
        config = dict(arguments, type=name)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # mmseg's about the arguments
            try:
                MODELS.build(
                    dict(type="SegmentationHead", in_channels=1, num_classes=3, loss=config)
                )
                outcome, instead = HONOURED, ""
            except ConfigError:
                outcome, instead = REFUSED, INSTEAD.get(name, USUAL["classes"])
        if name == "SiLogLoss":
            instead = "SILogLoss, in a head of depth"
        yield Row(f"{name}({given})" if given else name, outcome, instead)


def transforms() -> Iterator[Row]:
    """Ask the check of pipelines about each transform."""
    for name in (*names(TRANSFORMS.parent), *names(TRANSFORMS)):
        short = name.removeprefix("mmcv.")
        faults = [fault for fault in FAULTS if name in fault.instead]
        harmed = [
            kind
            for kind, target in TARGETS.items()
            if short in NO_SAMPLE or any(fault.harms(target) for fault in faults)
        ]
        replacements = [NO_SAMPLE[short]] if short in NO_SAMPLE else []
        replacements += [fault.instead[name] for fault in faults]
        outcome = REFUSED if len(harmed) == len(TARGETS) else HONOURED
        if harmed and outcome == HONOURED:
            rest = [kind for kind in TARGETS if kind not in harmed]
            outcome = (
                f"honoured with {', '.join(rest)} alone, else refused"
                if len(rest) < len(harmed)
                else f"honoured; refused with {', '.join(harmed)}"
            )
        if name in CONDITIONS:
            yield Row(name, *CONDITIONS[name])
            continue
        yield Row(name, outcome, "; ".join(dict.fromkeys(replacements)))


def names(registry: Registry | None) -> list[str]:
    """Return the names of a registry's classes that mmengine, mmcv or mmseg has, sorted.

    mmcv's transforms that mmseg has too get their scope: mmcv.Resize.
    """
    assert registry is not None
    found = {
        name
        for name, part in registry.module_dict.items()
        if part.__module__.startswith(("mmcv.", "mmengine.", "mmseg.", "torch."))
    }
    twice = {"RandomFlip", "Resize"} if registry is TRANSFORMS.parent else set()
    own = {*TRANSFORMS.module_dict} if registry is TRANSFORMS.parent else set()
    return sorted(f"mmcv.{name}" if name in twice else name for name in found - (own - twice))


def by_table(registry: Registry, refused: Mapping[str, tuple[str, str]]) -> Iterator[Row]:
    """Look each part of a registry up in a table of the config's checks."""
    parents = [] if registry.parent is None else names(registry.parent)
    for name in sorted({*parents, *names(registry)}):
        yield row(name, refused)


def row(name: str, refused: Mapping[str, tuple[str, str]]) -> Row:
    """Return what a table says about a part."""
    if name in refused:
        return Row(name, REFUSED, refused[name][1])
    return Row(name, *CONDITIONS.get(name, (HONOURED, "")))


def preprocessors() -> Iterator[Row]:
    """Ask the model about each preprocessor."""
    for name in ("BaseDataPreprocessor", "ImgDataPreprocessor", "SegDataPreProcessor"):
        try:
            checked_preprocessor(dict(type=name))
            yield Row(name, HONOURED)
        except ConfigError:
            yield Row(name, REFUSED, "MultiTaskDataPreprocessor")


def arguments() -> Iterator[Row]:
    """List the arguments of mmseg's data sets."""
    for name, (harmless, instead) in IGNORED.items():
        yield Row(name, f"refused, unless it is {' or '.join(map(repr, harmless))}", instead)
    for name in (
        "ann_file", "data_prefix", "data_root", "img_suffix", "indices", "lazy_init", "max_refetch",
        "metainfo", "pipeline", "seg_map_suffix", "serialize_data", "test_mode",
    ):  # fmt: skip
        yield Row(name, HONOURED)


def tables() -> dict[str, list[Row]]:
    """Return the rows of each table of the page, by its heading."""
    # Imported after this package, which provides operators that mmseg asks for.
    import_module("mmseg.utils").register_all_modules(init_default_scope=False)
    wrappers = ("ClassBalancedDataset", "ConcatDataset", "MultiImageMixDataset", "RepeatDataset")
    return {
        "Losses of classes": [*losses()],
        "Transforms": [*transforms()],
        "Samplers": [*by_table(DATA_SAMPLERS, {})],
        "Hooks": [*by_table(HOOKS, REFUSED_PARTS["hooks"])],
        "Metrics": [*by_table(METRICS, REFUSED_PARTS["metrics"])],
        "Data sets that are made of others": [row(name, {}) for name in wrappers],
        "Arguments of data sets": [*arguments()],
        "Preprocessors": [*preprocessors()],
        "Model wrappers": [*by_table(MODEL_WRAPPERS, REFUSED_PARTS["model_wrappers"])],
        "Optimizer wrappers": [*by_table(OPTIM_WRAPPERS, REFUSED_PARTS["optim_wrappers"])],
        "Optimizer constructors, for a TimmEncoder": [
            row(name, REFUSED_PARTS["constructors"])
            for name in (
                "DefaultOptimWrapperConstructor",
                "ForceDefaultOptimWrapperConstructor",
                *REFUSED_PARTS["constructors"],
            )
        ],
    }


def foreign_page() -> str:
    """Return the page as Markdown."""
    parts = [PREFACE]
    columns = ("part", "outcome", "use instead")
    for heading, rows in tables().items():
        listed = [(f"`{each.part}`", each.outcome, each.instead) for each in rows]
        parts.append(f"## {heading}\n\n{TextTable(columns, listed, words=columns).markdown()}\n")
    return "\n".join(parts)


def write_foreign_page(out: str) -> None:
    """Write the page."""
    write_text(out, foreign_page())
    print(f"Written to {out}")
