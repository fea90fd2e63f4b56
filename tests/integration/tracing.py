"""The system calls of one of Otto's threads, as strace(1) sees them."""

import os
import re
import signal
import subprocess
import sys
import threading
import unittest

from waiting import Collector, Deadline

SKIPPED = 77  # the exit status


def sanitized():
    with open(os.environ["OTTO"], "rb") as binary:
        content = binary.read()
    return b"__asan_init" in content or b"__tsan_init" in content or b"__ubsan_handle" in content


class Traced:
    """The system calls of one thread within a `with`, by strace(1)."""

    class Forbidden(Exception):
        pass

    def __init__(self, thread, file):
        self.calls = []  # (when, text)
        self._file = file
        self._said = Collector("strace", lambda: "\n".join(self._said.items()))
        self._process = subprocess.Popen(
            ["strace", "-ttt", "-p", str(thread), "-s", "0", "-e", "signal=none", "-o", file],
            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self._process.stderr:
            self._said.add(line.rstrip("\n"))
        self._said.end(f"it ended with {self._process.wait()}")
        self._process.stderr.close()

    def __enter__(self):
        line, _ = self._said.wait(
            lambda line: re.search(r"attached|not permitted", line), "`attached`")
        if "not permitted" in line:
            self._end()
            raise Traced.Forbidden(line)
        return self

    def __exit__(self, *_):
        self._end()
        with open(self._file, encoding="utf-8", errors="replace") as file:
            for line in file:
                when, text = line.rstrip("\n").split(" ", 1)
                self.calls.append((float(when), text))

    def _end(self):
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(Deadline().left())
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise
        self._reader.join(Deadline().left())


def kind_of(call):
    """The limit that a system call falls under; its own name when there is none."""
    name = call.split("(")[0]
    if name in ("read", "readv", "recvfrom", "recvmsg"):
        return "receive"
    if name in ("write", "writev", "sendto", "sendmsg"):
        return "send"
    if name == "ioctl" and "FIONREAD" in call:
        return "FIONREAD"
    if name in ("epoll_wait", "epoll_pwait", "epoll_pwait2"):
        return "wait"
    return name


def main_without_sanitizer():
    """Runs a script's tests; a script that counts is skipped where a sanitizer counts along."""
    if sanitized():
        print("skipped: a sanitizer allocates and calls for itself")
        sys.exit(SKIPPED)
    result = unittest.main(exit=False).result
    for test, reason in result.skipped:
        print(f"skipped: {test.id()}: {reason}")
    sys.exit(1 if not result.wasSuccessful() else SKIPPED if result.skipped else 0)
