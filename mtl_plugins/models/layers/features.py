"""Features of the tasks: maps or pyramids, and each task's view of what all tasks share."""

from collections.abc import Callable, Mapping, Sequence

from torch import Tensor

Features = Tensor | Sequence[Tensor]
"""One feature map (N,C,h,w), or the levels of a pyramid, finest first."""

Widths = int | Sequence[int]
"""Channels or strides of one map, or of each level of a pyramid."""

Share = Callable[[Sequence[Tensor]], Mapping[str, Sequence[Tensor]]]
"""Map the last maps that all tasks share to each task's own view of them."""


def shared_views(
    features: Mapping[str, Features], share: Share | None
) -> dict[str, Mapping[str, Features]]:
    """Return each task's own view of the features of all tasks, the last that they share.

    Args:
        features: each task's features; several tasks may hold the same maps, which then count once.
        share: the balancer's; None: every task gets the features themselves.

    Returns:
        `{task: {task: features}}`: for each task its view of every task's features.

    >>> import torch
    >>> one = torch.zeros(1)
    >>> share = lambda maps: {task: [each + i for each in maps] for i, task in enumerate('ab')}
    >>> views = shared_views(dict(a=one, b=(one, one)), share)
    >>> views['b']['a'].item(), len(views['b']['b'])
    (1.0, 2)
    """
    if share is None:
        return dict.fromkeys(features, features)
    maps: list[Tensor] = []
    places: dict[str, list[int]] = {}
    for task, each in features.items():
        places[task] = []
        for level in [each] if isinstance(each, Tensor) else each:
            known = [index for index, other in enumerate(maps) if other is level]
            if not known:
                maps.append(level)
            places[task].append(known[0] if known else len(maps) - 1)
    shared = share(maps)
    return {
        task: {
            source: shared[task][places[source][0]]
            if isinstance(each, Tensor)
            else tuple(shared[task][place] for place in places[source])
            for source, each in features.items()
        }
        for task in features
    }
