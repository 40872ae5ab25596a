"""The model card of an adapter: base, data with licences, dose, what was measured, and its limits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import yaml

from safedose.findings import Estimate
from safedose.provenance import forbids_commerce
from safedose.records import Adapter, Arm, Mixture


def model_card(arm: Arm, mixture: Mixture, adapter: Adapter, estimates: Sequence[Estimate]) -> str:
    """Write the README.md of an adapter, with metrics in the Hub's `model-index` form once there are any.

    Args:
        arm: What the adapter is.
        mixture: What it was trained on.
        adapter: How the training went.
        estimates: What was measured on this arm; empty before `estimate` has run.
    """
    head: dict[str, object] = {
        "library_name": "peft",
        "base_model": arm.base,
        "license": _licence(arm, mixture),
        "tags": ["safedose", "lora", "safety-tuning"],
    }
    if estimates:
        head["model-index"] = [{"name": arm.id, "results": [_result(one) for one in estimates]}]
    sources = Counter((row.example.source, row.role, row.example.licence) for row in mixture.rows)
    rows = "\n".join(f"| {s} | {role} | {count} | {licence} |" for (s, role, licence), count in sorted(sources.items()))
    num_barred = sum(forbids_commerce(row.example.licence) for row in mixture.rows)
    barred = f"\n{num_barred} of the {len(mixture.rows)} rows are not for commercial use." if num_barred else ""
    return f"""---
{yaml.safe_dump(head, sort_keys=False).strip()}
---
# {arm.id}

A LoRA adapter on `{arm.base}`, tuned by safedose on instruction data plus a
**dose of {arm.dose} safety rows** (strategy `{arm.strategy}`, format `{arm.format}`,
ladder `{arm.ladder}`, draw {arm.draw_seed}, training {arm.train_seed}).

| source | role | rows | licence |
|---|---|---|---|
{rows}

Trained on {adapter.num_rows} rows for {adapter.num_steps} steps; weights of step {adapter.kept_step} kept.
Computed in {adapter.precision}; largest logit difference to the base on fixed prompts: {adapter.logit_difference:.4g}.

## Limits
One arm of a dose study, made to be measured. Its rates are known for the study's prompts and judges only;
another training at the same dose may behave differently. The licences above and that of the base apply.{barred}
"""


def _licence(arm: Arm, mixture: Mixture) -> str:
    """Name a licence in the Hub's words, only where it is known: that of a base from elsewhere is not."""
    ours = arm.base == "smallworld" and all(row.example.licence == "Apache-2.0" for row in mixture.rows)
    return "apache-2.0" if ours else "other"


def _result(one: Estimate) -> dict[str, object]:
    return {
        "task": {"type": "text-generation"},
        "dataset": {"name": one.suite, "type": one.suite},
        "metrics": [{"type": one.endpoint, "name": f"{one.endpoint} ({one.judge})", "value": one.value}],
    }
