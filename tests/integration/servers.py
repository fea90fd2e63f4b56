"""Servers for Otto to balance over: the demo server, and one that follows a script byte by byte."""

import itertools
import os
import re
import select
import signal
import socket
import subprocess
import threading

from clients import fetch
from waiting import Deadline

_CHECK = re.compile(rb"^user-agent:[ \t]*otto-health-check", re.I | re.M)


class DemoServer:
    """A process of tests/demo_server.cc; killed at the end."""

    def __init__(self, name, *options):
        self.name = name
        self.port = 0
        self._options = options
        self._process = None
        self.start()

    def start(self):
        """Again on the same port after kill()."""
        arguments = self._options or ("--port", str(self.port))
        self._process = subprocess.Popen(
            [os.environ["DEMO_SERVER"], "--name", self.name, *arguments], stdout=subprocess.PIPE)
        line = self._process.stdout.readline().decode()
        if not line.startswith("ready "):
            raise AssertionError(f"{self.name} did not start: {line!r}")
        if not self._options:
            self.port = int(line.split()[1])

    @property
    def address(self):
        return ("127.0.0.1", self.port)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def get(self, target):
        return fetch(self.address, target).body.decode()

    def count(self):
        """Requests served, without health checks."""
        return int(self.get("/count"))

    def kill(self, number=signal.SIGKILL):
        if self._process:
            self._process.send_signal(number)
            self._process.wait(Deadline().left())
            self._process.stdout.close()
            self._process = None


