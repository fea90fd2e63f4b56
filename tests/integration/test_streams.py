"""Messages as they flow: event streams, early answers, interim replies, trailers, the odd corners
of HTTP/1.1 and HTTP/1.0. Bytes go on as they come."""

import os
import threading

from harness import (PATIENCE, RARELY, SLOWNESS, CutOff, Deadline, RawClient, TestCase, main,
                     settings)

OK = b"HTTP/1.1 200 OK\r\n"
EVENTS = b"Content-Type: text/event-stream\r\n"


def after(seconds):
    return f"{int(seconds * 1000 * SLOWNESS)}ms"


class Streams(TestCase):
    def over(self, script, path=None, **more):
        self.server = self.scripted(script, path=path)
        otto = self.otto(settings([self.server], healthCheck=RARELY, **more))
        otto.wait_healthy(1)
        return otto

    def happens(self, event, what):
        self.assertTrue(event.wait(Deadline().left()), what)


class EventStreams(Streams):
    """The server writes an event only when the client has seen the one before."""

    def stream(self, head, count, write, version="1.1", **more):
        ready = threading.Semaphore(0)

        def script(connection, _):
            connection.send(head)
            for number in range(count):
                assert ready.acquire(timeout=Deadline().left())
                write(connection, b"data: %d\n\n" % number)
            if b"chunked" in head:
                connection.send(b"0\r\n\r\n")

        otto = self.over(script, **more)
        client = self.client(otto)
        client.send_request("/", version=version)
        response = client.head()
        self.assertEqual(response.get("Content-Type"), "text/event-stream")
        pieces = client.pieces(response)
        for number in range(count):
            ready.release()
            event = b""
            while not event.endswith(b"\n\n"):
                event += next(pieces)
            self.assertEqual(event, b"data: %d\n\n" % number)
            yield otto
        self.assertEqual(list(pieces), [])

    def test_chunked(self):
        head = OK + EVENTS + b"Transfer-Encoding: chunked\r\n\r\n"
        self.assertEqual(len(list(self.stream(head, 500, lambda c, event: c.send_chunk(event)))),
                         500)

    def test_until_close(self):
        head = OK + EVENTS + b"Connection: close\r\n\r\n"
        self.assertEqual(len(list(self.stream(head, 500, lambda c, event: c.send(event)))), 500)

    def test_to_http10(self):
        head = OK + EVENTS + b"Transfer-Encoding: chunked\r\n\r\n"
        list(self.stream(head, 100, lambda c, event: c.send_chunk(event), "1.0"))

    def test_of_http10(self):
        head = b"HTTP/1.0 200 OK\r\n" + EVENTS + b"\r\n"
        list(self.stream(head, 100, lambda c, event: c.send(event)))

    def test_a_byte_at_a_time(self):
        def write(connection, event):
            for byte in event:
                connection.send_chunk(bytes([byte]))

        list(self.stream(OK + EVENTS + b"Transfer-Encoding: chunked\r\n\r\n", 50, write))

    def test_over_reloads(self):
        head = OK + EVENTS + b"Transfer-Encoding: chunked\r\n\r\n"
        stream = self.stream(head, 9, lambda c, event: c.send_chunk(event))
        other, = self.demo(1)
        for number, otto in enumerate(stream):
            if number % 3 == 1:
                otto.reload(settings([other], healthCheck=RARELY))
                otto.wait_flip(other, "healthy")
                self.assertEqual(otto.fetch("/bytes/1").server(), "server-1")

    def idle(self, content_type, pause, **timeouts):
        """What comes of a stream that says one thing, nothing for so many seconds, and one more."""
        closed = threading.Event()

        def script(connection, _):
            connection.send(OK + content_type + b"Transfer-Encoding: chunked\r\n\r\n"
                            b"9\r\ndata: 1\n\n\r\n")
            connection.closed_within(pause)
            try:
                connection.send_chunk(b"data: 2\n\n")
                connection.wait_closed()
            finally:
                closed.set()

        otto = self.over(script, timeouts={"drain": "1s", **timeouts})
        client = self.client(otto)
        client.send_request()
        pieces, got = client.pieces(client.head()), b""
        with self.assertRaises(CutOff):
            for piece in pieces:
                got += piece
        self.happens(closed, "the server's connection goes, too")
        return got

    def test_idle_for_longer_than_progress(self):
        self.assertEqual(self.idle(EVENTS, 0.5 * SLOWNESS, progress=after(.15), tunnel=after(2)),
                         b"data: 1\n\ndata: 2\n\n")

    def test_parameters_do_not_matter(self):
        self.assertEqual(self.idle(b"Content-Type: Text/Event-Stream ; charset=utf-8\r\n",
                                   0.5 * SLOWNESS, progress=after(.15), tunnel=after(2)),
                         b"data: 1\n\ndata: 2\n\n")

    def test_idle_for_longer_than_tunnel(self):
        self.assertEqual(self.idle(EVENTS, PATIENCE, tunnel=after(.15)), b"data: 1\n\n")

    def test_other_replies_may_not_idle(self):
        self.assertEqual(self.idle(b"Content-Type: text/event-stream-like\r\n", PATIENCE,
                                   progress=after(.15)), b"data: 1\n\n")

    def test_the_client_leaves(self):
        for leave in (RawClient.close, RawClient.reset):
            gone = threading.Event()

            def script(connection, _, gone=gone):
                connection.send(OK + EVENTS + b"Transfer-Encoding: chunked\r\n\r\n")
                connection.send_chunk(b"data: 1\n\n")
                connection.wait_closed()
                gone.set()

            client = self.client(self.over(script))
            client.send_request()
            next(client.pieces(client.head()))
            leave(client)
            self.happens(gone, "the server's connection goes, too")


