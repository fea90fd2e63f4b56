"""Large plain bodies, which the kernel moves from socket to socket: bit for bit, at any pace, both
ways at once, and whatever breaks off in the middle."""
# labels: threads

import itertools
import os
import signal
import socket
import threading

from harness import (PATIENCE, PAUSE, PAUSE_MS, RARELY, SLOWNESS, SPARE_PIPES, CutOff, Deadline,
                     RawClient, TestCase, main, settings, unix_listener)

OK = b"HTTP/1.1 200 OK\r\n"
LARGE = os.urandom(8 << 20)
BEGUN = 300_000        # bytes of a body after which the rest goes by pipe
SMALL_BUFFER = 65536   # of a slow peer in the kernel
LOOPS = 2              # with one worker; each has a pipe for its signals
PIPES = 64             # of a worker, for as many transfers
SHORT = f"{int(200 * SLOWNESS)}ms"
LONGER = f"{int(2500 * SLOWNESS)}ms"  # than the pauses of a thread of ours that sends
LEAVE = (RawClient.close, RawClient.reset, RawClient.half_close)
STALL = 0.3 * SLOWNESS  # seconds without a byte that mean: no more fits


def take_body(connection, most=262144):
    """The request's body, read `most` bytes at a time."""
    size = int(connection.get("Content-Length") or 0)
    body = bytearray(connection.held())
    while len(body) < size:
        piece = connection.sock.recv(min(most, size - len(body)))
        if not piece:
            raise ConnectionError(f"end after {len(body)} of {size} bytes")
        body += piece
    return bytes(body)


def read_body(client, size, most=262144):
    """So many bytes of a reply, read `most` at a time."""
    client.sock.settimeout(PATIENCE)
    body = bytearray()
    while len(body) < size:
        piece = client.receive(min(most, size - len(body)))
        if not piece:
            raise CutOff(f"{size} bytes wanted", bytes(body))
        body += piece
    return bytes(body)


def fill(sock):
    """Sends until nothing more fits; how much that was."""
    sent = 0
    sock.settimeout(STALL)
    try:
        while True:
            sent += sock.send(LARGE[sent % len(LARGE):][:65536])
    except TimeoutError:
        return sent


def serve(connection, _):
    """Sends a large body, or what it was sent."""
    while True:
        connection.reply(take_body(connection) or LARGE)
        if not connection.next_request():
            return


def serve_slowly(connection, _):
    while True:
        connection.reply(take_body(connection, 4096) or LARGE)
        if not connection.next_request():
            return


def echo_one(connection, fields=b""):
    """Sends what it is sent while it is sent it."""
    left = int(connection.get("Content-Length"))
    connection.send(OK + b"Content-Length: %d\r\n%s\r\n" % (left, fields))
    while left > 0:
        piece = connection.recv_some()
        assert piece
        left -= len(piece)
        connection.send(piece)


def echo(connection, _):
    echo_one(connection)
    while connection.next_request():
        echo_one(connection)


def begin_reply(connection):
    connection.send(OK + b"Content-Length: 1000000000\r\n\r\n" + LARGE[:BEGUN])


