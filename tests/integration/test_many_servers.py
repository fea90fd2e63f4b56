"""Ten thousand servers: traffic does not notice a reload. What one costs: tests/bench/reload.py."""

from harness import TestCase, main, settings, tcp_listener
from servers import DemoServer

MANY = 10_000


class ManyServers(TestCase):
    def config(self, port, turn):
        """All of 127.0.0.0/8 leads to one server. In each turn weights change and a few servers."""
        servers = [{"url": f"http://127.{10 + turn if i < 100 else 1}.{i >> 8}.{i & 255}:{port}",
                    "weight": 1 + (i * 7919 + turn) % 1000} for i in range(MANY)]
        return settings(servers, healthCheck={"type": "off"})

    def around_reload(self, _, reload):
        reload()

    def test_reload(self):
        with tcp_listener("0.0.0.0") as free:
            port = free.getsockname()[1]
        server = DemoServer("server-1", "--port", str(port), "--address", "0.0.0.0")
        self.addCleanup(server.kill)
        otto = self.otto(self.config(port, 0))
        otto.wait_status(MANY, MANY)
        load = self.load(otto, 4)
        load.wait_for(100)
        for turn in range(1, 6):
            self.around_reload(otto, lambda turn=turn: otto.reload(self.config(port, turn)))
            load.wait_for(100)
        self.assertEqual(load.finish().failures, [])


if __name__ == "__main__":
    main()
