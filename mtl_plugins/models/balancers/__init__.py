"""Combining the tasks' losses, or their gradients, into one step."""

from .balancer import LOG_PREFIX, Balancer, FixedWeights
from .gradient_balancer import GradientBalancer
from .loss_balancer import LossBalancer

__all__ = ["LOG_PREFIX", "Balancer", "FixedWeights", "GradientBalancer", "LossBalancer"]
