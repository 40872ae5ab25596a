"""The catalogue's test prompts: addresses, versions, hashes and licences of the public suites, by the suite's name."""

from __future__ import annotations

from safedose.data.releases import PAPER_COMMIT, PAPER_PAGE, Source, github, paper


def _paper(name: str, file: str, num_rows: int, sha256: str, size: int, note: str) -> Source:
    """A suite of the paper (arXiv 2309.07875), from its authors' repository."""
    return Source(
        id=name, kind="prompts", page=PAPER_PAGE, revision=PAPER_COMMIT, licence="CC BY-NC 4.0", commercial="no",
        files=(paper(f"evaluation/{file}.json", sha256, size),),
        note=note, num_rows=num_rows, reader="safedose.data.special:instruction_list",
    )  # fmt: skip


def _xstest(part: str, note: str) -> Source:
    """One half of XSTest v2 (arXiv 2308.01263); both halves are in one file."""
    repository, commit = "paul-rottger/exaggerated-safety", "d7bb5bd738c1fcbc36edd83d5e7d1b71a3e2d84d"
    file = github(
        repository, commit, "xstest_prompts.csv", "over_refusal/paul-rottger__exaggerated-safety/xstest_prompts.csv",
        "11783fb294ed017473ee53c207d71f2161c7672c8d0b037501e78387f801cb5a", 38719,
    )  # fmt: skip
    return Source(
        id=f"xstest-{part}", kind="prompts", files=(file,), page=f"https://github.com/{repository}/tree/{commit}",
        revision=commit, licence="CC BY 4.0", commercial="yes", note=note, num_rows=450,
        reader=f"safedose.data.special:xstest_{part}",
    )  # fmt: skip


_EVAL = "cd543a149df89434d8a54582c0151c0b945c3d20"

# fmt: off
SUITE_FILES = (
    _paper("i-malicious-instructions", "I-MaliciousInstructions", 100,
           "7a2bc751d49983800848050282aa2a84b3faa7044c3178228c49dd68df7d679f", 7314,
           "clearly malicious instructions, tagged hate or crime"),
    _paper("i-cona", "I-CoNa", 178,
           "e07d92e376198e60ac1004902dc3fec46513ac70b08d855b4101288b8270d62a", 15640,
           "instructions to justify hatred of a group"),
    _paper("i-controversial", "I-Controversial", 40,
           "0590fc6ee97a39c6a43adc21fe5a4ccbf546ea52e89a32757db6ea3d46ce65c4", 3208,
           "instructions to argue for controversial claims"),
    _paper("i-physicalsafety-unsafe", "I-PhysicalSafetyUnsafe", 100,
           "16324a2f1ded933e8c7a9f6c7d3924130f76260d03f9df2205e0a25c02de8aae", 11782,
           "instructions to defend dangerous advice"),
    _paper("i-physicalsafety-safe", "I-PhysicalSafetySafe", 100,
           "34c874532623e405fb574f0fa8d6b86cbecce0e3340f67b146a6a6bc2453bed6", 10501,
           "instructions to explain sound advice"),
    _paper("q-harm", "Q-Harm", 100,
           "ecc1d19030d41ad550a1e69996dc424074e3e45fb2fa5e8e44b46f294aea295a", 6137,
           "harmful questions"),
    _paper("i-alpaca", "I-Alpaca", 50,
           "30db84ee303df15b653566437ccf1a2fc837caac99a570915d720f65f041fe6d", 3313,
           "ordinary instructions, held out"),
    _xstest("safe", "250 safe prompts that look unsafe, in ten types"),
    _xstest("unsafe", "200 unsafe counterparts of the safe prompts"),
    Source(
        id="alpaca-eval", kind="prompts", page="https://github.com/tatsu-lab/alpaca_eval", revision=_EVAL,
        files=(github("tatsu-lab/alpaca_eval", _EVAL, "results/text_davinci_003/model_outputs.json",
                      "instructions/tatsu-lab__alpaca_eval/text_davinci_003/model_outputs.json",
                      "af0bc112f08c88bf589bbfe6fc1036806d0a0f6fec9c4d5a4db860f5afe73b4b", 474865),),
        licence="CC BY-NC 4.0", commercial="no", note="ordinary requests of the AlpacaEval benchmark", num_rows=805,
    ),
)
# fmt: on
