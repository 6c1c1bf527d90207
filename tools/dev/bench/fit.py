"""How something grows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def exponents(sizes: np.ndarray, repeats: Sequence[Sequence[float]]) -> list[float]:
    """Return of each repeat the exponent e of the power law size^e that fits it best.

    Args:
        sizes: what was varied, > 0.
        repeats: of each repeat one value a size, > 0.

    >>> exponents(np.array([1.0, 2.0, 4.0]), [[3.0, 6.0, 12.0], [1.0, 4.0, 16.0]])
    [1.0, 2.0]
    """
    slopes = [np.polyfit(np.log(sizes), np.log(values), 1)[0] for values in repeats]
    # + 0.0: what does not grow has no sign.
    return [round(float(slope), 6) + 0.0 for slope in slopes]
