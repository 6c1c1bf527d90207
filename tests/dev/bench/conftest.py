"""Settings of tiny benchmarks."""

from __future__ import annotations

import pytest
from dev.bench import Settings

from tests.conftest import ROOT


@pytest.fixture(scope="session")
def settings(tmp_path_factory):
    """Make settings of a quick run; all share their scratch folder."""
    scratch = str(tmp_path_factory.mktemp("scratch"))

    def make(repeats=1, device="cpu"):
        return Settings(ROOT, scratch, device, True, repeats)

    return make
