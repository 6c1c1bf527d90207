"""One line that tells how far something is, for everything that takes more than two seconds."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Any, TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

Item = TypeVar("Item")

DELAY = 1.0
"""Seconds before a line appears: what is done sooner is not worth one."""

DRAW_INTERVAL = 0.05
"""Seconds between two changes of a bar, which may cost more than a small step."""

LOG_INTERVAL = 60.0
"""Seconds between two lines where the output is no terminal, so that logs are not flooded."""


class ProgressLine:
    """Show on stderr how far something is, in the main process alone.

    On a terminal a bar that moves; into a file or pipe a plain line a minute. Nothing appears in
    the first second.

    Args:
        description: what is being done.
        total: number of steps; None: not known.

    >>> with ProgressLine("reading", total=2) as line:
    ...     line.update(done=1)
    """

    def __init__(self, description: str, total: int | None = None) -> None:
        self.description = description
        self.total = total
        self.done = 0
        self._next_log = time.monotonic() + DELAY
        self._next_draw = 0.0
        self._is_main = int(os.environ.get("RANK", 0)) == 0
        self._bar: Progress | None = None
        self._timer: threading.Timer | None = None
        if self._is_main and sys.stderr.isatty():
            self._bar = Progress(
                SpinnerColumn(), TextColumn("{task.description}"), BarColumn(),
                MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn(),
                console=Console(stderr=True),
            )  # fmt: skip
            self._task = self._bar.add_task(description, total=total)
            self._timer = threading.Timer(DELAY, self._bar.start)
            self._timer.daemon = True

    def __enter__(self) -> ProgressLine:
        if self._timer:
            self._timer.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._timer and self._bar:
            self._timer.cancel()
            # It may be starting the bar this very moment.
            self._timer.join()
            self._draw()
            if self._bar.live.is_started:
                self._bar.stop()

    def update(
        self, done: int | None = None, description: str | None = None, total: int | None = None
    ) -> None:
        """Say what is new: steps that are done, what is being done now, or how much it is."""
        changes: dict[str, Any] = dict(done=done, description=description, total=total)
        for name, value in changes.items():
            if value is not None:
                setattr(self, name, value)
        now = time.monotonic()
        if self._bar and now >= self._next_draw:
            self._next_draw = now + DRAW_INTERVAL
            self._draw()
        elif self._is_main and not self._bar and now >= self._next_log:
            self._next_log = now + LOG_INTERVAL
            of_all = "" if self.total is None else f" of {self.total}"
            print(f"{self.description}: {self.done}{of_all}", file=sys.stderr, flush=True)

    def _draw(self) -> None:
        if self._bar:
            state = dict(completed=self.done, description=self.description, total=self.total)
            self._bar.update(self._task, **state)


def track(items: Iterable[Item], description: str, total: int | None = None) -> Iterator[Item]:
    """Yield the items, and show on a `ProgressLine` how many are done.

    Args:
        items: anything to iterate over.
        description: what is being done with them.
        total: their number; default: `len(items)` where they have one.

    >>> list(track([1, 2], "doubling"))
    [1, 2]
    """
    if total is None and hasattr(items, "__len__"):
        total = len(items)  # type: ignore[arg-type]
    with ProgressLine(description, total) as line:
        for done, item in enumerate(items, start=1):
            yield item
            line.update(done)
