"""Clients that say exactly what they are told to, and read replies strictly (RFC 9112)."""

import collections
import ctypes
import random
import re
import socket
import struct
import threading
import zlib

from waiting import Deadline


class BadReply(AssertionError):
    """The reply breaks RFC 9112."""


class CutOff(Exception):
    """The connection ended within a reply (`partial` is the body so far) or before one (None)."""

    def __init__(self, message, partial=None):
        super().__init__(message)
        self.partial = partial


class Response:
    """A reply; `interim` are the 1xx replies before it."""

    def __init__(self, raw_head, interim):
        self.raw_head = raw_head
        self.interim = interim
        self.body = b""
        self.trailers = []  # lines after a chunked body
        lines = raw_head[:-4].split(b"\r\n")
        match = re.fullmatch(rb"HTTP/(1\.[01]) ([1-9]\d\d) ([\t\x20-\x7e\x80-\xff]*)", lines[0])
        if not match:
            raise BadReply(f"status line {lines[0]!r}")
        self.version = match[1].decode()
        self.status = int(match[2])
        self.reason = match[3].decode("latin-1")
        self.headers = []
        for line in lines[1:]:
            field = re.fullmatch(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\r\n\0]*?)[ \t]*", line)
            if not field:
                raise BadReply(f"header line {line!r}")
            self.headers.append((field[1].decode(), field[2].decode("latin-1")))

    def all(self, name):
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def get(self, name):
        """The field's only value, or None."""
        values = self.all(name)
        if len(values) > 1:
            raise BadReply(f"{name} {len(values)} times")
        return values[0] if values else None

    def server(self):
        return self.get("X-Server")

    def keeps_alive(self):
        tokens = (self.get("Connection") or "").lower().replace(" ", "").split(",")
        return "keep-alive" in tokens if self.version == "1.0" else "close" not in tokens

    def framing(self, method):
        """("none"|"length"|"chunked"|"until_close", length), RFC 9112 §6.3."""
        length, coding = self.get("Content-Length"), self.get("Transfer-Encoding")
        if length is not None and coding is not None:
            raise BadReply("Content-Length and Transfer-Encoding")
        if length is not None and not re.fullmatch(r"\d+", length):
            raise BadReply(f"Content-Length {length!r}")
        if coding is not None and coding != "chunked":
            raise BadReply(f"Transfer-Encoding {coding!r}")
        if self.status < 200 or self.status == 204:
            if length is not None or coding is not None:
                raise BadReply(f"{self.status} with a framing field")
            return "none", 0
        if self.status == 304 or method == "HEAD":
            return "none", 0
        if coding is not None:
            return "chunked", 0
        if length is not None:
            return "length", int(length)
        if self.keeps_alive():
            raise BadReply("no framing, and the connection stays open")
        return "until_close", 0


def _bind_unix(sock, path):
    """Also to paths of 108 bytes, which the kernel takes without a final zero, unlike Python."""
    if len(path) < 108:
        sock.bind(path)
        return
    address = struct.pack("=H108s", socket.AF_UNIX, path.encode())
    if ctypes.CDLL(None, use_errno=True).bind(sock.fileno(), address, len(address)) != 0:
        raise OSError(ctypes.get_errno(), "bind")


