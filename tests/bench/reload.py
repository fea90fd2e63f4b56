#!/usr/bin/env python3
"""How long a reload of ten thousand servers keeps the control thread busy, with some load.

    OTTO=build/release/daemon/otto DEMO_SERVER=build/release/tests/demo_server tests/bench/reload.py

Prints the CPU time of each of five reloads, and exits with 1 when the least is over 0.25 s.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))

from harness import main  # noqa: E402
from test_many_servers import ManyServers  # noqa: E402

GOAL = 0.25  # seconds; the control thread has nothing else to do meanwhile


class Reload(ManyServers):
    def setUp(self):
        super().setUp()
        self.costs = []

    def around_reload(self, otto, reload):
        before = self._control_time(otto)
        reload()
        self.costs.append(self._control_time(otto) - before)

    @staticmethod
    def _control_time(otto):
        """Seconds that the control thread has run."""
        with open(f"/proc/{otto.pid}/task/{otto.pid}/schedstat", encoding="ascii") as file:
            return int(file.read().split()[0]) / 1e9

    def test_reload(self):
        super().test_reload()
        print("ms:", *(f"{1000 * cost:.0f}" for cost in self.costs))
        self.assertLess(min(self.costs), GOAL)


del ManyServers  # its own test is not to run

if __name__ == "__main__":
    main()
