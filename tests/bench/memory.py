#!/usr/bin/env python3
"""How much memory Otto needs for bodies: 1 GiB up, 1 GiB down, and 1,000 uploads of 1 MiB at once
to a server that reads 10 KiB/s for 10 s and then as fast as it can.

    OTTO=build/release/daemon/otto tests/bench/memory.py [--scale 0.1]

Prints Otto's peak RSS (VmHWM) after each and whether the bodies were bit-exact; exits with 1 when
one was not, or when the peak reached 128 MiB. Takes about half a minute.
"""

import argparse
import os
import resource
import sys
import threading
import time
import zlib

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))

from clients import RawClient  # noqa: E402
from harness import Otto, settings  # noqa: E402
from servers import ScriptedServer  # noqa: E402

LIMIT = 128 << 20
BLOCK = os.urandom(1 << 20)
SLOW_SECONDS = 10
SLOW_PIECE = 10 << 10
PATIENCE = 300


def block(number):
    """The number-th MiB of a body: never the same as its neighbours."""
    at = number * 7919 % len(BLOCK)
    return BLOCK[at:] + BLOCK[:at]


def crc_of_blocks(numbers):
    crc = 0
    for number in numbers:
        crc = zlib.crc32(block(number), crc)
    return crc


class Server:
    """Answers /slow and /fast with the checksum of what it was sent; /download/N with N MiB."""

    def __init__(self):
        self._never = threading.Event()
        self.slow_readers = threading.Semaphore(0)
        self.scripted = ScriptedServer(self._script, receive_buffer=16 << 10)

    def _script(self, connection, _):
        connection.sock.settimeout(PATIENCE)
        if connection.target.startswith("/download/"):
            count = int(connection.target.rsplit("/", 1)[1])
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (count << 20))
            for number in range(count):
                connection.sock.sendall(block(number))
            return
        left = int(connection.get("Content-Length"))
        held = connection.held()
        crc = zlib.crc32(held)
        left -= len(held)
        if connection.target == "/slow":
            self.slow_readers.release()
            for _ in range(SLOW_SECONDS):
                self._never.wait(1)
                piece = connection.sock.recv(SLOW_PIECE)
                crc = zlib.crc32(piece, crc)
                left -= len(piece)
        while left:
            piece = connection.sock.recv(min(left, 1 << 18))
            if not piece:
                return
            crc = zlib.crc32(piece, crc)
            left -= len(piece)
        connection.reply(b"%08x" % crc)


def upload(otto, target, numbers):
    """Whether the blocks arrived as they were."""
    with RawClient(otto.address) as client:
        client.send_request(target, "POST", [("Content-Length", str(len(numbers) << 20))])
        client.sock.settimeout(PATIENCE)
        for number in numbers:
            client.sock.sendall(block(number))
        response = client.response(seconds=PATIENCE)
        return response.status == 200 and response.body == b"%08x" % crc_of_blocks(numbers)


def download(otto, count):
    with RawClient(otto.address) as client:
        client.send_request(f"/download/{count}")
        response = client.head(PATIENCE)
        crc = 0
        for piece in client.pieces(response, seconds=PATIENCE):
            crc = zlib.crc32(piece, crc)
        return response.status == 200 and crc == crc_of_blocks(range(count))


def uploads_at_once(otto, count):
    exact = []

    def one(number):
        try:
            exact.append(upload(otto, "/slow", [number]))
        except (OSError, AssertionError) as error:
            print(f"upload {number}: {error!r}", file=sys.stderr)
            exact.append(False)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return all(exact) and len(exact) == count


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--scale", type=float, default=1.0, help="of all sizes and counts")
    scale = parser.parse_args().scale
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    threading.stack_size(256 << 10)

    mebibytes, uploads = max(1, int(1024 * scale)), max(1, int(1000 * scale))
    server = Server()
    otto = Otto(settings([server.scripted],
                         healthCheck={"interval": "1h", "timeout": "10s"}))
    failed = False
    try:
        otto.wait_healthy(1)
        for name, run in (
                (f"upload of {mebibytes} MiB",
                 lambda: upload(otto, "/fast", range(mebibytes))),
                (f"download of {mebibytes} MiB", lambda: download(otto, mebibytes)),
                (f"{uploads} slow uploads of 1 MiB at once",
                 lambda: uploads_at_once(otto, uploads))):
            start = time.monotonic()
            exact = run()
            seconds = time.monotonic() - start
            peak = otto.memory("VmHWM")
            print(f"{name}: {'bit-exact' if exact else 'NOT BIT-EXACT'}, {seconds:.1f} s, "
                  f"peak RSS {peak / (1 << 20):.1f} MiB", flush=True)
            failed = failed or not exact or peak >= LIMIT
    finally:
        otto.finish()
        server.scripted.kill()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
