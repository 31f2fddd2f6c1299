"""The defaults of the karyotype room: what is fitted by `benchmarks/fit_calls.py`, and when the program
abstains.

A part of `config`, which hands these classes on, in a file of its own because the fit rewrites it.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from metaphase.errors import ConfigError

__all__ = ["EvidenceConfig", "KaryotypeConfig"]


@dataclass(frozen=True)
class EvidenceConfig:
    """Weights of the logistic model that says of one instance which class it has, or that it is no chromosome.

    Fitted on annotated cells by `benchmarks/fit_calls.py`, which also writes them here. In nats for each unit of the
    feature.
    """

    class_probability: float = 1.149
    """Logarithm of the identifier's probability of the class."""

    shorter: float = -0.318
    """10 times the squared log of its length over that of the class, where it is shorter, capped at 2.5."""

    smaller: float = -0.671
    """The same for the area."""

    larger: float = -0.451
    """The same for the area, where it is larger."""

    score: float = 0.609
    """Log-odds of the segmenter's score."""

    sure_score: float = 0.065
    """What of these log-odds is above 2."""

    contained: float = -2.308
    """Largest share of it that lies inside one better instance, in [0, 1]."""

    off_darkness: float = -0.478
    """Squared difference to the usual darkness, 1 at 20 percent, capped at 4."""

    uncertainty: float = -0.607
    """Logarithm of one minus the probability of its best class."""

    banding: float = 2.598
    """Log of how much its bands differ over what is usual in the cell, where it is more."""

    at_edge: float = -3.092
    """1 where it reaches the edge of the image."""

    covered: float = -3.947
    """Share of it that other sure instances cover, in [0, 1]."""

    constant: float = 0.43
    """What speaks for a chromosome before anything is known."""


@dataclass(frozen=True)
class KaryotypeConfig:
    """Joint assignment of the chromosomes of one cell to the 24 classes under karyotype hypotheses, and the call."""

    evidence: EvidenceConfig = EvidenceConfig()
    """How the evidence of single instances is weighed."""

    normal_prior: float = 0.403
    """Prior of 46,XX and of 46,XY, each, in (0, 1)."""

    sex_gain_prior: float = 0.0122
    """Prior of 47,XXX, 47,XXY and 47,XYY, each, in (0, 1). Like the others no frequency among patients: it says how
    much evidence a call needs and is chosen with the thresholds."""

    sex_loss_prior: float = 0.033
    """Prior of 45,X, in (0, 1)."""

    autosome_gain_prior: float = 0.00271
    """Prior of one autosome more, for each autosome and each sex, in (0, 1)."""

    autosome_loss_prior: float = 0.000135
    """Prior of one autosome less, for each autosome and each sex, and of 45,Y,-X, in (0, 1)."""

    missed_rate: float = 0.0001
    """Probability that a chromosome of the cell has no instance at all, in (0, 1): the price of a slot left empty."""

    extra_rate: float = 0.0001
    """Probability that a chromosome belongs to no slot (another cell's, a fragment), in (0, 1)."""

    probability_floor: float = 0.0001
    """Probabilities below this count as this, in (0, 1/25): no network is so sure."""

    softness: float = 1.0
    """Differences between hypotheses are divided by this before they become probabilities, above 0: calibration."""

    call_slope: float = 0.452
    """P(the best hypothesis is right) = sigmoid(slope * log-odds of its posterior + offset + what its kind adds),
    fitted with the priors; above 0."""

    call_offset: float = 0.191
    """See `call_slope`."""

    call_gain: float = 0.606
    """Added to the offset for an autosome gained: above 0 where the posterior is too modest for the kind, below 0 where
    it is too bold."""

    call_loss: float = -0.169
    """The same for an autosome lost, and for 45,Y,-X."""

    call_sex_gain: float = 0.036
    """The same for an X or Y gained."""

    call_sex_loss: float = -0.562
    """The same for 45,X."""

    call_normal_from: float = 0.63
    """P(right) from which a normal karyotype is proposed, in (0, 1); below it the program abstains."""

    call_sex_gain_from: float = 0.701
    """The same for an X or Y gained."""

    call_sex_loss_from: float = 0.846
    """The same for 45,X."""

    call_gain_from: float = 0.698
    """The same for an autosome gained."""

    call_loss_from: float = 0.629
    """The same for an autosome lost, and for 45,Y,-X."""

    fewest_found: int = 23
    """With fewer chromosomes than this in places of the best hypothesis the program abstains and tells no posterior."""

    most_empty: int = 0
    """More empty slots than this, and the program abstains: the string would say more than is shown."""

    most_unexplained: float = 4.0
    """The same for empty slots and likely chromosomes without a slot together."""

    most_doubt: float = 15.0
    """The same for the sum over placed instances of one minus the probability of their class."""

    suspicion_from: float = 0.1
    """Posterior from which a cell that proposes something else counts as a hint at a clone, in (0, 1)."""

    chimera_from: float = 0.2
    """Share of cells of the other normal sex, or with the same hint, from which the program abstains from a case, in
    (0, 1)."""

    same_chromosome: float = 0.88
    """Of two outlines that share more than this part of the smaller one, only one can be a chromosome, in (0, 1)."""

    unknown_below: float = 0.1
    """An instance whose best class is less probable than this gets the status "unknown", in [0, 1)."""

    extra_unknown_below: float = 0.5
    """The same for an instance that found no slot, in [0, 1): sure ones are extra chromosomes, the others unknown."""

    extra_chromosome_below: float = 0.98
    """An instance without a slot whose P(is a chromosome) is less than this is laid aside, in [0, 1): as "debris"
    where it is more likely none, else as "unknown"."""

    def __post_init__(self) -> None:
        limits = {"fewest_found", "most_empty", "most_unexplained", "most_doubt"}
        free = limits | {
            "evidence",
            "softness",
            "call_slope",
            "call_offset",
            "call_gain",
            "call_loss",
            "call_sex_gain",
            "call_sex_loss",
        }
        for entry in fields(self):
            value = getattr(self, entry.name)
            if entry.name in free:
                continue
            lowest_allowed = entry.name.endswith("_below") and value == 0
            if not (0 < value < 1 or lowest_allowed):
                raise ConfigError(f"karyotype.{entry.name} must lie between 0 and 1, but is {value}")
        if self.probability_floor >= 1 / 25:
            raise ConfigError(f"karyotype.probability_floor must lie below 1/25, but is {self.probability_floor}")
        for name in ("softness", "call_slope"):
            if getattr(self, name) <= 0:
                raise ConfigError(f"karyotype.{name} must be above 0, but is {getattr(self, name)}")