class EarlyAnswers(Streams):
    """The server answers while the request's body still comes."""

    def early(self, reply, framing, then="close"):
        """The reply, and how the connection ends, for a client that keeps on sending."""
        def script(connection, _):
            connection.recv_exactly(1000)
            connection.send(reply)
            if then == "close":
                return
            if then == "read":
                connection.wait_closed()
            else:  # as if the request were none of its business
                assert not connection.closed_within(0)
                connection.wait_closed()

        otto = self.over(script)
        client = self.client(otto)
        client.send_request("/", "POST", framing)
        piece = b"x" * 1000
        if ("Transfer-Encoding", "chunked") in framing:
            piece = b"3e8\r\n%s\r\n" % piece
        stop = threading.Event()

        def upload():
            try:
                while not stop.is_set():
                    client.sock.send(piece)
            except OSError:
                pass

        client.sock.settimeout(Deadline().timeout())
        thread = threading.Thread(target=upload)
        thread.start()
        try:
            response = client.response()
            rest, how = client.read_to_end()
        finally:
            stop.set()
            thread.join()
        self.assertEqual(rest, b"")
        return response, how

    def test_refused_and_closed(self):
        for framing in ([("Content-Length", "100000000")], [("Transfer-Encoding", "chunked")]):
            response, how = self.early(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n"
                                       b"Connection: close\r\n\r\nbig", framing)
            self.assertEqual((response.status, response.body, how), (413, b"big", "closed"))

    def test_accepted_and_closed(self):
        response, how = self.early(OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nyes\r\n0\r\n\r\n",
                                   [("Content-Length", "100000000")])
        self.assertEqual((response.status, response.body, how), (200, b"yes", "closed"))

    def test_answered_and_read_on(self):
        response, how = self.early(OK + b"Content-Length: 3\r\n\r\nyes",
                                   [("Content-Length", "100000000")], "read")
        self.assertEqual((response.status, response.body, how), (200, b"yes", "closed"))

    def test_answered_and_reset(self):
        """The server closes with unread bytes of the body: what it said first still arrives."""
        def script(connection, _):
            connection.reply(b"no", "403 Forbidden", "Connection: close")
            # Bytes of the body have come and stay unread: the close is a reset.

        otto = self.over(script)
        for _ in range(20):
            client = self.client(otto)
            client.send_request("/", "POST", body=b"x" * 10_000)
            response = client.response()
            self.assertIn(response.status, (403, 502))
            client.close()

    def test_a_big_reply_while_the_body_comes(self):
        """Both directions flow at once."""
        body = os.urandom(1 << 20)

        def script(connection, _):
            connection.send(OK + b"Content-Length: %d\r\n\r\n" % len(body))
            for at in range(0, len(body), 65536):
                connection.send(connection.recv_exactly(min(65536, len(body) - at)))
            connection.wait_closed()

        client = self.client(self.over(script))
        client.send_request("/", "POST", [("Content-Length", str(len(body)))])
        sender = threading.Thread(target=client.sock.sendall, args=(body,))
        sender.start()
        self.assertEqual(client.response().body, body)
        sender.join()
        self.assertTrue(client.sock.fileno() >= 0)

    def test_expect_and_an_early_answer(self):
        def script(connection, _):
            connection.reply(b"no", "417 Expectation Failed")
            connection.wait_closed()

        client = self.client(self.over(script))
        client.send_request("/", "POST", [("Content-Length", "5"), ("Expect", "100-continue")])
        response = client.response()
        self.assertEqual((response.status, response.interim), (417, []))
        client.wait_closed()


