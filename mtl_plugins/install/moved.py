"""Keep the import paths of version 0.1 working, with a `DeprecationWarning`.

A module of 0.1 that is gone becomes an alias, which finds its public names in the `__all__` of
today's folders. So files and folders may move without a change here. Nothing is imported before an
old path is used.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pkgutil import walk_packages
from types import ModuleType
from typing import Any

PACKAGE = "mtl_plugins"

MODULES = {
    "": "compat json_text plugins processor progress started structures suggestions",
    "datasets": "cityscapes depth_format exr folder_dataset image_io jpeg_check kitti "
    "label_format normal_format npy_file nyuv2 nyuv2_converter png_check sample_index "
    "seeded_sampler shift street_scenes street_scenes_dataset synscapes target_format "
    "target_formats value_format vkitti2",
    "datasets.packed": "stored_format verification",
    "datasets.street_scenes": "camera ground noise people primitives raster roadside scene "
    "scenery shading street traffic vehicles writer",
    "datasets.transforms": "arguments cutting_out evaluation_crop flipping packing padding "
    "rotating sample_size sky zooming",
    "engine": "amp archive_check atomic_file balance_report baselines batch_change "
    "browse_data buffer_snapshot build checkpoint_io class_check_hook command config "
    "config_check config_lines config_options config_report config_sources cost cost_table "
    "curves_hook data_check data_config depth_check_hook depth_statistics depth_tally "
    "durable_checkpoint_hook evaluation_options fault_hook image_blind_scores image_transforms "
    "interrupt_hook ladder late_flag latest_checkpoint literals live_memory machine macs "
    "metric_names metrics_table nonfinite_hook optim_constructor option_values packed_config "
    "packing_report parameters plain_state process_memory random_batch report report_details "
    "report_hook results run_cost safe_checkpoint safetensors_io save_predictions_hook "
    "scalars_hook skipped_samples_hook stored_config summary_hook sweep sweep_hook weights",
    "engine.data_check": "check findings part_statistics report sample_check suspicions "
    "tables value_tally",
    "engine.ladder": "picture report runs single_task statistics step study",
    "engine.report": "charts gallery page run_record",
    "engine.sweep": "report search_space study sweep training worker",
    "evaluation": "class_scores depth_by_distance mtan_metric normals_metric score tally",
    "inference": "bins command depth_png device loading metainfo names onnx_predictor "
    "optional prediction program_predictor size_groups source sources video",
    "inference.export": "agreement_table exportable pooling",
    "models": "data_preprocessor device_augmentation heads",
    "models.balancers": "fixed gramian loss_balancer ranks shared_features shared_parameters",
    "models.decoders": "attention_fusion context multi_scale nested transformer_skip",
    "models.encoders": "task_encoders",
    "models.heads": "attention_bins_head bin_values branched_head depth_codecs depth_head "
    "distillation_head joint_head multi_task_head normals_head segmentation_head task_head",
    "models.layers": "attended_mean channel_attention channel_gate transformer_block",
    "models.losses": "berhu chamfer cosine cross_entropy masked silog",
    "models.segmentors": "inference_config view",
    "visualization": "chosen_images_hook depth_picture figures map_files normals overlay "
    "panel_hook rows sample_panel sheet values",
}
"""Package of 0.1 -> modules and packages in it that are gone."""

LEFT = {
    "examples/plugin": "new_plugin",
    "tools/dev/bench": "bench",
    "tools/dev/versions": "stacks",
    "tools/dev/balancers": "engine.balancer_cost engine.balancer_cost_table "
    "engine.level_difference engine.level_table",
    "tools/dev/config_gallery.py": "engine.config_gallery engine.gallery_entry "
    "engine.gallery_page engine.write_gallery",
    "tools/dev/endurance": "engine.kill_test engine.report_soak engine.run_difference "
    "engine.show_kill_report engine.soak engine.soak_hook engine.SoakHook",
    "tools/dev/export_matrix.py": "inference.export.matrix inference.export.matrix_table",
}
"""Place in the repository -> modules and names that are no longer part of the package."""

GONE = dict.fromkeys(
    (
        f"{PACKAGE}.datasets.register_format",
        f"{PACKAGE}.targets.DENSE_TARGETS",
        f"{PACKAGE}.targets.DenseTarget",
        f"{PACKAGE}.targets.register_target",
        f"{PACKAGE}.visualization.register_painter",
    ),
    "a target is declared in the config of its data set (docs/datasets.md), and its type brings "
    "its format, metric and painter",
) | {
    f"{PACKAGE}.evaluation.tally_image": "MultiTaskMetric.measure_maps measures an image, and "
    "MultiTaskMetric.scores computes the metrics of a sum over images",
}
"""Path -> what replaces a name that is gone."""


def _paths(package: str, names: str) -> list[str]:
    return [".".join(filter(None, (PACKAGE, package, name))) for name in names.split()]


OLD = {path for package, names in MODULES.items() for path in _paths(package, names)}
OUTSIDE = {path: place for place, names in LEFT.items() for path in _paths("", names)}


def keep_old_imports() -> None:
    """Make the old module paths importable."""
    sys.meta_path.append(_OldModules())


def moved_attribute(module: str, name: str) -> Any:
    """Return an attribute that a module had in version 0.1. Called by the module's `__getattr__`.

    Raises:
        AttributeError: no folder offers this name.
        ImportError: the name is no longer part of the package.
    """
    path = f"{module}.{name}"
    # Python asks for names like __path__, and for today's submodules before it imports them.
    if not name.startswith("__") and not PathFinder.find_spec(path, sys.modules[module].__path__):
        check_gone(path)
        if homes := _homes(module, name):
            warnings.warn(
                f"{path} has moved to {homes[0]}.{name}; the old path will be removed in a later "
                "version.",
                DeprecationWarning,
                stacklevel=3,
            )
            return getattr(sys.modules[homes[0]], name)
        if path in OLD:
            return import_module(path)
    raise AttributeError(f"module {module!r} has no attribute {name!r}")


def _homes(module: str, name: str) -> list[str]:
    """List the modules that offer a name today; first those called like a part of the old path."""
    if module == PACKAGE:  # its names have not moved
        return []
    # `walk_packages` imports them, except those that need a package that is not installed.
    packages = walk_packages(sys.modules[PACKAGE].__path__, f"{PACKAGE}.")
    known = [each.name for each in packages if each.ispkg]
    known.append(f"{PACKAGE}.targets")
    loaded = {each: sys.modules[each] for each in known if each in sys.modules}
    found = [key for key, each in loaded.items() if name in getattr(each, "__all__", vars(each))]
    return sorted(found, key=lambda home: home.rpartition(".")[2] not in module.split("."))


def check_gone(path: str) -> None:
    """Raise an `ImportError` that says what replaces a module or name of 0.1 that is gone."""
    if path in OUTSIDE:
        raise ImportError(
            f"{path} is no longer part of the package; it is now {OUTSIDE[path]} in the repository."
        )
    if path in GONE:
        raise ImportError(f"{path} is gone: {GONE[path]}.")


class _Package(ModuleType):
    """A package in which no old module replaces a function of the same name."""

    def __setattr__(self, name: str, value: Any) -> None:
        # Python binds every imported module to its package: `engine.build` would hide `build()`.
        if not (isinstance(value, _OldModule) and _homes(self.__name__, name)):
            super().__setattr__(name, value)


class _OldModule(_Package):
    """A module of version 0.1: finds its names where they are now."""

    def __getattr__(self, name: str) -> Any:
        return moved_attribute(self.__name__, name)


class _OldModules(MetaPathFinder, Loader):
    """Find modules by their old paths."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        check_gone(fullname)
        # A package, so that Python asks here for the modules in it.
        return ModuleSpec(fullname, self, is_package=True) if fullname in OLD else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _OldModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        parent = sys.modules[module.__name__.rpartition(".")[0]]
        if type(parent) is ModuleType:
            parent.__class__ = _Package
