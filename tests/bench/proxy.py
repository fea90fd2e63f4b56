"""What all proxies have in common while they run; proxies.py has how they differ."""

import http.client
import os
import re
import socket
import time

from programs import NotStarted, Program

PATIENCE = 20

FIELDS = {  # that a server is sent, with their values; None: any
    "host": "bench.example:81", "x-forwarded-for": "127.0.0.1", "x-forwarded-proto": "http",
    "x-forwarded-host": "bench.example:81",
    "forwarded": "for=127.0.0.1;host=bench.example:81;proto=http", "x-request-id": None}


def free_port():
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Proxy:
    """One peer, running. `servers` are "http://ADDRESS:PORT" or "unix:/PATH"."""

    name = ""
    special = False  # runs only in workloads that name it (Workload.also)
    fields = tuple(FIELDS)  # that it sends to servers

    def __init__(self, tools, directory, servers, workers, connections, cpus):
        self.tools = tools
        self.directory = directory
        self.servers = servers
        self.workers = workers
        # Round-robin leaves idle connections at every server, and bursts leave more.
        self.pool = max(256, 4 * len(servers), 2 * connections)
        self.port = free_port()
        os.makedirs(directory)
        self._write_configuration()
        self.program = Program(self.command(), self.path("log"), cpus, self.environment())
        try:
            self._await()
            self._check_fields()
        except BaseException:
            self.stop()
            raise

    # What differs from peer to peer.

    def configuration(self):
        """The text of its file, or None."""

    def command(self):
        raise NotImplementedError

    def environment(self):
        return {}

    @staticmethod
    def version(tools):
        raise NotImplementedError

    # What does not.

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    @property
    def file(self):
        return self.path("configuration")

    def path(self, name):
        return os.path.join(self.directory, name)

    def stop(self):
        self.program.stop()

    def pids(self):
        return self.program.pids()

    def peak(self):
        """Bytes of peak RSS, summed over the processes: what they share counts more than once."""
        return self._sum("status", "VmHWM")

    def pss(self):
        """Bytes of memory, where shared pages count once in all."""
        return self._sum("smaps_rollup", "Pss")

    def _sum(self, file, field):
        total = 0
        for pid in self.pids():
            with open(f"/proc/{pid}/{file}", encoding="ascii") as status:
                total += int(re.search(rf"^{field}:\s+(\d+) kB", status.read(), re.M)[1])
        return total * 1024

    def _write_configuration(self):
        text = self.configuration()
        if text is not None:
            with open(self.file, "w", encoding="utf-8") as file:
                file.write(text)

    def _await(self):
        deadline = time.monotonic() + PATIENCE
        while self.program.alive() and time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.02)
        raise NotStarted(f"{self.name} did not start:{self.program.last_words()}")

    def _check_fields(self):
        """Asks a server, through the proxy, what it was sent."""
        connection = http.client.HTTPConnection(self.address, timeout=PATIENCE)
        try:
            connection.request("GET", "/echo", headers={"Host": "bench.example:81"})
            response = connection.getresponse()
            head = response.read().decode("latin-1")
        except (OSError, http.client.HTTPException) as error:
            raise NotStarted(f"{self.name} does not answer: {error!r}"
                             f"{self.program.last_words()}") from error
        finally:
            connection.close()
        if response.status != 200:
            raise NotStarted(f"{self.name} answers {response.status}{self.program.last_words()}")
        first, *lines = head.rstrip("\r\n").split("\r\n")
        sent = {}
        for line in lines:
            name, _, value = line.partition(":")
            sent.setdefault(name.lower(), []).append(value.strip().replace('"', ""))
        for name in self.fields:
            value = FIELDS[name]
            got = sent.get(name, [])
            if len(got) != 1 or not got[0] or (value and got[0] != value):
                raise NotStarted(f"{self.name} sends {name} as {got}, not as {[value]}")
        if not first.endswith(" HTTP/1.1") or "close" in sent.get("connection", []):
            raise NotStarted(f"{self.name} does not keep connections to servers: {first}")
