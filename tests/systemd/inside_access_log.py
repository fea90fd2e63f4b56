#!/usr/bin/python3
"""The access log: in the journal, in /var/log/otto rotated by logrotate under load, and what a journald that stands still costs: nothing."""

import gzip
import json
import os
import pathlib
import signal
import threading
import time

from booted import Journal, demo_servers, expect, get, passed, reload, run, show, write_config

LOG = pathlib.Path("/var/log/otto/access.log")


def lines_of(path):
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    expect(content.endswith(b"\n") or not content, f"{path} ends in half a line")
    return [json.loads(line) for line in content.splitlines()]


class Load:
    """Requests one after the other, until it is told to end; all must be answered with 200."""

    def __init__(self, target="/load"):
        self.target = target
        self.count = 0
        self.ended = threading.Event()
        self.progress = threading.Condition()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while not self.ended.is_set():
            expect(get(self.target).status == 200, "a request failed")
            with self.progress:
                self.count += 1
                self.progress.notify_all()

    def wait_for(self, more):
        with self.progress:
            goal = self.count + more
            expect(self.progress.wait_for(lambda: self.count >= goal, 60), "the load stands still")

    def end(self):
        self.ended.set()
        self.thread.join()
        return self.count


def journald():
    return int(show("systemd-journald.service", "MainPID"))


with Journal() as journal:
    servers = demo_servers()
    write_config(accessLog="journal", slowStart="0s", workers=1)
    expect(get("/in-the-journal?a=\"b\"").status == 200, "no answer")
    record = journal.wait("request_ended")
    expect(record["_SYSTEMD_UNIT"] == "otto.service" and record["SYSLOG_IDENTIFIER"] == "otto" and record["PRIORITY"] == "6", f"{record}")
    expect(record["OTTO_TARGET"] == "/in-the-journal?a=\"b\"" and record["OTTO_STATUS"] == "200" and record["OTTO_METHOD"] == "GET", f"{record}")
    expect(record["OTTO_CLIENT"] == "127.0.0.1" and record["OTTO_SERVER"].startswith("http://localhost:500"), f"{record}")
    passed("requests are records of the journal, with fields")

    pid = show("otto.service", "MainPID")
    stopped = journald()
    os.kill(stopped, signal.SIGSTOP)
    began = time.monotonic()
    load = Load("/" + "x" * 2000)
    # More than the queue of journald's socket and the worker's ring hold, and longer than the watchdog's patience.
    load.wait_for(2000)
    while time.monotonic() - began < 12:
        load.wait_for(50)
    count = load.end()
    servers[4].kill()
    os.kill(stopped, signal.SIGCONT)
    lost = int(journal.wait("access_log_lossy")["OTTO_LOST"])
    journal.wait("server_unhealthy", OTTO_SERVER="http://localhost:5005")
    expect(show("otto.service", "MainPID") == pid, "the watchdog has bitten")
    expect(0 < lost < count, f"{lost} of {count} records were lost")
    passed(f"{count} requests while journald stood still: all answered, and Otto goes on")

    write_config(accessLog=str(LOG), slowStart="0s", workers=1)
    reload()
    load = Load()
    for rotation in range(6):
        load.wait_for(300)
        while not LOG.exists() or LOG.stat().st_size == 0:  # logrotate passes an empty log over
            load.wait_for(10)
        run("logrotate", "--force", "/etc/logrotate.d/otto")
    load.wait_for(100)
    count = load.end()
    run("systemctl", "stop", "otto.service")
    files = sorted(LOG.parent.glob("access.log*"))
    found = sum(len(lines_of(file)) for file in files)
    expect(len(files) == 7 and sum(file.suffix == ".gz" for file in files) == 5, f"rotated to {files}")
    expect(found == count, f"{count} requests, {found} lines")
    passed(f"six rotations under load: all of {count} lines are there")

    status = LOG.stat()
    expect(status.st_mode & 0o777 == 0o640, f"the file has mode {status.st_mode:o}")
    folder = LOG.parent.stat()
    expect(folder.st_mode & 0o777 == 0o750, f"its folder has mode {folder.st_mode:o}")
    run("useradd", "--no-create-home", "--groups", "adm", "reader")
    for file in files:
        run("runuser", "-u", "reader", "--", "cat", str(file))
    passed("the group adm may read the log, and what was rotated")
    run("systemctl", "stop", "otto.socket", "otto.service")
    run("logrotate", "--force", "/etc/logrotate.d/otto")
    passed("rotating while Otto does not run is no error")
