"""What tests of the admin API have in common: an Otto that serves it, and readers of its events."""

import json
import os
import socket
import threading

from admin import Admin, admin_socket
from clients import RawClient
from harness import TestCase, tcp_listener
from waiting import Collector, Deadline


def opened(place):
    """A connection to a path or a (host, port) pair. Waits for a place in the backlog of a UNIX
    socket, which a socket with a timeout would not."""
    client = socket.socket(socket.AF_UNIX if isinstance(place, str) else socket.AF_INET)
    client.connect(place)
    client.settimeout(Deadline().timeout())
    return client


class EventReader:
    """Follows /api/v1/events at `place`, a path or a (host, port) pair. `events` collects
    (name, data) pairs, `ids` the ids of records; `clean` says whether the stream was ended in
    order."""

    def __init__(self, place, headers=(), read=True):
        self.client = RawClient.over(opened(place))
        self.client.send_request("/api/v1/events", headers=[("Host", "localhost"), *headers])
        self.status, self.fields, self._rest = self._head()
        self.events = Collector("the events")
        self.ids = []
        self.retry = None
        self.clean = False
        if self.status == 200 and read:
            self.start()

    def start(self):
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _head(self):
        self.client.sock.settimeout(Deadline().timeout())
        data = b""
        while b"\r\n\r\n" not in data:
            piece = self.client.sock.recv(65536)
            if not piece:
                raise AssertionError(f"no reply: {data!r}")
            data += piece
        head, rest = data.split(b"\r\n\r\n", 1)
        lines = head.decode().split("\r\n")
        fields = {name.lower(): value for name, value in
                  (line.split(": ", 1) for line in lines[1:])}
        return int(lines[0].split()[1]), fields, rest

    def _read(self):
        self.client.sock.settimeout(None)
        raw, text = self._rest, b""
        try:
            while True:
                raw, plain, over = unchunk(raw)
                *whole, text = (text + plain).split(b"\n\n")
                for each in whole:
                    self._take(each.decode())
                if over:
                    self.clean = True
                    break
                piece = self.client.sock.recv(65536)
                if not piece:
                    break
                raw += piece
        except OSError:
            pass
        self.events.end("the stream has ended")

    def _take(self, text):
        fields = dict(line.split(": ", 1) for line in text.split("\n"))
        if "retry" in fields:
            self.retry = fields["retry"]
        if "id" in fields:
            self.ids.append(int(fields["id"]))
        if "data" in fields:
            self.events.add((fields["event"], json.loads(fields["data"])))

    def wait(self, name, holds=lambda data: True, since=0):
        """The data of the first such event, and its index."""
        event, at = self.events.wait(lambda each: each[0] == name and holds(each[1]),
                                     f"event {name!r}", since)
        return event[1], at

    def record(self, kind, since=0, **fields):
        return self.wait("record", lambda data: data["type"] == kind and
                         fields.items() <= data["fields"].items(), since)

    def wait_end(self):
        self._thread.join(Deadline().left())
        return not self._thread.is_alive()

    def close(self):
        self.client.close()


def unchunk(raw):
    """(what is left, the payload, whether it is over) of chunks; a part of one waits."""
    plain = b""
    while b"\r\n" in raw:
        line, rest = raw.split(b"\r\n", 1)
        length = int(line, 16)
        if len(rest) < length + 2:
            break
        assert rest[length:length + 2] == b"\r\n", rest[:length + 2]
        plain, raw = plain + rest[:length], rest[length + 2:]
        if length == 0:
            return raw, plain, True
    return raw, plain, False


class AdminCase(TestCase):
    def started(self, config, state=None, tcp=False, **options):
        """An Otto with the API on a UNIX socket, and on TCP if so wanted; with `state` "" it has no
        state directory."""
        self.path = getattr(self, "path", None) or self.folder()
        if state is None:
            state = self.folder()
        self.state = state
        try:
            os.unlink(os.path.join(self.path, "admin.sock"))
        except FileNotFoundError:
            pass
        listener, path = admin_socket(self.path)
        sockets, names = [tcp_listener(), listener], ["http", "admin"]
        if tcp:
            sockets.append(tcp_listener())
            names.append("admin")
            self.tcp = sockets[-1].getsockname()[:2]
        otto = self.otto(config, sockets=sockets, names=names, state=state, **options)
        self.admin = Admin(path)
        return otto

    def expect(self, answer, status):
        self.assertEqual(answer.status, status, answer)
        if status >= 400:
            self.assertEqual(answer.headers["Content-Type"], "application/problem+json")
            self.assertEqual(answer.json["status"], status)
            self.assertTrue(answer.json["detail"])
        return answer

    def overlay(self):
        with open(os.path.join(self.state, "overlay.json"), encoding="utf-8") as file:
            return json.load(file)

    def events(self, place=None, **options):
        reader = EventReader(self.admin.place if place is None else place, **options)
        self.addCleanup(reader.close)
        return reader

    def connect(self, place=None):
        """A connection to the API that says nothing yet."""
        client = opened(self.admin.place if place is None else place)
        self.addCleanup(client.close)
        return client
