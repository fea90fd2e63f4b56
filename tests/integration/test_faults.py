"""Servers and clients that misbehave, and Otto running short of something."""
# labels: asan

import contextlib
import os
import signal
import socket
import threading

from harness import (LOG_ACCEPT_PAUSED, LOG_ACCEPT_RESUMED, PAUSE_MS, RARELY, SLOWNESS, CutOff,
                     Deadline, TestCase, answer_all, main, settings)


class Servers(TestCase):
    def over_script(self, script, **more):
        otto = self.otto(settings([self.scripted(script)], healthCheck=RARELY, **more))
        otto.wait_healthy(1)
        return otto

    def test_what_servers_get_wrong_is_mended(self):
        """What is sent, by a server, whole and byte by byte; the status and X of what arrives."""
        length = b"Content-Length: 2\r\n"
        for sent, status, value in (
                (b"HTTP/1.1 200 OK\nX: y\nContent-Length: 2\n\nok", 200, "y"),
                (b"HTTP/1.1 200 OK\r\nX \t: y\r\n" + length + b"\r\nok", 200, "y"),
                (b"HTTP/1.1 200 OK\r\nX: y\r\n\tz\r\n" + length + b"\r\nok", 200, "y z"),
                (b"HTTP/1.1  200 OK\r\nX: y\r\n" + length + b"\r\nok", 200, "y"),
                (b"HTTP/1.1 200 OK\r\nX: y\r\n" + length * 2 + b"\r\nok", 200, "y"),
                (b"HTTP/1.1 999 No\r\nX: y\r\n" + length + b"\r\nok", 999, "y"),
                (b"HTTP/1.1 200 OK\r\nX: y\r\nTransfer-Encoding: chunked\r\n\r\n"
                 b"2  \r\nok\r\n0 \r\n\r\n", 200, "y")):
            for step in (len(sent), 1):
                with self.subTest(sent=sent[:40], step=step):
                    def script(connection, _, sent=sent, step=step):
                        for at in range(0, len(sent), step):
                            connection.send(sent[at:at + step])
                        connection.wait_closed()
                    otto = self.otto(settings([self.scripted(script)], healthCheck=RARELY))
                    otto.wait_healthy(1)
                    response = otto.fetch()
                    self.assertEqual((response.status, response.all("X"), response.body),
                                     (status, [value], b"ok"))
                    otto.stop()

    def test_garbage_is_502(self):
        for garbage in (b"\x16\x03\x01\x02\0" * 20 + b"\r\n\r\n", b"220 mail.test ESMTP\r\n\r\n",
                        b"HTTP/1.1 20 Ok\r\n\r\n", b"HTTP/2.0 200 OK\r\n\r\n",
                        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
                        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n"
                        b"Transfer-Encoding: chunked\r\n\r\n",
                        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
                        b"HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n",
                        b"HTTP/1.1 200 OK\r\nContent-Length:\r\n 0\r\n\r\n",
                        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200_000 + b"\r\n\r\n"):
            with self.subTest(garbage=garbage[:60]):
                def script(connection, _, garbage=garbage):
                    connection.send(garbage)
                    connection.wait_closed()

                client = self.client(self.over_script(script))
                self.assertEqual(client.request().status, 502)
                self.assertEqual(client.request().status, 502, "the client's connection goes on")

    def test_half_a_head_is_502(self):
        otto = self.over_script(lambda connection, _: connection.send(b"HTTP/1.1 200 OK\r\nCont"))
        self.assertEqual(otto.fetch().status, 502)

    def test_a_reply_cut_off_never_looks_complete(self):
        for reply in (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
                      b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n",
                      b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
                      b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n",
                      b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
                      b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                      b"3\r\nabcX\r\n0\r\n\r\n",
                      b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                      b"3\r\nabc\r\n0x0\r\n\r\n"):
            with self.subTest(reply=reply):
                otto = self.over_script(lambda connection, _, reply=reply: connection.send(reply))
                with contextlib.suppress(CutOff):
                    # Nothing of it need have been passed on yet when the fault shows.
                    self.assertEqual(self.client(otto).request().status, 502)

    def test_bytes_after_the_reply_are_not_passed_on(self):
        def script(connection, number):
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n"
                            b"Content-Length: 4\r\n\r\nevil")
            connection.wait_closed()

        client = self.client(self.over_script(script, workers=1))
        for _ in range(3):
            self.assertEqual(client.request().body, b"ok")

    def test_refused_goes_to_another_and_is_taken_out_at_once(self):
        broken = self.scripted()
        server, = self.demo(1)
        otto = self.otto(settings([broken, server], healthCheck=RARELY))
        otto.wait_healthy(2)
        broken.refuse()
        for _ in range(4):
            self.assertEqual(otto.fetch().server(), "server-1")
        self.assertIn("refused", otto.wait_flip(broken, "unhealthy"))
        otto.wait_status(1, 2)
        self.assertEqual(len(otto.log_lines("is unhealthy")), 1)

    def test_refused_tries_use_up_nothing(self):
        """Many servers stop at once: each is asked once, whatever else a request may cost."""
        paths = [f"{self.folder()}/{number}" for number in range(3)]
        dead = [self.scripted(path=path) for path in paths] + [self.scripted() for _ in range(20)]
        otto = self.otto(settings([*dead, "http://255.255.255.255:1", self.scripted()],
                                  healthCheck={"type": "off"}, balance="first",
                                  retries={"attempts": 1, "budgetPercent": 0,
                                           "budgetMinPerSecond": 0}))
        otto.wait_healthy(25)
        for server in dead:
            server.refuse()
        for method in ("POST", "GET", "POST"):
            self.assertEqual(otto.fetch("/", method, body=b"x").body, b"x")
        for server in dead:
            otto.wait_flip(server, "unhealthy")

    def unreachable(self):
        """The URL of a server whose backlog is full: what else comes is dropped."""
        listener = socket.socket()
        self.addCleanup(listener.close)
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        host, port = listener.getsockname()
        self.client((host, port))
        return f"http://{host}:{port}"

    def test_connect_timeouts_use_up_attempts_and_the_budget(self):
        entries = [self.unreachable(), self.unreachable(), self.scripted()]
        for retries in ({"attempts": 2},
                        {"attempts": 3, "budgetPercent": 0, "budgetMinPerSecond": 0}):
            otto = self.otto(settings(entries, healthCheck={"type": "off"}, balance="first",
                                      timeouts={"connect": PAUSE_MS}, retries=retries))
            otto.wait_healthy(3)
            self.assertEqual(otto.fetch().status, 504)

    def two(self, script):
        """Otto over a server with that script and one that answers `hello`."""
        broken = self.scripted(script)
        otto = self.otto(settings([broken, self.scripted(answer_all)], healthCheck=RARELY))
        otto.wait_healthy(2)
        return otto, broken

    def test_reset_before_a_reply_get_is_retried(self):
        otto, broken = self.two(lambda connection, _: connection.reset())
        for _ in range(4):
            response = otto.fetch()
            self.assertEqual((response.status, response.body), (200, b"hello"))
        self.assertGreater(broken.connections(), 0)

    def test_reset_before_a_reply_post_is_not_retried(self):
        def script(connection, _):
            connection.body()
            connection.reset()

        otto, broken = self.two(script)
        statuses = sorted(otto.fetch(method="POST", body=b"order").status for _ in range(4))
        self.assertEqual(statuses, [200, 200, 502, 502])
        self.assertEqual(broken.connections(), 2)

    def test_a_pooled_connection_that_the_server_closed_is_no_failure(self):
        def script(connection, _):
            connection.reply(connection.body() or b"hello")  # without "Connection: close"

        otto = self.over_script(script, workers=1)
        client = self.client(otto)
        for _ in range(20):
            self.assertEqual(client.request().status, 200)

    def test_no_healthy_server_is_502(self):
        otto = self.otto(settings(["http://127.0.0.1:1"]))
        self.assertEqual(otto.fetch().status, 502)

    def test_no_server_left_is_503(self):
        otto = self.otto(settings([{"url": "http://127.0.0.1:1", "state": "drain"}]))
        response = otto.fetch()
        self.assertEqual(response.status, 503)
        self.assertRegex(response.get("Retry-After"), r"^[1-9]\d*$")

    def test_no_response_in_time_is_504(self):
        otto = self.over_script(lambda connection, _: connection.wait_closed(),
                                timeouts={"response": "200ms"})
        self.assertEqual(otto.fetch(method="POST", body=b"x").status, 504)

    def test_no_progress_within_a_reply_cuts_it_off(self):
        def script(connection, _):
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")
            connection.wait_closed()

        otto = self.over_script(script, timeouts={"progress": "200ms"})
        with self.assertRaises(CutOff):
            otto.fetch()


