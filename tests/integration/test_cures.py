"""What keeps Otto from its servers or its file is said together with the cure."""

import os
import unittest
from unittest import mock

from admin import Admin, admin_socket
from harness import Otto, TestCase, main, settings, unix_listener

ONCE = {"healthCheck": {"interval": "1h", "downInterval": "1h"}}


def may_unshare():
    return os.geteuid() == 0 and os.system("unshare --mount true 2>/dev/null") == 0


class Confined(TestCase):
    """An Otto with two sockets: for clients, and for the admin API."""

    def confined(self, wrapper, servers, **more):
        socket, place = admin_socket(self.folder())
        command = Otto.command
        with mock.patch.object(Otto, "command", lambda otto: [*wrapper, *command(otto)]):
            otto = self.otto(settings(servers, **ONCE, **more), names=["http", "admin"],
                             sockets=[self.http(), socket])
        return otto, Admin(place)

    def http(self):
        return unix_listener(os.path.join(self.folder(), "http.sock"))

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
        listener = unix_listener(path)
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

    def test_a_socket_that_is_not_there(self):
        path = os.path.join(self.folder(), "app.sock")
        otto, admin = self.confined([], [f"unix:{path}"])
        self.says(otto, admin, f"unix:{path}", "no such file or directory")
        self.assertNotIn("PrivateTmp", admin.servers()[f"unix:{path}"]["why"])


if __name__ == "__main__":
    main()
