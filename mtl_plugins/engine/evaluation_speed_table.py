"""The speed of evaluation as a table."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from .evaluation_speed import measure_evaluation
from .machine import machine_name


def report_evaluation_speed(size: tuple[int, int], count: int, repeats: int, device: str) -> None:
    """Measure and print how fast we evaluate, and in how much memory, beside mmseg."""
    found = measure_evaluation(size, count, repeats, device)
    table = Table(title=f"{count} images of {size[0]}x{size[1]} on {machine_name(device)}")
    for name in ("evaluation", "", "images/s", "ratio", "memory above weights (MB)", "ratio "):
        table.add_column(name, justify="right" if name else "left")
    table.columns[0].justify = "left"
    for name, (ours, peer) in found.items():
        speed = ours.images_per_second / peer.images_per_second
        memory = ours.peak_bytes / peer.peak_bytes
        table.add_row(
            name, "ours", f"{ours.images_per_second:.3f}", f"{speed:.2f}",
            f"{ours.peak_bytes / 1e6:.0f}", f"{memory:.2f}",
        )  # fmt: skip
        table.add_row(
            "", "mmseg", f"{peer.images_per_second:.3f}", "", f"{peer.peak_bytes / 1e6:.0f}", ""
        )
    Console().print(table)
