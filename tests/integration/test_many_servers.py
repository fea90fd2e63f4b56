"""Ten thousand servers: what a reload costs then, and that traffic does not notice."""

from harness import SLOWNESS, TestCase, main, settings, tcp_listener
from servers import DemoServer

MANY = 10_000
RELOAD = 0.25 * SLOWNESS  # seconds of the control thread, which has nothing else to do meanwhile


class ManyServers(TestCase):
    def config(self, port, turn):
        """All of 127.0.0.0/8 leads to one server. In each turn weights change and a few servers."""
        servers = [{"url": f"http://127.{10 + turn if i < 100 else 1}.{i >> 8}.{i & 255}:{port}",
                    "weight": 1 + (i * 7919 + turn) % 1000} for i in range(MANY)]
        return settings(servers, healthCheck={"type": "off"})

    def control_time(self, otto):
        """Seconds that the control thread has run."""
        with open(f"/proc/{otto.pid}/task/{otto.pid}/schedstat", encoding="ascii") as file:
            return int(file.read().split()[0]) / 1e9

    def test_reload(self):
        with tcp_listener("0.0.0.0") as free:
            port = free.getsockname()[1]
        server = DemoServer("server-1", "--port", str(port), "--address", "0.0.0.0")
        self.addCleanup(server.kill)
        otto = self.otto(self.config(port, 0))
        otto.wait_status(MANY, MANY)
        load = self.load(otto, 4)
        load.wait_for(100)
        costs = []
        for turn in range(1, 6):
            before = self.control_time(otto)
            otto.reload(self.config(port, turn))
            costs.append(self.control_time(otto) - before)
            load.wait_for(100)
        self.assertEqual(load.finish().failures, [])
        self.assertLess(min(costs), RELOAD, costs)


if __name__ == "__main__":
    main()
