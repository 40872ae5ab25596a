"""What the seeds say about the next adapter: a hierarchical binomial model, solved on a grid.

    successes_k ~ Binomial(n_k, rate_k)       prompts, within adapter k
    the prompts are the same for every k      their luck, common to all adapters, is added (`luck`)
    logit(rate_k) ~ Normal(mu, tau)           adapters, around their common centre
    rate at mu ~ Beta(1/2, 1/2)               prior: Jeffreys' for a single rate
    tau ~ HalfNormal(s)                       how much adapters of one dose differ
    s ~ uniform over SPREAD_SCALES            prior: how much adapters differ at the doses of one curve

Two or three seeds say little about tau. The doses of a curve say more together, but seeds differ most where the rate
changes: so the doses beside one can raise the s that is expected there, never lower it. Seeds that differ widely at
one dose make seeds that happen to agree at another count for less; seeds that agree elsewhere prove nothing here.

Everything is integrated numerically: no sampling, no optimiser, the same numbers every time.
Source: Gelman et al., Bayesian Data Analysis, 3rd ed., chapter 5 (hierarchical models, grids for
few hyperparameters); Gelman (2006), Bayesian Analysis 1, 515-533 (priors for few groups; half-normal
with a scale that several groups of groups share: section 5).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import fft, special, stats

from safedose.stats.crossing import Seeds, independent_sets
from safedose.stats.grids import MAX_GRID, NUM_TAU, SPAN, blur_spectrum, lay_out, normal_spectrum, tau_nodes
from safedose.stats.luck import mean_adapter, no_surer_than_one, shared_variance
from safedose.stats.rates import wilson

Floats = NDArray[np.float64]
Count = tuple[float, float]
"""Successes and trials of one adapter; successes need not be whole (see `rates.wilson`)."""
Doses = Sequence[Sequence[Count]]
"""The adapters of several doses of one curve."""

SPREAD_SCALES = tuple(np.geomspace(0.25, 2, 7).tolist())
"""Scales of the half-normal prior of tau, on the logit, each as likely as the others before the data. They
hold both recipes whose seeds agree and those of which one answers 1 % and the other 60 %, so that two
seeds which happen to agree do not pass for proof that all seeds do."""

# Rounding of the transform leaves about 1e-16 of a likelihood's peak everywhere; what is smaller than
# this is noise. The seed that deviates most still has about exp(-num_seeds / 2) at the tau that fits
# best, so nothing that matters is cut below 50 seeds.
_NOISE = 1e-13


@dataclass(frozen=True, slots=True, eq=False)
class RateDistribution:
    """What is believed about a rate: a distribution over [0, 1], kept on a grid of logits.

    Attributes:
        edges: Logits, ascending.
        cumulative: Probability that the rate lies at or below each edge; from 0 to 1.
    """

    edges: Floats
    cumulative: Floats

    def quantile(self, share: float) -> float:
        """Give the rate that lies above this share of the probability."""
        return float(self.at(np.array(share)))

    def at_most(self, bound: float) -> float:
        """Give the probability that the rate does not exceed the bound."""
        if bound <= 0 or bound >= 1:
            return float(bound >= 1)
        return float(np.interp(special.logit(bound), self.edges, self.cumulative, left=0.0, right=1.0))

    def mean(self) -> float:
        """Give the expected rate."""
        centres = special.expit((self.edges[1:] + self.edges[:-1]) / 2)
        return float(np.diff(self.cumulative) @ centres)

    def sd(self) -> float:
        """Give the standard deviation of the rate."""
        centres = special.expit((self.edges[1:] + self.edges[:-1]) / 2)
        return math.sqrt(float(np.diff(self.cumulative) @ (centres - self.mean()) ** 2))

    def at(self, shares: Floats) -> Floats:
        """Give the rates that lie above these shares of the probability."""
        rates: Floats = special.expit(np.interp(shares, self.cumulative, self.edges))
        return rates

    def draw(self, size: int, *, rng: np.random.Generator) -> Floats:
        """Draw rates, spread evenly over the distribution and then shuffled.

        One draw from each of `size` equally probable slices: each slice is met once, which makes
        averages over the draws far steadier than independent draws would.
        """
        shares = (np.arange(size) + rng.random(size)) / size
        return rng.permutation(self.at(shares))


def this_adapter(count: Count) -> RateDistribution:
    """Say what one adapter's own prompts tell about its rate, and nothing about other adapters.

    Population: all prompts the suite's prompts stand for. Unit: the prompt.
    Method: posterior Beta(1/2 + successes, 1/2 + n - successes) under Jeffreys' prior.
    Source: Brown, Cai and DasGupta (2001), Statistical Science 16, 101-133, section 4.

    Raises:
        ValueError: For no trials, or more successes than trials.
    """
    _check([count])
    successes, n = count
    edges = np.linspace(-SPAN / 2, SPAN / 2, MAX_GRID + 1)
    cumulative = stats.beta.cdf(special.expit(edges), 0.5 + successes, 0.5 + n - successes)
    return _distribution(edges, cumulative)


def next_adapter(
    counts: Sequence[Count], *, beside: Doses = (), factor: float = 1.0, seeds: Sequence[Seeds] | None = None
) -> RateDistribution:
    """Predict the rate of the next adapter trained the same way with another seed.

    Population: adapters of this recipe over seeds, on all prompts the suite's prompts stand for.
    Unit: the adapter, and within it the prompt. Prompts of different adapters are never pooled: they are the same.
    Method: posterior predictive of the model at the top of this module, never surer than one adapter's own posterior.
    With 0 of n from every seed the distribution still has width: neither prompts nor seeds exclude a small rate.

    Args:
        counts: Successes and trials of each adapter, two or more; their order does not matter.
        beside: The same of the other doses of the curve, of which only the spread is used, where it is larger than
            expected; those with one adapter say nothing of it.
        factor: Multiplies all of SPREAD_SCALES: to see how much the prior decides.
        seeds: Draw and training of each adapter, in the order of `counts`. Where draws and trainings are crossed, the
            model is solved for every one of `crossing.independent_sets`, and the beliefs are averaged. None: no two
            adapters share either.

    Raises:
        ValueError: For fewer than two adapters (one says nothing about how adapters differ), for no
            trials, or more successes than trials.
    """
    return _solve(counts, beside, factor, seeds, of_centre=False)


def typical_adapter(
    counts: Sequence[Count], *, beside: Doses = (), seeds: Sequence[Seeds] | None = None
) -> RateDistribution:  # fmt: skip
    """Say where the rate of the typical adapter of a recipe lies: the one in the middle of all its seeds.

    Population, unit and method as in `next_adapter`; the posterior of the centre mu, on the rate. It is what a
    dose curve is drawn through: the next adapter scatters about it.

    Raises:
        ValueError: As `next_adapter` does.
    """
    return _solve(counts, beside, 1.0, seeds, of_centre=True)


def _solve(
    counts: Sequence[Count], beside: Doses, factor: float, seeds: Sequence[Seeds] | None, *, of_centre: bool
) -> RateDistribution:
    if len(counts) < 2:
        raise ValueError("one seed says nothing about the next adapter")
    _check(counts)
    others = sorted(tuple(sorted(one)) for one in beside if len(one) > 1)
    for other in others:
        _check(other)
    sets = [[counts[place] for place in one] for one in independent_sets(seeds)] if seeds else [counts]
    found = [_distribution_of(tuple(sorted(one)), tuple(others), factor, of_centre) for one in sets]
    return found[0] if len(found) == 1 else _average(found)


def _average(found: Sequence[RateDistribution]) -> RateDistribution:
    edges = np.unique(np.concatenate([one.edges for one in found]))
    return _distribution(edges, np.mean([np.interp(edges, one.edges, one.cumulative) for one in found], axis=0))


def next_adapter_interval(
    counts: Sequence[Count], level: float, *, beside: Doses = (), seeds: Sequence[Seeds] | None = None
) -> tuple[float, float]:
    """Give the range in which the rate of the next adapter lies with probability `level`.

    Equal tails of `next_adapter`. Where every seed shows 0 of n the lower end is 0, where every seed
    shows n of n the upper end is 1: data at the edge cannot exclude the edge (the modification of
    Jeffreys' interval in Brown, Cai and DasGupta 2001, section 4.1.1). It holds Wilson's interval of one adapter with
    the mean of their counts: more adapters on the same prompts do not say more about prompts.
    """
    predicted = next_adapter(counts, beside=beside, seeds=seeds)
    low, high = wilson(*mean_adapter(counts), level)
    return min(low, predicted.quantile((1 - level) / 2)), max(high, predicted.quantile((1 + level) / 2))


def log_prior_mu(mu: Floats) -> Floats:
    """Give the log density of the centre: Beta(1/2, 1/2) on the rate, seen on the logit.

    With tau at 0 the model becomes a single rate under Jeffreys' prior, so that one adapter and many
    equal adapters are judged alike; its tails fall as exp(-|mu| / 2), slow enough to let 0 of 5000
    be read as what it is.
    """
    density: Floats = (special.log_expit(mu) + special.log_expit(-mu)) / 2 - math.log(math.pi)
    return density


def _check(counts: Sequence[Count]) -> None:
    for successes, n in counts:
        if n < 1 or not 0 <= successes <= n:
            raise ValueError(f"not a rate: {successes} of {n}")


@lru_cache(maxsize=16384)
def _distribution_of(
    counts: tuple[Count, ...], beside: tuple[tuple[Count, ...], ...], factor: float, of_centre: bool
) -> RateDistribution:
    logits, spacing, joint = _fit(counts)
    size = len(logits)
    spectrum = fft.rfft(_spread_prior(beside, factor)[:, None] * joint)
    seen = (spectrum if of_centre else spectrum * blur_spectrum(size)).sum(axis=0)
    density = fft.irfft(seen * normal_spectrum(np.array(shared_variance(counts)), size), n=size)
    edges = np.append(logits, logits[-1] + spacing) - spacing / 2
    cumulative = np.append(0.0, np.cumsum(np.clip(density, 0.0, None)))
    return _distribution(*no_surer_than_one(edges, cumulative / cumulative[-1], counts))


def _spread_prior(beside: Sequence[tuple[Count, ...]], factor: float) -> Floats:
    """Give the weights of the nodes of tau: the scale of the spread as the other doses raise it, then tau given it.

    The scale's distribution is the stochastically larger one of prior and posterior: the smaller of their two
    cumulative probabilities at each scale.
    """
    tau, weights = tau_nodes()
    scales = factor * np.array(SPREAD_SCALES)
    given = weights * np.exp(-((tau / scales[:, None]) ** 2) / 2)
    given /= given.sum(axis=1, keepdims=True)
    log_chance = np.zeros(len(scales))
    for counts in beside:
        log_chance += np.log(given @ _spread_evidence(counts))
    chance = np.exp(log_chance - log_chance.max())
    even = np.arange(1, len(scales) + 1) / len(scales)
    raised = np.diff(np.minimum(np.cumsum(chance) / chance.sum(), even), prepend=0.0)
    prior: Floats = raised @ given
    return prior


@lru_cache(maxsize=16384)
def _spread_evidence(counts: tuple[Count, ...]) -> Floats:
    """Give the likelihood of each tau, whatever the centre, up to one factor for all."""
    evidence: Floats = _fit(counts)[2].sum(axis=1)
    return evidence


@lru_cache(maxsize=8)
def _fit(counts: tuple[Count, ...]) -> tuple[Floats, float, Floats]:
    """Lay out the likelihood times the prior of mu on the grid of (tau, mu): a seed's effect is a blur along mu.

    A seed's likelihood averaged over its logit ~ Normal(mu, tau) is its likelihood as a function of
    the logit, blurred by tau; so is the prediction, from the posterior of mu. One transform does both
    for all mu at once, exactly as well for a tau far below the spacing as far above.
    """
    logits, spacing = lay_out(counts)
    kernel = blur_spectrum(len(logits))
    joint = np.exp(log_prior_mu(logits)) * np.ones((NUM_TAU, 1))
    for (y, n), times in Counter(counts).items():
        log_likelihood = y * special.log_expit(logits) + (n - y) * special.log_expit(-logits)
        spectrum = fft.rfft(np.exp(log_likelihood - log_likelihood.max()))
        averaged = fft.irfft(spectrum * kernel, n=len(logits))
        averaged *= averaged > _NOISE
        for _ in range(times):
            joint *= averaged
            joint /= joint.max()  # many seeds would run out of exponent
    return logits, spacing, joint


def _distribution(edges: Floats, cumulative: Floats) -> RateDistribution:
    """Scale to probability 1 and lock: results are cached and shared."""
    scaled = (cumulative - cumulative[0]) / (cumulative[-1] - cumulative[0])
    for array in (edges, scaled):
        array.setflags(write=False)
    return RateDistribution(edges, scaled)
