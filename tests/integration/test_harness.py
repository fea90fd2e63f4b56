"""The demo server and the harness itself, without Otto between them."""

import json
import socket

from harness import (BadReply, CutOff, RawClient, TestCase, crc32, fetch, is_careless, main,
                     pattern)


class DemoServer(TestCase):
    def test_what_it_serves(self):
        server, = self.demo(1)
        with RawClient(server.address) as client:
            for target in ("/bytes/300000", "/chunked/300000"):
                response = client.request(target)
                self.assertEqual((response.body, response.server()), (pattern(300_000), "server-1"))
            response = client.request("/bytes/99", "HEAD")
            self.assertEqual((response.body, response.get("Content-Length")), (b"", "99"))
            self.assertEqual(client.request("/status/204").status, 204)
            self.assertEqual(client.request("/delay/10").status, 200)
            seen = json.loads(client.request("/echo?q", "POST", [("X-A", "b")], b"abc").body)
            self.assertEqual((seen["method"], seen["target"], seen["body_length"],
                              seen["body_crc32"]), ("POST", "/echo?q", 3, crc32(b"abc")))
            self.assertIn(["X-A", "b"], seen["headers"])
            self.assertFalse(client.request("/close").keeps_alive())
            client.wait_closed()
        self.assertEqual(server.count(), 7)

    def test_health_can_be_switched(self):
        server, = self.demo(1)
        self.assertEqual(fetch(server.address, "/health").status, 200)
        server.get("/health/fail")
        self.assertEqual(fetch(server.address, "/health").status, 503)
        server.get("/health/ok")
        self.assertEqual(fetch(server.address, "/health").status, 200)
        self.assertEqual(server.count(), 0)

    def test_it_comes_back_on_its_port(self):
        server, = self.demo(1)
        port = server.port
        server.kill()
        with self.assertRaises(ConnectionRefusedError):
            RawClient(server.address)
        server.start()
        self.assertEqual((server.port, server.count()), (port, 0))


class Harness(TestCase):
    def test_careless_texts_are_found(self):
        at = "2026-11-27T19:34:28.336 notice: "
        for text in ("changed: DELETE /api/v1/config/overlay  OTTO_PEER=a", "1 connections are open",
                     "GET /: connection refused (Connection refused) by a OTTO_SERVER=a", "ends "):
            self.assertTrue(is_careless(at + text), text)
        for text in ("Otto stopped after 1 request, 11 connections cut off OTTO_CUT_OFF=11",
                     "GET /: malformed response (a bare LF)", "changed OTTO_OVERLAY={} "):
            self.assertFalse(is_careless(at + text), text)
        self.assertFalse(is_careless("1 servers"), "not a record")

    def test_load_counts(self):
        server, = self.demo(1)
        load = self.load(server, 4, 25).finish()
        self.assertEqual((load.servers, load.failures), ({"server-1": 100}, []))
        server.kill()
        self.assertEqual(len(self.load(server, 2, 3).finish().failures), 6)

    def test_scripts_and_checks(self):
        def script(connection, number):
            if number == 0:
                connection.reset()
            elif number == 1:
                connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
            else:
                connection.send(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n")
                connection.reply(connection.body())

        server = self.scripted(script)
        with self.assertRaises(CutOff):
            fetch(server.address)
        with self.assertRaises(CutOff) as cut:
            fetch(server.address)
        self.assertEqual(cut.exception.partial, 3)
        response = fetch(server.address, method="POST", body=b"hey")
        self.assertEqual((response.body, response.interim[0].status), (b"hey", 103))
        self.assertEqual(len(server.requests), 3)

        check = [("User-Agent", "otto-health-check")]
        self.assertEqual(fetch(server.address, headers=check).status, 200)
        self.assertEqual((server.checks, len(server.requests)), (1, 3))
        server.refuse()
        with self.assertRaises(ConnectionRefusedError):
            RawClient(server.address)
        server.listen()
        self.assertEqual(fetch(server.address, headers=check).status, 200)

    def test_the_client_is_strict(self):
        for reply in (b"HTTP/1.1 200 OK\r\n\r\nendless",
                      b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na",
                      b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n"
                      b"Transfer-Encoding: chunked\r\n\r\na",
                      b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n",
                      b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n",
                      b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n",
                      b"HTTP/1.1 200 OK\r\nX : y\r\nContent-Length: 0\r\n\r\n"):
            ours, theirs = socket.socketpair()
            with ours, theirs, self.subTest(reply=reply):
                theirs.sendall(reply)
                theirs.shutdown(socket.SHUT_WR)
                client = RawClient.over(ours)
                with self.assertRaises(BadReply):
                    client.response()


if __name__ == "__main__":
    main()
