"""A server on this machine that speaks the OpenAI API and does what it is told: answers, stumbles, hangs, lies."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self, final

from safedose.testing.scripted import Answers

STEPS = (
    "answer", "slow", "hang", "drop", "cut", "huge", "not json", "not utf-8", "no choices", "error", "filter", "think",
    "tool", "echo", "other model", "dated model", "other build", "too few", "redirect", "quota", "filtered",
    "flagged", "refusal", "400", "401", "404", "429", "500", "503",
)  # fmt: skip
"""What can be scripted. A status may be followed by seconds for `Retry-After`, as in `429 2`, or by `huge`, for a reply
of many bytes; `slow` and `hang` take longer than anybody waits; `drop` and `cut` end the connection before and in the
reply; `echo` answers with the header that holds the key; `quota` is a 429 for good, `filtered` the 400 of a filter of
prompts, `flagged` the 403 of OpenRouter's; `refusal` answers in the field of that name; `dated model` answers as a
dated version of a model asked for as latest; `other build` has another `system_fingerprint`; `too few` leaves out one
result of /moderations."""

_NAMED = {"redirect": 307, "quota": 429, "filtered": 400, "flagged": 403}
"""Steps that turn a request away by another name than their status."""

Script = Iterable[str] | Callable[[dict[str, Any]], str]
"""Steps in the order in which requests arrive, then `answer`; or a function from a request's body to its step."""

Likely = Callable[[str], list[dict[str, float]]]


@dataclass(frozen=True, slots=True)
class Heard:
    """One request for an answer, as it arrived.

    Attributes:
        path: What was asked for.
        body: The JSON object that was sent.
        key: The key that came with it; empty when none did.
        tokens: Prompt and answer tokens it is billed for; zeros when it was turned away.
    """

    path: str
    body: dict[str, Any]
    key: str
    tokens: tuple[int, int]

    @property
    def text(self) -> str:
        """What was asked: the last turn, or the whole text."""
        messages = self.body.get("messages")
        return str(messages[-1]["content"] if messages else self.body.get("prompt", " ".join(self.inputs)))

    @property
    def inputs(self) -> list[str]:
        """The texts that /moderations was asked about."""
        asked = self.body.get("input", [])
        return [asked] if isinstance(asked, str) else [str(one) for one in asked]


