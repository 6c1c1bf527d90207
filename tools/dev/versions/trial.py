"""What came of a stack."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Trial:
    """What came of a stack."""

    stack: str
    tests: str
    """Arguments of pytest; empty: every test."""
    python: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    """Of every distribution that was installed."""
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0
    error: str = ""
    """Why there are no counts: the installation failed, or pytest was ended."""

    @property
    def works(self) -> bool:
        """Whether tests ran and none failed."""
        return bool(self.passed) and not self.failed and not self.error

    @classmethod
    def read(cls, folder: str, stack: str) -> Trial | None:
        """Return what an earlier call wrote into a folder, or None."""
        path = Path(folder, f"{stack}.json")
        return cls(**json.loads(path.read_text(encoding="utf-8"))) if path.exists() else None

    def write(self, folder: str) -> None:
        """Write `<folder>/<stack>.json`."""
        text = json.dumps(asdict(self), indent=1)
        Path(folder, f"{self.stack}.json").write_text(text, encoding="utf-8")
