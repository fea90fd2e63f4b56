"""What servers do wrong, and what becomes of the request, of its repetition, of the connection to
the server and of the client's. The rows are those of "Faults of servers" in daemon/HACKING.md."""
# labels: asan

import dataclasses
import os
import random
import signal
import threading

from harness import (RARELY, SLOWNESS, Collector, CutOff, Deadline, RawClient, TestCase, main,
                     settings)

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
TEN = OK + b"Content-Length: 10\r\n\r\n"
SOON = f"{int(400 * SLOWNESS)}ms"
PATIENT = f"{int(4000 * SLOWNESS)}ms"  # of the storm, in which the servers of this test are slow by themselves


# ---- what servers do: each is called with the connection, the request read ---------------------


def says(data, then="wait"):
    """Sends that, and then waits for Otto, closes, half-closes or resets."""
    def act(connection, _):
        connection.send(data)
        if then == "reset":
            connection.reset()
        return then == "wait"
    act.then, act.late = then, False
    return act


def says_late(first, rest, then="wait"):
    """The same with `rest` only after the client has seen something of `first`."""
    def act(connection, seen):
        connection.send(first)
        assert seen.wait(Deadline().left())
        connection.send(rest)
        if then == "reset":
            connection.reset()
        return then == "wait"
    act.then, act.late = then, True
    return act


def drips(data):
    """A byte now and then, for ever."""
    def act(connection, _):
        connection.send(data)
        while not connection.closed_within(0.02):
            connection.send(b"x")
        return False
    act.then, act.late = "drip", False
    return act


@dataclasses.dataclass
class Fault:
    """`tries` is how often a GET reaches a server on new connections; on connections from the pool
    it is twice that for faults that are `stale`, since each may have been closed while idle. A POST
    that was sent is never repeated. `keeps`: the server's connection may be used again. The client
    sees a reply and goes on ("open"), a whole reply and then the end ("closed"), or a reply that is
    `cut`."""
    name: str
    act: object
    status: int
    tries: int = 1
    stale: bool = False
    keeps: bool = False
    client: str = "open"
    method: str = ""  # only that one
    timed: bool = False  # takes until a timeout
    http10: bool = False