class Clients(TestCase):
    def over_demo(self, **more):
        otto = self.otto(settings(self.demo(1), **more))
        otto.wait_healthy(1)
        return otto

    def status_of(self, otto, request):
        client = self.client(otto)
        client.send(request)
        return client.response().status

    def test_malformed_requests(self):
        otto = self.over_demo()
        host = b"Host: a\r\n"
        for request, status in (
                (b"GET / HTTP/1.1\r\n\r\n", 400),
                (b"GET / HTTP/1.1\r\n" + host + host + b"\r\n", 400),
                (b"GET / HTTP/1.1\n" + host + b"\r\n", 400),
                (b"GET  / HTTP/1.1\r\n" + host + b"\r\n", 400),
                (b"GET / HTTP/1.1\r\n" + host + b"X : y\r\n\r\n", 400),
                (b"GET / HTTP/1.1\r\n" + host + b"X: y\r\n z\r\n\r\n", 400),
                (b"POST / HTTP/1.1\r\n" + host
                 + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400),
                (b"POST / HTTP/1.1\r\n" + host
                 + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
                (b"POST / HTTP/1.1\r\n" + host + b"Transfer-Encoding: gzip, chunked\r\n\r\n", 501),
                (b"POST / HTTP/1.1\r\n" + host
                 + b"Transfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n", 400),
                (b"GET / HTTP/3.0\r\n" + host + b"\r\n", 505),
                (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", 400)):
            with self.subTest(request=request):
                self.assertEqual(self.status_of(otto, request), status)
        self.assertEqual(otto.fetch().status, 200)

    def test_limits(self):
        otto = self.over_demo(limits={"bodyBytes": 1000, "targetBytes": 1024, "headerBytes": 4096,
                                      "headerCount": 10})
        host = b"Host: a\r\n"
        for request, status in (
                (b"POST /echo HTTP/1.1\r\n" + host
                 + b"Content-Length: 1000\r\n\r\n" + b"x" * 1000, 200),
                (b"POST /echo HTTP/1.1\r\n" + host + b"Content-Length: 1001\r\n\r\n", 413),
                (b"POST /echo HTTP/1.1\r\n" + host + b"Transfer-Encoding: chunked\r\n\r\n"
                 b"300\r\n" + b"x" * 0x300 + b"\r\n300\r\n" + b"x" * 0x300 + b"\r\n0\r\n\r\n", 413),
                (b"GET /" + b"x" * 1100 + b" HTTP/1.1\r\n" + host + b"\r\n", 414),
                (b"GET / HTTP/1.1\r\n" + host + b"X: " + b"x" * 5000 + b"\r\n\r\n", 431),
                (b"GET / HTTP/1.1\r\n" + host + b"X: y\r\n" * 10 + b"\r\n", 431)):
            with self.subTest(request=request[:60]):
                self.assertEqual(self.status_of(otto, request), status)
        self.assertEqual(otto.fetch().status, 200)

    def test_half_a_head_is_408(self):
        otto = self.over_demo(timeouts={"requestHeader": "200ms"})
        client = self.client(otto)
        client.send(b"GET / HTTP/1.1\r\nHo")
        self.assertEqual(client.response().status, 408)
        client.wait_closed()

    def test_a_body_that_stops_coming_is_408(self):
        otto = self.over_demo(timeouts={"progress": "200ms"})
        client = self.client(otto)
        client.send_request("/echo", "POST", [("Content-Length", "10")])
        client.send(b"abc")
        self.assertEqual(client.response().status, 408)
        client.wait_closed()

    def test_an_idle_connection_is_closed_in_time(self):
        client = self.client(self.over_demo(timeouts={"clientIdle": PAUSE_MS}))
        self.assertEqual(client.request().status, 200)
        client.wait_closed()

    def test_waiting_for_a_slow_server_is_not_idling(self):
        client = self.client(self.over_demo(timeouts={"clientIdle": PAUSE_MS,
                                                      "requestHeader": PAUSE_MS}))
        late = int(1500 * SLOWNESS)
        self.assertEqual(client.request(f"/delay/{late}").status, 200)


class Exhaustion(TestCase):
    def exhaust(self, limit, **more):
        """More connections than Otto can take, all of which have a request."""
        server = self.scripted(self.hold)
        self.go = threading.Event()
        self.addCleanup(self.go.set)
        otto = self.otto(settings([server], workers=1, healthCheck=RARELY, **more), nofile=limit)
        otto.wait_healthy(1)
        crowd = []
        os.kill(otto.pid, signal.SIGSTOP)  # so that each connection is accepted with its request
        for _ in range(2 * limit):
            crowd.append(self.client(otto))
            crowd[-1].send_request()
        os.kill(otto.pid, signal.SIGCONT)
        return otto, crowd

    def let_go(self, otto, crowd, statuses):
        self.go.set()
        self.assertLessEqual({client.response().status for client in crowd}, statuses,
                             "each was left waiting, not dropped")
        self.assertEqual(otto.fetch().status, 200)

    def hold(self, connection, _):
        while True:
            assert self.go.wait(Deadline().left())
            connection.reply(b"ok")
            if not connection.next_request():
                return

    def test_file_descriptors(self):
        """Where one is left for the client, none may be for its server."""
        self.let_go(*self.exhaust(64, limits={"connections": 1000}), {200, 503})

    def test_connections(self):
        """It pauses, goes on serving, and takes the others later."""
        otto, crowd = self.exhaust(64)
        otto.wait_for_log(LOG_ACCEPT_PAUSED)
        self.let_go(otto, crowd, {200})
        otto.wait_for_log(LOG_ACCEPT_RESUMED)
        self.assertEqual(len(otto.log_lines(LOG_ACCEPT_PAUSED)), 1)

    def test_file_descriptors_are_given_back(self):
        otto = self.otto(settings([self.scripted()], workers=1))
        otto.wait_healthy(1)
        kept = self.client(otto)
        kept.request()

        clients = [self.client(otto) for _ in range(50)]
        for client in clients:
            self.assertEqual(client.request().status, 200)
        most = otto.open_files()
        for client in clients:
            client.close()
        otto.wait_open_files(most - 50 + 2)


class Aborts(TestCase):
    def test_many_at_every_stage(self):
        otto = self.otto(settings(self.demo(2)))
        otto.wait_healthy(2)

        def leave_early(turn):
            for stage in range(60):
                client = self.client(otto)
                request = (b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 20\r\n\r\n"
                           + b"x" * 20)
                if stage % 3 == 0:
                    request = b"GET /bytes/500000 HTTP/1.1\r\nHost: a\r\n\r\n"
                client.send(request[:1 + (stage * 7 + turn) % len(request)])
                (client.reset if stage % 2 else client.close)()

        threads = [threading.Thread(target=leave_early, args=(turn,)) for turn in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for _ in range(10):
            self.assertEqual(otto.fetch().status, 200)


if __name__ == "__main__":
    main()
