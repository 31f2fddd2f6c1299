"""AP against pycocotools, the reference."""

import contextlib
import io
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from metaphase.metrics import Matches, ap, compare
from metaphase.metrics.precision import RECALLS, ImageMatches
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


@pytest.mark.parametrize(("overlap", "kind"), [("mask", "segm"), ("box", "bbox")])
@pytest.mark.parametrize("seed", range(4))
def test_agrees_on_crowds_of_sixty_and_empty_images(blobs, disturb, boxes, overlap, kind, seed):
    """Sixty blobs in a small image overlap heavily; some images are empty on one side or on both."""
    crowd = blobs(seed, 60, size=70, classes=24)
    nothing = boxes([], size=70)
    pairs = [(crowd, disturb(crowd, seed)), (nothing, nothing), (blobs(seed + 50, 60, size=70), nothing)]
    pairs += [(nothing, disturb(blobs(seed + 90, 5, size=70), seed))]
    expected = reference(pairs, kind)
    for key, score in ap([compare(a, b, overlap) for a, b in pairs]).items():
        assert score.value == pytest.approx(expected[key], abs=1e-6), key
        assert score.values(np.ones((1, len(pairs)))).item() == pytest.approx(expected[key], abs=1e-9), key


@pytest.mark.parametrize("seed", range(3))
def test_one_class_is_the_same_with_all_labels_one(blobs, disturb, seed):
    truth = blobs(seed, 30, size=70)
    predicted = disturb(truth, seed)
    ones = [replace(side, labels=np.ones_like(side.labels)) for side in (truth, predicted)]
    expected = reference([tuple(ones)], "segm")
    for key, score in ap([compare(truth, predicted, "mask")], one_class=True).items():
        assert score.value == pytest.approx(expected[key], abs=1e-6), key


def test_one_class_counts_more_than_a_hundred_in_an_image(boxes):
    places = [(4 * (i % 20), 4 * (i // 20), 4 * (i % 20) + 3, 4 * (i // 20) + 3) for i in range(150)]
    many = boxes(places, labels=[1] * 150, scores=np.linspace(0.1, 0.9, 150), size=80)
    comparison = compare(many, many, "box")
    assert ap([comparison], one_class=True)["AP"].value == pytest.approx(1)
    assert ap([comparison])["AP"].value < 0.7, "the hundred of one class that COCO looks at"


def test_each_class_and_their_mean(blobs, disturb):
    compared = [compare(blobs(s, 20, classes=4), disturb(blobs(s, 20, classes=4), s, 4), "box") for s in range(3)]
    score = ap(compared)["AP50"]
    each = [score.of_class(label) for label in score.matches.labels.tolist()]
    assert np.mean([one.value for one in each]) == pytest.approx(score.value)
    weights = np.array([[1.0, 1, 1], [2, 0, 1]])
    assert np.nanmean([one.values(weights)[0] for one in each]) == pytest.approx(score.value)
    assert len(score.curve(0.5)) == 101
    assert np.mean(score.curve(0.5)) == pytest.approx(score.value)
    assert score.matches.by_class(weights).shape == (2, 10, len(each))


def brute_force_mean(hits, counted, total):
    """Average precision with every prediction written out as often as it counts."""
    expanded = np.repeat(hits, counted.astype(int))
    true = np.cumsum(expanded)
    precision = true / np.arange(1, len(expanded) + 1)
    at = [max((p for p, t in zip(precision, true, strict=True) if t / total >= r), default=0) for r in RECALLS]
    return np.mean(at)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.integers(0, 10_000), st.sampled_from([0.1, 0.5, 0.9]))
def test_curves_of_repeated_images_agree_with_a_brute_force(seed, share):
    rng = np.random.default_rng(seed)
    hits = rng.random((12, 10)) < share
    one = ImageMatches(np.ones(12, np.int64), rng.random(12), hits, np.bincount([1] * 15, minlength=25))
    other = ImageMatches(np.ones(12, np.int64), rng.random(12), hits[::-1], np.bincount([1] * 13, minlength=25))
    weights = rng.integers(0, 4, (3, 2)).astype(float)
    found = Matches((one, other)).by_class(weights)
    scores = np.concatenate([one.scores, other.scores])
    order = np.argsort(-scores, kind="stable")
    both, image = np.concatenate([hits, hits[::-1]])[order], np.repeat([0, 1], 12)[order]
    for b, weight in enumerate(weights):
        total = weight @ [15, 13]
        for t in range(10):
            if total == 0:
                assert np.isnan(found[b, t, 0])
            else:
                assert found[b, t, 0] == pytest.approx(brute_force_mean(both[:, t], weight[image], total), abs=1e-12)