GARBAGE = [
    ("a TLS alert", b"\x15\x03\x01\0\2\2\x46" * 3 + b"\r\n\r\n"),
    ("another protocol", b"220 mail.test ESMTP ready\r\n\r\n"),
    ("HTTP/0.9", b"<html>hello</html>\r\n\r\n"),
    ("HTTP/2", b"\0\0\x12\4\0\0\0\0\0\0\3\0\0\0\x64\0\4\0\1\0\0\0\5\0\xff\xff\xff"),
    ("HTTP/2 in the status line", b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n"),
    ("a status of two digits", b"HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n"),
    ("a status of four digits", b"HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n"),
    ("status 099", b"HTTP/1.1 099 OK\r\nContent-Length: 0\r\n\r\n"),
    ("a head too large", OK + b"X: " + b"y" * 200_000 + b"\r\n\r\n"),
    ("a head of too many fields", OK + b"X: y\r\n" * 20_000 + b"\r\n"),
    ("NUL in a field", OK + b"X: a\0b\r\nContent-Length: 0\r\n\r\n"),
    ("a folded length", OK + b"Content-Length:\r\n 0\r\n\r\n"),
    ("a bare CR in a field", OK + b"X: a\rb\r\nContent-Length: 0\r\n\r\n"),
    ("a space before the colon of a length", OK + b"Content-Length : 0\r\n\r\n"),
    ("a field without a colon", OK + b"X\r\nContent-Length: 0\r\n\r\n"),
    ("Transfer-Encoding and Content-Length",
     OK + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n3\r\nabc\r\n0\r\n\r\n"),
    ("two lengths", OK + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"),
    ("a negative length", OK + b"Content-Length: -1\r\n\r\n"),
    ("a length too large", OK + b"Content-Length: 18446744073709551617\r\n\r\na"),
    ("chunked twice", OK + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"),
    ("chunked and not last", OK + b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n"),
    ("a flood of interim responses", b"HTTP/1.1 103 Early Hints\r\n\r\n" * 2600 + TEN + b"0123456789"),
    ("an unasked 101", b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n"
     b"Upgrade: websocket\r\n\r\n"),
    ("a bad chunk size at once", CHUNKED + b"0x3\r\nabc\r\n0\r\n\r\n"),
    ("a chunk too long at once", CHUNKED + b"3\r\nabcX\r\n0\r\n\r\n"),
]

FAULTS = [
    Fault("closes without a reply", says(b"", "close"), 502, 2, stale=True),
    Fault("resets without a reply", says(b"", "reset"), 502, 2, stale=True),
    Fault("closes within the head", says(OK + b"Content-", "close"), 502, 2, stale=True),
    Fault("resets within the head", says(OK + b"Content-", "reset"), 502, 2, stale=True),
    Fault("closes after the status line", says(OK, "close"), 502, 2, stale=True),
    *[Fault(name, says(data), 502) for name, data in GARBAGE],
    *[Fault(name + ", and closes", says(data, "close"), 502) for name, data in GARBAGE],
    Fault("closes within a counted body", says(TEN + b"abc", "close"), 200, client="cut"),
    Fault("closes before a counted body", says(TEN, "close"), 200, client="cut"),
    Fault("resets within a counted body", says(TEN + b"abc", "reset"), 200, client="cut"),
    Fault("closes within a chunk", says(CHUNKED + b"5\r\nabc", "close"), 200, client="cut"),
    Fault("closes between chunks", says(CHUNKED + b"3\r\nabc\r\n", "close"), 200, client="cut"),
    Fault("closes before the last line", says(CHUNKED + b"3\r\nabc\r\n0\r\n", "close"), 200,
          client="cut"),
    Fault("closes within a trailer", says(CHUNKED + b"3\r\nabc\r\n0\r\nX: y", "close"), 200,
          client="cut"),
    Fault("resets within chunks", says(CHUNKED + b"3\r\nabc\r\n", "reset"), 200, client="cut"),
    Fault("a bad chunk size later", says_late(CHUNKED + b"3\r\nabc\r\n", b"0x1\r\na\r\n0\r\n\r\n"),
          200, client="cut"),
    Fault("a chunk too long later", says_late(CHUNKED + b"3\r\nabc\r\n", b"1\r\naX0\r\n\r\n"), 200,
          client="cut"),
    Fault("a bad trailer later", says_late(CHUNKED + b"3\r\nabc\r\n", b"0\r\nHost: a\r\n\r\n"), 200,
          client="cut"),
    Fault("resets an endless body", says_late(OK + b"Connection: close\r\n\r\nabc", b"", "reset"),
          200, client="cut"),
    Fault("resets an endless body to HTTP/1.0",
          says_late(OK + b"Connection: close\r\n\r\nabc", b"", "reset"), 200, client="cut",
          http10=True),
    Fault("closes a chunked body to HTTP/1.0",
          says_late(CHUNKED + b"3\r\nabc\r\n", b"", "close"), 200, client="cut", http10=True),
    Fault("bytes after the reply", says(TEN + b"0123456789" + TEN + b"evil567890"), 200),
    Fault("bytes after the last chunk", says(CHUNKED + b"0\r\n\r\n" + TEN + b"evil567890"), 200),
    Fault("bytes after a reply, late", says_late(TEN + b"0123456789", b"HTTP/1.1 408 x\r\n\r\n"),
          200),
    Fault("204 with a body", says(b"HTTP/1.1 204 No Content\r\n\r\nevil"), 204),
    Fault("304 with a body", says(b"HTTP/1.1 304 Not Modified\r\n\r\nevil"), 304),
    Fault("a body after HEAD", says(TEN + b"0123456789"), 200, method="HEAD"),
    Fault("chunks after HEAD", says(CHUNKED + b"4\r\nevil\r\n0\r\n\r\n"), 200, method="HEAD"),
    Fault("no fault", says(TEN + b"0123456789"), 200, keeps=True, method="GET"),
    Fault("many interim responses", says(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 2000 + TEN
                                         + b"0123456789"), 200, keeps=True),
    Fault("no response in time", says(b""), 504, 2, timed=True),
    Fault("half a head and no more", says(OK + b"Content-"), 504, 2, timed=True),
    Fault("a head that drips", drips(OK + b"X: "), 504, 2, timed=True),
    Fault("only interim responses", says(b"HTTP/1.1 103 Early Hints\r\n\r\n"), 504, 2, timed=True),
    Fault("no progress within a counted body", says(TEN + b"abc"), 200, client="cut", timed=True),
    Fault("no progress within a chunk", says(CHUNKED + b"5\r\nabc"), 200, client="cut", timed=True),
]


class ServerFaults(TestCase):
    def setUp(self):
        self.after = Collector("what became of connections")
        self.seen = threading.Event()
        self.servers = [self.scripted(self.script) for _ in range(2)]

    def script(self, connection, _):
        """Does what the request asks for, and notes whether the connection is used again."""
        while True:
            number = connection.get("X-Fault")
            connection.body()
            if number is None:
                connection.reply(b"hello")
            else:
                waits = FAULTS[int(number)].act(connection, self.seen)
                if not waits:
                    return
            try:
                again = connection.next_request()
            except OSError:
                again = False
            if number is not None:
                self.after.add("used again" if again else "closed")
            if not again:
                return

    def start(self, **more):
        otto = self.otto(settings(
            self.servers, workers=1, healthCheck=RARELY,
            retries={"attempts": 2, "budgetPercent": 100, "budgetMinPerSecond": 100_000}, **more))
        otto.wait_healthy(2)
        return otto

    def reached(self):
        return sum(len(server.requests) for server in self.servers)

    def exchange(self, client, fault, number, method):
        """The status, and what the client can do afterwards."""
        self.seen.clear()
        body = b"order" if method == "POST" else None
        client.send_request("/", method, [("X-Fault", str(number))], body,
                            "1.0" if fault.http10 else "1.1")
        response = client.head()
        try:
            for _ in client.pieces(response, method):
                self.seen.set()
        except CutOff:
            return response.status, "cut"
        self.seen.set()
        if not response.keeps_alive():
            client.wait_closed()
            return response.status, "closed"
        return response.status, "open"

    def check(self, otto, number, method, reused):
        fault = FAULTS[number]
        otto.fetch()  # connections of an earlier row may have been closed since
        otto.fetch()
        if not reused:
            for server in self.servers:
                server.close_connections()
        before, mark = self.reached(), self.after.mark()
        with RawClient(otto.address) as client:
            self.assertEqual(self.exchange(client, fault, number, method),
                             (fault.status, fault.client))
            tries = 1 if method == "POST" else fault.tries
            if reused and fault.stale and method != "POST":
                tries *= 2
            if reused or not fault.stale or method == "POST":
                self.assertEqual(self.reached() - before, tries, "tries")
            if self.waits(fault) and not fault.keeps:
                item, _ = self.after.wait(lambda _: True, "end of the connection", mark)
                self.assertEqual(item, "closed")
            if fault.client == "open":
                for _ in range(2):
                    self.assertEqual(client.request().body, b"hello", "the client goes on")
            else:
                self.assertEqual([otto.fetch().body for _ in range(2)], [b"hello"] * 2)
        if fault.keeps:
            item, _ = self.after.wait(lambda _: True, "next request", mark)
            self.assertEqual(item, "used again")

    @staticmethod
    def waits(fault):
        """Whether it is Otto that ends the connection, and the script that sees it."""
        return fault.act.then == "wait"

    def table(self, otto, timed):
        for number, fault in enumerate(FAULTS):
            if fault.timed != timed:
                continue
            for method in ([fault.method] if fault.method else ["GET", "POST"]):
                for reused in (False, True):
                    with self.subTest(fault.name, method=method, reused=reused):
                        self.check(otto, number, method, reused)

    def test_table(self):
        self.table(self.start(), False)

    def test_table_of_timeouts(self):
        self.table(self.start(timeouts={"response": SOON, "progress": SOON},
                              ejection={"consecutiveErrors": 0}), True)

    def test_refused(self):
        for method in ("GET", "POST"):
            otto = self.start()
            for server in self.servers:
                server.refuse()
            with RawClient(otto.address) as client:
                body = b"order" if method == "POST" else None
                self.assertEqual(client.request("/", method, body=body).status, 502)
                for server in self.servers:
                    self.assertIn("refused", otto.wait_flip(server, "unhealthy"))
                otto.wait_for_log("failing open")
                self.assertEqual(client.request().status, 502, "the client goes on")
            for server in self.servers:
                server.listen()
        self.assertEqual(self.reached(), 0)

    def test_one_refuses(self):
        otto = self.start()
        self.servers[0].refuse()
        for method in ("GET", "POST"):
            for _ in range(3):
                body = b"order" if method == "POST" else None
                self.assertEqual(otto.fetch("/", method, body=body).status, 200)

    def test_reset_on_accept(self):
        otto = self.start()
        for server in self.servers:
            server.reset_at_accept = True
        for method in ("GET", "POST"):
            with RawClient(otto.address) as client:
                body = b"order" if method == "POST" else None
                self.assertEqual(client.request("/", method, body=body).status, 502)
                for server in self.servers:
                    server.reset_at_accept = False
                self.assertEqual(client.request().status, 200)
            for server in self.servers:
                server.close_connections()
                server.reset_at_accept = True
        for server in self.servers:
            server.reset_at_accept = False
        self.assertEqual(otto.fetch().status, 200)

    def test_a_late_goodbye_is_nobodys_reply(self):
        """Bytes that wait on an idle connection when the next request comes, in one turn of Otto's
        loop: a 408, as servers send that give up waiting."""
        speak, spoken = threading.Event(), threading.Event()

        def script(connection, number):
            connection.reply(b"hello")
            if number == 0:
                assert speak.wait(Deadline().left())
                connection.reply(b"late", "408 Request Timeout", "Connection: close")
                spoken.set()
            connection.wait_closed()

        otto = self.otto(settings([self.scripted(script)], workers=1, healthCheck=RARELY))
        otto.wait_healthy(1)
        client = self.client(otto)
        self.assertEqual(client.request().body, b"hello")
        self.assertFalse(spoken.wait(0.05))  # the connection has to have been idle for a moment
        otto.signal(signal.SIGSTOP)
        os.waitid(os.P_PID, otto.pid, os.WSTOPPED)
        client.send_request()  # first, so that Otto turns to it first
        speak.set()
        self.assertTrue(spoken.wait(Deadline().left()))
        otto.signal(signal.SIGCONT)
        response = client.response()
        self.assertEqual((response.status, response.body), (200, b"hello"))

    def test_many(self):
        """So many of them leave nothing behind. OTTO_FAULTS says how many."""
        total = int(os.environ.get("OTTO_FAULTS", 10_000 if SLOWNESS == 1 else 1_500))
        otto = self.start(timeouts={"response": PATIENT, "progress": PATIENT, "serverIdle": "200ms"})
        quick = [number for number, fault in enumerate(FAULTS)
                 if not fault.timed and not fault.act.late]
        timed = [number for number, fault in enumerate(FAULTS) if fault.timed]
        failures = []
        self.seen.set()

        def run(faults, methods):
            client = None
            for number, method in zip(faults, methods):
                fault = FAULTS[number]
                method = fault.method or method
                client = client or RawClient(otto.address)
                try:
                    got = self.exchange(client, fault, number, method)
                except (AssertionError, CutOff, OSError) as error:
                    got = repr(error), "closed"
                if got != (fault.status, fault.client):
                    failures.append((fault.name, method, got))
                if got[1] != "open":
                    client.close()
                    client = None
            if client:
                client.close()

        def run_all(count, seed):
            chance = random.Random(seed)
            runs = [chance.choices(quick, k=count // 4) for _ in range(4)]
            # These take their time, so all of them at once.
            runs += [[number] for number in chance.choices(timed, k=count // 400)]
            threads = [threading.Thread(target=run,
                                        args=(faults, chance.choices(("GET", "POST"), k=len(faults))))
                       for faults in runs]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual(failures[:5], [])

        for _ in range(4):
            otto.fetch()
        files = otto.open_files()
        run_all(total // 5, 1)
        memory = otto.memory()
        run_all(total - total // 5, 100)
        grown = otto.memory() - memory
        otto.wait_open_files(files)
        self.assertEqual(otto.fetch().body, b"hello")
        if SLOWNESS == 1:  # sanitizers keep freed memory
            self.assertLess(grown, 4 << 20)


if __name__ == "__main__":
    main()
