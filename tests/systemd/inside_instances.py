#!/usr/bin/python3
"""A second Otto on the same host, by the recipe of otto(8), and an ottoctl that never takes one for the other."""

import gzip
import json
import pathlib
import re

from booted import CONFIG, demo_servers, expect, get, passed, refused, run, show, wait_until, write_config

BLUE = pathlib.Path("/etc/otto/blue.json")
SOCKET = ("--socket", "/run/otto-blue/admin.sock")


def recipe(title):
    """The first block of commands of a section of the manual, as a shell gets them."""
    manual = gzip.decompress(pathlib.Path("/usr/share/man/man8/otto.8.gz").read_bytes()).decode()
    section = manual.split(f".Ss {title}\n")[1]
    return re.search(r"^\.Bd .*\n([^.][\s\S]*?)^\.Ed$", section, re.MULTILINE)[1].replace("\\e", "\\")


servers = demo_servers()
expect(get().status == 200, "no answer")
told = run("sh", "-ec", recipe("A second instance"))
expect("otto-blue" not in run("ottoctl", "status") and "/etc/otto/blue.json" in told, f"not the second one: {told}")
expect(get(port=8090).status == 200, "the second one does not answer")
expect(show("otto-blue.service", "MainPID") != show("otto.service", "MainPID"), "there is one process")
passed("the recipe of the manual makes a second instance")

before = CONFIG.read_text()
run("ottoctl", *SOCKET, "weight", "http://localhost:5001", "7")
run("ottoctl", *SOCKET, "apply")
expect(CONFIG.read_text() == before and '"weight": 7' in BLUE.read_text(), "apply wrote the file of another Otto")
expect('"weight": 7' not in run("ottoctl", "servers", "--json"), "both have the change")
passed("apply writes the file of the Otto that it asks")

config = json.loads(BLUE.read_text())
BLUE.write_text(json.dumps(config | {"port": ":8091"}))
run("systemctl", "reload", "otto-blue")
status = show("otto-blue.service", "StatusText")
command = "ottoctl --socket /run/otto-blue/admin.sock apply"
expect(command in status, f"not the command for this instance: {status}")
run("sh", "-ec", command)
expect(get(port=8091).status == 200 and refused(8090) and get().status == 200, "the wrong socket was moved")
expect(pathlib.Path("/etc/systemd/system/otto-blue.socket.d/10-ottoctl.conf").exists(), "no drop-in of the second instance")
passed("its hints and apply are about its own units")

run("systemctl", "stop", "otto-blue.socket")
told = run("ottoctl", *SOCKET, "status", ok=False)
expect("Otto is stopped" in told and "systemctl start otto-blue.socket" in told, f"not told how to start it: {told}")
run("systemctl", "start", "otto-blue.socket")
run("systemctl", "disable", "--now", "otto-blue-admin.socket")
expect(get(port=8091).status == 200, "no answer")
told = run("ottoctl", *SOCKET, "status", ok=False)
expect("disabled" in told or "no socket unit" in told, f"not told that the admin API is disabled: {told}")
passed("a stopped second instance is told from a disabled admin API")

# The same of the first.
run("systemctl", "disable", "--now", "otto-admin.socket")
told = run("ottoctl", "status", ok=False)
expect("admin API is disabled" in told and "stopped" not in told, f"not told that the admin API is disabled: {told}")
hint = re.search(r"(systemctl enable otto-admin.socket && .*)", told)[1]
run("sh", "-ec", hint)
wait_until(lambda: not refused(8081), "admin API")
expect("running" in run("ottoctl", "status"), f"the hint does not help: {hint}")
run("systemctl", "stop", "otto.socket")
told = run("ottoctl", "status", ok=False)
expect("Otto is stopped; to start it: systemctl start otto.socket" in told and "disabled" not in told, f"not told how to start it: {told}")
run("systemctl", "disable", "otto-admin.socket")
told = run("ottoctl", "status", ok=False)
expect("Otto is stopped" in told and "systemctl enable otto-admin.socket" in told, f"not told of both: {told}")
run("useradd", "--no-create-home", "someone")
told = run("runuser", "-u", "someone", "--", "ottoctl", "status", ok=False)
expect("Otto is stopped" in told, f"other users are told: {told}")
passed("a stopped Otto is told from a disabled admin API, and the hints help")

# Nothing to listen on: the hint names the socket unit.
run("systemctl", "disable", "otto.socket")
write_config(port="192.0.2.1:80")
run("systemctl", "start", "otto.service", ok=False)
told = run("journalctl", "--no-pager", "-u", "otto.service", "-n", "20")
expect("systemctl start otto.socket" in told, f"no hint:\n{told}")
expect(show("otto.service", "ExecMainStatus") == "71", f"status {show('otto.service', 'ExecMainStatus')}")
run("systemctl", "start", "otto.socket")
expect(get().status == 200, "the hint does not help")
passed("an Otto with nothing to listen on names its socket unit")