def reset(sock):
    """Closes with a RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    sock.close()


class Connection:
    """What a script works with: a connection from Otto whose first request's head has been read."""

    def __init__(self, server, sock):
        self._server = server
        self.sock = sock
        self._buffer = b""
        self.received = bytearray()  # every byte that came
        self.head = b""       # of the current request, as it came
        self.method = ""
        self.target = ""
        self.headers = []
        self.trailers = []    # of the body read last

    def _fill(self):
        self.sock.settimeout(Deadline().timeout())
        piece = self.sock.recv(262144)
        self._buffer += piece
        self.received += piece
        return bool(piece)

    def next_request(self):
        """Reads the next request's head; False when Otto closed the connection instead."""
        while b"\r\n\r\n" not in self._buffer:
            if not self._fill():
                return False
        head, self._buffer = self._buffer.split(b"\r\n\r\n", 1)
        self.head = head + b"\r\n\r\n"
        lines = head.decode("latin-1").split("\r\n")
        self.method, self.target, _ = lines[0].split(" ")
        self.headers = [(name, value.strip(" \t")) for name, _, value in
                        (line.partition(":") for line in lines[1:])]
        if not self.is_check():
            self._server.requests.append(self.head)
        return True

    def is_check(self):
        return bool(_CHECK.search(self.head or self.received))

    def all(self, name):
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def get(self, name):
        values = self.all(name)
        return values[0] if values else None

    def recv_exactly(self, count):
        while len(self._buffer) < count:
            if not self._fill():
                raise ConnectionError(f"end after {len(self._buffer)} of {count} bytes")
        taken, self._buffer = self._buffer[:count], self._buffer[count:]
        return taken

    def recv_some(self):
        """What has come, or b"" at the end."""
        if not self._buffer and not self._fill():
            return b""
        taken, self._buffer = self._buffer, b""
        return taken

    def held(self):
        """What has been read beyond the head, for scripts that go on with `sock` themselves."""
        taken, self._buffer = self._buffer, b""
        return taken

    def line(self):
        while b"\r\n" not in self._buffer:
            if not self._fill():
                raise ConnectionError("end within a line")
        line, self._buffer = self._buffer.split(b"\r\n", 1)
        return line

    def body(self):
        """The current request's whole body, decoded."""
        if self.get("Transfer-Encoding") == "chunked":
            body = b""
            while size := int(self.line().split(b";")[0], 16):
                body += self.recv_exactly(size)
                assert self.recv_exactly(2) == b"\r\n"
            self.trailers = []
            while line := self.line():
                self.trailers.append(line)
            return body
        return self.recv_exactly(int(self.get("Content-Length") or 0))

    def send(self, data):
        self.sock.settimeout(Deadline().timeout())
        self.sock.sendall(data)

    def reply(self, body=b"", status="200 OK", *fields):
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *fields]
        self.send("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)

    def send_chunk(self, data):
        self.send(b"%x\r\n%s\r\n" % (len(data), data))

    def half_close(self):
        self.sock.shutdown(socket.SHUT_WR)

    def wait_closed(self):
        """Until Otto closes or resets the connection; whatever it sends is dropped."""
        try:
            while self._fill():
                pass
        except ConnectionError:
            pass

    def closed_within(self, seconds):
        """Whether Otto closes or resets the connection in that time; what it sends is dropped."""
        deadline = Deadline(seconds)
        while deadline.left():
            self.sock.settimeout(deadline.timeout())
            try:
                piece = self.sock.recv(262144)
            except TimeoutError:
                return False
            except ConnectionError:
                return True
            if not piece:
                return True
        return False

    def reset(self):
        reset(self.sock)


def answer_all(connection, _number):
    """The script of a well-behaved server: echoes each request's body, or says `hello`."""
    while True:
        connection.reply(connection.body() or b"hello")
        if not connection.next_request():
            return


class ScriptedServer:
    """Runs `script(connection, n)` for the n-th connection (from 0) that brings a request, in a
    thread of its own; the connection closes when the script returns. Otto's health checks get
    `check_status`, connections without a byte (TCP checks) are ignored. `requests` has the heads of
    all real requests, byte for byte."""

    def __init__(self, script=answer_all, path=None, receive_buffer=None):
        self.requests = []
        self.errors = []
        self.checks = 0
        self.check_status = "200 OK"
        self.reset_at_accept = False
        self.most_open = 0  # connections at once, as the kernel has them
        self._script = script
        self._path = path
        self._receive_buffer = receive_buffer  # of its connections in the kernel; None: as usual
        self._lock = threading.Lock()
        self._numbers = 0
        self._sockets = set()
        self._connections = []
        self._threads = []
        self._listener = None
        self.port = 0
        self.listen()

    def listen(self):
        """Also again after refuse(), on the same port."""
        if self._path:
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(self._path)
        else:
            listener = socket.socket()
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("127.0.0.1", self.port))
            self.port = listener.getsockname()[1]
        if self._receive_buffer:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self._receive_buffer)
        listener.listen(1024)
        self._listener = listener
        self._start(self._accept, listener)

    @property
    def url(self):
        return f"unix:{self._path}" if self._path else f"http://127.0.0.1:{self.port}"

    @property
    def address(self):
        return self._path or ("127.0.0.1", self.port)

    def _start(self, target, *arguments):
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        with self._lock:
            self._threads.append(thread)
        thread.start()

    def _accept(self, listener):
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            if self.reset_at_accept:
                reset(sock)
                continue
            with self._lock:
                self._sockets.add(sock)
                self.most_open = max(self.most_open, sum(map(self._is_open, self._sockets)))
                connection = Connection(self, sock)
                self._connections.append(connection)
            self._start(self._serve, sock, connection)

    @staticmethod
    def _is_open(sock):
        if sock.fileno() < 0:  # its script has reset it
            return False
        poller = select.poll()
        poller.register(sock, select.POLLRDHUP)
        return not poller.poll(0)

    def _serve(self, sock, connection):
        try:
            if connection.next_request():
                if connection.is_check():
                    with self._lock:
                        self.checks += 1
                    connection.reply(b"", self.check_status, "Connection: close")
                else:
                    with self._lock:
                        number = self._numbers
                        self._numbers += 1
                    self._script(connection, number)
        except OSError:
            pass  # Otto, or the test's end, closed the connection
        except Exception as error:  # pylint: disable=broad-except
            self.errors.append(repr(error))
        finally:
            with self._lock:
                self._sockets.discard(sock)
            sock.close()

    def connections(self):
        """How many connections brought a request."""
        with self._lock:
            return self._numbers

    def received(self):
        """Every byte that came, health checks aside, in the order of connections."""
        with self._lock:
            return b"".join(bytes(connection.received) for connection in self._connections
                            if not connection.is_check())

    def refuse(self):
        """From now on connections are refused; those that exist stay."""
        if self._listener:
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
            if self._path:
                os.unlink(self._path)

    def close_connections(self):
        with self._lock:
            for sock in self._sockets:
                try:
                    sock.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def kill(self):
        self.refuse()
        self.close_connections()
        for thread in self._threads:
            thread.join(Deadline().left())


class PreforkServer:
    """Serves `count` connections at a time, each until Otto closes it, as a server of so many
    processes; others wait in the backlog. `script(connection, n)` for the n-th request (from 0)
    returns True when the connection goes on. Checks are answered at once."""

    def __init__(self, count, script=None, path=None, backlog=128):
        self.requests = []
        self.accepted = 0
        self._script = script or self._say_ok
        self._numbers = itertools.count()
        self._path = path
        self._listener = socket.socket(socket.AF_UNIX if path else socket.AF_INET)
        self._listener.bind(path or ("127.0.0.1", 0))
        self._listener.listen(backlog)
        self.url = f"unix:{path}" if path else \
            f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._threads = [threading.Thread(target=self._process, daemon=True)
                         for _ in range(count)]
        for thread in self._threads:
            thread.start()

    @staticmethod
    def _say_ok(connection, _):
        connection.body()
        connection.reply(b"ok")
        return True

    def _process(self):
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            with sock:
                connection = Connection(self, sock)
                try:
                    while connection.next_request():
                        if connection.is_check():
                            connection.reply(b"", "200 OK", "Connection: close")
                            break
                        if not self._script(connection, next(self._numbers)):
                            break
                except OSError:
                    pass

    def kill(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(Deadline().left())
