"""Runs the real otto with sockets, a NOTIFY_SOCKET and servers, and waits for what it reports.

    class SomethingTest(TestCase):
        def test_it(self):
            otto = self.otto(settings(self.demo(5)))
            otto.wait_healthy(5)
            self.assertEqual(otto.fetch("/").status, 200)
"""

import fcntl
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import unittest
from collections import Counter

from clients import BadReply, CutOff, Load, RawClient, crc32, fetch, pattern  # noqa: F401
from servers import DemoServer, ScriptedServer, answer_all  # noqa: F401
from waiting import PATIENCE, PAUSE, PAUSE_MS, SLOWNESS, Collector, Deadline  # noqa: F401

SPARE_PIPES = 4  # that a worker keeps, as proxy/pipe.cc says
RARELY = {"interval": "1h", "downInterval": "1h", "timeout": f"{int(PATIENCE)}s"}  # health checks at the start only

# How the log says what tests wait for: here, so that it is in one place.
LOG_LISTENING = r"listening on (\S+)"
LOG_FLIP = r"server (.+) is (healthy|unhealthy): (.*)"
LOG_ACCEPT_PAUSED = r"no new connections are accepted"
LOG_ACCEPT_RESUMED = r"new connections are accepted again"
LOG_NOT_APPLIED = r"is not applied"

SANITIZER_REPORT = re.compile(
    r"ERROR: (Address|Leak)Sanitizer|WARNING: ThreadSanitizer|runtime error:")

# The text of a record, and what shows that it was put together without care: a space at its end, "1
# servers", a reason that is given twice.
LOG_TEXT = re.compile(r"\S+T\S+ (?:debug|info|notice|warning|error|critical): (.*?)(?: OTTO_|$)")
CARELESS = re.compile(r" $|\b1 (?:servers|requests|connections|records|changes|attempts|checks)\b|"
                      r"\b(\w[\w ]{4,}) \(\1\)", re.IGNORECASE)


def is_careless(line):
    record = LOG_TEXT.match(line)
    return record is not None and CARELESS.search(record[1]) is not None


def settings(servers, **more):
    """A configuration for servers (or URLs, or objects), with intervals that suit tests."""
    entries = [server if isinstance(server, (str, dict)) else server.url for server in servers]
    config = {"servers": entries, "workers": 2, "slowStart": "0s",
              "healthCheck": {"interval": "200ms", "timeout": f"{int(5 * SLOWNESS)}s"},
              "timeouts": {"drain": "3s"}}
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(config.get(key), dict):
            config[key] = {**config[key], **value}
        else:
            config[key] = value
    return config


def run_otto(*arguments, environment=None):
    """A run that ends by itself: (exit status, stdout, stderr)."""
    env = {key: value for key, value in os.environ.items()
           if key not in ("JOURNAL_STREAM", "LISTEN_FDS", "LISTEN_PID", "NOTIFY_SOCKET")}
    done = subprocess.run([os.environ["OTTO"], *arguments], stdin=subprocess.DEVNULL, text=True,
                          capture_output=True, timeout=PATIENCE, check=False,
                          env={**env, **(environment or {})})
    if SANITIZER_REPORT.search(done.stderr):
        raise AssertionError(done.stderr)
    return done.returncode, done.stdout, done.stderr


def tcp_listener(host="127.0.0.1"):
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, 0))
    listener.listen(4096)
    return listener


def unix_listener(path):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(4096)
    return listener


def address_of(listener):
    name = listener.getsockname()
    return name if isinstance(name, str) else name[:2]


