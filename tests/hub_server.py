"""A Hub of one repository on this machine: the few answers that huggingface_hub asks for."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

COMMIT = "a" * 40


@dataclass
class Hub:
    """What the server serves, and what it was asked.

    Attributes:
        address: For `HF_ENDPOINT`.
        folder: Files of the repository.
        commit: What `main` is now.
        asked: Method and path of each request.
    """

    address: str
    folder: Path
    commit: str = COMMIT
    asked: list[str] = field(default_factory=list)

    def fetched(self) -> set[str]:
        """Name the files that were downloaded."""
        return {path.rpartition("/")[2] for path in self.asked if path.startswith("GET") and "/resolve/" in path}


@contextmanager
def serving(folder: Path, repository: str, *, kind: str = "models") -> Iterator[Hub]:
    """Serve a folder as a repository of models or datasets."""

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._answer(body=False)

        def do_GET(self) -> None:
            self._answer(body=True)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def _answer(self, *, body: bool) -> None:
            hub.asked.append(f"{self.command} {self.path}")
            path = self.path.partition("?")[0]
            below = "" if kind == "models" else f"{kind}/"
            file = re.fullmatch(rf"/{below}{repository}/resolve/{hub.commit}/(.+)", path)
            there = sorted(one.relative_to(folder).as_posix() for one in folder.rglob("*") if one.is_file())
            if re.fullmatch(rf"/api/{kind}/{repository}(/revision/(main|{hub.commit}))?", path):
                files = [{"rfilename": one} for one in there]
                self._send(json.dumps({"id": repository, "sha": hub.commit, "siblings": files}).encode(), body=body)
            elif re.fullmatch(rf"/api/{kind}/{repository}/tree/(main|{hub.commit})", path):
                sizes = {one: (folder / one).stat().st_size for one in there}
                tree = [{"type": "file", "path": one, "size": sizes[one], "oid": "0" * 40} for one in there]
                self._send(json.dumps(tree).encode(), body=body)
            elif file and (folder / file[1]).is_file():
                self._send((folder / file[1]).read_bytes(), body=body)
            else:
                self.send_response(404)
                self.send_header("X-Error-Code", "EntryNotFound" if file else "RepoNotFound")
                self.send_header("Content-Length", "0")
                self.end_headers()

        def _send(self, content: bytes, *, body: bool) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
            self.send_header("X-Repo-Commit", hub.commit)
            self.end_headers()
            if body:
                self.wfile.write(content)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub = Hub(f"http://127.0.0.1:{server.server_port}", folder)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def safedose(hub: Hub | None, *arguments: object, home: Path) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own, which knows no other Hub; None: no Hub at all."""
    address = hub.address if hub else "http://127.0.0.1:9"  # the port of discard, where nobody listens
    ours = {"HF_ENDPOINT": address, "HF_HOME": str(home), "HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_XET": "1"}
    ours |= {"HF_HUB_DISABLE_PROGRESS_BARS": "1", "COLUMNS": "200"}
    ours["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]).strip(
        os.pathsep
    )
    command = [sys.executable, "-m", "safedose", *map(str, arguments)]
    return subprocess.run(command, env=os.environ | ours, capture_output=True, text=True, check=False)  # noqa: S603
