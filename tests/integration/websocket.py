"""As much of WebSocket (RFC 6455) as a test of tunnels needs: frames without fragments."""

import base64
import hashlib
import struct

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
KEY = "MDEyMzQ1Njc4OWFiY2RlZg=="
FIELDS = [("Connection", "keep-alive, Upgrade"), ("Upgrade", "websocket"),
          ("Sec-WebSocket-Key", KEY), ("Sec-WebSocket-Version", "13")]
BINARY, CLOSE = 2, 8


def accept_value(key):
    return base64.b64encode(hashlib.sha1(key.encode() + _GUID).digest()).decode()


def accept_head(key):
    return ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {accept_value(key)}\r\n\r\n").encode()


def _masked(payload, mask):
    repeated = (mask * (len(payload) // 4 + 1))[:len(payload)]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(repeated, "big")).to_bytes(
        len(payload), "big")


def frame(payload, opcode=BINARY, mask=None):
    """One frame; clients must mask theirs with four bytes."""
    size, flag = len(payload), 0x80 if mask else 0
    if size < 126:
        head = struct.pack("!BB", 0x80 | opcode, flag | size)
    elif size < 65536:
        head = struct.pack("!BBH", 0x80 | opcode, flag | 126, size)
    else:
        head = struct.pack("!BBQ", 0x80 | opcode, flag | 127, size)
    return head + (mask + _masked(payload, mask) if mask else payload)


def read_frame(read_exactly):
    """(opcode, payload) of the next one; `read_exactly` takes a count."""
    first, second = read_exactly(2)
    size = second & 0x7f
    if size == 126:
        size, = struct.unpack("!H", read_exactly(2))
    elif size == 127:
        size, = struct.unpack("!Q", read_exactly(8))
    mask = read_exactly(4) if second & 0x80 else None
    payload = read_exactly(size)
    return first & 0x0f, _masked(payload, mask) if mask else payload


def echo(connection, _):
    """A script of ScriptedServer: echoes frames until it is told to close."""
    connection.send(accept_head(connection.get("Sec-WebSocket-Key")))
    while True:
        opcode, payload = read_frame(connection.recv_exactly)
        connection.send(frame(payload, opcode))
        if opcode == CLOSE:
            return
