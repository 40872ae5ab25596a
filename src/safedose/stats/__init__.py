"""From verdicts to numbers one can act on: rates, intervals, and the recommended dose."""

from safedose.stats.agreement import (
    Measure,
    cohen_kappa,
    krippendorff_alpha,
    raw_agreement,
    sensitivity,
    specificity,
)
from safedose.stats.correction import Corrected, correct_rate, prediction_powered
from safedose.stats.endpoints import ENDPOINTS, Endpoint
from safedose.stats.estimates import estimate
from safedose.stats.hierarchy import RateDistribution, next_adapter, next_adapter_interval, this_adapter
from safedose.stats.labelled import Audit, audit
from safedose.stats.labelling import LabelsNeeded, labels_needed
from safedose.stats.pooling import ErrorDifference, compare_errors, correct_pooled
from safedose.stats.rates import wilson
from safedose.stats.window import recommend

__all__ = [
    "ENDPOINTS",
    "Audit",
    "Corrected",
    "Endpoint",
    "ErrorDifference",
    "LabelsNeeded",
    "Measure",
    "RateDistribution",
    "audit",
    "cohen_kappa",
    "compare_errors",
    "correct_pooled",
    "correct_rate",
    "estimate",
    "krippendorff_alpha",
    "labels_needed",
    "next_adapter",
    "next_adapter_interval",
    "prediction_powered",
    "raw_agreement",
    "recommend",
    "sensitivity",
    "specificity",
    "this_adapter",
    "wilson",
]