class RawClient:
    """One connection. `address` is a (host, port) pair or the path of a UNIX socket."""

    def __init__(self, address, bind_to=None):
        sock = socket.socket(socket.AF_UNIX if isinstance(address, str) else
                             socket.AF_INET6 if ":" in address[0] else socket.AF_INET)
        self._take_over(sock)
        try:
            if bind_to is not None:
                _bind_unix(sock, bind_to)
            sock.settimeout(Deadline().timeout())
            sock.connect(address)
        except OSError:
            sock.close()
            raise
        if not isinstance(address, str):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    @classmethod
    def over(cls, sock):
        """On a socket that is connected already."""
        client = cls.__new__(cls)
        client._take_over(sock)
        return client

    def _take_over(self, sock):
        self.sock = sock
        self._buffer = bytearray()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.sock.close()

    def half_close(self):
        self.sock.shutdown(socket.SHUT_WR)

    def reset(self):
        """Closes with a RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.sock.close()

    def send(self, data):
        self.sock.settimeout(Deadline().timeout())
        self.sock.sendall(data if isinstance(data, bytes) else data.encode("latin-1"))

    def send_request(self, target="/", method="GET", headers=(), body=None, version="1.1"):
        """Host and, with a body, Content-Length are added unless given."""
        lines = [f"{method} {target} HTTP/{version}"]
        given = {name.lower() for name, _ in headers}
        if "host" not in given:
            lines.append("Host: otto.test")
        lines += [f"{name}: {value}" for name, value in headers]
        if body is not None and not given & {"content-length", "transfer-encoding"}:
            lines.append(f"Content-Length: {len(body)}")
        self.send("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + (body or b""))

    def request(self, target="/", method="GET", headers=(), body=None, version="1.1"):
        self.send_request(target, method, headers, body, version)
        return self.response(method)

    def _more(self, deadline):
        """Reads once; False at the end of the connection."""
        self.sock.settimeout(deadline.timeout())
        try:
            piece = self.sock.recv(262144)
        except TimeoutError as error:
            so_far = bytes(self._buffer[:400])
            raise AssertionError(f"no more bytes in time; so far {so_far!r}") from error
        except ConnectionResetError:
            raise CutOff("connection reset")
        self._buffer += piece
        return bool(piece)

    def read_exactly(self, count, seconds=None):
        """That many bytes as they come, without any reading of HTTP into them."""
        deadline = Deadline(seconds)
        while len(self._buffer) < count:
            if not self._more(deadline):
                raise CutOff(f"{count} bytes wanted", bytes(self._buffer))
        return self._take(count)

    def receive(self, count):
        """Up to that many bytes as they come, those first that came with a head; b"" at the end."""
        if self._buffer:
            return self._take(min(count, len(self._buffer)))
        return self.sock.recv(count)

    def read_line(self, deadline):
        while (end := self._buffer.find(b"\r\n")) < 0:
            if not self._more(deadline):
                raise CutOff("end within a line")
        return self._take(end + 2)[:-2]

    def _take(self, count):
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        return taken

    def wait_closed(self, seconds=None):
        """Otto closes or resets the connection without sending anything more."""
        deadline = Deadline(seconds)
        try:
            while self._more(deadline):
                pass
        except CutOff:
            pass
        if self._buffer:
            raise AssertionError(f"bytes before the end: {bytes(self._buffer[:400])!r}")

    def read_to_end(self, seconds=None):
        """All that still comes, and "closed" or "reset"."""
        deadline = Deadline(seconds)
        try:
            while self._more(deadline):
                pass
            how = "closed"
        except CutOff:
            how = "reset"
        return self._take(len(self._buffer)), how

    def head(self, seconds=None):
        """The head of the next final reply, its body unread."""
        deadline = Deadline(seconds)
        interim = []
        while True:
            while (end := self._buffer.find(b"\r\n\r\n")) < 0:
                if not self._more(deadline):
                    raise CutOff("no reply" if not self._buffer else "end within a head")
            response = Response(self._take(end + 4), interim)
            if response.status >= 200 or response.status == 101:
                return response
            response.framing("GET")
            interim.append(response)

    def response(self, method="GET", seconds=None):
        response = self.head(seconds)
        response.body = b"".join(self.pieces(response, method, seconds))
        return response

    def pieces(self, response, method="GET", seconds=None):
        """The body as it arrives."""
        deadline = Deadline(seconds)
        framing, length = response.framing(method)
        if framing == "length":
            yield from self._counted(length, deadline)
        elif framing == "chunked":
            yield from self._chunks(deadline, response)
        elif framing == "until_close":
            while self._buffer or self._more(deadline):
                yield self._take(len(self._buffer))

    def _counted(self, length, deadline):
        left = length
        while left > 0:
            if not self._buffer:
                try:
                    open_still = self._more(deadline)
                except CutOff:
                    open_still = False
                if not open_still:
                    raise CutOff(f"{left} of {length} bytes of the body are missing", length - left)
            piece = self._take(min(left, len(self._buffer)))
            left -= len(piece)
            yield piece

    def _chunks(self, deadline, response):
        while True:
            line = self.read_line(deadline)
            if not re.fullmatch(rb"[0-9A-Fa-f]{1,16}(;[^\r\n]*)?", line):
                raise BadReply(f"chunk size {line!r}")
            size = int(line.split(b";")[0], 16)
            if size == 0:
                while line := self.read_line(deadline):
                    response.trailers.append(line)
                return
            yield from self._counted(size, deadline)
            if self.read_exactly(2, deadline.left()) != b"\r\n":
                raise BadReply("no CRLF after a chunk")


def fetch(address, target="/", method="GET", headers=(), body=None):
    """One request on a connection of its own."""
    with RawClient(address) as client:
        return client.request(target, method, [*headers, ("Connection", "close")], body)


def pattern(size):
    """What the demo server's /bytes and /chunked send."""
    period = bytes(33 + (i ^ i >> 8) % 94 for i in range(65521))
    return (period * (size // len(period) + 1))[:size]


def crc32(data):
    return f"{zlib.crc32(data):08x}"


class Load:
    """Keep-alive connections that request one after the other, each in a thread of its own.

    With `requests` each connection makes that many; without, they go on until finish(). A
    connection that Otto announced to close is replaced; whatever else is not a 200 is a failure.
    `longest_pause` is what a connection rests at most between two requests, in seconds.
    """

    def __init__(self, address, connections, requests=None, target="/", method="GET", body=None,
                 longest_pause=0):
        self.statuses = collections.Counter()
        self.servers = collections.Counter()
        self.failures = []
        self._address = address
        self._requests = requests
        self._target = target
        self._method = method
        self._body = body
        self._longest_pause = longest_pause
        self._stop = threading.Event()
        self._progress = threading.Condition()
        self._threads = [threading.Thread(target=self._run, daemon=True)
                         for _ in range(connections)]
        for thread in self._threads:
            thread.start()

    def _run(self):
        client = None
        done = 0
        while not self._stop.is_set() and done != self._requests:
            try:
                client = client or RawClient(self._address)
                response = client.request(self._target, self._method, body=self._body)
            except (OSError, CutOff, BadReply, AssertionError) as error:
                self._count(failure=repr(error))
                if client:
                    client.close()
                client = None
            else:
                self._count(response)
                if not response.keeps_alive():
                    client.close()
                    client = None
            done += 1
            if self._longest_pause:
                self._stop.wait(random.uniform(0, self._longest_pause))
        if client:
            client.close()

    def _count(self, response=None, failure=None):
        with self._progress:
            if response:
                self.statuses[response.status] += 1
                self.servers[response.server()] += 1
                if response.status != 200:
                    failure = f"status {response.status}: {response.body[:200]!r}"
            if failure:
                self.failures.append(failure)
            self._progress.notify_all()

    def wait_for(self, more):
        """Until that many more requests were answered."""
        deadline = Deadline()
        with self._progress:
            goal = self.statuses.total() + more
            if not self._progress.wait_for(lambda: self.statuses.total() >= goal, deadline.left()):
                raise AssertionError(f"the load stands still: {self.statuses}, "
                                     f"failures {self.failures[:5]}")

    def finish(self):
        """Lets the requests under way end (all of them when they are counted) and returns self."""
        if self._requests is None:
            self._stop.set()
        deadline = Deadline()
        for thread in self._threads:
            thread.join(deadline.left())
            if thread.is_alive():
                raise AssertionError(f"a connection of the load hangs: {self.statuses}, "
                                     f"failures {self.failures[:5]}")
        return self
