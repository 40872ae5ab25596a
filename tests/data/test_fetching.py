"""Downloads: they go on after a cut, follow redirects safely, and count only when their bytes are right."""

from __future__ import annotations

import fcntl
import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest

from file_server import CONTENT, FileServer, serving
from safedose.data.fetching import fetch
from safedose.data.places import Found
from safedose.data.releases import File, Source
from safedose.errors import InputError, RunError
from safedose.progress import Watch

SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def server() -> Iterator[FileServer]:
    with serving(FileServer()) as running:
        yield running


def source(address: str, *, sha256: str | None = SHA256, size: int | None = len(CONTENT)) -> Source:
    file = File(address=address, path="some/file.jsonl", sha256=sha256, size=size)
    return Source(id="mine", kind="safety", files=(file,), licence="MIT", commercial="yes", note="", page="the page")


def get(server: FileServer, folder: Path, *, sha256: str | None = SHA256, size: int | None = len(CONTENT)) -> Found:
    asked = source(server.address, sha256=sha256, size=size)
    return fetch(asked, Watch(quiet=True), data_dir=folder, pause=0)[0]


def leave_part(folder: Path, content: bytes) -> Path:
    part = folder / "some" / "file.jsonl.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(content)
    return part


def ranges(server: FileServer) -> list[str | None]:
    return [headers.get("Range") for headers in server.asked]


Reply = Callable[[httpx2.Request], httpx2.Response]


def ask(reply: Reply, folder: Path, address: str) -> list[httpx2.Request]:
    """Fetch from a scripted internet; gives the requests."""
    asked: list[httpx2.Request] = []

    def handle(request: httpx2.Request) -> httpx2.Response:
        asked.append(request)
        return reply(request)

    transport = httpx2.MockTransport(handle)
    fetch(source(address), Watch(quiet=True), data_dir=folder, transport=transport, pause=0)
    return asked


def send_on(location: str) -> Reply:
    """Send requests to the Hub on to another place, which has the file."""
    elsewhere = httpx2.Response(302, headers={"Location": location})
    given = httpx2.Response(200, stream=httpx2.ByteStream(CONTENT))
    return lambda request: elsewhere if request.url.host == "huggingface.co" else given


def test_a_file_of_the_right_hash_is_put_in_place_and_nothing_else_is_left(server: FileServer, tmp_path: Path) -> None:
    found = get(server, tmp_path)

    assert (found.state, found.path.read_bytes()) == ("ok", CONTENT)
    assert [path.name for path in found.path.parent.iterdir()] == ["file.jsonl"]


def test_a_file_that_is_here_is_not_asked_for(server: FileServer, tmp_path: Path) -> None:
    get(server, tmp_path)
    get(server, tmp_path)

    assert len(server.asked) == 1


def test_a_cut_connection_goes_on_where_it_was_cut(server: FileServer, tmp_path: Path) -> None:
    server.cuts = [30_000, 10_000]

    assert get(server, tmp_path).path.read_bytes() == CONTENT
    assert ranges(server) == [None, "bytes=30000-", "bytes=40000-"]


def test_a_part_of_an_earlier_command_is_not_asked_for_again(server: FileServer, tmp_path: Path) -> None:
    leave_part(tmp_path, CONTENT[:50_000])

    assert get(server, tmp_path).path.read_bytes() == CONTENT
    assert ranges(server) == ["bytes=50000-"]


def test_a_server_without_ranges_sends_the_whole_file_again(server: FileServer, tmp_path: Path) -> None:
    server.ranges, server.cuts = False, [30_000]

    assert get(server, tmp_path).path.read_bytes() == CONTENT
    assert ranges(server) == [None, "bytes=30000-"]


def test_a_part_that_was_whole_already_is_put_in_place(server: FileServer, tmp_path: Path) -> None:
    leave_part(tmp_path, CONTENT)

    assert get(server, tmp_path, size=None).path.read_bytes() == CONTENT
    assert ranges(server) == [f"bytes={len(CONTENT)}-"]


def test_a_part_longer_than_the_file_is_thrown_away(server: FileServer, tmp_path: Path) -> None:
    leave_part(tmp_path, CONTENT + b"more")

    assert get(server, tmp_path, size=None).path.read_bytes() == CONTENT


def test_a_new_version_in_the_middle_of_an_unknown_file_is_not_mixed_with_the_old(
    server: FileServer, tmp_path: Path
) -> None:
    server.cuts, server.later = [30_000], (CONTENT.swapcase(), '"two"')

    assert get(server, tmp_path, sha256=None, size=None).path.read_bytes() == CONTENT.swapcase()
    assert server.asked[1]["If-Range"] == '"one"'


def test_an_unknown_file_without_a_version_is_received_from_the_start(server: FileServer, tmp_path: Path) -> None:
    server.etag, server.cuts = None, [30_000]

    assert get(server, tmp_path, sha256=None, size=None).path.read_bytes() == CONTENT
    assert ranges(server) == [None, None]


