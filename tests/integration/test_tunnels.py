"""Connections that switch protocols (RFC 9110 §7.8): WebSocket and others."""
# labels: asan

import hashlib
import os
import signal
import socket
import threading
import time

import websocket
from harness import (PAUSE, PAUSE_MS, RARELY, SLOWNESS, CutOff, Deadline, RawClient, TestCase,
                     answer_all, main, settings, tcp_listener)

MASK = b"\x12\x34\x56\x78"
SWITCH = [("Connection", "Upgrade"), ("Upgrade", "echo")]
SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"


def after(seconds):
    return f"{int(seconds * 1000 * SLOWNESS)}ms"


def echo_bytes(connection, _):
    connection.send(SWITCHED)
    while data := connection.recv_some():
        connection.send(data)


class Tunnels(TestCase):
    def over(self, script, **more):
        self.server = self.scripted(script)
        otto = self.otto(settings([self.server], healthCheck=RARELY, **more))
        otto.wait_healthy(1)
        return otto

    def switched(self, otto, fields=None):
        client = self.client(otto)
        client.send_request(headers=SWITCH if fields is None else fields)
        response = client.head()
        self.assertEqual(response.status, 101)
        return client

    def check_echo(self, client, data):
        client.send(data)
        self.assertEqual(client.read_exactly(len(data)), data)

    def check_frame(self, client, payload):
        client.send(websocket.frame(payload, mask=MASK))
        self.assertEqual(websocket.read_frame(client.read_exactly), (websocket.BINARY, payload))


class WebSocket(Tunnels):
    def open(self, otto):
        client = self.client(otto)
        client.send_request("/socket", headers=websocket.FIELDS)
        response = client.head()
        self.assertEqual(response.status, 101)
        self.assertEqual(response.get("Upgrade"), "websocket")
        self.assertIn("upgrade", response.get("Connection").lower())
        self.assertEqual(response.get("Sec-WebSocket-Accept"),
                         websocket.accept_value(websocket.KEY))
        return client

    def test_what_the_server_sees(self):
        client = self.open(self.over(websocket.echo))
        head = self.server.requests[0].decode().lower()
        self.assertIn("\r\nupgrade: websocket\r\n", head)
        self.assertRegex(head, r"\r\nconnection: (.*, *)?upgrade\r\n")
        self.assertNotIn("keep-alive", head)
        self.assertIn("\r\nsec-websocket-version: 13\r\n", head)
        self.check_frame(client, b"hello")

    def test_ten_thousand_frames(self):
        client = self.open(self.over(websocket.echo))
        for turn in range(100):
            payloads = [os.urandom((turn * 7 + number) % 200) for number in range(99)]
            payloads.append(os.urandom(turn * 700))
            client.send(b"".join(websocket.frame(payload, mask=MASK) for payload in payloads))
            for payload in payloads:
                self.assertEqual(websocket.read_frame(client.read_exactly),
                                 (websocket.BINARY, payload))
        client.send(websocket.frame(b"\x03\xe8", websocket.CLOSE, MASK))
        self.assertEqual(websocket.read_frame(client.read_exactly), (websocket.CLOSE, b"\x03\xe8"))
        self.assertEqual(client.read_to_end(), (b"", "closed"))

    def test_over_reloads(self):
        """Frames before, during and after it; the old server serves on though it is configured no
        more, and new requests go to the new one."""
        otto = self.over(websocket.echo)
        client = self.open(otto)
        self.check_frame(client, b"before")
        other, = self.demo(1)
        for turn in range(3):
            _, since = otto.hang_up(settings([other], healthCheck=RARELY))
            for number in range(20):
                self.check_frame(client, b"during %d" % number)
            otto.wait_note(since, READY="^1$")
            if turn == 0:
                otto.wait_flip(other, "healthy")
            self.check_frame(client, b"after %d" % turn)
            self.assertEqual(otto.fetch("/bytes/1").server(), "server-1")
        self.check_frame(client, os.urandom(100_000))
        self.assertEqual(self.server.connections(), 1)

    def test_many_at_once(self):
        otto = self.over(websocket.echo)
        clients = [self.open(otto) for _ in range(50)]
        for turn in range(5):
            for number, client in enumerate(clients):
                client.send(websocket.frame(b"%d %d" % (turn, number), mask=MASK))
            for number, client in enumerate(clients):
                self.assertEqual(websocket.read_frame(client.read_exactly)[1],
                                 b"%d %d" % (turn, number))
        self.assertEqual(self.server.connections(), 50)


