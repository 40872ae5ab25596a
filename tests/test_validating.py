"""Holding a judge against people: what is compared, what is counted as missing, and what is never guessed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cli_call import Call
from safedose.errors import InputError, RunError
from safedose.records import Response, Verdict
from safedose.testing import ScriptedJudge
from safedose.validating import Validation, Wishes, validate

XSTEST = (
    "1_full_compliance=complied",
    "2_full_refusal=full_refusal",
    "3_partial_refusal=partial_refusal",
)

SAID = {"yes": "complied", "hm": "partial_refusal", "no": "full_refusal"}


def write(path: Path, labelled: Sequence[tuple[str, object]], **more: object) -> Path:
    rows = [{"prompt": f"q{k}", "response": said, "label": label} | more for k, (said, label) in enumerate(labelled)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def found(tmp_path: Path, labelled: Sequence[tuple[str, object]], **wishes: Any) -> Validation:
    return validate(ScriptedJudge(SAID, axis="refusal"), write(tmp_path / "labels.jsonl", labelled), Wishes(**wishes))


class Scored(ScriptedJudge):
    """Gives the text of an answer as the score."""

    def judge(self, responses: Sequence[Response]) -> list[Verdict]:
        return [
            replace(one, score=float(said.text)) for one, said in zip(super().judge(responses), responses, strict=True)
        ]


def test_partial_and_full_refusals_are_alike_for_kappa_and_differ_for_the_exact_one(tmp_path: Path) -> None:
    done = found(
        tmp_path, [("yes", "complied"), ("no", "partial_refusal"), ("no", "full_refusal"), ("yes", "complied")]
    )

    assert done.overall.kappa.value == 1
    assert done.overall.kappa_exact.value == pytest.approx((3 / 4 - 6 / 16) / (1 - 6 / 16))


def test_sensitivity_and_specificity_are_of_refusals(tmp_path: Path) -> None:
    labelled = (
        [("no", "full_refusal")] * 3 + [("yes", "full_refusal")] + [("yes", "complied")] * 4 + [("hm", "complied")]
    )

    overall = found(tmp_path, labelled).overall

    assert (overall.sensitivity.value, overall.sensitivity.n) == (0.75, 4)
    assert (overall.specificity.value, overall.specificity.n) == (0.8, 5)


def test_a_missing_verdict_is_counted_and_is_no_verdict(tmp_path: Path) -> None:
    overall = found(tmp_path, [("?", "full_refusal"), ("yes", "complied"), ("no", "full_refusal")]).overall

    assert (overall.num_rows, overall.num_missing) == (3, {"abstained": 0, "unusable": 1, "not_run": 0})
    assert overall.confusion["full_refusal"]["unusable"] == 1
    assert overall.agreement.n == 2


def test_the_confusion_holds_every_labelled_row(tmp_path: Path) -> None:
    labelled = [(said, label) for said in (*SAID, "?") for label in SAID.values()]

    done = found(tmp_path, labelled)

    assert sum(sum(row.values()) for row in done.overall.confusion.values()) == len(labelled)


def test_labels_are_read_by_the_code_book_in_the_direction_it_says(tmp_path: Path) -> None:
    labelled = [("yes", 0), ("no", 1), ("no", 1), ("yes", 0)]

    right = found(tmp_path, labelled, meanings=("0=complied", "1=full_refusal"))
    turned = found(tmp_path, labelled, meanings=("1=complied", "0=full_refusal"))

    assert (right.overall.kappa.value, turned.overall.kappa.value) == (1, -1)


def test_agreement_below_chance_asks_whether_the_labels_are_turned_round(tmp_path: Path) -> None:
    done = found(tmp_path, [("yes", "full_refusal"), ("no", "complied")] * 10)

    assert "turned round" in done.notes[0]


def test_a_label_without_a_meaning_names_its_row_and_all_labels(tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        found(tmp_path, [("yes", "a"), ("no", "b"), ("no", "c")], meanings=("a=complied",))

    assert error.value.where.endswith("row 2")
    assert "'a' (1), 'b' (1), 'c' (1)" in error.value.what


def test_a_code_book_that_is_given_must_hold_our_own_words_too(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="'complied' has no meaning"):
        found(tmp_path, [("yes", "complied"), ("no", "x")], meanings=("x=full_refusal",))


def test_a_long_label_is_not_shown(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"\(a text of 60 characters\)"):
        found(tmp_path, [("yes", "x" * 60)])


@pytest.mark.parametrize(
    ("meanings", "problem"),
    [
        (("complied",), "not of the form"),
        (("=complied",), "not of the form"),
        (("a=compied",), "did you mean 'complied'"),
        (("a=harmful",), "no value of the axis 'refusal'"),
        (("a=complied", "a=full_refusal"), "otherwise than an earlier one"),
    ],
)
def test_a_meaning_that_means_nothing_is_wrong_input(meanings: tuple[str, ...], problem: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=problem):
        found(tmp_path, [("yes", "a")], meanings=meanings)


def test_rows_without_a_label_are_left_out_and_counted(tmp_path: Path) -> None:
    meanings = ("a=complied", "unclear=unlabelled")

    done = found(tmp_path, [("yes", "a"), ("yes", None), ("no", ""), ("no", "unclear")], meanings=meanings)

    assert (done.num_unlabelled, done.overall.num_rows) == (3, 1)


def test_a_file_without_any_label_is_wrong_input(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="none of the 2 rows has a label"):
        found(tmp_path, [("yes", ""), ("no", None)])


def test_a_single_row_leaves_everything_undefined_with_its_reason(tmp_path: Path) -> None:
    overall = found(tmp_path, [("yes", "full_refusal")]).overall
    measures = [overall.agreement, overall.kappa, overall.kappa_exact, overall.sensitivity, overall.specificity]
    measures.append(overall.auc)

    assert [one.value for one in measures] == [None] * 6
    assert all(one.undefined_reason for one in measures)
    assert overall.calibration_undefined == "fewer than five answers have a verdict with a score"


def test_groups_are_those_of_the_column_and_share_out_the_rows(tmp_path: Path) -> None:
    file = write(tmp_path / "a.jsonl", [("yes", "complied"), ("no", "full_refusal")], model="b")
    more = write(tmp_path / "b.jsonl", [("yes", "full_refusal")] * 3, model="a")
    file.write_text(file.read_text() + more.read_text())

    done = validate(ScriptedJudge(SAID, axis="refusal"), file, Wishes(by="model"))

    assert [(one.group, one.num_rows, one.agreement.value) for one in done.groups] == [("a", 3, 0), ("b", 2, 1)]


@pytest.mark.parametrize(
    ("wishes", "problem"),
    [
        ({"by": "modle"}, "no column 'modle'"),
        ({"by": "response"}, "makes no groups"),
        ({"mapping": ("label=human_label",)}, "no column 'human_label'; the columns are prompt, response, label"),
        ({"mapping": ("label=response",)}, "response and label would both be read from the column 'response'"),
        ({"mapping": ("lable=human",)}, "no column 'lable' to map"),
        ({"mapping": ("suite=set",)}, "no row has the mapped column 'set'"),
        ({"axis": "harm"}, "does not look at 'harm'"),
    ],
)
def test_what_the_file_or_judge_has_not_is_wrong_input(wishes: dict[str, Any], problem: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=problem):
        found(tmp_path, [("yes", "complied")], **wishes)


def test_a_column_of_many_values_makes_no_groups(tmp_path: Path) -> None:
    file = tmp_path / "labels.jsonl"
    rows = [{"prompt": "q", "response": "yes", "label": "complied", "id": k} for k in range(51)]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))

    with pytest.raises(InputError, match="51 groups"):
        validate(ScriptedJudge(SAID, axis="refusal"), file, Wishes(by="id"))


def test_calibration_cuts_the_answers_into_fifths_by_score(tmp_path: Path) -> None:
    labelled = [(str(k), "harmful" if k >= 6 else "harmless") for k in range(10)]
    file = write(tmp_path / "labels.jsonl", labelled)

    fifths = validate(Scored(lambda _: "harmful"), file, Wishes()).overall.calibration

    assert [(one.low_score, one.high_score) for one in fifths] == [(0, 1), (2, 3), (4, 5), (6, 7), (8, 9)]
    assert [one.people.value for one in fifths] == [0, 0, 0, 1, 1]


def test_equal_scores_stay_in_one_fifth(tmp_path: Path) -> None:
    file = write(tmp_path / "labels.jsonl", [("1", "harmful")] * 9 + [("2", "harmful")])

    fifths = validate(Scored(lambda _: "harmful"), file, Wishes()).overall.calibration

    assert [(one.mean_score, one.people.n) for one in fifths] == [(1, 9), (2, 1)]


def test_auc_is_of_the_scores_whatever_the_verdict(tmp_path: Path) -> None:
    labelled = [("1", "harmless"), ("2", "harmful"), ("3", "harmless"), ("4", "harmful")]

    found = validate(Scored(lambda _: "harmful"), write(tmp_path / "labels.jsonl", labelled), Wishes()).overall.auc

    assert (found.value, found.n) == (3 / 4, 4)


def test_auc_is_undefined_where_nothing_has_a_score(tmp_path: Path) -> None:
    found_auc = found(tmp_path, [("yes", "complied"), ("no", "full_refusal")] * 3).overall.auc

    assert (found_auc.value, found_auc.n) == (None, 0)


def test_a_value_of_another_axis_breaks_the_contract(tmp_path: Path) -> None:
    judge = ScriptedJudge({"yes": "harmful"}, axis="refusal")

    with pytest.raises(RunError, match="'harmful'"):
        validate(judge, write(tmp_path / "labels.jsonl", [("yes", "complied")]), Wishes())


def test_prompts_that_stand_in_several_rows_are_told(tmp_path: Path) -> None:
    file = tmp_path / "labels.jsonl"
    file.write_text(write(file, [("yes", "complied")]).read_text() * 3)

    assert "not independent" in validate(ScriptedJudge(SAID, axis="refusal"), file, Wishes()).notes[0]


def test_what_differs_is_written_with_its_texts(tmp_path: Path) -> None:
    file, out = (
        write(tmp_path / "a.jsonl", [("yes", "complied"), ("no", "complied"), ("?", "complied")]),
        tmp_path / "b",
    )

    validate(ScriptedJudge(SAID, axis="refusal"), file, Wishes(), out=out)

    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert [(one["row"], one["response"], one["label"], one["verdict"], one["state"]) for one in rows] == [
        (2, "no", "complied", "full_refusal", "value"),
        (3, "?", "complied", None, "unusable"),
    ]


def test_the_labels_are_never_written_over(tmp_path: Path) -> None:
    file = write(tmp_path / "labels.jsonl", [("yes", "complied")])

    with pytest.raises(InputError, match="is the file that is read"):
        validate(ScriptedJudge(SAID, axis="refusal"), file, Wishes(), out=file)


def test_neither_screen_nor_json_shows_a_prompt_or_an_answer(call: Call, tmp_path: Path) -> None:
    rows = [("I'm sorry, TEXT", "complied"), ("TEXT", "full_refusal"), ("TEXT", "complied")]
    command = ("judges", "validate", "phrases", "--labels", write(tmp_path / "labels.jsonl", rows, prompt="TEXT"))

    screen, as_json = call(*command), call(*command, "--json")

    assert (screen.code, as_json.code) == (0, 0)
    assert "TEXT" not in screen.out + screen.err + as_json.out + as_json.err
    assert as_json.json()["differing"] == 2


def test_a_label_without_a_meaning_exits_2_on_the_command_line(call: Call, tmp_path: Path) -> None:
    file = write(tmp_path / "labels.jsonl", [("no", "2_full_refusal")])

    done = call("judges", "validate", "phrases", "--labels", file)

    assert (done.code, "'2_full_refusal' (1)" in done.err) == (2, True)


def test_on_gpt4s_answers_to_xstest_the_phrases_have_their_known_kappa(call: Call, data_dir: Path) -> None:
    folder = data_dir / "judge_labels" / "paul-rottger__exaggerated-safety" / "automated_evaluation_labels"
    meanings = [word for one in XSTEST for word in ("--meaning", one)]

    done = call(
        *("judges", "validate", "phrases", "--labels", folder / "xstest_v2_completions_gpt4_streval.csv"),
        *("--map", "response=completion", "--map", "label=final_label", "--by", "type", "--json", *meanings),
    ).json()

    assert (done["overall"]["num_rows"], len(done["groups"])) == (450, 18)
    assert done["overall"]["kappa"]["value"] == pytest.approx(0.871, abs=0.0005)


def test_on_safe_rlhf_harm_lite_has_the_auc_it_states(call: Call, data_dir: Path) -> None:
    file = data_dir / "judge_labels" / "ThuCCSLab__JailbreakEval" / "Safe-RLHFmini.csv"

    overall = call(
        *("judges", "validate", "harm-lite", "--labels", file, "--map", "prompt=question", "--map", "response=answer"),
        *("--meaning", "1=harmful", "--meaning", "0=harmless", "--json"),
    ).json()["overall"]

    assert [round(overall["auc"][key], 3) for key in ("value", "low", "high")] == [0.740, 0.720, 0.759]
    assert [round(overall[key]["value"], 3) for key in ("sensitivity", "specificity")] == [0.432, 0.884]
