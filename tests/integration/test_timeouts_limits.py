"""Timeouts and limits, seen from outside; the PROXY protocol, request ids, error pages, Via."""

import json
import os
import re
import socket
import struct
import threading

from harness import (PAUSE, PAUSE_MS, RARELY, SLOWNESS, CutOff, Deadline, TestCase, main, settings,
                     tcp_listener, unix_listener)

SHORT = f"{int(200 * SLOWNESS)}ms"
LONGER = f"{int(600 * SLOWNESS)}ms"
OK = b"HTTP/1.1 200 OK\r\n"
DRAINED = {"url": "http://127.0.0.1:1", "state": "drain"}  # all that is left: 503


def describe(connection, _):
    """Answers with the fields that it was sent."""
    while True:
        fields = connection.headers
        connection.body()
        connection.reply(json.dumps(fields).encode())
        if not connection.next_request():
            return


class Case(TestCase):
    def over(self, script=describe, listener=None, **more):
        self.server = self.scripted(script)
        options = {"sockets": [listener]} if listener else {}
        otto = self.otto(settings([self.server], healthCheck=RARELY, **more), **options)
        otto.wait_healthy(1)
        return otto

    def seen(self, response):
        """The fields that `describe` saw, by lower-case name."""
        found = {}
        for name, value in json.loads(response.body):
            found.setdefault(name.lower(), []).append(value)
        return found


