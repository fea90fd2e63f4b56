"""Threads of a process, one by one."""

import contextlib
import ctypes
import os

from waiting import Deadline

PTRACE_DETACH, PTRACE_SEIZE, PTRACE_INTERRUPT = 17, 0x4206, 0x4207
WALL = 0x40000000


def _ptrace(request, thread):
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


def _waits_for_events(pid, thread):
    with open(f"/proc/{pid}/task/{thread}/wchan", encoding="ascii") as wchan:
        return "poll" in wchan.read()


@contextlib.contextmanager
def stopped(pid, name):
    """Stops one thread of a process, which no signal can do: while it waits for events, so that it
    holds no lock that others need."""
    thread = thread_named(pid, name)
    deadline = Deadline()
    while not _waits_for_events(pid, thread):
        assert deadline.left(), f"{name} never waits"
    _ptrace(PTRACE_SEIZE, thread)
    _ptrace(PTRACE_INTERRUPT, thread)
    os.waitpid(thread, WALL)
    try:
        yield
    finally:
        _ptrace(PTRACE_DETACH, thread)
