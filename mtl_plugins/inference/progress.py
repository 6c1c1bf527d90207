"""A progress bar that stays away from what is done in a moment."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeRemainingColumn,
)

Item = TypeVar("Item")
PATIENCE = 2.0
"""Seconds after which the bar appears."""


def show_progress(
    items: Iterable[Item], description: str, total: int | None, patience: float = PATIENCE
) -> Iterator[Item]:
    """Yield the items, and after some seconds show on stderr how many have passed."""
    bar = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )
    task = bar.add_task(description, total=total)
    start = time.monotonic()
    try:
        for done, item in enumerate(items):
            if not bar.live.is_started and time.monotonic() - start > patience:
                bar.start()
            yield item
            bar.update(task, completed=done + 1)
    finally:
        if bar.live.is_started:
            bar.stop()
