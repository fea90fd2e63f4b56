"""The limits on connections of clients: who makes room for whom."""
# labels: threads asan

import json
import resource
import socket
import threading
import unittest

from admin_case import AdminCase
from harness import LOG_ACCEPT_PAUSED, LOG_ACCEPT_RESUMED, RARELY, TestCase, main, settings
from metrics import Metrics
from waiting import SLOWNESS, Deadline

GET = b"GET / HTTP/1.1\r\nHost: otto.test\r\n\r\n"
LOG_EVICTED = r"closed (\d+) connections? without a request in progress, to make room"
LOG_REFUSED = r"refused (\d+) connections? beyond limits.connectionsPerClient, the last one from (\S+)"
V1 = "PROXY TCP4 {} 192.0.2.1 5000 80\r\n"

resource.setrlimit(resource.RLIMIT_NOFILE, (4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))


class Gate:
    """The script of a server that answers /held only once it is let go."""

    def __init__(self):
        self.arrived = threading.Semaphore(0)
        self.open = threading.Event()

    def __call__(self, connection, _):
        while True:
            if connection.target == "/held":
                self.arrived.release()
                assert self.open.wait(Deadline().left())
            connection.reply(json.dumps(connection.headers).encode())
            if not connection.next_request():
                return

    def wait_arrived(self):
        assert self.arrived.acquire(timeout=Deadline().left())


class Limited(AdminCase):
    def limited(self, most, workers=1, nofile=None, **more):
        self.gate = Gate()
        self.addCleanup(self.gate.open.set)
        limits = {"connections": most, **more.pop("limits", {})}
        self.config = settings([self.scripted(self.gate)], workers=workers, healthCheck=RARELY,
                               limits=limits, **more)
        otto = self.started(self.config, nofile=nofile)
        otto.wait_healthy(1)
        return otto

    def page(self):
        return Metrics(self.admin.ask("GET", "/metrics").text)

    def wait_open(self, count):
        """Until Otto has accepted so many connections that are open."""
        deadline = Deadline()
        while (now := self.page()("otto_client_connections")) != count:
            self.assertTrue(deadline.left(), f"{now} connections, not {count}")

    def silent(self, otto, count, source="127.0.0.1"):
        clients = []
        for _ in range(count):
            client = socket.create_connection(otto.address, Deadline().timeout(), (source, 0))
            self.addCleanup(client.close)
            clients.append(client)
        return clients

    def kept(self, otto):
        """A client between two requests."""
        client = self.client(otto)
        self.assertEqual(client.request().status, 200)
        return client

    def partial(self, otto):
        """A client within a head that Otto has read."""
        client = self.client(otto)
        client.send(GET + GET[:-2])  # the reply to the first says that the rest is there, too
        self.assertEqual(client.response().status, 200)
        return client

    def held(self, otto):
        client = self.client(otto)
        client.send_request("/held")
        self.gate.wait_arrived()
        return client

    def finish_head(self, client):
        client.send(b"\r\n")
        self.assertEqual(client.response().status, 200)

    def is_closed(self, sock):
        sock.settimeout(Deadline().timeout())
        try:
            self.assertEqual(sock.recv(1), b"")
        except ConnectionResetError:
            pass

    def is_open(self, sock):
        sock.sendall(GET)
        sock.settimeout(Deadline().timeout())
        self.assertTrue(sock.recv(1000).startswith(b"HTTP/1.1 200 "))


