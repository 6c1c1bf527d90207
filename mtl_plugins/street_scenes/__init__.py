"""StreetScenes: procedural street pictures with exact classes, depth and normals."""

from .camera import Camera
from .ground import FAR
from .scene import StreetScene, render_scene
from .scenery import Body, Label
from .writer import DEPTH_SCALE, ensure_street_scenes, find_street_scenes, write_street_scenes

__all__ = [
    "DEPTH_SCALE",
    "FAR",
    "Body",
    "Camera",
    "Label",
    "StreetScene",
    "ensure_street_scenes",
    "find_street_scenes",
    "render_scene",
    "write_street_scenes",
]
