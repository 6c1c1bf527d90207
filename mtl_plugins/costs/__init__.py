"""Parameters, multiply-adds, memory and time of a model."""

from .cost import Cost, check_measurable, measure_cost, random_batch, seconds_of
from .cost_table import cost_table, measure_costs, report_costs
from .counts import count_macs, parameters_by_part, run_cost
from .memory import LiveMemory, peak_memory, process_peak_bytes

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
