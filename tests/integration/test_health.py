"""Health checks, and what a dying server does to traffic."""
# labels: threads

from harness import TestCase, main, settings


class Checks(TestCase):
    def test_rise_and_fall(self):
        server, other = self.scripted(), self.demo(1)[0]
        otto = self.otto(settings([server, other]))
        otto.wait_healthy(2)

        before = server.checks
        server.check_status = "503 Service Unavailable"
        self.assertIn("503", otto.wait_flip(server, "unhealthy"))
        self.assertGreaterEqual(server.checks - before, 3)
        otto.wait_status(1, 2)
        self.assertEqual({otto.fetch().server() for _ in range(4)}, {"server-1"})

        since, notes = otto.log.mark(), otto.notes.mark()
        server.check_status = "200 OK"
        self.assertIn("2 checks passed", otto.wait_flip(server, "healthy", since))
        otto.wait_status(2, 2, notes)
        self.assertEqual({otto.fetch().server() for _ in range(4)}, {"server-1", None})

    def test_status_range(self):
        servers = [self.scripted() for _ in range(3)]
        servers[0].check_status = "404 Not Found"
        servers[1].check_status = "302 Found"
        otto = self.otto(settings(servers, healthCheck={"status": "200-399"}))
        self.assertIn("404", otto.wait_flip(servers[0], "unhealthy"))
        otto.wait_healthy(2)

    def test_only_400s_pass_by_default(self):
        server = self.scripted()
        server.check_status = "404 Not Found"
        self.otto(settings([server])).wait_healthy(1)

    def test_tcp(self):
        server = self.scripted()
        server.check_status = "503 Service Unavailable"
        otto = self.otto(settings([server], healthCheck={"type": "tcp"}))
        otto.wait_healthy(1)
        self.assertEqual(server.checks, 0)
        server.refuse()
        self.assertIn("refused", otto.wait_flip(server, "unhealthy"))
        since = otto.log.mark()
        server.listen()
        otto.wait_flip(server, "healthy", since)

    def test_off(self):
        server, other = self.scripted(), self.demo(1)[0]
        server.refuse()
        otto = self.otto(settings([server, other], healthCheck={"type": "off"}))
        self.assertEqual([otto.fetch().server() for _ in range(4)], ["server-1"] * 4)
        since = otto.log.mark()
        server.listen()
        otto.wait_flip(server, "healthy", since)

    def test_one_refused_address_of_localhost_is_no_failure(self):
        server, = self.demo(1)  # listens on 127.0.0.1, not on ::1
        otto = self.otto(settings([f"http://localhost:{server.port}"]))
        otto.wait_healthy(1)
        for _ in range(5):
            self.assertEqual(otto.fetch().status, 200)
        self.assertEqual(otto.log_lines("unhealthy"), [])


class Kill(TestCase):
    def test_one_of_five_under_load(self):
        servers = self.demo(5)
        otto = self.otto(settings(servers))
        otto.wait_healthy(5)
        load = self.load(otto, 64)
        load.wait_for(500)
        since = otto.log.mark()
        servers[2].kill()
        otto.wait_flip(servers[2], "unhealthy", since)
        load.wait_for(500)

        since, notes = otto.log.mark(), otto.notes.mark()
        servers[2].start()
        self.assertIn("2 checks passed", otto.wait_flip(servers[2], "healthy", since))
        otto.wait_status(5, 5, notes)
        load.wait_for(500)
        load.finish()
        self.assertEqual(load.failures, [])
        self.assertGreater(servers[2].count(), 0)

    def test_all_of_them_and_back(self):
        servers = self.demo(2)
        otto = self.otto(settings(servers))
        otto.wait_healthy(2)
        for server in servers:
            server.kill()
        for server in servers:
            otto.fetch()
            otto.wait_flip(server, "unhealthy")
        otto.wait_for_log("failing open: .*requests go to 2 ")
        self.assertEqual(otto.fetch().status, 502, "it is tried, since it might answer")
        notes = otto.notes.mark()
        for server in servers:
            server.start()
        otto.wait_status(2, 2, notes)
        self.assertEqual(otto.fetch().status, 200)


if __name__ == "__main__":
    main()
