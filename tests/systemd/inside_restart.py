#!/usr/bin/python3
"""systemctl restart under load: what connects to the socket meanwhile is served."""

import threading

from booted import demo_servers, expect, get, main_pid, passed, run

CLIENTS = 16
RESTARTS = 5

servers = demo_servers()
expect(get().status == 200, "no answer")
done = threading.Event()
counts, failures = [0] * CLIENTS, []
progress = threading.Condition()


def client(index):
    while not done.is_set():
        try:
            status = get().status
            if status != 200:
                failures.append(status)
        except OSError as error:
            failures.append(repr(error))
        with progress:
            counts[index] += 1
            progress.notify()


threads = [threading.Thread(target=client, args=(index,)) for index in range(CLIENTS)]
for thread in threads:
    thread.start()
pids = {main_pid()}
for _ in range(RESTARTS):
    with progress:
        goal = sum(counts) + 100
        expect(progress.wait_for(lambda: sum(counts) >= goal, 60), "the clients are stuck")
    run("systemctl", "restart", "otto.service")
    pids.add(main_pid())
done.set()
for thread in threads:
    thread.join()
expect(len(pids) == RESTARTS + 1, f"not {RESTARTS} restarts: {pids}")
expect(not failures, f"{len(failures)} of {sum(counts)} failed: {failures[:5]}")
passed(f"{RESTARTS} restarts, {sum(counts)} new connections, none lost")
