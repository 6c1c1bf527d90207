"""What a line chart of the page shows, as the page's script reads it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

MOST_POINTS = 600
SIGNIFICANT = 5


@dataclass
class Chart:
    """Curves over one axis, in panes one below the other that share it.

    Args:
        x_label: what the axis shows.
        panes: what the vertical axis of each pane shows.
        log_x: whether equal ratios are equally far apart.
        series: see `add`.
    """

    x_label: str
    panes: Sequence[str]
    log_x: bool = False
    series: list[dict[str, Any]] = field(default_factory=list)

    def add(
        self,
        run: int,
        name: str,
        pane: int,
        points: Iterable[tuple[float, Any]],
        shown: bool = True,
        markers: bool = False,
    ) -> None:
        """Add a curve, thinned out to `MOST_POINTS`; without points there is none.

        Args:
            run: position of the run.
            name: quantity; curves of one name are switched together.
            pane: position of the pane.
            points: x and y; a y that is no finite number is a gap.
            shown: whether the quantity is visible at first.
            markers: whether each point is drawn.
        """
        values = [(_rounded(x), _rounded(y)) for x, y in points]
        # Every k-th from behind: the last one, which tables show, stays.
        values = values[:: -max(1, math.ceil(len(values) / MOST_POINTS))][::-1]
        if any(y is not None for _, y in values):
            curve = dict(run=run, name=name, pane=pane, points=values)
            self.series.append(dict(curve, shown=shown, markers=markers))

    def as_json(self) -> dict[str, Any]:
        """Return the chart without panes that no curve is in."""
        used = sorted({curve["pane"] for curve in self.series})
        series = [dict(curve, pane=used.index(curve["pane"])) for curve in self.series]
        panes = [self.panes[index] for index in used]
        return dict(xLabel=self.x_label, panes=panes, logX=self.log_x, series=series)


def _rounded(value: Any) -> float | None:
    """Return a number with the digits that a picture can show; None: it is none.

    >>> _rounded(123.456789), _rounded(float("nan"))
    (123.46, None)
    """
    if not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return float(f"{value:.{SIGNIFICANT}g}")
