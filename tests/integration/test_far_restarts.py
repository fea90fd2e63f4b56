"""Restarts while kept connections are in use over 20 ms of round trip: no request is lost."""

import os
import signal

import far_network
from harness import Load, TestCase, main, settings, tcp_listener

RESTARTS = int(os.environ.get("OTTO_RESTARTS", "10"))
CONNECTIONS = 50
LONGEST_PAUSE = .45  # seconds between the requests of a connection


class FarRestarts(TestCase):
    def test_no_request_is_lost(self):
        network = far_network.FarNetwork(.010)
        self.addCleanup(network.close)
        listener = tcp_listener(network.HERE)  # which systemd would hold
        self.addCleanup(listener.close)
        config = settings(self.demo(2))
        otto = self.otto(config, sockets=[listener.dup()])
        otto.wait_healthy(2)
        load = Load((network.THERE, listener.getsockname()[1]), CONNECTIONS,
                    longest_pause=LONGEST_PAUSE)
        self.addCleanup(load.finish)
        load.wait_for(2 * CONNECTIONS)
        for _ in range(RESTARTS):
            otto.signal(signal.SIGTERM)
            self.assertEqual(otto.wait_exit(), 0)
            otto = self.otto(config, sockets=[listener.dup()])
            load.wait_for(5 * CONNECTIONS)
        load.finish()
        if load.failures:
            self.fail(f"{len(load.failures)} requests were lost, {load.statuses.total()} were not: "
                      f"{load.failures[:5]}")


if __name__ == "__main__":
    far_network.enter()
    main()
