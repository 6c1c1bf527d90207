"""Keep the import paths of version 0.1 working, with a `DeprecationWarning`.

A module that has moved is imported only when its old path is used.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

PACKAGE = "mtl_plugins"
OUTSIDE = "tools/"
"""Prefix of places outside the package, which cannot be imported."""

MODULES = {
    "bench": "tools/dev/bench",
    "compat": "install.compat",
    "datasets.cityscapes": "datasets.catalog.cityscapes",
    "datasets.depth_format": "datasets.formats.depth_format",
    "datasets.exr": "datasets.files.exr",
    "datasets.folder_dataset": "datasets.multi_task_dataset",
    "datasets.image_io": "datasets.files.image_io",
    "datasets.jpeg_check": "datasets.files.jpeg_check",
    "datasets.kitti": "datasets.catalog.kitti",
    "datasets.label_format": "datasets.formats.label_format",
    "datasets.normal_format": "datasets.formats.normal_format",
    "datasets.npy_file": "datasets.files.npy_file",
    "datasets.nyuv2": "datasets.catalog.nyuv2",
    "datasets.nyuv2_converter": "datasets.catalog.nyuv2_converter",
    "datasets.png_check": "datasets.files.png_check",
    "datasets.sample_index": "datasets.sampling.sample_index",
    "datasets.seeded_sampler": "datasets.sampling.seeded_sampler",
    "datasets.shift": "datasets.catalog.shift",
    "datasets.street_scenes": "street_scenes",
    "datasets.street_scenes_dataset": "datasets.catalog.street_scenes_dataset",
    "datasets.synscapes": "datasets.catalog.synscapes",
    "datasets.target_format": "datasets.formats.target_format",
    "datasets.target_formats": "datasets.formats.target_formats",
    "datasets.value_format": "datasets.formats.value_format",
    "datasets.vkitti2": "datasets.catalog.vkitti2",
    "engine.amp": "engine.optim.amp",
    "engine.archive_check": "checkpoints.archive_check",
    "engine.atomic_file": "utils.atomic_file",
    "engine.balance_report": "report.balance",
    "engine.balancer_cost": "tools/dev/balancers/balancer_cost",
    "engine.balancer_cost_table": "tools/dev/balancers/balancer_cost_table",
    "engine.baselines": "evaluation.baselines.single_task",
    "engine.batch_change": "engine.loop.batch_change",
    "engine.browse_data": "data_tools.browse",
    "engine.buffer_snapshot": "engine.hooks.buffer_snapshot",
    "engine.build": "config.build",
    "engine.checkpoint_io": "checkpoints.checkpoint_io",
    "engine.class_check_hook": "engine.hooks.class_check_hook",
    "engine.command": "utils.command",
    "engine.config": "config.loading",
    "engine.config_check": "config.check",
    "engine.config_gallery": "tools/dev/config_gallery",
    "engine.config_lines": "config.lines",
    "engine.config_options": "config.options",
    "engine.config_report": "config.printing",
    "engine.config_sources": "config.sources",
    "engine.cost": "costs.cost",
    "engine.cost_table": "costs.cost_table",
    "engine.curves_hook": "engine.hooks.curves_hook",
    "engine.data_check": "data_tools.check",
    "engine.data_config": "config.data",
    "engine.depth_check_hook": "engine.hooks.depth_check_hook",
    "engine.depth_statistics": "data_tools.depth_statistics",
    "engine.depth_tally": "data_tools.depth_tally",
    "engine.durable_checkpoint_hook": "engine.hooks.durable_checkpoint_hook",
    "engine.evaluation_options": "config.evaluation_options",
    "engine.fault_hook": "engine.hooks.fault_hook",
    "engine.image_blind_scores": "evaluation.baselines.image_blind_scores",
    "engine.image_transforms": "config.image_transforms",
    "engine.interrupt_hook": "engine.hooks.interrupt_hook",
    "engine.kill_test": "tools/dev/endurance/kill_test",
    "engine.ladder": "studies.ladder",
    "engine.ladder.statistics": "studies.statistics",
    "engine.late_flag": "engine.hooks.late_flag",
    "engine.latest_checkpoint": "checkpoints.latest_checkpoint",
    "engine.level_difference": "tools/dev/balancers/level_difference",
    "engine.level_table": "tools/dev/balancers/level_table",
    "engine.literals": "config.literals",
    "engine.live_memory": "costs.live_memory",
    "engine.machine": "utils.machine",
    "engine.macs": "costs.macs",
    "engine.metric_names": "config.metric_names",
    "engine.metrics_table": "report.metrics_table",
    "engine.nonfinite_hook": "engine.hooks.nonfinite_hook",
    "engine.optim_constructor": "engine.optim.optim_constructor",
    "engine.option_values": "config.option_values",
    "engine.packed_config": "config.packed",
    "engine.packing_report": "data_tools.packing_report",
    "engine.parameters": "costs.parameters",
    "engine.plain_state": "checkpoints.plain_state",
    "engine.process_memory": "costs.process_memory",
    "engine.processes": "engine.distributed.processes",
    "engine.random_batch": "costs.random_batch",
    "engine.report": "report",
    "engine.report_details": "report.details",
    "engine.report_hook": "engine.hooks.report_hook",
    "engine.results": "report.results",
    "engine.run_cost": "costs.run_cost",
    "engine.run_difference": "tools/dev/endurance/run_difference",
    "engine.runner": "engine.loop.runner",
    "engine.safe_checkpoint": "engine.hooks.safe_checkpoint_hook",
    "engine.safetensors_io": "checkpoints.safetensors_io",
    "engine.save_predictions_hook": "engine.hooks.save_predictions_hook",
    "engine.scalars_hook": "engine.hooks.scalars_hook",
    "engine.sharded_model": "engine.distributed.sharded_model",
    "engine.skipped_samples_hook": "engine.hooks.skipped_samples_hook",
    "engine.soak": "tools/dev/endurance/soak",
    "engine.soak_hook": "tools/dev/endurance/soak_hook",
    "engine.stored_config": "config.stored",
    "engine.summary_hook": "engine.hooks.summary_hook",
    "engine.sweep": "studies.sweep",
    "engine.sweep_hook": "studies.sweep_hook",
    "engine.train_loop": "engine.loop.train_loop",
    "engine.weights": "checkpoints.weights",
    "evaluation.class_scores": "evaluation.metrics.class_scores",
    "evaluation.depth": "evaluation.functional.depth",
    "evaluation.depth_by_distance": "evaluation.functional.depth_by_distance",
    "evaluation.image_blind": "evaluation.baselines.image_blind",
    "evaluation.measure": "evaluation.metrics.measure",
    "evaluation.mtan": "evaluation.functional.mtan",
    "evaluation.mtan_metric": "evaluation.metrics.mtan_metric",
    "evaluation.multi_task_metric": "evaluation.metrics.multi_task_metric",
    "evaluation.normals": "evaluation.functional.normals",
    "evaluation.normals_metric": "evaluation.metrics.normals_metric",
    "evaluation.score": "evaluation.metrics.score",
    "evaluation.semseg": "evaluation.functional.semseg",
    "evaluation.streaming_metric": "evaluation.metrics.streaming_metric",
    "evaluation.tally": "evaluation.metrics.tally",
    "inference.bins": "inference.predictor",
    "inference.command": "inference.inferencer",
    "inference.depth_png": "inference.output",
    "inference.device": "inference.predictor",
    "inference.export.agreement_table": "inference.export.agreement",
    "inference.export.exportable": "inference.export.tracing",
    "inference.export.matrix": "tools/dev/export_matrix/matrix",
    "inference.export.matrix_table": "tools/dev/export_matrix/matrix_table",
    "inference.export.pooling": "inference.export.formats",
    "inference.loading": "inference.inferencer",
    "inference.metainfo": "inference.torch_predictor",
    "inference.names": "inference.inputs",
    "inference.onnx_predictor": "inference.exported_predictor",
    "inference.optional": "inference.exported_predictor",
    "inference.prediction": "inference.predictor",
    "inference.program_predictor": "inference.exported_predictor",
    "inference.size_groups": "inference.exported_predictor",
    "inference.source": "inference.inputs",
    "inference.sources": "inference.inputs",
    "inference.video": "inference.pictures",
    "json_text": "utils.json_text",
    "models.data_preprocessor": "models.preprocessing.data_preprocessor",
    "models.device_augmentation": "models.preprocessing.device_augmentation",
    "models.heads.attention_bins_head": "models.task_heads.attention_bins_head",
    "models.heads.bin_values": "models.task_heads.bin_values",
    "models.heads.branched_head": "models.multi_task_heads.branched_head",
    "models.heads.depth_codecs": "models.task_heads.depth_codecs",
    "models.heads.depth_head": "models.task_heads.depth_head",
    "models.heads.distillation_head": "models.multi_task_heads.distillation_head",
    "models.heads.joint_head": "models.multi_task_heads.joint_head",
    "models.heads.multi_task_head": "models.multi_task_heads.multi_task_head",
    "models.heads.normals_head": "models.task_heads.normals_head",
    "models.heads.segmentation_head": "models.task_heads.segmentation_head",
    "models.heads.task_head": "models.task_heads.task_head",
    "plugins": "install.plugins",
    "processor": "install.processor",
    "progress": "utils.progress",
    "stacks": "tools/dev/versions",
    "started": "install.started",
    "structures": "targets",
    "suggestions": "utils.suggestions",
    "visualization.chosen_images_hook": "engine.hooks.chosen_images_hook",
    "visualization.colors": "visualization.painting.colors",
    "visualization.contact_sheet": "visualization.sheets.contact_sheet",
    "visualization.depth_picture": "visualization.painting.depth_picture",
    "visualization.figures": "visualization.painting.figures",
    "visualization.map_files": "visualization.painting.map_files",
    "visualization.normals": "visualization.painting.normals",
    "visualization.overlay": "visualization.painting.overlay",
    "visualization.painters": "visualization.painting.painters",
    "visualization.panel_hook": "engine.hooks.panel_hook",
    "visualization.panels": "visualization.sheets.panels",
    "visualization.rows": "visualization.painting.rows",
    "visualization.sample_panel": "visualization.sheets.sample_panel",
    "visualization.sheet": "visualization.sheets.sheet",
    "visualization.values": "visualization.painting.values",
}
"""Old module -> new module, without the package's name. Submodules moved along."""