class Interim(Streams):
    def test_several(self):
        def script(connection, _):
            connection.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n"
                            b"HTTP/1.1 102 Processing\r\n\r\n")
            connection.send(b"HTTP/1.1 103 Early Hints\r\nLink: </b.css>\r\n"
                            b"Connection: X-Drop\r\nX-Drop: 1\r\n\r\n")
            connection.reply(b"final")
            connection.wait_closed()

        response = self.client(self.over(script)).request()
        self.assertEqual([interim.status for interim in response.interim], [103, 102, 103])
        self.assertEqual([interim.get("Link") for interim in response.interim],
                         ["</a.css>", None, "</b.css>"])
        self.assertIsNone(response.interim[2].get("X-Drop"))
        self.assertEqual((response.status, response.body), (200, b"final"))

    def test_they_come_before_the_reply(self):
        seen = threading.Event()

        def script(connection, _):
            connection.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n")
            assert seen.wait(Deadline().left())
            connection.reply(b"final")
            connection.wait_closed()

        client = self.client(self.over(script))
        client.send_request()
        self.assertEqual(client.read_line(Deadline()), b"HTTP/1.1 103 Early Hints")
        while client.read_line(Deadline()):
            pass
        seen.set()
        self.assertEqual(client.response().body, b"final")

    def test_none_for_http10(self):
        def script(connection, _):
            connection.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n")
            connection.reply(b"final")
            connection.wait_closed()

        response = self.client(self.over(script)).request(version="1.0")
        self.assertEqual((response.interim, response.body), ([], b"final"))

    def test_continue_to_and_fro(self):
        def script(connection, _):
            assert connection.get("Expect") == "100-continue"
            connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
            connection.reply(connection.body())
            connection.wait_closed()

        for framing, body in (([("Content-Length", "5")], b"hello"),
                              ([("Transfer-Encoding", "chunked")], b"5\r\nhello\r\n0\r\n\r\n")):
            client = self.client(self.over(script))
            client.send_request("/", "POST", [*framing, ("Expect", "100-continue")])
            self.assertEqual(client.read_line(Deadline()), b"HTTP/1.1 100 Continue")
            self.assertEqual(client.read_line(Deadline()), b"")
            client.send(body)
            self.assertEqual(client.response().body, b"hello")

    def test_a_body_that_does_not_wait_for_continue(self):
        def script(connection, _):
            body = connection.body()
            connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
            connection.reply(body)
            connection.wait_closed()

        client = self.client(self.over(script))
        response = client.request("/", "POST", [("Expect", "100-continue")], b"hello")
        self.assertEqual(([interim.status for interim in response.interim], response.body),
                         ([100], b"hello"))


