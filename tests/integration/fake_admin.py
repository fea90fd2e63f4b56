"""An admin API that says what a test wants it to say, when it wants it."""

import json
import os
import socket
import threading

from admin import admin_socket
from waiting import PATIENCE, Collector


class FakeAdmin:
    """Listens in `folder`. `answers` has the bodies for "METHOD /path", bytes
    as they are and all else as JSON; a callable is asked for (status, body). Streams of events are pushed to."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "admin.sock")
        self.answers = {}
        self.requests = Collector("requests")  # "METHOD target"
        self.streams = Collector("streams")    # Stream
        self._sockets = []
        self.start(folder)

    def start(self, folder):
        """Again after stop()."""
        self._listener, _ = admin_socket(folder)
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def stop(self):
        """No longer there: closes everything."""
        os.unlink(self.path)
        for closing in [self._listener, *self._sockets]:
            try:
                closing.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            closing.close()
        self._sockets = []

    def _accept(self, listener):
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            self._sockets.append(client)
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        try:
            client.settimeout(PATIENCE)
            head = b""
            while b"\r\n\r\n" not in head:
                piece = client.recv(65536)
                if not piece:
                    return
                head += piece
            lines = head.decode().split("\r\n\r\n")[0].split("\r\n")
            method, target, _ = lines[0].split(" ")
            fields = dict(line.lower().split(": ", 1) for line in lines[1:])
            self.requests.add(f"{method} {target}")
            path = target.split("?")[0]
            answer = self.answers.get(f"{method} {path}", (404, {"detail": f"no {path}"}))
            if path == "/api/v1/events" and f"GET {path}" not in self.answers:
                client.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
                self.streams.add(Stream(client, fields.get("last-event-id")))
                return
            status, body = answer() if callable(answer) else answer
            if not isinstance(body, bytes):
                body = json.dumps(body).encode() if body is not None else b""
            client.sendall(b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n" % (status, len(body)))
            client.sendall(body)
            client.close()
        except OSError:
            pass

    def stream(self, number=0):
        """The so-manieth that was opened."""
        self.streams.wait(lambda stream: True, f"stream {number}", since=number)
        return self.streams.items()[number]


class Stream:
    def __init__(self, client, last_id):
        self._client = client
        self.last_id = last_id

    def push(self, name, data, number=None):
        identity = f"id: {number}\n" if number is not None else ""
        self._client.sendall(f"{identity}event: {name}\ndata: {json.dumps(data)}\n\n".encode())

    def record(self, number, text, priority="notice"):
        self.push("record", {"time": "2026-11-23T08:35:08.123Z", "priority": priority, "type": "",
                             "text": text, "fields": {}}, number)

    def counters(self, servers=(), **more):
        self.push("counters", {
            "time": "2026-11-23T08:35:08.123Z", "uptimeSeconds": 12, "state": "running",
            "ready": True, "generation": 1,
            "verdict": {"tone": "good", "text": "All servers receive requests", "notes": []},
            "requests": 5, "requestsPerSecond": 0.0,
            "errorsPerSecond": 0.0, "retriesPerSecond": 0.0,
            "latency": {"p50": None, "p90": None, "p99": None}, "active": 0, "queued": 0,
            "connections": 0, "healthy": 1, "total": 1, "servers": list(servers), **more})

    def close(self):
        self._client.shutdown(socket.SHUT_RDWR)
        self._client.close()


def server(identity, name, **more):
    """A server's object."""
    return {"id": identity, "name": name, "url": f"http://localhost/{identity}", "state": "active",
            "health": "healthy", "why": "healthy for 2 min", "healthForSeconds": 120,
            "ejectedForSeconds": 0, "weight": 1, "maxConnections": 0,
            "backup": False, "ejected": False, "share": 1.0, "active": 0, "requestsPerSecond": 0.0,
            "errorsPerSecond": 0.0, "retriesPerSecond": 0.0,
            "latency": {"p50": None, "p90": None, "p99": None}, **more}
