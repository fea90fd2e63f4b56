"""Servers at their maxConnections, and the requests that wait for a place."""
# labels: threads asan tsan

import signal
import threading

import websocket
from harness import Deadline, TestCase, crc32, main, settings
from waiting import SLOWNESS, Collector

FOREVER = {"timeout": "1m"}
DEBUG = {"OTTO_DEBUG": "1"}
COUNTS = (r"worker {}: .*, (\d+) queued, (\d+) queue timeouts, (\d+) queue overflows")


class Gate:
    """The script of a server that answers each request with its target, once it is let go."""

    def __init__(self):
        self.arrived = Collector("requests at the server")  # their targets
        self.most = 0  # at once
        self._inside = 0
        self._lock = threading.Lock()
        self._places = threading.Semaphore(0)

    def __call__(self, connection, _):
        while True:
            body = connection.body()
            with self._lock:
                self._inside += 1
                self.most = max(self.most, self._inside)
            self.arrived.add(connection.target)
            self._places.acquire(timeout=Deadline().left())  # pylint: disable=consider-using-with
            with self._lock:
                self._inside -= 1
            connection.reply(crc32(body).encode() if body else connection.target.encode())
            if not connection.next_request():
                return

    def let_go(self, count=1):
        self._places.release(count)

    def wait_arrived(self, count):
        """Until so many requests have come; their targets."""
        self.arrived.wait(lambda _: len(self.arrived.items()) >= count, f"{count} requests")
        return self.arrived.items()


