"""SIGTERM: what is under way ends well, what is new waits for the next Otto."""
# labels: threads asan tsan

import signal
import threading

from harness import CutOff, Deadline, TestCase, answer_all, main, settings, tcp_listener


class Shutdown(TestCase):
    def in_flight(self, **options):
        """Otto with a request under way, its client, and the event that lets the server answer."""
        arrived, release = threading.Event(), threading.Event()

        def script(connection, number):
            if number > 0:
                answer_all(connection, number)
                return
            arrived.set()
            assert release.wait(Deadline().left())
            connection.reply(b"done")
            connection.wait_closed()

        server = self.scripted(script)
        self.addCleanup(release.set)
        otto = self.otto(settings([server], **options.pop("config", {})),
                         environment={"OTTO_DEBUG": "1"}, **options)
        otto.wait_healthy(1)
        client = self.client(otto)
        client.send_request()
        self.assertTrue(arrived.wait(Deadline().left()))
        return otto, client, release

    def idle(self, otto):
        """So many idle connections that each worker has some: once all are closed, all drain."""
        clients, deadline = [], Deadline()
        while min(held for held, _ in otto.worker_loads(2)) < 2:  # one is the one under way
            self.assertTrue(deadline.left(), "a worker gets no connections")
            clients += [self.client(otto) for _ in range(8)]
            for each in clients:
                self.assertEqual(each.request().status, 200)
        return clients

    def used_and_unused(self):
        """Otto with a connection that has had a request, and one that has had none."""
        otto = self.otto(settings(self.demo(1)))
        otto.wait_healthy(1)
        used, unused = self.client(otto), self.client(otto)
        self.assertEqual(used.request().status, 200)
        return otto, used, unused

    def test_idle_connections_do_not_keep_it(self):
        otto, used, unused = self.used_and_unused()
        otto.signal(signal.SIGTERM)
        used.wait_closed()
        unused.wait_closed()
        self.assertEqual(otto.wait_exit(), 0)

    def test_for_a_second_all_is_answered(self):
        """Each reply ends its connection; the connection that stays idle keeps Otto going."""
        otto, used, unused = self.used_and_unused()
        rests = self.client(otto)
        self.assertEqual(rests.request().status, 200)
        otto.signal(signal.SIGTERM)
        otto.wait_note(STOPPING="^1$")
        for client in (used, unused, self.client(otto)):
            response = client.request()
            self.assertEqual((response.status, response.get("Connection")), (200, "close"))
            client.wait_closed()
        rests.wait_closed()
        self.assertEqual(otto.wait_exit(), 0)


    def test_requests_under_way_finish(self):
        otto, client, release = self.in_flight(config={"timeouts": {"drain": "1m"}})
        idle = self.idle(otto)
        otto.signal(signal.SIGTERM)
        otto.wait_note(STOPPING="^1$")
        note, _ = otto.wait_note(EXTEND_TIMEOUT_USEC=r"^[1-9]\d*$")
        self.assertGreater(int(note["EXTEND_TIMEOUT_USEC"]), 7_000_000, "a tick, and both logs")
        for each in idle:
            each.wait_closed()
        release.set()
        response = client.response()
        self.assertEqual((response.status, response.body), (200, b"done"))
        self.assertFalse(response.keeps_alive(), "the client learns that the connection ends")
        client.wait_closed()
        self.assertEqual(otto.wait_exit(), 0)

    def test_a_long_drain_asks_for_more_time(self):
        otto, client, release = self.in_flight(config={"timeouts": {"drain": "1m"}})
        otto.signal(signal.SIGTERM)
        at = otto.notes.mark()
        for _ in range(2):
            at = otto.wait_note(at, EXTEND_TIMEOUT_USEC=r"^[1-9]\d*$")[1] + 1
        release.set()
        self.assertEqual(client.response().status, 200)
        self.assertEqual(otto.wait_exit(), 0)

    def test_new_connections_wait_for_the_next_otto(self):
        listener = tcp_listener()
        self.addCleanup(listener.close)
        otto, client, release = self.in_flight(sockets=[listener.dup()],
                                               config={"timeouts": {"drain": "1m"}})
        idle = self.idle(otto)
        otto.signal(signal.SIGTERM)
        otto.wait_note(STOPPING="^1$")
        for each in idle:
            each.wait_closed()

        waiting = [self.client(listener.getsockname()) for _ in range(4)]
        for each in waiting:
            each.send_request()
        release.set()
        self.assertEqual(client.response().status, 200)
        self.assertEqual(otto.wait_exit(), 0)

        self.otto(settings(self.demo(1)), sockets=[listener.dup()])
        self.assertEqual([each.response().server() for each in waiting], ["server-1"] * 4)

    def test_a_second_signal_ends_it(self):
        otto, client, _ = self.in_flight(config={"timeouts": {"drain": "1h"}})
        otto.signal(signal.SIGTERM)
        otto.wait_note(STOPPING="^1$")
        otto.signal(signal.SIGTERM)
        self.assertEqual(otto.wait_exit(), 0)
        with self.assertRaises(CutOff):
            client.response()

    def test_the_drain_has_an_end(self):
        otto, client, _ = self.in_flight(config={"timeouts": {"drain": "100ms"}})
        otto.signal(signal.SIGTERM)
        self.assertEqual(otto.wait_exit(), 0)
        with self.assertRaises(CutOff):
            client.response()

    def test_interrupt_is_the_same(self):
        otto = self.otto(settings(self.demo(1)))
        otto.signal(signal.SIGINT)
        self.assertEqual(otto.wait_exit(), 0)

    def test_under_load(self):
        """No reply is broken off and none is an error; connections may end without one, or fail."""
        otto = self.otto(settings(self.demo(2)))
        otto.wait_healthy(2)
        load = self.load(otto, 32)
        load.wait_for(300)
        otto.signal(signal.SIGTERM)
        self.assertEqual(otto.wait_exit(), 0)
        for passed in otto.sockets:
            passed.close()
        load.finish()
        broken = [failure for failure in load.failures if "end within" in failure
                  or "missing" in failure or "status" in failure or "BadReply" in failure]
        self.assertEqual(broken, [])


if __name__ == "__main__":
    main()
