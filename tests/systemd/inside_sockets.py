#!/usr/bin/python3
"""The socket units: restarted as often as you like, and opened again by a start of the service."""

import threading

from booted import demo_servers, expect, get, passed, refused, run, show, wait_until

RESTARTS = 60
SOCKETS = ("otto.socket", "otto-admin.socket")

servers = demo_servers()
expect(get().status == 200, "no answer")
done = threading.Event()


def knock():
    """Connections that come at any moment; the ports may be closed for an instant."""
    while not done.is_set():
        try:
            get()
        except OSError:
            pass


clients = [threading.Thread(target=knock, daemon=True) for _ in range(4)]
for client in clients:
    client.start()
for turn in range(RESTARTS):
    run("systemctl", "restart", "otto.socket")
    for unit in SOCKETS:
        # systemctl waits for otto.socket alone; otto-admin.socket starts after it.
        wait_until(lambda unit=unit: show(unit, "ActiveState") == "active", f"active {unit} after {turn + 1} restarts")
done.set()
for client in clients:
    client.join()
expect(get().status == 200 and not refused(8081), "no answer")
passed(f"otto.socket was restarted {RESTARTS} times in a row, with clients that come at any moment")

run("systemctl", "stop", "otto.socket")
expect(refused(8080) and show("otto.service", "ActiveState") == "inactive", "stopping the socket leaves the service")
run("systemctl", "start", "otto.service")
for unit in SOCKETS:
    expect(show(unit, "ActiveState") == "active", f"{unit} does not come with the service")
expect(get().status == 200 and "running" in run("ottoctl", "status"), "no answer")
passed("starting the service opens the sockets that were stopped")

run("systemctl", "disable", "--now", "otto-admin.socket")
run("systemctl", "stop", "otto.socket")
run("systemctl", "start", "otto.service")
expect(get().status == 200 and refused(8081), "the admin API is open though it was disabled")
run("systemctl", "enable", "otto-admin.socket")
run("systemctl", "restart", "otto.socket")
wait_until(lambda: get().status == 200, "answer")
expect("running" in run("ottoctl", "status"), "the admin API is not open")
passed("a socket that was disabled stays closed until it is enabled and otto.socket restarted")

run("systemctl", "disable", "otto.socket")
run("systemctl", "stop", "otto.socket")
run("systemctl", "start", "otto.service")
expect(show("otto.socket", "ActiveState") == "inactive" and get().status == 200, "Otto does not bind the port itself")
passed("without the socket unit Otto binds the port itself")

expect(show("otto.socket", "KeepAlive") == "yes", "no keep-alive")
