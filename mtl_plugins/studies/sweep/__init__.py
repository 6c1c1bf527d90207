"""Hyper-parameter studies: many trainings of one config with other options."""

import warnings
from importlib.util import find_spec

try:
    import optuna
    from optuna.exceptions import ExperimentalWarning

    # Optuna's fANOVA needs it. Only looked for: every training of a sweep comes this way.
    if find_spec("sklearn") is None:
        raise ImportError(name="sklearn")
except ImportError as error:
    raise ImportError(
        f"Sweeps need {error.name}, which is not installed. "
        'Run: pip install "optuna>=5,<6" "scikit-learn>=1.5"'
    ) from error

from .link import TrialLink
from .report import write_report
from .reporter import Reporter
from .search_space import SearchSpace, check_space, load_space
from .study import Sweep, open_study
from .sweep import run_sweep

__all__ = [
    "Reporter",
    "SearchSpace",
    "Sweep",
    "TrialLink",
    "check_space",
    "load_space",
    "open_study",
    "run_sweep",
    "write_report",
]

# Its own lines would stand between those of the progress; heartbeats are experimental since 2021.
optuna.logging.set_verbosity(optuna.logging.ERROR)
warnings.filterwarnings("ignore", category=ExperimentalWarning)
