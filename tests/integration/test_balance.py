"""Who gets which request."""
# labels: threads

import collections

from harness import TestCase, main, settings


class RoundRobin(TestCase):
    def started(self, entries, count=None, **more):
        otto = self.otto(settings(entries, **more))
        otto.wait_healthy(count or len(entries))
        return otto

    def picks(self, otto, count):
        return [otto.fetch().server() for _ in range(count)]

    def assert_rotation(self, picks, order):
        """`picks` goes round `order`, from wherever it starts."""
        start = order.index(picks[0])
        self.assertEqual(picks, [order[(start + i) % len(order)] for i in range(len(picks))])

    def test_new_connections_in_exact_order(self):
        servers = self.demo(5)
        picks = self.picks(self.started(servers), 10)
        self.assert_rotation(picks, [server.name for server in servers])

    def test_weights_are_smooth(self):
        servers = self.demo(3)
        weights = [5, 1, 1]
        otto = self.started([{"url": server.url, "weight": weight}
                             for server, weight in zip(servers, weights)])
        picks = self.picks(otto, 21)
        for start in range(15):
            counts = collections.Counter(picks[start:start + 7])
            self.assertEqual(counts, {"server-1": 5, "server-2": 1, "server-3": 1}, picks)
        run = max(len(part) for part in
                  "".join("1" if pick == "server-1" else " " for pick in picks).split())
        self.assertLess(run, 5, f"server-1's five picks come in one lump: {picks}")

    def test_weight_0_takes_nothing(self):
        servers = self.demo(2)
        otto = self.started([{"url": servers[0].url, "weight": 0}, servers[1].url], 2)
        self.assertEqual(set(self.picks(otto, 6)), {"server-2"})

    def test_exact_across_workers_and_connections(self):
        servers = self.demo(5)
        otto = self.started(servers, workers=2)
        load = self.load(otto, 20, 50).finish()
        self.assertEqual(load.failures, [])
        self.assertEqual(load.servers, {server.name: 200 for server in servers})
        self.assertEqual([server.count() for server in servers], [200] * 5)

    def test_localhost_is_one_server(self):
        servers = self.demo(2)  # on 127.0.0.1 only; localhost is ::1, too
        otto = self.started([f"http://localhost:{server.port}" for server in servers])
        self.assert_rotation(self.picks(otto, 10), ["server-1", "server-2"])

    def test_names_are_shown(self):
        servers = self.demo(1)
        otto = self.otto(settings([{"url": servers[0].url, "name": "shop"},
                                   {"url": "http://127.0.0.1:1", "name": "nobody-home"}]))
        otto.wait_for_log("nobody-home")
        otto.wait_healthy(1)
        self.assertEqual(set(self.picks(otto, 3)), {"server-1"})


if __name__ == "__main__":
    main()
