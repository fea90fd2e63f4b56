"""ottoctl's commands that wait: what they show meanwhile, and how they end."""

import signal
import threading

from admin import Holding
from ctl import INTERRUPTED, REFUSED, TIMED_OUT, UNKNOWN, USAGE, CtlCase
from fake_admin import server
from harness import PATIENCE, main, settings

DRAINED = {"name": "one", "active": 0, "drained": True}


class Waiting(CtlCase):
    def setUp(self):
        self.fake = self.faked()
        self.go = threading.Event()
        self.addCleanup(self.go.set)

    def hold(self, request, status=200, body=None):
        """Answers it once `go` is set."""
        def answer():
            self.go.wait(PATIENCE)
            return status, body
        self.fake.answers[request] = answer

    def tell(self, **server_members):
        self.fake.answers["GET /api/v1/servers/one"] = 200, server("a", "one", **server_members)

    def test_drain_shows_what_is_left(self):
        self.hold("PATCH /api/v1/servers/one", 200, DRAINED)
        self.tell(active=3)
        shown = self.on_terminal("drain", "one", "--wait")
        shown.wait_for(r"^draining one: 3 requests left, \d+ s$")
        self.tell(active=1)
        shown.wait_for(r"^draining one: 1 request left, \d+ s$")
        self.go.set()
        self.assertEqual(shown.wait_exit(), 0)
        self.assertEqual(shown.screen.text(), "one receives no new requests, no requests are in progress")
        self.assertIn("PATCH /api/v1/servers/one?wait=drained&timeout=60s",
                      self.fake.requests.items())

    def test_the_line_is_never_wider_than_the_terminal(self):
        name = "x" * 100
        self.hold(f"DELETE /api/v1/servers/{name}", 200, DRAINED)
        shown = self.on_terminal("remove", name, "--wait", columns=30)
        shown.wait_for(r"^removing x+…, \d+ s$")
        self.assertEqual(len(shown.screen.rows()[0]), 29)
        self.go.set()
        self.assertEqual(shown.wait_exit(), 0)

    def test_remove_does_not_know_how_many_are_left(self):
        self.hold("DELETE /api/v1/servers/one", 200, DRAINED)
        shown = self.on_terminal("remove", "one", "--wait")
        shown.wait_for(r"^removing one: its last requests, \d+ s$")
        self.go.set()
        self.assertEqual(shown.wait_exit(), 0)

    def test_ctrl_c_says_what_goes_on(self):
        for command, method, what in (
                ("drain", "PATCH", "one receives no new requests anyway"),
                ("disable", "PATCH", "no health checks anyway"), ("remove", "DELETE", "one removed")):
            with self.subTest(command=command):
                self.hold(f"{method} /api/v1/servers/one", 200, DRAINED)
                shown = self.on_terminal(command, "one", "--wait")
                shown.wait_for("one: ")
                shown.press("\x03")
                self.assertEqual(shown.wait_exit(), INTERRUPTED)
                self.assertIn(what, shown.screen.text())
                self.assertNotIn("left", shown.screen.text())

    def test_without_a_terminal_nothing_is_shown(self):
        self.tell(active=3)
        self.hold("PATCH /api/v1/servers/one", 200, DRAINED)
        process = self.piped("drain", "one", "--wait")
        self.fake.requests.wait(lambda request: request.startswith("PATCH"), "change")
        self.go.set()
        out, err = process.communicate(timeout=PATIENCE)
        self.assertEqual((process.returncode, err), (0, ""))
        self.assertEqual(out, "one receives no new requests, no requests are in progress\n")
        asked = [each for each in self.fake.requests.items() if "/servers" in each]
        self.assertEqual(len(asked), 1, "nothing is asked for while it waits")
        # There, Ctrl-C is what it is for any program.
        self.go.clear()
        process = self.piped("drain", "one", "--wait")
        self.fake.requests.wait(lambda request: request.startswith("PATCH"), "change", since=1)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(PATIENCE), -signal.SIGINT)

    def test_the_time_to_wait(self):
        self.fake.answers["PATCH /api/v1/servers/one"] = 200, {**DRAINED, "active": 2,
                                                               "drained": False}
        told = self.ctl("drain", "one", "--wait", "--timeout", "1s", "--json", code=TIMED_OUT)
        self.assertIn("with 2 requests still in progress after 1s", told.err)
        self.assertEqual(told.json["active"], 2)
        self.assertIn("with 2 requests still in progress", told.json["detail"])
        for command in ("drain", "enable", "add"):
            told = self.ctl(command, "one", "--wait", "--timeout", "soon", code=USAGE)
            self.assertIn("30s", told.err)

    def test_reload_waits_for_all_workers(self):
        in_force = False
        self.fake.answers["POST /api/v1/reload"] = 200, {"generation": 7, "changesInForce": True}
        self.fake.answers["GET /api/v1/status"] = lambda: (200, {"inForce": in_force})
        shown = self.on_terminal("reload")
        shown.wait_for(r"^generation 7: waiting for all workers to apply it, \d+ s$")
        in_force = True
        self.assertEqual(shown.wait_exit(), 0)
        self.assertEqual(shown.screen.text(), "reloaded: generation 7")
        in_force = False
        shown = self.on_terminal("reload")
        shown.wait_for("^generation 7: waiting")
        shown.press("\x03")
        self.assertEqual(shown.wait_exit(), INTERRUPTED)
        self.assertIn("generation 7 is active anyway", shown.screen.text())

    def test_add_waits_for_health(self):
        self.fake.answers["POST /api/v1/servers"] = 201, server("a", "one", health="unknown")
        self.tell(health="unknown")
        shown = self.on_terminal("add", "http://localhost:1", "--wait")
        shown.wait_for(r"^waiting for one to be healthy: no check yet, \d+ s$")
        self.tell(health="unhealthy", reason="connection refused")
        shown.wait_for(r"^waiting for one to be healthy: connection refused, \d+ s$")
        self.tell(health="healthy")
        self.assertEqual(shown.wait_exit(), 0)
        self.assertEqual(shown.screen.text(), "one added, and healthy")
        self.tell(health="unhealthy", reason="connection refused")
        told = self.ctl("add", "http://localhost:1", "--wait", "--timeout", "100ms", "--json",
                        code=TIMED_OUT)
        self.assertIn("one added, but not healthy after 100ms: connection refused", told.err)
        self.assertEqual(told.json["health"], "unhealthy")
        self.assertIn("not healthy after 100ms", told.json["detail"])
        shown = self.on_terminal("add", "http://localhost:1", "--wait")
        shown.wait_for("refused, ")
        shown.press("\x03")
        self.assertEqual(shown.wait_exit(), INTERRUPTED)
        self.assertIn("one added anyway", shown.screen.text())
        self.fake.answers.pop("GET /api/v1/servers/one")
        self.ctl("add", "http://localhost:1", "--wait", code=UNKNOWN)

    def test_every_refusal_is_one_document(self):
        told = self.ctl("status", "--json", code=UNKNOWN)
        self.assertEqual(told.json, {"detail": "no /api/v1/status"})
        self.fake.answers["GET /api/v1/status"] = 500, {"status": 500}
        self.assertEqual(self.ctl("status", "--json", code=REFUSED).json,
                         {"status": 500, "detail": "Otto responded with status 500"})
        self.fake.answers["DELETE /api/v1/servers/one"] = 204, None
        self.assertEqual(self.ctl("remove", "one", "--json").json, {"name": "one"})