class Eviction(Limited):
    def test_the_order(self):
        otto = self.limited(6)
        kept, later = self.kept(otto), self.kept(otto)
        partial, later_partial = self.partial(otto), self.partial(otto)
        silent = self.silent(otto, 2)
        self.wait_open(6)
        new = [self.kept(otto)]
        self.is_closed(silent[0])
        new.append(self.kept(otto))
        self.is_closed(silent[1])
        new.append(self.kept(otto))
        self.is_closed(partial.sock)
        self.finish_head(later_partial)
        new.append(self.kept(otto))
        self.is_closed(kept.sock)
        for client in (later, later_partial, *new):
            self.assertEqual(client.request().status, 200)
        page = self.page()
        self.assertEqual(page("otto_client_connections"), 6)
        self.assertEqual([page("otto_client_connections_evicted_total", waited_for=what)
                          for what in ("first-byte", "rest-of-head", "next-request")], [2, 1, 1])
        self.assertEqual(otto.log_lines(LOG_ACCEPT_PAUSED), [])
        otto.wait_for_log(LOG_EVICTED)

    def test_the_address_with_the_most_silent_ones(self):
        otto = self.limited(20)
        few = self.silent(otto, 3, "127.0.0.2")  # the oldest
        many = self.silent(otto, 17, "127.0.0.3")
        self.wait_open(20)
        for number in range(5):
            self.kept(otto)
            self.is_closed(many[number])
        for client in (*few, *many[5:]):
            self.is_open(client)

    def test_all_places_can_be_taken(self):
        otto = self.limited(10, workers=2)
        clients = [self.kept(otto) for _ in range(10)]
        for client in clients:
            self.assertEqual(client.request().status, 200)
        self.assertEqual(self.page().sum("otto_client_connections_evicted_total"), 0)

    def test_requests_in_progress_stay(self):
        """No connection can make room for them: new ones wait in the kernel."""
        otto = self.limited(4)
        held = [self.held(otto) for _ in range(4)]
        waiting = self.client(otto)
        waiting.send(GET)
        otto.wait_for_log(LOG_ACCEPT_PAUSED)
        self.gate.open.set()
        for client in (*held, waiting):
            self.assertEqual(client.response().status, 200)
        otto.wait_for_log(LOG_ACCEPT_RESUMED)

    def test_a_new_connection_is_not_closed_for_itself(self):
        """When the last one that could make room has become busy, no other is accepted."""
        otto = self.limited(4)
        held = [self.held(otto) for _ in range(3)]
        client = self.client(otto)
        self.wait_open(4)
        client.send_request("/held")
        self.gate.wait_arrived()
        waiting = self.client(otto)  # silent at first
        self.gate.open.set()
        for each in (*held, client):
            self.assertEqual(each.response().status, 200)
        self.assertEqual(waiting.request().status, 200)

    def test_across_workers(self):
        """A worker asks the one that has the first to go."""
        otto = self.limited(40, workers=4)
        kept = [self.kept(otto) for _ in range(20)]
        self.silent(otto, 60)
        new = [self.kept(otto) for _ in range(15)]
        for client in (*kept, *new):
            self.assertEqual(client.request().status, 200)
        page = self.page()
        self.assertLessEqual(page("otto_client_connections"), 40)
        self.assertGreaterEqual(
            page("otto_client_connections_evicted_total", waited_for="first-byte"), 55)
        self.assertEqual(page("otto_client_connections_evicted_total", waited_for="next-request"), 0)

    def test_a_crowd_of_silent_ones(self):
        otto = self.limited(1000, workers=2)
        self.silent(otto, 600)
        kept = [self.kept(otto) for _ in range(5)]
        self.silent(otto, 600)
        for _ in range(50):
            self.kept(otto).close()
        for client in kept:
            self.assertEqual(client.request().status, 200)
        self.assertEqual(otto.log_lines(LOG_ACCEPT_PAUSED), [])

    def test_out_of_descriptors(self):
        """When they run out before the limit is reached, for clients or for servers."""
        otto = self.limited(1000, nofile=100)
        kept = self.kept(otto)
        silent = self.silent(otto, 200)
        self.is_closed(silent[0])
        held = [self.held(otto) for _ in range(10)]  # each takes another one, to the server
        self.assertEqual(kept.request().status, 200)
        self.gate.open.set()
        for client in held:
            self.assertEqual(client.response().status, 200)
        self.assertGreater(self.page()("otto_client_connections_evicted_total",
                                       waited_for="first-byte"), 100)


class Memory(Limited):
    @unittest.skipIf(SLOWNESS > 1, "a sanitizer keeps freed memory")
    def test_of_a_crowd_is_given_back(self):
        otto = self.limited(4000, workers=2)
        self.kept(otto)
        before = otto.memory()
        head = GET[:-2] + b"X: " + b"a" * 31_000
        crowd = self.silent(otto, 1500)
        for client in crowd:
            client.sendall(head)
        for client in crowd:
            client.sendall(b"\r\n\r\n")
            client.recv(15)  # of a reply
        self.assertGreater(otto.memory() - before, 40 << 20)
        for client in crowd:
            client.close()
        deadline = Deadline()
        while (more := otto.memory() - before) > 16 << 20:
            self.assertTrue(deadline.left(), f"{more >> 20} MiB more than before")
            self.page()


class PerClient(Limited):
    def test_the_excess_is_closed(self):
        for workers in (1, 3):
            with self.subTest(workers=workers):
                otto = self.limited(0, workers=workers, limits={"connectionsPerClient": 3})
                clients = [self.kept(otto) for _ in range(3)]
                self.is_closed(self.silent(otto, 1)[0])
                stranger, = self.silent(otto, 1, "127.0.0.9")
                self.is_open(stranger)
                clients.pop().close()
                self.wait_open(3)
                self.assertEqual(self.kept(otto).request().status, 200)
                self.assertEqual(self.page()("otto_client_connections_refused_total"), 1)
                self.assertEqual(otto.wait_for_log(LOG_REFUSED).groups(), ("1", "127.0.0.1"))

    def test_those_of_before_a_reload_count(self):
        otto = self.limited(0)
        clients = [self.kept(otto) for _ in range(3)]
        self.config["limits"]["connectionsPerClient"] = 3
        otto.reload(self.config)
        self.is_closed(self.silent(otto, 1)[0])
        for client in clients:
            self.assertEqual(client.request().status, 200)
        self.config["limits"]["connectionsPerClient"] = 0
        otto.reload(self.config)
        self.kept(otto)

    def test_who_is_exempt(self):
        otto = self.limited(0, limits={"connectionsPerClient": 1}, trustedProxies=["127.0.0.5"])
        for client in self.silent(otto, 5, "127.0.0.5"):
            self.is_open(client)
        first, second = self.silent(otto, 2, "127.0.0.6")
        self.is_open(first)
        self.is_closed(second)

    def test_the_client_that_a_proxy_names(self):
        otto = self.limited(0, limits={"connectionsPerClient": 1}, trustedProxies=["127.0.0.1"],
                            proxyProtocol=True)
        for address, served in (("192.0.2.7", True), ("192.0.2.8", True), ("192.0.2.7", False)):
            client = self.client(otto)
            client.send(V1.format(address).encode() + GET)
            if served:
                self.assertEqual(client.response().status, 200)
            else:
                self.is_closed(client.sock)


if __name__ == "__main__":
    main()
