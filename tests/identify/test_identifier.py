"""The identifier with a network whose answer is known: it looks for a dark end."""

from dataclasses import replace

import numpy as np
import pytest

from metaphase.banding import ideogram_densities
from metaphase.config import IdentifyConfig
from metaphase.errors import WeightsError
from metaphase.identify import Identifier, upright
from metaphase.types import Instances, Spread, Straightened


class DarkEnd:
    """Class 3 if the chromosome is longer than 60 rows, else class 7; up where the upper half is darker."""

    def __init__(self):
        self.calls = []

    def run(self, names, feeds):
        darkness = feeds["darkness"]
        self.calls.append(darkness)
        logits = np.zeros((len(darkness), 48), np.float32)
        for i, one in enumerate(darkness.astype(float)):
            long = (one.any(1)).sum() > 60
            up = one[:80].sum() > one[80:].sum()
            logits[i, (2 if long else 6) + (0 if up else 24)] = 8
        return [logits]


class Lopsided:
    """Says the same about every picture, whichever way up: both views together know nothing about orientation."""

    def run(self, names, feeds):
        logits = np.zeros((len(feeds["darkness"]), 48), np.float32)
        logits[:, 4], logits[:, 28] = 6, 2
        return [logits]


@pytest.fixture
def cell():
    """A long upright chromosome with a dark upper end and a short one with a dark lower end."""
    gray = np.full((120, 100), 230, np.uint8)
    gray[10:100, 20:32], gray[10:50, 20:32] = 150, 60
    gray[20:50, 60:72], gray[35:50, 60:72] = 150, 60
    crops = [np.ones((90, 12), bool), np.ones((30, 12), bool)]
    instances = Instances.from_masks(120, 100, crops, [(20, 10), (60, 20)], scores=[0.9, 0.7])
    return Spread(gray, 12.0), instances


@pytest.mark.parametrize("both_ways", [False, True])
def test_labels_probabilities_and_orientation(cell, both_ways):
    session = DarkEnd()
    alone = IdentifyConfig(both_ways=both_ways, bands_weight=0.0)
    identified = Identifier(session, alone)(*cell)
    named = identified.instances
    assert named.labels.tolist() == [3, 7]
    assert named.labels.dtype == np.int64
    assert named.probabilities_nc.dtype == np.float32
    np.testing.assert_allclose(named.probabilities_nc.sum(1), 1, atol=1e-5)
    assert (named.probabilities_nc[[0, 1], [2, 6]] > 0.9).all()
    np.testing.assert_allclose(named.scores, [0.9, 0.7])
    assert len(session.calls) == (2 if both_ways else 1)
    # Which end a straightened chromosome begins with is arbitrary; upright says where the dark one is.
    named_up = identified.upright[[0, 1], named.labels - 1]
    for laid, up in zip(identified.straightened, named_up, strict=True):
        half = len(laid.gray) // 2
        begins_dark = laid.gray[:half][laid.inside[:half]].mean() < laid.gray[-half:][laid.inside[-half:]].mean()
        assert begins_dark == up


class TwoMinds:
    """Class 3 or class 7; up if it is 3, down if it is 7."""

    def run(self, names, feeds):
        logits = np.zeros((len(feeds["darkness"]), 48), np.float32)
        logits[:, 2], logits[:, 6 + 24] = 7.9, 8
        return [logits]


def test_which_end_is_up_is_known_for_every_class(cell):
    identified = Identifier(TwoMinds(), IdentifyConfig(both_ways=False, bands_weight=0.0))(*cell)
    assert identified.instances.labels.tolist() == [7, 7]
    assert identified.upright[:, [2, 6]].tolist() == [[True, False]] * 2


def test_the_second_view_is_turned_and_read_turned_back(cell):
    session = DarkEnd()
    Identifier(session)(*cell)
    first, second = session.calls
    np.testing.assert_array_equal(first[:, ::-1, ::-1], second)
    assert first.dtype == np.uint8
    assert first.shape == (2, 160, 32)


def test_an_opinion_that_does_not_turn_with_the_picture_is_no_opinion(cell):
    once = Identifier(Lopsided(), IdentifyConfig(both_ways=False))(*cell)
    assert once.upright[:, 4].all()
    log_up, log_down = Identifier(Lopsided())._log_probabilities(np.zeros((2, 160, 32), np.uint8))
    np.testing.assert_allclose(log_up[:, 4], log_down[:, 4])
    np.testing.assert_allclose(np.exp(log_up).sum(1) + np.exp(log_down).sum(1), 1)


def banded(label, turned):
    gray = np.repeat((255 - ideogram_densities(label)[:, None]).astype(np.uint8), 12, axis=1)
    return Straightened(gray[::-1] if turned else gray, np.ones(gray.shape, bool))


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("doubt", [0.0, 0.5, 9.0])
def test_bands_decide_which_end_is_up_where_the_network_is_not_sure(turned, doubt):
    against = np.full((1, 24), doubt if turned else -doubt)
    p = np.eye(24)[[0]] * 0.9
    decided = upright(against, p, [banded(1, turned)], IdentifyConfig())
    assert decided[0, 0] == (turned if doubt > 8 else not turned)
    assert upright(against, p, [banded(1, turned)], IdentifyConfig(bands_weight=40.0))[0, 0] == (not turned)


def test_bands_are_laid_against_plausible_classes_and_the_best_one():
    # Lies turned for 1 and, as it happens, for 13, 15 and 19 too: the bands outweigh 0.5 nats there.
    p = np.full((2, 24), 0.04)
    p[0, [0, 14]] = 0.6, 0.3
    p[1, 18] = 0.08
    decided = upright(np.full((2, 24), 0.5), p, [banded(1, turned=True)] * 2, IdentifyConfig())
    assert np.flatnonzero(~decided[0]).tolist() == [0, 14]
    assert np.flatnonzero(~decided[1]).tolist() == [18]


def test_temperature_calms(cell):
    def best(temperature):
        return Identifier(DarkEnd(), IdentifyConfig(temperature=temperature))(*cell).instances.probabilities_nc.max()

    assert best(4.0) < best(1.0) < best(0.5)


def test_no_chromosomes(cell):
    spread, instances = cell
    session = DarkEnd()
    identified = Identifier(session)(spread, instances.select([]))
    assert len(identified.instances) == 0
    assert identified.upright.shape == (0, 24)
    assert identified.straightened == ()
    assert session.calls == []


def test_missing_or_damaged_weights_are_named(tmp_path):
    with pytest.raises(WeightsError, match=r"identify\.onnx"):
        Identifier.load(tmp_path)
    (tmp_path / "identify.onnx").write_bytes(b"not a network")
    with pytest.raises(WeightsError, match=r"identify\.onnx: expected the identifier's weights"):
        Identifier.load(tmp_path)


def test_what_is_known_of_the_class_already_counts_with_its_weight(cell):
    spread, instances = cell
    known = np.full((2, 24), 0.001, np.float32)
    known[:, 10] = 1 - 0.023
    told = replace(instances, probabilities_nc=known)
    alone = Identifier(DarkEnd(), IdentifyConfig(segmenter_weight=0.0))(spread, told).instances
    np.testing.assert_array_equal(
        alone.probabilities_nc, Identifier(DarkEnd())(spread, instances).instances.probabilities_nc
    )
    swayed = Identifier(DarkEnd(), IdentifyConfig(segmenter_weight=3.0))(spread, told).instances
    assert alone.labels.tolist() == [3, 7]
    assert swayed.labels.tolist() == [11, 11]
