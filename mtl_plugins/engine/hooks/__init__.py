"""Hooks of a training run."""

from .chosen_images_hook import ChosenImagesHook
from .panel_hook import PanelHook

__all__ = ["ChosenImagesHook", "PanelHook"]
