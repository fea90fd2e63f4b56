"""GET /metrics: what it counts, that Prometheus understands it, and that the manual, the dashboard
and the alert rules speak of the metrics that there are."""
# labels: threads

import json
import os
import pathlib
import re
import shutil
import subprocess

from admin import Admin
from admin_case import AdminCase
from harness import RARELY, CutOff, Deadline, main, settings
from metrics import Metrics

SOURCE = pathlib.Path(os.environ["OTTO_SOURCE_DIR"])
PROMTOOL = shutil.which("promtool", path=os.pathsep.join(
    [os.environ.get("PATH", ""), str(SOURCE / "build/promtool/usr/bin")]))


def held(connection, _):
    """Says nothing until Otto closes."""
    connection.wait_closed()


def closing(connection, _):
    """Closes without an answer."""


def breaking(connection, _):
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")


def wordy(connection, _):
    connection.send(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 300 + b"\r\n")


class MetricsCase(AdminCase):
    def page(self, admin=None):
        answer = (admin or self.admin).ask("GET", "/metrics")
        self.assertEqual(answer.status, 200, answer)
        return Metrics(answer.text)

    def client(self, otto):
        client = otto.client()
        self.addCleanup(client.close)
        return client

    def until(self, holds):
        """The first page that this holds for: a client may have its reply before it is counted."""
        deadline = Deadline()
        while not holds(page := self.page()):
            self.assertTrue(deadline.left(), page)
        return page

    def check(self, page, expected):
        """{("name", label="value", …): value}"""
        found = {key: page(key[0], **dict(key[1:])) for key in expected}
        wrong = {key: value for key, value in found.items() if value != expected[key]}
        self.assertEqual(wrong, {key: expected[key] for key in wrong}, page)


class Format(MetricsCase):
    def used(self):
        """An Otto of which every metric has a value."""
        servers = self.demo(2)
        gone = self.scripted(wordy)
        otto = self.started(settings([*servers, gone], workers=1, healthCheck=RARELY), watchdog=30)
        otto.wait_healthy(3)
        self.assertEqual(sorted(otto.fetch().status for _ in range(3)), [200, 200, 502])
        gone.refuse()
        for _ in range(6):
            self.assertEqual(otto.fetch().status, 200)
        return otto

    def test_promtool_understands_it(self):
        self.assertTrue(PROMTOOL, "there is no promtool; tests/setup.sh fetches it")
        self.used()
        text = self.until(lambda page: page("otto_responses_total", code="2xx") == 8).text
        done = subprocess.run([PROMTOOL, "check", "metrics"], input=text, text=True,
                              capture_output=True, check=False)
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))

    def test_the_type_says_which_format_it_is(self):
        self.started(settings(self.demo(1)))
        answer = self.admin.ask("GET", "/metrics")
        self.assertEqual(answer.headers["Content-Type"],
                         "text/plain; version=0.0.4; charset=utf-8")
        head = self.admin.ask("HEAD", "/metrics")
        self.assertEqual((head.status, head.text), (200, ""))
        self.expect(self.admin.ask("POST", "/metrics"), 405)

    def test_all_have_help_and_stand_in_the_manual(self):
        self.used()
        page = self.page()
        self.assertEqual(set(page.helps), set(page.types))
        for name, text in page.helps.items():
            self.assertRegex(text, r"\A[A-Z0-9].*\.\Z", name)
            self.assertRegex(name, r"\A(otto|process)_[a-z_]+\Z")
        section = (SOURCE / "man/otto.8").read_text(encoding="utf-8").split(".Sh METRICS\n")[1]
        listed = re.findall(r"^\.It Li ((?:otto|process)_\w+)", section.split("\n.Sh ")[0], re.M)
        self.assertEqual(sorted(listed), sorted(page.types))
        without = [name for name, kind in page.types.items() if not any(
            each == name + ("_count" if kind == "histogram" else "") for each, _ in page.values)]
        self.assertEqual(without, [])

    def test_the_dashboard_and_the_alerts_speak_of_what_there_is(self):
        self.used()
        page = self.page()
        names = {name for name, _ in page.values}
        dashboard = json.loads((SOURCE / "etc/grafana/otto.json").read_text(encoding="utf-8"))
        panels = [panel for panel in dashboard["panels"] if panel["type"] != "row"]
        queries = [target["expr"] for panel in panels for target in panel["targets"]]
        queries += [each["query"]["query"] for each in dashboard["templating"]["list"]
                    if each["type"] == "query"]
        rules = (SOURCE / "etc/prometheus/otto.rules.yml").read_text(encoding="utf-8")
        queries += re.findall(r"expr: (?:\|\n((?: {10}.*\n)+)|(.*))", rules)
        asked = set(re.findall(r"\b(?:otto|process)_\w+", json.dumps(queries)))
        self.assertGreater(len(asked), 30)
        self.assertEqual(asked - names, set())
        self.assertEqual(len({panel["id"] for panel in panels}), len(panels))

    def test_names_of_servers_are_quoted(self):
        name = 'a "b" \\ ä'
        server = self.demo(1)[0]
        otto = self.started(settings([{"url": server.url, "name": name}]))
        otto.wait_healthy(1)
        self.assertEqual(self.page()("otto_server_healthy", server=name), 1)

    def test_who_may_read(self):
        self.started(settings(self.demo(1)), tcp=True)
        over_tcp = Admin(self.tcp)
        self.page(over_tcp)  # without a token
        self.expect(over_tcp.ask("GET", "/metrics", headers={"Host": "evil.example"}), 403)
        self.expect(over_tcp.ask("GET", "/metrics", headers={"Origin": "http://evil.example"}), 403)