SEVERAL = {"models.heads": ("models.task_heads", "models.multi_task_heads")}
"""Old module -> the new modules that share its names."""

NAMES = {
    ("engine", "checkpoints"): (
        "CheckpointError",
        "load_checkpoint",
    ),
    ("engine", "config"): (
        "Source",
        "build",
        "build_dataset",
        "check_config",
        "config_sources",
        "load_config",
        "pack_config",
        "print_config",
        "with_packed",
        "with_pictures",
        "with_views",
    ),
    ("engine", "costs"): (
        "Cost",
        "LiveMemory",
        "cost_table",
        "count_macs",
        "measure_cost",
        "measure_costs",
        "peak_memory",
        "report_costs",
    ),
    ("engine", "data_tools"): (
        "DepthStatistics",
        "browse_data",
        "folder_bytes",
        "measure_depth",
        "report_depth_statistics",
        "report_packing",
        "seen_samples",
        "split_depth_statistics",
    ),
    ("engine", "data_tools.check"): (
        "check_data",
        "report_data_check",
    ),
    ("engine", "evaluation.baselines"): (
        "configured_metric",
        "image_blind_scores",
    ),
    ("engine", "report"): (
        "balance_report",
        "balance_table",
        "metrics_table",
        "show_metrics",
    ),
    ("engine", "studies"): ("SweepHook",),
    ("engine", "tools/dev/config_gallery"): (
        "gallery_entry",
        "gallery_page",
        "write_gallery",
    ),
    ("engine", "tools/dev/endurance"): (
        "SoakHook",
        "kill_test",
        "report_soak",
        "show_kill_report",
        "soak",
    ),
    ("engine", "utils"): ("run_command",),
    ("visualization", "engine"): (
        "ChosenImagesHook",
        "PanelHook",
    ),
}
"""(Old face, new face) -> the names that moved."""


