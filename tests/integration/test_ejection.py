"""Who gets requests when servers are bad: ejection, backups, failing open, slow start, states."""
# labels: threads

import itertools
import threading

from harness import RARELY, SLOWNESS, Deadline, TestCase, main, settings

OUT = "503 Service Unavailable"


def reply_by(is_bad):
    """A script that answers each request with OUT while is_bad() says so, else with 200."""
    def script(connection, _):
        while True:
            connection.body()
            connection.reply(b"answered", OUT if is_bad() else "200 OK")
            if not connection.next_request():
                return
    return script


class Switch:
    """Whether a server is bad now."""

    def __init__(self, bad=False):
        self.bad = bad

    def __call__(self):
        return self.bad


class Case(TestCase):
    def switched(self, bad=False):
        switch = Switch(bad)
        return self.scripted(reply_by(switch)), switch

    def fetch_until(self, otto, done):
        """Requests, one after the other, until done(); the replies' statuses."""
        deadline = Deadline()
        statuses = []
        while not done():
            self.assertTrue(deadline.left(), otto.tail())
            statuses.append(otto.fetch().status)
        return statuses

    def fetch_until_log(self, otto, regex, since=0):
        return self.fetch_until(otto, lambda: otto.log_lines(regex, since))

    def names(self, otto, count):
        return [otto.fetch().server() for _ in range(count)]


class Ejection(Case):
    def test_half_of_the_servers_fail_half_of_the_time(self):
        def in_bursts():
            numbers = itertools.count()
            return lambda: next(numbers) // 10 % 2 == 0

        bad = [self.scripted(reply_by(in_bursts())) for _ in range(2)]
        good = [self.scripted() for _ in range(2)]
        otto = self.otto(settings([bad[0], good[0], bad[1], good[1]], healthCheck=RARELY,
                                  ejection={"base": "300s"}))
        otto.wait_healthy(4)
        load = self.load(otto, 16)
        for server in bad:
            otto.wait_for_log(rf"{server.url} is ejected for 300s: \d+ errors in a row")
        load.wait_for(200)  # those that were under way
        before, failed = load.statuses.total(), len(load.failures)
        load.wait_for(2000)
        load.finish()
        self.assertLess(len(load.failures) - failed, (load.statuses.total() - before) / 100)
        self.assertEqual(len(otto.log_lines("is ejected")), 2)
        otto.wait_note(STATUS=r"^4/4 servers healthy \(2 ejected\)")

    def test_the_last_server_is_never_ejected(self):
        servers = [self.switched(bad=True)[0] for _ in range(3)]
        otto = self.otto(settings(servers, healthCheck=RARELY,
                                  ejection={"consecutiveErrors": 2, "maxPercent": 100}))
        otto.wait_healthy(3)
        self.fetch_until(otto, lambda: len(otto.log_lines("is ejected")) >= 2)
        for _ in range(60):
            self.assertEqual(otto.fetch().body, b"answered", "a server's answer, not Otto's")
        self.assertEqual(len(otto.log_lines("is ejected")), 2)
        self.assertEqual(otto.log_lines("failing open"), [])

    def test_one_client_does_not_eject_a_pool(self):
        """It asks for one path, which answers 503 everywhere."""
        servers = self.demo(5)
        otto = self.otto(settings(servers, healthCheck=RARELY))
        otto.wait_healthy(5)
        with otto.client() as client:
            for _ in range(60):
                self.assertEqual(client.request("/status/503").status, 503)
        otto.sync()
        self.assertEqual(len(otto.log_lines("is ejected")), 2)
        self.assertEqual(len(set(self.names(otto, 12))), 3)

    def test_statuses(self):
        def answers(status):
            def script(connection, _):
                while True:
                    connection.reply(b"", status)
                    if not connection.next_request():
                        return
            return self.scripted(script)

        servers = [answers("500 Oops"), answers("503 Busy")]
        for statuses, ejected in (([502, 503, 504], servers[1]), ([500], servers[0])):
            otto = self.otto(settings([*servers, *self.demo(2)], healthCheck=RARELY,
                                      ejection={"statuses": statuses}))
            otto.wait_healthy(4)
            self.fetch_until_log(otto, "is ejected")
            for _ in range(40):
                otto.fetch()
            otto.sync()
            line, = otto.log_lines("is ejected")
            self.assertIn(f"{ejected.url} is ejected for 30s: 5 errors in a row", line)

    def test_a_backup_takes_over_from_the_last_one(self):
        server, _ = self.switched(bad=True)
        backup = self.scripted()
        otto = self.otto(settings([server, {"url": backup.url, "backup": True}]))
        otto.wait_healthy(2)
        statuses = self.fetch_until_log(otto, f"{server.url} is ejected")
        self.assertGreaterEqual(statuses.count(503), 5)
        otto.sync()
        self.assertEqual(otto.fetch().status, 200)

    def test_off(self):
        server, _ = self.switched(bad=True)
        otto = self.otto(settings([server, self.scripted()], ejection={"consecutiveErrors": 0}))
        otto.wait_healthy(2)
        statuses = [otto.fetch().status for _ in range(60)]
        self.assertEqual(statuses.count(503), 30)

    def test_switched_off_by_a_reload(self):
        server, switch = self.switched(bad=True)
        config = settings([server, self.scripted()], healthCheck=RARELY)
        otto = self.otto(config)
        otto.wait_healthy(2)
        self.fetch_until_log(otto, "is ejected")
        switch.bad = False
        otto.reload({**config, "ejection": {"consecutiveErrors": 0}})
        otto.wait_for_log(f"{server.url} is no longer ejected: ejection is off")
        served = len(server.requests)
        self.fetch_until(otto, lambda: len(server.requests) > served)

    def test_resets_and_time_outs_count(self):
        def hang(connection, number):
            if number % 2:
                connection.reset()
            connection.wait_closed()

        server = self.scripted(hang)
        otto = self.otto(settings([server, self.scripted()], healthCheck=RARELY,
                                  ejection={"consecutiveErrors": 4},
                                  timeouts={"response": "100ms"}))
        otto.wait_healthy(2)
        self.fetch_until_log(otto, f"{server.url} is ejected for 30s: 4 errors in a row")


