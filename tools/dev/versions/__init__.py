"""Run the suite on several stacks of versions, each in its own environment."""

from .stack import STACKS, Stack, chosen_stacks
from .trials import Trial, report_trials, try_stacks

__all__ = ["STACKS", "Stack", "Trial", "chosen_stacks", "report_trials", "try_stacks"]
