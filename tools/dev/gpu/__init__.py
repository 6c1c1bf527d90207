"""Cases of `gpu_check.py`, and the processes that run them."""

from .case import Case, Settings, cases
from .supervise import run_worker, supervise

__all__ = ["Case", "Settings", "cases", "run_worker", "supervise"]
