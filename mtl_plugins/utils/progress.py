"""Progress on stderr, for everything that takes more than a second."""

from __future__ import annotations

import atexit
import os
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar, TypeVar

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
"""Seconds before a line appears: shorter work needs none."""

DRAW_INTERVAL = 0.05
"""Seconds between two updates of a bar: drawing it may cost more than a small step."""

LOG_INTERVAL = 60.0
"""Seconds between two lines where the output is no terminal, to keep logs short."""


class ProgressLine:
    """Show progress on stderr, in the main process only.

    A terminal gets a bar, with the bars of nested lines below it; a file or pipe gets one plain
    line a minute. Nothing appears in the first second.

    Args:
        description: the work, in a word or two.
        total: number of steps; None if unknown.

    >>> with ProgressLine("reading", total=2) as line:
    ...     line.update(done=1)
    """

    _bars: ClassVar[Progress | None] = None
    """The bars on the terminal: the outermost line's and those nested in it."""
    _depth: ClassVar[int] = 0
    """Number of nested lines that are open."""

    def __init__(self, description: str, total: int | None = None) -> None:
        self.description = description
        self.total = total
        self.done = 0
        self._is_main = int(os.environ.get("RANK", 0)) == 0
        self._timer: threading.Timer | None = None
        self._next = 0.0

    def __enter__(self) -> ProgressLine:
        # In a log the outer line is enough, unless an inner one takes long.
        self._next = time.monotonic() + (LOG_INTERVAL if ProgressLine._depth else DELAY)
        ProgressLine._depth += 1
        if self._is_main and sys.stderr.isatty():
            if ProgressLine._bars is None:
                ProgressLine._bars = _bars()
                self._timer = threading.Timer(DELAY, ProgressLine._bars.start)
                self._timer.daemon = True
                self._timer.start()
                # After an error a `track` may never end, and the terminal would lack its cursor.
                atexit.register(ProgressLine._bars.stop)
            self._task = ProgressLine._bars.add_task(self.description, total=self.total)
            self._next = 0.0
        return self

    def __exit__(self, *_error: object) -> None:
        ProgressLine._depth -= 1
        bars = ProgressLine._bars
        if bars is None:
            return
        self._draw(bars)
        if self._timer is None:
            bars.remove_task(self._task)
            return
        self._timer.cancel()
        # It may be starting the bars at this moment.
        self._timer.join()
        if bars.live.is_started:
            bars.stop()
        atexit.unregister(bars.stop)
        ProgressLine._bars = None

    def update(
        self, done: int | None = None, description: str | None = None, total: int | None = None
    ) -> None:
        """Set the number of finished steps, the description or the total."""
        # A new description is drawn at once: the next update may be hours away.
        is_due = description not in (None, self.description)
        changes: dict[str, Any] = dict(done=done, description=description, total=total)
        for name, value in changes.items():
            if value is not None:
                setattr(self, name, value)
        if not self._is_main:
            return
        now = time.monotonic()
        if ProgressLine._bars is not None:
            if is_due or now >= self._next:
                self._next = now + DRAW_INTERVAL
                self._draw(ProgressLine._bars)
        elif now >= self._next:
            self._next = now + LOG_INTERVAL
            of_all = "" if self.total is None else f" of {self.total}"
            print(f"{self.description}: {self.done}{of_all}", file=sys.stderr, flush=True)

    def _draw(self, bars: Progress) -> None:
        bars.update(self._task, completed=self.done, description=self.description, total=self.total)


def track(items: Iterable[Item], description: str, total: int | None = None) -> Iterator[Item]:
    """Yield the items and show on a `ProgressLine` how many are done.

    Args:
        items: any iterable.
        description: the work, in a word or two.
        total: number of items; default: `len(items)` if they have a length.

    >>> list(track([1, 2], "doubling"))
    [1, 2]
    """
    if total is None and hasattr(items, "__len__"):
        total = len(items)  # type: ignore[arg-type]
    with ProgressLine(description, total) as line:
        for done, item in enumerate(items, start=1):
            yield item
            line.update(done)
        # There may have been fewer than announced.
        line.total = line.done


def _bars() -> Progress:
    return Progress(
        SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
        TimeElapsedColumn(), TimeRemainingColumn(), console=Console(stderr=True),
    )  # fmt: skip
