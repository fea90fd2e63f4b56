"""Requests and replies on their way through: framing, streaming, forwarding fields."""

import json
import os
import threading

from harness import (Deadline, RawClient, TestCase, crc32, main, pattern, settings, unix_listener)


class Proxy(TestCase):
    def over(self, server, **more):
        otto = self.otto(settings([server], **more))
        otto.wait_healthy(1)
        return otto

    def over_demo(self, **more):
        return self.over(self.demo(1)[0], **more)

    def over_script(self, script, **more):
        server = self.scripted(script)
        return self.over(server, **more), server


class Methods(Proxy):
    def test_methods_of_the_demo_server(self):
        client = self.client(self.over_demo())
        for method in ("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
            body = b"x" * 100 if method in ("POST", "PUT", "PATCH") else None
            response = client.request("/echo?a=b%20c", method, body=body)
            seen = json.loads(response.body)
            self.assertEqual((seen["method"], seen["target"], seen["body_length"]),
                             (method, "/echo?a=b%20c", len(body or b"")))
        self.assertEqual(client.request("/bytes/77", "HEAD").get("Content-Length"), "77")

    def test_any_method_token(self):
        otto, server = self.over_script(echo_method)
        client = self.client(otto)
        for method in ("PROPFIND", "M-SEARCH", "x!#$%&'*+.^_`|~9", "get"):
            self.assertEqual(client.request("/", method).body.decode(), method)
        self.assertEqual(server.connections(), 1, "the connection to the server is reused")

    def test_connect_and_trace_are_refused(self):
        otto = self.over_demo()
        for request in (b"CONNECT a.test:80 HTTP/1.1\r\nHost: a.test:80\r\n\r\n",
                        b"TRACE / HTTP/1.1\r\nHost: a.test\r\n\r\n"):
            client = self.client(otto)
            client.send(request)
            self.assertEqual(client.response().status, 405)

    def test_absolute_form(self):
        client = self.client(self.over_demo())
        response = client.request("http://otto.test/echo?x", headers=[("Host", "otto.test")])
        self.assertEqual(json.loads(response.body)["target"], "/echo?x")


def echo_method(connection, _):
    while True:
        connection.body()
        connection.reply(connection.method.encode())
        if not connection.next_request():
            return


class Framing(Proxy):
    def test_bodies_keep_their_bytes(self):
        client = self.client(self.over_demo())
        body = os.urandom(10 << 20)
        seen = json.loads(client.request("/echo", "POST", body=body).body)
        self.assertEqual((seen["body_length"], seen["body_crc32"]), (len(body), crc32(body)))
        self.assertEqual(client.request("/bytes/10485760").body, pattern(10 << 20))
        self.assertEqual(client.request("/chunked/1048576").body, pattern(1 << 20))

    def test_chunked_request(self):
        client = self.client(self.over_demo())
        body = os.urandom(200_000)
        chunks = b"".join(b"%x;e=1\r\n%s\r\n" % (len(piece), piece) for piece in
                          (body[i:i + 7001] for i in range(0, len(body), 7001)))
        for _ in range(2):
            client.send_request("/echo", "POST", [("Transfer-Encoding", "chunked")],
                                chunks + b"0\r\n\r\n")
            seen = json.loads(client.response().body)
            self.assertEqual((seen["body_length"], seen["body_crc32"]), (len(body), crc32(body)))

    def test_no_content_not_modified_and_head(self):
        client = self.client(self.over_demo())
        for _ in range(2):
            self.assertEqual(client.request("/status/204").status, 204)
            self.assertEqual(client.request("/status/304").status, 304)
            self.assertEqual(client.request("/bytes/5", "HEAD").body, b"")
            self.assertEqual(client.request("/chunked/5", "HEAD").body, b"")
            self.assertEqual(client.request("/bytes/5").body, pattern(5))
            self.assertEqual(client.request("/bytes/0").body, b"")

    def test_close_delimited_reply(self):
        def script(connection, _):
            connection.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil")
            connection.send(b" the end")

        otto, _ = self.over_script(script)
        self.assertEqual(otto.fetch().body, b"until the end")
        self.assertEqual(self.client(otto).request().body, b"until the end")

    def test_reply_of_an_http10_server(self):
        def script(connection, _):
            connection.send(b"HTTP/1.0 200 OK\r\n\r\nold")

        otto, _ = self.over_script(script)
        self.assertEqual(otto.fetch().body, b"old")

    def test_chunked_reply_with_trailers_and_extensions(self):
        def script(connection, _):
            connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n"
                            b"3;a=b\r\nabc\r\n00000A\r\n0123456789\r\n0\r\nX-T: 1\r\n\r\n")
            connection.wait_closed()

        otto, _ = self.over_script(script)
        self.assertEqual(self.client(otto).request().body, b"abc0123456789")

    def test_interim_replies_reach_the_client(self):
        def script(connection, _):
            connection.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n")
            connection.reply(b"final")
            connection.wait_closed()

        otto, _ = self.over_script(script)
        response = self.client(otto).request()
        self.assertEqual([interim.status for interim in response.interim], [103])
        self.assertEqual((response.status, response.body), (200, b"final"))


