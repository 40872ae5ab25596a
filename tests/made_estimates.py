"""Estimates of single adapters, made from counts."""

from __future__ import annotations

from safedose.findings import Criterion, Estimate


def rates(criterion: Criterion, by_dose: dict[int, list[int]], *, n: int = 100, missing: int = 0) -> list[Estimate]:
    """Estimates of single adapters: successes of each seed, by dose."""
    return [
        Estimate(
            scope="arm",
            arm=f"d{dose}-s{seed}",
            base="b",
            run="default",
            ladder="add",
            strategy="direct" if dose else "none",
            format="instruction" if dose else "none",
            dose=dose,
            num_seeds=1,
            suite=criterion.suite,
            endpoint=criterion.endpoint,
            judge=criterion.judge,
            kind="rate",
            value=y / n,
            low=None,
            high=None,
            level=0.95,
            method="",
            n=n,
            num_missing=missing,
        )
        for dose, successes in by_dose.items()
        for seed, y in enumerate(successes)
    ]
