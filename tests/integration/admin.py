"""The admin API as tests use it: sockets for it, and a client."""

import contextlib
import http.client
import json
import os
import socket
import threading
import urllib.parse

from waiting import PATIENCE


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=PATIENCE)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(PATIENCE)
        self.sock.connect(self.path)


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.text = response.read().decode()
        self.tag = response.headers["ETag"]
        typed = (response.headers["Content-Type"] or "").endswith("json")
        self.json = json.loads(self.text) if typed and self.text else None

    def __repr__(self):
        return f"{self.status} {self.text}"


class Admin:
    """`place` is the path of a UNIX socket or a (host, port) pair."""

    def __init__(self, place):
        self.place = place

    def ask(self, method, target, body=None, headers=None):
        if isinstance(self.place, str):
            connection = UnixConnection(self.place)
        else:
            connection = http.client.HTTPConnection(*self.place, timeout=PATIENCE)
        if body is not None and not isinstance(body, (str, bytes)):
            body = json.dumps(body)
        try:
            # A refusal may come before all of the body has been taken.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.request(method, target, body=body, headers=headers or {})
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def get(self, target, **headers):
        return self.ask("GET", "/api/v1/" + target, headers=headers)

    def server(self, method, server, body=None, query=""):
        """A request about one server, by its name, its URL or its id."""
        return self.ask(method, f"/api/v1/servers/{quoted(server)}{query}", body)

    def servers(self):
        """{name: server}"""
        answer = self.get("servers")
        assert answer.status == 200, answer
        return {server["name"]: server for server in answer.json["servers"]}


def quoted(name):
    return urllib.parse.quote(getattr(name, "url", name), safe="")


def admin_socket(folder):
    """A listening UNIX socket for the API, as systemd would pass it, and its path."""
    path = os.path.join(folder, "admin.sock")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(128)
    return listener, path


class Holding:
    """A server of a test case's that keeps requests for /slow until told."""

    def __init__(self, case):
        self._arrived, self._go = threading.Semaphore(0), threading.Event()
        case.addCleanup(self.let_go)
        self.server = case.scripted(self._script)

    def _script(self, connection, _number):
        while True:
            if connection.target == "/slow":
                self._arrived.release()
                self._go.wait(3 * PATIENCE)
            connection.reply(connection.body() or b"hello")
            if not connection.next_request():
                return

    def wait_arrived(self):
        """Until one more request for it is there."""
        assert self._arrived.acquire(timeout=PATIENCE), "no request has arrived"

    def let_go(self):
        self._go.set()
