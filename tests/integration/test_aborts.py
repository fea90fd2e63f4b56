"""Clients that go away, at every phase of a request: the server's connection goes with them, at
once, and nothing stays behind."""
# labels: asan

import os
import random
import sys
import threading
import time

from harness import (RARELY, SLOWNESS, Deadline, RawClient, TestCase, main, settings)

OK = b"HTTP/1.1 200 OK\r\n"
GET = b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n"
UPGRADE = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"


# ---- what the server does up to the moment when the client leaves ------------------------------


def silent(_):
    """Reads nothing more and says nothing."""


def reads_body_start(connection):
    connection.recv_exactly(5)


def answers_half(connection):
    connection.send(OK + b"Content-Length: 10\r\n\r\nabc")


def answers_chunk(connection):
    connection.send(OK + b"Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
    connection.send_chunk(b"data: 1\n\n")


def hints(connection):
    connection.send(b"HTTP/1.1 103 Early Hints\r\n\r\n")


def switches(connection):
    connection.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
                    b"Upgrade: echo\r\n\r\nhello")


# Phase, what the client sends, what the server does, what the client waits for before it leaves.
PHASES = [
    ("waiting", GET % 0, silent, b""),
    ("waiting, an interim reply seen", GET % 0, hints, b"Hints"),
    ("waiting, more requests pipelined", GET % 0 + GET % 1 * 3, silent, b""),
    ("waiting, a pipeline longer than Otto reads", GET % 0 + GET % 1 * 1200, silent, b""),
    ("waiting, half a request pipelined", GET % 0 + (GET % 1)[:20], silent, b""),
    ("the body begun", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabcde",
     reads_body_start, b""),
    ("the chunked body begun",
     b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n",
     reads_body_start, b""),
    ("waiting for 100", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n"
     b"Expect: 100-continue\r\n\r\n", silent, b""),
    ("the body sent", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabcde",
     reads_body_start, b""),
    ("the reply begun", GET % 0, answers_half, b"abc"),
    ("the reply begun, more pipelined", GET % 0 + GET % 1 * 1200, answers_half, b"abc"),
    ("the reply begun, the body not sent",
     b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabcde", answers_half, b"abc"),
    ("an event stream", GET % 0, answers_chunk, b"data"),
    ("a tunnel", UPGRADE, switches, b"hello"),
]


class AtOnce(TestCase):
    def setUp(self):
        self.slowest = 0.0

    def over(self, act, **more):
        """Otto over a server that acts so, and the semaphores for its having acted and its
        connection's end."""
        acted, ended = threading.Semaphore(0), threading.Semaphore(0)

        def script(connection, _):
            act(connection)
            acted.release()
            try:
                connection.wait_closed()
            finally:
                ended.release()

        otto = self.otto(settings([self.scripted(script)], healthCheck=RARELY, **more))
        otto.wait_healthy(1)
        return otto, acted, ended

    def leave(self, client, how, ended):
        self.assertFalse(ended.acquire(blocking=False), "it is open until then")
        start = time.monotonic()
        how(client)
        self.assertTrue(ended.acquire(timeout=Deadline().left()),
                        "the server's connection is closed")
        self.slowest = max(self.slowest, time.monotonic() - start)

    def test_every_phase(self):
        for name, request, act, sight in PHASES:
            with self.subTest(name):
                otto, acted, ended = self.over(act)
                files = otto.open_files()
                for turn in range(20):
                    client = self.client(otto)
                    client.send(request)
                    self.assertTrue(acted.acquire(timeout=Deadline().left()))
                    seen = b""
                    while sight not in seen:
                        seen += client.read_exactly(1)
                    self.leave(client, RawClient.reset if turn % 2 else RawClient.close, ended)
                otto.wait_open_files(files)
                otto.finish()
        print(f"the slowest of them took {self.slowest * 1000:.1f} ms", file=sys.stderr)

    def test_while_the_server_does_not_read(self):
        """The client's connection is not read either then; its end is seen nevertheless."""
        for how in (RawClient.close, RawClient.reset):
            begun, ended = threading.Event(), threading.Event()

            def script(connection, _, begun=begun, ended=ended):
                connection.recv_exactly(5)
                begun.set()
                gone.wait(Deadline().left())
                connection.wait_closed()
                ended.set()

            gone = threading.Event()
            otto = self.otto(settings([self.scripted(script)], healthCheck=RARELY))
            otto.wait_healthy(1)
            client = self.client(otto)
            client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n")
            client.sock.settimeout(0.3 * SLOWNESS)
            with self.assertRaises(TimeoutError):
                while True:
                    client.sock.send(b"x" * 65536)
            self.assertTrue(begun.wait(Deadline().left()), "the server has the request")
            how(client)
            gone.set()
            self.assertTrue(ended.wait(Deadline().left()), "the server's connection is closed")

    def test_while_the_client_does_not_read(self):
        for how in (RawClient.close, RawClient.reset):
            stalled, ended = threading.Event(), threading.Event()

            def script(connection, _, stalled=stalled, ended=ended):
                connection.send(OK + b"Content-Length: 1000000000\r\n\r\n")
                try:
                    connection.sock.settimeout(0.3 * SLOWNESS)
                    while not ended.is_set():
                        connection.sock.send(b"x" * 65536)
                except TimeoutError:
                    stalled.set()
                    connection.wait_closed()
                finally:
                    ended.set()

            otto = self.otto(settings([self.scripted(script)], healthCheck=RARELY))
            otto.wait_healthy(1)
            client = self.client(otto)
            client.send(GET % 0)
            client.head()
            self.assertTrue(stalled.wait(Deadline().left()))
            how(client)
            self.assertTrue(ended.wait(Deadline().left()), "the server's connection is closed")

    def test_before_a_server_is_asked(self):
        server = self.scripted()
        otto = self.otto(settings([server], healthCheck=RARELY))
        otto.wait_healthy(1)
        otto.fetch()
        files = otto.open_files()
        request = (b"POST /abc HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n"
                   b"X-Long: " + b"y" * 3000 + b"\r\n\r\n")
        head = len(request)
        for length in [*range(1, 60), 100, 1000, 3000, head - 3, head - 2, head - 1]:
            for how in (RawClient.close, RawClient.reset):
                client = self.client(otto)
                client.send(request[:length])
                how(client)
        otto.wait_open_files(files)
        self.assertEqual({request.split(b" ")[1] for request in server.requests}, {b"/"})


class Storm(TestCase):
    def test_storm(self):
        """Clients that pipeline, upload, download and switch protocols, and leave at any moment.
        OTTO_ABORTS says how many."""
        total = int(os.environ.get("OTTO_ABORTS", 10_000 if SLOWNESS == 1 else 1_000))

        def script(connection, number):
            if number % 3:
                switches(connection)
            connection.wait_closed()

        servers = self.demo(2)
        otto = self.otto(settings(servers, timeouts={"serverIdle": "200ms"}, healthCheck=RARELY))
        tunnels = self.otto(settings([self.scripted(script)], healthCheck=RARELY))
        otto.wait_healthy(2)
        tunnels.wait_healthy(1)
        for _ in range(4):
            otto.fetch()
        files = otto.open_files(), tunnels.open_files()
        body = os.urandom(100_000)
        upload = b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body) + body
        chunks = (b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                  + b"1000\r\n%s\r\n" % body[:4096] * 20 + b"0\r\n\r\n")
        download = b"GET /bytes/2000000 HTTP/1.1\r\nHost: a\r\n\r\n"
        slow = b"GET /delay/50 HTTP/1.1\r\nHost: a\r\n\r\n"
        failures = []

        def run(count, seed):
            chance = random.Random(seed)
            for _ in range(count):
                switching = chance.random() < 0.1
                parts = [UPGRADE] if switching else chance.choices(
                    (upload, chunks, download, slow, GET % 7, b"BAD\r\n\r\n"),
                    k=chance.randint(1, 4))
                data = b"".join(parts)
                cut = chance.choice((len(data), chance.randint(1, len(data)),
                                     chance.randint(1, min(200, len(data)))))
                try:
                    client = RawClient((tunnels if switching else otto).address)
                    client.sock.settimeout(0.02 * SLOWNESS)
                    try:
                        client.sock.sendall(data[:cut])
                        if chance.random() < 0.3:
                            client.sock.recv(chance.choice((1, 1000, 100_000)))
                    except (TimeoutError, ConnectionError):
                        pass
                    (client.reset if chance.random() < 0.5 else client.close)()
                except OSError as error:
                    failures.append(repr(error))

        threads = [threading.Thread(target=run, args=(total // 8, seed)) for seed in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures[:5], [])
        self.assertEqual(otto.fetch("/bytes/7").status, 200)
        otto.wait_open_files(files[0])
        tunnels.wait_open_files(files[1])


if __name__ == "__main__":
    main()
