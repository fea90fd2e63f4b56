#!/usr/bin/python3
"""From an installed package to a balanced reply: the first connection starts the service."""

import gzip
import pathlib
import re

from booted import demo_servers, expect, get, main_pid, passed, reload, run, show, wait_until, write_config

expect(run("systemctl", "is-enabled", "otto.socket").strip() == "enabled", "otto.socket is not enabled")
expect(show("otto.socket", "ActiveState") == "active", "otto.socket is not active")
expect(show("otto.service", "UnitFileState") == "disabled", "otto.service is enabled")
expect(show("otto.service", "ActiveState") == "inactive", "otto.service runs already")
passed("installing starts the socket, not the service")

page = next(pathlib.Path("/usr/share/doc/otto").glob("README.md*"))
text = (gzip.decompress(page.read_bytes()) if page.suffix == ".gz" else page.read_bytes()).decode()
command = re.search(r"^Then `sudo (systemctl [^`]*)`", text, re.MULTILINE)[1]
run(*command.split())
expect(show("otto.service", "ActiveState") == "active", "the service does not run")
run(*command.split())
passed(f"the first command of the README succeeds before Otto runs, and after: {command}")

run("systemctl", "stop", "otto.socket")
run("systemctl", "start", "otto.socket")
write_config(workers=2, slowStart="0s")
servers = demo_servers()
expect(get().status == 200, "the first connection was not answered")
expect(show("otto.service", "ActiveState") == "active", "otto.service does not run")
passed("the first connection starts the service")

wait_until(lambda: show("otto.service", "StatusText").startswith("5/5 "), "five healthy servers")
reload()  # by now each worker has all five
names = [get().server for _ in range(10)]
expect(len(set(names[:5])) == 5 and names[:5] == names[5:], f"not in turn: {names}")
expect(names[:5] in [[f"server-{(i + k) % 5 + 1}" for i in range(5)] for k in range(5)], f"not in order: {names}")
passed("ten connections over five servers: two each, in order, with two workers")

comms = run("sh", "-c", f"cat /proc/{main_pid()}/task/*/comm").split()
expect(sum(name.startswith("otto-worker-") for name in comms) == 2, f"not two workers: {comms}")
for host in ("::1", "127.0.0.1"):
    expect(get(host=host).status == 200, f"no answer on {host}")
passed("both IPv4 and IPv6 are served")

status = run("systemctl", "status", "--no-pager", "otto.service")
expect("Status: \"" in status and "5" in show("otto.service", "StatusText"), f"no live status line:\n{status}")
passed(f"systemctl status shows: {show('otto.service', 'StatusText')}")

run("systemctl", "stop", "otto.service")
expect(get().status == 200, "a connection does not start the service again")
passed("after a stop of the service the next connection starts it again")