class LargeBodies(TestCase):
    def over(self, script, path=None, receive_buffer=None, sockets=None, **more):
        self.server = self.scripted(script, path=path, receive_buffer=receive_buffer)
        otto = self.otto(settings([self.server], workers=1, healthCheck=RARELY, **more),
                         sockets=sockets)
        otto.wait_healthy(1)
        return otto

    def assert_spliced(self, otto):
        self.assertGreater(otto.pipes(), LOOPS, "it goes by pipe")

    def happens(self, event, what):
        self.assertTrue(event.wait(Deadline().left()), what)

    def slow_client(self, otto):
        sock = socket.socket()
        client = RawClient.over(sock)
        self.addCleanup(client.close)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
        sock.connect(otto.address)
        return client

    def sending(self, client, data):
        """Sends in a thread of its own until Otto takes no more."""
        def send():
            try:
                client.send(data)
            except OSError:
                pass

        def stop():
            try:
                client.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            thread.join(Deadline().left())

        thread = threading.Thread(target=send, daemon=True)
        self.addCleanup(stop)
        thread.start()
        return thread

    def download(self, client, most=262144, version="1.1", **options):
        client.send_request("/", version=version, **options)
        response = client.head()
        self.assertEqual(response.framing("GET"), ("length", len(LARGE)))
        self.assertTrue(read_body(client, len(LARGE), most) == LARGE, "the body is another")
        return response

    def upload(self, client, version="1.1", **options):
        """To a server that sends it back."""
        head = (f"POST / HTTP/{version}\r\nHost: a\r\nContent-Length: {len(LARGE)}\r\n"
                + "".join(f"{name}: {value}\r\n" for name, value in options.get("headers", ())))
        sender = self.sending(client, head.encode() + b"\r\n" + LARGE)
        response = client.response()
        self.assertTrue(response.body == LARGE, "the body is another")
        sender.join()
        return response

    def usable(self, otto, client):
        """Both connections go on after what they have been through."""
        self.assertEqual(client.request("/", "POST", body=b"small").body, b"small")
        self.assert_spliced(otto)
        self.assertEqual(self.server.connections(), 1, "the server's connection is used again")


class Whole(LargeBodies):
    def test_down_to_a_fast_reader(self):
        otto = self.over(serve)
        client = self.client(otto)
        for _ in range(3):
            self.download(client)
        self.usable(otto, client)

    def test_down_to_a_slow_reader(self):
        otto = self.over(serve)
        client = self.slow_client(otto)
        for _ in range(2):
            self.download(client, 4096)
        self.usable(otto, client)

    def test_up_to_a_fast_server(self):
        otto = self.over(serve)
        client = self.client(otto)
        for _ in range(3):
            self.upload(client)
        self.usable(otto, client)

    def test_up_to_a_slow_server(self):
        otto = self.over(serve_slowly, receive_buffer=SMALL_BUFFER)
        client = self.client(otto)
        for _ in range(2):
            self.upload(client)
        self.usable(otto, client)

    def test_both_ways_at_once(self):
        otto = self.over(echo)
        for _ in range(3):
            client = self.client(otto)
            if not self.upload(client).keeps_alive():  # it began before the request's end
                client.wait_closed()
        self.usable(otto, self.client(otto))

    def test_over_unix_sockets(self):
        """The server's, and then the client's, too."""
        for script, both in itertools.product((serve, echo), (False, True)):
            folder = self.folder()
            sockets = [unix_listener(os.path.join(folder, "otto.sock"))] if both else None
            otto = self.over(script, os.path.join(folder, "app.sock"), sockets=sockets)
            client = self.client(otto)
            if script is serve:
                self.download(client)
                self.download(client, 4096)
            self.upload(client)
            self.usable(otto, self.client(otto))

    def test_http10_clients(self):
        otto = self.over(serve)
        client = self.client(otto)
        keep = [("Connection", "keep-alive")]
        self.assertTrue(self.download(client, version="1.0", headers=keep).keeps_alive())
        self.assertTrue(self.upload(client, "1.0", headers=keep).keeps_alive())
        self.assertFalse(self.upload(client, "1.0").keeps_alive())
        client.wait_closed()
        client = self.client(otto)
        self.download(client, version="1.0")
        client.wait_closed()
        self.usable(otto, self.client(otto))

    def test_other_sizes_of_buffers(self):
        for size in ("4KiB", "64KiB", "1MiB"):
            otto = self.over(serve, limits={"perRequestBuffer": size})
            client = self.client(otto)
            self.download(client)
            self.upload(client)
            self.usable(otto, client)

    def test_requests_right_behind_an_upload(self):
        def script(connection, _):
            while True:
                connection.reply(connection.target.encode() + b" " + take_body(connection)[-5:])
                if not connection.next_request():
                    return

        otto = self.over(script)
        client = self.client(otto)
        body = LARGE[:1_000_003]
        upload = b"POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body) + body
        get = b"GET /get HTTP/1.1\r\nHost: a\r\n\r\n"
        sender = self.sending(client, upload + get + upload + upload + get * 3 + upload)
        for what in "uguugggu":
            wanted = b"/up " + body[-5:] if what == "u" else b"/get "
            self.assertEqual(client.response().body, wanted)
        sender.join()
        self.assert_spliced(otto)
        self.assertEqual(self.server.connections(), 1)

    def test_continue(self):
        def script(connection, _):
            connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
            body = connection.recv_exactly(BEGUN)
            connection.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n")
            connection.reply(body + connection.recv_exactly(len(LARGE) - BEGUN))
            connection.wait_closed()

        otto = self.over(script)
        client = self.client(otto)
        client.send_request("/", "POST", [("Content-Length", str(len(LARGE))),
                                          ("Expect", "100-continue")])
        self.assertEqual(client.read_line(Deadline()), b"HTTP/1.1 100 Continue")
        self.assertEqual(client.read_line(Deadline()), b"")
        sender = self.sending(client, LARGE)
        response = client.response()
        self.assertTrue(response.body == LARGE, "the body is another")
        self.assertEqual([interim.status for interim in response.interim], [103])
        sender.join()
        self.assert_spliced(otto)

    def test_a_tunnel_behind_an_upload(self):
        def script(connection, _):
            body = take_body(connection)
            connection.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
                            b"Upgrade: echo\r\n\r\n" + body[-5:])
            while piece := connection.recv_some():
                connection.send(piece)

        client = self.client(self.over(script))
        body = LARGE[:1_000_000]
        sender = self.sending(client, b"POST / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n"
                              b"Upgrade: echo\r\nContent-Length: %d\r\n\r\n" % len(body)
                              + body + LARGE)
        self.assertEqual(client.head().status, 101)
        self.assertEqual(client.read_exactly(5), body[-5:])
        self.assertTrue(read_body(client, len(LARGE)) == LARGE)
        sender.join()

    def test_urgent_bytes_in_an_upload(self):
        """TCP's urgent data (RFC 6093) does not get in the way: recv(2) passes over it, splice(2)
        stops for good, while the socket stays readable."""
        otto = self.over(serve, timeouts={"progress": LONGER})
        client = self.client(otto)
        body = LARGE[:1_000_000]
        client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body))
        client.send(body[:500_000])
        client.sock.send(b"!", socket.MSG_OOB)
        client.send(body[500_000:])
        self.assertTrue(client.response().body == body, "the body is another")
        self.usable(otto, client)


