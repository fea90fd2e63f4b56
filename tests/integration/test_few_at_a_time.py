"""Servers that serve few connections at a time: neither checks nor idle connections harm them."""
# labels: threads asan

import os
import threading

from harness import RARELY, TestCase, crc32, main, settings
from servers import PreforkServer
from waiting import PAUSE_MS, SLOWNESS, Collector, Deadline

LOG_OUT = r"is unhealthy|failing open"
LOG_SKIPPED = r"skipped the check of \S+: (.*)"
FOR_EVER = {"serverIdle": "10m"}  # until a server's place is asked for
OFTEN = {"interval": "100ms", "timeout": f"{int(5 * SLOWNESS)}s"}


class Held:
    """The script of a server that answers /held once it is let go, and everything else at once."""

    def __init__(self):
        self.arrived = Collector("requests that are held")
        self.open = threading.Event()

    def __call__(self, connection, _):
        if connection.target == "/held":
            self.arrived.add(connection.target)
            assert self.open.wait(Deadline().left())
        if connection.get("Upgrade"):
            connection.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
                            b"Upgrade: echo\r\n\r\n")
            self.arrived.add("tunnel")
            connection.wait_closed()
            return False
        connection.reply(connection.body() or b"ok")
        return True


class Few(TestCase):
    def prefork(self, count, script=None, **options):
        server = PreforkServer(count, script, **options)
        self.addCleanup(server.kill)
        if isinstance(script, Held):
            self.addCleanup(script.open.set)  # first
        return server

    def over(self, server, limit=0, **more):
        config = settings([{"url": server.url, "maxConnections": limit}],
                          **{"healthCheck": OFTEN, "timeouts": FOR_EVER, **more})
        otto = self.otto(config, environment={"OTTO_DEBUG": "1"})
        otto.wait_healthy(1)
        return otto

    def never_out(self, otto):
        self.assertEqual(otto.log_lines(LOG_OUT), [])


class IdleConnections(Few):
    def ask_in_turn(self, otto, count):
        for _ in range(count):
            client = self.client(otto)
            self.assertEqual(client.request().status, 200)
            client.close()
        self.never_out(otto)

    def test_requests_one_after_another(self):
        """An idle connection of another worker, or a check, is in the way of each."""
        for count, workers, limit in ((1, 1, 1), (1, 3, 1), (1, 1, 0), (1, 3, 0), (3, 2, 3),
                                      (3, 2, 0)):
            with self.subTest(count=count, workers=workers, limit=limit):
                otto = self.over(self.prefork(count), limit, workers=workers)
                self.ask_in_turn(otto, 40)

    def test_requests_at_the_same_time(self):
        for count, limit in ((1, 1), (1, 0), (3, 3), (3, 0)):
            with self.subTest(count=count, limit=limit):
                otto = self.over(self.prefork(count), limit, workers=2)
                self.load(otto, 8, 300).finish()
                self.never_out(otto)

    def test_two_servers(self):
        servers = [self.prefork(1), self.prefork(1)]
        otto = self.otto(settings(servers, workers=2, healthCheck=OFTEN, timeouts=FOR_EVER))
        otto.wait_healthy(2)
        self.ask_in_turn(otto, 60)

    def test_the_limit_holds_for_descriptors(self):
        """Those of idle connections and checks, over all workers."""
        server = self.scripted()
        otto = self.over(server, 2, workers=4)
        for _ in range(3):
            self.load(otto, 8, 100).finish()
        self.assertLessEqual(server.most_open, 2)
        self.never_out(otto)

    def test_a_server_of_many_keeps_its_connections(self):
        """Slow and fast requests mixed: nothing is closed for the slow ones' sake."""
        script = Held()
        server = self.prefork(40, script)
        otto = self.over(server, workers=1, healthCheck=RARELY)
        clients = [self.client(otto) for _ in range(24)]
        for _ in range(2):
            for client in clients:
                client.send_request("/")
            for client in clients:
                self.assertEqual(client.response().status, 200)
        held = self.client(otto)
        held.send_request("/held")
        script.arrived.wait(lambda _: script.arrived.items(), "the slow request")
        before = server.accepted
        for client in clients[:20]:
            self.assertEqual(client.request().status, 200)
        self.assertLessEqual(server.accepted - before, 1)
        script.open.set()
        self.assertEqual(held.response().status, 200)


