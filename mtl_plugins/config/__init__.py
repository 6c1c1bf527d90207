"""Configs: load, lay options over, check, store, print."""

from .build import build
from .check import check_config, registered_types
from .datasets import SPLITS, build_dataset, check_split, named_datasets
from .evaluation_options import with_pictures, with_views
from .image_transforms import image_transforms
from .loading import as_config, check_exists, copied, load_config
from .metric_names import check_metric_names, measured_names, set_rules, task_kinds
from .options import parse_options
from .packed import pack_config, with_packed
from .printing import print_config
from .sources import Source, config_sources, leaves
from .stored import stored_config

__all__ = [
    "SPLITS",
    "Source",
    "as_config",
    "build",
    "build_dataset",
    "check_config",
    "check_exists",
    "check_metric_names",
    "check_split",
    "config_sources",
    "copied",
    "image_transforms",
    "leaves",
    "load_config",
    "measured_names",
    "named_datasets",
    "pack_config",
    "parse_options",
    "print_config",
    "registered_types",
    "set_rules",
    "stored_config",
    "task_kinds",
    "with_packed",
    "with_pictures",
    "with_views",
]
