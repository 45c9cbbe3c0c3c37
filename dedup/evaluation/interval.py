"""Intervals for a total of rare events, seen in a sample with unequal weights.

Normal intervals fail where few or no events were seen, which is where a good run is. A gamma
distribution with the estimate's mean and variance has the right tail: with equal weights the bounds
are the exact ones of a Poisson count, and with no event at all the upper one is 3.7 of them.

References
----------
Fay, Feuer (1997), Confidence intervals for directly standardized rates: a method based on the gamma
distribution. Wilson, Hilferty (1931), The distribution of chi-square (its quantiles).
"""

from __future__ import annotations

from math import sqrt

Z = 1.959964
"""Quantile of the normal distribution for two-sided 95 %."""


def gamma_interval(
    mean: float, variance: float, weight: float, z: float = Z
) -> tuple[float, float]:
    """Return limits for the expectation of a weighted sum of counts, of 95 % if not given.

    Parameters
    ----------
    z : quantile of the normal distribution.
    mean, variance : the sum, and the estimate of its variance.
    weight : the most that one more event would have added; 0 where there can be none.
    """
    return (
        _quantile(mean, variance, -z),
        _quantile(mean + weight, variance + weight * weight, z),
    )


def _quantile(mean: float, variance: float, z: float) -> float:
    """Return the quantile of a gamma distribution that belongs to z of the normal one.

    Off by less than 1 % of the upper quantile from shape 1 on.
    """
    if mean <= 0 or variance <= 0:
        return mean
    shape = mean * mean / variance
    root = 1 - 1 / (9 * shape) + z / (3 * sqrt(shape))
    return mean * max(0.0, root) ** 3