class Framing(Streams):
    def test_bodies_that_are_none(self):
        """HEAD, 204 and 304 have no body, whatever their heads say, and the client's connection
        goes on; the server's too, unless a 204 claims to have one."""
        fields = (b"Content-Length: 10\r\n", b"Transfer-Encoding: chunked\r\n", b"")

        def script(connection, _):
            while True:
                number = int(connection.target[1:])
                status = b"204 No Content" if number >= 6 else b"304 Not Modified"
                status = status if number >= 3 else b"200 OK"
                connection.send(b"HTTP/1.1 " + status + b"\r\n" + fields[number % 3] + b"\r\n")
                if not connection.next_request():
                    return

        client = self.client(self.over(script, workers=1))
        for number in range(9):
            response = client.request(f"/{number}", "HEAD" if number < 3 else "GET")
            self.assertEqual(response.status, (200, 304, 204)[number // 3])
            self.assertTrue(response.keeps_alive())
            if number in (0, 3):
                self.assertEqual(response.get("Content-Length"), "10")
        self.assertEqual(self.server.connections(), 3)

    def test_trailers_both_ways(self):
        def script(connection, _):
            body = connection.body()
            trailers = b"\r\n".join(connection.trailers)
            connection.send(OK + b"Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n")
            connection.send_chunk(body + b" " + trailers + b" "
                                  + (connection.get("Trailer") or "").encode())
            connection.send(b"0;last\r\nX-Sum: 2\r\nX-Kept: \xe9\r\nContent-Type: text/html\r\n"
                            b"\r\n")
            connection.wait_closed()

        for more, body in (({}, b"abc  "), ({"requestTrailers": "forward"}, b"abc X-Sum: 1 X-Sum")):
            client = self.client(self.over(script, **more))
            client.send_request("/", "POST", [("Transfer-Encoding", "chunked"),
                                              ("Trailer", "X-Sum"), ("TE", "trailers")])
            client.send(b"3;a=b\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n")
            response = client.response()
            self.assertEqual(response.body, body)
            self.assertIn(b"X-Sum: 2", response.trailers)
            self.assertNotIn(b"Content-Type: text/html", response.trailers)
            self.assertEqual(response.get("Trailer"), "X-Sum")

    def test_te(self):
        def script(connection, _):
            while True:
                connection.reply(repr((connection.all("TE"),
                                       "te" in (connection.get("Connection") or "").lower())
                                      ).encode())
                if not connection.next_request():
                    return

        client = self.client(self.over(script))
        for value, wanted in (("trailers", (["trailers"], True)),
                              ("gzip;q=0.5, trailers", (["trailers"], True)),
                              ("gzip", ([], False))):
            response = client.request(headers=[("TE", value), ("Connection", "TE")])
            self.assertEqual(response.body.decode(), repr(wanted), value)

    def test_chunk_extensions_are_dropped(self):
        raw = []

        def script(connection, _):
            connection.body()
            raw.append(bytes(connection.received))
            connection.send(OK + b'Transfer-Encoding: chunked\r\n\r\n3;a="b"\r\nabc\r\n0;c\r\n\r\n')
            connection.wait_closed()

        client = self.client(self.over(script))
        client.send_request("/", "POST", [("Transfer-Encoding", "chunked")])
        client.send(b"003 ; x = y\r\nabc\r\n000;z\r\n\r\n")
        client.head()
        self.assertEqual(client.read_exactly(13), b"3\r\nabc\r\n0\r\n\r\n")
        self.assertTrue(raw[0].endswith(b"\r\n\r\n3\r\nabc\r\n0\r\n\r\n"), raw)

    def test_http10_client(self):
        def script(connection, _):
            connection.send(OK + b"Transfer-Encoding: chunked\r\nTrailer: X\r\n\r\n3\r\nabc\r\n"
                            b"4\r\ndefg\r\n0\r\nX: y\r\n\r\n")
            connection.wait_closed()

        client = self.client(self.over(script))
        client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        response = client.response()
        self.assertEqual((response.body, response.all("Transfer-Encoding")), (b"abcdefg", []))
        self.assertIn(b"HTTP/1.1", self.server.requests[0].split(b"\r\n")[0])

    def test_http10_server(self):
        def script(connection, _):
            if connection.target == "/length":
                connection.send(b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n"
                                b"Content-Length: 3\r\n\r\nold")
                if not connection.next_request():
                    return
            connection.send(b"HTTP/1.0 200 OK\r\n\r\nold and endless")

        client = self.client(self.over(script, workers=1))
        response = client.request("/length")
        self.assertEqual((response.body, response.version), (b"old", "1.1"))
        self.assertEqual(client.request("/endless").body, b"old and endless")
        self.assertEqual(self.server.connections(), 1)
        self.assertEqual(client.request("/length").body, b"old")

    def test_pipelining_with_an_error_in_the_middle(self):
        """Answers before it arrive in order, however late the server is; then 400, then the end."""
        go = threading.Event()

        def script(connection, _):
            while True:
                if connection.target == "/0":
                    assert go.wait(Deadline().left())
                connection.reply(connection.target.encode())
                if not connection.next_request():
                    return

        client = self.client(self.over(script))
        request = "GET /{} HTTP/1.1\r\nHost: a\r\n\r\n"
        client.send("".join(request.format(number) for number in range(5))
                    + "GET /5 HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n" + request.format(6))
        go.set()
        for number in range(5):
            self.assertEqual(client.response().body, b"/%d" % number)
        self.assertEqual(client.response().status, 400)
        self.assertEqual(client.read_to_end(), (b"", "closed"))
        self.assertEqual(len(self.server.requests), 5)

    def test_pipelining_after_close(self):
        client = self.client(self.over(lambda connection, _: connection.reply(b"ok")))
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
                    b"GET /more HTTP/1.1\r\nHost: a\r\n\r\n")
        self.assertEqual(client.response().status, 200)
        self.assertEqual(client.read_to_end()[0], b"")
        self.assertEqual(len(self.server.requests), 1)


def describe(connection, _):
    while True:
        fields = [f"{name}: {value}" for name, value in connection.headers
                  if name.lower() in ("host", "max-forwards")]
        connection.body()
        connection.reply("\n".join([f"{connection.method} {connection.target}", *fields]).encode())
        if not connection.next_request():
            return


class Targets(Streams):
    def test_options(self):
        client = self.client(self.over(describe))
        for headers, target in (((), "*"), ((), "http://otto.test"), ([("Max-Forwards", "0")], "*"),
                                ([("Max-Forwards", "0")], "/path")):
            with self.subTest(target, headers=headers):
                response = client.request(target, "OPTIONS", headers)
                self.assertIn(response.status, (200, 204))
                self.assertIn("GET", response.get("Allow"))
        self.assertEqual(self.server.requests, [])
        for value, wanted in (("5", "4"), ("1", "0"), ("010", "9")):
            response = client.request("/path", "OPTIONS", [("Max-Forwards", value)])
            self.assertIn(f"Max-Forwards: {wanted}", response.body.decode())

    def test_max_forwards_of_other_methods_is_theirs(self):
        client = self.client(self.over(describe))
        response = client.request("/", "GET", [("Max-Forwards", "0")])
        self.assertEqual(response.body.decode().splitlines()[0], "GET /")
        self.assertIn("Max-Forwards: 0", response.body.decode())

    def test_trace(self):
        otto = self.over(describe)
        for headers in ((), [("Max-Forwards", "0")], [("Max-Forwards", "3")]):
            response = self.client(otto).request("/", "TRACE", headers)
            self.assertEqual(response.status, 405)
            self.assertTrue(response.get("Allow"))
        self.assertEqual(self.server.requests, [])

    def test_absolute_form(self):
        client = self.client(self.over(describe))
        for target, host, wanted in (
                ("http://otto.test/a?b", "otto.test", "GET /a?b\nHost: otto.test"),
                ("HTTP://Otto.Test:80/", "otto.test:80", "GET /\nHost: Otto.Test:80"),
                ("http://otto.test?q", "otto.test", "GET /?q\nHost: otto.test"),
                ("http://otto.test", "otto.test", "GET /\nHost: otto.test")):
            response = client.request(target, headers=[("Host", host)])
            self.assertEqual(response.body.decode(), wanted)

    def test_base_path(self):
        server = self.scripted(describe)
        otto = self.otto(settings([server.url + "/app/v1"], healthCheck=RARELY))
        otto.wait_healthy(1)
        client = self.client(otto)
        for target, wanted in (("/", "/app/v1/"), ("/a/b?c", "/app/v1/a/b?c"),
                               ("/?q", "/app/v1/?q"), ("//x", "/app/v1//x"), ("/..", "/app/v1/.."),
                               ("http://otto.test?q", "/app/v1/?q")):
            self.assertEqual(client.request(target).body.decode().splitlines()[0],
                             f"GET {wanted}", target)

    def test_unix_server(self):
        path = os.path.join(self.folder(), "app.sock")
        otto = self.over(describe, path, workers=1)
        client = self.client(otto)
        for _ in range(3):
            self.assertEqual(client.request("/x").body, b"GET /x\nHost: otto.test")
        body = os.urandom(3 << 20)
        self.assertEqual(client.request("/x", "POST", body=body).status, 200)
        self.assertEqual(self.server.connections(), 1)
        client.send("GET / HTTP/1.0\r\n\r\n")
        self.assertIn(b"\nHost: ", client.response().body, "a server needs some Host")

    def test_method_tokens(self):
        client = self.client(self.over(describe))
        for method in ("PROPFIND", "M-SEARCH", "get", "GETS", "Q", "!#$%&'*+-.^_`|~09", "A" * 64,
                       "PRI", "OPTION", "HEADS"):
            self.assertEqual(client.request("/", method).body.decode().splitlines()[0],
                             f"{method} /")


if __name__ == "__main__":
    main()
