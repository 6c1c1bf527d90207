"""Show metrics as a table on the terminal."""

from __future__ import annotations

from collections.abc import Mapping

from mmengine.dist import master_only
from rich.console import Console
from rich.table import Table

from ..evaluation import table_labels


def metrics_table(
    name: str, metrics: Mapping[str, float], blind: Mapping[str, float] | None = None
) -> Table:
    """Return a table of metrics, optionally compared with those of the image-blind predictor.

    Args:
        name: heading of the column.
        metrics: values by name; only metrics with a label in `table_labels` are shown.
        blind: metrics of the image-blind predictor, shown with the ratio to them.
    """
    blind = blind or {}
    table = Table(title="Metrics")
    table.add_column("metric")
    table.add_column(name, justify="right")
    if blind:
        table.add_column("image-blind", justify="right")
        table.add_column("ratio", justify="right")
    for key, label in table_labels().items():
        if key in metrics:
            row = [label, f"{metrics[key]:.3f}"]
            if key in blind:
                ratio = f"{metrics[key] / blind[key]:.2f}" if blind[key] else "-"
                row += [f"{blind[key]:.3f}", ratio]
            table.add_row(*row)
    return table


@master_only
def show_metrics(name: str, metrics: Mapping[str, float]) -> None:
    """Print the metrics under the heading `name`."""
    Console().print(metrics_table(name, metrics))
