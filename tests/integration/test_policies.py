"""What the policies of `balance` make of real servers; tests/unit/policies_test.cc has their properties."""
# labels: threads

import collections
import select

from harness import PATIENCE, RARELY, TestCase, main, settings
from test_queue import Gate

QUICK, SLOW = 10, 100  # milliseconds of work on a request, one at a time
CLIENTS = 12


class OneIsSlow(TestCase):
    """Five servers, of which one takes ten times as long, under a closed-loop load."""

    def measured(self, policy, requests):
        """The slow server's share."""
        servers = self.demo(5)
        urls = [f"{server.url}/work/{SLOW if server is servers[-1] else QUICK}"
                for server in servers]
        otto = self.otto(settings(urls, balance=policy, healthCheck=RARELY))
        otto.wait_healthy(5)
        load = self.load(otto, CLIENTS, requests // CLIENTS).finish()
        self.assertEqual(load.failures, [])
        done = load.statuses.total()
        share = load.servers[servers[-1].name] / done
        print(f"{policy}: {share:.1%} to the slow server")
        return share

    def test_fastest(self):
        self.assertLessEqual(self.measured("fastest", 1200), 0.1)

    def test_least_connections(self):
        self.assertLessEqual(self.measured("least-connections", 1200), 0.1)

    def test_two_choices(self):
        self.assertLessEqual(self.measured("two-choices", 1200), 0.1)


class Equals(TestCase):
    def test_least_connections_is_fair(self):
        servers = self.demo(3)
        weights = [2, 1, 1]
        otto = self.otto(settings([{"url": server.url, "weight": weight}
                                   for server, weight in zip(servers, weights)],
                                  balance="least-connections", healthCheck=RARELY, workers=1))
        otto.wait_healthy(3)
        counts = collections.Counter(otto.fetch().server() for _ in range(400))
        for server, weight in zip(servers, weights):
            self.assertAlmostEqual(counts[server.name], 100 * weight, delta=20)

    def test_a_request_that_is_held_counts_as_load(self):
        gate = Gate()
        holding = self.scripted(gate)
        # One worker: another could take a request before the first has noted that it gave its reply.
        otto = self.otto(settings([holding, *self.demo(1)], balance="least-connections", workers=1))
        otto.wait_healthy(2)
        self.addCleanup(gate.let_go, 10)
        clients = [self.client(otto) for _ in range(2)]
        for client in clients:
            client.send_request()
        gate.wait_arrived(1)
        done = select.select([client.sock for client in clients], [], [], PATIENCE)[0]
        self.assertTrue(done, "the other server's reply: it has no request any more")
        self.assertEqual({otto.fetch().server() for _ in range(10)}, {"server-1"})
        gate.let_go()
        for client in clients:
            self.assertEqual(client.response().status, 200)


class IpHash(TestCase):
    CLIENTS = [f"198.51.{number // 250}.{number % 250}" for number in range(500)]

    def started(self, servers, **more):
        otto = self.otto(settings(servers, balance="ip-hash", healthCheck=RARELY,
                                  trustedProxies=["127.0.0.1"], **more))
        otto.wait_healthy(len(servers))
        return otto

    def homes(self, otto, clients=None):
        """{client: its server}, asked over one connection."""
        found = {}
        with self.client(otto) as connection:
            for client in clients or self.CLIENTS:
                found[client] = connection.request(
                    headers=[("X-Forwarded-For", client)]).server()
        return found

    def test_each_client_has_its_server(self):
        servers = self.demo(5)
        otto = self.started(servers)
        homes = self.homes(otto)
        self.assertEqual(self.homes(otto), homes, "at any time")
        self.assertEqual(self.homes(self.started(servers[::-1])), homes, "by any Otto")
        counts = collections.Counter(homes.values())
        for server in servers:
            self.assertAlmostEqual(counts[server.name], 100, delta=40)

    def test_only_those_move_who_have_to(self):
        servers = self.demo(5)
        otto = self.started(servers)
        before = self.homes(otto)
        servers[2].kill()
        after = self.homes(otto)
        stayed = {client for client in before if before[client] != servers[2].name}
        self.assertEqual({client for client in before if before[client] == after[client]}, stayed)
        self.assertGreaterEqual(len(set(after.values())), 4, "the others share them")

    def test_an_ipv6_client_is_its_network(self):
        otto = self.started(self.demo(5))
        homes = self.homes(otto, [f"2001:db8:1:2:{number:x}::1" for number in range(20)])
        self.assertEqual(len(set(homes.values())), 1)
        homes = self.homes(otto, [f"2001:db8:1:{number:x}::1" for number in range(100)])
        self.assertEqual(len(set(homes.values())), 5)

    def test_what_a_stranger_says_is_not_believed(self):
        servers = self.demo(5)
        otto = self.started(servers)
        config = settings(servers, balance="ip-hash", healthCheck=RARELY)
        otto.reload(config)
        self.assertEqual(len(set(self.homes(otto).values())), 1)
        # Nor does what stands left of an address that is not trusted count.
        config["trustedProxies"] = ["127.0.0.1"]
        otto.reload(config)
        lists = [f"203.0.113.{number}, 198.51.100.1" for number in range(100)]
        self.assertEqual(len(set(self.homes(otto, lists).values())), 1)


class First(TestCase):
    def test_fills_in_order(self):
        gates = [Gate(), Gate(), Gate()]
        servers = [self.scripted(gate) for gate in gates]
        otto = self.otto(settings([{"url": server.url, "maxConnections": 2} for server in servers],
                                  balance="first", workers=2))
        otto.wait_healthy(3)
        for gate in gates:
            self.addCleanup(gate.let_go, 10)
        clients = [self.client(otto) for _ in range(6)]
        for number, client in enumerate(clients):
            client.send_request()
            gates[number // 2].wait_arrived(number % 2 + 1)
        gates[0].let_go()
        answered, _, _ = select.select([client.sock for client in clients[:2]], [], [], PATIENCE)
        served = next(client for client in clients if client.sock is answered[0])
        self.assertEqual(served.response().status, 200)
        served.send_request()
        gates[0].wait_arrived(3)
        for gate in gates:
            gate.let_go(2)
        for client in clients:
            self.assertEqual(client.response().status, 200)

    def test_the_first_takes_all_without_limits(self):
        servers = self.demo(3)
        otto = self.otto(settings(servers, balance="first"))
        otto.wait_healthy(3)
        self.assertEqual([otto.fetch().server() for _ in range(6)], ["server-1"] * 6)
        servers[0].kill()
        self.assertEqual([otto.fetch().server() for _ in range(6)], ["server-2"] * 6)


if __name__ == "__main__":
    main()
