"""How the tasks are weighed against each other, by their losses or their gradients."""

from .balancer import LOG_PREFIX, Balancer
from .fixed import FixedWeights
from .gradient_balancer import GradientBalancer
from .loss_balancer import LossBalancer

__all__ = ["LOG_PREFIX", "Balancer", "FixedWeights", "GradientBalancer", "LossBalancer"]
