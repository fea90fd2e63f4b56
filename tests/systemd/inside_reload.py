#!/usr/bin/python3
"""systemctl reload: switches servers without losing a request, and refuses a bad file visibly."""

import threading

from booted import CONFIG, HoldingServer, Journal, demo_servers, expect, get, main_pid, passed, reload, run, write_config

IN_FLIGHT = 200

old = [HoldingServer(port, f"server-{port - 5000}") for port in range(5001, 5006)]
write_config()
results = []


def request():
    try:
        results.append(get().server)
    except OSError as error:
        results.append(error)


arrived = threading.Semaphore(0)
for server in old:
    server.arrived = arrived
clients = [threading.Thread(target=request) for _ in range(IN_FLIGHT)]
for client in clients:
    client.start()
for index in range(IN_FLIGHT):
    expect(arrived.acquire(timeout=60), f"only {index} requests are in flight")
passed(f"{IN_FLIGHT} requests are in flight")

new = demo_servers(range(5006, 5011))
pid = main_pid()
write_config(range(5006, 5011), slowStart="0s")
with Journal() as journal:
    run("systemctl", "reload", "otto")
    journal.wait("reload_done")
    for _ in range(5):
        journal.wait("server_healthy")
reload()  # by now each worker has all five
names = {get().server for _ in range(10)}
expect(names == {f"server-{i}" for i in range(6, 11)}, f"after the reload: {names}")
passed("new requests go to the new servers")

for server in old:
    server.go.set()
for client in clients:
    client.join()
wrong = [result for result in results if result not in {f"server-{i}" for i in range(1, 6)}]
expect(len(results) == IN_FLIGHT and not wrong, f"failed: {wrong[:5]} and {len(wrong)} in all")
expect(main_pid() == pid, "the service was restarted")
passed("none of the requests in flight failed")

CONFIG.write_text('{\n  "servers": ["http://localhost:5006"],\n  "helthCheck": {}\n}\n')
with Journal() as journal:
    run("systemctl", "reload", "otto", ok=False)
    record = journal.wait(text=f"{CONFIG}:3:", _SYSTEMD_UNIT="otto.service")
expect("healthCheck" in record["MESSAGE"], f"no hint in: {record['MESSAGE']}")
passed(f"a bad file fails the reload, and the journal says: {record['MESSAGE']}")
expect({get().server for _ in range(10)} == names and main_pid() == pid, "traffic did not go on as before")

with Journal() as journal:
    run("systemctl", "kill", "-s", "HUP", "otto")
    journal.wait("reload_failed", OTTO_FILE=CONFIG, OTTO_LINE=3)
expect({get().server for _ in range(10)} == names and main_pid() == pid, "a bare SIGHUP changed something")
passed("traffic goes on, and so it does when only a signal is sent")

write_config([5006])
reload()
expect({get().server for _ in range(4)} == {"server-6"}, "the mended file is not in force")
passed("the mended file is in force")
