"""Children of the benchmark, and the servers among them."""

import os
import signal
import subprocess


class NotStarted(Exception):
    """Why a proxy, or the server, cannot be used, with the last lines of its log."""


class Program:
    """A child with a log, on given CPUs, in a session of its own (Ctrl-C is for us alone)."""

    def __init__(self, command, log, cpus=None, environment=None, **more):
        self.log = log
        with open(log, "wb") as out:
            more.setdefault("stdout", out)
            # pylint: disable-next=consider-using-with,subprocess-popen-preexec-fn
            self.child = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stderr=out, start_new_session=True,
                env={**os.environ, **(environment or {})},
                preexec_fn=lambda: cpus and os.sched_setaffinity(0, cpus), **more)

    def pids(self):
        """Of the process and its children: workers."""
        pids = [self.child.pid]
        for pid in pids:
            try:
                for task in os.listdir(f"/proc/{pid}/task"):
                    with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as file:
                        pids += map(int, file.read().split())
            except OSError:
                pass
        return pids

    def alive(self):
        return self.child.poll() is None

    def last_words(self):
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return "".join(f"\n    | {line.rstrip()}" for line in file.readlines()[-8:])

    def stop(self):
        pids = self.pids()
        if self.alive():
            self.child.send_signal(signal.SIGTERM)
            try:
                self.child.wait(3)
            except subprocess.TimeoutExpired:  # it drains, or hangs
                for pid in pids:
                    try:
                        os.kill(pid, signal.SIGKILL)
                    except ProcessLookupError:
                        pass
                self.child.wait()
        if self.child.stdout:
            self.child.stdout.close()


class Servers:
    """Five bench_server processes under `count` addresses."""

    PROCESSES = 5

    def __init__(self, tools, directory, count, unix, cpus):
        self.programs = []
        self.urls = []
        os.makedirs(directory, exist_ok=True)
        try:
            places = [self._start(tools, directory, number, unix, cpus)
                      for number in range(self.PROCESSES)]
        except BaseException:
            self.stop()
            raise
        for number in range(count):
            if unix:
                self.urls.append("unix:" + places[number % self.PROCESSES])
            else:
                host = f"127.0.{1 + number // 200}.{1 + number % 200}"
                self.urls.append(f"http://{host}:{places[number % self.PROCESSES]}")

    def _start(self, tools, directory, number, unix, cpus):
        where = (["--unix", os.path.join(directory, f"{number}.socket")] if unix else
                 ["--address", "0.0.0.0", "--port", "0"])
        program = Program([tools.server, *where], os.path.join(directory, f"{number}.log"), cpus,
                          stdout=subprocess.PIPE)
        self.programs.append(program)
        word, _, rest = program.child.stdout.readline().decode().strip().partition(" ")
        if word != "ready":
            raise NotStarted(f"a server did not start:{program.last_words()}")
        return rest

    def stop(self):
        for program in self.programs:
            program.stop()
