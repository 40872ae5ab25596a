"""How an arm gets its name, which is that of its folder."""

from __future__ import annotations

import hashlib
import re

from safedose.records import Arm, Format, Ladder, Strategy


def new_arm(
    *,
    base: str,
    run: str,
    ladder: Ladder,
    strategy: Strategy,
    format: Format,  # noqa: A002 - the glossary's word for how safety prompts are phrased
    dose: int,
    draw_seed: int,
    train_seed: int,
    made_of: str,
) -> Arm:
    """Name an arm by everything that made it.

    All values are as in `Arm`; `made_of` stands for what else decides the arm's weights: data, settings,
    template, study seed.

    Returns:
        The arm. Its id reads like `direct-instruction-480-s0.0-1f3a9c2e`; dose 0 reads `none-0-s0.0-...`.
    """
    parts = [base, run, ladder, strategy, format, str(dose), str(draw_seed), str(train_seed), made_of]
    digest = hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:8]
    front = f"{strategy}-{format}-{dose}" if dose else "none-0"
    prefix = re.sub(r"[^a-z0-9]+", "-", run.lower()).strip("-")[:20] if run != "default" else ""
    name = f"{prefix}-{front}" if prefix else front
    return Arm(
        id=f"{name}-s{draw_seed}.{train_seed}-{digest}",
        base=base,
        run=run,
        ladder=ladder,
        strategy=strategy,
        format=format,
        dose=dose,
        draw_seed=draw_seed,
        train_seed=train_seed,
    )
