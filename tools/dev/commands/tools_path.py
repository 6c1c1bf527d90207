"""Make this checkout importable: `mtl_plugins`, and from tools/ `arguments` and `dev`."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = str(Path(__file__).resolve().parents[3])
sys.path[:0] = [ROOT, str(Path(ROOT, "tools"))]
