"""What the tests in a booted system share. They run as root inside of it, started by with-systemd, with Otto installed from its
package, the tests at /tests and the demo server at /demo_server."""

import http.client
import http.server
import json
import pathlib
import re
import selectors
import socket
import subprocess
import sys
import threading
import time

CONFIG = pathlib.Path("/etc/otto/config.json")
PATIENCE = 60  # seconds until an event that should come is given up


def fail(text):
    print(f"FAILED: {text}", flush=True)
    subprocess.run(["systemctl", "status", "--no-pager", "-l", "otto.socket", "otto.service"], check=False)
    subprocess.run(["journalctl", "--no-pager", "-n", "60"], check=False)
    sys.exit(1)


def expect(condition, text):
    if not condition:
        fail(text)


def passed(text):
    print(f"ok: {text}", flush=True)


def run(*command, ok=True):
    """Runs a command and gives what it wrote; `ok` says whether it must succeed, None that either will do."""
    done = subprocess.run(command, text=True, errors="replace", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if ok is not None and (done.returncode == 0) != ok:
        fail(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}")
    return done.stdout


def show(unit, name):
    return run("systemctl", "show", "-P", name, unit).strip()


def reload():
    """Until every worker has applied the file."""
    run("systemctl", "reload", "otto.service")


def wait_until(holds, what):
    """For what systemd tells no other way."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        expect(time.monotonic() < deadline, f"no {what}")


def main_pid():
    return int(show("otto.service", "MainPID"))


def override(unit, *lines):
    """What `systemctl edit` does."""
    folder = pathlib.Path(f"/etc/systemd/system/{unit}.d")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "override.conf").write_text("\n".join(lines) + "\n")
    run("systemctl", "daemon-reload")


def message_id(name):
    header = pathlib.Path("/messages.h").read_text()
    return re.search(rf'MessageType\s+{name}\{{\s*"[\w-]+",\s*"(\w+)"', header)[1]


class Journal:
    """The records that come after its making."""

    def __init__(self):
        run("journalctl", "--sync")
        cursor = re.search(r"^-- cursor: (.+)$", run("journalctl", "-n", "1", "--show-cursor"), re.MULTILINE)
        self.follower = subprocess.Popen(
            ["journalctl", "-f", "-n", "all", "-o", "json"] + ([f"--after-cursor={cursor[1]}"] if cursor else []),
            stdout=subprocess.PIPE)
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.follower.stdout, selectors.EVENT_READ)
        self.waiting = b""
        self.seen = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.follower.kill()
        self.follower.communicate()

    def wait(self, name=None, /, text="", **fields):
        """The next record of that kind (a name of messages.h), with that in its message, with those fields."""
        if name:
            fields["MESSAGE_ID"] = message_id(name)
        deadline = time.monotonic() + PATIENCE
        while True:
            while b"\n" in self.waiting:
                line, self.waiting = self.waiting.split(b"\n", 1)
                record = json.loads(line)
                self.seen.append(record)
                if text in str(record.get("MESSAGE")) and all(record.get(f) == str(v) for f, v in fields.items()):
                    return record
            if not self.selector.select(max(0, deadline - time.monotonic())):
                fail(f"no record came with {name or ''} {text!r} {fields}")
            piece = self.follower.stdout.read1(65536)
            expect(piece, "journalctl ended")
            self.waiting += piece


class DemoServer:
    def __init__(self, *arguments, name):
        self.process = subprocess.Popen(["/demo_server", *arguments, "--name", name], stdout=subprocess.PIPE, text=True)
        expect(self.process.stdout.readline().startswith("ready"), f"{name} did not start")

    def kill(self):
        self.process.kill()
        self.process.wait()


def demo_servers(ports=range(5001, 5006)):
    """Those of the sample configuration are server-1 to server-5."""
    return [DemoServer("--port", str(port), name=f"server-{port - 5000}") for port in ports]


class HoldingServer:
    """A server that keeps each request until it is released, so that requests are known to be in flight."""

    def __init__(self, port, name):
        holder = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                if self.headers["User-Agent"] != "otto-health-check":
                    holder.arrived.release()
                    holder.go.wait()
                body = name.encode()
                self.send_response(200)
                self.send_header("X-Server", name)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            request_queue_size = 1024
            daemon_threads = True

        self.arrived = threading.Semaphore(0)
        self.go = threading.Event()
        threading.Thread(target=Server(("127.0.0.1", port), Handler).serve_forever, daemon=True).start()


class Reply:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()
        self.server = response.headers["X-Server"]


def get(path="/", port=8080, host="127.0.0.1"):
    """One request on a new connection."""
    connection = http.client.HTTPConnection(host, port, timeout=PATIENCE)
    try:
        connection.request("GET", path)
        return Reply(connection.getresponse())
    finally:
        connection.close()


def write_config(ports=range(5001, 5006), **keys):
    CONFIG.write_text(json.dumps({"servers": [f"http://localhost:{port}" for port in ports], **keys}, indent=2) + "\n")


def refused(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0
