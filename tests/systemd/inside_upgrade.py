#!/usr/bin/python3
"""An upgrade from Otto 0.1.0, which ran as a dynamic user and had conffiles: without a question, and nothing is lost. The old
package is made of the new one."""

import json
import os
import pathlib
import re
import shutil
import stat

from booted import CONFIG, demo_servers, expect, get, main_pid, passed, run, show, wait_until

PACKAGE = "/package.deb"
LOG = pathlib.Path("/var/log/otto/access.log")
STATE = pathlib.Path("/var/lib/otto")
LOGROTATE = pathlib.Path("/etc/logrotate.d/otto")


def edit(path, *changes):
    text = path.read_text()
    for old, new in changes:
        expect(re.search(old, text, re.MULTILINE), f"{path} has no {old}")
        text = re.sub(old, new, text, flags=re.MULTILINE)
    path.write_text(text)


def old_package():
    """What was different in 0.1.0, as far as an upgrade may see it."""
    tree = pathlib.Path("/tmp/old")
    run("dpkg-deb", "-R", PACKAGE, str(tree))
    edit(tree / "DEBIAN/control", ("^Version: .*", "Version: 0.1.0~old"))
    edit(tree / "lib/systemd/system/otto.service",
         ("^User=_otto$", "DynamicUser=yes"), ("^ReadWritePaths=.*", "LogsDirectory=otto\nLogsDirectoryMode=0750"))
    for unit in ("otto.socket", "otto-admin.socket"):
        edit(tree / "lib/systemd/system" / unit, ("^(WantedBy=.*) otto.service$", r"\1"))
    edit(tree / "usr/lib/sysusers.d/otto.conf", ("^u _otto.*", ""))
    (tree / "usr/lib/tmpfiles.d/otto.conf").unlink()
    edit(tree / "DEBIAN/postinst", ("^ *install_default .*", ":"), (r"^\s*if \[ -x .*systemd-tmpfiles.*", "if false; then"))
    for name, path in ("config.json", CONFIG), ("logrotate", LOGROTATE):
        target = tree / path.relative_to("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(tree / "usr/share/otto/default" / name, target)
    (tree / "DEBIAN/conffiles").write_text(f"{CONFIG}\n{LOGROTATE}\n")
    run("dpkg-deb", "--root-owner-group", "-Znone", "-b", str(tree), "/tmp/old.deb")
    return "/tmp/old.deb"


def upgrade():
    """As `apt-get -y` without a terminal."""
    return run("sh", "-ec", f"dpkg --install {PACKAGE} < /dev/null")


run("dpkg", "--install", old_package())
servers = demo_servers()
config = json.loads(CONFIG.read_text()) | {"accessLog": str(LOG), "sticky": {}, "workers": 1}
CONFIG.write_text(json.dumps(config, indent=2) + "\n")
edit(LOGROTATE, ("daily", "weekly"))
expect(get().status == 200, "no answer")
run("ottoctl", "weight", "http://localhost:5001", "7")
run("ottoctl", "add", "http://localhost:5009")
token = run("ottoctl", "token")
changes = run("ottoctl", "diff", "--json", ok=None)
cookie = get("/before").headers["Set-Cookie"].split(";")[0]
run("systemctl", "stop", "otto.service")
kept = {name: (STATE / name).read_bytes() for name in ("overlay.json", "admin-token", "sticky.key", "last-good.json")}
expect((STATE.is_symlink() and LOG.parent.is_symlink()), "the old package keeps nothing in private/")
lines = LOG.read_text().splitlines()
(LOG.parent / "access.log.1").write_text("rotated\n")
expect(len(lines) == 2, f"the access log has {lines}")
expect(get().status == 200, "no answer")
pid = main_pid()
passed("an Otto like 0.1.0 serves, with changes, keys and logs")

upgrade()
expect(main_pid() not in (0, pid), "the upgrade did not restart the running service")
expect(show("otto.service", "User") == "_otto", f"it runs as {show('otto.service', 'User')}")
expect(json.loads(CONFIG.read_text()) == config and "weekly" in LOGROTATE.read_text(), "what the operator wrote was changed")
passed("the upgrade asks nothing, and leaves what the operator wrote")
for folder in (STATE, LOG.parent):
    expect(not folder.is_symlink() and folder.is_dir(), f"{folder} is still in private/")
for name, content in kept.items():
    expect((STATE / name).read_bytes() == content and (STATE / name).owner() == "_otto", f"{name} is not as it was")
expect(run("ottoctl", "token") == token and run("ottoctl", "diff", "--json", ok=None) == changes, "token or changes are not as they were")
reply = run("curl", "-sS", "--include", "-H", f"Cookie: {cookie}", "http://127.0.0.1:8080/after")
expect("Set-Cookie" not in reply and "200 OK" in reply, f"the cookie of before is not valid: {reply}")
passed("state, changes, token and keys are those of before, and have moved out of private/")

wait_until(lambda: "/after" in LOG.read_text(), "line of a new request in the access log")
expect(LOG.read_text().splitlines()[:2] == lines, "the log of before is gone")
run("useradd", "--no-create-home", "--groups", "adm", "reader")
for name in ("access.log", "access.log.1"):
    run("runuser", "-u", "reader", "--", "cat", str(LOG.parent / name))
run("useradd", "--no-create-home", "stranger")
run("runuser", "-u", "stranger", "--", "cat", str(LOG), ok=False)
folder = LOG.parent.stat()
expect(stat.S_IMODE(folder.st_mode) == 0o2750 and LOG.parent.owner() == "_otto", f"{folder}")
passed("the logs have moved, too, go on, and are readable for the group adm alone")

for unit in ("otto.socket", "otto-admin.socket"):
    wanted = os.path.exists(f"/etc/systemd/system/otto.service.wants/{unit}")
    expect(wanted, f"the upgrade does not have {unit} wanted by the service")
run("systemctl", "stop", "otto.socket")
run("systemctl", "start", "otto.service")
expect(show("otto.socket", "ActiveState") == "active", "a start of the service does not open the socket")
passed("the enabled sockets are opened by the service from now on")

upgrade()
expect(json.loads(CONFIG.read_text()) == config and "weekly" in LOGROTATE.read_text(), "what the operator wrote was changed")
CONFIG.unlink()
upgrade()
expect(not CONFIG.exists(), "an upgrade brought the file back that the operator removed")
passed("later upgrades change nothing, either")

run("dpkg", "--purge", "otto")
left = [path for path in (CONFIG, LOGROTATE, STATE, LOG.parent) if os.path.lexists(path)]
expect(not left, f"left by purge: {left}")
passed("purge leaves nothing of it")