class Checks(Few):
    def skipped(self, otto, times=3):
        """Until so many checks have been skipped; why the last one was."""
        since = otto.log.mark()
        for _ in range(times):
            match = otto.wait_for_log(LOG_SKIPPED, since)
            since = otto.log.mark()
        return match[1]

    def test_a_long_request_keeps_them_away(self):
        for limit in (1, 0):
            with self.subTest(limit=limit):
                script = Held()
                otto = self.over(self.prefork(1, script), limit,
                                 healthCheck={"interval": "100ms", "timeout": PAUSE_MS})
                client = self.client(otto)
                self.assertEqual(client.request().status, 200)
                client.send_request("/held")
                self.skipped(otto)
                script.open.set()
                self.assertEqual(client.response().status, 200)
                self.never_out(otto)

    def test_tunnels_keep_them_away(self):
        for limit in (2, 0):
            with self.subTest(limit=limit):
                script = Held()
                otto = self.over(self.prefork(2, script), limit,
                                 healthCheck={"interval": "100ms", "timeout": PAUSE_MS})
                clients = [self.client(otto) for _ in range(2)]
                for client in clients:
                    client.send_request("/", headers=[("Connection", "Upgrade"),
                                                      ("Upgrade", "echo")])
                    self.assertEqual(client.response().status, 101)
                self.skipped(otto)
                self.never_out(otto)
                for client in clients:
                    client.close()
                client = self.client(otto)
                self.assertEqual(client.request().status, 200)

    def test_requests_that_time_out_count_instead(self):
        script = Held()
        otto = self.over(self.prefork(1, script), 1, timeouts={**FOR_EVER, "response": PAUSE_MS},
                         healthCheck={"interval": "100ms", "timeout": PAUSE_MS})
        clients = [self.client(otto) for _ in range(20)]
        for client in clients:
            client.send_request("/held")
        otto.wait_for_log("is unhealthy: (requests to it time out|no response within )")


class Backlog(Few):
    def test_a_full_one_of_a_unix_socket_is_waited_for(self):
        script = Held()
        path = os.path.join(self.folder(), "app.sock")
        otto = self.over(self.prefork(1, script, path=path, backlog=1), healthCheck=RARELY)
        clients = [self.client(otto) for _ in range(12)]
        clients[0].send_request("/held")
        script.arrived.wait(lambda _: script.arrived.items(), "the first request")
        for client in clients[1:]:
            client.send_request("/")
        script.open.set()
        for client in clients:
            self.assertEqual(client.response().status, 200)
        self.never_out(otto)


class Continue(TestCase):
    """Otto answers for a server that does not send 100 (Continue)."""

    HEAD = (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
    CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

    def ask(self, client):
        client.send(self.HEAD)
        self.assertEqual(client.read_exactly(len(self.CONTINUE)), self.CONTINUE)
        client.send(b"body")
        response = client.response()
        self.assertEqual((response.status, response.body, response.interim), (200, b"body", []))

    def test_a_server_that_never_does(self):
        otto = self.otto(settings([self.scripted()], workers=1))
        otto.wait_healthy(1)
        client = self.client(otto)
        for _ in range(3):
            self.ask(client)

    def test_a_server_that_does_late(self):
        """The client gets one, whoever was first."""
        def script(connection, number):
            if number > 0:
                connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
            connection.reply(connection.body(), "200 OK", "Connection: close")

        otto = self.otto(settings([self.scripted(script)], workers=1))
        otto.wait_healthy(1)
        client = self.client(otto)
        for _ in range(3):
            self.ask(client)


class Surprises(TestCase):
    def test_requests_that_cannot_be_repeated(self):
        """A server that closes each connection a moment after its reply, without announcement."""
        def script(connection, _):
            connection.reply(crc32(connection.body()).encode())
            connection.closed_within(0.002)

        otto = self.otto(settings([self.scripted(script)], workers=1, healthCheck=RARELY))
        otto.wait_healthy(1)
        client = self.client(otto)
        for _ in range(40):
            self.assertEqual(client.request().status, 200)
        for _ in range(200):
            self.assertEqual(client.request(method="POST", body=b"x" * 100).status, 200)


if __name__ == "__main__":
    main()
