"""The watchdog beats while every worker answers, and stops when one does not."""
# labels: threads

import contextlib
import ctypes
import os

from harness import SLOWNESS, TestCase, main, settings

PTRACE_DETACH, PTRACE_SEIZE, PTRACE_INTERRUPT = 17, 0x4206, 0x4207
WALL = 0x40000000


def ptrace(request, thread):
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    libc.ptrace.restype = ctypes.c_long
    if libc.ptrace(request, thread, None, None) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"ptrace: {os.strerror(number)}")


def thread_named(pid, name):
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/comm", encoding="utf-8") as comm:
            if comm.read().strip() == name:
                return int(thread)
    raise AssertionError(f"no thread {name}")


@contextlib.contextmanager
def stopped(thread):
    """Stops one thread of a process, which no signal can do."""
    ptrace(PTRACE_SEIZE, thread)
    ptrace(PTRACE_INTERRUPT, thread)
    os.waitpid(thread, WALL)
    try:
        yield
    finally:
        ptrace(PTRACE_DETACH, thread)


class Watchdog(TestCase):
    def started(self):
        otto = self.otto(settings(self.demo(1), workers=2), watchdog=0.8 * SLOWNESS)
        otto.wait_healthy(1)
        return otto

    def test_beats(self):
        otto = self.started()
        at = 0
        for _ in range(5):
            at = otto.wait_note(at, WATCHDOG="^1$")[1] + 1

    def test_a_stuck_worker_stops_the_beats(self):
        otto = self.started()
        otto.wait_note(WATCHDOG="^1$")
        for worker in (0, 1):
            since = otto.log.mark()
            with stopped(thread_named(otto.pid, f"otto-worker-{worker}")):
                marked = otto.notes.mark()
                otto.wait_for_log(rf"worker {worker} has not answered", since)
                # One beat may be owed for an answer from before the stop; more must not come.
                late = [note for note in otto.notes.items(marked) if "WATCHDOG" in note]
                self.assertLessEqual(len(late), 1)
            otto.wait_note(otto.notes.mark(), WATCHDOG="^1$")
        self.assertEqual(otto.fetch().status, 200)

    def test_no_watchdog_without_systemds_wish(self):
        otto = self.otto(settings(self.demo(1)))
        otto.wait_healthy(1)
        otto.wait_status(1, 1)
        self.assertEqual([note for note in otto.notes.items() if "WATCHDOG" in note], [])


if __name__ == "__main__":
    main()