class Timeouts(Case):
    def test_a_head_request_that_does_not_come_gets_no_body(self):
        otto = self.over(timeouts={"requestHeader": SHORT})
        for data in (b"HEAD", b"\r\nHEAD / HTTP/1.1\r\nHost: a\r\nX: "):
            client = self.client(otto)
            client.send(data)
            self.assertEqual(client.head().status, 408)
            self.assertEqual(client.read_to_end()[0], b"")

    def test_a_head_that_drips_is_408(self):
        """The time is for all of the head, not between its bytes."""
        otto = self.over(timeouts={"requestHeader": SHORT})
        client = self.client(otto)
        client.send(b"GET / HTTP/1.1\r\nX: ")
        client.sock.settimeout(0.02)
        answer = b""
        while not answer:
            client.sock.send(b"x")
            try:
                answer = client.sock.recv(65536)
            except TimeoutError:
                pass
        self.assertTrue(answer.startswith(b"HTTP/1.1 408 "), answer)
        self.assertEqual(self.server.requests, [])

    def test_the_second_head_has_its_own_time(self):
        otto = self.over(timeouts={"requestHeader": SHORT})
        client = self.client(otto)
        for _ in range(3):
            self.assertEqual(client.request().status, 200)
        client.send(b"GET / HT")
        self.assertEqual(client.response().status, 408)
        client.wait_closed()

    def test_an_empty_line_begins_no_request(self):
        """Some clients send one after a body: no 408 is there when their next request comes."""
        otto = self.over(timeouts={"requestHeader": SHORT, "clientIdle": LONGER})
        for said in (b"\r\n", b"\r\n\r\n", b"\r"):
            with self.subTest(after_a_body=said):
                client = self.client(otto)
                client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\na=1" + said)
                self.assertEqual(client.response().status, 200)
                client.wait_closed()
            with self.subTest(first=said):
                client = self.client(otto)
                client.send(said)
                client.wait_closed()

    def test_a_request_after_an_empty_line(self):
        otto = self.over(timeouts={"requestHeader": SHORT})
        client = self.client(otto)
        for pieces in ((b"\r", b"\n"), (b"\r\n",), (b"\r\n\r", b"\n")):
            client.send_request("/", "POST", body=b"a=1")
            self.assertEqual(client.response().status, 200)
            for piece in pieces:
                client.send(piece)
            self.assertEqual(client.request().status, 200)
        client.send(b"\r\nGET / HT")
        self.assertEqual(client.response().status, 408)
        client.wait_closed()

    def test_a_body_that_drips_is_progress(self):
        otto = self.over(timeouts={"progress": PAUSE_MS})
        client = self.client(otto)
        client.send_request("/", "POST", [("Content-Length", "12")])
        client.sock.settimeout(0.15 * PAUSE)
        for _ in range(11):
            client.sock.send(b"x")
            with self.assertRaises(TimeoutError):  # no answer while bytes come
                client.sock.recv(1)
        client.send(b"x")
        self.assertEqual(client.response().status, 200)

    def test_a_body_that_stops_after_the_server_has_seen_some_is_408(self):
        gone = threading.Event()

        def script(connection, _):
            connection.wait_closed()
            gone.set()

        client = self.client(self.over(script, timeouts={"progress": SHORT}))
        client.send_request("/", "POST", [("Transfer-Encoding", "chunked")])
        client.send(b"3\r\nabc\r\n")
        self.assertEqual(client.response().status, 408)
        client.wait_closed()
        self.assertTrue(gone.wait(Deadline().left()))

    def test_interim_responses_are_no_response(self):
        """However many come, the time for the response goes on."""
        def script(connection, _):
            while not connection.closed_within(.02):
                connection.send(b"HTTP/1.1 103 Early Hints\r\n\r\n")

        otto = self.over(script, timeouts={"response": SHORT}, retries={"attempts": 1})
        self.assertEqual(otto.fetch().status, 504)

    def test_a_server_that_reads_nothing_is_504(self):
        go = threading.Event()

        def script(connection, _):
            assert go.wait(Deadline().left())
            connection.wait_closed()

        client = self.client(self.over(script, timeouts={"progress": PAUSE_MS, "response": PAUSE_MS}))
        client.send_request("/", "POST", [("Content-Length", "100000000")])
        sender = threading.Thread(target=self.push, args=(client.sock,))
        sender.start()
        status = client.response().status
        go.set()
        client.close()
        sender.join()
        self.assertEqual(status, 504)

    @staticmethod
    def push(sock):
        try:
            while True:
                sock.send(b"x" * 65536)
        except OSError:
            pass

    def test_a_client_that_reads_nothing_is_cut(self):
        gone = threading.Event()

        def script(connection, _):
            connection.send(OK + b"Content-Length: 100000000\r\n\r\n")
            try:
                while True:
                    connection.send(b"x" * 65536)
            finally:
                gone.set()

        client = self.client(self.over(script, timeouts={"progress": SHORT}))
        client.send_request()
        client.head()
        self.assertTrue(gone.wait(Deadline().left()), "the server is let go")
        with self.assertRaises(CutOff):
            client.read_exactly(100_000_000)

    def test_the_response_may_take_longer_than_progress(self):
        def script(connection, _):
            assert not connection.closed_within(1.2 * PAUSE)
            connection.reply(b"late")
            connection.wait_closed()

        otto = self.over(script, timeouts={"progress": PAUSE_MS, "clientIdle": PAUSE_MS,
                                           "requestHeader": PAUSE_MS, "serverIdle": PAUSE_MS})
        self.assertEqual(otto.fetch().body, b"late")

    def test_a_connection_without_a_request_is_closed(self):
        otto = self.over(timeouts={"clientIdle": SHORT})
        self.client(otto).wait_closed()

    def test_idle_server_connections_are_closed(self):
        closed = threading.Event()

        def script(connection, _):
            connection.reply(b"ok")
            if not connection.next_request():
                closed.set()

        otto = self.over(script, timeouts={"serverIdle": SHORT}, workers=1)
        client = self.client(otto)
        self.assertEqual(client.request().body, b"ok")
        self.assertTrue(closed.wait(Deadline().left()))
        self.assertEqual(client.request().body, b"ok")
        self.assertEqual(self.server.connections(), 2)


