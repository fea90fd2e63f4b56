#!/usr/bin/python3
"""ottoctl as operators use it: who may, draining as a server's ExecStop=, changes over restarts, a port that `apply` moves."""

import grp
import json
import os
import pathlib
import stat
import threading

from booted import CONFIG, Journal, demo_servers, expect, get, main_pid, passed, refused, run, show

SOCKET = pathlib.Path("/run/otto/admin.sock")


def ctl(*arguments, ok=True, user=None):
    return run(*(("runuser", "-u", user, "--") if user else ()), "ottoctl", *arguments, ok=ok)


servers = demo_servers()
expect(show("otto-admin.socket", "ActiveState") == "active", "otto-admin.socket is not active")
found = SOCKET.stat()
expect(stat.S_IMODE(found.st_mode) == 0o660 and grp.getgrgid(found.st_gid).gr_name == "otto-admin" and found.st_uid == 0,
       f"the socket is for others: {found}")
expect("running" in ctl("status"), "no status")
expect(show("otto.service", "ActiveState") == "active", "ottoctl does not start the service")
expect(get().status == 200, "no answer")
passed("ottoctl starts the service as any client does")

run("useradd", "--no-create-home", "someone")
run("useradd", "--no-create-home", "--groups", "otto-admin", "keeper")
expect("group otto-admin" in ctl("status", user="someone", ok=False), "somebody else is not told what to do")
expect("running" in ctl("status", user="keeper"), "the group may not")
with Journal() as journal:
    ctl("weight", "http://localhost:5001", "3", user="keeper")
    journal.wait("changed_at_runtime", text="5001")
token = ctl("token", user="keeper").strip()
target = "http://127.0.0.1:8081/api/v1/servers/http%3A%2F%2Flocalhost%3A5001"
patch = ("curl", "-sS", "--fail", "-X", "PATCH", "-d", '{"weight": 4}')
page = run("curl", "-sS", "--fail", "--include", "http://127.0.0.1:8081/")
expect("<title>Otto</title>" in page and "default-src 'none'" in page, f"no web page: {page[:500]}")
run(*patch, target, ok=False)
run(*patch, "-H", f"Authorization: Bearer {token}", target)
expect('"weight": 4' in ctl("servers", "--json"), "the change over TCP has no effect")
passed("root, the group and the bearer of the token may change things, nobody else")

# What the sandbox hides must not be missed.
metrics = run("curl", "-sS", "--fail", "http://127.0.0.1:8081/metrics")
for name in ("process_open_fds", "process_threads", "process_resident_memory_bytes", "process_cpu_seconds_total", "otto_watchdog_lag_seconds"):
    found = [line.split()[1] for line in metrics.splitlines() if line.startswith(name + " ")]
    expect(len(found) == 1 and float(found[0]) > 0, f"{name}: {found}")
for example in ("prometheus/otto.rules.yml", "grafana/otto.json"):
    expect(pathlib.Path("/usr/share/doc/otto/examples", example).is_file(), f"no {example} in the package")
passed("metrics are there for everybody on the host")

before = ctl("diff", "--json", ok=None)
run("systemctl", "restart", "otto.service")
run("systemctl", "reload", "otto.service")
expect(ctl("diff", "--json", ok=None) == before and '"weight": 4' in ctl("servers", "--json"), "the changes did not survive")
passed("changes survive restart and reload")

# A server that drains itself, as in ottoctl(1), and is restarted under load.
servers[1].kill()
pathlib.Path("/etc/systemd/system/app@.service").write_text("""[Unit]
StartLimitIntervalSec=0
[Service]
Type=exec
DynamicUser=yes
SupplementaryGroups=otto-admin
ExecStart=/demo_server --port %i --name server-2
ExecStartPost=-/usr/bin/ottoctl enable http://localhost:%i
ExecStop=-/usr/bin/ottoctl drain http://localhost:%i --wait --timeout 30s
TimeoutStopSec=45s
""")
run("systemctl", "daemon-reload")
with Journal() as journal:
    run("systemctl", "start", "app@5002.service")
    if '"unhealthy"' in ctl("servers", "--json"):
        journal.wait("server_healthy")
failures, answered, over = [], [0], threading.Event()


def load():
    while not over.is_set():
        reply = get()
        answered[0] += 1
        if reply.status != 200:
            failures.append(reply.status)


clients = [threading.Thread(target=load, daemon=True) for _ in range(4)]
for client in clients:
    client.start()
for _ in range(5):
    run("systemctl", "restart", "app@5002.service")
over.set()
for client in clients:
    client.join()
expect(not failures and answered[0] > 100, f"{len(failures)} of {answered[0]} requests failed")
passed(f"a server that drains itself was restarted five times: {answered[0]} requests, none failed")

ctl("reset")
CONFIG.write_text(json.dumps(json.loads(CONFIG.read_text()) | {"port": ":9090"}))
run("systemctl", "reload", "otto")
ctl("add", "http://localhost:5009", "--name", "new")
expect("9090" in ctl("status"), "the status does not say how to move the port")
pid = main_pid()
os.chmod(CONFIG, 0o604)
told = ctl("apply")
expect(get(port=9090).status == 200 and refused(8080), f"the port was not moved: {told}")
expect(main_pid() != pid, "Otto was not restarted")
written = json.loads(CONFIG.read_text())
expect(written["port"] == ":9090" and written["servers"][-1] == {"url": "http://localhost:5009", "name": "new"}, f"{written}")
expect(stat.S_IMODE(CONFIG.stat().st_mode) == 0o604, "the mode of the file has changed")
expect(ctl("diff") == "no changes\n" and "new" in ctl("servers"), "changes are left")
passed("apply writes the file and moves the port")

run("systemctl", "stop", "otto.socket", "otto.service")
expect("systemctl start otto.socket" in ctl("status", ok=False), "no hint")
expect(show("otto.service", "ActiveState") == "inactive" and refused(8081), "a look at a stopped Otto has started it")
run("systemctl", "start", "otto.socket")
expect("running" in ctl("status"), "the admin socket does not come with otto.socket")
passed("the admin socket comes and goes with otto.socket")
