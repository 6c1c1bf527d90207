"""Fixtures of tests of data sets."""

from __future__ import annotations

import pytest

import mtl_plugins.datasets.ann_file
import mtl_plugins.datasets.multi_task_dataset


@pytest.fixture
def warnings(monkeypatch):
    """Return the warnings of data sets."""
    found = []
    for module in (mtl_plugins.datasets.ann_file, mtl_plugins.datasets.multi_task_dataset):
        monkeypatch.setattr(module, "warn", found.append)
    return found
