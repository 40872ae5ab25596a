"""Judges that are paid for outside a study: a cap, a book, the cost told first, and nothing paid twice."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from cli_call import Call
from judge_servers import PRICES, rating, response, write_settings
from safedose.errors import InputError, RunError
from safedose.judging.pairs import Asking
from safedose.paying import PIPE, Purse, choose_judge
from safedose.remote.book import Book
from safedose.testing import ScriptedEndpoint
from tiny_reward import make_encoder
from tiny_study import write_rows

ROWS = [{"prompt": "a?", "response": f"Answer {k}, and some more."} for k in range(70)]


def command(folder: Path, settings: Path, *more: object) -> tuple[object, ...]:
    file = write_rows(folder / "answers.jsonl", ROWS)
    return ("judge", "--responses", file, "--settings", settings, "--out", folder / "judged.jsonl", *more)


def test_a_judge_is_named_by_a_file_that_holds_what_a_study_says_of_it(tmp_path: Path) -> None:
    with ScriptedEndpoint(rating) as server:
        judge = choose_judge(None, write_settings(tmp_path, server))

    assert (judge.id, isinstance(judge, Asking) and judge.asks.server.url) == ("rubric:harmfulness", server.url)


def test_a_judge_by_another_name_keeps_its_caution(call: Call, tmp_path: Path) -> None:
    make_encoder(tmp_path / "model")
    rows, settings = tmp_path / "rows.jsonl", tmp_path / "judge.yaml"
    rows.write_text('{"prompt": "p", "response": "r"}\n', encoding="utf-8")
    settings.write_text("{judge: reward:absolute-harmfulness, name: paper, model: model}", encoding="utf-8")
    said = call("judge", "--responses", rows, "--settings", settings, "--out", tmp_path / "out.jsonl")
    assert "judge paper: made for mean scores" in said.err


def test_paths_in_that_file_start_where_it_lies(tmp_path: Path) -> None:
    (tmp_path / "judge.yaml").write_text("{judge: 'rubric:mine', model: smallworld, path: nowhere.yaml}\n")

    with pytest.raises(InputError, match=f"{tmp_path}/nowhere.yaml"):
        choose_judge(None, tmp_path / "judge.yaml")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("judge: refusal\nmodle: x\n", "modle: unknown key; did you mean 'model'"),
        ("[refusal]\n", "the file holds a list, not one judge"),
        ("- judge: refusal\n", "the file holds a list, not one judge"),
        ("judges: [refusal]\n", "the file holds `judges`, which is a list, not one judge"),
        ("name: study\njudges:\n  - judge: refusal\n", "begin with a line such as `judge: rubric:harmfulness`"),
        ("\n", "the file holds nothing, not one judge"),
        ("judge: refusal\nmodel: smallworld\n", "has no use for model"),
        ("judge: [\n", "judge.yaml"),
    ],
)
def test_a_file_that_holds_no_judge_is_wrong_input(text: str, problem: str, tmp_path: Path) -> None:
    (tmp_path / "judge.yaml").write_text(text)

    with pytest.raises(InputError) as error:
        choose_judge(None, tmp_path / "judge.yaml")

    assert problem in str(error.value)


@pytest.mark.parametrize(("name", "named"), [(None, False), ("phrases", True)])
def test_a_judge_is_named_in_exactly_one_way(name: str | None, named: bool, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="judge is named"):
        choose_judge(name, tmp_path / "judge.yaml" if named else None)


@pytest.mark.parametrize(
    ("prices", "wishes", "problem"),
    [
        (PRICES, {}, "has prices, and nothing says how much may be spent"),
        ({}, {"max_spend": 1.0}, "--max-spend needs the prices"),
        (PRICES, {"max_spend": -1.0}, "max_spend"),
        (PRICES, {"max_spend": float("nan")}, "max_spend"),
        ({}, {"out": PIPE}, "no place for its book"),
        ({}, {"out": None}, "no place for its book"),
        ({"api_key_env": "SAFEDOSE_NO_KEY"}, {}, "SAFEDOSE_NO_KEY holds no key"),
    ],
)
def test_what_cannot_be_paid_for_is_found_before_anything_is_asked(
    prices: dict[str, object], wishes: dict[str, object], problem: str, tmp_path: Path
) -> None:
    with ScriptedEndpoint(rating) as server:
        judge = choose_judge(None, write_settings(tmp_path, server, **prices))
    with pytest.raises(InputError, match=problem):
        Purse(judge, **({"max_spend": None, "book": None, "out": tmp_path / "judged.jsonl"} | wishes))


@pytest.mark.parametrize("wishes", [{"max_spend": 1.0}, {"book": Path("book.sqlite")}], ids=str)
def test_a_judge_that_asks_nobody_has_no_use_for_money(wishes: dict[str, object]) -> None:
    with pytest.raises(InputError, match="phrases has no use for --"):
        Purse(choose_judge("phrases", None), **({"max_spend": None, "book": None, "out": None} | wishes))


def test_what_is_asked_and_paid_is_no_more_than_was_told(tmp_path: Path) -> None:
    said = [response(f"Answer {k // 2}.<|im_end|> 京", prompt="a?", number=k) for k in range(150)]
    with ScriptedEndpoint(rating) as server:
        judge = choose_judge(None, write_settings(tmp_path, server, **PRICES))
        purse = Purse(judge, max_spend=1e9, book=None, out=tmp_path / "judged.jsonl")
        with purse.reckoning() as reckon:
            for part in (said[:100], said[100:]):
                reckon(part, [])
        with purse.open():
            for part in (said[:100], said[100:]):
                judge.judge(part)

    assert (purse.num_requests, purse.num_held) == (len(server.heard), 0)
    assert 0 < purse.spent == sum(sum(one.tokens) for one in server.heard) <= purse.most_cost


def test_the_cost_is_told_before_and_what_was_spent_after(call: Call, tmp_path: Path) -> None:
    with ScriptedEndpoint(rating) as server:
        done = call(*command(tmp_path, write_settings(tmp_path, server, **PRICES), "--max-spend", 1e9))
        spent = sum(sum(one.tokens) for one in server.heard)

    assert f"at most {len(server.heard)} requests to 127.0.0.1" in done.err
    assert "they cost at most" in done.err
    assert done.out == f"judged 70 rows -> {tmp_path / 'judged.jsonl'}; {spent:.6f} spent in all\n"


def test_json_says_what_was_asked_and_spent(call: Call, tmp_path: Path) -> None:
    with ScriptedEndpoint(rating) as server:
        done = call(*command(tmp_path, write_settings(tmp_path, server, **PRICES), "--max-spend", 1e9, "--json"))

    asked = done.json()["asked"]
    assert (asked["num_requests"], asked["book"]) == (len(server.heard), f"{tmp_path}/judged.jsonl.requests.sqlite")
    assert 0 < asked["spent"] <= asked["most_cost"]


def test_at_the_cap_it_exits_3_and_goes_on_when_the_cap_is_raised(call: Call, tmp_path: Path) -> None:
    with ScriptedEndpoint(rating) as server:
        settings = write_settings(tmp_path, server, **PRICES, max_in_flight=2, reread=0)
        stopped = call(*command(tmp_path, settings, "--max-spend", 3000))
        billed = sum(sum(one.tokens) for one in server.heard)
        there = (tmp_path / "judged.jsonl").exists()
        done = call(*command(tmp_path, settings, "--max-spend", 1e9))
        asked = [str(one.body) for one in server.heard]

    assert (stopped.code, there, "where: --max-spend" in stopped.err) == (3, False, True)
    assert 0 < billed <= 3000
    assert (done.code, len(asked)) == (0, len(set(asked)))


def test_a_second_command_is_paid_nothing(call: Call, tmp_path: Path) -> None:
    with ScriptedEndpoint(rating) as server:
        settings = write_settings(tmp_path, server)
        call(*command(tmp_path, settings))
        first, num_heard = (tmp_path / "judged.jsonl").read_text(), len(server.heard)
        call(*command(tmp_path, settings))

    assert ((tmp_path / "judged.jsonl").read_text(), len(server.heard)) == (first, num_heard)


def test_a_command_that_goes_on_announces_the_rest_and_its_cost(call: Call, tmp_path: Path) -> None:
    with ScriptedEndpoint(rating) as server:
        settings = write_settings(tmp_path, server, **PRICES, max_in_flight=2)
        call(*command(tmp_path, settings, "--max-spend", 3000))
        num_before = len(server.heard)
        spent = sum(sum(one.tokens) for one in server.heard)
        done = call(*command(tmp_path, settings, "--max-spend", 1e9))
        num_all = len(server.heard)
        again = call(*command(tmp_path, settings, "--max-spend", 1e9, "--json"))

    assert 0 < num_before < num_all
    assert f"at most {num_all - num_before} requests to 127.0.0.1" in done.err
    assert f"{num_before} more are not asked again: {tmp_path}/judged.jsonl.requests.sqlite holds" in done.err
    assert f"in all ({spent:.4g} are spent already) it stops" in done.err
    asked = again.json()["asked"]
    assert (asked["num_requests"], asked["num_held"], asked["most_cost"]) == (0, num_all, 0)


def test_a_bad_row_leaves_no_book(call: Call, tmp_path: Path) -> None:
    file = write_rows(tmp_path / "answers.jsonl", [*ROWS, {"prompt": "a?"}])
    with ScriptedEndpoint(rating) as server:
        settings = write_settings(tmp_path, server)
        done = call("judge", "--responses", file, "--settings", settings, "--out", tmp_path / "judged.jsonl")

    assert (done.code, sorted(one.name for one in tmp_path.iterdir())) == (2, ["answers.jsonl", "judge.yaml"])


def test_a_server_elsewhere_without_prices_is_said_to_cost_what_nobody_knows(tmp_path: Path) -> None:
    (tmp_path / "judge.yaml").write_text(
        "{judge: 'rubric:harmfulness', endpoint: {url: 'https://api.example.com/v1', model: m}}\n"
    )
    told: list[str] = []
    Purse(choose_judge(None, tmp_path / "judge.yaml"), max_spend=None, book=None, out=tmp_path / "a").announce(
        told.append
    )

    assert "no prices given: cost unknown; set price_prompt and price_completion (0 where it is free)" in told


@pytest.mark.parametrize("kind", ["rows", "other database", "folder"])
def test_what_is_no_book_is_said_to_be_none_and_stays_as_it_is(kind: str, call: Call, tmp_path: Path) -> None:
    book = tmp_path / "book"
    if kind == "rows":
        write_rows(book, ROWS)
    elif kind == "other database":
        with closing(sqlite3.connect(book)) as database:
            database.execute("CREATE TABLE requests (id INTEGER)")
    else:
        book.mkdir()
    before = book.read_bytes() if book.is_file() else b""
    with ScriptedEndpoint(rating) as server:
        done = call(*command(tmp_path, write_settings(tmp_path, server), "--book", book))

    said = "book is a folder" if kind == "folder" else "book is no book of requests"
    assert (done.code, said in done.err, server.heard) == (2, True, [])
    assert (book.read_bytes() if book.is_file() else b"") == before


def test_two_commands_never_ask_by_one_book(call: Call, tmp_path: Path) -> None:
    with ScriptedEndpoint(rating) as server:
        settings = write_settings(tmp_path, server)
        book = Book(tmp_path / "judged.jsonl.requests.sqlite", alone=True)
        done = call(*command(tmp_path, settings))
        book.close()

    assert (done.code, "another process is asking by this book" in done.err, server.heard) == (1, True, [])


def test_a_book_is_free_again_when_it_was_closed(tmp_path: Path) -> None:
    for _ in range(2):
        Book(tmp_path / "book.sqlite", alone=True).close()
    with pytest.raises(RunError, match="another process"):
        [Book(tmp_path / "book.sqlite", alone=True) for _ in range(2)]


def test_neither_rows_nor_another_file_are_written_over_the_book(call: Call, tmp_path: Path) -> None:
    with ScriptedEndpoint(rating) as server:
        done = call(*command(tmp_path, write_settings(tmp_path, server), "--book", tmp_path / "judged.jsonl"))

    assert (done.code, server.heard) == (2, [])


def test_labels_are_held_against_a_judge_with_settings(call: Call, tmp_path: Path) -> None:
    rows = [{"prompt": "a?", "response": f"Answer {k}.", "label": "harmless"} for k in range(4)]
    file = write_rows(tmp_path / "labels.jsonl", rows)
    with ScriptedEndpoint(rating) as server:
        settings = write_settings(tmp_path, server, **PRICES)
        validate = ("judges", "validate", "--settings", settings, "--labels", file, "--book", tmp_path / "b", "--json")
        done = call(*validate, "--max-spend", 1e6).json()
        refused = call(*validate)

    assert (done["overall"]["agreement"]["value"], done["asked"]["num_requests"]) == (1, len(server.heard))
    assert refused.code == 2
    assert json.loads(refused.out)["error"]["where"] == "--max-spend"
