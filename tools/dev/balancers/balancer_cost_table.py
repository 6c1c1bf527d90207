"""Costs of balancers side by side: on the terminal and as Markdown."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.config import Config
from rich.console import Console
from rich.table import Table

from mtl_plugins.utils import ProgressLine, machine_name

from .balancer_cost import BalancerCost, measure_balancers

COLUMNS = ("config", "tasks", "balancer", "time ratio", "quartiles", "memory ratio")
CAPTION = (
    "Ratios to fixed weights of a training step at batch size {batch} and {height}x{width} pixels "
    "(height x width): median of {repeats} pairs of steps, the two of a pair one after the other, "
    "and peak memory. Random weights and data. Measured on {machine}."
)


def measure_all_balancers(
    configs: Mapping[str, Config], balancers: Mapping[str, dict[str, Any]], **options: Any
) -> list[BalancerCost]:
    """Return the costs of balancers in several configs by name, with progress on the terminal.

    `options` are those of `measure_balancers`.
    """
    costs: list[BalancerCost] = []
    with ProgressLine("fixed weights", len(configs) * len(balancers)) as line:
        for name, config in configs.items():

            def show(balancer: str, name: str = name) -> None:
                line.update(description=f"{name}: {balancer}")

            for cost in measure_balancers(config, name, balancers, on_balancer=show, **options):
                costs.append(cost)
                line.update(done=len(costs))
    return costs


def report_balancer_costs(
    costs: Sequence[BalancerCost],
    size: tuple[int, int],
    batch_size: int,
    repeats: int,
    device: str,
    markdown_file: str | None = None,
) -> None:
    """Print costs as a table, and write it as Markdown where asked for."""
    caption = CAPTION.format(
        batch=batch_size, height=size[0], width=size[1], repeats=repeats,
        machine=machine_name(device),
    )  # fmt: skip
    table = Table(*COLUMNS, title="Cost of balancing")
    for cost in costs:
        table.add_row(*_row(cost))
    console = Console()
    console.print(table)
    console.print(caption, markup=False, highlight=False)
    if markdown_file:
        rows = [COLUMNS, ["---"] * len(COLUMNS), *(_row(cost) for cost in costs)]
        os.makedirs(os.path.dirname(markdown_file) or ".", exist_ok=True)
        with open(markdown_file, "w", encoding="utf-8") as file:
            file.write("\n".join(f"| {' | '.join(row)} |" for row in rows))
            file.write(f"\n\n{caption}\n")


def _row(cost: BalancerCost) -> list[str]:
    return [
        os.path.splitext(os.path.basename(cost.config))[0],
        str(cost.tasks),
        cost.balancer,
        f"{cost.time:.3f}",
        f"{cost.low:.3f} - {cost.high:.3f}",
        f"{cost.memory:.3f}",
    ]