class Trials(Case):
    def ejected(self, base, **more):
        """Otto, and a server that it has just ejected, beside a good one."""
        server, switch = self.switched(bad=True)
        config = settings([server, self.scripted()],
                          **{"ejection": {"base": base}, "healthCheck": RARELY, **more})
        otto = self.otto(config)
        otto.wait_healthy(2)
        self.fetch_until_log(otto, f"{server.url} is ejected for {base}: 5 errors in a row")
        otto.sync()
        return otto, server, switch

    def test_one_request_decides(self):
        otto, server, switch = self.ejected("1s")
        served = len(server.requests)
        for time in ("2s", "4s"):
            statuses = self.fetch_until_log(
                otto, f"{server.url} is ejected for {time}: the probe request failed")
            served += 1
            self.assertEqual(len(server.requests), served, "one request each time")
            self.assertEqual(statuses.count(503), 1)
        switch.bad = False
        statuses = self.fetch_until_log(
            otto, f"{server.url} is no longer ejected: the probe request succeeded")
        self.assertEqual(set(statuses), {200})
        self.fetch_until(otto, lambda: len(server.requests) > served + 5)
        self.assertEqual(len(otto.log_lines("is ejected")), 3)

    def test_a_trial_takes_no_more_than_one_under_load(self):
        otto, server, _ = self.ejected("100ms")
        load = self.load(otto, 16)
        otto.wait_for_log("is ejected for 200ms")
        trials, served = self.failed_trials(otto), len(server.requests)
        otto.wait_for_log("is ejected for 800ms")
        load.finish()
        self.assertLessEqual(len(server.requests) - served, self.failed_trials(otto) - trials + 1,
                             "one more may have begun")

    def failed_trials(self, otto):
        return len(otto.log_lines("the probe request failed"))

    def test_a_check_decides_where_there_are_no_requests(self):
        otto, server, _ = self.ejected("300ms", healthCheck={"interval": "100ms"})
        served = len(server.requests)
        otto.wait_for_log(f"{server.url} is no longer ejected: a check passed")
        self.assertEqual(len(server.requests), served)

    def test_with_checks_off_only_a_request_counts(self):
        otto, server, switch = self.ejected("200ms", healthCheck={"type": "off"})
        switch.bad = False
        self.fetch_until_log(otto, f"{server.url} is no longer ejected: the probe request")