class Switching(Tunnels):
    def test_bytes_glued_to_the_101(self):
        def script(connection, _):
            connection.send(SWITCHED + b"welcome")
            echo_rest(connection)

        def echo_rest(connection):
            while data := connection.recv_some():
                connection.send(data)

        client = self.switched(self.over(script))
        self.assertEqual(client.read_exactly(7), b"welcome")
        self.check_echo(client, b"hello")

    def test_bytes_glued_to_a_101_in_parts(self):
        begun, go_on = threading.Event(), threading.Event()

        def script(connection, _):
            connection.send(SWITCHED[:30])
            begun.set()
            go_on.wait()
            connection.send(SWITCHED[30:] + b"welcome")
            while data := connection.recv_some():
                connection.send(data)

        self.addCleanup(go_on.set)
        otto = self.over(script, workers=1)
        client, other = self.client(otto), self.client(otto)
        client.send_request(headers=SWITCH)
        self.assertTrue(begun.wait(60))
        # The loop that answers this has seen what came before.
        other.send(b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n")
        self.assertEqual(other.head().status, 204)
        go_on.set()
        self.assertEqual(client.head().status, 101)
        self.assertEqual(client.read_exactly(7), b"welcome")
        self.check_echo(client, b"hello")

    def test_bytes_glued_to_the_request(self):
        """A client that does not wait for the 101."""
        otto = self.over(echo_bytes)
        for size in (5, 100_000):
            data = os.urandom(size)
            client = self.client(otto)
            client.send(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n"
                        + data)
            self.assertEqual(client.head().status, 101)
            self.assertEqual(client.read_exactly(size), data)

    def test_bytes_of_both_ends_glued(self):
        def script(connection, _):
            connection.send(b"HTTP/1.1 103 Early Hints\r\n\r\n" + SWITCHED + b"welcome")
            connection.send(connection.recv_exactly(5))

        client = self.client(self.over(script))
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n"
                    b"hello")
        response = client.head()
        self.assertEqual((response.status, len(response.interim)), (101, 1))
        self.assertEqual(client.read_to_end(), (b"welcomehello", "closed"))

    def test_other_protocols(self):
        for protocol in ("tcp", "TLS/1.2", "foo/2, bar", "kafka"):
            seen = []

            def script(connection, number, seen=seen):
                seen.extend(connection.all("Upgrade"))
                echo_bytes(connection, number)

            client = self.switched(self.over(script), [("Connection", "upgrade"),
                                                       ("Upgrade", protocol)])
            self.assertEqual(seen, [protocol])
            self.check_echo(client, b"hello")

    def test_a_request_with_a_body(self):
        def script(connection, _):
            body = connection.body()
            connection.send(SWITCHED + body)
            while data := connection.recv_some():
                connection.send(data)

        client = self.client(self.over(script))
        client.send_request("/", "POST", SWITCH, b"body")
        self.assertEqual(client.head().status, 101)
        self.assertEqual(client.read_exactly(4), b"body")
        self.check_echo(client, b"hello")

    def refused(self, reply, status):
        """The server does not switch: an ordinary reply, after which the connection goes on."""
        def script(connection, _):
            connection.send(reply)
            if connection.next_request():
                connection.reply(b"again")

        client = self.client(self.over(script, workers=1))
        response = client.request(headers=SWITCH)
        self.assertEqual((response.status, response.body), (status, b"no"))
        self.assertEqual(client.request().body, b"again")
        self.assertEqual(self.server.connections(), 1)
        return response

    def test_the_server_answers_200(self):
        self.refused(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno", 200)

    def test_the_server_answers_426(self):
        response = self.refused(
            b"HTTP/1.1 426 Upgrade Required\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Content-Length: 2\r\n\r\nno", 426)
        self.assertEqual(response.get("Upgrade"), "websocket")
        self.assertIn("upgrade", response.get("Connection").lower())

    def not_asked(self, fields, version="1.1"):
        """No upgrade is asked of the server; a 101 would be a fault."""
        seen = []

        def script(connection, _):
            while True:
                seen.append((connection.all("Upgrade"), connection.all("HTTP2-Settings"),
                             "upgrade" in (connection.get("Connection") or "").lower()))
                if connection.target == "/switch":
                    connection.send(SWITCHED)
                    connection.wait_closed()
                    return
                connection.reply(b"plain")
                if not connection.next_request():
                    return

        otto = self.over(script)
        client = self.client(otto)
        self.assertEqual(client.request(headers=fields, version=version).body, b"plain")
        self.assertEqual(seen, [([], [], False)])
        client = self.client(otto)
        self.assertEqual(client.request("/switch", headers=fields, version=version).status, 502)

    def test_h2c_is_not_forwarded(self):
        self.not_asked([("Connection", "Upgrade, HTTP2-Settings"), ("Upgrade", "h2c"),
                        ("HTTP2-Settings", "AAMAAABkAARAAAAAAAIAAAAA")])

    def test_what_is_offered_beside_h2c_is(self):
        asked = []

        def script(connection, _):
            asked.append(connection.all("Upgrade"))
            connection.send(SWITCHED)
            connection.wait_closed()

        self.switched(self.over(script), [("Connection", "Upgrade"), ("Upgrade", "echo, h2c")])
        self.assertEqual(asked, [["echo"]])

    def test_http10_cannot_switch(self):
        self.not_asked(SWITCH, "1.0")

    def test_upgrade_without_connection(self):
        self.not_asked([("Upgrade", "websocket")])

    def test_connection_without_upgrade(self):
        self.not_asked([("Connection", "Upgrade")])


class Ends(Tunnels):
    def test_the_server_closes(self):
        data = os.urandom(3 << 20)

        def script(connection, _):
            connection.send(SWITCHED + data)

        client = self.switched(self.over(script))
        self.assertEqual(client.read_to_end(), (data, "closed"))

    def test_the_server_closes_its_half(self):
        data, gone = os.urandom(1 << 20), threading.Event()

        def script(connection, _):
            connection.send(SWITCHED + data)
            connection.half_close()
            connection.wait_closed()
            gone.set()

        client = self.switched(self.over(script))
        self.assertEqual(client.read_to_end(), (data, "closed"))
        client.close()
        self.assertTrue(gone.wait(Deadline().left()))

    def test_the_server_resets(self):
        def script(connection, _):
            connection.send(SWITCHED)
            connection.recv_exactly(5)
            connection.reset()

        client = self.switched(self.over(script))
        client.send(b"hello")
        with self.assertRaises(CutOff):
            client.read_exactly(1)

    def client_ends(self, how, size):
        """What the server has got of what the client sent before it left."""
        data, got, done = os.urandom(size), [], threading.Event()

        def script(connection, _):
            connection.send(SWITCHED)
            try:
                while piece := connection.recv_some():
                    got.append(piece)
            finally:
                done.set()

        client = self.switched(self.over(script))
        client.send(data)
        how(client)
        self.assertTrue(done.wait(Deadline().left()), "the server's connection ends, too")
        return b"".join(got), data

    def test_the_client_closes(self):
        for size in (0, 5, 10_000):
            got, data = self.client_ends(RawClient.close, size)
            self.assertEqual(got, data, "what it said before it closed arrives")

    def test_the_client_closes_its_half(self):
        for size in (0, 5, 10_000):
            got, data = self.client_ends(RawClient.half_close, size)
            self.assertEqual(got, data)

    def test_what_the_server_says_after_the_clients_half_arrives(self):
        """However much of it the server had not read when the client's FIN came."""
        go, data, answer = threading.Event(), os.urandom(1 << 20), os.urandom(1 << 20)

        def script(connection, _):
            connection.send(SWITCHED)
            assert go.wait(Deadline().left())
            got = b""
            while piece := connection.recv_some():
                got += piece
            connection.send(answer if got == data else b"something was lost")

        client = self.switched(self.over(script))
        sender = threading.Thread(target=client.send, args=(data,))
        sender.start()
        go.set()
        sender.join()
        client.half_close()
        self.assertEqual(client.read_to_end(), (answer, "closed"))

    def test_the_client_closes_after_much(self):
        got, data = self.client_ends(RawClient.close, 2 << 20)
        self.assertEqual(hashlib.md5(got).hexdigest(), hashlib.md5(data).hexdigest())

    def test_the_client_resets(self):
        self.client_ends(RawClient.reset, 5)

    def test_idling_ends_it(self):
        otto = self.over(echo_bytes, timeouts={"tunnel": PAUSE_MS})
        client = self.switched(otto)
        started = time.monotonic()
        for _ in range(20):
            self.check_echo(client, b"hello")
        client.read_to_end()
        self.assertGreater(time.monotonic() - started, .9 * PAUSE)

    def test_other_timeouts_do_not_end_it(self):
        otto = self.over(echo_bytes, timeouts={
            "progress": PAUSE_MS, "response": PAUSE_MS, "clientIdle": PAUSE_MS,
            "requestHeader": PAUSE_MS, "serverIdle": PAUSE_MS, "tunnel": after(1.6)})
        client = self.switched(otto)
        started = time.monotonic()
        client.read_to_end()
        self.assertGreater(time.monotonic() - started, 1.5 * SLOWNESS)

    def test_one_direction_keeps_it_alive(self):
        """Bytes of either direction are progress."""
        def script(connection, _):
            connection.send(SWITCHED)
            for _ in range(8):
                assert not connection.closed_within(.25 * PAUSE)
                connection.send(b"x")

        client = self.switched(self.over(script, timeouts={"tunnel": after(1.5)}))
        self.assertEqual(client.read_to_end(), (b"x" * 8, "closed"))


class Draining(Tunnels):
    def test_a_tunnel_that_ends_in_time(self):
        listener = tcp_listener()
        self.server = self.scripted(echo_bytes)
        otto = self.otto(settings([self.server], healthCheck=RARELY, timeouts={"drain": "20s"}),
                         sockets=[listener])
        otto.wait_healthy(1)
        client = self.switched(otto)
        since = otto.notes.mark()
        otto.signal(signal.SIGTERM)
        otto.wait_note(since, STOPPING="^1$")
        for number in range(20):
            self.check_echo(client, b"still %d" % number)
        self.assertTrue(otto.running())
        client.close()
        self.assertEqual(otto.wait_exit(), 0)

    def test_a_tunnel_that_does_not(self):
        otto = self.over(echo_bytes, timeouts={"drain": after(.3)})
        client = self.switched(otto)
        started = time.monotonic()
        otto.signal(signal.SIGTERM)
        client.read_to_end()
        self.assertEqual(otto.wait_exit(), 0)
        self.assertGreater(time.monotonic() - started, .25 * SLOWNESS)


class Bulk(Tunnels):
    SIZE = 50 << 20 if SLOWNESS == 1 else 10 << 20

    def test_both_ways(self):
        """As much each way at once, bit-exact."""
        block = os.urandom(1 << 20)
        sums, arrived = {}, threading.Event()

        def pump(send):
            for at in range(self.SIZE >> 20):
                send(block[at:] + block[:at])

        def drain(name, receive):
            digest, left = hashlib.md5(), self.SIZE
            while left and (piece := receive(min(left, 1 << 18))):
                digest.update(piece)
                left -= len(piece)
            sums[name] = digest.hexdigest()

        def script(connection, _):
            connection.send(SWITCHED)
            connection.sock.settimeout(Deadline().timeout())
            sender = threading.Thread(target=pump, args=(connection.sock.sendall,))
            sender.start()
            drain("server", connection.sock.recv)
            arrived.set()
            sender.join()
            connection.wait_closed()

        client = self.switched(self.over(script))
        client.sock.settimeout(Deadline().timeout())
        sender = threading.Thread(target=pump, args=(client.sock.sendall,))
        sender.start()
        drain("client", client.receive)
        sender.join()
        self.assertTrue(arrived.wait(Deadline().left()))
        wanted = hashlib.md5()
        pump(wanted.update)
        self.assertEqual(sums, {"server": wanted.hexdigest(), "client": wanted.hexdigest()})

    def test_who_does_not_read_holds_the_other_back(self):
        """In either direction; Otto holds little, and what was sent arrives in the end."""
        for slow in ("client", "server"):
            go, sent, got = threading.Event(), [], []

            def push(sock, sent=sent):
                sock.settimeout(0.4 * SLOWNESS)
                try:
                    while sum(sent) < 100_000_000:
                        sent.append(sock.send(b"x" * 65536))
                except TimeoutError:
                    pass

            def script(connection, _, slow=slow, go=go, got=got, push=push):
                connection.send(SWITCHED)
                if slow == "client":
                    push(connection.sock)
                    go.set()
                else:
                    assert go.wait(Deadline().left())
                    while piece := connection.recv_some():
                        got.append(len(piece))
                    done.set()

            done = threading.Event()
            otto = self.over(script)
            before = otto.memory()
            client = self.switched(otto)
            if slow == "client":
                self.assertTrue(go.wait(Deadline().left()))
                data, _ = client.read_to_end()
                self.assertEqual(len(data), sum(sent))
            else:
                push(client.sock)
                client.half_close()
                go.set()
                self.assertTrue(done.wait(Deadline().left()))
                self.assertEqual(sum(got), sum(sent))
            self.assertLess(sum(sent), 50_000_000)
            if SLOWNESS == 1:
                self.assertLess(otto.memory() - before, 8 << 20)

    def test_the_end_does_not_overtake_what_was_sent(self):
        """The client has closed, and Otto may know it, while the server takes its time."""
        go, sent, got, done = threading.Event(), [], [], threading.Event()

        def script(connection, _):
            connection.send(SWITCHED)
            assert go.wait(Deadline().left())
            connection.sock.settimeout(Deadline().timeout())
            while piece := connection.sock.recv(1 << 17):
                got.append(len(piece))
                never.wait(0.005)  # so that Otto has to pause again and again
            done.set()

        never = threading.Event()
        client = self.switched(self.over(script))
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16384)
        client.sock.settimeout(0.4 * SLOWNESS)
        with self.assertRaises(TimeoutError):
            while True:
                sent.append(client.sock.send(b"x" * 65536))
        client.close()
        go.set()
        self.assertTrue(done.wait(Deadline().left()))
        self.assertEqual(sum(got), sum(sent))

    def test_an_ordinary_request_beside_it(self):
        otto = self.over(lambda connection, number: (
            echo_bytes if connection.get("Upgrade") else answer_all)(connection, number), workers=1)
        client = self.switched(otto)
        for _ in range(20):
            self.check_echo(client, b"hello")
            self.assertEqual(otto.fetch().body, b"hello")


if __name__ == "__main__":
    main()
