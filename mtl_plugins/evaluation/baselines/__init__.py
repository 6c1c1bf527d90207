"""What a network is compared with: image-blind predictors and single-task runs."""

from .image_blind import ImageBlindPredictor, evaluate_image_blind, fit_image_blind
from .image_blind_scores import configured_metric, image_blind_scores
from .single_task import ALL_METRICS, ONE_METRIC, Baseline, Baselines

__all__ = [
    "ALL_METRICS",
    "ONE_METRIC",
    "Baseline",
    "Baselines",
    "ImageBlindPredictor",
    "configured_metric",
    "evaluate_image_blind",
    "fit_image_blind",
    "image_blind_scores",
]
