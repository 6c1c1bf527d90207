"""Where predictions are computed."""

from __future__ import annotations

import torch

from ...errors import ConfigError


def checked_device(device: str | torch.device | None) -> torch.device:
    """Return torch's device of a name; without one CUDA where there is one, else the CPU.

    Raises:
        ConfigError: torch has no such device here.

    >>> checked_device("cpu")
    device(type='cpu')
    """
    if device is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        found = torch.device(device)
        torch.empty(0, device=found)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise ConfigError(
            f"device={str(device)!r} cannot be used here: {str(error).splitlines()[0]} "
            "Choose 'cpu', or 'cuda' where torch finds one."
        ) from error
    return found
