"""Servers that are stopped hard and started again, one after the other, while clients go on."""
# labels: threads

import threading

from harness import RARELY, Deadline, TestCase, main, settings
from threads import stopped


class Rolling(TestCase):
    def roll(self, otto, loads):
        """Each server in turn: out, noticed, and back."""
        for server in self.servers:
            for load in loads:
                load.wait_for(50)
            since = otto.log.mark()
            server.kill()
            otto.wait_flip(server, "unhealthy", since)
            for load in loads:
                load.wait_for(50)
            since = otto.log.mark()
            server.start()
            otto.wait_flip(server, "healthy", since)

    def over_five(self, **more):
        self.servers = self.demo(5)
        otto = self.otto(settings(self.servers, **more))
        otto.wait_healthy(5)
        return otto

    def check(self, **more):
        otto = self.over_five(**more)
        gets = self.load(otto, 6, target="/delay/5")
        posts = self.load(otto, 4, target="/delay/5", method="POST", body=b"order" * 200)
        self.roll(otto, [gets, posts])
        self.assertEqual(gets.finish().failures, [])
        posts.finish()
        self.assertLessEqual(len(posts.failures), 4 * 5, "those under way when a server was killed")
        self.assertLessEqual(set(posts.statuses), {200, 502})
        # A server that was not there, or had not been sent anything, cost nobody a request.
        reasons = {line.split("POST /delay/5: ")[1].split(" (")[0]
                   for line in otto.log_lines("POST /delay/5: .* answered 502")}
        self.assertLessEqual(reasons, {"closed before a response"})
        self.assertEqual(otto.log_lines("GET /delay/5: .* answered"), [])

    def test_round_robin(self):
        self.check()

    def test_least_connections_with_limits(self):
        self.check(balance="least-connections", queue={"timeout": "1m"})

    def test_nobody_fails_who_is_idle_meanwhile(self):
        # Connections of clients outlive those to servers; a POST on one is no failure.
        otto = self.over_five(workers=1)
        client = self.client(otto)
        for server in self.servers:
            for _ in range(10):
                self.assertEqual(client.request("/", "POST", body=b"order").status, 200)
            since = otto.log.mark()
            server.kill()
            otto.wait_flip(server, "unhealthy", since)
            for _ in range(10):
                self.assertEqual(client.request("/", "POST", body=b"order").status, 200)
            since = otto.log.mark()
            server.start()
            otto.wait_flip(server, "healthy", since)


class TwoServers(TestCase):
    """Each is back before the other goes, but its checks have not found that out yet."""

    def over_two(self, **more):
        def answer_once(connection, _):
            connection.reply(connection.body() or b"hello", "200 OK", "Connection: close")

        servers = [self.scripted(answer_once) for _ in range(2)]
        otto = self.otto(settings(servers, healthCheck=RARELY, **more))
        otto.wait_healthy(2)
        return otto, servers

    def check(self, **more):
        otto, servers = self.over_two(**more)
        client = self.client(otto)
        for turn in range(20):
            servers[turn % 2].refuse()
            for _ in range(3):
                for method in ("POST", "GET"):
                    response = client.request("/", method, body=b"order")
                    self.assertEqual((response.status, response.body), (200, b"order"), turn)
            servers[turn % 2].listen()
        self.assertEqual(otto.log_lines("answered 50"), [])
        for server in servers:
            self.assertTrue(otto.log_lines(f"{server.url} is healthy: it answered a request"))

    def test_round_robin(self):
        self.check()

    def test_first(self):
        self.check(balance="first")

    def test_without_retries_or_checks(self):
        self.check(retries={"attempts": 1, "budgetPercent": 0, "budgetMinPerSecond": 0})

    def test_no_request_is_refused_before_otto_fails_open(self):
        """The last server refuses, and the control thread has not said what follows from that."""
        otto, (first, second) = self.over_two(workers=1)
        first.refuse()
        for _ in range(2):
            self.assertEqual(otto.fetch().status, 200)
        otto.wait_flip(first, "unhealthy")
        otto.sync()
        first.listen()
        clients = [self.client(otto) for _ in range(3)]
        with stopped(otto.pid, "otto"):
            second.refuse()
            for client in clients:
                client.send_request("/", "POST", body=b"order")
            self.assertEqual(otto.fetch("*", "OPTIONS").status, 204, "the worker has seen them")
        for client in clients:
            response = client.response()
            self.assertEqual((response.status, response.body), (200, b"order"))
        self.assertEqual(len(first.requests), 3)

    def test_a_request_in_progress_at_the_server_that_stops(self):
        arrived, killed = threading.Event(), threading.Event()

        def answer_once(connection, _):
            if connection.target == "/slow" and not killed.is_set():
                arrived.set()
                killed.wait(Deadline().left())
                connection.reset()
            else:
                connection.reply(b"hello", "200 OK", "Connection: close")

        first, second = servers = [self.scripted(answer_once) for _ in range(2)]
        otto = self.otto(settings(servers, healthCheck=RARELY))
        otto.wait_healthy(2)
        first.refuse()
        for _ in range(2):
            self.assertEqual(otto.fetch().status, 200)
        otto.wait_flip(first, "unhealthy")
        otto.sync()
        client = self.client(otto)
        client.send_request("/slow")
        self.assertTrue(arrived.wait(Deadline().left()))
        first.listen()
        second.refuse()
        killed.set()
        self.assertEqual(client.response().body, b"hello")

    def test_an_error_is_the_last_servers(self):
        otto, servers = self.over_two()
        for server in servers:
            server.refuse()
        for _ in range(4):
            self.assertEqual(otto.fetch().status, 502, "both were asked")


if __name__ == "__main__":
    main()