class Limits(Case):
    def test_413_by_length_before_a_server_is_asked(self):
        otto = self.over(limits={"bodyBytes": 1000})
        for fields in ([("Content-Length", "1001")],
                       [("Content-Length", "1001"), ("Expect", "100-continue")]):
            client = self.client(otto)
            client.send_request("/", "POST", fields)
            response = client.response()
            self.assertEqual((response.status, response.interim), (413, []))
            self.assertFalse(response.keeps_alive())
            client.wait_closed()
        self.assertEqual(self.server.received(), b"")
        self.assertEqual(otto.fetch("/", "POST", body=b"x" * 1000).status, 200)

    def test_413_while_chunks_come(self):
        arrived, gone = threading.Event(), threading.Event()

        def script(connection, _):
            connection.recv_exactly(1000)
            arrived.set()
            connection.wait_closed()
            gone.set()

        client = self.client(self.over(script, limits={"bodyBytes": 1000}))
        client.send_request("/", "POST", [("Transfer-Encoding", "chunked")])
        client.send(b"3e8\r\n" + b"x" * 1000 + b"\r\n")
        self.assertTrue(arrived.wait(Deadline().left()))
        client.send(b"1\r\n")
        client.send(b"x")
        self.assertEqual(client.response().status, 413)
        client.wait_closed()
        self.assertTrue(gone.wait(Deadline().left()), "the server's connection ends")

    def test_as_many_chunked_bytes_as_are_allowed(self):
        client = self.client(self.over(limits={"bodyBytes": 1000}))
        client.send_request("/", "POST", [("Transfer-Encoding", "chunked")])
        client.send(b"1f4\r\n" + b"x" * 500 + b"\r\n1f4;a=b\r\n" + b"x" * 500 + b"\r\n0\r\n\r\n")
        self.assertEqual(client.response().status, 200)

    def test_heads_to_the_byte(self):
        otto = self.over(limits={"headerBytes": 2048, "headerCount": 10, "targetBytes": 1024})
        plain = len(b"GET / HTTP/1.1\r\nHost: a\r\nX: \r\n\r\n")
        for request, status in (
                (b"GET / HTTP/1.1\r\nHost: a\r\nX: %s\r\n\r\n" % (b"y" * (2048 - plain)), 200),
                (b"GET / HTTP/1.1\r\nHost: a\r\nX: %s\r\n\r\n" % (b"y" * (2049 - plain)), 431),
                (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 9 + b"\r\n", 200),
                (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 10 + b"\r\n", 431),
                (b"GET /%s HTTP/1.1\r\nHost: a\r\n\r\n" % (b"x" * 1023), 200),
                (b"GET /%s HTTP/1.1\r\nHost: a\r\n\r\n" % (b"x" * 1024), 414)):
            with self.subTest(status=status):
                client = self.client(otto)
                client.send(request)
                response = client.response()
                self.assertEqual((response.status, response.keeps_alive()),
                                 (status, status == 200))
        self.assertEqual(len(self.server.requests), 3)

    def test_heads_without_an_end(self):
        """They are refused as soon as they are too long, not when they end."""
        otto = self.over(limits={"headerBytes": 2048, "targetBytes": 1024})
        for start, status in ((b"GET /", 414), (b"GET / HTTP/1.1\r\nX: ", 431), (b"", 501)):
            client = self.client(otto)
            client.send(start + b"x" * 4000)
            self.assertEqual(client.response().status, status)
            client.close()
        client = self.client(otto)
        client.send(b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 1000)
        self.assertEqual(client.response().status, 431)
        self.assertEqual(self.server.received(), b"")


def v2(command=1, family=0x11, block=None):
    if block is None:
        block = socket.inet_aton("192.0.2.7") + socket.inet_aton("192.0.2.1") + struct.pack(
            "!HH", 5000, 80)
    return b"\r\n\r\n\0\r\nQUIT\n" + bytes([0x20 | command, family]) + struct.pack(
        "!H", len(block)) + block