def keep_old_imports() -> None:
    """Make the old module paths importable. Calling it again does nothing."""
    if not any(isinstance(finder, _MovedFinder) for finder in sys.meta_path):
        # First, because Python's own finder would load submodules of a moved package twice.
        sys.meta_path.insert(0, _MovedFinder())


def moved_attribute(module: str, name: str) -> Any:
    """Return an attribute that a module had in version 0.1. Called by its `__getattr__`.

    Raises:
        AttributeError: the module had no such attribute.
        ImportError: the attribute is no longer part of the package.
    """
    face = module.partition(".")[2]
    for (old, new), names in NAMES.items():
        if old == face and name in names:
            _warn(f"{module}.{name}", new, stacklevel=4)
            return getattr(import_module(f"{PACKAGE}.{new}"), name)
    full = f"{face}.{name}" if face else name
    if full in MODULES:
        _warn(f"{module}.{name}", MODULES[full], stacklevel=4)
        return import_module(f"{PACKAGE}.{MODULES[full]}")
    if full in SEVERAL:
        return import_module(f"{PACKAGE}.{full}")
    raise AttributeError(f"module {module!r} has no attribute {name!r}")


def new_place(module: str) -> str | None:
    """Return the new place of a module of version 0.1, or None if it has not moved.

    >>> new_place("engine.report.page"), new_place("engine.run")
    ('report.page', None)
    """
    head, tail = module, ""
    while head:
        if head in MODULES:
            between = "/" if MODULES[head].startswith(OUTSIDE) else "."
            return MODULES[head] + tail.replace(".", between)
        head, _, last = head.rpartition(".")
        tail = f".{last}{tail}"
    return None