class Streaming(Proxy):
    def test_a_reply_flows_before_it_is_complete(self):
        seen = threading.Event()

        def script(connection, _):
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst")
            assert seen.wait(Deadline().left())
            connection.send(b" last")
            connection.wait_closed()

        otto, _ = self.over_script(script)
        client = self.client(otto)
        client.send_request()
        head = client.head()
        self.assertEqual(client.read_exactly(5), b"first")
        seen.set()
        self.assertEqual((head.get("Content-Length"), client.read_exactly(5)), ("10", b" last"))

    def test_a_chunked_reply_flows_before_it_is_complete(self):
        seen = threading.Event()

        def script(connection, _):
            connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
            assert seen.wait(Deadline().left())
            connection.send(b"4\r\nlast\r\n0\r\n\r\n")
            connection.wait_closed()

        otto, _ = self.over_script(script)
        client = self.client(otto)
        client.send_request()
        pieces = client.pieces(client.head())
        got = next(pieces)
        while got != b"first":
            got += next(pieces)
        seen.set()
        self.assertEqual(b"".join(pieces), b"last")

    def streamed_upload(self, send_first, send_last, headers):
        half = threading.Event()

        def script(connection, _):
            if connection.get("Transfer-Encoding"):
                assert connection.line() == b"5"
            assert connection.recv_exactly(5) == b"first"
            half.set()
            if connection.get("Transfer-Encoding"):
                assert connection.recv_exactly(2) == b"\r\n"
                assert connection.body() == b"last"
            else:
                assert connection.recv_exactly(4) == b"last"
            connection.reply(b"got it")
            connection.wait_closed()

        otto, _ = self.over_script(script)
        client = self.client(otto)
        client.send_request("/", "POST", headers)
        client.send(send_first)
        self.assertTrue(half.wait(Deadline().left()), "the server sees the first half")
        client.send(send_last)
        self.assertEqual(client.response().body, b"got it")

    def test_a_request_body_flows_before_it_is_complete(self):
        self.streamed_upload(b"first", b"last", [("Content-Length", "9")])

    def test_a_chunked_request_body_flows_before_it_is_complete(self):
        self.streamed_upload(b"5\r\nfirst\r\n", b"4\r\nlast\r\n0\r\n\r\n",
                             [("Transfer-Encoding", "chunked")])

    def test_expect_is_the_servers_to_decide(self):
        asked = threading.Event()

        def script(connection, _):
            while connection.get("Expect") == "100-continue" and connection.target == "/yes":
                asked.set()
                connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
                connection.reply(connection.body())
                if not connection.next_request():
                    return
            connection.reply(b"no", "413 Content Too Large", "Connection: close")

        otto, _ = self.over_script(script)
        client = self.client(otto)
        fields = [("Content-Length", "4"), ("Expect", "100-continue")]
        client.send_request("/yes", "POST", fields)
        self.assertTrue(asked.wait(Deadline().left()))
        self.assertEqual(client.read_line(Deadline()), b"HTTP/1.1 100 Continue")
        while client.read_line(Deadline()):
            pass
        client.send(b"body")
        self.assertEqual(client.response().body, b"body")

        other = self.client(otto)
        other.send_request("/no", "POST", [*fields, ("Connection", "close")])
        self.assertEqual(other.response().status, 413, "answered without the body")

    def test_the_server_connection_closes_when_the_client_leaves(self):
        for leave in (RawClient.close, RawClient.reset):
            arrived, gone = threading.Event(), threading.Event()

            def script(connection, _, arrived=arrived, gone=gone):
                arrived.set()
                connection.wait_closed()
                gone.set()

            otto, _ = self.over_script(script)
            client = self.client(otto)
            client.send_request()
            self.assertTrue(arrived.wait(Deadline().left()))
            leave(client)
            self.assertTrue(gone.wait(Deadline().left()), "Otto gives the exchange up at once")

    def test_the_server_connection_closes_when_the_client_leaves_within_a_reply(self):
        gone = threading.Event()

        def script(connection, _):
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
            try:
                while True:
                    connection.send(b"x" * 65536)
            finally:
                gone.set()

        otto, _ = self.over_script(script)
        client = self.client(otto)
        client.send_request()
        client.head()
        client.read_exactly(100_000)
        client.close()
        self.assertTrue(gone.wait(Deadline().left()))

    def test_a_slow_client_holds_the_server_back(self):
        sent = []

        def script(connection, _):
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 200000000\r\n\r\n")
            connection.sock.settimeout(1)
            try:
                while sum(sent) < 200_000_000:
                    sent.append(connection.sock.send(b"x" * 65536))
            except TimeoutError:
                sent.append(0)
                stalled.set()

        stalled = threading.Event()
        otto, _ = self.over_script(script)
        client = self.client(otto)
        client.send_request()
        client.head()
        self.assertTrue(stalled.wait(Deadline().left()), "Otto stops reading")
        self.assertLess(sum(sent), 60_000_000)


