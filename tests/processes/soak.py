"""Long runs of short-lived threads and of a threaded web server, with the memory they hold.

    python -m tests.processes.soak threads --count 10000
    python -m tests.processes.soak server --minutes 10
    python -m tests.processes.soak server --minutes 10 --asgi    # needs fastapi and uvicorn

`threads` starts one thread after the other, four at a time; each makes a constraint, fills masks
and generates a text with the toy model. `server` answers requests on the loopback interface, in
bursts with pauses of eleven seconds between them, after which a pool of threads has ended its idle
ones. Both print the resident memory when the caches are full (of the threads after the first half,
of the server after a thousand requests) and at the end, and fail if a text is wrong, a request is
lost, or memory has grown by more than a fifth and 30 MB.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PAUSE = 11.0
"""Seconds between two bursts: anyio ends workers that were idle for ten."""
BURST = 8
DIFFERENT = 1000
"""Requests of the server that differ."""


def resident() -> float:
    """Megabytes of this process that are in memory."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def one(number: int) -> object:
    """A constraint of its own, masks, and a text. Imports in the thread that asks."""
    import structgen as sg

    vocabulary = sg.Vocabulary([bytes([i]) for i in range(256)] + [None], eos_token_ids=[256])
    schema = {"properties": {f"k{number % 500}": {"enum": [number, str(number)]}}}
    matcher = sg.json_schema(schema).compile(vocabulary).matcher()
    mask = sg.allocate_mask(1, vocabulary.size)
    for token in f'{{"k{number % 500}": '.encode():
        matcher.fill_mask(mask)
        assert token in sg.allowed_tokens(mask, vocabulary.size)
        assert matcher.advance(token)
    chosen = sg.generate("toy", "x", output=[f"a{number}", f"b{number}"], max_tokens=20, seed=1)
    assert chosen.value in (f"a{number}", f"b{number}"), chosen
    return chosen.value


def threads(count: int) -> None:
    """`count` threads, four at a time; the first imports the package."""
    done: list[int] = []
    errors: list[BaseException] = []

    def work(number: int) -> None:
        try:
            one(number)
            done.append(number)
        except BaseException as error:
            errors.append(error)

    def range_of(first: int, last: int) -> None:
        for number in range(first, last, 4):
            four = [threading.Thread(target=work, args=(number + k,)) for k in range(4)]
            for thread in four:
                thread.start()
            for thread in four:
                thread.join()

    assert "structgen._core" not in sys.modules
    # By then the caches, which hold some thousands of these constraints, are full.
    settled = count // 2 // 4 * 4
    range_of(0, settled)
    before = resident()
    range_of(settled, count)
    report("threads", len(done), errors, before)


class Handler(BaseHTTPRequestHandler):
    """Answers with what `one` gives, in the thread of the request."""

    def do_GET(self) -> None:
        body = json.dumps(one(int(self.path.rsplit("/", 1)[1]))).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: thousands of lines."""


def plain_server() -> tuple[int, Callable[[], None]]:
    """A server with a thread for each request; its port, and what stops it."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1], server.shutdown


def asgi_server() -> tuple[int, Callable[[], None]]:
    """FastAPI with a handler that is not async, so that anyio's threads run it."""
    import socket

    import uvicorn
    from fastapi import FastAPI

    app = FastAPI()

    def answer(number: int) -> object:
        return one(number)

    app.get("/{number}")(answer)
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error"))

    def run() -> None:
        server.run(sockets=[listener])

    threading.Thread(target=run, daemon=True).start()
    while not server.started:
        time.sleep(0.05)

    def stop() -> None:
        server.should_exit = True

    return listener.getsockname()[1], stop


def server(minutes: float, asgi: bool) -> None:
    """Bursts of `BURST` requests, and pauses."""
    port, stop = asgi_server() if asgi else plain_server()
    answered: list[int] = []
    errors: list[BaseException] = []

    def ask(number: int) -> None:
        try:
            wanted = number % DIFFERENT
            url = f"http://127.0.0.1:{port}/{wanted}"
            with urllib.request.urlopen(url, timeout=60) as response:
                assert json.loads(response.read()) in (f"a{wanted}", f"b{wanted}")
            answered.append(number)
        except BaseException as error:
            errors.append(error)

    number, before, end = 0, 0.0, time.monotonic() + 60 * minutes
    while time.monotonic() < end:
        for _ in range(10):
            burst = [threading.Thread(target=ask, args=(number + k,)) for k in range(BURST)]
            for client in burst:
                client.start()
            for client in burst:
                client.join()
            number += BURST
        # By then each request was answered once: what the caches keep of them is there.
        if not before and number >= DIFFERENT:
            before = resident()
        time.sleep(min(PAUSE, max(0.0, end - time.monotonic())))
    stop()
    assert len(answered) + len(errors) == number
    report("requests", len(answered), errors, before)


def report(what: str, good: int, errors: list[BaseException], before: float) -> None:
    """What came of it; ends the process with 1 if it is not as it should be."""
    after = resident()
    print(f"{good} {what} ended well, {len(errors)} did not; {before:.0f} MB, then {after:.0f} MB")
    for error in errors[:5]:
        print(repr(error), file=sys.stderr)
    if errors or after > 1.2 * before + 30:
        raise SystemExit(1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    kinds = parser.add_subparsers(dest="kind", required=True)
    short = kinds.add_parser("threads")
    short.add_argument("--count", type=int, default=10_000)
    web = kinds.add_parser("server")
    web.add_argument("--minutes", type=float, default=10.0)
    web.add_argument("--asgi", action="store_true", help="FastAPI on uvicorn")
    chosen = parser.parse_args()
    if chosen.kind == "threads":
        threads(chosen.count)
    else:
        server(chosen.minutes, chosen.asgi)


if __name__ == "__main__":
    main()
