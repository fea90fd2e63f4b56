"""Waiting for events: every wait has a deadline, and none sleeps."""

import os
import threading
import time


def _slowness():
    """How much longer things may take, for sanitizers' sake. OTTO_TEST_SLOWNESS overrides."""
    given = os.environ.get("OTTO_TEST_SLOWNESS")
    if given:
        return float(given)
    try:
        with open(os.environ["OTTO"], "rb") as binary:
            content = binary.read()
    except (KeyError, OSError):
        return 1.0
    return 5.0 if b"__asan_init" in content or b"__tsan_init" in content else 1.0


SLOWNESS = _slowness()
PATIENCE = 20 * SLOWNESS  # seconds
PAUSE = SLOWNESS  # seconds: longer than a process of a test is without a CPU, on a busy machine
PAUSE_MS = f"{int(PAUSE * 1000)}ms"


class Deadline:
    """A point in time that a series of waits shares."""

    def __init__(self, seconds=None):
        self._end = time.monotonic() + (PATIENCE if seconds is None else seconds)

    def left(self):
        """Seconds, at least 0."""
        return max(0.0, self._end - time.monotonic())

    def timeout(self):
        """The same for sockets, which take 0 for `do not block`."""
        return max(0.001, self.left())


class Collector:
    """A growing list that one thread feeds and others wait on."""

    def __init__(self, name, context=lambda: ""):
        self._name = name
        self._context = context  # what a failure shows besides
        self._items = []
        self._ended = ""
        self._changed = threading.Condition()

    def add(self, item):
        with self._changed:
            self._items.append(item)
            self._changed.notify_all()

    def end(self, why):
        """Nothing will come any more: whoever waits fails at once."""
        with self._changed:
            self._ended = why
            self._changed.notify_all()

    def items(self, since=0):
        with self._changed:
            return self._items[since:]

    def mark(self):
        """Where the list ends now, for `since`."""
        with self._changed:
            return len(self._items)

    def wait(self, predicate, what, since=0, seconds=None):
        """The first item that the predicate holds for, and its index."""
        deadline = Deadline(seconds)
        at = since
        with self._changed:
            while True:
                for at in range(at, len(self._items)):
                    if predicate(self._items[at]):
                        return self._items[at], at
                at = max(since, len(self._items))
                if self._ended or deadline.left() == 0:
                    break
                self._changed.wait(deadline.left())
            ended = self._ended
        raise AssertionError(f"{self._name}: no {what}"
                             f" ({ended or 'waited long enough'})\n{self._context()}")
