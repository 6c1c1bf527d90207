"""The cost of balancers, and the difference between levels of balancing."""

from __future__ import annotations

import pytest
import torch
from dev.balancers import (
    all_balancers,
    level_differences,
    measure_all_balancers,
    report_balancer_costs,
)
from dev.balancers.balancer_cost import measure_balancers

from mtl_plugins.config import final_config
from mtl_plugins.models.balancers.torchjd_adapter import SCALARIZERS, WEIGHTINGS

SMALL = [
    "model.backbone.model_name=test_resnet",
    "model.decode_head.decoder.channels=8",
    "model.decode_head.decoder.skip_channels=4",
]
SMALL_STEP = dict(size=(64, 64), batch_size=2, repeats=3)


def config(options=()):
    return final_config("configs/mtl_branched.py", [*options, *SMALL])


def test_every_balancer_is_measured_at_every_level():
    assert len(all_balancers()) == len(SCALARIZERS) + 2 * (len(WEIGHTINGS) - 2)


def test_exact_gradients_cost_memory_and_fixed_weights_cost_nothing():
    balancers = {
        "fixed": dict(type="FixedWeights"),
        "features": dict(type="GradientBalancer", weighting="MGDA"),
        "parameters": dict(type="GradientBalancer", weighting="MGDA", level="parameters"),
    }
    fixed, features, exact = measure_balancers(config(), "tiny", balancers, **SMALL_STEP)
    assert (fixed.tasks, fixed.balancer, fixed.memory) == (2, "fixed", pytest.approx(1, rel=0.01))
    assert exact.memory > features.memory >= fixed.memory
    assert all(0 < each.low <= each.time <= each.high for each in (fixed, features, exact))


def test_the_report_has_a_row_for_each(tmp_path, capsys):
    balancers = {"UW": all_balancers()["UW"], "MGDA": all_balancers()["MGDA, features"]}
    costs = measure_all_balancers({"configs/mtl_branched.py": config()}, balancers, **SMALL_STEP)
    report_balancer_costs(costs, **SMALL_STEP, device="cpu", markdown_file=str(tmp_path / "b.md"))
    text = (tmp_path / "b.md").read_text()
    assert [line.split(" | ")[1:3] for line in text.splitlines()[2:4]] == [
        ["2", "UW"],
        ["2", "MGDA"],
    ]
    assert f"{costs[0].time:.3f}" in text and torch.__version__ in text
    assert "Cost of balancing" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["Sum", "MGDA"])
def test_levels_agree_where_they_must(scene_options, name):
    found = list(level_differences(config(scene_options), name, steps=4, every=2))
    assert [each.step for each in found] == [0, 2]
    for each in found:
        if name == "Sum":
            assert each.cosine == pytest.approx(1, abs=1e-4)
            assert each.ratio == pytest.approx(1, abs=1e-3)
            assert each.to_sum == pytest.approx(1, abs=1e-4)
        else:
            assert -1 <= each.cosine <= 1 and each.to_sum < 0.9999
