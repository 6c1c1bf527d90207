"""Keep the import paths of version 0.1 working, with a `DeprecationWarning`.

An old module becomes an alias that looks its names up in the folder where they live now, so files
may move within their folder without a change here. Nothing is imported before an old path is used.
"""

from __future__ import annotations

import pkgutil
import sys
import warnings
from collections.abc import Iterator, Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

PACKAGE = "mtl_plugins"
OUTSIDE = "tools/"
"""Prefix of places outside the package, which cannot be imported."""

MOVED = (
    ("", "install", "compat plugins processor started"),
    ("", "targets", "structures"),
    ("", "tools/dev/bench", "bench"),
    ("", "tools/dev/versions", "stacks"),
    ("", "utils", "json_text progress suggestions"),
    ("datasets", "datasets", "folder_dataset"),
    (
        "datasets",
        "datasets.catalog",
        "cityscapes kitti nyuv2 nyuv2_converter shift street_scenes_dataset synscapes vkitti2",
    ),
    ("datasets", "datasets.files", "exr image_io jpeg_check npy_file png_check"),
    (
        "datasets",
        "datasets.formats",
        "depth_format label_format normal_format target_format target_formats value_format",
    ),
    ("datasets", "datasets.sampling", "sample_index seeded_sampler"),
    ("datasets", "street_scenes", "street_scenes"),
    ("datasets.packed", "datasets.packed", "stored_format verification"),
    (
        "datasets.transforms",
        "datasets.transforms",
        "arguments cutting_out evaluation_crop flipping packing padding rotating sample_size sky "
        "zooming",
    ),
    (
        "engine",
        "checkpoints",
        "archive_check checkpoint_io latest_checkpoint plain_state safetensors_io weights",
    ),
    (
        "engine",
        "config",
        "build config config_check config_lines config_options config_report config_sources "
        "data_config evaluation_options image_transforms literals metric_names option_values "
        "packed_config stored_config",
    ),
    (
        "engine",
        "costs",
        "cost cost_table live_memory macs parameters process_memory random_batch run_cost",
    ),
    ("engine", "data_tools", "browse_data data_check depth_statistics depth_tally packing_report"),
    (
        "engine",
        "engine.hooks",
        "buffer_snapshot class_check_hook curves_hook depth_check_hook durable_checkpoint_hook "
        "fault_hook interrupt_hook late_flag nonfinite_hook report_hook safe_checkpoint "
        "save_predictions_hook scalars_hook skipped_samples_hook summary_hook",
    ),
    ("engine", "engine.train_loop", "batch_change"),
    ("engine", "engine.optim", "amp optim_constructor"),
    ("engine", "evaluation", "baselines image_blind_scores"),
    ("engine", "report", "balance_report metrics_table report report_details results"),
    ("engine", "studies", "sweep_hook"),
    ("engine", "studies.ladder", "ladder"),
    ("engine", "studies.sweep", "sweep"),
    (
        "engine",
        "tools/dev/balancers",
        "balancer_cost balancer_cost_table level_difference level_table",
    ),
    ("engine", "tools/dev/config_gallery.py", "config_gallery"),
    ("engine", "tools/dev/endurance", "kill_test run_difference soak soak_hook"),
    ("engine", "utils", "atomic_file command machine"),
    (
        "evaluation",
        "evaluation",
        "class_scores depth_by_distance mtan_metric normals_metric score tally",
    ),
    (
        "inference",
        "inference",
        "bins command depth_png device loading metainfo names onnx_predictor optional prediction "
        "program_predictor size_groups source sources video",
    ),
    ("inference.export", "inference.export", "agreement_table exportable pooling"),
    ("inference.export", "tools/dev/export_matrix.py", "matrix matrix_table"),
    ("models", "models.multi_task_heads", "heads"),
    (
        "models.balancers",
        "models.balancers",
        "fixed gramian ranks shared_features shared_parameters",
    ),
    ("models.decoders", "models.layers", "context"),
    ("models.layers", "models.layers", "channel_attention channel_gate"),
    ("models.losses", "models.losses", "berhu chamfer masked silog"),
    ("models.segmentors", "models.segmentors", "view"),
    ("models", "models.preprocessing", "data_preprocessor device_augmentation"),
    ("models", "models.task_heads", "heads"),
    ("visualization", "engine.hooks", "chosen_images_hook panel_hook"),
    (
        "visualization",
        "visualization",
        "depth_picture figures map_files normals overlay rows sample_panel sheet values",
    ),
)
"""(Old package, new place, modules that moved from one to the other)."""

SUBMODULES = {
    "datasets.street_scenes": "buildings camera draws furniture ground labels layout lens nature "
    "noise people primitives raster road roadside scene scenery shading shapes street texture "
    "traffic vehicles weather writer",
    "engine.data_check": "check findings part_statistics report sample_check suspicions tables "
    "value_tally",
    "engine.ladder": "picture report runs single_task statistics step study",
    "engine.report": "chart charts classes comparison costs gallery history page pictures "
    "resolved_config run_record",
    "engine.sweep": "link plots report reporter rows sampler search_space storage study sweep "
    "training worker",
    "models.heads": "attention_bins_head bin_values branched_head depth_codecs depth_head "
    "distillation_head joint_head multi_task_head normals_head segmentation_head task_head",
}
"""The old modules that were packages, and what was in them."""

