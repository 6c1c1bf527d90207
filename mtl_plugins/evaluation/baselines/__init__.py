"""Baselines of a network: image-blind predictors and single-task runs."""

from .image_blind import (
    ImageBlindPredictor,
    configured_metric,
    evaluate_image_blind,
    fit_image_blind,
    image_blind_scores,
)
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
