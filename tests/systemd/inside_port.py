#!/usr/bin/python3
"""A changed "port" never closes the old one; the journal names the commands that move it, and they do."""

from booted import Journal, demo_servers, expect, get, passed, refused, run, show, write_config

servers = demo_servers()
expect(get().status == 200, "no answer")

write_config(port=":9090")
run("systemctl", "daemon-reload")
expect(get().status == 200 and refused(9090), "daemon-reload changed the port")
with Journal() as journal:
    run("systemctl", "reload", "otto")
    record = journal.wait("port_differs")
expect(get().status == 200 and refused(9090), "the old port does not answer")
passed("a changed port leaves the old one answering")

for part in ("9090", "8080"):
    expect(part in record["MESSAGE"] + record.get("OTTO_COMMANDS", ""), f"no {part} in: {record['MESSAGE']}")
expect("otto.socket" in show("otto.service", "StatusText"), f"not in the status: {show('otto.service', 'StatusText')}")
commands = record["OTTO_COMMANDS"]
print(commands)
run("sh", "-ec", commands)
expect(get(port=9090).status == 200, "port 9090 does not answer after the commands")
expect(refused(8080), "port 8080 is still open after the commands")
passed("the commands that the journal names move the port")

with Journal() as journal:
    run("systemctl", "reload", "otto")
    journal.wait("reload_done")
    expect(not any(r.get("MESSAGE_ID") == record["MESSAGE_ID"] for r in journal.seen), "still said to differ")
passed("then nothing differs")
