"""Measure balancers: their cost, and the error of balancing at the feature level."""

from .balancer_cost import all_balancers, measure_all_balancers, report_balancer_costs
from .level_difference import level_differences, show_level_differences

__all__ = [
    "all_balancers",
    "level_differences",
    "measure_all_balancers",
    "report_balancer_costs",
    "show_level_differences",
]