class Queue(TestCase):
    def gated(self, most=1, **more):
        """Otto over one server that lets nobody go by itself."""
        gate = Gate()
        self.server = self.scripted(gate)
        self.config = settings([{"url": self.server.url, "maxConnections": most}],
                               **{"workers": 1, "queue": FOREVER, **more})
        self.workers = self.config["workers"]
        otto = self.otto(self.config, environment=DEBUG)
        otto.wait_healthy(1)
        self.addCleanup(gate.let_go, 1000)
        return otto, gate

    def counts(self, otto):
        """(queued, queue timeouts, queue overflows) of all workers."""
        since = otto.log.mark()
        otto.signal(signal.SIGUSR1)
        found = [otto.wait_for_log(COUNTS.format(worker), since) for worker in range(self.workers)]
        return tuple(sum(int(match[place]) for match in found) for place in (1, 2, 3))

    def wait_queued(self, otto, count):
        deadline = Deadline()
        while (found := self.counts(otto)[0]) != count:
            self.assertTrue(deadline.left(), f"{found} wait, not {count}\n{otto.tail()}")

    def ask(self, otto, target, queued=None, **request):
        """A client that has sent a request; with `queued`, until so many wait."""
        client = self.client(otto)
        client.send_request(target, **request)
        if queued is not None:
            self.wait_queued(otto, queued)
        return client

    def full(self, most=1, **more):
        """Otto, the gate, and the clients that occupy all places."""
        otto, gate = self.gated(most, **more)
        clients = []
        for number in range(most):
            clients.append(self.ask(otto, f"/in/{number}"))
            gate.wait_arrived(number + 1)
        return otto, gate, clients

    # ---- waiting -------------------------------------------------------------------------------

    def test_first_come_first_served(self):
        otto, gate, clients = self.full()
        clients += [self.ask(otto, f"/{number}", queued=number) for number in range(1, 5)]
        for number, client in enumerate(clients):
            gate.let_go()
            self.assertEqual(client.response().status, 200)
            gate.wait_arrived(min(number + 2, len(clients)))
        self.assertEqual(gate.arrived.items(), ["/in/0", "/1", "/2", "/3", "/4"])
        self.assertEqual(gate.most, 1)
        self.assertEqual(self.counts(otto), (0, 0, 0))

    def test_each_worker_in_its_turn(self):
        otto, gate, clients = self.full(workers=2)
        clients += [self.ask(otto, f"/{number}", queued=number) for number in range(1, 9)]
        for number, client in enumerate(clients):
            gate.let_go()
            self.assertEqual(client.response().body.decode(), gate.arrived.items()[number])
        self.assertEqual(gate.arrived.items(), ["/in/0", *(f"/{number}" for number in range(1, 9))])
        self.assertEqual(gate.most, 1)

    def test_who_comes_does_not_overtake(self):
        otto, gate, clients = self.full()
        first = self.ask(otto, "/first", queued=1)
        # On the connection that is served now, the next request is there before the place is free.
        clients[0].send_request("/next")
        gate.let_go()
        self.assertEqual(clients[0].response().body, b"/in/0")
        gate.let_go(2)
        self.assertEqual(first.response().body, b"/first")
        self.assertEqual(clients[0].response().body, b"/next")
        self.assertEqual(gate.arrived.items(), ["/in/0", "/first", "/next"])

    def test_the_limit_holds_under_load(self):
        def check_load(most, workers):
            inside = []
            peak = []
            lock = threading.Lock()

            def script(connection, _):
                while True:
                    with lock:
                        inside.append(1)
                        peak.append(len(inside))
                    connection.body()
                    with lock:
                        inside.pop()
                    connection.reply(b"hello")
                    if not connection.next_request():
                        return

            server = self.scripted(script)
            otto = self.otto(settings([{"url": server.url, "maxConnections": most}],
                                      workers=workers, queue=FOREVER))
            otto.wait_healthy(1)
            load = self.load(otto, 16, 50).finish()
            self.assertEqual(load.failures, [])
            self.assertEqual(load.statuses, {200: 800})
            self.assertLessEqual(max(peak), most)

        for most, workers in ((1, 1), (1, 2), (3, 2)):
            with self.subTest(most=most, workers=workers):
                check_load(most, workers)

    def test_others_take_what_one_cannot(self):
        gates = [Gate(), Gate()]
        servers = [self.scripted(gate) for gate in gates]
        otto = self.otto(settings([{"url": server.url, "maxConnections": 2} for server in servers]))
        otto.wait_healthy(2)
        clients = [self.ask(otto, "/") for _ in range(4)]
        for gate in gates:
            gate.wait_arrived(2)
        for gate in gates:
            gate.let_go(2)
        for client in clients:
            self.assertEqual(client.response().status, 200)

    def test_a_server_without_limit_takes_the_rest(self):
        gate = Gate()
        limited = self.scripted(gate)
        otto = self.otto(settings([{"url": limited.url, "maxConnections": 1}, *self.demo(1)]))
        otto.wait_healthy(2)
        self.addCleanup(gate.let_go, 10)
        first = self.ask(otto, "/")
        second = self.ask(otto, "/")
        gate.wait_arrived(1)
        for _ in range(4):
            self.assertEqual(otto.fetch().server(), "server-1")
        gate.let_go()
        for client in (first, second):
            self.assertEqual(client.response().status, 200)

    def test_a_tunnel_keeps_its_place(self):
        server = self.scripted(lambda connection, number: (
            websocket.echo if connection.get("Upgrade") else answer)(connection, number))

        def answer(connection, _):
            connection.reply(b"hello")

        self.workers = 1
        otto = self.otto(settings([{"url": server.url, "maxConnections": 1}], workers=1,
                                  queue=FOREVER), environment=DEBUG)
        otto.wait_healthy(1)
        tunnel = self.client(otto)
        tunnel.send_request("/", headers=websocket.FIELDS)
        self.assertEqual(tunnel.head().status, 101)
        waiting = self.ask(otto, "/", queued=1)
        tunnel.send(websocket.frame(b"still here", mask=b"\1\2\3\4"))
        self.assertEqual(websocket.read_frame(tunnel.read_exactly)[1], b"still here")
        tunnel.close()
        self.assertEqual(waiting.response().body, b"hello")

    def test_a_large_body_waits_at_the_client(self):
        otto, gate, clients = self.full()
        body = b"x" * (8 << 20)
        before = otto.memory()
        waiting = self.client(otto)
        sender = threading.Thread(target=waiting.send_request, args=("/upload", "POST", (), body))
        sender.start()
        self.addCleanup(sender.join)
        self.wait_queued(otto, 1)
        self.counts(otto)
        self.assertLess(otto.memory() - before, 2 << 20)
        gate.let_go(2)
        self.assertEqual(clients[0].response().status, 200)
        self.assertEqual(waiting.response().body.decode(), crc32(body))

    # ---- in vain -------------------------------------------------------------------------------

    def assert_refused(self, response):
        self.assertEqual(response.status, 503)
        self.assertRegex(response.get("Retry-After"), r"^[1-9]\d*$")

    def test_the_queue_has_a_length(self):
        otto, gate, clients = self.full(workers=2, queue={"length": 2, **FOREVER})
        clients += [self.ask(otto, f"/{number}", queued=number) for number in (1, 2)]
        for _ in range(3):
            self.assert_refused(otto.fetch())
        self.assertEqual(self.counts(otto), (2, 0, 3))
        gate.let_go(3)
        for client in clients:
            self.assertEqual(client.response().status, 200)
        self.assertEqual(len(gate.arrived.items()), 3)

    def test_no_queue_at_all(self):
        otto, gate, clients = self.full(queue={"length": 0})
        self.assert_refused(otto.fetch())
        gate.let_go(2)
        self.assertEqual(clients[0].response().status, 200)
        self.assertEqual(otto.fetch().status, 200)

    def test_nobody_waits_for_ever(self):
        wait = int(300 * SLOWNESS)
        otto, gate, clients = self.full(queue={"timeout": f"{wait}ms"})
        waiting = self.client(otto)
        self.assert_refused(waiting.request())
        self.assertEqual(self.counts(otto), (0, 1, 0))
        gate.let_go(2)
        self.assertEqual(clients[0].response().status, 200)
        self.assertEqual(waiting.request("/again").body, b"/again", "the connection goes on")

    def test_clients_that_go_away_leave_the_queue(self):
        otto, gate, clients = self.full()
        gone = [self.ask(otto, f"/gone/{number}", queued=number) for number in (1, 2)]
        last = self.ask(otto, "/last", queued=3)
        gone[0].close()
        gone[1].reset()
        self.wait_queued(otto, 1)
        gate.let_go(2)
        self.assertEqual(clients[0].response().status, 200)
        self.assertEqual(last.response().body, b"/last")
        self.assertEqual(gate.arrived.items(), ["/in/0", "/last"])

    def test_a_client_that_goes_away_gives_its_place_back(self):
        otto, gate, clients = self.full()
        waiting = self.ask(otto, "/waiting", queued=1)
        clients[0].close()
        gate.wait_arrived(2)
        gate.let_go(2)
        self.assertEqual(waiting.response().body, b"/waiting")

    # ---- changes -------------------------------------------------------------------------------

    def test_a_reload_raises_the_limit(self):
        otto, gate, clients = self.full(workers=2)
        clients += [self.ask(otto, f"/{number}", queued=number) for number in (1, 2, 3)]
        self.config["servers"][0]["maxConnections"] = 3
        otto.reload(self.config)
        gate.wait_arrived(3)
        self.wait_queued(otto, 1)
        gate.let_go(4)
        for client in clients:
            self.assertEqual(client.response().status, 200)
        self.assertEqual(gate.most, 3)

    def test_a_reload_lifts_the_limit(self):
        otto, gate, clients = self.full(workers=2)
        clients += [self.ask(otto, f"/{number}", queued=number) for number in (1, 2, 3)]
        otto.reload(settings([self.server], queue=FOREVER))
        gate.wait_arrived(4)
        gate.let_go(4)
        for client in clients:
            self.assertEqual(client.response().status, 200)
        self.assertEqual(self.counts(otto)[0], 0)

    def test_another_server_comes(self):
        otto, gate, clients = self.full()
        waiting = self.ask(otto, "/", queued=1)
        other = self.demo(1)[0]
        self.config["servers"].append(other.url)
        otto.reload(self.config)
        self.assertEqual(waiting.response().server(), "server-1")
        gate.let_go()
        self.assertEqual(clients[0].response().status, 200)

    def test_a_retry_waits_for_the_other_server(self):
        gate = Gate()
        limited = self.scripted(gate)
        failing = self.scripted(lambda connection, _: connection.reset())
        self.workers = 1
        otto = self.otto(settings([{"url": limited.url, "maxConnections": 1}, failing], workers=1,
                                  queue=FOREVER, ejection={"consecutiveErrors": 0}),
                         environment=DEBUG)
        otto.wait_healthy(2)
        self.addCleanup(gate.let_go, 10)
        clients = [self.ask(otto, "/1")]
        gate.wait_arrived(1)
        clients.append(self.ask(otto, "/2", queued=1))
        gate.let_go(2)
        for client in clients:
            self.assertEqual(client.response().status, 200)
        self.assertEqual(gate.arrived.items(), ["/1", "/2"])

    def test_a_drain_serves_who_waits(self):
        otto, gate, clients = self.full(workers=2, timeouts={"drain": "2m"})
        clients += [self.ask(otto, f"/{number}", queued=number) for number in (1, 2, 3)]
        otto.signal(signal.SIGTERM)
        otto.wait_note(STOPPING="^1$")
        for client in clients:
            gate.let_go()
            self.assertEqual(client.response().status, 200)
        self.assertEqual(gate.arrived.items(), ["/in/0", "/1", "/2", "/3"])
        self.assertEqual(otto.wait_exit(), 0)

    def test_a_drain_ends_in_time(self):
        otto, _, clients = self.full(timeouts={"drain": "100ms"})
        clients.append(self.ask(otto, "/", queued=1))
        otto.signal(signal.SIGTERM)
        for client in clients:
            client.wait_closed()
        self.assertEqual(otto.wait_exit(), 0)


if __name__ == "__main__":
    main()
