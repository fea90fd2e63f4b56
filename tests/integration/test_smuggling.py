"""Requests that could be read in two ways (RFC 9110, RFC 9112): refused before a server sees a byte
of them, or passed on in the one form that Otto understood. A second request glued to such a one
never reaches a server unless it was understood as a pipelined request."""
# labels: asan

from harness import RARELY, TestCase, main, settings

GLUED = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
HOST = b"Host: a\r\n"


def line(text):
    return text + b"\r\n" + HOST + b"\r\n"


def get(fields):
    return b"GET / HTTP/1.1\r\n" + fields + b"\r\n"


def host(value):
    return get(b"Host: " + value + b"\r\n")


def with_field(field):
    return get(HOST + field + b"\r\n")


def post(fields, body=b""):
    return b"POST / HTTP/1.1\r\n" + HOST + fields + b"\r\n" + body


def length(value, body=b"abcde"):
    return post(b"Content-Length: " + value + b"\r\n", body)


def coding(value, more=b""):
    return post(b"Transfer-Encoding: " + value + b"\r\n" + more, b"0\r\n\r\n")


def chunked(body):
    return post(b"Transfer-Encoding: chunked\r\n", body)


# Refused by their heads: what it is, the bytes, the status.
HEADS = [
    # What evhttp takes by itself.
    ("two different lengths", post(b"Content-Length: 5\r\nContent-Length: 6\r\n", b"abcde"), 400),
    ("two equal lengths", post(b"Content-Length: 5\r\nContent-Length: 5\r\n", b"abcde"), 400),
    ("a space before the colon", with_field(b"X : y"), 400),
    ("a tab before the colon", with_field(b"X\t: y"), 400),
    ("obs-fold", with_field(b"X: y\r\n z"), 400),
    ("obs-fold with a tab", with_field(b"X: y\r\n\tz"), 400),
    ("no Host", get(b""), 400),
    ("two Hosts", get(HOST + b"Host: b\r\n"), 400),
    ("two equal Hosts", get(HOST + HOST), 400),
    ("a bare LF after the request line", b"GET / HTTP/1.1\nHost: a\r\n\r\n", 400),
    ("a bare LF after a field", b"GET / HTTP/1.1\r\nHost: a\n\r\n", 400),
    ("bare LFs only", b"GET / HTTP/1.1\nHost: a\n\n", 400),
    # Where the body ends, told by two fields.
    ("CL.TE", post(b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n"), 400),
    ("TE.CL", post(b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", b"0\r\n\r\n"), 400),
    ("CL.TE, coding unknown", post(b"Content-Length: 4\r\nTransfer-Encoding: x\r\n", b"abcd"), 400),
    ("CL.TE, the coding folded", post(b"Content-Length: 4\r\nTransfer-Encoding:\r\n chunked\r\n",
                                      b"0\r\n\r\n"), 400),
    ("CL.TE, a space before the colon", post(
        b"Content-Length: 4\r\nTransfer-Encoding : chunked\r\n", b"0\r\n\r\n"), 400),
    ("CL.TE, a bare LF before it", post(b"Content-Length: 4\r\nX: y\nTransfer-Encoding: chunked"
                                        b"\r\n", b"0\r\n\r\n"), 400),
    ("CL.TE, a bare CR before it", post(b"Content-Length: 4\r\nX: y\rTransfer-Encoding: chunked"
                                        b"\r\n", b"0\r\n\r\n"), 400),
    ("CL.TE, a blank before it", post(b"Content-Length: 4\r\n Transfer-Encoding: chunked\r\n",
                                      b"0\r\n\r\n"), 400),
    ("CL.TE, an underscore", post(b"Content-Length: 4\r\nTransfer_Encoding: chunked\r\n",
                                  b"0\r\n\r\n"), 400),
    ("CL with an underscore", post(b"Content_Length: 5\r\n", b"abcde"), 400),
    ("CL named by Connection and TE", post(
        b"Connection: Content-Length\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        b"0\r\n\r\n"), 400),
    ("TE.TE, two fields", coding(b"chunked", b"Transfer-Encoding: chunked\r\n"), 400),
    ("TE.TE, identity first", coding(b"identity", b"Transfer-Encoding: chunked\r\n"), 501),
    ("TE.TE, gzip first", coding(b"gzip", b"Transfer-Encoding: chunked\r\n"), 501),
    ("TE.TE, the second unknown", coding(b"chunked", b"Transfer-Encoding: x\r\n"), 400),
    ("TE.TE, the case differs", coding(b"chunked", b"transfer-encoding: cow\r\n"), 400),
    ("chunked twice", coding(b"chunked, chunked"), 400),
    ("chunked not last", coding(b"chunked, identity"), 400),
    ("a parameter", coding(b"chunked;q=1"), 400),
    ("xchunked", coding(b"xchunked"), 400),
    ("chunkedx", coding(b"chunkedx"), 400),
    ("quoted", coding(b'"chunked"'), 400),
    ("two words", coding(b"chunked chunked"), 400),
    ("an empty coding", coding(b""), 400),
    ("an empty element", coding(b",chunked"), 400),
    ("an empty last element", coding(b"chunked,"), 400),
    ("a vertical tab before chunked", coding(b"\x0bchunked"), 400),
    ("a form feed after chunked", coding(b"chunked\x0c"), 400),
    ("a no-break space before chunked", coding(b"\xa0chunked"), 400),
    ("NUL after chunked", coding(b"chunked\0"), 400),
    ("gzip", coding(b"gzip"), 501),
    ("gzip, chunked", coding(b"gzip, chunked"), 501),
    ("identity", coding(b"identity"), 501),
    ("chunked in HTTP/1.0", b"POST / HTTP/1.0\r\n" + HOST
     + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ("chunked in HTTP/1.0 to be kept alive", b"POST / HTTP/1.0\r\n" + HOST
     + b"Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    # Lengths that are read differently.
    *[(f"Content-Length {value!r}", length(value), 400) for value in (
        b"+5", b"-5", b"-0", b"0x5", b"5 5", b"5,5", b"5, 5", b"5;5", b"5.0", b"5e0", b"05", b"00",
        b"", b"\x0b5", b"5\x0c", b'"5"', b"'5'", b"\xb2", b"5\0", b"5_0", b"five", b"0b101",
        b"9223372036854775808", b"18446744073709551621", b"340282366920938463463374607431768211461",
        b"5\r\n 6", b"5\n6", b"5\r6")],
    ("a tab in the name", post(b"Content-\tLength: 5\r\n", b"abcde"), 400),
    ("NUL in the name", post(b"Content-Length\0: 5\r\n", b"abcde"), 400),
    ("NUL before the name", post(b"\0Content-Length: 5\r\n", b"abcde"), 400),
    ("a first line that begins with a space", get(b" Host: a\r\n"), 400),
    ("a blank line of a space", get(HOST + b" \r\n"), 400),
    # Names and values.
    *[(f"field {field!r}", with_field(field), 400) for field in (
        b": y", b"X", b"X y", b"X y: z", b"X(: y", b"X@: y", b"X[0]: y", b"X/: y", b"X\xe9: y",
        b"X\xad: y", b'"X": y', b"X\x7f: y", b"X: a\0b", b"X: a\x07b", b"X: a\x7fb", b"X: a\rb",
        b"X: a\r", b"X: a\x0bb", b"X: a\x1fb", b"x_forwarded_for: 1.2.3.4", b"Host_: a\r\nHost: b",
        b"\xc2\xa0X: y", b"=X: y", b"X,: y", b"X{: y", b"X\\: y")],
    ("a bare CR before the empty line", b"GET / HTTP/1.1\r\n" + HOST + b"\r\r\n", 400),
    ("a bare CR as line end", b"GET / HTTP/1.1\rHost: a\r\r", 400),
    # Request lines.
    ("two spaces after the method", line(b"GET  / HTTP/1.1"), 400),
    ("two spaces before the version", line(b"GET /  HTTP/1.1"), 400),
    ("a tab for the space", line(b"GET\t/ HTTP/1.1"), 400),
    ("a vertical tab for the space", line(b"GET\x0b/ HTTP/1.1"), 400),
    ("a space after the version", line(b"GET / HTTP/1.1 "), 400),
    ("words after the version", line(b"GET / HTTP/1.1 HTTP/1.1"), 400),
    ("a space before the method", line(b" GET / HTTP/1.1"), 400),
    ("a request line in the target", line(b"GET /%20 HTTP/1.1 /x HTTP/1.1"), 400),
    ("five empty lines before it", b"\r\n" * 5 + line(b"GET / HTTP/1.1"), 400),
    ("an empty line of LF before it", b"\n" + line(b"GET / HTTP/1.1"), 400),
    *[(f"method {method!r}", line(method + b" / HTTP/1.1"), 400) for method in (
        b"G(T", b"GET:", b"G\0T", b"\xc7ET", b"GET,", b'"GET"', b"GE/T", b"", b"{GET}", b"GET\r",
        b"GET\x0c", b"G=T")],
    ("a long method", line(b"A" * 65 + b" / HTTP/1.1"), 501),
    ("HTTP/0.9", line(b"GET /"), 400),
    ("HTTP/0.9 without an end", b"GET /\r\n", 400),
    ("only a method", line(b"GET"), 400),
    *[(f"version {version!r}", line(b"GET / " + version), status) for version, status in (
        (b"HTTP/0.9", 505), (b"HTTP/2.0", 505), (b"HTTP/3.0", 505),
        (b"HTTP/9.9", 505), (b"HTTP/2", 400), (b"HTTP/1", 400), (b"HTTP/1.", 400),
        (b"HTTP/1.10", 400), (b"HTTP/1.01", 400), (b"HTTP/01.1", 400), (b"HTTP/1,1", 400),
        (b"HTTP /1.1", 400), (b"HTTP/1 .1", 400), (b"HTTP/ 1.1", 400), (b"http/1.1", 400),
        (b"HTTPS/1.1", 400), (b"XTTP/1.1", 400), (b"HTTP/+1.1", 400), (b"HTTP/1.1\0", 400),
        (b"HTTP/\xb9.1", 400), (b"HTTP/1.a", 400), (b"HTTP-1.1", 400), (b"1.1", 400))],
    ("the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    ("a TLS ClientHello", b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\r\n\r\n", 400),
    ("CONNECT", b"CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", 405),
    ("CONNECT with a body", b"CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\nContent-Length: 5\r\n\r\n"
     b"abcde", 405),
    # Targets.
    *[(f"target {target!r}", line(b"GET " + target + b" HTTP/1.1"), 400) for target in (
        b"x", b"?x", b"*", b"a:80", b"/a#b", b"/a\0", b"/a\x7f", b"/caf\xe9", b"/a\tb", b"/a\rb",
        b"\\x", b"http:a", b"http:/a/", b"ftp://a/", b"http://", b"http:///x",
        b"http://u@a/", b"http://u:p@a/", b"http://a:x/", b"http://a:99999/", b"http://[a]/",
        b"http://a\\b/", b"http://b/", b"http://a:81/", b"http://a,b/")],
    ("https without TLS", line(b"GET https://a/ HTTP/1.1"), 421),
    ("an absolute target without Host", b"GET http://a/ HTTP/1.1\r\n\r\n", 400),
    # Hosts.
    *[(f"host {value!r}", host(value), 400) for value in (
        b"", b"a b", b"a/b", b"a?b", b"a#b", b"u@a", b"u:p@a", b"http://a", b"a:x", b"a:+80",
        b"a:80:80", b"a:65536", b":80", b"a,b", b"a\tb", b"a\\b", b"[::1", b"[]", b"[a]", b"::1",
        b"[::1]x", b"caf\xe9", b'"a"', b"<a>", b"a%zz", b"a\0", b"a|b", b"a{b}", b"a^b")],
]

# Refused within their bodies, which follow "Transfer-Encoding: chunked".
BODIES = [
    (f"{body[:60]!r}", chunked(body)) for body in (
        b"0x3\r\nabc\r\n0\r\n\r\n", b"+3\r\nabc\r\n0\r\n\r\n", b"-3\r\nabc\r\n0\r\n\r\n",
        b"3 \r\nabc\r\n0\r\n\r\n", b" 3\r\nabc\r\n0\r\n\r\n", b"\t3\r\nabc\r\n0\r\n\r\n",
        b"3 3\r\nabc\r\n0\r\n\r\n", b"3_0\r\nabc\r\n0\r\n\r\n", b"g\r\nabc\r\n0\r\n\r\n",
        b"\r\nabc\r\n0\r\n\r\n", b"3\0\r\nabc\r\n0\r\n\r\n", b"3.0\r\nabc\r\n0\r\n\r\n",
        b"00000000000000003\r\nabc\r\n0\r\n\r\n", b"10000000000000003\r\nabc\r\n0\r\n\r\n",
        b"ffffffffffffffff\r\nabc\r\n0\r\n\r\n", b"8000000000000003\r\nabc\r\n0\r\n\r\n",
        b"3\nabc\r\n0\r\n\r\n", b"3\rabc\r\n0\r\n\r\n", b"3\r\r\nabc\r\n0\r\n\r\n",
        b"3\r\nabc\n0\r\n\r\n", b"3\r\nabc\r0\r\n\r\n", b"3\r\nabc0\r\n\r\n",
        b"3\r\nabcd\r\n0\r\n\r\n", b"3\r\nabcXX0\r\n\r\n", b"3\r\nab\r\n0\r\n\r\n",
        b"0\n\r\n", b"0\r\n\n", b"0\r\r\n\r\n", b"0\r\n\rX",
        b"3;\r\nabc\r\n0\r\n\r\n", b"3;a=\r\nabc\r\n0\r\n\r\n", b"3;a\nabc\r\n0\r\n\r\n",
        b"3;a\rb\r\nabc\r\n0\r\n\r\n", b'3;a="b\r\nabc\r\n0\r\n\r\n', b"3;a/b\r\nabc\r\n0\r\n\r\n",
        b'3;a="\r\n0\r\n\r\n"\r\nabc\r\n0\r\n\r\n', b"3;a\0\r\nabc\r\n0\r\n\r\n",
        b"3;a\xe9\r\nabc\r\n0\r\n\r\n", b'3;a="\n"\r\nabc\r\n0\r\n\r\n',
        b"3;=b\r\nabc\r\n0\r\n\r\n",
        b"0;\n\r\n\r\n",
        b"0\r\nContent-Length: 5\r\n\r\n", b"0\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"0\r\nHost: b\r\n\r\n", b"0\r\nX : y\r\n\r\n", b"0\r\nX: y\r\n z\r\n\r\n",
        b"0\r\nX: y\n\r\n", b"0\r\nX: a\0b\r\n\r\n", b"0\r\nX: a\rb\r\n\r\n", b"0\r\n X: y\r\n\r\n",
        b"0\r\nX\r\n\r\n", b"0\r\n: y\r\n\r\n", b"0\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n")]

# The same, but longer than what Otto reads before it asks a server.
LONG_BODIES = [
    ("a long extension", chunked(b"3;" + b"a" * 9000 + b"\r\nabc\r\n0\r\n\r\n")),
    ("long white space", chunked(b"3" + b" " * 9000 + b";a\r\nabc\r\n0\r\n\r\n")),
    ("a long trailer", chunked(b"0\r\nX: " + b"y" * 9000 + b"\r\n\r\n"))]

CHUNKED = [("Transfer-Encoding", "chunked")]


def counted(number):
    return [("Content-Length", str(number))]


# Passed on: what it is, the bytes, what the server sees of each request: method, target, framing
# fields, body.
ACCEPTED = [
    ("plain", get(HOST), [("GET", "/", [], b"")]),
    ("pipelined", get(HOST) + GLUED, [("GET", "/", [], b""), ("GET", "/smuggled", [], b"")]),
    ("four empty lines before it", b"\r\n" * 4 + get(HOST), [("GET", "/", [], b"")]),
    ("an empty line after a body", length(b"5") + b"\r\n" + GLUED,
     [("POST", "/", counted(5), b"abcde"), ("GET", "/smuggled", [], b"")]),
    ("CL.0: a request as a body", length(str(len(GLUED)).encode(), GLUED),
     [("POST", "/", counted(len(GLUED)), GLUED)]),
    ("0.CL: GET with a body", get(HOST + b"Content-Length: %d\r\n" % len(GLUED)) + GLUED,
     [("GET", "/", counted(len(GLUED)), GLUED)]),
    ("HEAD with a body", b"HEAD / HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\n\r\nabcde",
     [("HEAD", "/", counted(5), b"abcde")]),
    ("a length of 0", length(b"0", b"") + GLUED,
     [("POST", "/", counted(0), b""), ("GET", "/smuggled", [], b"")]),
    ("white space around a length", length(b" \t5\t "), [("POST", "/", counted(5), b"abcde")]),
    ("the length as a hop-by-hop field", post(
        b"Connection: content-length\r\nContent-Length: %d\r\n" % len(GLUED), GLUED),
     [("POST", "/", counted(len(GLUED)), GLUED)]),
    ("the coding as a hop-by-hop field", post(
        b"Connection: transfer-encoding\r\nTransfer-Encoding: chunked\r\n",
        b"%x\r\n%s\r\n0\r\n\r\n" % (len(GLUED), GLUED)), [("POST", "/", CHUNKED, GLUED)]),
    ("chunked in another case", coding(b"\tCHUNKED ") + GLUED,
     [("POST", "/", CHUNKED, b""), ("GET", "/smuggled", [], b"")]),
    ("a request as a chunk", chunked(b"%x\r\n%s\r\n0\r\n\r\n" % (len(GLUED), GLUED)),
     [("POST", "/", CHUNKED, GLUED)]),
    ("chunk extensions", chunked(b'3;a=b;c="d;\\"e"\r\nabc\r\n0;f\r\n\r\n'),
     [("POST", "/", CHUNKED, b"abc")]),
    ("a padded chunk size", chunked(b"0000000000000003\r\nabc\r\n000\r\n\r\n"),
     [("POST", "/", CHUNKED, b"abc")]),
    ("absolute-form", line(b"GET http://a/x HTTP/1.1"), [("GET", "/x", [], b"")]),
    ("absolute-form with the default port", line(b"GET http://a:80/x HTTP/1.1"),
     [("GET", "/x", [], b"")]),
    ("HTTP/1.2", line(b"GET / HTTP/1.2"), [("GET", "/", [], b"")]),
    ("a path that looks like a host", line(b"GET //b/x HTTP/1.1"), [("GET", "//b/x", [], b"")]),
    ("a host in brackets", host(b"[::1]:80"), [("GET", "/", [], b"")]),
    ("an unknown method", line(b"BREW / HTTP/1.1"), [("BREW", "/", [], b"")]),
    ("a method in lower case", line(b"connect / HTTP/1.1"), [("connect", "/", [], b"")]),
    ("obs-text in a value", with_field(b"X: caf\xe9"), [("GET", "/", [], b"")]),
]


class Smuggling(TestCase):
    def setUp(self):
        self.seen = []
        self.server = self.scripted(self.record)
        self.one = self.otto(settings([self.server], workers=1, healthCheck=RARELY))
        self.one.wait_healthy(1)

    def record(self, connection, _):
        """Notes a request once it is complete."""
        while True:
            framing = [(name, value) for name, value in connection.headers
                       if name.lower() in ("content-length", "transfer-encoding", "upgrade")]
            target, method = connection.target, connection.method
            body = connection.body()
            self.seen.append((method, target, framing, body))
            connection.reply(b"ok" if method != "HEAD" else b"")
            if not connection.next_request():
                return

    def send(self, client, data, step):
        """In pieces; Otto may have seen enough and closed before the last."""
        try:
            for at in range(0, len(data), step):
                client.send(data[at:at + step])
        except (BrokenPipeError, ConnectionResetError):
            pass

    def refused(self, data, status, step):
        """Sends it; expects that reply, and the connection's end."""
        client = self.client(self.one)
        self.send(client, data + GLUED, step)
        self.assertEqual(client.response().status, status)
        self.assertEqual(client.read_to_end()[0], b"", "nothing is answered after it")
        client.close()

    def check_unseen(self, before):
        """Nothing but one more good request reaches the server: `before` bytes had."""
        known = len(self.server.requests), len(self.seen)
        self.assertEqual(self.one.fetch("/good").status, 200)
        self.assertEqual((len(self.server.requests), len(self.seen)), (known[0] + 1, known[1] + 1))
        self.assertEqual(len(self.server.received()) - before, len(self.server.requests[-1]))

    def test_heads(self):
        for name, data, status in HEADS:
            with self.subTest(name):
                before = len(self.server.received())
                self.refused(data, status, len(data) + len(GLUED))
                self.check_unseen(before)

    def test_heads_byte_by_byte(self):
        before = len(self.server.received())
        for name, data, status in HEADS:
            with self.subTest(name):
                self.refused(data, status, 1)
        self.check_unseen(before)

    def test_a_refused_head_request_gets_no_body(self):
        for name, data, _ in HEADS:
            method = data.split(b" ")[0]
            if method not in (b"GET", b"POST"):
                continue
            with self.subTest(name):
                client = self.client(self.one)
                self.send(client, data.replace(method, b"HEAD", 1), 1 << 20)
                self.assertGreaterEqual(client.head().status, 400)
                self.assertEqual(client.read_to_end()[0], b"")
                client.close()
        self.assertEqual(self.server.requests, [])

    def test_a_bad_request_line_is_answered_before_the_head_ends(self):
        for data in (b"GET /\r\n", b"SSH-2.0-OpenSSH_9.2\r\n", b"\r\nEHLO mail.test\r\n"):
            for step in (len(data), 1):
                with self.subTest(data, step=step):
                    client = self.client(self.one)
                    self.send(client, data, step)
                    self.assertEqual(client.response().status, 400)
                    client.close()

    def test_bodies(self):
        for name, data in BODIES:
            with self.subTest(name):
                before = len(self.server.received())
                self.refused(data, 400, len(data) + len(GLUED))
                self.check_unseen(before)

    def test_bodies_byte_by_byte(self):
        # Their heads are on the way by then; they are never completed.
        for name, data in BODIES:
            with self.subTest(name):
                self.refused(data, 400, 1)
        for name, data in LONG_BODIES:
            with self.subTest(name):
                self.refused(data, 400, 1000)
        self.assertEqual(self.seen, [])
        self.assertNotIn(b"smuggled", self.server.received())
        self.assertEqual(self.one.fetch("/good").status, 200)

    def test_accepted(self):
        for step in (1 << 20, 1):
            for name, data, wanted in ACCEPTED:
                with self.subTest(name, step=step):
                    self.seen.clear()
                    client = self.client(self.one)
                    self.send(client, data, step)
                    for method, *_ in wanted:
                        self.assertEqual(client.response(method).status, 200)
                    self.assertEqual(self.seen, wanted)
                    client.close()

    def test_normal_form(self):
        client = self.client(self.one)
        client.send(chunked(b"3;x=y\r\nabc\r\n00;z\r\nX-A: b\r\nAuthorization: c\r\n\r\n"))
        self.assertEqual(client.response().status, 200)
        self.assertTrue(self.server.received().endswith(
            b"\r\n\r\n3\r\nabc\r\n0\r\n\r\n"), self.server.received())

    def test_requests_after_a_refused_one_stay_unread(self):
        client = self.client(self.one)
        client.send(get(HOST) + b"GET /second HTTP/1.1\r\n" + HOST + b"\r\n" + with_field(b"X : y")
                    + GLUED)
        self.assertEqual([client.response().status for _ in range(3)], [200, 200, 400])
        self.assertEqual(client.read_to_end()[0], b"")
        self.assertEqual([target for _, target, _, _ in self.seen], ["/", "/second"])

    def test_a_body_that_is_refused_late(self):
        # A server that answers early does not make what follows the body's fault a request.
        client = self.client(self.one)
        client.send(chunked(b"3\r\nabc\r\n"))
        client.send(b"3\r\nabcX\r\n0\r\n\r\n" + GLUED)
        self.assertEqual(client.response().status, 400)
        self.assertEqual(client.read_to_end()[0], b"")
        self.assertEqual(self.seen, [])


if __name__ == "__main__":
    main()
