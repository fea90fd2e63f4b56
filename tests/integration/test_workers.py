"""How connections spread over the workers."""
# labels: threads

import signal

from harness import TestCase, main, settings


class Spread(TestCase):
    CONNECTIONS = 64

    def started(self):
        otto = self.otto(settings(self.demo(1), workers=2), environment={"OTTO_DEBUG": "1"})
        otto.wait_healthy(1)
        return otto

    def assert_spread(self, otto, clients):
        for client in clients:
            client.send_request()
        for client in clients:
            self.assertEqual(client.response().status, 200)
        connections = [held for held, _ in otto.worker_loads(2)]
        self.assertEqual(sum(connections), self.CONNECTIONS)
        self.assertLessEqual(max(connections), 0.6 * self.CONNECTIONS, connections)

    def test_one_after_the_other(self):
        otto = self.started()
        self.assert_spread(otto, [self.client(otto) for _ in range(self.CONNECTIONS)])

    def test_a_backlog_at_once(self):
        otto = self.started()
        otto.signal(signal.SIGSTOP)
        clients = [self.client(otto) for _ in range(self.CONNECTIONS)]
        otto.signal(signal.SIGCONT)
        self.assert_spread(otto, clients)

    def test_a_backlog_of_requests(self):
        otto = self.started()
        otto.signal(signal.SIGSTOP)
        clients = [self.client(otto) for _ in range(self.CONNECTIONS)]
        for client in clients:
            client.send_request()
        otto.signal(signal.SIGCONT)
        for client in clients:
            self.assertEqual(client.response().status, 200)
        self.assert_spread(otto, clients)


if __name__ == "__main__":
    main()
