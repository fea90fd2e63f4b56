#!/usr/bin/python3
"""inside_attacks.py [SECONDS]: clients that want everything, for that long each, leave Otto running and others served. By
default each attack lasts for a little longer than a shortened WatchdogSec=; with SECONDS it stays as the package has it."""

import json
import multiprocessing
import socket
import sys
import time

from booted import CONFIG, expect, get, main_pid, override, passed, reload, run, show

SECONDS = float(sys.argv[1]) if len(sys.argv) > 1 else 5
HOSTILE = 6001
FLOWS = 8
REPLIES = {  # what the hostile server sends without an end, by path
    "/tiny": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n" * 20000),
    "/chunks": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + b"x" * 65536 + b"\r\n"),
    "/tunnel": (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: upgrade\r\n\r\n", b"x" * (1 << 20)),
    "/large": (b"HTTP/1.1 200 OK\r\nContent-Length: 900000000000\r\n\r\n", b"x" * (1 << 20)),
    "/honest": (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok", None),
}


def connect(port):
    sock = socket.create_connection(("127.0.0.1", port))
    sock.settimeout(60)
    return sock


def forked(work, *arguments):
    process = multiprocessing.Process(target=work, args=arguments, daemon=True)
    process.start()
    return process


def serve_one(sock):
    head = b""
    while b"\r\n\r\n" not in head:
        piece = sock.recv(65536)
        if not piece:
            return
        head += piece
    reply, block = REPLIES.get(head.split(b" ")[1].decode(), REPLIES["/honest"])
    sock.sendall(reply)
    while block:
        sock.sendall(block)


def hostile_server():
    with socket.create_server(("", HOSTILE), backlog=1024) as listener:
        while True:
            sock, _ = listener.accept()
            # A process each: none of them waits for another.
            process = multiprocessing.Process(target=quietly, args=(serve_one, sock))
            process.start()
            sock.close()


def quietly(work, *arguments):
    try:
        work(*arguments)
    except OSError:
        pass  # Otto, or the end of the attack, closed the connection


def download(path):
    extra = b"Upgrade: echo\r\nConnection: upgrade\r\n" if path == "/tunnel" else b""
    with connect(8080) as sock:
        sock.sendall(b"GET " + path.encode() + b" HTTP/1.1\r\nHost: a\r\n" + extra + b"\r\n")
        buffer = bytearray(1 << 20)
        while sock.recv_into(buffer):
            pass


def heads_of_commas():
    fields = b"".join(b"a%02d: b\r\n" % number for number in range(90))
    head = b"GET /honest HTTP/1.1\r\nHost: a\r\n" + fields
    head += b"Connection: x" + b"," * (31000 - len(head)) + b"\r\n\r\n"
    with connect(8080) as sock:
        while True:
            sock.sendall(head)
            if not sock.recv(65536):
                raise SystemExit("Otto closed the connection")


def admin_flood():
    for _ in range(1000):
        socks = []
        for _ in range(100):
            sock = connect(8081)
            sock.sendall(b"GET /api/v1/servers HTTP/1.1\r\nHost: localhost\r\n\r\n" * 20)
            socks.append(sock)
        time.sleep(0.2)  # the pace of the attack; nothing is awaited
        for sock in socks:
            sock.close()


def silent():
    socks = []
    while True:
        socks.append(connect(8080))
        if len(socks) > 600:
            socks.pop(0).close()


def attack(name, work, *arguments, count=FLOWS):
    """Honest clients are served meanwhile, one after the other."""
    attackers = [forked(quietly, work, *arguments) for _ in range(count)]
    end, served = time.monotonic() + SECONDS, 0
    while time.monotonic() < end:
        reply = get("/honest")
        expect(reply.status == 200, f"{name}: an honest client got {reply.status}")
        served += 1
    for attacker in attackers:
        attacker.kill()
        attacker.join()
    expect(show("otto.service", "NRestarts") == "0" and main_pid() == started, f"{name} ended Otto")
    passed(f"{name}, {SECONDS:g} s: {served} honest requests served, no restart")


if len(sys.argv) < 2:
    override("otto.service", "[Service]", "WatchdogSec=4")
server = multiprocessing.Process(target=hostile_server)
server.start()
try:
    one = [f"http://127.0.0.1:{HOSTILE}"]
    quiet = {"workers": 1, "healthCheck": {"type": "off"}}
    CONFIG.write_text(json.dumps({"servers": one, **quiet}))
    run("systemctl", "restart", "otto.service")
    expect(get("/honest").status == 200, "nothing is served")
    started = main_pid()
    for path in ("/tiny", "/chunks", "/tunnel", "/large"):
        attack(f"{FLOWS} downloads of {path}", download, path)
    attack("heads of commas", heads_of_commas)
    CONFIG.write_text(json.dumps({"servers": one, **quiet, "limits": {"connections": 300}}))
    reload()
    attack("silent connections", silent, count=2)
    many = [f"http://127.1.{number // 250}.{number % 250 + 1}:{HOSTILE}" for number in range(10000)]
    CONFIG.write_text(json.dumps({"servers": many, **quiet}))
    reload()
    attack("a flood of the admin API", admin_flood, count=2)
finally:
    server.kill()
