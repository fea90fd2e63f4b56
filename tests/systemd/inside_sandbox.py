#!/usr/bin/python3
"""The sandbox is tight, and lets through what Otto needs."""

import pathlib
import pwd

from booted import DemoServer, demo_servers, expect, get, main_pid, override, passed, reload, run, write_config

servers = demo_servers()
expect(get().status == 200, "no answer")
run("systemd-analyze", "security", "--no-pager", "--threshold=11", "otto.service")
told = run("systemd-analyze", "security", "--no-pager", "otto.service").splitlines()[-1]
passed(told.encode("ascii", "ignore").decode().strip(" "))

# What the examples amount to.
EXAMPLES = pathlib.Path("/usr/share/doc/otto/examples/systemd")
DROP_INS = pathlib.Path("/etc/systemd/system/otto.service.d")


def with_example(name, exposure):
    DROP_INS.mkdir(exist_ok=True)
    (DROP_INS / name).write_text((EXAMPLES / name).read_text())
    run("systemctl", "daemon-reload")
    run("systemctl", "restart", "otto")
    run("systemd-analyze", "security", "--no-pager", f"--threshold={exposure}", "otto.service")


def without_example(name):
    (DROP_INS / name).unlink()
    run("systemctl", "daemon-reload")
    run("systemctl", "restart", "otto")


with_example("local-servers.conf", 9)
expect(get().status == 200, "no answer with local-servers.conf")
write_config([5001, 5002])
reload()
expect(get().status == 200, "a reload makes servers of this host unreachable")
without_example("local-servers.conf")
passed("exposure 0.9 where all servers and clients are local, and Otto serves")

status = dict(line.split(":\t", 1) for line in pathlib.Path(f"/proc/{main_pid()}/status").read_text().splitlines() if ":\t" in line)
for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
    expect(int(status[name], 16) == 0, f"{name} is {status[name]}")
expect(status["NoNewPrivs"] == "1" and status["Seccomp"] == "2", "privileges can be gained, or all system calls made")
expect(int(status["Uid"].split()[0]) == pwd.getpwnam("_otto").pw_uid, f"not the user _otto: {status['Uid']}")
passed("a user of its own without capabilities, behind a system call filter")

limit = run("prlimit", "--nofile", "--output=SOFT,HARD", "--noheadings", f"--pid={main_pid()}").split()
expect(limit[0] == limit[1], f"not all file descriptors that are allowed: {limit}")

with open("/etc/hosts", "a", encoding="utf-8") as hosts:
    hosts.write("127.0.0.3 backend.test\n")
named = DemoServer("--address", "127.0.0.3", "--port", "5011", name="by-name")
pathlib.Path("/etc/otto/config.json").write_text('{"servers": ["http://backend.test:5011"]}\n')
reload()
expect(get().server == "by-name", "a server on another name and address is out of reach")
passed("names are resolved, and other addresses than localhost reached")

run("groupadd", "--system", "app")
folder = pathlib.Path("/run/app")
folder.mkdir()
local = DemoServer("--unix", "/run/app/http.sock", name="by-path")
run("chgrp", "app", "/run/app/http.sock")
pathlib.Path("/run/app/http.sock").chmod(0o660)
pathlib.Path("/etc/otto/config.json").write_text('{"servers": ["unix:/run/app/http.sock"]}\n')
override("otto.service", "[Service]", "SupplementaryGroups=app")
run("systemctl", "restart", "otto.service")
expect(get().server == "by-path", "a server on a UNIX socket of another group is out of reach")
passed("a UNIX socket is reached by SupplementaryGroups=")

pathlib.Path("/run/app/http.sock").chmod(0o666)
(DROP_INS / "override.conf").unlink()
with_example("unix-servers.conf", 6)
expect(get().server == "by-path", "no answer with unix-servers.conf")
run("systemctl", "reload", "otto")
expect(get().server == "by-path", "no answer after a reload")
without_example("unix-servers.conf")
passed("exposure 0.6 where all servers are UNIX sockets, and Otto serves clients anywhere")