class Borders(LargeBodies):
    """Bodies in two parts, the second of which is sent once the other side has seen the first: a
    part that is held back would be waited for in vain."""

    FIRST = (1, 16383, 16384, 16385, 32767, 32768, 32769, 65536)
    LEFT = (1, 32767, 32768, 32769, 65537)

    @staticmethod
    def reply(first, left):
        """`first` bytes with the head, then `left`."""
        for size in range(first + left, 0, -1):
            message = OK + b"Content-Length: %d\r\n\r\n" % size + LARGE[:size]
            if len(message) <= first + left:
                return message
        return b""

    def test_replies(self):
        seen = threading.Semaphore(0)

        def script(connection, _):
            while True:
                first, left = map(int, connection.target[1:].split("/"))
                message = self.reply(first, left)
                connection.send(message[:first])
                assert seen.acquire(timeout=Deadline().left())
                connection.send(message[first:])
                if not connection.next_request():
                    return

        otto = self.over(script)
        client = self.client(otto)
        for first, left in itertools.product(self.FIRST[1:], self.LEFT):
            with self.subTest(first=first, left=left):
                message = self.reply(first, left)
                body = message[message.index(b"\r\n\r\n") + 4:]
                begun = len(body) - (len(message) - first)
                client.send_request(f"/{first}/{left}")
                response = client.head()
                self.assertEqual(response.framing("GET"), ("length", len(body)))
                self.assertEqual(client.read_exactly(begun), body[:begun])
                seen.release()
                self.assertEqual(client.read_exactly(len(body) - begun), body[begun:])
        self.assert_spliced(otto)
        self.assertEqual(self.server.connections(), 1)

    def test_uploads(self):
        seen = threading.Semaphore(0)

        def script(connection, _):
            while True:
                first = int(connection.target[1:])
                left = int(connection.get("Content-Length")) - first
                body = connection.recv_exactly(first)
                seen.release()
                connection.reply(body + connection.recv_exactly(left))
                if not connection.next_request():
                    return

        otto = self.over(script)
        client = self.client(otto)
        for first, left in itertools.product((0, *self.FIRST), self.LEFT):
            with self.subTest(first=first, left=left):
                body = LARGE[:first + left]
                client.send(b"PUT /%d HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n"
                            % (first, len(body)) + body[:first])
                self.assertTrue(seen.acquire(timeout=Deadline().left()))
                client.send(body[first:])
                self.assertEqual(client.response().body, body)
        self.assert_spliced(otto)
        self.assertEqual(self.server.connections(), 1)

    def test_whole_messages(self):
        def script(connection, _):
            while True:
                connection.reply(take_body(connection))
                if not connection.next_request():
                    return

        otto = self.over(script)
        client = self.client(otto)
        for size in (16384, 32768, 49152, 65536, 131072, 262144):
            for length in (size - 100, size - 1, size, size + 1, size + 100):
                body = LARGE[:length]
                self.assertEqual(client.request("/", "POST", body=body).body, body)
        self.assertEqual(self.server.connections(), 1)

    def test_replies_without_the_body_they_announce(self):
        def script(connection, _):
            while True:
                connection.send(b"HTTP/1.1 %s X\r\nContent-Length: 100000000\r\n\r\n"
                                % connection.target[1:].encode())
                if not connection.next_request():
                    return

        client = self.client(self.over(script))
        for _ in range(2):
            for method, status in (("HEAD", 200), ("GET", 304), ("HEAD", 304)):
                response = client.request(f"/{status}", method)
                self.assertEqual((response.status, response.get("Content-Length")),
                                 (status, "100000000"))
        self.assertEqual(self.server.connections(), 1)
        for _ in range(2):
            self.assertEqual(client.request("/204").status, 204)

    def test_bytes_after_a_reply(self):
        more = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"

        def script(connection, _):
            connection.send(OK + b"Content-Length: %d\r\n\r\n" % len(LARGE) + LARGE + more)
            connection.wait_closed()

        otto = self.over(script)
        client = self.client(otto)
        for _ in range(3):
            self.download(client)
        client.half_close()
        self.assertEqual(client.read_to_end()[0], b"")
        self.assert_spliced(otto)
        self.assertEqual(self.server.connections(), 3, "none is used again")