class ProxyProtocol(Case):
    GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"

    def over_trusting(self, **more):
        return self.over(proxyProtocol=True, trustedProxies=["127.0.0.1"], **more)

    def test_good(self):
        otto = self.over_trusting()
        six = (socket.inet_pton(socket.AF_INET6, "2001:db8::7") + bytes(16)
               + struct.pack("!HH", 5000, 80))
        for header, client_ip in (
                (b"PROXY TCP4 192.0.2.7 192.0.2.1 5000 80\r\n", "192.0.2.7"),
                (b"PROXY TCP6 2001:db8::7 2001:db8::1 5000 80\r\n", "2001:db8::7"),
                (b"PROXY UNKNOWN\r\n", "127.0.0.1"), (b"PROXY UNKNOWN a b c\r\n", "127.0.0.1"),
                (v2(), "192.0.2.7"), (v2(family=0x21, block=six), "2001:db8::7"),
                (v2(command=0, block=b""), "127.0.0.1"), (v2(family=0, block=b""), "127.0.0.1"),
                (v2(block=v2()[16:] + b"\x04\0\3abc"), "192.0.2.7")):
            for step in (1000, 1):
                with self.subTest(header, step=step):
                    client = self.client(otto)
                    data = header + self.GET
                    for at in range(0, len(data), step):
                        client.send(data[at:at + step])
                    seen = self.seen(client.response())
                    self.assertEqual(seen["x-forwarded-for"], [client_ip])
                    self.assertIn(client_ip, seen["forwarded"][0])
                    self.assertEqual(self.seen(client.request())["x-forwarded-for"], [client_ip],
                                     "of later requests, too")
                    client.close()

    def test_bad(self):
        otto = self.over_trusting()
        for header in (b"", b"PROXY TCP4 192.0.2.7 192.0.2.1 5000\r\n", b"PROXY \r\n",
                       b"PROXY TCP4 192.0.2.777 192.0.2.1 5000 80\r\n",
                       b"PROXY TCP4  192.0.2.7 192.0.2.1 5000 80\r\n",
                       b"PROXY TCP4 192.0.2.7 192.0.2.1 5000 80\n",
                       b"PROXY TCP6 192.0.2.7 192.0.2.1 5000 80\r\n", b"PROXY " + b"x" * 200,
                       b"\r\n\r\n\0\r\nQUIX\n", v2(command=2), v2(family=0x41),
                       v2(block=b"short"), b"\r\n\r\n\0\r\nQUIT\n\x31\x11\0\0"):
            with self.subTest(header):
                client = self.client(otto)
                client.send(header + self.GET)
                self.assertEqual(client.read_to_end()[0], b"", "closed without a word")
                client.close()
        self.assertEqual(self.server.received(), b"")

    def test_incomplete(self):
        otto = self.over_trusting(timeouts={"requestHeader": SHORT})
        for header in (b"PROXY TCP4 192.0.2.7", v2()[:20], b"P"):
            client = self.client(otto)
            client.send(header)
            self.assertEqual(client.read_to_end()[0], b"")
        client = self.client(otto)
        client.send(b"PROXY TCP4 192.0.2.7 192.0.2.1 5000 80\r\nGET / HT")
        self.assertEqual(client.response().status, 408)

    def test_from_a_stranger(self):
        """Who is not trusted speaks HTTP at once; a header of theirs is no request."""
        otto = self.over(proxyProtocol=True, trustedProxies=["192.0.2.0/24"])
        self.assertEqual(self.seen(otto.fetch())["x-forwarded-for"], ["127.0.0.1"])
        for header in (b"PROXY TCP4 192.0.2.7 192.0.2.1 5000 80\r\n", v2()):
            client = self.client(otto)
            client.send(header + self.GET)
            self.assertEqual(client.response().status, 400)
            self.assertEqual(client.read_to_end()[0], b"")
        self.assertEqual(len(self.server.requests), 1)

    def test_switched_off(self):
        otto = self.over(trustedProxies=["127.0.0.1"])
        client = self.client(otto)
        client.send(b"PROXY TCP4 192.0.2.7 192.0.2.1 5000 80\r\n" + self.GET)
        self.assertEqual(client.response().status, 400)
        self.assertEqual(self.server.requests, [])

    def test_a_named_client_is_not_itself_trusted(self):
        """What the header says is the peer: its X-Forwarded-For is a stranger's."""
        otto = self.over_trusting()
        client = self.client(otto)
        client.send(b"PROXY TCP4 192.0.2.7 192.0.2.1 5000 80\r\n"
                    b"GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n")
        self.assertEqual(self.seen(client.response())["x-forwarded-for"], ["192.0.2.7"])

    def test_ipv6_listener(self):
        otto = self.over(listener=tcp_listener("::1"), proxyProtocol=True, trustedProxies=["::1"])
        client = self.client(otto)
        client.send(b"PROXY TCP4 192.0.2.7 192.0.2.1 5000 80\r\n" + self.GET)
        self.assertEqual(self.seen(client.response())["x-forwarded-for"], ["192.0.2.7"])


