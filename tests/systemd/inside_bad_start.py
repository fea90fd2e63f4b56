#!/usr/bin/python3
"""A bad file at start does not cost the port: 503 or the last good configuration, until a reload mends it."""

from booted import CONFIG, Journal, demo_servers, expect, get, main_pid, passed, reload, run, show, write_config

BAD = '{\n  "servers": ["http://localhost:5001"],\n  "workers": "many"\n}\n'

servers = demo_servers()
CONFIG.write_text(BAD)
with Journal() as journal:
    reply = get()
    record = journal.wait("config_invalid_at_start", OTTO_FILE=CONFIG, OTTO_LINE=3)
    journal.wait(text=f"{CONFIG}:3:", _SYSTEMD_UNIT="otto.service") if f"{CONFIG}:3:" not in record["MESSAGE"] else None
expect(reply.status == 503 and reply.headers["Retry-After"], f"status {reply.status}, {reply.headers}")
run("systemctl", "start", "otto.service")  # until it is active
expect(show("otto.service", "ActiveState") == "active", "the service does not run")
pid = main_pid()
passed(f"without a last good configuration: 503 with Retry-After; status: {show('otto.service', 'StatusText')}")

write_config([5001])
reload()
expect(get().server == "server-1" and main_pid() == pid, "the mended file is not in force")
passed("a reload recovers")

CONFIG.write_text(BAD)
run("systemctl", "stop", "otto.service")
with Journal() as journal:
    reply = get()
    journal.wait("config_invalid_at_start", OTTO_FILE=CONFIG, OTTO_LINE=3)
expect(reply.status == 200 and reply.server == "server-1", f"status {reply.status} from {reply.server}")
passed("a later start serves the last good configuration")

pid = main_pid()
run("systemctl", "reload", "otto", ok=False)
write_config([5002])
reload()
expect(get().server == "server-2" and main_pid() == pid, "the mended file is not in force")
expect(show("otto.service", "NRestarts") == "0", "it was restarted")
passed("a reload recovers from that, too, without reset-failed")

run("systemctl", "disable", "--now", "otto.socket", "otto-admin.socket")
CONFIG.write_text(BAD)
run("systemctl", "start", "otto.service", ok=False)
expect(show("otto.service", "ExecMainStatus") == "78", f"status {show('otto.service', 'ExecMainStatus')}")
passed("without sockets it ends with 78")
