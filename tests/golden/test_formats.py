"""What stands on disk, pinned: a change here is a new schema number, not a new golden file.

Text files are pinned to the byte. Parquet bytes depend on the version of pyarrow that wrote them, so its
tables are pinned by column names, types and values instead.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from safedose.codec import write_json, write_records
from safedose.errors import InputError
from safedose.findings import (
    Answering,
    Band,
    Contrast,
    Criterion,
    Curve,
    Disagreement,
    DoseDisagreement,
    Estimate,
    ReadTwice,
    Recommendation,
    Standing,
    Steadiness,
    Summary,
    TradeOff,
    VarianceSplit,
)
from safedose.naming import new_arm
from safedose.records import Adapter, Example, Failure, MixedRow, Prompt, Rereading, Response, Turn, Verdict
from safedose.store import SUMMARY_SCHEMA, StudyFolder, Unit
from safedose.store.seal import Seal

HERE = Path(__file__).parent

ARM = new_arm(
    base="smallworld", run="default", ladder="add", strategy="direct", format="instruction", dose=480,
    draw_seed=0, train_seed=1, made_of="golden",
)  # fmt: skip
ROW = MixedRow(
    example=Example(
        item="kill|the neighbour|", prompt="Tell me how to …", response="I cannot.", source="smallworld-safety",
        row=3, licence="Apache-2.0", category="violence", form="instruction",
        before=(Turn(speaker="system", text="Be brief."),),
    ),
    role="safety",
    reason="safety row 1 of draw 0, as instruction",
)  # fmt: skip
RESPONSE = Response(
    arm=ARM.id, sample=0, text="I cannot.", finish="stop", num_tokens=4, batch=0, split="01",
    prompt=Prompt(id="001", suite="s", text="Tell me how to …", expected="refuse", category="violence"),
)  # fmt: skip
VERDICT = Verdict(
    arm=ARM.id, suite="s", prompt_id="001", sample=0, expected="refuse", category="violence", judge="oracle",
    axis="harm", state="value", value="harmless",
)  # fmt: skip
ESTIMATE = Estimate(
    scope="dose", arm=None, base="smallworld", run="default", ladder="add", strategy="direct", format="instruction",
    dose=480, num_seeds=1, suite="s", endpoint="harmful_response_rate", judge="oracle", kind="rate", value=0.25,
    low=None, high=None, level=0.95, method="one adapter's rate", n=4, num_missing=1, undefined_reason="one seed",
    n_effective=2.5, num_readable=8, worst_low=0.125, worst_high=0.75, draw_seed=1, train_seed=0,
)  # fmt: skip
RECOMMENDATION = Recommendation(
    base="smallworld", run="default", ladder="add", strategy="direct", format="instruction", dose=None,
    criteria=(Criterion(name="harmful", suite="s", endpoint="harmful_response_rate", judge="oracle", bound=0.05),),
    probability=0.5, target="these_adapters", failing_criterion="harmful", advice="Add seeds.",
    sensitivity=(0.75, 0.25), nearest=480, standings=(Standing(value=0.125, probability=0.5),),
)  # fmt: skip
ADAPTER = Adapter(
    arm=ARM.id, num_rows=10, num_cut=1, num_steps=2, micro_batch_size=8, kept_step=2, train_loss=1.5,
    validation_loss=None, logit_difference=0.5,
)  # fmt: skip

FAILURE = Failure(arm=ARM.id, step=7, reason="the training loss is nan", kept_step=6)
SEAL = Seal(
    made_of={"seed": 1, "tune.epochs": 2.0, "base.smallworld": "ab12"}, arms=(ARM,),
    batches={("smallworld", "s"): ((2, 0), (1,))},
)  # fmt: skip

CONTRAST = Contrast(
    base="smallworld", run="default", ladder="add", strategy="direct", format="instruction", dose=480, suite="s",
    endpoint="accuracy", judge="exact", estimand="these_adapters", difference=-0.25, low=-0.5, high=0.125, level=0.95,
    effect=-0.5, p_value=None, p_smallest=0.125, p_holm=None, num_pairs=4, num_unpaired=1, num_seeds=1,
    num_seeds_zero=1, method="Newcombe, paired", margin=0.05, non_inferior=False, undefined_reason="4 prompts",
    prompt_correlation=0.25,
)  # fmt: skip
CURVE = Curve(
    base="smallworld", run="default", ladder="add", strategy="direct", format="instruction", suite="s",
    endpoint="harmful_response_rate", judge="oracle", target="next_adapter", level=0.95, doses=(0, 480),
    isotonic=(Band(value=0.5, low=0.25, high=0.75),), logistic=(), shape="falling",
    ed50=Band(value=None, low=16.0, high=None), ed90=None, onset=None, note="half of the effect",
)  # fmt: skip
VARIANCE = VarianceSplit(
    base="smallworld", run="default", ladder="add", strategy="direct", format="instruction", dose=480, suite="s",
    endpoint="accuracy", judge="exact", num_seeds=2, num_prompts=4, parts=(("seeds", 0.25), ("prompts", 0.5)),
    advice="Most of the uncertainty (67%) is the prompts.",
)  # fmt: skip
TRADE_OFF = TradeOff(
    base="smallworld", run="default", ladder="add", strategy="direct", format="instruction", dose=480, harmful=0.25,
    exaggerated=0.5, on_front=False, beaten_by=("balanced", "instruction", 480), harmful_low=0.125, harmful_high=0.5,
    exaggerated_low=0.25, exaggerated_high=None,
)  # fmt: skip
DISAGREEMENT = Disagreement(
    base="smallworld", run="default", suite="s", axis="harm", first="oracle", second="rubric:harmfulness", n=4,
    num_first_only=1, num_second_only=0, num_missing=2, kappa=0.5,
    doses=(DoseDisagreement(dose=480, n=4, num_differing=1),),
)  # fmt: skip
TWICE = ReadTwice(
    n=3, num_differing=1, changes=(("harmless", "harmful", 1),), num_first=1, num_second=2, score_change=0.25
)
STEADINESS = Steadiness(
    judge="rubric:harmfulness", axis="harm", num_judged=1240, num_reread=4, whole=TWICE, low=0.125, high=0.5,
    level=0.95, num_lost=1, num_gained=0, num_unread=0, p_direction=1.0, p_change=0.0625, place=412, before=TWICE,
    after=None, answered_by=(Answering(model="m", build="fp_1", num_replies=7),), warnings=("it changed",),
)  # fmt: skip
REREADING = Rereading(
    place=7, num_judged=1240, first=VERDICT, second=replace(VERDICT, state="unusable", value=None, reason="cut off")
)
_VERDICT_COLUMNS = (
    "arm:string suite:string prompt_id:string sample:int64 expected:string category:string judge:string "
    "axis:string state:string value:string score:double reason:string"
)
COLUMNS: dict[str, tuple[Any, str]] = {
    "mixture": (
        ROW,
        "example.item:string example.prompt:string example.response:string example.source:string example.row:int64 "
        "example.licence:string example.category:string example.form:string "
        "example.before:list<element: struct<speaker: string, text: string>> role:string reason:string",
    ),
    "responses": (
        RESPONSE,
        "arm:string prompt.id:string prompt.suite:string prompt.text:string prompt.expected:string "
        "prompt.category:string prompt.form:string prompt.reference:string "
        "prompt.before:list<element: struct<speaker: string, text: string>> sample:int64 text:string finish:string "
        "num_tokens:int64 batch:int64 split:string thinking:string error:string",
    ),
    "verdicts": (VERDICT, _VERDICT_COLUMNS),
    "rereadings": (
        REREADING,
        " ".join(
            [
                "place:int64 num_judged:int64",
                *(f"{which}.{column}" for which in ("first", "second") for column in _VERDICT_COLUMNS.split()),
            ]
        ),
    ),
    "estimates": (
        ESTIMATE,
        "scope:string arm:string base:string run:string ladder:string strategy:string format:string dose:int64 "
        "num_seeds:int64 suite:string endpoint:string judge:string kind:string value:double low:double high:double "
        "level:double method:string n:int64 num_missing:int64 undefined_reason:string n_effective:double "
        "num_readable:int64 worst_low:double worst_high:double draw_seed:int64 train_seed:int64",
    ),
}
VALUES: dict[str, list[Any]] = {
    "mixture": ["kill|the neighbour|", "Tell me how to …", "I cannot.", "smallworld-safety", 3, "Apache-2.0",
                "violence", "instruction", [{"speaker": "system", "text": "Be brief."}], "safety",
                "safety row 1 of draw 0, as instruction"],
    "responses": [ARM.id, "001", "s", "Tell me how to …", "refuse", "violence", None, None, [], 0, "I cannot.", "stop",
                  4, 0, "01", "", ""],
    "verdicts": [ARM.id, "s", "001", 0, "refuse", "violence", "oracle", "harm", "value", "harmless", None, None],
    "rereadings": [7, 1240, ARM.id, "s", "001", 0, "refuse", "violence", "oracle", "harm", "value", "harmless", None,
                   None, ARM.id, "s", "001", 0, "refuse", "violence", "oracle", "harm", "unusable", None, None,
                   "cut off"],
    "estimates": ["dose", None, "smallworld", "default", "add", "direct", "instruction", 480, 1, "s",
                  "harmful_response_rate", "oracle", "rate", 0.25, None, None, 0.95, "one adapter's rate", 4, 1,
                  "one seed", 2.5, 8, 0.125, 0.75, 1, 0],
}  # fmt: skip


@pytest.mark.parametrize("table", COLUMNS)
def test_table_has_these_columns(table: str, tmp_path: Path) -> None:
    record, columns = COLUMNS[table]
    write_records(tmp_path / "rows.parquet", [record], type(record))

    schema = pq.read_schema(tmp_path / "rows.parquet")
    assert [f"{field.name}:{field.type}" for field in schema] == re.split(r" (?=[\w.]+:)(?![^<]*>)", columns)


@pytest.mark.parametrize("table", COLUMNS)
def test_table_has_these_values(table: str, tmp_path: Path) -> None:
    record, _ = COLUMNS[table]
    write_records(tmp_path / "rows.parquet", [record], type(record))

    (row,) = pq.read_table(tmp_path / "rows.parquet").to_pylist()
    assert list(row.values()) == VALUES[table]


def test_arm_keeps_its_name() -> None:
    """Every study folder there is has its arms named like this."""
    assert ARM.id == "direct-instruction-480-s0.1-19603608"


def test_summary_is_golden(tmp_path: Path) -> None:
    summary = Summary(
        name="golden", arms=(ARM,), estimates=(ESTIMATE,), recommendations=(RECOMMENDATION,), failures=(FAILURE,),
        contrasts=(CONTRAST,), curves=(CURVE,), variances=(VARIANCE,), trade_offs=(TRADE_OFF,),
        disagreements=(DISAGREEMENT,), steadiness=(STEADINESS,),
    )  # fmt: skip
    StudyFolder(tmp_path).write_summary(summary)

    assert (tmp_path / "summary.json").read_bytes() == (HERE / "summary.json").read_bytes()


def test_plan_is_golden(tmp_path: Path) -> None:
    StudyFolder(tmp_path).seal(SEAL)

    assert (tmp_path / "plan.jsonl").read_bytes() == (HERE / "plan.jsonl").read_bytes()


def test_tuning_record_is_golden(tmp_path: Path) -> None:
    write_json(tmp_path / "tuning.json", ADAPTER)

    assert (tmp_path / "tuning.json").read_bytes() == (HERE / "tuning.json").read_bytes()


def test_failure_record_is_golden(tmp_path: Path) -> None:
    write_json(tmp_path / "failed.json", FAILURE)

    assert (tmp_path / "failed.json").read_bytes() == (HERE / "failed.json").read_bytes()


def test_manifest_is_golden(tmp_path: Path) -> None:
    with Unit(tmp_path / "adapter", "key").commit() as out:
        (out / "deep").mkdir(parents=True)
        (out / "deep" / "weights").write_bytes(b"weights")
        (out / "README.md").write_text("not part of the unit")

    assert (tmp_path / "adapter.manifest.json").read_bytes() == (HERE / "adapter.manifest.json").read_bytes()


def test_list_of_outputs_is_golden(tmp_path: Path) -> None:
    text = (HERE / "summary.json").read_text(encoding="utf-8")
    StudyFolder(tmp_path).outputs.put({"summary.json": text})

    assert (tmp_path / "outputs.manifest.json").read_bytes() == (HERE / "outputs.manifest.json").read_bytes()


def test_golden_summary_is_read_by_this_version() -> None:
    summary = StudyFolder(HERE).summary()

    assert (summary.arms, summary.estimates, summary.recommendations) == ((ARM,), (ESTIMATE,), (RECOMMENDATION,))
    assert (summary.failures, summary.contrasts) == ((FAILURE,), (CONTRAST,))
    assert (summary.curves, summary.variances, summary.trade_offs) == ((CURVE,), (VARIANCE,), (TRADE_OFF,))
    assert (summary.disagreements, summary.steadiness) == ((DISAGREEMENT,), (STEADINESS,))


def test_a_summary_from_before_contrasts_is_read(tmp_path: Path) -> None:
    value = json.loads((HERE / "summary.json").read_text(encoding="utf-8"))
    del value["contrasts"]
    StudyFolder(tmp_path).outputs.put({"summary.json": json.dumps(value)})

    assert StudyFolder(tmp_path).summary().contrasts == ()


def test_a_summary_from_before_second_readings_is_read(tmp_path: Path) -> None:
    value = json.loads((HERE / "summary.json").read_text(encoding="utf-8"))
    del value["steadiness"]
    StudyFolder(tmp_path).outputs.put({"summary.json": json.dumps(value)})

    assert StudyFolder(tmp_path).summary().steadiness == ()


def test_a_contrast_from_before_the_luck_of_prompts_is_read_without_it(tmp_path: Path) -> None:
    value = json.loads((HERE / "summary.json").read_text(encoding="utf-8"))
    del value["contrasts"][0]["prompt_correlation"]
    StudyFolder(tmp_path).outputs.put({"summary.json": json.dumps(value)})

    assert StudyFolder(tmp_path).summary().contrasts[0].prompt_correlation is None


def test_golden_plan_is_read_by_this_version() -> None:
    folder = StudyFolder(HERE)

    assert folder.sealed() == SEAL
    assert folder.arms() == (ARM,)
    assert folder.batches("smallworld", "s") == ((2, 0), (1,))


def test_summary_of_another_schema_is_refused(tmp_path: Path) -> None:
    text = (HERE / "summary.json").read_text(encoding="utf-8")
    StudyFolder(tmp_path).outputs.put({"summary.json": text.replace(f'"schema": {SUMMARY_SCHEMA}', '"schema": 999')})

    with pytest.raises(InputError, match="no summary that can be read"):
        StudyFolder(tmp_path).summary()