FACES = {
    "engine": (
        "checkpoints", "config", "costs", "data_tools", "engine.hooks", "evaluation", "report",
        "studies", "utils",
    ),
    "visualization": ("engine.hooks",),
}  # fmt: skip
"""Old package -> the packages whose `__all__` lists names that it had."""

GONE = {
    "tools/dev/config_gallery.py": "gallery_entry gallery_page write_gallery",
    "tools/dev/endurance": "SoakHook kill_test report_soak show_kill_report soak",
}
"""Place outside the package -> names that `engine` had."""


def keep_old_imports() -> None:
    """Make the old module paths importable. Calling it again does nothing."""
    if not any(isinstance(finder, _MovedFinder) for finder in sys.meta_path):
        # First, because Python's own finder would load submodules of a moved package twice.
        sys.meta_path.insert(0, _MovedFinder())


def new_places(module: str) -> list[str]:
    """Return where a module of version 0.1 is now; nothing if it has not moved.

    >>> new_places("engine.report.page"), new_places("engine.run")
    (['report'], [])
    """
    places = []
    for package, place, names in MOVED:
        prefix = f"{package}." if package else ""
        name, _, submodule = module.removeprefix(prefix).partition(".")
        known = SUBMODULES.get(prefix + name, "").split()
        if (
            module.startswith(prefix)
            and name in names.split()
            and (not submodule or submodule in known or place.startswith(OUTSIDE))
        ):
            places.append(place)
    return places


def moved_attribute(module: str, name: str) -> Any:
    """Return an attribute that a package had in version 0.1. Called by its `__getattr__`.

    Raises:
        AttributeError: the package had no such attribute.
        ImportError: the attribute is no longer part of the project's package.
    """
    face = module.partition(".")[2]
    # Python asks for its own submodules before it imports them, and for names like __path__.
    is_submodule = PathFinder.find_spec(f"{module}.{name}", sys.modules[module].__path__)
    if not name.startswith("__") and is_submodule is None:
        if face == "engine":
            for place, names in GONE.items():
                if name in names.split():
                    _warn(f"{module}.{name}", [place], stacklevel=4)
        for place in FACES.get(face, ()):
            home = import_module(f"{PACKAGE}.{place}")
            if name in home.__all__:
                _warn(f"{module}.{name}", [place], stacklevel=4)
                return getattr(home, name)
        if places := new_places(f"{face}.{name}" if face else name):
            _warn(f"{module}.{name}", places, stacklevel=4)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                return import_module(f"{module}.{name}")
    raise AttributeError(f"module {module!r} has no attribute {name!r}")


class _Package(ModuleType):
    """A package whose functions are not replaced by aliases of the same name."""

    def __setattr__(self, name: str, value: Any) -> None:
        # Python binds every imported module to its package: `engine.build` would hide `build()`.
        if isinstance(value, _Alias):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                if callable(getattr(self, name, None)):
                    return
        super().__setattr__(name, value)


class _Alias(_Package):
    """A module of version 0.1: finds its names where they are now."""

    def __init__(self, name: str, places: Sequence[str]) -> None:
        super().__init__(name)
        self._places = places

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name != "__all__":
            raise AttributeError(name)
        homes = [import_module(f"{PACKAGE}.{place}") for place in self._places]
        if name == "__all__":
            return [each for home in homes for each in getattr(home, name, ())]
        for module in homes:
            if name in vars(module):
                return vars(module)[name]
        found = [vars(each)[name] for each in _submodules(homes) if name in vars(each)]
        if found and all(each is found[0] for each in found):
            return found[0]
        raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")


def _submodules(homes: Sequence[ModuleType]) -> Iterator[ModuleType]:
    """Import everything in some packages, except what needs a package that is not installed."""
    for home in homes:
        for each in pkgutil.walk_packages(getattr(home, "__path__", ()), f"{home.__name__}."):
            try:
                yield import_module(each.name)
            except ImportError:
                continue


class _MovedFinder(MetaPathFinder):
    """Find modules by their old paths."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        package, _, module = fullname.partition(".")
        places = new_places(module) if package == PACKAGE else []
        if not places:
            return None
        return ModuleSpec(fullname, _AliasLoader(places), is_package=module in SUBMODULES)


class _AliasLoader(Loader):
    """Make the alias of an old module."""

    def __init__(self, places: Sequence[str]) -> None:
        self.places = places

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _Alias(spec.name, self.places)

    def exec_module(self, module: ModuleType) -> None:
        _warn(module.__name__, self.places, stacklevel=3)
        parent = sys.modules[module.__name__.rpartition(".")[0]]
        if not isinstance(parent, _Package):
            parent.__class__ = _Package


def _warn(old: str, places: Sequence[str], stacklevel: int) -> None:
    """Warn about an old path.

    Raises:
        ImportError: it is no longer part of the package.
    """
    if places[0].startswith(OUTSIDE):
        raise ImportError(
            f"{old} is no longer part of the package; it is now {places[0]} in the repository."
        )
    warnings.warn(
        f"{old} has moved to {' and '.join(f'{PACKAGE}.{place}' for place in places)}; the old "
        "path will be removed in a later version.",
        DeprecationWarning,
        stacklevel,
    )