class WithOtto(CtlCase):
    def test_add_and_enable(self):
        servers = self.demo(2)
        servers[1].kill()
        otto = self.started(settings(servers[:1]))
        otto.wait_healthy(1)
        shown = self.on_terminal("add", servers[1].url, "--name", "two", "--wait")
        shown.wait_for("^waiting for two to be healthy: .*refused")
        servers[1].start()
        self.assertEqual(shown.wait_exit(), 0)
        self.assertEqual(self.admin.servers()["two"]["health"], "healthy")
        self.ctl("disable", "two", "--wait")
        self.assertIn("two is enabled, and healthy\n", self.ctl("enable", "two", "--wait").out)
        self.assertIn("generation", self.ctl("reload").out)
        self.assertTrue(self.admin.get("status").json["inForce"])

    def test_drain(self):
        slow = Holding(self)
        otto = self.started(settings([{"url": slow.server.url, "name": "slow"}, *self.demo(1)],
                                     balance="first"))
        otto.wait_healthy(2)
        request = threading.Thread(target=lambda: otto.fetch("/slow"))
        request.start()
        slow.wait_arrived()
        top = self.on_terminal("top")
        top.wait_for("^slow .* 1 ")
        shown = self.on_terminal("drain", "slow", "--wait")
        shown.wait_for(r"^draining slow: 1 request left, \d+ s$")
        top.wait_for("^slow .* drain")
        slow.let_go()
        self.assertEqual(shown.wait_exit(), 0)
        request.join(PATIENCE)
        top.press("q")
        self.assertEqual(top.wait_exit(), 0)


if __name__ == "__main__":
    main()