class Connections(Proxy):
    def test_pipelined_requests_are_answered_in_order(self):
        client = self.client(self.over_demo())
        client.send(b"".join(b"GET /bytes/%d HTTP/1.1\r\nHost: a\r\n\r\n" % size
                             for size in range(1, 21)))
        for size in range(1, 21):
            self.assertEqual(client.response().body, pattern(size))

    def test_pipelined_bodies_do_not_run_into_each_other(self):
        client = self.client(self.over_demo())
        bodies = [os.urandom(size) for size in (1, 5000, 70_000, 3)]
        client.send(b"".join(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s"
                             % (len(body), body) for body in bodies))
        for body in bodies:
            self.assertEqual(json.loads(client.response().body)["body_crc32"], crc32(body))

    def test_http10_client(self):
        otto = self.over_demo()
        client = self.client(otto)
        client.send("GET /bytes/9 HTTP/1.0\r\n\r\n")
        self.assertEqual(client.response().body, pattern(9))
        client.wait_closed()

        client = self.client(otto)
        for _ in range(3):
            client.send("GET /bytes/9 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            response = client.response()
            self.assertEqual(response.body, pattern(9))
            self.assertIn("keep-alive", (response.get("Connection") or "").lower())

        client = self.client(otto)
        client.send("GET /chunked/9 HTTP/1.0\r\n\r\n")
        response = client.response()
        self.assertEqual((response.get("Transfer-Encoding"), response.body), (None, pattern(9)))
        client.wait_closed()

    def test_connection_close(self):
        client = self.client(self.over_demo())
        self.assertTrue(client.request("/close").keeps_alive(), "the server's close is its own")
        self.assertEqual(client.request().status, 200)
        response = client.request(headers=[("Connection", "close")])
        self.assertFalse(response.keeps_alive())
        client.wait_closed()

    def test_server_connections_are_pooled(self):
        otto, server = self.over_script(echo_method, workers=1)
        for _ in range(10):
            self.assertEqual(otto.fetch().status, 200)
        self.assertEqual((server.connections(), len(server.requests)), (1, 10))

    def test_unix_server(self):
        path = os.path.join(self.folder(), "app.sock")
        server = self.scripted(path=path)
        otto = self.over(server)
        self.assertEqual(otto.fetch().body, b"hello")


class Fields(Proxy):
    def seen_by_server(self, fields, listener=None, **more):
        seen = []

        def script(connection, _):
            seen.extend(connection.headers)
            connection.reply(b"ok", "200 OK", "X-Kept: yes", "Connection: X-Drop, keep-alive",
                             "X-Drop: 1", "Keep-Alive: timeout=9", "Proxy-Authenticate: Basic")
            connection.wait_closed()

        server = self.scripted(script)
        options = {"sockets": [listener]} if listener else {}
        otto = self.otto(settings([server], **more), **options)
        otto.wait_healthy(1)
        response = self.client(otto).request(headers=fields)
        collected = {}
        for name, value in seen:
            collected.setdefault(name.lower(), []).append(value)
        return collected, response

    def test_a_strangers_forwarding_fields_are_replaced(self):
        seen, _ = self.seen_by_server([
            ("Host", "shop.test"), ("X-Forwarded-For", "6.6.6.6"), ("X-Forwarded-Proto", "https"),
            ("X-Forwarded-Host", "evil.test"), ("Forwarded", "for=6.6.6.6")])
        self.assertEqual(seen["host"], ["shop.test"])
        self.assertEqual(seen["x-forwarded-for"], ["127.0.0.1"])
        self.assertEqual(seen["x-forwarded-proto"], ["http"])
        self.assertEqual(seen["x-forwarded-host"], ["shop.test"])
        self.assertEqual(len(seen["forwarded"]), 1)
        self.assertIn("for=127.0.0.1", seen["forwarded"][0])
        self.assertNotIn("6.6.6.6", seen["forwarded"][0])

    def test_a_trusted_proxys_fields_are_extended(self):
        seen, _ = self.seen_by_server([
            ("X-Forwarded-For", "192.0.2.7"), ("X-Forwarded-Proto", "https"),
            ("X-Forwarded-Host", "shop.test")], trustedProxies=["127.0.0.0/8"])
        self.assertEqual(", ".join(seen["x-forwarded-for"]), "192.0.2.7, 127.0.0.1")
        self.assertEqual(seen["x-forwarded-proto"], ["https"])
        self.assertEqual(seen["x-forwarded-host"], ["shop.test"])

    def test_a_client_of_a_unix_socket(self):
        path = os.path.join(self.folder(), "http.sock")
        seen, response = self.seen_by_server([("X-Forwarded-For", "6.6.6.6")], unix_listener(path))
        self.assertEqual(response.status, 200)
        self.assertNotIn("6.6.6.6", str(seen.get("x-forwarded-for")))

    def test_hop_by_hop_fields_stay_behind(self):
        seen, response = self.seen_by_server([
            ("Connection", "X-Secret, close"), ("X-Secret", "1"), ("Keep-Alive", "timeout=3"),
            ("TE", "trailers"), ("Proxy-Connection", "keep-alive"), ("X-Kept", "yes"),
            ("Proxy-Authorization", "Basic x")])
        for name in ("x-secret", "keep-alive", "proxy-connection", "proxy-authorization"):
            self.assertNotIn(name, seen)
        self.assertEqual(seen["x-kept"], ["yes"])
        self.assertEqual(response.get("X-Kept"), "yes")
        for name in ("X-Drop", "Keep-Alive"):
            self.assertEqual(response.all(name), [])
        self.assertEqual(len(response.all("Date")), 1)

    def test_a_base_path_is_put_in_front(self):
        server, = self.demo(1)
        otto = self.otto(settings([server.url + "/status"]))
        otto.wait_healthy(1)
        self.assertEqual(otto.fetch("/404").status, 404)

    def test_big_fields(self):
        seen, response = self.seen_by_server([("Cookie", "c" * 20_000)])
        self.assertEqual((response.status, seen["cookie"]), (200, ["c" * 20_000]))

        def script(connection, _):
            connection.reply(b"ok", "200 OK", "Set-Cookie: " + "s" * 30_000, "Set-Cookie: b")
            connection.wait_closed()

        otto, _ = self.over_script(script)
        self.assertEqual([len(value) for value in otto.fetch().all("Set-Cookie")], [30_000, 1])

    def test_slow_and_dripping_server(self):
        def script(connection, _):
            for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello":
                connection.send(bytes([byte]))
            connection.wait_closed()

        otto, _ = self.over_script(script)
        client = self.client(otto)
        self.assertEqual(client.request().body, b"hello")

    def test_dripping_client(self):
        client = self.client(self.over_demo())
        for byte in b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc":
            client.send(bytes([byte]))
        self.assertEqual(json.loads(client.response().body)["body_crc32"], crc32(b"abc"))


if __name__ == "__main__":
    main()
