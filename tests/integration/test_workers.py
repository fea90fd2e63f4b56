"""How connections spread over the workers."""
# labels: threads tsan

import signal

from harness import TestCase, main, settings


class Spread(TestCase):
    CONNECTIONS = 64

    def started(self):
        otto = self.otto(settings(self.demo(1), workers=2), environment={"OTTO_DEBUG": "1"})
        otto.wait_healthy(1)
        return otto

    def greatest(self, otto, clients):
        """How many connections the worker with most of them has."""
        for client in clients:
            client.send_request()
        for client in clients:
            self.assertEqual(client.response().status, 200)
        connections = [held for held, _ in otto.worker_loads(2)]
        self.assertEqual(sum(connections), self.CONNECTIONS)
        return max(connections)

    def assert_spread(self, connect):
        """A busy system may keep one of the workers from running once, but not each time."""
        found = []
        for _ in range(5):
            otto = self.started()
            found.append(self.greatest(otto, connect(otto)))
            if found[-1] <= 0.6 * self.CONNECTIONS:
                return
            otto.finish()
        self.fail(f"one worker has most of {self.CONNECTIONS} connections: {found}")

    def connect(self, otto):
        return [self.client(otto) for _ in range(self.CONNECTIONS)]

    def test_one_after_the_other(self):
        self.assert_spread(self.connect)

    def test_a_backlog_at_once(self):
        def connect(otto):
            otto.signal(signal.SIGSTOP)
            clients = self.connect(otto)
            otto.signal(signal.SIGCONT)
            return clients

        self.assert_spread(connect)

    def test_a_backlog_of_requests(self):
        def connect(otto):
            otto.signal(signal.SIGSTOP)
            clients = self.connect(otto)
            for client in clients:
                client.send_request()
            otto.signal(signal.SIGCONT)
            for client in clients:
                self.assertEqual(client.response().status, 200)
            return clients

        self.assert_spread(connect)


if __name__ == "__main__":
    main()
