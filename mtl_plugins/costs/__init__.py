"""Parameters, multiply-adds, memory and time of a model."""

from .cost import Cost, check_measurable, measure_cost
from .cost_table import cost_table, measure_costs, report_costs
from .live_memory import LiveMemory, peak_memory
from .macs import count_macs
from .parameters import parameters_by_part
from .process_memory import process_peak_bytes
from .random_batch import random_batch
from .run_cost import run_cost
from .timing import seconds_of

__all__ = [
    "Cost",
    "LiveMemory",
    "check_measurable",
    "cost_table",
    "count_macs",
    "measure_cost",
    "measure_costs",
    "parameters_by_part",
    "peak_memory",
    "process_peak_bytes",
    "random_batch",
    "report_costs",
    "run_cost",
    "seconds_of",
]
