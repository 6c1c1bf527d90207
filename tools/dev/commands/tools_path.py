"""Put tools/ on the import path: it holds the module `arguments` and the package `dev`."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