class Counting(MetricsCase):
    def test_requests_and_replies(self):
        servers = self.demo(2)
        otto = self.started(settings(servers, healthCheck=RARELY))
        otto.wait_healthy(2)
        client = self.client(otto)
        relayed = 0
        for target, times in (("/", 4), ("/status/404", 3), ("/status/500", 2), ("/bytes/100000", 1)):
            for _ in range(times):
                relayed += len(client.request(target).body)
        relayed += len(client.request("/echo", "POST", body=b"x" * 5000).body)
        self.assertEqual(client.request("*", "OPTIONS").status, 204)
        refusal = client.request("/", "TRACE")
        self.assertEqual(refusal.status, 405)
        relayed += len(refusal.body)
        page = self.until(lambda page: page.sum("otto_responses_total") == 13)
        self.check(page, {
            ("otto_requests_total",): 13,
            ("otto_responses_total", ("code", "1xx")): 0,
            ("otto_responses_total", ("code", "2xx")): 7,
            ("otto_responses_total", ("code", "3xx")): 0,
            ("otto_responses_total", ("code", "4xx")): 4,
            ("otto_responses_total", ("code", "5xx")): 2,
            ("otto_own_replies_total", ("reason", "options")): 1,
            ("otto_own_replies_total", ("reason", "refused")): 1,
            ("otto_own_replies_total", ("reason", "no-server")): 0,
            ("otto_requests_aborted_total",): 0,
            ("otto_responses_cut_total",): 0,
            ("otto_retries_total",): 0,
            ("otto_request_body_bytes_total",): 5000,
            ("otto_response_body_bytes_total",): relayed,
            ("otto_client_connections",): 1,
            ("otto_client_connections_accepted_total",): 1,
            ("otto_request_duration_seconds_count",): 13,
            ("otto_request_duration_seconds_bucket", ("le", "+Inf")): 13})
        self.assertGreater(page("otto_request_duration_seconds_sum"), 0)
        for server in servers:
            of = (("server", server.url),)
            answered = server.count()
            self.assertEqual(page.sum("otto_server_responses_total", server=server.url), answered)
            self.check(page, {
                ("otto_server_request_duration_seconds_count", *of): answered,
                ("otto_server_response_head_seconds_count", *of): answered,
                ("otto_server_connections_opened_total", *of): 1,
                ("otto_server_active_requests", *of): 0})
        self.assertEqual(page.sum("otto_server_responses_total", code="4xx"), 3)
        client.close()
        self.until(lambda page: page("otto_client_connections") == 0)

    def test_bytes_of_a_server(self):
        server = self.scripted()
        otto = self.started(settings([server], healthCheck=RARELY))
        otto.wait_healthy(1)
        self.assertEqual(otto.fetch("/", "POST", body=b"y" * 300).body, b"y" * 300)
        otto.fetch("/")
        page = self.until(lambda page: page("otto_responses_total", code="2xx") == 2)
        head = len("HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\n")
        self.check(page, {
            ("otto_server_sent_bytes_total", ("server", server.url)): len(server.received()),
            ("otto_server_received_bytes_total", ("server", server.url)):
                2 * head + len("300") + 300 + len("5hello")})

    def test_histograms_go_by_time(self):
        server = self.demo(1)[0]
        otto = self.started(settings([server], healthCheck=RARELY))
        otto.wait_healthy(1)
        otto.fetch("/delay/300")
        page = self.until(lambda page: page("otto_request_duration_seconds_count") == 1)
        for name in ("otto_request_duration_seconds", "otto_server_request_duration_seconds",
                     "otto_server_response_head_seconds"):
            of = {"server": server.url} if "server" in name else {}
            self.assertGreaterEqual(page(name + "_sum", **of), 0.25)
            self.assertEqual(page(name + "_bucket", le="0.25", **of), 0)
            self.assertEqual(page(name + "_bucket", le="60", **of), 1)

    def test_retries_by_reason(self):
        good, refusing, resetting = self.scripted(), self.scripted(), self.scripted(closing)
        otto = self.started(settings([good, refusing, resetting], workers=1, healthCheck=RARELY,
                                     ejection={"consecutiveErrors": 100},
                                     retries={"attempts": 3, "budgetMinPerSecond": 1000}))
        otto.wait_healthy(3)
        refusing.refuse()
        for _ in range(6):
            self.assertEqual(otto.fetch().status, 200)
        page = self.until(lambda page: page("otto_responses_total", code="2xx") == 6)
        resets = resetting.connections()
        self.assertGreater(resets, 0)
        self.check(page, {
            ("otto_server_failures_total", ("server", refusing.url), ("reason", "refused")): 1,
            ("otto_server_retries_total", ("server", refusing.url), ("reason", "refused")): 1,
            ("otto_server_failures_total", ("server", resetting.url), ("reason", "reset")): resets,
            ("otto_server_retries_total", ("server", resetting.url), ("reason", "reset")): resets,
            ("otto_server_failures_total", ("server", good.url), ("reason", "reset")): None,
            ("otto_retries_total",): resets + 1,
            ("otto_retries_denied_total",): 0,
            ("otto_server_healthy", ("server", refusing.url)): 0})

    def test_a_malformed_body_that_comes_with_its_head(self):
        def script(connection, _):
            connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n")

        server = self.scripted(script)
        otto = self.started(settings([server], healthCheck=RARELY))
        otto.wait_healthy(1)
        self.assertEqual(otto.fetch().status, 502)
        page = self.until(lambda page: page("otto_responses_total", code="5xx") == 1)
        self.check(page, {
            ("otto_server_failures_total", ("server", server.url), ("reason", "malformed")): 1,
            ("otto_server_responses_total", ("server", server.url), ("code", "2xx")): 0,
            ("otto_server_response_head_seconds_count", ("server", server.url)): 0})

    def test_no_retry_comes_of_waiting_in_vain_for_a_place(self):
        full, closes = self.scripted(held), self.scripted(closing)
        otto = self.started(settings(
            [{"url": full.url, "maxConnections": 1}, closes], workers=1, healthCheck=RARELY,
            balance="first", queue={"timeout": "100ms"}))
        otto.wait_healthy(2)
        client = self.client(otto)
        client.send_request("/")
        self.until(lambda page: page("otto_server_active_requests", server=full.url) == 1)
        self.assertEqual(otto.fetch().status, 503)
        page = self.until(lambda page: page("otto_responses_total", code="5xx") == 1)
        self.check(page, {
            ("otto_own_replies_total", ("reason", "queue-timeout")): 1,
            ("otto_server_failures_total", ("server", closes.url), ("reason", "reset")): 1,
            ("otto_server_retries_total", ("server", closes.url), ("reason", "reset")): None,
            ("otto_retries_total",): 0})

    def test_a_budget_that_is_used_up(self):
        servers = [self.scripted(closing), self.scripted(closing)]
        otto = self.started(settings(servers, workers=1, healthCheck=RARELY, ejection={"consecutiveErrors": 0},
                                     retries={"budgetPercent": 0, "budgetMinPerSecond": 0}))
        otto.wait_healthy(2)
        for _ in range(3):
            self.assertEqual(otto.fetch().status, 502)
        page = self.until(lambda page: page("otto_responses_total", code="5xx") == 3)
        self.check(page, {
            ("otto_retries_denied_total",): 3, ("otto_retries_total",): 0,
            ("otto_own_replies_total", ("reason", "attempt-failed")): 3})

    def test_requests_that_do_not_get_to_their_end(self):
        holding, breaks = self.scripted(held), self.scripted(breaking)
        otto = self.started(settings([holding], healthCheck=RARELY))
        otto.wait_healthy(1)
        client = self.client(otto)
        client.send_request("/")
        page = self.until(lambda page: page("otto_server_active_requests", server=holding.url) == 1)
        client.close()
        page = self.until(lambda page: page("otto_requests_aborted_total") == 1 and
                          page("otto_server_active_requests", server=holding.url) == 0)
        self.check(page, {
            ("otto_server_requests_aborted_total", ("server", holding.url)): 1,
            ("otto_server_active_requests", ("server", holding.url)): 0,
            ("otto_request_duration_seconds_count",): 0})

        otto.reload(settings([breaks], healthCheck=RARELY))
        otto.wait_flip(breaks, "healthy")
        broken = self.client(otto)
        with self.assertRaises(CutOff):
            broken.request("/")
        page = self.until(lambda page: page("otto_responses_cut_total") == 1)
        self.check(page, {
            ("otto_server_responses_cut_total", ("server", breaks.url)): 1,
            ("otto_server_responses_total", ("server", breaks.url), ("code", "2xx")): 1,
            ("otto_requests_aborted_total",): 1,
            ("otto_request_duration_seconds_count",): 0})

    def test_responses_over_a_limit(self):
        chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"
        ok = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n"
        answers = {
            "/bytes": ok + b"A: " + b"b" * 2048 + b"\r\n\r\n",
            "/fields": ok + b"A: b\r\n" * 8 + b"\r\n",
            "/interim": b"HTTP/1.1 103 Early Hints\r\n\r\n" * 80 + ok + b"\r\n",
            "/trailer-bytes": chunked + b"A: " + b"b" * 2048 + b"\r\n\r\n",
            "/trailer-fields": chunked + b"A: b\r\n" * 9 + b"\r\n"}

        def script(connection, _):
            while True:
                connection.send(answers[connection.target])
                if not connection.next_request():
                    return

        server = self.scripted(script)
        otto = self.started(settings([server], healthCheck=RARELY, limits={
            "responseHeaderBytes": "2KiB", "responseHeaderCount": 8}))
        otto.wait_healthy(1)
        for target in answers:
            with self.subTest(target):
                limit = "responseHeader" + ("Count" if "fields" in target else "Bytes")
                since = otto.log.mark()
                self.assertEqual(otto.fetch(target).status, 502)
                otto.wait_for_log(rf"GET {target}: .*limits\.{limit}\b.*{server.url}.* 502", since)
        page = self.until(lambda page: page.sum("otto_server_responses_over_limit_total") == 5)
        name = "otto_server_responses_over_limit_total"
        self.check(page, {
            (name, ("server", server.url), ("limit", "responseHeaderBytes")): 3,
            (name, ("server", server.url), ("limit", "responseHeaderCount")): 2})

        otto.reload(settings([server], healthCheck=RARELY, limits={
            "responseHeaderBytes": "3KiB", "responseHeaderCount": 9}))
        for target in answers:
            with self.subTest(target):
                self.assertEqual(otto.fetch(target).status, 200)
        self.assertEqual(self.page().sum(name), 5)

    def test_the_queue(self):
        server = self.scripted(held)
        otto = self.started(settings([{"url": server.url, "maxConnections": 1}], workers=1,
                                     healthCheck=RARELY,
                                     queue={"length": 1, "timeout": "500ms"}))
        otto.wait_healthy(1)
        clients = [self.client(otto) for _ in range(2)]
        clients[0].send_request("/")
        self.until(lambda page: page("otto_server_active_requests", server=server.url) == 1)
        clients[1].send_request("/")
        self.until(lambda page: page("otto_queue_length") == 1 or page("otto_queue_timeouts_total"))
        self.assertEqual(clients[1].response().status, 503)
        page = self.until(lambda page: page("otto_queue_timeouts_total") == 1)
        self.check(page, {("otto_queue_length",): 0, ("otto_queue_overflows_total",): 0,
                          ("otto_own_replies_total", ("reason", "queue-timeout")): 1})
        otto.reload(settings([{"url": server.url, "maxConnections": 1}], workers=1,
                             healthCheck=RARELY, queue={"length": 0}))
        self.assertEqual(otto.fetch().status, 503)
        page = self.until(lambda page: page("otto_queue_overflows_total") == 1)
        self.check(page, {("otto_own_replies_total", ("reason", "queue-full")): 1})


