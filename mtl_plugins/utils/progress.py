"""One line that tells how far something is, for everything that takes more than two seconds."""

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
"""Seconds before a line appears: what is done sooner is not worth one."""

DRAW_INTERVAL = 0.05
"""Seconds between two changes of a bar, which may cost more than a small step."""

LOG_INTERVAL = 60.0
"""Seconds between two lines where the output is no terminal, so that logs are not flooded."""


class ProgressLine:
    """Show on stderr how far something is, in the main process alone.

    On a terminal a bar that moves, and below it those of its parts; into a file or pipe a plain
    line a minute. Nothing appears in the first second.

    Args:
        description: what is being done.
        total: number of steps; None: not known.

    >>> with ProgressLine("reading", total=2) as line:
    ...     line.update(done=1)
    """

    _bars: ClassVar[Progress | None] = None
    """The bars on the terminal, of the outermost line and of those within it."""
    _depth: ClassVar[int] = 0
    """Number of lines that are being shown, one within the other."""

    def __init__(self, description: str, total: int | None = None) -> None:
        self.description = description
        self.total = total
        self.done = 0
        self._is_main = int(os.environ.get("RANK", 0)) == 0
        self._timer: threading.Timer | None = None
        self._next = 0.0

    def __enter__(self) -> ProgressLine:
        # In a log the outer line stands for those within it, unless they take long.
        self._next = time.monotonic() + (LOG_INTERVAL if ProgressLine._depth else DELAY)
        ProgressLine._depth += 1
        if self._is_main and sys.stderr.isatty():
            if ProgressLine._bars is None:
                ProgressLine._bars = _bars()
                self._timer = threading.Timer(DELAY, ProgressLine._bars.start)
                self._timer.daemon = True
                self._timer.start()
                # An error may keep a `track` from ending, and the terminal without its cursor.
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
        # It may be starting the bars this very moment.
        self._timer.join()
        if bars.live.is_started:
            bars.stop()
        atexit.unregister(bars.stop)
        ProgressLine._bars = None

    def update(
        self, done: int | None = None, description: str | None = None, total: int | None = None
    ) -> None:
        """Say what is new: steps that are done, what is being done now, or how much it is."""
        changes: dict[str, Any] = dict(done=done, description=description, total=total)
        for name, value in changes.items():
            if value is not None:
                setattr(self, name, value)
        now = time.monotonic()
        if not self._is_main or now < self._next:
            return
        if ProgressLine._bars is not None:
            self._next = now + DRAW_INTERVAL
            self._draw(ProgressLine._bars)
        else:
            self._next = now + LOG_INTERVAL
            of_all = "" if self.total is None else f" of {self.total}"
            print(f"{self.description}: {self.done}{of_all}", file=sys.stderr, flush=True)

    def _draw(self, bars: Progress) -> None:
        bars.update(self._task, completed=self.done, description=self.description, total=self.total)


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
        # There may have been fewer than was said.
        line.total = line.done


def _bars() -> Progress:
    return Progress(
        SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
        TimeElapsedColumn(), TimeRemainingColumn(), console=Console(stderr=True),
    )  # fmt: skip
