"""From verdicts to numbers one can act on: rates, intervals, and the recommended dose."""

from safedose.stats.endpoints import ENDPOINTS, Endpoint
from safedose.stats.estimates import estimate
from safedose.stats.hierarchy import RateDistribution, next_adapter, next_adapter_interval, this_adapter
from safedose.stats.rates import wilson
from safedose.stats.window import recommend

__all__ = [
    "ENDPOINTS",
    "Endpoint",
    "RateDistribution",
    "estimate",
    "next_adapter",
    "next_adapter_interval",
    "recommend",
    "this_adapter",
    "wilson",
]
