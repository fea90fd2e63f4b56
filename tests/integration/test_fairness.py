"""No client keeps a worker from its next turn: what it reads, accepts and answers between two looks
at its descriptors is bounded, counted by strace(1) rather than timed.

Exits with 77 (skipped) where that cannot be counted: in a build with a sanitizer, and where this
process may not trace Otto.
"""

import os
import re
import signal
import threading

from clients import RawClient
from harness import RARELY, TestCase, settings
from threads import thread_named
from tracing import Traced, kind_of, main_without_sanitizer

FLOWS = 4
HONEST = 30       # requests of an honest client beside them
SLICE = 256 << 10   # bytes that one callback may relay (event/slice.h)
SPLICED = 1 << 20   # the same, within the kernel (net/pipe.h)
READ = 64 << 10     # one read
PIPE = 1 << 20      # one splice
ACCEPTED = 64       # connections in a turn (accept/listener.cc)

PATTERNS = {
    "tiny_chunks": (b"Transfer-Encoding: chunked", b"1\r\nx\r\n" * 20000, SLICE + READ),
    "chunks": (b"Transfer-Encoding: chunked", b"10000\r\n" + b"x" * 65536 + b"\r\n", SLICE + READ),
    "until_close": (b"Connection: close", b"x" * (1 << 20), SLICE + READ),
    "known_length": (b"Content-Length: 900000000000", b"x" * (1 << 20), SPLICED + PIPE),
}


def turns_of(calls):
    """The system calls between one wait for descriptors and the next, as lists."""
    turns = [[]]
    for _, call in calls:
        if kind_of(call) == "wait":
            turns.append([])
        else:
            turns[-1].append(call)
    return turns


def result_of(call):
    match = re.search(r"\) += (\d+)$", call)
    return int(match[1]) if match else 0


def received(turn):
    """Bytes that were taken from sockets; a splice counts twice, into the pipe and out of it."""
    whole = sum(result_of(call) for call in turn if kind_of(call) == "receive"
                and "MSG_PEEK" not in call)
    return whole + sum(result_of(call) for call in turn if kind_of(call) == "splice") // 2


class Fairness(TestCase):
    def traced(self, otto):
        thread = thread_named(otto.pid, "otto-worker-0")
        return Traced(thread, os.path.join(self.folder(), "trace"))

    def trace(self, otto, work):
        """The worker's turns while `work` is done."""
        try:
            with self.traced(otto) as traced:
                work()
        except Traced.Forbidden as reason:
            self.skipTest(str(reason))
        return turns_of(traced.calls)

    def honest(self, otto):
        """Otto answers these itself."""
        for _ in range(HONEST):
            with RawClient(otto.address) as client:
                client.send_request("*", "OPTIONS")
                self.assertEqual(client.response().status, 204)

    def drain(self, client):
        """Takes what comes as fast as it comes, until the test ends."""
        def run():
            buffer = bytearray(1 << 20)
            try:
                while client.sock.recv_into(buffer):
                    pass
            except OSError:
                pass
        threading.Thread(target=run, daemon=True).start()

    def downloads(self, head, block, request=()):
        def script(connection, _):
            connection.send(head)
            while True:
                connection.sock.sendall(block)
        server = self.scripted(script)
        otto = self.otto(settings([server], workers=1, healthCheck={"type": "off"}))
        for _ in range(FLOWS):
            client = self.client(otto)
            client.send_request("/", headers=request)
            client.head()
            self.drain(client)
        return otto

    def assert_bounded(self, otto, most):
        turns = self.trace(otto, lambda: self.honest(otto))
        # A flow may be served by its descriptor and by its place in the list of deferred work.
        bytes_of_turns = [received(turn) for turn in turns]
        self.assertGreater(sum(bytes_of_turns), most, "nothing was relayed meanwhile")
        self.assertLessEqual(max(bytes_of_turns), 2 * FLOWS * most)

    def test_downloads(self):
        for name, (field, block, most) in PATTERNS.items():
            with self.subTest(name):
                otto = self.downloads(b"HTTP/1.1 200 OK\r\n" + field + b"\r\n\r\n", block)
                self.assert_bounded(otto, most)
                otto.finish()

    def test_tunnels(self):
        otto = self.downloads(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\n"
                              b"Connection: upgrade\r\n\r\n", b"x" * (1 << 20),
                              [("Upgrade", "echo"), ("Connection", "upgrade")])
        self.assert_bounded(otto, SLICE + READ)

    def test_uploads(self):
        def script(connection, _):
            while connection.sock.recv(1 << 20):
                pass
        server = self.scripted(script)
        otto = self.otto(settings([server], workers=1, healthCheck={"type": "off"}))
        for framing in (b"Content-Length: 900000000000", b"Transfer-Encoding: chunked"):
            for _ in range(FLOWS // 2):
                client = self.client(otto)
                client.send(b"POST / HTTP/1.1\r\nHost: a\r\n" + framing + b"\r\n\r\n")
                def run(sock=client.sock):
                    try:
                        while True:
                            sock.sendall(b"8000\r\n" + b"x" * 0x8000 + b"\r\n")
                    except OSError:
                        pass
                threading.Thread(target=run, daemon=True).start()
        self.assert_bounded(otto, SPLICED + PIPE)

    def test_a_pipeline_is_served_one_request_a_turn(self):
        otto = self.otto(settings(["http://127.0.0.1:9"], workers=1, healthCheck=RARELY))
        client = self.client(otto)
        count = 300
        def work():
            client.send(b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n" * count)
            for _ in range(count):
                self.assertEqual(client.response().status, 204)
        turns = self.trace(otto, work)
        sent = [sum(kind_of(call) == "send" for call in turn) for turn in turns]
        self.assertGreaterEqual(sum(sent), count)
        self.assertLessEqual(max(sent), 2, "once for its bytes, once for those before")

    def test_so_many_connections_are_accepted_in_a_turn(self):
        otto = self.otto(settings(["http://127.0.0.1:9"], workers=1, healthCheck=RARELY))
        os.kill(otto.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, otto.pid, os.WSTOPPED | os.WNOWAIT)  # it takes a moment
        self.addCleanup(os.kill, otto.pid, signal.SIGCONT)
        clients = [RawClient(otto.address) for _ in range(3 * ACCEPTED)]
        for client in clients:
            self.addCleanup(client.close)
        def work():
            os.kill(otto.pid, signal.SIGCONT)
            for client in clients:
                client.send_request("*", "OPTIONS")
                self.assertEqual(client.response().status, 204)
        turns = self.trace(otto, work)
        accepted = [sum(call.startswith("accept") and result_of(call) > 0 for call in turn)
                    for turn in turns]
        self.assertEqual(sum(accepted), len(clients))
        self.assertLessEqual(max(accepted), ACCEPTED)


if __name__ == "__main__":
    main_without_sanitizer()
