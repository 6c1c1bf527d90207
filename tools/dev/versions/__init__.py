"""Which versions of everything the project runs on: suites in environments of their own."""

from .stack import STACKS, Stack, chosen_stacks
from .trial import Trial
from .trials import report_trials, try_stacks

__all__ = ["STACKS", "Stack", "Trial", "chosen_stacks", "report_trials", "try_stacks"]
