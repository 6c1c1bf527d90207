"""What balancers cost, and how near the feature level is to the exact one."""

from .balancer_cost import all_balancers
from .balancer_cost_table import measure_all_balancers, report_balancer_costs
from .level_difference import level_differences
from .level_table import show_level_differences

__all__ = [
    "all_balancers",
    "level_differences",
    "measure_all_balancers",
    "report_balancer_costs",
    "show_level_differences",
]
