"""Train the identifier: straightened chromosomes, two views turned against each other."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from metaphase.banding import align, profile_of
from metaphase.config import DataConfig, IdentifyTraining, TrainConfig, read_sections
from metaphase.datasets.procedural_chromosome import draw_chromosome
from metaphase.errors import DataError
from metaphase.identify.network import IdentifierNetwork, swap_orientation
from metaphase.identify.straighten import BREADTH, LENGTH, WIDTH, to_input
from metaphase.train import cache, export, material, processes, weights
from metaphase.train.loop import Progress, fit, keep_settings, steps_done, weights_of
from metaphase.types import Straightened

__all__ = ["accuracy", "augment", "batches", "drawn_material", "load_material", "losses", "run", "train_identifier"]

UNKNOWN, DRAWN, BY_BANDS = -1, 0, 1
"""What is known of the orientation: nothing; p arm at row 0, the chromosome was drawn so; the same, by its bands."""

Batch = tuple[Tensor, Tensor, Tensor]
Labelled = tuple[NDArray[np.uint8], NDArray[np.int64]]


def batches(
    inputs: NDArray[np.uint8],
    labels: NDArray[np.int64],
    orientations: NDArray[np.int64],
    config: IdentifyTraining,
    seed: int,
    shares: NDArray[np.float64] | None = None,
) -> Iterator[Batch]:
    """Endless batches of (darkness UInt8[2n, 160, 32], class 0..23 [n], orientation [n]).

    inputs: UInt8[N, 160, 32]; labels: 1..24; orientations: `UNKNOWN`, or, where the p arm is known to be at row 0,
    `DRAWN` for procedural chromosomes and `BY_BANDS` for real ones.
    Real chromosomes come in rounds, each once a round, or by chance with `shares` (see `material.shares`); drawn ones
    by chance. The second n rows show the same chromosomes turned. Each of several processes takes its part of a batch.
    """
    mine = processes.share(config.batch, "identify.batch")
    part = slice(processes.rank() * mine, (processes.rank() + 1) * mine)
    rng = np.random.default_rng(seed)
    order: NDArray[np.int64] = np.zeros(0, np.int64)
    real, drawn = np.flatnonzero(orientations != DRAWN), np.flatnonzero(orientations == DRAWN)
    n_drawn = round(config.batch * config.drawn_share) if len(drawn) else 0
    n_real = config.batch - n_drawn
    while True:
        while len(order) < n_real:
            order = np.concatenate(
                [order, rng.permutation(real) if shares is None else rng.choice(real, n_real, p=shares)]
            )
        index = np.concatenate([order[:n_real], rng.choice(drawn, n_drawn)]) if n_drawn else order[:n_real]
        order, index = order[n_real:], index[part]
        first = torch.from_numpy(inputs[index])
        turned = first.flip(1, 2)
        pair = torch.cat([first, turned])
        yield pair, torch.from_numpy(labels[index] - 1), torch.from_numpy(orientations[index])


def losses(network: nn.Module, batch: object, config: IdentifyTraining) -> dict[str, Tensor]:
    """Cross entropy of the class (orientation summed out), plus what makes orientation consistent and decided."""
    darkness, labels, orientations = batch  # type: ignore[misc]
    device = next(network.parameters()).device
    darkness, labels, orientations = darkness.to(device), labels.to(device), orientations.to(device)
    logits = network(augment(darkness, config))
    n = len(labels)
    views = torch.stack([logits[:n], swap_orientation(logits[n:])])
    log_p = functional.log_softmax(views, -1)
    log_class = torch.logaddexp(log_p[..., :24], log_p[..., 24:])
    picked = log_class.gather(2, labels.expand(2, n).unsqueeze(2)).squeeze(2)
    smooth = -log_class.mean(-1)
    classified = -(1 - config.smoothing) * picked + config.smoothing * smooth
    both = functional.log_softmax(views.mean(0), -1)
    up = both.gather(1, labels[:, None]).squeeze(1)
    down = both.gather(1, labels[:, None] + 24).squeeze(1)
    log_up, log_down = functional.log_softmax(torch.stack([up, down]), 0)
    undecided = -(log_up.exp() * log_up + log_down.exp() * log_down)
    known = (orientations >= 0).float()
    turned = torch.where(known > 0, -log_up, config.decide * undecided)
    right = (log_class[0].argmax(-1) == labels).float()
    return {
        "loss": classified.mean() + config.orientation_weight * turned.mean(),
        "class_loss": classified.mean().detach(),
        "accuracy": right.mean().detach(),
        "drawn_upright": _share(log_up > log_down, orientations == DRAWN),
        "bands_upright": _share(log_up > log_down, orientations == BY_BANDS),
        "undecided": (undecided * (1 - known)).sum().detach() / (1 - known).sum().clamp(min=1),
    }


def _share(right: Tensor, among: Tensor) -> Tensor:
    """Share of what is right; 0 where there is none."""
    return (right & among).sum() / among.sum().clamp(min=1)


def augment(darkness: Tensor, config: IdentifyTraining) -> Tensor:
    """Random stretch, shift, small turn, mirror, contrast, illumination, a crossing chromosome, lost ends, noise.

    darkness: UInt8[N, 160, 32] -> Float[N, 160, 32]; a 180 degree turn is never applied here.
    """
    n, length, breadth = darkness.shape
    x = darkness.float().unsqueeze(1)
    device = x.device

    def uniform(low: float, high: float) -> Tensor:
        return torch.empty(n, device=device).uniform_(low, high)

    stretch, broad = uniform(0.86, 1.16), uniform(0.85, 1.18)
    angle, mirror = uniform(-0.07, 0.07), torch.sign(uniform(-1, 1))
    theta = torch.zeros(n, 2, 3, device=device)
    theta[:, 0, 0], theta[:, 0, 1] = mirror / broad, -angle * (length / breadth)
    theta[:, 1, 0], theta[:, 1, 1] = angle * (breadth / length) * mirror, 1 / stretch
    theta[:, 0, 2], theta[:, 1, 2] = uniform(-0.12, 0.12), uniform(-0.03, 0.03)
    x = functional.grid_sample(
        x, functional.affine_grid(theta, [n, 1, length, breadth], align_corners=False), align_corners=False
    )
    x = x.squeeze(1)
    inside = (x > 0.5).float()
    rows = torch.linspace(-1, 1, length, device=device)[None, :, None]
    columns = torch.linspace(-1, 1, breadth, device=device)[None, None, :] * (breadth / length)

    def field(values: Tensor) -> Tensor:
        return values[:, None, None]

    light = 1 + field(uniform(-0.15, 0.15)) * rows
    gamma, gain = field(uniform(0.75, 1.3)), field(uniform(0.8, 1.25))
    x = 100 * (x.clamp(min=0) / 100) ** gamma * gain * light
    # A chromosome that crosses or touches adds its darkness along a bar.
    direction = uniform(-1.3, 1.3)
    offset = (rows - field(uniform(-0.9, 0.9))) * field(direction.cos()) + columns * field(direction.sin())
    bar = (offset.abs() < 0.05).float() * field((uniform(0, 1) < config.crossing).float() * uniform(40, 130))
    x = x + bar
    # Ends hidden or cut off.
    occupied = inside.amax(2)
    first = occupied.argmax(1).float() / length * 2 - 1
    last = 1 - occupied.flip(1).argmax(1).float() / length * 2
    cut = (uniform(0, 1) < config.lost_end).float() * uniform(0.0, 0.2) * (last - first)
    at_start = uniform(0, 1) < 0.5
    low, high = torch.where(at_start, first + cut, first - 1), torch.where(at_start, last + 1, last - cut)
    keep = (rows >= field(low)) & (rows <= field(high))
    x = x + torch.randn_like(x) * field(uniform(0, 8))
    blurred = functional.avg_pool2d(x.unsqueeze(1), 3, 1, 1, count_include_pad=False).squeeze(1)
    x = torch.where(field(uniform(0, 1) < 0.3), blurred, x)
    return (x * inside * keep).clamp(0, 400)


def load_material(folders: Sequence[Path], names: list[str]) -> Labelled:
    """All straightened chromosomes of the cached cells: inputs UInt8[N, 160, 32] and labels Int64[N].

    folders: the last one that holds a cell is read.
    """
    cells = cache.load_all(folders, names)
    inputs = [np.zeros((0, LENGTH, BREADTH), np.uint8), *(cell.inputs for cell in cells)]
    labels = [np.zeros(0, np.int64), *(cell.input_labels for cell in cells)]
    return np.concatenate(inputs), np.concatenate(labels)


def upright_by_bands(inputs: NDArray[np.uint8], labels: NDArray[np.int64], margin: float) -> NDArray[np.int64]:
    """Turn real chromosomes, in place, so that the p arm is at row 0 where the bands tell which end it is.

    inputs: UInt8[N, 160, 32]; labels: 1..24. Returns Int64[N], `BY_BANDS` where the profile fits the ideogram of its
    class better one way up than turned, by at least `margin` of correlation, else `UNKNOWN`.
    """
    known = np.full(len(labels), UNKNOWN, np.int64)
    for i, (darkness, label) in enumerate(zip(inputs, labels.tolist(), strict=True)):
        profile = profile_of(255 - darkness, darkness > 0)
        if len(profile) < 2:
            continue
        fit = align(profile, label)
        if abs(fit.score - fit.turned_score) >= margin:
            known[i] = BY_BANDS
            if fit.turned_score > fit.score:
                inputs[i] = darkness[::-1, ::-1].copy()
    return known


def drawn_material(count: int, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Procedural straight chromosomes with the p arm at row 0: inputs UInt8[count, 160, 32] and labels."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(1, 25, count)
    inputs = np.zeros((count, LENGTH, BREADTH), np.uint8)
    for i, label in enumerate(labels):
        drawn = draw_chromosome(
            int(label),
            rng,
            level=int(rng.choice([400, 550, 850])),
            width_px=WIDTH * rng.uniform(0.9, 1.1),
            chromosome1_widths=rng.uniform(6.5, 9.2),
            contrast=rng.uniform(0.8, 1.2),
        )
        gray = np.clip(drawn.transmittance * 230, 0, 255).astype(np.uint8)
        levels = (230.0, float(gray[drawn.inside].mean()) * rng.uniform(0.9, 1.1))
        columns = np.clip(np.arange(BREADTH) + (gray.shape[1] - BREADTH) // 2, -1, gray.shape[1])
        padded = np.pad(gray, 1, constant_values=255)[1:-1][:LENGTH, columns + 1]
        inside = np.pad(drawn.inside, 1)[1:-1][:LENGTH, columns + 1]
        inputs[i] = to_input(Straightened(np.where(inside, padded, 255).astype(np.uint8), inside), levels)
    return inputs, labels.astype(np.int64)


@torch.no_grad()
def accuracy(network: nn.Module, inputs: NDArray[np.uint8], labels: NDArray[np.int64], batch: int = 256) -> float:
    """Share of chromosomes whose class is right, each alone, one view."""
    network.eval()
    device = next(network.parameters()).device
    right = 0
    for at in range(0, len(labels), batch):
        logits = network(torch.from_numpy(inputs[at : at + batch]).to(device))
        log_class = torch.logaddexp(logits[:, :24], logits[:, 24:])
        right += int((log_class.argmax(1).cpu().numpy() == labels[at : at + batch] - 1).sum())
    network.train()
    return right / max(1, len(labels))


def train_identifier(
    train_material: Labelled,
    val_material: Labelled,
    folder: Path,
    training: TrainConfig,
    config: IdentifyTraining,
    *,
    resume: bool = False,
    shares: NDArray[np.float64] | None = None,
) -> Iterator[Progress]:
    """Train on straightened chromosomes; where there are val ones, the share of right classes is the score."""
    torch.manual_seed(training.seed)
    if training.threads:
        torch.set_num_threads(training.threads)
    inputs, labels = train_material
    drawn_inputs, drawn_labels = drawn_material(config.drawn_count, training.seed)
    by_bands = upright_by_bands(inputs, labels, config.bands_margin)
    orientations = np.concatenate([by_bands, np.full(len(drawn_labels), DRAWN)]).astype(np.int64)
    inputs, labels = np.concatenate([inputs, drawn_inputs]), np.concatenate([labels, drawn_labels])
    done = steps_done(folder) if resume else 0
    stream = batches(inputs, labels, orientations, config, training.seed + 1_000_003 * done, shares)
    network = IdentifierNetwork()
    if training.start and not done:
        path = weights.path_of(training.start, "identify")
        weights.begin_with(network, path, lambda: [augment(next(stream)[0], config) for _ in range(8)])
    torch.manual_seed(training.seed + 1_000_003 * done + processes.rank())  # others turns and noise in each process

    def judge(judged: nn.Module) -> dict[str, float]:
        right = accuracy(judged, *val_material)
        return {"score": right, "accuracy": right}

    yield from fit(
        network,
        stream,
        lambda n, b: losses(n, b, config),
        training,
        folder,
        resume,
        judge=judge if len(val_material[1]) else None,
        images=config.batch,
    )


def run(
    config_path: Path | None, resume: bool = False, root: Path | None = None, settings: Sequence[str] = ()
) -> Generator[Progress, None, Path]:
    """`metaphase train identify`: material, training, ONNX.

    Uses the chromosomes that the segmenter cut out of clusters where `metaphase train segment` has left them, else
    those that are annotated with masks or lie alone. config_path, settings: see `read_sections`. root: the folder of
    all data sets; left out, METAPHASE_DATA names it. Leaves `out/identify.onnx` and returns its path. Raises
    ConfigError, also where `resume` meets other settings than the run began with, DataError and WeightsError.
    """
    sections = read_sections(config_path, settings, data=DataConfig, train=TrainConfig, identify=IdentifyTraining)
    data, training, config = sections["data"], sections["train"], sections["identify"]
    with processes.joined(training.device):
        out = Path(data.out)
        folder = out / "identify"
        place = material.root(root)
        material.find(data, training.seed, place)  # so that a wrong name puts no earlier run aside
        if processes.is_first():
            keep_settings(folder, sections, resume)
        sets = yield from material.prepare(data, training.seed, place)
        known = [load_material(one.folders, one.train) for one in sets]
        for one, (_, labels) in zip(sets, known, strict=True):
            if not len(labels):
                raise DataError(
                    f"{one.source.name}: no train image gives a chromosome whose outline and class are known"
                )
        judged = [load_material(one.folders, one.val) for one in sets]
        shares = material.shares(sets, [len(labels) for _, labels in known])
        yield from train_identifier(
            _joined(known), _joined(judged), folder, training, config, resume=resume, shares=shares
        )
        if processes.is_first():
            about = export.card((one.source for one in sets), sections)
            export.export_identifier(weights_of(folder), out / "identify.onnx", about)
            if training.start == weights.SHIPPED:
                weights.complete(out)
        processes.wait()
    return out / "identify.onnx"


def _joined(parts: Sequence[Labelled]) -> Labelled:
    return np.concatenate([inputs for inputs, _ in parts]), np.concatenate([labels for _, labels in parts])