class Many(LargeBodies):
    def test_more_than_there_are_pipes(self):
        """150 downloads and as many uploads stand still in their middle."""
        many, size = 150, 400_000
        begun, go = threading.Semaphore(0), threading.Event()

        def script(connection, _):
            body = connection.recv_exactly(BEGUN) if connection.method == "POST" else b""
            begun.release()
            if not body:
                connection.send(OK + b"Content-Length: %d\r\n\r\n" % size + LARGE[:BEGUN])
            assert go.wait(Deadline().left())
            if body:
                connection.reply(body + connection.recv_exactly(size - BEGUN))
            else:
                connection.send(LARGE[BEGUN:size])
            connection.wait_closed()

        otto = self.over(script, timeouts={"progress": "10m"})
        downloads, uploads = ([self.client(otto) for _ in range(many)] for _ in range(2))
        for client in downloads:
            client.send_request("/")
            client.head()
            self.assertTrue(client.read_exactly(BEGUN) == LARGE[:BEGUN])
        for client in uploads:
            client.send_request("/", "POST", [("Content-Length", str(size))])
            client.send(LARGE[:BEGUN])
        for _ in range(2 * many):
            self.assertTrue(begun.acquire(timeout=Deadline().left()))
        otto.wait_pipes(LOOPS + PIPES)
        go.set()
        for client in downloads:
            self.assertTrue(client.read_exactly(size - BEGUN) == LARGE[BEGUN:size])
        for client in uploads:
            client.send(LARGE[BEGUN:size])
        for client in uploads:
            self.assertTrue(client.response().body == LARGE[:size])
        otto.wait_pipes(LOOPS + SPARE_PIPES)

    def test_at_random(self):
        """Transfers of any size, at any pace and in any order over few connections."""
        otto = self.over(serve)
        failures = []

        def run(number):
            try:
                with RawClient(otto.address) as client:
                    for turn in range(10):
                        size = 1 + (number * 7919 + turn * 104_729) * 31 % 700_001
                        response = client.request("/", "POST", body=LARGE[:size])
                        if response.body != LARGE[:size]:
                            failures.append(f"{number}/{turn}: another body")
            except (OSError, CutOff, AssertionError) as error:
                failures.append(repr(error))

        threads = [threading.Thread(target=run, args=(number,)) for number in range(80)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])
        otto.wait_pipes(LOOPS, LOOPS + PIPES)


