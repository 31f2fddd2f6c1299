"""AP against pycocotools, the reference."""

import contextlib
import io
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from metaphase.metrics import ap, compare
from metaphase.types import Instances


def reference(pairs, kind):
    """AP, AP50 and AP75 by pycocotools from full masks and boxes."""

    def entries(instances, image, scored):
        for i in range(len(instances)):
            x0, y0, x1, y1 = instances.boxes_xyxy[i].astype(float).tolist()
            entry = {"image_id": image, "category_id": int(instances.labels[i]), "bbox": [x0, y0, x1 - x0, y1 - y0]}
            entry |= {"area": (x1 - x0) * (y1 - y0), "iscrowd": 0}
            if kind == "segm":
                entry["segmentation"] = coco_mask.encode(np.asfortranarray(instances.mask(i).astype(np.uint8)))
                if scored:
                    del entry["bbox"]
            if scored:
                entry["score"] = float(instances.scores[i])
            yield entry

    truths = [e for n, (truth, _) in enumerate(pairs, 1) for e in entries(truth, n, False)]
    predictions = [e for n, (_, predicted) in enumerate(pairs, 1) for e in entries(predicted, n, True)]
    for number, entry in enumerate(truths, 1):
        entry["id"] = number
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = {
            "info": {},
            "images": [{"id": n, "height": t.height, "width": t.width} for n, (t, _) in enumerate(pairs, 1)],
            "annotations": truths,
            "categories": [{"id": label, "name": str(label)} for label in range(1, 25)],
        }
        truth.createIndex()
        evaluation = COCOeval(truth, truth.loadRes(predictions), kind)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return dict(zip(("AP", "AP50", "AP75"), evaluation.stats[:3], strict=True))


@pytest.mark.parametrize(("overlap", "kind"), [("mask", "segm"), ("box", "bbox")])
@settings(max_examples=10, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10_000))
def test_agrees_with_pycocotools(blobs, disturb, overlap, kind, seed):
    pairs = [(blobs(seed + i, 12, classes=3), disturb(blobs(seed + i, 12, classes=3), seed + i, 3)) for i in range(4)]
    scores = ap([compare(a, b, overlap) for a, b in pairs])
    expected = reference(pairs, kind)
    for key, score in scores.items():
        assert score.value == pytest.approx(expected[key], abs=1e-6), key
        # The curve behind the intervals is the same one.
        assert score.values(np.ones((1, len(pairs)))).item() == pytest.approx(expected[key], abs=1e-9), key


def test_a_weight_of_two_is_the_image_twice(blobs, disturb):
    # Scores differ between images, so that no tie depends on the order of the images.
    images = []
    for seed in range(3):
        truth = blobs(seed, 12, classes=3)
        predicted = disturb(truth, seed, 3)
        columns = {"labels": predicted.labels, "scores": predicted.scores * (0.9 - 0.01 * seed)}
        moved = Instances.from_masks(truth.height, truth.width, predicted.crops, predicted.offsets_xy, **columns)
        images.append(compare(truth, moved, "mask"))
    weights = np.array([[2.0, 0.0, 1.0]])
    twice = [images[0], images[0], images[2]]
    for key, score in ap(images).items():
        assert score.values(weights).item() == pytest.approx(ap(twice)[key].value, abs=1e-9), key


def test_false_predictions_of_a_higher_score_cost_precision(boxes):
    truth = boxes([(0, 0, 10, 10)], labels=[4])
    predicted = boxes([(0, 0, 10, 10), (20, 20, 30, 30)], labels=[4, 4], scores=[0.5, 0.9])
    assert ap([compare(truth, predicted, "box")])["AP"].value == pytest.approx(0.5)


def test_nothing_predicted_and_nothing_true(boxes):
    something, nothing = boxes([(0, 0, 10, 10)], labels=[4]), boxes([])
    assert ap([compare(something, nothing, "mask")])["AP"].value == 0
    assert math.isnan(ap([compare(nothing, something, "mask")])["AP"].value)