def test_the_bytes_of_an_unknown_file_are_noted_at_the_first_fetch(server: FileServer, tmp_path: Path) -> None:
    found = get(server, tmp_path, sha256=None, size=None)

    assert (found.state, found.expected) == ("recorded", SHA256)


def test_an_unknown_file_that_changed_since_it_was_noted_stops(server: FileServer, tmp_path: Path) -> None:
    get(server, tmp_path, sha256=None, size=None).path.unlink()
    server.content = CONTENT.swapcase()

    with pytest.raises(RunError, match="other bytes came"):
        get(server, tmp_path, sha256=None, size=None)


@pytest.mark.parametrize("size", [None, len(CONTENT), 7], ids=["hash", "hash and size", "size"])
def test_other_bytes_stop_and_are_set_aside(server: FileServer, tmp_path: Path, size: int | None) -> None:
    server.content = CONTENT.swapcase()

    with pytest.raises(RunError, match=r"other bytes came for 'mine' than should: .* instead of"):
        get(server, tmp_path, size=size)

    assert [path.name for path in (tmp_path / "some").iterdir()] == ["file.jsonl.part.corrupt"]


def test_other_bytes_that_lie_there_already_are_not_written_over(server: FileServer, tmp_path: Path) -> None:
    leave_part(tmp_path, b"").with_name("file.jsonl").write_bytes(b"mine")

    with pytest.raises(InputError, match="holds other bytes than it should"):
        get(server, tmp_path)

    assert server.asked == []


@pytest.mark.parametrize("code", [401, 403, 404, 410])
def test_a_refusal_names_the_page(server: FileServer, tmp_path: Path, code: int) -> None:
    server.codes = [code] * 10

    with pytest.raises(RunError, match=f"the server answers {code}") as caught:
        get(server, tmp_path)

    assert "the page" in str(caught.value)
    assert len(server.asked) == 1


@pytest.mark.parametrize("code", [429, 500, 503])
def test_a_failure_that_may_pass_is_asked_again(server: FileServer, tmp_path: Path, code: int) -> None:
    server.codes = [code, code]

    assert get(server, tmp_path).state == "ok"


def test_a_server_that_never_recovers_is_given_up_and_the_part_stays(server: FileServer, tmp_path: Path) -> None:
    server.cuts, server.codes = [30_000], [200, *[503] * 20]
    with pytest.raises(RunError, match="could not be fetched") as caught:
        get(server, tmp_path)

    assert "goes on after the 30,000 bytes" in caught.value.fix


def test_a_server_that_is_not_there_is_an_error_in_four_parts(tmp_path: Path) -> None:
    with serving(FileServer()) as gone:
        pass

    with pytest.raises(RunError, match="could not be fetched"):
        get(gone, tmp_path)


def test_a_network_that_never_answered_is_given_up_soon_and_each_try_is_told(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with serving(FileServer()) as gone:
        pass

    with pytest.raises(RunError) as caught:
        fetch(source(gone.address), Watch(), data_dir=tmp_path, pause=0)

    assert capfd.readouterr().err.count("asked again in") == 2
    assert "begins again; or put the file as some/file.jsonl in a folder" in caught.value.fix


def test_a_packed_reply_is_refused(tmp_path: Path) -> None:
    stream = httpx2.ByteStream(CONTENT)
    reply = httpx2.Response(
        200, stream=stream, headers={"Content-Encoding": "gzip", "Content-Length": str(len(CONTENT))}
    )

    with pytest.raises(RunError, match="cannot be fetched") as caught:
        ask(lambda _: reply, tmp_path, "https://example.org/a")

    assert "packs" in caught.value.cause


def test_two_processes_do_not_write_one_part(server: FileServer, tmp_path: Path) -> None:
    with leave_part(tmp_path, b"").open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(InputError, match="another process is fetching"):
            get(server, tmp_path)


def test_a_redirect_is_followed_on_this_machine(server: FileServer, tmp_path: Path) -> None:
    server.redirect = "/elsewhere"

    assert get(server, tmp_path).state == "ok"


def test_the_token_is_shown_to_the_hub_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "secret")

    asked = ask(send_on("https://cdn.example.org/a"), tmp_path, "https://huggingface.co/a")

    assert [request.headers.get("authorization") for request in asked] == ["Bearer secret", None]


@pytest.mark.parametrize("location", ["http://cdn.example.org/a", "http://127.0.0.1/a", "ftp://example.org/a"])
def test_a_redirect_to_less_than_https_is_refused(tmp_path: Path, location: str) -> None:
    with pytest.raises(RunError, match="is not asked"):
        ask(send_on(location), tmp_path, "https://huggingface.co/a")


def test_redirects_in_circles_end(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="redirects"):
        ask(send_on("https://huggingface.co/a"), tmp_path, "https://huggingface.co/a")


def test_an_address_without_encryption_is_not_asked(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"http://example\.org is not asked"):
        ask(send_on(""), tmp_path, "http://example.org/a")
