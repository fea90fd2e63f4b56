"""Listening sockets, from systemd or of Otto's own."""

import os
import socket

from harness import RawClient, TestCase, fetch, main, settings, tcp_listener, unix_listener


class PassedSockets(TestCase):
    def serve(self, sockets, names=None):
        otto = self.otto(settings(self.demo(1)), sockets=sockets, names=names)
        otto.wait_healthy(1)
        return otto

    def test_ipv4_named(self):
        self.assertEqual(self.serve([tcp_listener()], ["http"]).fetch().status, 200)

    def test_unnamed(self):
        self.assertEqual(self.serve([tcp_listener()]).fetch().status, 200)
        self.assertEqual(self.serve([tcp_listener()], ["unknown"]).fetch().status, 200)

    def test_ipv6(self):
        self.assertEqual(self.serve([tcp_listener("::1")], ["http"]).fetch().status, 200)

    def test_several(self):
        path = os.path.join(self.folder(), "http.sock")
        sockets = [tcp_listener(), tcp_listener("::1"), unix_listener(path), tcp_listener()]
        otto = self.serve(sockets, ["http"] * 4)
        for address in (sockets[0].getsockname(), sockets[1].getsockname()[:2], path,
                        sockets[3].getsockname()):
            for _ in range(3):
                self.assertEqual(fetch(address).status, 200, address)
        self.assertTrue(otto.running())

    def test_unix_clients_bound_to_any_path(self):
        folder = self.folder()
        path = os.path.join(folder, "http.sock")
        otto = self.serve([unix_listener(path)], ["http"])
        # The longest path that the kernel takes: 108 bytes, without a final zero.
        longest = os.path.join(folder, "x" * 108)[:108]
        for name in (None, "\0abstract-" + os.path.basename(folder), longest):
            with RawClient(path, bind_to=name) as client:
                self.assertEqual(client.request().status, 200, name)
                self.assertEqual(client.request("/bytes/70000").status, 200, name)
        self.assertTrue(otto.running())

    def test_a_port_that_differs_is_reported_with_the_commands(self):
        otto = self.otto(settings(self.demo(1), port=":9"), names=["http"])
        otto.wait_for_log(r"ListenStream=9\b.*systemctl \S+ otto\.socket")
        otto.wait_note(STATUS=r"otto\.socket")
        otto.wait_healthy(1)
        self.assertEqual(otto.fetch().status, 200)


class OwnSockets(TestCase):
    def test_port_of_the_configuration(self):
        otto = self.otto(settings(self.demo(1), port="127.0.0.1:0"), sockets=[])
        otto.wait_healthy(1)
        self.assertEqual(otto.fetch().server(), "server-1")

    def test_every_address(self):
        otto = self.otto(settings(self.demo(1), port=":0"), sockets=[])
        otto.wait_healthy(1)
        port = otto.address[1]
        for host in ("127.0.0.1", "::1"):
            self.assertEqual(fetch((host, port)).status, 200, host)

    def test_several(self):
        otto = self.otto(settings(self.demo(1), port=["127.0.0.1:0", "[::1]:0"]), sockets=[])
        otto.wait_healthy(1)
        for host in (r"127\.0\.0\.1:", r"\[::1\]:"):
            port = otto.wait_for_log(rf"listening on {host}(\d+)")[1]
            address = ("::1" if "::" in host else "127.0.0.1", int(port))
            self.assertEqual(fetch(address).status, 200)

    def test_the_port_is_free_again_after_the_end(self):
        otto = self.otto(settings(self.demo(1), port="127.0.0.1:0"), sockets=[])
        address = otto.address
        otto.stop()
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection(address)


if __name__ == "__main__":
    main()
