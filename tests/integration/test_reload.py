"""SIGHUP: a new configuration as a whole or not at all, and never a lost request."""
# labels: threads asan tsan

import signal
import threading
import time

from harness import LOG_NOT_APPLIED, Deadline, TestCase, main, settings
from threads import stopped


BAD = """{
  "servers": [
    "http://localhost:5001",
    17
  ]
}
"""


class Reload(TestCase):
    def started(self, servers, **more):
        otto = self.otto(settings(servers, **more))
        otto.wait_healthy(len(servers))
        return otto

    def test_switches_servers_under_load(self):
        servers = self.demo(4)
        otto = self.started(servers[:2])
        load = self.load(otto, 32)
        load.wait_for(300)
        otto.reload(settings(servers[2:], healthCheck={"startHealthy": True}))
        load.wait_for(300)
        load.finish()
        self.assertEqual(load.failures, [])
        gone = [server.count() for server in servers[:2]]
        self.assertEqual(self.load(otto, 32, 10).finish().failures, [])
        self.assertEqual([server.count() for server in servers[:2]], gone)
        for server in servers:
            self.assertGreater(server.count(), 50)

    def test_a_bad_file_keeps_what_holds(self):
        servers = self.demo(2)
        otto = self.started(servers[:1])
        log, notes = otto.hang_up(BAD)
        otto.wait_for_log(r"config\.json:4:5: /servers/1", log)
        otto.wait_for_log(LOG_NOT_APPLIED, log)
        _, at = otto.wait_note(notes, RELOADING="^1$")
        otto.wait_note(at, READY="^1$")
        self.assertEqual(otto.fetch().server(), "server-1")

        otto.reload(settings(servers[1:]))
        otto.wait_healthy(2)
        self.assertEqual({otto.fetch().server() for _ in range(4)}, {"server-2"})

    def test_what_systemd_is_told(self):
        otto = self.started(self.demo(1))
        before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        reloading, ready = otto.reload(settings(self.demo(1)))
        after = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self.assertTrue(before <= int(reloading["MONOTONIC_USEC"]) <= after)
        self.assertEqual(ready["READY"], "1")

    def test_systemd_is_told_once_all_workers_know(self):
        servers = self.demo(2)
        otto = self.started(servers, workers=2)
        with stopped(otto.pid, "otto-worker-1"):
            log, notes = otto.hang_up(settings(servers[:1], workers=2))
            otto.wait_for_log("reloaded", log)
            servers[0].kill()
            _, later = otto.wait_note(notes, STATUS="^0/1 servers healthy")
            told = otto.notes.items(notes)[:later - notes]
            self.assertEqual([note for note in told if "READY" in note], [])
        otto.wait_note(later, READY="^1$")

    def test_keep_alive_connections_survive(self):
        servers = self.demo(2)
        otto = self.started(servers[:1])
        client = self.client(otto)
        self.assertEqual(client.request().server(), "server-1")
        otto.reload(settings(servers[1:]))
        otto.wait_healthy(2)
        load = self.load(otto, 4, 5).finish()  # by now each worker has the new one
        self.assertEqual(load.failures, [])
        self.assertEqual(client.request().server(), "server-2")

    def test_exchanges_of_a_removed_server_finish(self):
        arrived, release = threading.Event(), threading.Event()

        def script(connection, _):
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst")
            arrived.set()
            assert release.wait(Deadline().left())
            connection.send(b" last")
            connection.wait_closed()

        server, = self.demo(1)
        otto = self.started([self.scripted(script)])
        client = self.client(otto)
        client.send_request()
        self.assertTrue(arrived.wait(Deadline().left()))
        otto.reload(settings([server]))
        otto.wait_flip(server, "healthy")
        release.set()
        self.assertEqual(client.response().body, b"first last")
        self.assertEqual(client.request().server(), "server-1")

    def test_servers_that_stay_keep_their_health(self):
        servers = self.demo(2)
        otto = self.started(servers[:1])
        since = otto.log.mark()
        otto.reload(settings([*servers[:1], {"url": servers[1].url, "name": "second"}]))
        otto.wait_flip("second", "healthy", since)
        self.assertEqual(otto.log_lines(servers[0].url, since), [])

    def test_many_in_a_row_under_load(self):
        servers = self.demo(4)
        otto = self.started(servers)
        load = self.load(otto, 16)
        load.wait_for(100)
        for turn in range(50):
            otto.reload(settings(servers[turn % 2:turn % 2 + 3]))
        otto.reload(settings(servers))
        load.wait_for(100)
        load.finish()
        self.assertEqual(load.failures, [])

    def test_signals_in_a_burst(self):
        servers = self.demo(2)
        otto = self.started(servers[:1])
        for _ in range(30):
            otto.signal(signal.SIGHUP)
        otto.reload(settings(servers[1:]))
        otto.wait_healthy(2)
        self.assertEqual(otto.fetch().status, 200)


if __name__ == "__main__":
    main()
