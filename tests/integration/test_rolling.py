"""Servers that are stopped hard and started again, one after the other, while clients go on."""
# labels: threads

from harness import TestCase, main, settings


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


if __name__ == "__main__":
    main()