class EarlyAnswers(LargeBodies):
    """The server answers in the middle of an upload."""

    def early(self, status, then):
        ended = threading.Event()

        def script(connection, number):
            if number > 0:
                serve(connection, number)
                return
            connection.recv_exactly(BEGUN)
            self.assert_spliced(otto)
            connection.reply(b"early", status)
            if then == "closes":
                connection.half_close()
            elif then == "waits":
                self.happens(seen, "the answer")
            connection.wait_closed()
            ended.set()

        seen = threading.Event()
        otto = self.over(script)
        files = otto.open_files()
        client = self.client(otto)
        client.send_request("/", "POST", [("Content-Length", "1000000000")])
        sender = self.sending(client, LARGE * 8)
        response = client.response()
        self.assertEqual((response.status, response.body), (int(status[:3]), b"early"))
        self.assertFalse(response.keeps_alive())
        self.assertEqual(client.read_to_end(), (b"", "closed"))
        seen.set()
        self.happens(ended, "the server's connection is closed")
        client.close()
        sender.join()
        otto.wait_open_files(files + 4)
        self.upload(self.client(otto))

    def test_that_refuse(self):
        for then in ("closes", "reads on", "waits"):
            with self.subTest(then):
                self.early("413 Content Too Large", then)

    def test_that_accept(self):
        for then in ("closes", "reads on", "waits"):
            with self.subTest(then):
                self.early("200 OK", then)

    def test_when_the_client_has_sent_all(self):
        """What is under way in Otto is dropped, and the server's connection with it; the client's
        goes on."""
        size = 3_000_000

        def script(connection, number):
            if number > 0:
                serve(connection, number)
                return
            connection.recv_exactly(BEGUN)
            self.happens(sent, "the client has sent all")
            connection.reply(b"early")
            connection.recv_exactly(size - BEGUN)
            if connection.next_request():
                serve(connection, number)

        sent = threading.Event()
        otto = self.over(script)
        client = self.client(otto)
        client.send_request("/", "POST", body=LARGE[:size])
        sent.set()
        response = client.response()
        self.assertEqual(response.body, b"early")
        if response.keeps_alive():
            self.assertEqual(client.request("/", "POST", body=b"next").body, b"next")
        else:
            client.wait_closed()