class Otto:
    """A running otto. `config` is a dict, or the file's text. `sockets` are listening sockets to
    pass (one on 127.0.0.1 unless told otherwise), named by `names`; given [], it binds `port`
    itself. `state` is its state directory, `watchdog` an interval in seconds, `nofile` its limit of
    files."""

    stdout = subprocess.DEVNULL  # for subclasses to change

    def __init__(self, config, sockets=None, names=None, state=None, watchdog=None,
                 environment=None, nofile=None):
        self.folder = tempfile.mkdtemp(prefix="otto-test-")
        self.config_file = os.path.join(self.folder, "config.json")
        self.write(config)
        self.sockets = [tcp_listener()] if sockets is None else sockets
        self.log = Collector("the log", self.tail)
        self.notes = Collector("the notifications", self.tail)
        self._finished = False
        self._notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._notify.bind(os.path.join(self.folder, "notify"))
        self._process = self._spawn(self._environment(names, state, watchdog, environment), nofile)
        self.pid = self._process.pid
        self._threads = [threading.Thread(target=work, daemon=True)
                         for work in (self._read_log, self._read_notes)]
        for thread in self._threads:
            thread.start()

    def _environment(self, names, state, watchdog, extra):
        env = {key: os.environ[key] for key in os.environ
               if key in ("PATH", "HOME", "LANG") or key.endswith("SAN_OPTIONS")}
        suppressions = os.path.join(os.path.dirname(os.path.abspath(__file__)), "tsan.supp")
        env.setdefault("TSAN_OPTIONS", f"suppressions={suppressions}")
        env["NOTIFY_SOCKET"] = os.path.join(self.folder, "notify")
        if self.sockets:
            env["LISTEN_FDS"] = str(len(self.sockets))
            if names:
                env["LISTEN_FDNAMES"] = ":".join(names)
        if state:
            env["STATE_DIRECTORY"] = state
        if watchdog:
            env["WATCHDOG_USEC"] = str(int(watchdog * 1e6))
        return {**env, **(extra or {})}

    def command(self):
        return [os.environ["OTTO"], "--config", self.config_file]

    def _spawn(self, env, nofile):
        # The shell moves the sockets to 3, 4, … and sets the variables that need otto's own process
        # id. Copies from 200 on keep clear of the places and of what Popen itself has open.
        copies = [fcntl.fcntl(passed.fileno(), fcntl.F_DUPFD, 200) for passed in self.sockets]
        steps = [f"exec {place}<&{copy} {copy}<&-" for place, copy in enumerate(copies, 3)]
        if nofile:
            steps.append(f"ulimit -n {nofile}")
        variables = "LISTEN_PID=$$ " if copies else ""
        variables += "WATCHDOG_PID=$$ " if "WATCHDOG_USEC" in env else ""
        steps.append(f'{variables}exec "$@"')
        try:
            return subprocess.Popen(
                ["bash", "-c", "; ".join(steps), "bash", *self.command()],
                env=env, pass_fds=copies, stdin=subprocess.DEVNULL, stdout=self.stdout,
                stderr=subprocess.PIPE)
        finally:
            for copy in copies:
                os.close(copy)

    def _read_log(self):
        for line in self._process.stderr:
            self.log.add(line.decode(errors="replace").rstrip("\n"))
        self._process.wait()
        why = f"otto ended with {self._process.returncode}"
        self.log.end(why)
        self.notes.end(why)
        self._process.stderr.close()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as waker:
            try:
                waker.sendto(b"", self._notify.getsockname())
            except OSError:
                pass

    def _read_notes(self):
        while True:
            try:
                message = self._notify.recv(65536)
            except OSError:
                return
            if not message:
                return
            fields = dict(line.split("=", 1)
                          for line in message.decode().splitlines() if "=" in line)
            if fields:
                self.notes.add(fields)

    def tail(self, lines=60):
        return "\n".join(["--- otto's log:", *self.log.items()[-lines:], "---"])

    def write(self, config):
        text = config if isinstance(config, str) else json.dumps(config, indent=2)
        with open(self.config_file + ".new", "w", encoding="utf-8") as file:
            file.write(text)
        os.rename(self.config_file + ".new", self.config_file)

    def signal(self, number):
        self._process.send_signal(number)

    def running(self):
        return self._process.poll() is None

    @property
    def address(self):
        """Where the first socket listens; without sockets, what the log said."""
        if self.sockets:
            return address_of(self.sockets[0])
        host, port = self.wait_for_log(LOG_LISTENING)[1].rsplit(":", 1)
        host = host.strip("[]")
        return ({"0.0.0.0": "127.0.0.1", "::": "::1", "*": "127.0.0.1"}.get(host, host), int(port))

    def fetch(self, target="/", method="GET", headers=(), body=None):
        return fetch(self.address, target, method, headers, body)

    def client(self):
        return RawClient(self.address)

    def wait_for_log(self, regex, since=0, seconds=None):
        """The match in the first such line."""
        line, _ = self.log.wait(lambda line: re.search(regex, line), f"line {regex!r}", since,
                                seconds)
        return re.search(regex, line)

    def log_lines(self, regex, since=0):
        return [line for line in self.log.items(since) if re.search(regex, line)]

    def wait_note(self, since=0, seconds=None, **fields):
        """The first notification whose fields match these expressions, and its index."""
        def fits(note):
            return all(name in note and re.search(regex, note[name])
                       for name, regex in fields.items())
        return self.notes.wait(fits, f"notification {fields}", since, seconds)

    def mark_notes(self):
        """Where the notifications end that Otto has sent so far."""
        at = self.notes.mark()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"MARK=1", self._notify.getsockname())
        return self.wait_note(at, MARK="^1$")[1] + 1

    def wait_ready(self):
        return self.wait_note(READY="^1$")[0]

    def wait_healthy(self, count):
        """Until the log calls so many servers healthy. At the start, requests wait for that."""
        healthy = {}

        def enough(line):
            match = re.search(LOG_FLIP, line)
            if match:
                healthy[match[1]] = match[2] == "healthy"
            return sum(healthy.values()) == count
        self.log.wait(enough, f"news of {count} healthy servers")

    def wait_flip(self, server, to, since=0):
        """Until the server (its name or URL) is called "healthy" or "unhealthy"; the reason."""
        name = re.escape(getattr(server, "url", server))
        return self.wait_for_log(f"server {name} is {to}: (.*)", since)[1]

    def wait_status(self, healthy, of, since=0):
        """Until STATUS= says that so many of so many servers are healthy."""
        self.wait_note(since, STATUS=f"^{healthy}/{of} servers healthy")

    def hang_up(self, config):
        """Writes the file and asks for a reload; returns marks of log and notes before it."""
        marks = self.log.mark(), self.notes.mark()
        self.write(config)
        self.signal(signal.SIGHUP)
        return marks

    def reload(self, config):
        """A reload, through RELOADING=1 to READY=1. Returns those notifications."""
        _, since = self.hang_up(config)
        reloading, at = self.wait_note(since, RELOADING="^1$")
        ready, _ = self.wait_note(at, READY="^1$")
        return reloading, ready

    def sync(self):
        """Until every worker goes by all that the log has told: a reload of the same file."""
        since = self.notes.mark()
        self.signal(signal.SIGHUP)
        _, at = self.wait_note(since, RELOADING="^1$")
        self.wait_note(at, READY="^1$")

    def files(self):
        """What the open file descriptors are, as /proc shows them."""
        shown = []
        for number in os.listdir(f"/proc/{self.pid}/fd"):
            try:
                shown.append(os.readlink(f"/proc/{self.pid}/fd/{number}"))
            except FileNotFoundError:
                continue
        return shown

    def pipes(self):
        """How many pipes Otto has both ends of."""
        ends = Counter(file for file in self.files() if file.startswith("pipe:"))
        return sum(1 for count in ends.values() if count == 2)

    def wait_pipes(self, fewest, most=None):
        """Until Otto has so many; a sanitizer may have one of its own for a moment."""
        deadline = Deadline()
        while not fewest <= (now := self.pipes()) <= (most or fewest):
            if not deadline.left():
                raise AssertionError(f"{now} pipes, not {fewest} to {most or fewest}\n{self.tail()}")

    def open_files(self):
        """How many are open, without the pipes that workers keep for large bodies."""
        workers = 0
        for task in os.listdir(f"/proc/{self.pid}/task"):
            with open(f"/proc/{self.pid}/task/{task}/comm", encoding="ascii") as name:
                workers += name.read().startswith("otto-worker")
        return len(self.files()) - 2 * min(self.pipes(), SPARE_PIPES * workers)

    def memory(self, field="VmRSS"):
        """VmRSS or VmHWM, in bytes."""
        with open(f"/proc/{self.pid}/status", encoding="ascii") as status:
            return int(re.search(rf"^{field}:\s+(\d+) kB", status.read(), re.M)[1]) << 10

    def wait_open_files(self, at_most):
        """Until Otto has that few; each request, answered by Otto itself, lets its loop turn."""
        deadline = Deadline()
        while (now := self.open_files()) > at_most:
            if not deadline.left():
                raise AssertionError(f"{now} open files, not {at_most}: "
                                     f"{Counter(file.split(':')[0] for file in self.files())}\n"
                                     f"{self.tail()}")
            self.fetch("*", "OPTIONS")

    def worker_loads(self, workers):
        """[(connections, requests)] of each worker; needs OTTO_DEBUG=1."""
        since = self.log.mark()
        self.signal(signal.SIGUSR1)
        found = [self.wait_for_log(rf"worker {worker}: (\d+) connections?, (\d+) requests?", since)
                 for worker in range(workers)]
        return [(int(match[1]), int(match[2])) for match in found]

    def wait_exit(self, seconds=None):
        try:
            code = self._process.wait(PATIENCE if seconds is None else seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"otto does not end\n{self.tail()}") from None
        self._threads[0].join(Deadline().left())
        return code

    def stop(self):
        """SIGTERM; expects a clean end."""
        self.signal(signal.SIGTERM)
        code = self.wait_exit()
        if code != 0:
            raise AssertionError(f"otto ended with {code}\n{self.tail()}")

    def finish(self):
        """Ends it in any case and complains about whatever went wrong."""
        if self._finished:
            return
        self._finished = True
        try:
            if self.running():
                self.stop()
        finally:
            if self.running():
                self._process.kill()
            for thread in self._threads:
                thread.join(Deadline().left())
            self._notify.close()
            for passed in self.sockets:
                passed.close()
            shutil.rmtree(self.folder, ignore_errors=True)
        reports = [line for line in self.log.items() if SANITIZER_REPORT.search(line)]
        if reports:
            raise AssertionError("\n".join(["a sanitizer complains:", *self.log.items()[-200:]]))
        careless = [line for line in self.log.items() if is_careless(line)]
        if careless:
            raise AssertionError("\n".join(["texts of the log:", *careless]))


