"""Clients that close their side of the connection, with `halfClose` "answer" and "abort"."""
# labels: asan

import os
import threading

from harness import RARELY, Deadline, TestCase, answer_all, main, pattern, settings

POST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
UPGRADE = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"
LARGE = 4 << 20


class Case(TestCase):
    config = {"healthCheck": RARELY, "halfClose": "answer"}

    def over(self, script=answer_all):
        self.server = self.scripted(script)
        otto = self.otto(settings([self.server], **self.config))
        otto.wait_healthy(1)
        return otto

    def held(self):
        """Otto over a server that answers when it is let, the events for a request's arrival there
        and its answer, and the semaphore for the end of its connection."""
        arrived, release = threading.Event(), threading.Event()
        self.ended = threading.Semaphore(0)

        def script(connection, _):
            body = connection.body()
            arrived.set()
            try:
                while not release.is_set():
                    if connection.closed_within(.02):
                        return
                connection.reply(body or b"hello", "200 OK", "Connection: close")
            finally:
                self.ended.release()

        self.addCleanup(release.set)
        return self.over(script), arrived, release

    @staticmethod
    def send_all(client, data):
        client.send(data)
        client.half_close()

    def ends_with(self, client, bodies):
        self.assertEqual([client.response().body for _ in bodies], bodies)
        client.wait_closed()


class Answer(Case):
    def test_after_all_kinds_of_requests(self):
        otto = self.over()
        large = pattern(LARGE)
        for name, data, body in (
                ("HTTP/1.0", b"GET / HTTP/1.0\r\n\r\n", b"hello"),
                ("HTTP/1.1", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"hello"),
                ("that closes", b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", b"hello"),
                ("a body", POST % 5 + b"abcde", b"abcde"),
                ("no body", POST % 0, b"hello"),
                ("a chunked body", CHUNKED + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", b"abcde"),
                ("a body that is spliced", POST % LARGE + large, large),
                ("a large chunked body", CHUNKED + b"%x\r\n%s\r\n0\r\n\r\n" % (LARGE, large), large)):
            with self.subTest(name):
                client = self.client(otto)
                sender = threading.Thread(target=self.send_all, args=(client, data))
                sender.start()
                self.ends_with(client, [body])
                sender.join()

    def test_while_the_server_thinks(self):
        otto, arrived, release = self.held()
        client = self.client(otto)
        self.send_all(client, POST % 5 + b"abcde")
        self.assertTrue(arrived.wait(Deadline().left()))
        otto.sync()
        release.set()
        self.ends_with(client, [b"abcde"])

    def test_pipelined(self):
        otto = self.over()
        client = self.client(otto)
        self.send_all(client, b"".join(POST % 3 + b"%03d" % number for number in range(500)))
        self.ends_with(client, [b"%03d" % number for number in range(500)])

    def test_pipelined_and_cut(self):
        otto = self.over()
        client = self.client(otto)
        self.send_all(client, POST % 3 + b"abc" + b"GET / HTTP/1.1\r\nHo")
        self.ends_with(client, [b"abc"])

    def test_queued(self):
        otto, arrived, release = self.held()
        otto.write(settings([{"url": self.server.url, "maxConnections": 1}],
                            queue={"timeout": "1h"}, **self.config))
        otto.sync()
        clients = [self.client(otto) for _ in range(3)]
        for number, client in enumerate(clients):
            self.send_all(client, POST % 1 + b"%d" % number)
        self.assertTrue(arrived.wait(Deadline().left()))
        otto.sync()
        release.set()
        for number, client in enumerate(clients):
            self.ends_with(client, [b"%d" % number])

    def test_a_reply_that_is_long(self):
        """The end comes while the reply is relayed, and after its last byte has come to Otto."""
        for size in (30_000, LARGE):
            def script(connection, _, size=size):
                connection.reply(pattern(size))

            otto = self.over(script)
            client = self.client(otto)
            client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            client.head()
            client.half_close()
            self.assertEqual(client.read_exactly(size), pattern(size))
            client.wait_closed()

    def test_before_a_tunnel(self):
        def script(connection, _):
            connection.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
                            b"Upgrade: echo\r\n\r\n")
            got = b""
            while piece := connection.recv_some():
                got += piece
            connection.send(b"all of " + got)

        client = self.client(self.over(script))
        self.send_all(client, UPGRADE + b"this")
        self.assertEqual(client.head().status, 101)
        self.assertEqual(client.read_to_end(), (b"all of this", "closed"))

    def test_a_body_that_is_not_complete_ends_it(self):
        data = os.urandom(LARGE // 2)
        for name, sent in (("nothing of it", POST % 5), ("some of it", POST % 5 + b"abc"),
                           ("chunks", CHUNKED + b"3\r\nabc\r\n"), ("spliced", POST % LARGE + data)):
            with self.subTest(name):
                ended = threading.Event()

                def script(connection, _, ended=ended):
                    connection.wait_closed()
                    ended.set()

                client = self.client(self.over(script))
                self.send_all(client, sent)
                client.wait_closed()
                self.assertTrue(not self.server.requests or ended.wait(Deadline().left()))

    def test_a_reset_is_still_the_end(self):
        otto, arrived, _ = self.held()
        client = self.client(otto)
        self.send_all(client, POST % 5 + b"abcde")
        self.assertTrue(arrived.wait(Deadline().left()))
        otto.sync()
        client.reset()
        self.assertTrue(self.ended.acquire(timeout=Deadline().left()))


class Abort(Case):
    config = {"healthCheck": RARELY}

    def test_it_is_the_default(self):
        otto, arrived, _ = self.held()
        client = self.client(otto)
        client.send_request()
        self.assertTrue(arrived.wait(Deadline().left()))
        client.half_close()
        self.assertTrue(self.ended.acquire(timeout=Deadline().left()), "the server is let go")
        client.wait_closed()


if __name__ == "__main__":
    main()