class Backup(Case):
    def test_only_when_the_others_are_out(self):
        servers = self.demo(3)
        otto = self.otto(settings([servers[0], {"url": servers[1].url, "backup": True},
                                   servers[2]]))
        otto.wait_healthy(3)
        self.assertEqual(set(self.names(otto, 12)), {"server-1", "server-3"})
        servers[0].kill()
        otto.wait_flip(servers[0], "unhealthy")
        self.assertEqual(set(self.names(otto, 12)), {"server-3"})

        notes = otto.notes.mark()
        servers[2].kill()
        otto.wait_flip(servers[2], "unhealthy")
        otto.wait_status(1, 3, notes)
        self.assertEqual(set(self.names(otto, 12)), {"server-2"})
        self.assertEqual(otto.log_lines("failing open"), [])

        since, notes = otto.log.mark(), otto.notes.mark()
        servers[0].start()
        otto.wait_flip(servers[0], "healthy", since)
        otto.wait_status(2, 3, notes)
        self.assertEqual(set(self.names(otto, 12)), {"server-1"})

    def test_takes_over_without_a_failed_request(self):
        server, backup = self.demo(2)
        otto = self.otto(settings([server, {"url": backup.url, "backup": True}],
                                  retries={"budgetMinPerSecond": 1000}))
        otto.wait_healthy(2)
        load = self.load(otto, 16)
        load.wait_for(300)
        server.kill()
        otto.wait_flip(server, "unhealthy")
        load.wait_for(300)
        load.finish()
        self.assertEqual(load.failures, [])
        self.assertEqual(set(load.servers), {"server-1", "server-2"})

    def test_two_backups_share(self):
        servers = self.demo(2)
        otto = self.otto(settings([{"url": server.url, "backup": True} for server in servers]))
        otto.wait_healthy(2)
        self.assertEqual(self.names(otto, 8).count("server-1"), 4)


class FailOpen(Case):
    def test_all_fail_their_checks_but_answer(self):
        servers = [self.scripted() for _ in range(2)]
        otto = self.otto(settings(servers))
        otto.wait_healthy(2)
        for server in servers:
            server.check_status = OUT
        otto.wait_for_log(r"critical: failing open: no server is healthy, so requests go to 2 unhealthy or ejected servers")
        otto.wait_note(STATUS="^0/2 servers healthy.*failing open")
        for _ in range(6):
            self.assertEqual(otto.fetch().status, 200)
        self.assertGreater(min(len(server.requests) for server in servers), 0)

        notes = otto.notes.mark()
        servers[1].check_status = "200 OK"
        otto.wait_for_log("requests go to healthy servers again: 1")
        otto.wait_note(notes, STATUS="^1/2 servers healthy(?!.*failing open)")
        served = len(servers[0].requests)
        for _ in range(6):
            self.assertEqual(otto.fetch().status, 200)
        self.assertEqual(len(servers[0].requests), served)

    def test_from_the_start(self):
        server = self.scripted()
        server.check_status = OUT
        otto = self.otto(settings([server]))
        self.assertEqual(otto.fetch().status, 200)
        otto.wait_for_log("failing open")

    def test_rather_to_the_ejected_than_to_the_unhealthy(self):
        server, _ = self.switched(bad=True)
        other = self.scripted()
        otto = self.otto(settings([server, other]))
        otto.wait_healthy(2)
        self.fetch_until_log(otto, f"{server.url} is ejected")
        other.refuse()
        other.close_connections()
        otto.wait_flip(other, "unhealthy")
        otto.wait_for_log("failing open: .*requests go to 1 ")
        for _ in range(6):
            self.assertEqual(otto.fetch().body, b"answered")

    def test_nobody_is_left_to_try(self):
        server, = self.demo(1)
        entry = {"url": server.url}
        otto = self.otto(settings([entry]))
        otto.wait_healthy(1)
        for change in ({"state": "drain"}, {"state": "disabled"}):
            since, notes = otto.log.mark(), otto.notes.mark()
            otto.reload(settings([{**entry, **change}]))
            otto.wait_for_log("all servers are drained or disabled: requests are answered with 503", since)
            otto.wait_note(notes, STATUS="all servers are drained or disabled, answering 503")
            response = otto.fetch()
            self.assertEqual(response.status, 503)
            self.assertRegex(response.get("Retry-After"), r"^[1-9]\d*$")
            otto.reload(settings([entry]))
            otto.wait_for_log("requests go to healthy servers again: 1", since)
            self.assertEqual(otto.fetch().status, 200)


