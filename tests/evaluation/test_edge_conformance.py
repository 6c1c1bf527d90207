"""Edges against numbers of the field's reference evaluations.

Of the cases in `tests/conformance`, those of edges.
"""

from __future__ import annotations

import numpy as np
import pytest

from mtl_plugins.evaluation import EdgeMetric, edge_counts, edge_scores
from mtl_plugins.evaluation.edge_matching import suppress_non_maxima
from mtl_plugins.utils import thin
from tests.conformance import CASES, arrays, cases_of, compare


def edges(name):
    parameters = CASES[name]["parameters"]
    maps = {key: values.numpy() for key, values in arrays("edges").items()}
    shown = maps["suppressed" if "nms" in name else "prediction"] / 255
    radius, thinned = parameters["radius_pixels"], parameters["thinning"]
    counts = np.stack(
        [
            edge_counts(image, truth > 0, radius, thinned=thinned)
            for image, truth in zip(shown, maps["target"], strict=True)
        ]
    )
    found = edge_scores(counts)
    scores = {key: found[key] / 100 for key in ("odsF", "oisF", "AP")}
    at = {f"{step / 100:.2f}": counts[:, step - 1].sum(0).tolist() for step in range(10, 100, 10)}
    return dict(
        maximum_matching=dict(scores, ods_threshold=found["threshold"]),
        counts_maximum_matching=at,
    )


def suppressed():
    maps = arrays("edges")
    found = [suppress_non_maxima(image.numpy() / 255) for image in maps["prediction"]]
    kept = np.rint(255 * np.stack(found))
    # The direction of an edge is a matter of rounding where the map is nearly flat.
    expected = maps["suppressed"].numpy()
    assert ((kept > 0) != (expected > 0)).sum(axis=(1, 2)).max() <= 14
    assert (np.abs(kept - expected) > 1).mean() < 0.003
    return dict(nonzero=[pytest.approx(int((each > 0).sum()), abs=5) for each in kept])


def thinned():
    maps = arrays("edges")
    found = np.stack([thin(image.numpy() / 255 >= 0.30) for image in maps["prediction"]])
    assert np.array_equal(found, maps["thinned_at_030"].numpy() > 0)
    return dict(pixels=found.sum(axis=(1, 2)).tolist())


def settings():
    assert "0.011" in EdgeMetric.__doc__
    return dict(max_dist_pascal_context=EdgeMetric().max_dist, max_dist_nyud=0.011,
                thresholds_of_the_older_protocol=len(EdgeMetric().thresholds))  # fmt: skip


FOUND = dict(
    edges_suppression=suppressed,
    edges_thinning=thinned,
    edges_protocol_settings=settings,
    **{
        name: (lambda name=name: edges(name))
        for name, case in CASES.items()
        if "maximum_matching" in case["expected"]
    },
)
"""Name of a case -> our values under the reference's names."""


def test_every_case_is_tried():
    assert cases_of("edges") == {*FOUND}


@pytest.mark.parametrize("name", FOUND)
def test_the_values_are_those_of_the_reference(name):
    compare(FOUND[name](), CASES[name]["expected"], 5e-6)
