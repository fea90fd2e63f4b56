"""What keeps Otto from its servers or its file is said together with the cure."""

import json
import os
import shutil
import socket
import subprocess
import unittest
from unittest import mock

from admin import Admin, admin_socket
from harness import PATIENCE, Otto, TestCase, main, settings, tcp_listener

ONCE = {"healthCheck": {"interval": "1h", "downInterval": "1h"}}


def may_unshare():
    return os.geteuid() == 0 and os.system("unshare --mount --net true 2>/dev/null") == 0


class Confined(TestCase):
    """An Otto with two sockets: for clients, and for the admin API."""

    def confined(self, wrapper, servers, **more):
        listener, place = admin_socket(self.folder())
        command = Otto.command
        with mock.patch.object(Otto, "command", lambda otto: [*wrapper, *command(otto)]):
            otto = self.otto(settings(servers, **{**ONCE, **more}), names=["http", "admin"],
                             sockets=[tcp_listener(), listener])
        return otto, Admin(place)

    def says(self, otto, admin, server, *parts):
        """On all surfaces: the log's record of the server, its state, a request's record."""
        reason = otto.wait_flip(server, "unhealthy")
        shown = admin.servers()[server]["why"]
        since = otto.log.mark()
        self.assertIn(otto.fetch().status, (502, 504))
        record = otto.wait_for_log("warning: GET /: .*", since)[0]
        for text in (reason, shown, record):
            for part in parts:
                self.assertIn(part, text)

    @unittest.skipUnless(os.geteuid() == 0, "needs the right to give rights up")
    def test_a_socket_that_ottos_user_may_not_write_to(self):
        path = os.path.join(self.folder(), "app.sock")
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        self.addCleanup(listener.close)
        os.chown(path, 1, 1)
        os.chmod(path, 0o660)
        # As root without the right to ignore modes.
        wrapper = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
        otto, admin = self.confined(wrapper, [f"unix:{path}"])
        self.says(otto, admin, f"unix:{path}", "permission denied; ", "SupplementaryGroups=",
                  "systemctl daemon-reload && systemctl restart otto")

    @unittest.skipUnless(may_unshare(), "needs mounts of its own")
    def test_a_socket_in_the_tmp_of_others(self):
        private = os.path.join(self.folder(), "systemd-private-0-otto.service-x", "tmp")
        os.makedirs(private)
        # What the test itself has in /tmp stays where it is.
        wrapper = ["unshare", "--mount", "sh", "-c",
                   f'mount --bind "{private}" /var/tmp; exec "$@"', "sh"]
        otto, admin = self.confined(wrapper, ["unix:/var/tmp/otto-test-app.sock"])
        self.says(otto, admin, "unix:/var/tmp/otto-test-app.sock",
                  "no such file or directory; ", "PrivateTmp=", "/run")

    @unittest.skipUnless(may_unshare() and shutil.which("ip"), "needs a network of its own")
    def test_a_host_that_does_not_answer(self):
        # What goes to the other end of this device vanishes, as with IPAddressDeny=.
        wrapper = ["unshare", "--net", "sh", "-c",
                   "ip link add near type veth peer name far && ip link set far up &&"
                   " ip link set near up && ip address add 192.0.2.1/24 dev near &&"
                   " ip neighbour add 192.0.2.2 lladdr 02:00:00:00:00:02 dev near &&"
                   ' exec "$@"', "sh"]
        otto, admin = self.confined(wrapper, ["http://192.0.2.2:80"],
                                    healthCheck={**ONCE["healthCheck"], "timeout": "200ms"})
        reason = otto.wait_flip("http://192.0.2.2:80", "unhealthy")
        for text in (reason, admin.servers()["http://192.0.2.2:80"]["why"]):
            self.assertIn("no connection within 200ms; the host may be down, or IPAddressDeny= of ",
                          text)

    def test_a_socket_that_is_not_there(self):
        path = os.path.join(self.folder(), "app.sock")
        otto, admin = self.confined([], [f"unix:{path}"])
        self.says(otto, admin, f"unix:{path}", "no such file or directory")
        self.assertNotIn("PrivateTmp", admin.servers()[f"unix:{path}"]["why"])

    def test_all_servers_are_out_of_service(self):
        otto, admin = self.confined([], [{"url": "http://127.0.0.1:1", "state": "drain"},
                                         {"url": "http://127.0.0.1:2", "state": "disabled"},
                                         {"url": "http://127.0.0.1:3", "weight": 0}])
        self.assertEqual(otto.fetch().status, 503)
        otto.wait_for_log("warning: GET /: all servers are drained or disabled; answered 503")
        ready = admin.ask("GET", "/readyz")
        self.assertEqual((ready.status, ready.text), (503, "all servers are drained or disabled\n"))
        self.assertIn("All servers are drained or disabled",
                      admin.get("status").json["verdict"]["text"])


@unittest.skipUnless(may_unshare(), "needs mounts of its own")
class CheckByRoot(TestCase):
    """`otto --check` by root, on a system that has the package's user."""

    def check(self, file):
        users = os.path.join(self.folder(), "passwd")
        with open("/etc/passwd", encoding="utf-8") as known:
            text = known.read()
        with open(users, "w", encoding="utf-8") as out:
            out.write(text + "_otto:x:64999:64999::/:/usr/sbin/nologin\n")
        os.chmod(users, 0o644)
        done = subprocess.run(
            ["unshare", "--mount", "sh", "-c", f'mount --bind "{users}" /etc/passwd; exec "$@"',
             "sh", os.environ["OTTO"], "--check", "--config", file],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("ok, 1 server", done.stdout)
        return done.stderr

    def test_a_file_that_the_service_cannot_read(self):
        folder = self.folder()
        os.chmod(folder, 0o755)
        file = os.path.join(folder, "config.json")
        with open(file, "w", encoding="utf-8") as out:
            json.dump({"servers": ["http://localhost:5001"]}, out)
        os.chmod(file, 0o644)
        self.assertEqual(self.check(file), "")
        os.chmod(file, 0o640)
        self.assertIn(f"warning: the service runs as the user _otto, which cannot read this file: "
                      f"chgrp _otto {file} && chmod g+r {file}\n", self.check(file))
        os.chown(file, -1, 64999)
        self.assertEqual(self.check(file), "")
        os.chmod(folder, 0o700)
        self.assertIn(f"which cannot read {folder}: chmod o+x {folder}\n", self.check(file))


if __name__ == "__main__":
    main()
