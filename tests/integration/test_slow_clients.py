"""Clients that send or read slowly: how long they hold a server's place."""
# labels: threads asan

import json
import socket
import threading

from admin_case import AdminCase
from harness import RARELY, main, settings
from metrics import Metrics
from waiting import SLOWNESS, Collector, Deadline

OK = b"HTTP/1.1 200 OK\r\n"
ENDED = 60 * SLOWNESS  # seconds in which a slow client is ended: the average is over 30
WEBSOCKET = [("Connection", "Upgrade"), ("Upgrade", "websocket")]


class Case(AdminCase):
    def limited(self, script, most=1, workers=1, **more):
        self.server = self.scripted(script)
        self.log_file = f"{self.folder()}/access.log"
        servers = [{"url": self.server.url, "maxConnections": most} if most else self.server]
        otto = self.started(settings(servers, workers=workers, healthCheck=RARELY,
                                     accessLog=self.log_file, **more))
        otto.wait_healthy(1)
        return otto

    def page(self):
        return Metrics(self.admin.ask("GET", "/metrics").text)

    def logged(self, seconds=None, **fields):
        """Until the access log has a record with these fields."""
        deadline = Deadline(seconds)
        while True:
            with open(self.log_file, encoding="utf-8") as file:
                records = [json.loads(line) for line in file if line.endswith("\n")]
            found = [each for each in records if fields.items() <= each.items()]
            if found:
                return found[0]
            self.assertTrue(deadline.left(), f"{fields} is not among {records}")


class Places(Case):
    """A place is not taken before there is something to send."""

    def setUp(self):
        self.arrived = Collector("requests at the server")

    def serve(self, connection, _):
        while True:
            self.arrived.add(connection.target)
            if "100-continue" in str(connection.headers):
                connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
            connection.reply(str(len(connection.body())).encode())
            if not connection.next_request():
                return

    def upload(self, otto, target, first, fields=(("Content-Length", "1000"),)):
        client = self.client(otto)
        client.send_request(target, "POST", fields)
        client.send(first)
        return client

    def test_small_bodies_do_not_wait(self):
        otto = self.limited(self.serve)
        for _ in range(20):  # of a second each, if they did
            self.assertEqual(otto.fetch("/", "POST", body=b"x" * 1000).body, b"1000")
            client = self.upload(otto, "/", b"3\r\nabc\r\n0\r\n\r\n",
                                 [("Transfer-Encoding", "chunked")])
            self.assertEqual(client.response().status, 200)
            self.assertEqual(otto.fetch("/", "POST", body=b"x" * 100_000).body, b"100000")

    def test_a_body_that_is_not_there_takes_no_place(self):
        otto = self.limited(self.serve)
        # On a machine that rests for a second the slow ones may ask before the fast one has come.
        self.assertTrue(any(self.fast_one_is_first(otto) for _ in range(5)))

    def fast_one_is_first(self, otto):
        self.arrived = Collector("requests at the server")
        slow = [self.upload(otto, f"/slow/{number}", b"x") for number in range(3)]
        chunked = self.upload(otto, "/slow/3", b"5\r\nab", [("Transfer-Encoding", "chunked")])
        fast = self.client(otto)
        fast.send_request("/fast")
        # After a second they ask without their bodies.
        self.arrived.wait(lambda target: target.startswith("/slow"), "a slow one")
        for client in slow:
            client.send(b"x" * 999)
        chunked.send(b"cde\r\n0\r\n\r\n")
        for client in (fast, *slow, chunked):
            self.assertEqual(client.response().status, 200)
        return self.arrived.items()[0] == "/fast"

    def test_expect_asks_at_once(self):
        otto = self.limited(self.serve)
        client = self.upload(otto, "/", b"", [("Content-Length", "1000"),
                                              ("Expect", "100-continue")])
        self.arrived.wait(lambda target: target == "/", "the request")
        client.send(b"x" * 1000)
        response = client.response()
        self.assertEqual((response.status, len(response.interim)), (200, 1))

    def test_without_limits_nothing_waits(self):
        otto = self.limited(self.serve, most=0)
        self.upload(otto, "/slow", b"x")
        self.arrived.wait(lambda target: target == "/slow", "the request")

    def test_a_client_that_leaves_early(self):
        otto = self.limited(self.serve)
        self.upload(otto, "/left", b"x").close()
        self.assertEqual(otto.fetch("/fast").status, 200)
        self.logged(target="/left", outcome="aborted")
        self.assertEqual(self.arrived.items(), ["/fast"])


class Pace(Case):
    """All at once, since each takes half a minute."""

    def serve(self, connection, _):
        if connection.target == "/upgrade":
            connection.send(b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\n"
                            b"Upgrade: websocket\r\n\r\n")
            self.over.wait(ENDED + Deadline().left())
            connection.send(b"still here")
        elif connection.target == "/wait":  # the server is slow, and reads nothing
            self.over.wait(ENDED + Deadline().left())
            connection.body()
            connection.reply(b"at last")
        elif connection.target == "/large":
            connection.send(OK + b"Content-Length: 100000000\r\n\r\n")
            try:
                for _ in range(1000):
                    connection.send(b"x" * 100_000)
            except OSError:
                return
        else:
            connection.wait_closed()

    def trickle(self, client, text):
        """Sends a byte now and then, until it is ended."""
        try:
            while not self.over.wait(1):
                client.sock.send(text)
        except OSError:
            pass

    def sip(self, client):
        """Reads a few bytes now and then, which its kernel has in plenty even after a reset."""
        client.sock.settimeout(None)
        try:
            while not self.over.wait(1) and client.sock.recv(100):
                pass
        except OSError:
            pass

    def test_who_is_ended(self):
        self.over = threading.Event()
        otto = self.limited(self.serve, most=100, timeouts={"response": "10m"})
        self.addCleanup(self.over.set)
        threads = []

        def start(work, *arguments):
            threads.append(threading.Thread(target=work, args=arguments))
            threads[-1].start()

        early, late, chunked = (self.client(otto) for _ in range(3))
        early.send_request("/early", "POST", [("Content-Length", "1000000")])
        late.send_request("/late", "POST", [("Content-Length", "1000000")])
        late.send(b"x" * 20_000)
        chunked.send_request("/chunked", "POST", [("Transfer-Encoding", "chunked")])
        for client, text in ((early, b"x"), (late, b"x"), (chunked, b"1\r\nx\r\n")):
            start(self.trickle, client, text)
        reader = self.small_reader(otto)
        start(self.sip, reader)
        waiting, upgraded = self.client(otto), self.client(otto)
        waiting.send_request("/wait", "POST", body=b"x" * 10_000)
        upgraded.send_request("/upgrade", headers=WEBSOCKET)

        for client in (early, late, chunked):
            self.assertEqual(client.response(seconds=ENDED).status, 408)
        self.logged(ENDED, target="/large", status=200, outcome="too-slow")
        self.over.set()
        for thread in threads:
            thread.join()
        self.assertEqual(waiting.response().body, b"at last")
        self.assertEqual(upgraded.head().status, 101)
        self.assertEqual(upgraded.read_to_end()[0], b"still here")
        page = self.page()
        self.assertEqual(page("otto_slow_clients_total", direction="request"), 3)
        self.assertEqual(page("otto_slow_clients_total", direction="reply"), 1)
        self.assertEqual(page("otto_own_replies_total", reason="too-slow"), 3)
        self.logged(target="/late", status=408, reason="too-slow")

    def small_reader(self, otto):
        client = self.client(otto)
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.send_request("/large")
        return client


if __name__ == "__main__":
    main()