class RequestIds(Case):
    MADE = r"^[0-9a-f]{32}$"

    def test_made(self):
        otto = self.over()
        ids = set()
        client = self.client(otto)
        for _ in range(50):
            made, = self.seen(client.request())["x-request-id"]
            self.assertRegex(made, self.MADE)
            ids.add(made)
        self.assertEqual(len(ids), 50)

    def test_passed_on(self):
        client = self.client(self.over())
        for given in ("a", "x" * 128, "550e8400-e29b-41d4-a716-446655440000", "Az09-._~+/=:"):
            self.assertEqual(self.seen(client.request(headers=[("X-Request-Id", given)]))
                             ["x-request-id"], [given])

    def test_replaced(self):
        client = self.client(self.over())
        for given in ("", "x" * 129, "a b", "<script>", 'a"b', "caf\xe9", "a,b"):
            made, = self.seen(client.request(headers=[("X-Request-Id", given)]))["x-request-id"]
            self.assertRegex(made, self.MADE, given)
        made, = self.seen(client.request(
            headers=[("X-Request-Id", "a"), ("X-Request-Id", "b")]))["x-request-id"]
        self.assertRegex(made, self.MADE, "two of them are none")

    def test_in_error_pages(self):
        otto = self.otto(settings([DRAINED]))
        client = self.client(otto)
        response = client.request(headers=[("X-Request-Id", "my-id"), ("Accept", "text/plain")])
        self.assertEqual((response.status, response.get("X-Request-Id")), (503, "my-id"))
        self.assertIn(b"my-id", response.body)
        otto.wait_for_log(r"warning: GET /: all servers are drained or disabled; answered 503 \[my-id\]")
        response = client.request(headers=[("X-Request-Id", "<b>"), ("Accept", "text/html")])
        self.assertRegex(response.get("X-Request-Id"), self.MADE)
        self.assertIn(response.get("X-Request-Id").encode(), response.body)

    def test_the_same_for_every_try(self):
        def script(connection, _):
            connection.reset()

        servers = [self.scripted(script), self.scripted(script)]
        otto = self.otto(settings(servers, healthCheck=RARELY))
        otto.wait_healthy(2)
        response = otto.fetch()
        sent = {re.search(rb"\r\nX-Request-Id: (\S+)\r\n", request)[1].decode()
                for server in servers for request in server.requests}
        self.assertEqual(sent, {response.get("X-Request-Id")})


class ErrorPages(Case):
    def page(self, accept, status=503, method="GET"):
        client = self.client(self.otto(settings([DRAINED])))
        response = client.request("/", method, [("Accept", accept)] if accept else [])
        self.assertEqual(response.status, status)
        self.assertTrue(response.keeps_alive())
        self.assertEqual(response.get("Cache-Control"), "no-store")
        return response

    def test_html(self):
        response = self.page("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")
        self.assertEqual(response.get("Content-Type"), "text/html; charset=utf-8")
        self.assertTrue(response.body.startswith(b"<!DOCTYPE html>"))
        self.assertIn(b"503", response.body)
        self.assertIn("default-src 'none'", response.get("Content-Security-Policy"))

    def test_json(self):
        for accept in ("application/json", "application/problem+json", "text/html;q=0.5, "
                       "application/json"):
            response = self.page(accept)
            self.assertEqual(response.get("Content-Type"), "application/problem+json")
            problem = json.loads(response.body)
            self.assertEqual((problem["status"], problem["title"]), (503, "Service Unavailable"))
            self.assertEqual(problem["request_id"], response.get("X-Request-Id"))

    def test_text(self):
        for accept in (None, "*/*", "text/plain", "image/png"):
            response = self.page(accept)
            self.assertEqual(response.get("Content-Type"), "text/plain; charset=utf-8")
            self.assertTrue(response.body.startswith(b"503 Service Unavailable\n"))

    def test_head(self):
        response = self.page("text/html", method="HEAD")
        self.assertGreater(int(response.get("Content-Length")), 100)

    def test_of_a_refused_request(self):
        """Whatever of it could be read: a page that says so, and the end."""
        client = self.client(self.over())
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\nAccept: application/json\r\nX : y\r\n\r\n")
        response = client.response()
        self.assertEqual((response.status, response.keeps_alive()), (400, False))
        self.assertTrue(response.get("X-Request-Id"))

    def test_gateway_errors(self):
        def script(connection, _):
            if connection.target == "/garbage":
                connection.send(b"garbage\r\n\r\n")
            connection.wait_closed()

        otto = self.over(script, timeouts={"response": PAUSE_MS}, retries={"attempts": 1})
        client = self.client(otto)
        for target, status in (("/garbage", 502), ("/slow", 504)):
            response = client.request(target, headers=[("Accept", "application/json")])
            problem = json.loads(response.body)
            self.assertEqual((response.status, problem["status"]), (status, status))
            self.assertNotIn(str(self.server.port), response.body.decode(), "nothing about servers")


