#!/usr/bin/python3
"""A changed "port" never closes the old one; the journal names the command that moves it, and it does, or names who has the last
word. The other way round, "port" follows the socket."""

import json
import pathlib

from booted import CONFIG, Journal, demo_servers, expect, get, override, passed, refused, run, show, wait_until, write_config

DROP_INS = pathlib.Path("/etc/systemd/system/otto.socket.d")
OWN = DROP_INS / "10-ottoctl.conf"

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
status = show("otto.service", "StatusText")
for part in ("ottoctl apply", "ottoctl apply --port socket"):
    expect(part in status, f"no {part} in the status: {status}")
    expect(part in record["MESSAGE"], f"no {part} in the record: {record['MESSAGE']}")
commands = record["OTTO_COMMANDS"]
print(commands)
print(run("sh", "-ec", commands))
expect(get(port=9090).status == 200, "port 9090 does not answer after the commands")
expect(refused(8080), "port 8080 is still open after the commands")
passed("the command that the journal names moves the port")

with Journal() as journal:
    run("systemctl", "reload", "otto")
    journal.wait("reload_done")
    expect(not any(r.get("MESSAGE_ID") == record["MESSAGE_ID"] for r in journal.seen), "still said to differ")
passed("then nothing differs")


def port():
    return json.loads(CONFIG.read_text()).get("port")


def said_to_differ():
    run("systemctl", "reload", "otto")
    return "systemd's socket listens" in show("otto.service", "StatusText")


# Without the admin API there is no ottoctl: commands for a shell, which go through STATUS= unharmed.
write_config(port=["127.0.0.1:9091", ":9092"])
run("systemctl", "disable", "--now", "otto-admin.socket")
run("systemctl", "restart", "otto.socket")
wait_until(lambda: get(port=9090).status == 200, "answer")
wait_until(lambda: "as root: mkdir" in show("otto.service", "StatusText"), "commands in the status")
run("sh", "-ec", show("otto.service", "StatusText").split("as root: ")[1])
expect(get(port=9091).status == 200 and get(port=9092).status == 200 and refused(9090), "the commands of the status do not work")
run("systemctl", "enable", "otto-admin.socket")
run("systemctl", "restart", "otto.socket")
expect(not said_to_differ(), "still said to differ")
passed("without the admin API the status line has commands for a shell, which work as they stand there")

write_config(port=":9090")
expect(said_to_differ(), "not said to differ")
told = run("ottoctl", "apply", "--port", "socket")
expect(port() == ["127.0.0.1:9091", ":9092"] and not said_to_differ(), f"the file has {port()}: {told}")
expect(get(port=9091).status == 200 and get(port=9092).status == 200, "the sockets have changed")
passed("\"port\" follows the socket, too")

# What 0.1.0 wrote goes, what an operator wrote stays and has the last word.
OWN.unlink()
earlier = DROP_INS / "port.conf"
earlier.write_text("# Written by \"ottoctl apply\".\n[Socket]\nListenStream=\nListenStream=9093\n")
run("systemctl", "daemon-reload")
run("systemctl", "restart", "otto.socket")
write_config(port=":9094")
run("systemctl", "reload", "otto")
run("ottoctl", "apply")
expect(get(port=9094).status == 200 and refused(9093) and not earlier.exists(), "the drop-in of 0.1.0 was not replaced")
earlier.write_text("# Mine.\n[Socket]\nListenStream=\nListenStream=9095\n")
run("systemctl", "daemon-reload")
run("systemctl", "restart", "otto.socket")
write_config(port=":9096")
run("systemctl", "reload", "otto")
own = OWN.read_text()
told = run("ottoctl", "apply", ok=False)
expect(str(earlier) in told and "9095" in told, f"the drop-in that wins is not named: {told}")
expect("# Mine." in earlier.read_text() and OWN.read_text() == own and get(port=9095).status == 200, "something was changed")
earlier.unlink()
passed("a drop-in that Otto did not write stays, and is named")

override("otto.socket", "[Socket]", "ListenStream=", "ListenStream=9097")
run("systemctl", "restart", "otto.socket")
expect(get(port=9097).status == 200, "what systemctl edit wrote has no effect")
told = run("ottoctl", "apply", ok=False)
expect(str(DROP_INS / "override.conf") in told and get(port=9097).status == 200, f"override.conf is not named: {told}")
run("ottoctl", "apply", "--port", "socket")
expect(port() == ":9097" and not said_to_differ(), f"the file has {port()}")
override("otto.socket", "[Socket]", "ListenStream=9098")
run("systemctl", "restart", "otto.socket")
told = run("ottoctl", "apply", ok=False)
expect("override.conf" in told, f"a second port by override.conf is not named: {told}")
passed("systemctl edit has the last word: apply names override.conf and exits with 1")

(DROP_INS / "override.conf").unlink()
run("systemctl", "daemon-reload")
run("ottoctl", "apply")
expect(get(port=9097).status == 200 and refused(9098), "apply does not move the port without override.conf")
passed("and once that is gone, apply moves the port")
