#!/usr/bin/python3
"""A hung process, and a single hung worker, end in a restart by the watchdog."""

import ctypes
import os
import pathlib
import signal

from booted import Journal, demo_servers, expect, get, main_pid, override, passed, run, show

PTRACE_SEIZE, PTRACE_INTERRUPT, WALL = 0x4206, 0x4207, 0x40000000

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = (ctypes.c_long, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
libc.ptrace.restype = ctypes.c_long


def ptrace(request, thread):
    if libc.ptrace(request, thread, None, None) != 0:
        raise OSError(ctypes.get_errno(), "ptrace")


def stop_worker(pid):
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        if (task / "comm").read_text().strip() == "otto-worker-1":
            thread = int(task.name)
            ptrace(PTRACE_SEIZE, thread)
            ptrace(PTRACE_INTERRUPT, thread)
            os.waitpid(thread, WALL)
            return thread
    raise RuntimeError("no thread otto-worker-1")


def restarted(journal, pid):
    journal.wait("started", _SYSTEMD_UNIT="otto.service")
    expect(main_pid() not in (0, pid), "the process is the same")
    expect(get().status == 200, "no answer after the restart")


# Sooner than in the packaged unit, so that the test is not long.
override("otto.service", "[Service]", "WatchdogSec=6s", "TimeoutAbortSec=2s", "LimitCORE=0")
pathlib.Path("/etc/otto/config.json").write_text(
    pathlib.Path("/etc/otto/config.json").read_text().replace("{", '{ "workers": 2,', 1))
servers = demo_servers()
expect(get().status == 200, "no answer")
pid = main_pid()

with Journal() as journal:
    os.kill(pid, signal.SIGSTOP)
    journal.wait(text="Watchdog timeout", UNIT="otto.service")
    restarted(journal, pid)
expect(show("otto.service", "NRestarts") == "1", "not one restart")
passed("a stopped process is restarted")

pid = main_pid()
with Journal() as journal:
    thread = stop_worker(pid)
    journal.wait("worker_stuck", _PID=pid)
    journal.wait(text="Watchdog timeout", UNIT="otto.service")
    # A thread that is traced is not gone until its tracer has seen it go.
    os.waitpid(thread, WALL)
    restarted(journal, pid)
expect(show("otto.service", "NRestarts") == "2", "not two restarts")
expect(show("otto.socket", "ActiveState") == "active", "the socket is gone")
passed("one stuck worker has the service restarted")

run("systemctl", "stop", "otto.service")
expect(show("otto.service", "Result") == "success", "stopping failed")
passed("it stops cleanly")
