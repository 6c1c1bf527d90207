"""Hyper-parameter studies: train one config many times with different options."""

import warnings
from importlib.util import find_spec

try:
    import optuna
    from optuna.exceptions import ExperimentalWarning

    # Optuna imports it only for the importance plot, after all trials.
    if find_spec("sklearn") is None:
        raise ImportError(name="sklearn")
except ImportError as error:
    raise ImportError(
        f"Sweeps need {error.name}, which is not installed. "
        'Run: pip install "optuna>=5,<6" "scikit-learn>=1.5"'
    ) from error

from .report import write_report
from .search_space import SearchSpace, check_space, load_space
from .study import Sweep, open_study
from .worker import run_sweep

__all__ = [
    "SearchSpace",
    "Sweep",
    "check_space",
    "load_space",
    "open_study",
    "run_sweep",
    "write_report",
]

# Optuna's log lines would break up the progress bar. It has called heartbeats experimental since
# 2021.
optuna.logging.set_verbosity(optuna.logging.ERROR)
warnings.filterwarnings("ignore", category=ExperimentalWarning)