class SlowStart(Case):
    def returned(self, slow_start):
        """Two servers of which the second has just come back."""
        servers = self.demo(2)
        config = settings(servers, slowStart=slow_start)
        otto = self.otto(config)
        otto.wait_healthy(2)
        self.assertEqual(self.names(otto, 22).count("server-2"), 11, "not at Otto's own start")
        servers[1].kill()
        otto.wait_flip(servers[1], "unhealthy")
        since, notes = otto.log.mark(), otto.notes.mark()
        servers[1].start()
        otto.wait_flip(servers[1], "healthy", since)
        otto.wait_status(2, 2, notes)
        return otto, config

    def test_begins_with_a_tenth(self):
        otto, config = self.returned("1h")
        self.assertEqual(self.names(otto, 110).count("server-2"), 10)
        otto.reload({**config, "slowStart": "0s"})
        self.assertEqual(self.names(otto, 110).count("server-2"), 55)

    def test_grows_to_the_whole(self):
        otto, _ = self.returned(f"{6 * min(SLOWNESS, 2):g}s")
        deadline = Deadline()
        counts = [self.names(otto, 110).count("server-2")]
        self.assertLess(counts[0], 50)
        # While it grows, a share of a request that was left over may come on top.
        while counts[-2:] != [55, 55]:
            self.assertTrue(deadline.left(), counts)
            counts.append(self.names(otto, 110).count("server-2"))
            self.assertGreaterEqual(counts[-1], counts[-2] - 1, counts)
            self.assertLessEqual(counts[-1], 56, counts)
        self.assertGreater(len(set(counts)), 3, "not all at once")

    def test_of_a_new_server(self):
        servers = self.demo(3)
        otto = self.otto(settings(servers[:2], slowStart="1h"))
        otto.wait_healthy(2)
        self.names(otto, 22)  # Otto's own start, at which no server grows, is over
        notes = otto.notes.mark()
        otto.reload(settings(servers, slowStart="1h"))
        otto.wait_flip(servers[2], "healthy")
        otto.wait_status(3, 3, notes)
        names = self.names(otto, 210)
        self.assertEqual([names.count(f"server-{number}") for number in (1, 2, 3)],
                         [100, 100, 10])


class States(Case):
    def test_drained_and_disabled_servers_get_nothing(self):
        active, drained, disabled = (self.scripted() for _ in range(3))
        entries = [active.url, {"url": drained.url, "state": "drain"},
                   {"url": disabled.url, "state": "disabled"}]
        otto = self.otto(settings(entries))
        otto.wait_note(STATUS=r"^2/3 servers healthy \(1 drained, 1 disabled\)")
        for _ in range(6):
            self.assertEqual(otto.fetch().status, 200)
        self.assertEqual([len(server.requests) for server in (active, drained, disabled)],
                         [6, 0, 0])
        self.assertGreater(drained.checks, 0)
        self.assertEqual(disabled.checks, 0)

        notes = otto.notes.mark()
        otto.reload(settings([active, drained, disabled]))
        otto.wait_status(3, 3, notes)
        for _ in range(6):
            self.assertEqual(otto.fetch().status, 200)
        self.assertEqual([len(server.requests) for server in (active, drained, disabled)],
                         [8, 2, 2])

    def test_disabled_means_unknown(self):
        servers = self.demo(2)
        otto = self.otto(settings(servers))
        otto.wait_healthy(2)
        notes = otto.notes.mark()
        otto.reload(settings([servers[0], {"url": servers[1].url, "state": "disabled"}]))
        otto.wait_note(notes, STATUS=r"^1/2 servers healthy \(1 disabled\)")
        servers[1].kill()
        since = otto.log.mark()
        otto.reload(settings(servers))
        otto.wait_flip(servers[1], "unhealthy", since)
        self.assertEqual(set(self.names(otto, 4)), {"server-1"})

    def test_requests_under_way_are_finished(self):
        begun, drained = threading.Event(), threading.Event()

        def slow(connection, _):
            begun.set()
            drained.wait(Deadline().left())
            connection.reply(b"finished")

        server, other = self.scripted(slow), self.scripted()
        otto = self.otto(settings([server]))
        otto.wait_healthy(1)
        client = self.client(otto)
        client.send_request()
        self.assertTrue(begun.wait(Deadline().left()))
        otto.reload(settings([{"url": server.url, "state": "drain"}, other]))
        otto.wait_flip(other, "healthy")
        self.assertEqual(otto.fetch().body, b"hello")
        drained.set()
        self.assertEqual(client.response().body, b"finished")


if __name__ == "__main__":
    main()