@final
class ScriptedEndpoint:
    """A server in a thread, for the length of a `with` block.

    Args:
        answers: Answer per text asked, or a function from one to the other; of /moderations the JSON of a result.
        script: What it does with each request.
        models: The models it lists; None: it has no list.
        loads: Whether it loads adapters when told to.
        likelihoods: Log-likelihood per model, told when asked for; a model that is missing tells none. Or a function
            from the text asked to what was likely in the place of each token of the answer, what was said first.
        seconds: How long it takes over a request.
        usage: What it says of tokens in place of the truth, or a function from a request's body to that.

    Attributes:
        heard: Every request for an answer, in order of arrival.
        most_at_once: The most requests it ever had at one time.
        models, likelihoods: As given; they may be changed meanwhile.
    """

    def __init__(
        self, answers: Answers = str.upper, *, script: Script = (), models: Iterable[str] | None = ("base",),
        loads: bool = False, likelihoods: Mapping[str, float] | Likely | None = None, seconds: float = 0.0,
        usage: Mapping[str, Any] | Callable[[dict[str, Any]], Mapping[str, Any]] | None = None,
    ) -> None:  # fmt: skip
        self._answers, self._loads = answers, loads
        self._likely = likelihoods if callable(likelihoods) else None
        self.likelihoods = {} if callable(likelihoods) else dict(likelihoods or {})
        self._script = script if callable(script) else iter(script)
        self.models = None if models is None else list(models)
        self.heard: list[Heard] = []
        self.most_at_once = self._num_here = 0
        self._seconds, self._usage = seconds, usage
        self._lock, self._closing = threading.Lock(), threading.Event()

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._server.block_on_close = False
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """Its address, as a study file names it."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def answer(self, path: str, body: dict[str, Any], key: str) -> tuple[str, dict[str, Any]]:
        """Take a request in; gives the step that is scripted for it, and the reply it would have."""
        most = body.get("max_tokens", body.get("max_completion_tokens", 16))
        with self._lock:
            step = self._script(body) if callable(self._script) else next(self._script, "answer")
            heard = Heard(path, body, key, (0, 0))
            moderates = path.endswith("/moderations")
            said = [
                self._answers(one) if callable(self._answers) else self._answers[one]
                for one in (heard.inputs if moderates else [heard.text])
            ]
            text = "" if moderates else said[0]
            words = text.split(" ")[:most]
            turned_away = step[:3].isdigit() or step in _NAMED
            tokens = (0, 0) if turned_away else (len(heard.text.split()), 0 if moderates else len(words))
            self.heard.append(Heard(path, body, key, tokens))
            self._num_here += 1
            self.most_at_once = max(self.most_at_once, self._num_here)
        time.sleep(self._seconds)
        with self._lock:
            self._num_here -= 1
        if moderates:
            return step, {"model": body.get("model", ""), "results": [json.loads(one) for one in said]}
        return step, self._reply(path, body, " ".join(words), whole=" ".join(words) == text, tokens=tokens)

    def load(self, name: str) -> int:
        """Load an adapter if that is allowed; gives the status."""
        if self._loads and self.models is not None:
            self.models.append(name)
        return 200 if self._loads else 404

    def wait(self) -> None:
        """Wait until the server closes."""
        self._closing.wait(60)

    def _reply(
        self, path: str, body: dict[str, Any], text: str, *, whole: bool, tokens: tuple[int, int]
    ) -> dict[str, Any]:
        choice: dict[str, Any] = {"index": 0, "finish_reason": "stop" if whole else "length"}
        chat = path.endswith("/chat/completions")
        choice |= {"message": {"role": "assistant", "content": text}} if chat else {"text": text}
        likely = self.likelihoods.get(body.get("model", ""))
        places = [{"A": likely}] if likely is not None else []
        if self._likely is not None:
            places = self._likely(Heard(path, body, "", (0, 0)).text)
        if body.get("logprobs") and places:
            choice["logprobs"] = _told_likely(places, chat=chat)
        told = self._usage(body) if callable(self._usage) else self._usage
        usage = {"prompt_tokens": tokens[0], "completion_tokens": tokens[1], "total_tokens": sum(tokens)}
        return {"model": body.get("model", ""), "choices": [choice], "usage": told or usage}


def _told_likely(places: list[dict[str, float]], *, chat: bool) -> dict[str, Any]:
    """Write likelihoods as the API of conversations does, or that of completions."""
    first = [next(iter(place.items())) for place in places]
    if not chat:
        names = {"tokens": [token for token, _ in first], "token_logprobs": [value for _, value in first]}
        return {**names, "top_logprobs": places}
    tops = [[{"token": token, "logprob": value} for token, value in place.items()] for place in places]
    return {"content": [{**top[0], "top_logprobs": top} for top in tops]}


def _changed(step: str, reply: dict[str, Any], key: str) -> bytes:
    """Write the reply of a step that answers something else, or nothing that can be read."""
    choice = reply.get("choices", [{}])[0]
    said = choice.get("message", choice)
    name = "content" if "message" in choice else "text"
    if step == "filter":
        choice["finish_reason"] = "content_filter"
    elif step == "tool":
        choice["finish_reason"], said[name] = "tool_calls", None
    elif step == "refusal":
        said |= {name: None, "refusal": "This violates a policy."}
    elif step == "think":
        said[name] = f"<think>Hm.</think>\n{said[name]}"
    elif step == "echo":
        said[name], reply["seen"] = key, {key: [key]}
    elif step == "no choices":
        reply.pop("choices", None)
        reply.pop("results", None)
    elif step == "other model":
        reply["model"] = "another"
    elif step == "dated model":
        reply["model"] = reply["model"].replace("latest", "2024-09-26")
    elif step == "other build":
        reply["system_fingerprint"] = "fp_other"
    elif step == "too few":
        reply["results"] = reply.get("results", [])[1:]
    elif step == "error":
        reply = {"error": {"message": "the model stumbled", "code": "stumbled"}}
    elif step == "huge":
        reply["padding"] = "x" * 2**25
    elif step == "not utf-8":
        return json.dumps(reply | {"said": "é"}, ensure_ascii=False).encode("latin-1")
    return b"<html>hello</html>" if step == "not json" else json.dumps(reply).encode()


def _turned_away(step: str, key: str) -> tuple[int, dict[str, str], bytes]:
    """Give status, headers and content of a request that is turned away; a careless server says the key back."""
    status, _, seconds = step.partition(" ")
    more = (
        {"Location": f"http://192.0.2.1/v1?{key}"}
        if step == "redirect"
        else {"Retry-After": seconds}
        if seconds and seconds != "huge"
        else {}
    )
    code = {"quota": "insufficient_quota", "filtered": "content_filter"}.get(step, "scripted")
    error: dict[str, Any] = {"message": f"scripted {step} for {key}", "code": code}
    if step == "flagged":
        error |= {"code": 403, "metadata": {"reasons": ["scripted"], "flagged_input": "..."}}
    content = json.dumps({"error": error}).encode()
    if seconds == "huge":
        content += b" " * 2**25
    return _NAMED.get(step) or int(status), more, content


def _handler(server: ScriptedEndpoint) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # else a reply's second half waits 40 ms

        def do_GET(self) -> None:
            if server.models is None or not self.path.endswith("/models"):
                self._send(404, b"{}")
            else:
                self._send(200, json.dumps({"data": [{"id": name} for name in server.models]}).encode())

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path.endswith("/load_lora_adapter"):
                self._send(server.load(body["lora_name"]), b"done")
                return
            said = self.headers.get("Authorization") or ""
            step, reply = server.answer(self.path, body, said.removeprefix("Bearer "))
            if step in ("hang", "drop"):
                if step == "hang":
                    server.wait()
                self.close_connection = True
            elif step[:3].isdigit() or step in _NAMED:
                status, more, content = _turned_away(step, said)
                self._send(status, content, more=more)
            else:
                self._send(200, _changed(step, reply, said), step=step)

        def _send(self, status: int, content: bytes, *, more: Mapping[str, str] | None = None, step: str = "") -> None:
            self.send_response(status)
            for name, value in {"Content-Length": str(len(content)), **(more or {})}.items():
                self.send_header(name, value)
            self.end_headers()
            if step in ("cut", "slow"):
                self.wfile.write(content[: len(content) // 2])
                self.close_connection = True
                if step == "slow":
                    server.wait()
            else:
                self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Keep quiet."""

    return Handler
