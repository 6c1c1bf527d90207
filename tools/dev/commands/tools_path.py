"""Puts tools/ on the path: commands share `arguments`, and what they call is the package `dev`."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