class Via(Case):
    def test_off(self):
        response = self.client(self.over()).request(headers=[("Via", "1.0 fred")])
        self.assertEqual(self.seen(response)["via"], ["1.0 fred"])
        self.assertIsNone(response.get("Via"))

    def test_on(self):
        client = self.client(self.over(via=True))
        response = client.request(headers=[("Via", "1.0 fred")])
        self.assertEqual(", ".join(self.seen(response)["via"]), "1.0 fred, 1.1 otto")
        self.assertEqual(response.get("Via"), "1.1 otto")
        response = client.request(version="1.0")
        self.assertEqual(self.seen(response)["via"], ["1.0 otto"])
        self.assertEqual(response.get("Via"), "1.1 otto")


class Retries(Case):
    def tries(self, retries, count=3, method="GET"):
        """How many requests the servers see of one, all of them closing without a reply. When each
        has been asked, the last one is once more."""
        servers = [self.scripted(lambda connection, _: connection.reset()) for _ in range(count)]
        otto = self.otto(settings(servers, healthCheck=RARELY, retries=retries))
        otto.wait_healthy(count)
        body = b"x" if method == "POST" else None
        self.assertEqual(otto.fetch("/", method, body=body).status, 502)
        seen = [len(server.requests) for server in servers]
        self.assertLessEqual(max(seen), 2 if sum(seen) > count else 1, "each time another server")
        return sum(seen)

    def test_attempts(self):
        generous = {"budgetPercent": 100, "budgetMinPerSecond": 1000}
        self.assertEqual(self.tries({}), 2)
        self.assertEqual(self.tries({"attempts": 1}), 1)
        self.assertEqual(self.tries({"attempts": 3, **generous}), 3)
        self.assertEqual(self.tries({"attempts": 10, **generous}), 4)
        self.assertEqual(self.tries({}, count=1), 2)
        self.assertEqual(self.tries({}, count=1, method="POST"), 1)
        self.assertEqual(self.tries({"attempts": 3, **generous}, method="POST"), 1)
        self.assertEqual(self.tries({"attempts": 3, **generous}, method="PUT"), 3)

    def test_budget(self):
        servers = [self.scripted(lambda connection, _: connection.reset()) for _ in range(2)]
        otto = self.otto(settings(servers, workers=1, healthCheck=RARELY, retries={
            "budgetPercent": 0, "budgetMinPerSecond": 1}))
        otto.wait_healthy(2)
        for _ in range(50):
            self.assertEqual(otto.fetch().status, 502)
        tries = sum(len(server.requests) for server in servers)
        self.assertGreaterEqual(tries, 51)
        self.assertLess(tries, 75, "the budget is spent at once and grows by one a second")

    def test_a_body_that_is_held_is_sent_again(self):
        def broken(connection, _):
            connection.body()
            connection.reset()

        body = os.urandom(10_000)
        otto = self.otto(settings([self.scripted(broken), self.scripted()], healthCheck=RARELY))
        otto.wait_healthy(2)
        for _ in range(4):
            self.assertEqual(otto.fetch("/", "PUT", body=body).body, body)

    def test_a_body_that_is_not_is_not(self):
        def broken(connection, _):
            connection.body()
            connection.reset()

        body = os.urandom(1 << 20)
        otto = self.otto(settings([self.scripted(broken), self.scripted()], healthCheck=RARELY))
        otto.wait_healthy(2)
        self.assertEqual(sorted(otto.fetch("/", "PUT", body=body).status for _ in range(4)),
                         [200, 200, 502, 502])

    def test_unix_client_listener(self):
        path = os.path.join(self.folder(), "http.sock")
        otto = self.over(listener=unix_listener(path))
        self.assertRegex(self.seen(self.client(otto).request())["x-request-id"][0], ".")


if __name__ == "__main__":
    main()