class Ends(LargeBodies):
    """Somebody goes away in the middle of a body."""

    def counted(self, act, path=None):
        """Otto over a server that acts so on a large exchange, and events for its having acted and
        for its connection's end. Pipes that it keeps have been made."""
        acted, ended = threading.Event(), threading.Event()

        def script(connection, _):
            if connection.target == "/warm":
                echo_one(connection, b"Connection: close\r\n")
                return
            try:
                act(connection)
                acted.set()
                connection.wait_closed()
            finally:
                ended.set()

        otto = self.over(script, path and os.path.join(self.folder(), path))
        client = self.client(otto)
        body = LARGE[:1_000_000]
        self.sending(client, b"POST /warm HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
                     b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self.assertTrue(client.response().body == body)
        client.wait_closed()
        self.assert_spliced(otto)
        self.files = otto.open_files()
        return otto, acted, ended

    def leave(self, otto, client, how, ended):
        self.assertFalse(ended.is_set(), "it is open until then")
        how(client)
        self.happens(ended, "the server's connection is closed")
        otto.wait_open_files(self.files)

    def each(self, ways, test):
        for path in (None, "app.sock"):
            for way in ways:
                with self.subTest(getattr(way, "__name__", way), path=path):
                    test(path, way)

    def test_the_client_of_an_upload_that_flows(self):
        def test(path, how):
            otto, acted, ended = self.counted(lambda each: each.recv_exactly(BEGUN), path)
            client = self.client(otto)
            client.send_request("/", "POST", [("Content-Length", "1000000000")])
            client.send(LARGE[:BEGUN])
            self.happens(acted, "the server has it")
            self.leave(otto, client, how, ended)

        self.each(LEAVE, test)

    def test_the_client_of_an_upload_that_is_stuck(self):
        def test(path, how):
            gone = threading.Event()

            def act(connection):
                connection.recv_exactly(BEGUN)
                self.happens(gone, "the client is gone")

            otto, _, ended = self.counted(act, path)
            client = self.client(otto)
            client.send_request("/", "POST", [("Content-Length", "1000000000")])
            fill(client.sock)

            def go(client):
                how(client)
                gone.set()

            self.leave(otto, client, go, ended)

        self.each(LEAVE, test)

    def test_the_client_of_a_download_that_waits_for_the_server(self):
        def test(path, how):
            otto, acted, ended = self.counted(begin_reply, path)
            client = self.client(otto)
            client.send_request("/")
            client.head()
            self.assertTrue(client.read_exactly(BEGUN) == LARGE[:BEGUN])
            self.happens(acted, "the server has sent it")
            self.leave(otto, client, how, ended)

        self.each(LEAVE, test)

    def test_the_client_of_a_download_that_it_does_not_read(self):
        def test(path, how):
            otto, acted, ended = self.counted(
                lambda each: (begin_reply(each), fill(each.sock)), path)
            client = self.client(otto)
            client.send_request("/")
            self.happens(acted, "nothing more fits")
            self.leave(otto, client, how, ended)

        self.each(LEAVE, test)

    def test_the_client_when_both_ways_are_stuck(self):
        def test(path, how):
            gone = threading.Event()

            def act(connection):
                connection.recv_exactly(BEGUN)
                begin_reply(connection)
                fill(connection.sock)
                stuck.set()
                self.happens(gone, "the client is gone")

            stuck = threading.Event()
            otto, _, ended = self.counted(act, path)
            client = self.client(otto)
            client.send_request("/", "POST", [("Content-Length", "1000000000")])
            client.send(LARGE[:BEGUN])
            self.happens(stuck, "nothing more fits")
            fill(client.sock)

            def go(client):
                how(client)
                gone.set()

            self.leave(otto, client, go, ended)

        self.each(LEAVE, test)

    def test_the_server_of_a_download(self):
        def test(path, how):
            def act(connection):
                begin_reply(connection)
                if how == "closes":
                    connection.half_close()
                else:
                    self.happens(seen, "the client has it")
                    connection.reset()

            seen = threading.Event()
            otto, _, ended = self.counted(act, path)
            client = self.client(otto)
            client.send_request("/")
            client.head()
            self.assertTrue(client.read_exactly(BEGUN) == LARGE[:BEGUN], "what came goes on")
            seen.set()
            client.wait_closed()
            self.happens(ended, "the server's connection is closed")
            otto.wait_open_files(self.files)

        self.each(("closes", "resets"), test)

    def test_the_server_of_a_download_that_is_not_read(self):
        """Nothing that it sent is lost with it."""
        sent = []

        def act(connection):
            begin_reply(connection)
            sent.append(BEGUN + fill(connection.sock))
            connection.half_close()

        otto, acted, ended = self.counted(act)
        client = self.client(otto)
        client.send_request("/")
        client.head()
        self.happens(acted, "nothing more fits")
        self.assertGreater(len(read_body(client, sent[0])), 0)
        client.wait_closed()
        self.happens(ended, "the server's connection is closed")
        otto.wait_open_files(self.files)

    def test_the_server_of_an_upload(self):
        def test(path, how):
            for stuck in (False, True):
                def act(connection):
                    connection.recv_exactly(BEGUN)
                    if stuck:
                        self.happens(filled, "nothing more fits")
                    if how == "closes":
                        connection.half_close()
                    else:
                        connection.reset()

                filled = threading.Event()
                otto, _, ended = self.counted(act, path)
                client = self.client(otto)
                client.send_request("/", "PUT", [("Content-Length", "1000000000")])
                if stuck:
                    fill(client.sock)
                    filled.set()
                else:
                    client.send(LARGE[:BEGUN])
                response = client.response()
                self.assertEqual((response.status, response.keeps_alive()), (502, False))
                client.wait_closed()
                client.close()
                self.happens(ended, "the server's connection is closed")
                otto.wait_open_files(self.files)
                self.assertEqual(self.server.connections(), 2, "it is not tried again")

        self.each(("closes", "resets"), test)

    def test_an_upload_whose_bytes_are_gone_is_not_tried_again(self):
        def script(connection, _):
            connection.recv_exactly(BEGUN)
            connection.reset()

        servers = [self.scripted(script) for _ in range(2)]
        otto = self.otto(settings(servers, workers=1, healthCheck=RARELY))
        otto.wait_healthy(2)
        client = self.client(otto)
        client.send_request("/", "PUT", [("Content-Length", "1000000000")])
        client.send(LARGE[:BEGUN])
        self.assertEqual(client.response().status, 502)
        self.assertEqual(sorted(server.connections() for server in servers), [0, 1])


class Times(LargeBodies):
    def test_a_download_whose_server_stalls(self):
        def script(connection, _):
            begin_reply(connection)
            connection.wait_closed()
            ended.set()

        ended = threading.Event()
        otto = self.over(script, timeouts={"progress": PAUSE_MS})
        client = self.client(otto)
        client.send_request("/")
        client.head()
        self.assertTrue(client.read_exactly(BEGUN) == LARGE[:BEGUN])
        client.wait_closed()
        self.happens(ended, "the server's connection is closed")
        self.assert_spliced(otto)

    def test_a_download_that_is_not_read(self):
        def script(connection, _):
            try:
                connection.send(OK + b"Content-Length: 1000000000\r\n\r\n")
                while True:
                    connection.send(LARGE)
            finally:
                ended.set()

        ended = threading.Event()
        otto = self.over(script, timeouts={"progress": PAUSE_MS})
        client = self.slow_client(otto)
        client.send_request("/")
        client.head()
        self.assertTrue(read_body(client, BEGUN) == LARGE[:BEGUN])
        self.assert_spliced(otto)
        self.happens(ended, "the server is let go")
        with self.assertRaises((CutOff, ConnectionError)):
            read_body(client, 1_000_000_000)

    def test_an_upload_that_stops(self):
        def script(connection, _):
            connection.wait_closed()
            ended.set()

        ended = threading.Event()
        otto = self.over(script, timeouts={"progress": PAUSE_MS})
        client = self.client(otto)
        client.send_request("/", "POST", [("Content-Length", "1000000000")])
        client.send(LARGE[:BEGUN])
        self.assertEqual(client.response().status, 408)
        client.wait_closed()
        self.happens(ended, "the server's connection is closed")
        self.assert_spliced(otto)

    def test_an_upload_that_is_not_read(self):
        def script(connection, _):
            connection.recv_exactly(BEGUN)
            self.assert_spliced(otto)
            self.happens(answered, "the client has its answer")
            connection.wait_closed()

        answered = threading.Event()
        otto = self.over(script, timeouts={"progress": LONGER, "response": LONGER})
        client = self.client(otto)
        client.send_request("/", "POST", [("Content-Length", "1000000000")])
        self.sending(client, LARGE * 8)
        self.assertEqual(client.response().status, 504)
        answered.set()

    def test_drops_are_progress(self):
        """Bytes that come one by one, up and then down, over more than the time."""
        drops = 10

        def script(connection, _):
            body = connection.recv_exactly(BEGUN + drops)
            connection.send(OK + b"Content-Length: %d\r\n\r\n" % (BEGUN + 65536 + 2 * drops)
                            + body)
            for _ in range(drops):
                assert not connection.closed_within(0.15 * PAUSE)
                connection.send(b"x")
            connection.send(LARGE[:65536])
            connection.wait_closed()

        otto = self.over(script, timeouts={"progress": PAUSE_MS})
        client = self.client(otto)
        client.send_request("/", "POST", [("Content-Length", str(BEGUN + drops))])
        client.send(LARGE[:BEGUN - 65536])
        client.send(LARGE[BEGUN - 65536:BEGUN])
        for _ in range(drops):
            client.sock.settimeout(0.15 * PAUSE)
            with self.assertRaises(TimeoutError):
                client.sock.recv(1)
            client.send(b"y")
        self.assertTrue(client.response().body == LARGE[:BEGUN] + b"y" * drops + b"x" * drops
                        + LARGE[:65536])
        self.assert_spliced(otto)

    def half_way(self, **more):
        """Otto in the middle of an upload and a download, and how to end them."""
        begun, go = threading.Semaphore(0), threading.Event()

        def script(connection, _):
            body = b""
            if connection.method == "POST":
                body = connection.recv_exactly(BEGUN)
            else:
                connection.send(OK + b"Content-Length: %d\r\n\r\n" % len(LARGE) + LARGE[:BEGUN])
            begun.release()
            self.happens(go, "it goes on")
            if body:
                connection.reply(body + connection.recv_exactly(len(LARGE) - BEGUN))
            else:
                connection.send(LARGE[BEGUN:])
            connection.wait_closed()

        otto = self.over(script, **more)
        up, down = self.client(otto), self.client(otto)
        down.send_request("/")
        self.assertTrue(down.head().keeps_alive())
        self.assertTrue(down.read_exactly(BEGUN) == LARGE[:BEGUN])
        up.send_request("/", "POST", [("Content-Length", str(len(LARGE)))])
        up.send(LARGE[:BEGUN])
        for _ in range(2):
            self.assertTrue(begun.acquire(timeout=Deadline().left()))
        self.assert_spliced(otto)

        def end():
            go.set()
            self.sending(up, LARGE[BEGUN:])
            self.assertTrue(read_body(down, len(LARGE) - BEGUN) == LARGE[BEGUN:])
            response = up.response()
            self.assertTrue(response.body == LARGE)
            return response

        return otto, up, down, end

    def test_a_reload_in_between(self):
        otto, up, down, end = self.half_way()
        other, = self.demo(1)
        otto.reload(settings([other], workers=1, healthCheck=RARELY))
        otto.wait_flip(other, "healthy")
        self.assertEqual(otto.fetch("/bytes/100000").server(), "server-1")
        self.assertTrue(end().keeps_alive())
        for client in (up, down):
            self.assertEqual(client.request("/bytes/100000").server(), "server-1")

    def test_a_drain_in_between(self):
        otto, up, down, end = self.half_way(timeouts={"drain": "1m"})
        otto.signal(signal.SIGTERM)
        otto.wait_note(STOPPING="^1$")
        self.assertFalse(end().keeps_alive())
        for client in (up, down):
            client.wait_closed()
        self.assertEqual(otto.wait_exit(), 0)

    def test_a_drain_that_takes_too_long(self):
        otto, up, down, end = self.half_way(timeouts={"drain": SHORT})
        otto.signal(signal.SIGTERM)
        self.assertEqual(otto.wait_exit(), 0)
        for client in (up, down):
            client.wait_closed()
        with self.assertRaises((CutOff, OSError)):
            end()


if __name__ == "__main__":
    main()
