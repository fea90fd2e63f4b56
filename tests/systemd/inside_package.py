#!/usr/bin/python3
"""Installing, upgrading, removing and purging the package, which leave what they should, and in the end nothing. It is not
installed beforehand."""

import os
import pathlib
import stat

from booted import demo_servers, expect, get, main_pid, passed, refused, run, show

PACKAGE = "/package.deb"


def files():
    """Every file of the system that is not the package manager's or the system's own book-keeping, with what it is."""
    skipped = ("/proc", "/sys", "/dev", "/run", "/tmp", "/tests", "/var/lib/dpkg", "/var/log", "/var/cache", "/var/tmp", "/work",
               "/src", "/build", "/root", "/home")
    found = {}
    for folder, names, leaves in os.walk("/"):
        names[:] = [name for name in names if os.path.join(folder, name) not in skipped]
        for name in names + leaves:
            path = os.path.join(folder, name)
            found[path] = stat.S_IFMT(os.lstat(path).st_mode)
    return found


def difference(before):
    """What came and went. The catalog's database is made by the trigger of systemd's package."""
    after = files()
    return {path for path in before.keys() ^ after.keys() if path != "/var/lib/systemd/catalog/database"}


def install():
    return run("dpkg", "--install", PACKAGE)


before = files()
install()
for unit in ("otto.socket", "otto-admin.socket"):
    expect(show(unit, "ActiveState") == "active" and show(unit, "UnitFileState") == "enabled", f"no {unit}")
expect(show("otto.service", "ActiveState") == "inactive", "the service was started")
install()
expect(show("otto.service", "ActiveState") == "inactive", "an upgrade started the service")
passed("installing enables and starts the socket; an upgrade does not start the service")

servers = demo_servers()
expect(get().status == 200, "no answer")
pid = main_pid()
config = pathlib.Path("/etc/otto/config.json")
expect(not run("dpkg-query", "-W", "-f", "${Conffiles}", "otto").strip(), "there are conffiles: a new default would stop an upgrade")
config.write_text(config.read_text() + "\n")
socket_since = show("otto.socket", "ActiveEnterTimestampMonotonic")
install()
expect(main_pid() not in (0, pid), "an upgrade did not restart the running service")
expect(show("otto.socket", "ActiveEnterTimestampMonotonic") == socket_since, "an upgrade closed the socket")
expect(config.read_text().endswith("\n\n"), "an upgrade changed the configuration")
expect(get().status == 200, "no answer after the upgrade")
passed("an upgrade restarts a running service, keeps its socket open and its configuration")

run("dpkg", "--remove", "otto")
expect(refused(8080) and refused(8081), "a port is open after removal")
expect(not run("pgrep", "-x", "otto", ok=None), "a process is left after removal")
left = {path for path in difference(before) if not os.path.isdir(path)}
wants = "/etc/systemd/system/{}.wants/{}.socket"
kept = {"/etc/otto/config.json", "/etc/logrotate.d/otto", "/var/lib/otto/last-good.json", wants.format("otto.socket", "otto-admin"),
        *(wants.format(by, unit) for by in ("sockets.target", "otto.service") for unit in ("otto", "otto-admin"))}
expect(all(path in kept or path.startswith("/var/lib/systemd/deb-systemd-helper-enabled/") for path in left),
       f"left by removal: {sorted(left)}")
passed("removal leaves the configuration and the state, nothing that runs")

run("dpkg", "--purge", "otto")
left = difference(before)
expect(not left, f"left by purge: {sorted(left)}")
for listing in ("list-units", "list-unit-files"):
    told = run("systemctl", listing, "--all", "--no-legend", "otto*", ok=None)
    expect("otto" not in told, f"{listing} still has: {told}")
passed("purge leaves nothing")

install()
expect(show("otto.socket", "UnitFileState") == "enabled" and get().status == 200, "installing again does not work")
run("dpkg", "--purge", "otto")
expect(refused(8080), "the port is open after a purge at once")
left = difference(before)
expect(not left, f"left by the second purge: {sorted(left)}")
passed("and again, with the service running")