class TestCase(unittest.TestCase):
    """Ends what a test started, the newest first, and shows Otto's log when the test failed."""

    def otto(self, config, wait=True, **options):
        started = Otto(config, **options)
        self.addCleanup(started.finish)
        self.addCleanup(self._show, started)
        if wait:
            started.wait_ready()
        return started

    def _show(self, otto):
        result = self._outcome.result
        if any(self in (test, getattr(test, "test_case", None))
               for test, _ in result.failures + result.errors):
            print(f"{self.id()}\n{otto.tail()}", file=sys.stderr)

    def demo(self, count):
        servers = [DemoServer(f"server-{number}") for number in range(1, count + 1)]
        for server in servers:
            self.addCleanup(server.kill)
        return servers

    def scripted(self, script=answer_all, **options):
        server = ScriptedServer(script, **options)
        self.addCleanup(lambda: self.assertEqual(server.errors, []))
        self.addCleanup(server.kill)
        return server

    def client(self, otto_or_address):
        client = RawClient(getattr(otto_or_address, "address", otto_or_address))
        self.addCleanup(client.close)
        return client

    def load(self, otto, connections, requests=None, **options):
        load = Load(otto.address, connections, requests, **options)
        self.addCleanup(load.finish)
        return load

    def folder(self):
        path = tempfile.mkdtemp(prefix="otto-test-")
        self.addCleanup(shutil.rmtree, path, ignore_errors=True)
        return path


def main():
    unittest.main(argv=[sys.argv[0], *sys.argv[1:]], verbosity=1)
