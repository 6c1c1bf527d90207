"""Combining the tasks' losses, or their gradients, into one step."""

from .balancer import LOG_PREFIX, Balancer, FixedWeights, LossBalancer
from .gradient_balancer import GradientBalancer

__all__ = ["LOG_PREFIX", "Balancer", "FixedWeights", "GradientBalancer", "LossBalancer"]
