"""Loading counts what arrives, by torch and by mmengine."""

from __future__ import annotations

import mmengine.runner.checkpoint as mmengine_checkpoint
import pytest
import torch
from torch import nn

from mtl_plugins.errors import WeightsError
from mtl_plugins.utils import compare, load_into, watched


def network():
    return nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Sequential(nn.Linear(4, 2)))


NAMES = [name for name in network().state_dict() if "num_batches" not in name]


def by_torch(module, weights):
    module.load_state_dict(weights, strict=False)


def by_mmengine(module, weights):
    mmengine_checkpoint.load_state_dict(module, weights, strict=False)


def test_some_weights_arrive_and_the_others_are_named(capsys):
    for load in (by_torch, by_mmengine):
        for lost in NAMES:
            for change in ("missing", "shape"):
                module, weights = network(), network().state_dict()
                before = module.state_dict()[lost].clone()
                weights["surplus"] = torch.ones(1)
                value = weights.pop(lost)
                if change == "shape":
                    weights[lost] = torch.ones(*value.shape, 2)
                with watched(module) as loading:
                    load(module, weights)
                assert (loading.total, loading.arrived) == (len(NAMES), len(NAMES) - 1)
                assert loading.surplus == ["surplus"] and lost in loading.lost
                for name, found in module.state_dict().items():
                    assert torch.equal(found, before if name == lost else weights[name])
    assert capsys.readouterr() == ("", "")  # nobody lists all names


@pytest.mark.parametrize("prefix", ["encoder.", "backbone.", "model.", "0."])
def test_weights_of_other_names_are_an_error_that_shows_both(prefix):
    module, weights = network(), {f"{prefix}{k}": v for k, v in network().state_dict().items()}
    loading = load_into(module, weights)
    assert loading.arrived == 0
    with pytest.raises(WeightsError) as error:
        loading.report("a.pth", "the model")
    text = str(error.value)
    assert text.startswith("None of the 8 weights of the model is in a.pth. 8 weights are missing")
    assert f"{prefix}0.weight" in text and len(text) < 500
    assert load_into(module, weights, [(f"^{prefix}", "")]).arrived == len(NAMES)


def test_a_part_is_watched_alone_and_no_longer_than_asked():
    module = network()
    with watched(module[2]) as loading:
        by_mmengine(module, network().state_dict())
    assert not loading.done  # the whole was loaded
    with watched(module[2]) as loading:
        by_torch(module[2], {})
    assert loading.done and (loading.total, loading.arrived) == (2, 0)
    with pytest.raises(RuntimeError, match="Missing key"):
        module[2].load_state_dict({})


def test_a_comparison_names_all_three_kinds():
    own, found = nn.Linear(1, 2).state_dict(), dict(weight=torch.ones(3, 1), other=torch.ones(1))
    assert compare(own, found).problems == (
        "1 weights are missing: bias. 1 weights are left over: other. "
        "1 weights have another shape: weight (3, 1) for (2, 1)."
    )
    assert compare(own, own).problems == ""
