"""Configs: load, lay options over, check, adapt to the machine, store and print."""

from .building import building
from .check import check_config, registered_types
from .contradictions import check_lengths
from .datasets import (
    SPLITS,
    build_dataset,
    check_split,
    image_transforms,
    named_datasets,
    pack_config,
    with_packed,
)
from .final import final_config, run_config
from .foreign import REFUSED
from .loading import (
    check_exists,
    config_sources,
    copied,
    load_config,
    with_pictures,
    with_views,
)
from .measured import measured_names
from .network import build, stored_config
from .options import parse_options
from .printing import print_config
from .sources import Source, leaves
from .tasks import complete_tasks

__all__ = [
    "REFUSED",
    "SPLITS",
    "Source",
    "build",
    "build_dataset",
    "building",
    "check_config",
    "check_exists",
    "check_lengths",
    "check_split",
    "complete_tasks",
    "config_sources",
    "copied",
    "final_config",
    "image_transforms",
    "leaves",
    "load_config",
    "measured_names",
    "named_datasets",
    "pack_config",
    "parse_options",
    "print_config",
    "registered_types",
    "run_config",
    "stored_config",
    "with_packed",
    "with_pictures",
    "with_views",
]