class Standing(MetricsCase):
    def test_ejections_and_failing_open(self):
        servers = self.demo(2)
        otto = self.started(settings(servers, workers=1, healthCheck=RARELY, retries={"attempts": 1},
                                     ejection={"consecutiveErrors": 2}))
        otto.wait_healthy(2)
        page = self.page()
        self.check(page, {("otto_ready",): 1, ("otto_failing_open",): 0,
                          ("otto_server_share_ratio", ("server", servers[0].url)): 0.5})
        for _ in range(4):
            otto.fetch("/status/503")
        page = self.until(lambda page: page.sum("otto_server_ejected") == 1)
        self.assertEqual(page.sum("otto_server_ejections_total"), 1)
        self.assertEqual(page.sum("otto_server_share_ratio"), 1)
        for server in servers:
            server.kill()
        for _ in range(2):
            otto.fetch()
        self.until(lambda page: page("otto_failing_open") == 1)

    def test_what_is_configured(self):
        servers = self.demo(3)
        otto = self.started(settings([{"url": servers[0].url, "name": "one", "weight": 3},
                                      {"url": servers[1].url, "name": "two"},
                                      {"url": servers[2].url, "name": "three"}]))
        otto.wait_healthy(3)
        self.expect(self.admin.server("PATCH", "two", {"state": "drain"}), 200)
        page = self.page()
        self.check(page, {
            ("otto_server_weight", ("server", "one")): 3,
            ("otto_server_state", ("server", "one"), ("state", "active")): 1,
            ("otto_server_state", ("server", "two"), ("state", "active")): 0,
            ("otto_server_state", ("server", "two"), ("state", "drain")): 1,
            ("otto_server_share_ratio", ("server", "one")): 0.75,
            ("otto_server_share_ratio", ("server", "two")): 0,
            ("otto_config_changed",): 1,
            ("otto_config_generation",): 2,
            ("otto_workers",): 2})

    def test_reloads_keep_counting_and_servers_that_are_gone_vanish(self):
        servers = self.demo(2)
        config = settings(servers, healthCheck=RARELY)
        otto = self.started(config)
        otto.wait_healthy(2)
        for _ in range(4):
            otto.fetch()
        started = self.page()("otto_config_last_load_timestamp_seconds")
        otto.reload({**config, "servers": [servers[0].url]})
        page = self.until(lambda page: page("otto_responses_total", code="2xx") == 4)
        self.check(page, {
            ("otto_server_responses_total", ("server", servers[0].url), ("code", "2xx")): 2,
            ("otto_server_responses_total", ("server", servers[1].url), ("code", "2xx")): None,
            ("otto_config_reloads_total", ("result", "success")): 1,
            ("otto_config_reloads_total", ("result", "failure")): 0,
            ("otto_config_last_reload_successful",): 1})
        self.assertEqual(page.labels("otto_server_healthy", "server"), {servers[0].url})
        self.assertGreater(page("otto_config_last_load_timestamp_seconds"), started)
        otto.reload('{"servers": 7}')
        self.check(self.page(), {
            ("otto_config_reloads_total", ("result", "success")): 1,
            ("otto_config_reloads_total", ("result", "failure")): 1,
            ("otto_config_last_reload_successful",): 0,
            ("otto_server_responses_total", ("server", servers[0].url), ("code", "2xx")): 2})

    def test_the_process(self):
        otto = self.started(settings(self.demo(1)), watchdog=2)
        otto.wait_note(WATCHDOG="1")
        page = self.until(lambda page: page("otto_watchdog_lag_seconds"))
        self.assertLess(page("otto_watchdog_lag_seconds"), 2)
        self.assertAlmostEqual(page("process_open_fds"), len(otto.files()), delta=4)
        self.assertAlmostEqual(page("process_resident_memory_bytes"), otto.memory(),
                               delta=otto.memory() / 2)
        self.assertGreater(page("process_cpu_seconds_total"), 0)
        before = page("otto_admin_requests_total")
        self.assertEqual(self.page()("otto_admin_requests_total"), before + 1)
        # Refused after its head, which was judged before.
        self.expect(self.admin.ask("PATCH", "/api/v1/config", "x" * (2 << 20)), 413)
        self.assertEqual(self.page()("otto_admin_requests_total"), before + 3)

    def test_many_servers_and_many_who_ask(self):
        count = 1000
        servers = [f"http://127.1.{number // 250}.{1 + number % 250}:1" for number in range(count)]
        self.started(settings(servers, healthCheck={"interval": "1h", "downInterval": "1h", "type": "off"}))
        clients = [self.connect() for _ in range(8)]
        for client in clients:
            client.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        page = self.page()
        self.assertEqual(len(page.labels("otto_server_healthy", "server")), count)
        self.assertLessEqual(len(page.values), 30 * count)
        for client in clients:
            text = b"".join(iter(lambda client=client: client.recv(1 << 20), b""))
            self.assertIn(b"otto_server_weight", text)


if __name__ == "__main__":
    main()
