#!/usr/bin/python3
"""Records carry MESSAGE_ID and fields, and the catalog explains them."""

import pathlib
import re

from booted import DemoServer, Journal, demo_servers, expect, get, message_id, passed, run, write_config

with Journal() as journal:
    servers = demo_servers()
    write_config(healthCheckInterval="200ms", slowStart="0s")
    expect(get().status == 200, "no answer")
    record = journal.wait("started")
    expect(record["_SYSTEMD_UNIT"] == "otto.service" and record["SYSLOG_IDENTIFIER"] == "otto", f"odd record: {record}")

    servers[2].kill()
    record = journal.wait("server_unhealthy", OTTO_SERVER="http://localhost:5003")
    expect(record["OTTO_TO"] == "unhealthy" and record["OTTO_FROM"] == "healthy", f"odd record: {record}")
    expect(int(record["PRIORITY"]) <= 5 and record["OTTO_REASON"], f"odd record: {record}")
    expect({get().server for _ in range(8)} == {f"server-{i}" for i in (1, 2, 4, 5)}, "the dead server gets requests")

    servers[2] = DemoServer("--port", "5003", name="server-3")
    record = journal.wait("server_healthy", OTTO_SERVER="http://localhost:5003")
    expect(record["OTTO_TO"] == "healthy", f"odd record: {record}")
    expect("server-3" in {get().server for _ in range(5)}, "the healed server gets no request")
    passed("a server's death and return are records with fields")

    for server in servers:
        server.kill()
    record = journal.wait("failing_open")
    expect(record["OTTO_SERVERS"] == "5", f"odd record: {record}")
    expect(get().status == 502, "no server answers, but none was tried")
    passed("no healthy server left: a record, and each request is tried all the same")

    run("systemctl", "stop", "otto.socket")
    journal.wait("stopped")

told = run("journalctl", "--no-pager", "-x", "-u", "otto.service", f"MESSAGE_ID={message_id('server_unhealthy')}", "-o", "short")
expect("Subject: Server http://localhost:5003 is unhealthy" in told and "Defined-By: Otto" in told, f"not explained:\n{told}")
told = run("journalctl", "--no-pager", "-x", "-u", "otto.service")
blank = re.findall(r"@?OTTO_[A-Z]+@?", told)
expect(not blank, f"fields of the catalog that the records lack: {set(blank)}")
passed("journalctl -x explains them")

listed = run("journalctl", "--list-catalog")
for name in re.findall(r"MessageType\s+(\w+)\{", pathlib.Path("/messages.h").read_text()):
    expect(message_id(name) in listed, f"{name} is not in the catalog")
passed("every message is in the catalog")