class _Face(ModuleType):
    """A package whose functions are not replaced by moved modules of the same name."""

    def __setattr__(self, name: str, value: Any) -> None:
        # Python binds every imported module to its package, `ladder.study` to `ladder`, too.
        taken = not isinstance(vars(self).get(name, value), ModuleType) or any(
            f"{PACKAGE}.{old}" == self.__name__ and name in names
            for (old, _), names in NAMES.items()
        )
        if not (isinstance(value, ModuleType) and taken):
            super().__setattr__(name, value)


class _MovedFinder(MetaPathFinder):
    """Find modules by their old paths."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        package, _, module = fullname.partition(".")
        if package != PACKAGE or not module:
            return None
        if module in SEVERAL:
            return ModuleSpec(fullname, _SeveralLoader(SEVERAL[module]), is_package=True)
        place = new_place(module)
        return None if place is None else ModuleSpec(fullname, _MovedLoader(place))


class _MovedLoader(Loader):
    """Register the moved module under its old path too."""

    def __init__(self, place: str) -> None:
        self.place = place

    def exec_module(self, module: ModuleType) -> None:
        name = module.__name__
        _warn(name, self.place, stacklevel=3)
        sys.modules[name.rpartition(".")[0]].__class__ = _Face
        sys.modules[name] = import_module(f"{PACKAGE}.{self.place}")


class _SeveralLoader(Loader):
    """Make a module that has the names of several others."""

    def __init__(self, places: Sequence[str]) -> None:
        self.places = places

    def exec_module(self, module: ModuleType) -> None:
        _warn(module.__name__, f" and {PACKAGE}.".join(self.places), stacklevel=3)
        for place in self.places:
            home = import_module(f"{PACKAGE}.{place}")
            vars(module).update({name: getattr(home, name) for name in home.__all__})


def _warn(old: str, place: str, stacklevel: int) -> None:
    """Warn about an old path, or raise an ImportError if it left the package."""
    if place.startswith(OUTSIDE):
        raise ImportError(
            f"{old} is no longer part of the package; it is now {place} in the repository."
        )
    warnings.warn(
        f"{old} has moved to {PACKAGE}.{place}; the old path will be removed in a later version.",
        DeprecationWarning,
        stacklevel,
    )
