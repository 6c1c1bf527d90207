"""`train_cfg.max_epochs=N` trains N epochs, in every shipped config, under a schedule of N."""

from __future__ import annotations

import os

import pytest

from mtl_plugins.config import final_config, load_config
from mtl_plugins.config.schedules import make_plans
from tests.config.test_config import SHIPPED
from tests.conftest import ROOT


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: os.path.relpath(p, ROOT))
def test_schedules_end_with_the_training(path, monkeypatch):
    monkeypatch.setenv("LADDER_SIZE", "small")
    config = load_config(path)
    for epochs in (2, 7, 40):
        config.train_cfg.max_epochs = epochs
        found = final_config(config)
        assert found.train_cfg.max_epochs == epochs
        plans = [*make_plans(found.to_dict(), epochs, None)]
        assert plans
        for plan in plans:
            assert plan.rest is None
            assert max(each.end for each in plan.of_rate if each.by_epoch) == epochs
            # The last quarter still learns, and falls.
            rates = plan.rates[-len(plan.rates) // 4 :]
            assert all(rate > 0 for rate in rates[:-1]) and rates[-1] <= rates[0]
