"""A network that draws known masks, so that everything after the network can be held against a known answer."""

import numpy as np
import pytest

from metaphase.segment.scale import WIDTH


class DrawnNetwork:
    """Stands where the ONNX session stands: its maps describe up to eight given masks exactly.

    labels: class that each cell speaks for, 1..24.
    masks: Bool[h, w] each, on the segmenter's grid. Feature channel i is mask i; the kernel of cell i picks channel i.
    """

    def __init__(self, masks, cells, objectness=None, labels=None):
        self.masks, self.cells = masks, cells
        self.labels = labels if labels is not None else [1] * len(masks)
        self.objectness = objectness if objectness is not None else [6.0 - i for i in range(len(masks))]
        self.seen = None

    def run(self, names, feeds):
        self.seen = feeds["darkness"]
        h, w = self.seen.shape[2:]
        objectness = np.full((h // 8, w // 8), -9.0, np.float32)
        box = np.full((4, h // 8, w // 8), 1.5, np.float32)
        kernel = np.zeros((169, h // 8, w // 8), np.float32)
        features = np.zeros((8, h // 2, w // 2), np.float32)
        classes = np.zeros((24, h // 8, w // 8), np.float32)
        for i, (mask, (row, column)) in enumerate(zip(self.masks, self.cells, strict=True)):
            full = np.zeros((h, w), np.float32)
            full[: mask.shape[0], : mask.shape[1]] = mask[:h, :w]
            features[i] = full.reshape(h // 2, 2, w // 2, 2).mean((1, 3))
            kernel[:, row, column] = picking_kernel(i)
            objectness[row, column] = self.objectness[i]
            classes[self.labels[i] - 1, row, column] = 9.0
            rows, columns = np.nonzero(mask)
            centre = np.array([column, row]) * 8 + 4
            box[:2, row, column] = (centre - [columns.min(), rows.min()]) / WIDTH
            box[2:, row, column] = ([columns.max() + 1, rows.max() + 1] - centre) / WIDTH
        return [objectness[None], box[None], kernel[None], features[None], classes[None]]


def picking_kernel(channel):
    """A kernel whose logit is 20 f - 10 for the value f >= 0 of one feature channel."""
    w1, w2, w3 = np.zeros((8, 10)), np.zeros((8, 8)), np.zeros((1, 8))
    w1[0, channel], w2[0, 0], w3[0, 0] = 1, 1, 20
    parts = [w1, np.zeros(8), w2, np.zeros(8), w3, np.full(1, -10.0)]
    return np.concatenate([part.reshape(-1) for part in parts]).astype(np.float32)


@pytest.fixture
def drawn_network():
    return DrawnNetwork


@pytest.fixture
def kernel_of():
    return picking_kernel
