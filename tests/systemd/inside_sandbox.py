#!/usr/bin/python3
"""The sandbox is tight, and lets through what Otto needs."""

import pathlib
import pwd

from booted import DemoServer, demo_servers, expect, get, main_pid, override, passed, reload, run

servers = demo_servers()
expect(get().status == 200, "no answer")
run("systemd-analyze", "security", "--no-pager", "--threshold=11", "otto.service")
told = run("systemd-analyze", "security", "--no-pager", "otto.service").splitlines()[-1]
passed(told.encode("ascii", "ignore").decode().strip(" "))

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
