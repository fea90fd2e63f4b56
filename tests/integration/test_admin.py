"""The admin API: every endpoint, who may use it, and changes that last."""
# labels: threads asan

import json
import os
import pwd
import random
import re
import signal
import socket
import threading

from admin import Admin, Holding
from admin_case import AdminCase, opened
from clients import RawClient
from harness import RARELY, Deadline, main, run_otto, settings, tcp_listener


ME = pwd.getpwuid(os.getuid()).pw_name


class Reading(AdminCase):
    def test_status_and_health(self):
        servers = self.demo(2)
        otto = self.started(settings(servers))
        otto.wait_healthy(2)
        status = self.expect(self.admin.get("status"), 200).json
        self.assertEqual((status["state"], status["workers"], status["generation"]),
                         ("running", 2, 1))
        self.assertEqual(status["servers"], {"healthy": 2, "total": 2})
        self.assertEqual(status["changed"], False)
        self.assertEqual(status["configFile"], otto.config_file)
        otto.fetch()
        self.assertEqual(self.admin.get("status").json["requests"], 1)
        self.assertEqual(self.admin.ask("GET", "/healthz").text, "ok\n")
        self.assertEqual(self.admin.ask("GET", "/readyz").status, 200)
        head = self.admin.ask("HEAD", "/api/v1/status")
        self.assertEqual((head.status, head.text), (200, ""))

    def test_a_malformed_head_request_gets_no_body(self):
        self.started(settings(self.demo(1)))
        for fields in (b"Host : a\r\n", b"Host: a\nX: y\r\n", b"Host: a\r\nContent-Length: x\r\n"):
            client = RawClient.over(opened(self.admin.place))
            client.send(b"HEAD / HTTP/1.1\r\n" + fields + b"\r\n")
            self.assertEqual(client.head().status, 400)
            self.assertEqual(client.read_to_end()[0], b"")
            client.close()

    def test_not_ready_without_a_healthy_server(self):
        server, = self.demo(1)
        for check in ({"type": "http"}, {"type": "off"}):
            otto = self.started(settings(["http://127.0.0.1:1"], healthCheck=check))
            if check["type"] == "off":  # it is known once somebody has tried
                self.assertEqual(self.admin.ask("GET", "/readyz").status, 200)
                otto.fetch()
            otto.wait_for_log("is unhealthy")
            otto.wait_for_log("failing open")
            self.assertEqual(self.admin.ask("GET", "/healthz").status, 200)
            self.assertEqual(self.admin.ask("GET", "/readyz").status, 503)
            self.assertEqual(self.admin.get("status").json["ready"], False)
            since = otto.log.mark()
            self.expect(self.admin.ask("POST", "/api/v1/servers", {"url": server.url}), 201)
            otto.wait_for_log(f"{server.url} is healthy", since)
            self.assertEqual(self.admin.ask("GET", "/readyz").status, 200)
            otto.finish()

    def test_servers(self):
        servers = self.demo(2)
        otto = self.started(settings([{"url": servers[0].url, "name": "one/ä", "weight": 3},
                                      servers[1]]))
        otto.wait_healthy(2)
        one, two = self.admin.servers().values()
        self.assertEqual((one["name"], one["weight"], one["state"], one["health"], one["active"]),
                         ("one/ä", 3, "active", "healthy", 0))
        self.assertEqual(two["name"], two["url"])
        for name in ("one/ä", one["url"], one["id"]):
            self.assertEqual(self.expect(self.admin.server("GET", name), 200).json["id"], one["id"])
        answer = self.expect(self.admin.server("GET", "one/a"), 404)
        self.assertIn('did you mean "one/ä"?', answer.json["detail"])
        self.expect(self.admin.server("GET", "0123456789abcdef"), 404)
        otto.fetch()
        self.assertEqual(len(two["id"]), 16)

    def test_the_last_healthy_server(self):
        server, = self.demo(1)
        otto = self.started(settings([server, "http://127.0.0.1:1"]))
        otto.wait_healthy(1)
        otto.wait_for_log("127.0.0.1:1 is unhealthy")
        for method, body in (("PATCH", {"state": "drain"}), ("PATCH", {"state": "disabled"}),
                             ("PATCH", {"weight": 0}), ("DELETE", None)):
            answer = self.expect(self.admin.server(method, server, body), 409)
            self.assertIn("No healthy server would be left", answer.json["detail"])
            self.assertEqual(answer.json["outage"], "healthy")
        self.expect(self.admin.ask("PATCH", "/api/v1/config",
                                   {"servers": {server.url: {"state": "drain"}}}), 409)
        # One that is new may be healthy; one that is not healthy makes no difference.
        self.expect(self.admin.server("PATCH", "http://127.0.0.1:1", {"weight": 0}), 200)
        self.expect(self.admin.server("PATCH", "http://127.0.0.1:1", {"weight": 1}), 200)
        self.expect(self.admin.server("PATCH", server, {"state": "drain"}, "?force=true"), 200)
        self.expect(self.admin.server("PATCH", "http://127.0.0.1:1", {"weight": 2}), 200)
        self.expect(self.admin.server("PATCH", server, {"state": "active"}), 200)

    def test_what_is_not_there(self):
        self.started(settings(self.demo(1)))
        self.expect(self.admin.get("nothing"), 404)
        self.expect(self.admin.ask("GET", "/nothing"), 404)
        answer = self.expect(self.admin.ask("PUT", "/api/v1/servers"), 405)
        self.assertEqual(answer.headers["Allow"], "GET, HEAD, POST, OPTIONS")
        self.expect(self.admin.ask("DELETE", "/api/v1/status"), 405)

    def test_requests_that_are_too_large(self):
        self.started(settings(self.demo(1)))
        large = self.admin.ask("POST", "/api/v1/config/check", "x" * (1 << 20))
        self.assertEqual(large.status, 422)
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(self.admin.place)
            client.sendall(b"POST /api/v1/config/check HTTP/1.1\r\nHost: localhost\r\n"
                           b"Content-Length: 1048577\r\n\r\n")
            self.assertRegex(client.recv(4096), rb"\AHTTP/1.1 4(13|00) |\A\Z")
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(self.admin.place)
            try:
                client.sendall(b"GET /healthz HTTP/1.1\r\nX: " + b"x" * 20000 + b"\r\n\r\n")
                self.assertNotIn(b" 200 ", client.recv(4096))
            except (BrokenPipeError, ConnectionResetError):
                pass
        self.assertEqual(self.admin.ask("GET", "/healthz").status, 200)


class Page(AdminCase):
    def test_it_is_served(self):
        self.started(settings(self.demo(1)), tcp=True)
        for place in (self.admin, Admin(self.tcp)):
            page = self.expect(place.ask("GET", "/"), 200)
            self.assertEqual(page.headers["Content-Type"], "text/html; charset=utf-8")
            self.assertIn("default-src 'none'", page.headers["Content-Security-Policy"])
            self.assertEqual(page.headers.get_all("Cache-Control"), ["no-cache"])
            head = self.expect(place.ask("HEAD", "/"), 200)
            self.assertEqual((head.text, head.headers["Content-Length"]),
                             ("", str(len(page.text.encode()))))
            for known in (page.tag, "W/" + page.tag, f'"x", {page.tag}', "*"):
                same = self.expect(place.ask("GET", "/", headers={"If-None-Match": known}), 304)
                self.assertEqual((same.text, same.tag), ("", page.tag))
            other = place.ask("GET", "/", headers={"If-None-Match": '"x"'})
            self.expect(other, 200)
            self.assertEqual(self.expect(place.ask("OPTIONS", "/"), 204).headers["Allow"],
                             "GET, HEAD, OPTIONS")


class Strangers(AdminCase):
    def setUp(self):
        self.started(settings(self.demo(2)), tcp=True)
        self.over_tcp = Admin(self.tcp)

    def test_foreign_names_and_pages(self):
        own = f"127.0.0.1:{self.tcp[1]}"
        for host in (own, "localhost", "LOCALHOST:8081", "[::1]:1", "127.0.0.1"):
            self.expect(self.over_tcp.get("status", Host=host), 200)
        for host in ("evil.example", "localhost.evil.example", "127.0.0.2", "evil.example:8081"):
            self.expect(self.over_tcp.get("status", Host=host), 403)
        for host in ("", "localhost:x", "[::1].evil.example"):
            self.expect(self.over_tcp.get("status", Host=host), 400)
        self.expect(self.over_tcp.get("status", Origin=f"http://{own}"), 200)
        for origin in ("http://evil.example", "null", "http://localhost:3000", "https://" + own):
            self.expect(self.over_tcp.get("status", Origin=origin), 403)
        self.assertEqual(self.over_tcp.ask("GET", "/healthz").status, 200)

    def test_changes_need_the_token(self):
        name = next(iter(self.admin.servers()))
        patch = {"weight": 2}
        answer = self.expect(self.over_tcp.server("PATCH", name, patch), 401)
        self.assertIn("Bearer", answer.headers["WWW-Authenticate"])
        file = os.path.join(self.state, "admin-token")
        self.assertIn(file, answer.json["detail"])
        self.assertIn(file, self.expect(self.over_tcp.get("token"), 403).json["detail"])
        self.assertEqual(self.over_tcp.get("status").json["tokenFile"], file)
        token = self.expect(self.admin.get("token"), 200).json["token"]
        self.assertRegex(token, "^[0-9a-f]{64}$")
        path = os.path.join(self.state, "admin-token")
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
        target = f"/api/v1/servers/{self.admin.servers()[name]['id']}"
        for wrong in ("Bearer", "Bearer " + token[:-1] + "x", "Basic " + token, token):
            self.expect(self.over_tcp.ask("PATCH", target, patch, {"Authorization": wrong}), 401)
        self.assertEqual(self.admin.servers()[name]["weight"], 1)
        good = {"Authorization": "Bearer " + token}
        self.expect(self.over_tcp.ask("PATCH", target, patch, good), 200)
        self.assertEqual(self.admin.servers()[name]["weight"], 2)
        for method, target in (("POST", "/api/v1/reload"), ("DELETE", "/api/v1/config/overlay")):
            self.expect(self.over_tcp.ask(method, target), 401)
        self.assertEqual(self.admin.get("token").json["token"], token)


class WhoDidWhat(AdminCase):
    """The record of a change says it in a sentence."""

    def told(self, otto, method, server, body, text, query=""):
        since = otto.log.mark()
        self.assertLess(self.admin.server(method, server, body, query).status, 300)
        otto.wait_for_log(f"notice: {re.escape(ME)} {re.escape(text)}( \\[| OTTO_|$)", since)

    def test_each_change_has_its_verb(self):
        servers = self.demo(3)
        otto = self.started(settings(servers, healthCheck=RARELY))
        otto.wait_healthy(3)
        one = servers[0].url
        for body, text in (({"state": "drain"}, f"drained {one}"),
                           ({"state": "active"}, f"enabled {one}"),
                           ({"state": "disabled"}, f"disabled {one}"),
                           ({"weight": 4}, f"set the weight of {one} to 4"),
                           ({"backup": True}, f"made {one} a backup"),
                           ({"maxConnections": 7}, f"set maxConnections of {one} to 7")):
            self.told(otto, "PATCH", one, body, text)
        self.told(otto, "DELETE", one, None, f"removed {one}")
        for method, target, body, text in (
                ("POST", "servers", {"url": one, "name": "new"}, f"added new ({one})"),
                ("PATCH", "config", {"balance": "first"}, 'set balance to "first"'),
                ("PUT", "config", settings(servers, healthCheck=RARELY, via=True),
                 'reset balance to its default'),
                ("DELETE", "config/overlay", None, "dropped all run-time changes")):
            since = otto.log.mark()
            answer = self.admin.ask(method, "/api/v1/" + target, body)
            self.assertLess(answer.status, 300, answer)
            record = otto.wait_for_log(f"notice: {re.escape(ME)} .*", since)[0]
            self.assertIn(text, record)

    def test_over_tcp(self):
        server, *_ = self.demo(2)
        otto = self.started(settings([server, "http://127.0.0.1:1"]), tcp=True)
        otto.wait_healthy(1)
        token = self.admin.get("token").json["token"]
        target = f"/api/v1/servers/{self.admin.servers()['http://127.0.0.1:1']['id']}"
        self.expect(Admin(self.tcp).ask("PATCH", target, {"state": "drain"},
                                        {"Authorization": "Bearer " + token}), 200)
        otto.wait_for_log("notice: an API client drained http://127.0.0.1:1")

    def test_what_a_restart_drops(self):
        servers = self.demo(2)
        otto = self.started(settings(servers), state="")
        otto.wait_healthy(2)
        self.assertIs(self.admin.get("status").json["changesOutliveRestart"], False)
        self.assertIs(self.admin.get("config").json["changesOutliveRestart"], False)
        self.told(otto, "PATCH", servers[0].url, {"weight": 4},
                  f"set the weight of {servers[0].url} to 4 (until Otto restarts)")
        otto.finish()
        self.started(settings(servers))
        self.assertIs(self.admin.get("status").json["changesOutliveRestart"], True)


class Servers(AdminCase):
    def test_weight_state_and_limits(self):
        servers = self.demo(2)
        otto = self.started(settings(servers, healthCheck=RARELY))
        otto.wait_healthy(2)
        answer = self.expect(self.admin.server("PATCH", servers[0], {"weight": 3}), 200)
        self.assertEqual(answer.json["weight"], 3)
        counts = {"server-1": 0, "server-2": 0}
        for _ in range(400):
            counts[otto.fetch().server()] += 1
        self.assertEqual(counts, {"server-1": 300, "server-2": 100})
        self.expect(self.admin.server("PATCH", servers[0],
                                      {"maxConnections": 7, "backup": True, "state": "drain"}), 200)
        shown = self.admin.servers()[answer.json["name"]]
        self.assertEqual((shown["maxConnections"], shown["backup"], shown["state"]),
                         (7, True, "drain"))
        self.assertEqual({otto.fetch().server() for _ in range(4)}, {"server-2"})
        # A member that is null goes back to its default; nothing is left of the changes.
        self.expect(self.admin.server("PATCH", servers[0], {
            "weight": None, "backup": None, "maxConnections": None, "state": "active"}), 200)
        self.assertFalse(os.path.exists(os.path.join(self.state, "overlay.json")))
        self.assertEqual(self.admin.get("status").json["changed"], False)

    def test_add_and_remove(self):
        servers = self.demo(3)
        otto = self.started(settings(servers[:1]))
        otto.wait_healthy(1)
        added = self.expect(self.admin.ask("POST", "/api/v1/servers", {
            "url": servers[1].url, "name": "two", "weight": 2}), 201)
        self.assertEqual(added.headers["Location"], "/api/v1/servers/" + added.json["id"])
        otto.wait_flip("two", "healthy")
        # The same again is no change; another server of that name is a conflict.
        tag = self.admin.get("config").tag
        self.expect(self.admin.ask("POST", "/api/v1/servers", {
            "url": servers[1].url, "name": "two", "weight": 2}), 200)
        self.assertEqual(self.admin.get("config").tag, tag)
        self.expect(self.admin.ask("POST", "/api/v1/servers", {
            "url": servers[2].url, "name": "two"}), 409)
        same = self.expect(self.admin.ask("POST", "/api/v1/servers", {"url": servers[1].url}), 409)
        self.assertEqual(same.json["detail"], 'Server "two" already has this URL.')
        self.assertEqual(list(self.overlay()["servers"]), ["two"])
        self.expect(self.admin.server("DELETE", servers[0]), 204)
        self.assertEqual(list(self.admin.servers()), ["two"])
        self.assertEqual({otto.fetch().server() for _ in range(4)}, {"server-2"})
        self.expect(self.admin.server("DELETE", servers[0]), 404)

    def test_bodies_that_make_no_sense(self):
        servers = self.demo(2)
        self.started(settings(servers))
        before = self.admin.get("config").tag
        cases = (
            ("{", 400, None), ("[]", 422, None), ("3", 422, None),
            ({"weight": "3"}, 422, "/weight"), ({"weight": 1001}, 422, "/weight"),
            ({"weight": -1}, 422, "/weight"), ({"weight": "1"}, 422, "/weight"),
            ({"state": "drained"}, 422, "/state"), ({"state": 1}, 422, "/state"),
            ({"backup": "yes"}, 422, "/backup"), ({"maxConnections": 1.5}, 422, "/maxConnections"),
            ({"url": "http://localhost:1"}, 422, "/url"), ({"wieght": 3}, 422, "/wieght"),
            ('{"weight":1,"weight":2}', 400, None),
        )
        for body, status, pointer in cases:
            answer = self.expect(self.admin.server("PATCH", servers[0], body), status)
            if pointer:
                self.assertEqual(answer.json["errors"][0]["pointer"], pointer, answer)
        for body, status, pointer in (
                ("", 400, None), ({}, 422, "/url"), ({"url": 1}, 422, "/url"),
                ({"url": "ftp://x"}, 422, "/url"),
                ({"url": "http://x", "weight": "2"}, 422, "/weight"),
                ({"url": "http://x", "colour": "red"}, 422, "/colour")):
            answer = self.expect(self.admin.ask("POST", "/api/v1/servers", body), status)
            if pointer:
                self.assertEqual(answer.json["errors"][0]["pointer"], pointer, answer)
        self.assertEqual(self.admin.get("config").tag, before)

    def test_the_last_server_stays_unless_forced(self):
        servers = self.demo(2)
        otto = self.started(settings(servers))
        otto.wait_healthy(2)
        self.expect(self.admin.server("PATCH", servers[0], {"state": "disabled"}), 200)
        for method, body in (("PATCH", {"state": "drain"}), ("PATCH", {"state": "disabled"}),
                             ("DELETE", None)):
            answer = self.expect(self.admin.server(method, servers[1], body), 409)
            self.assertIn("force", answer.json["detail"])
        self.expect(self.admin.ask("PATCH", "/api/v1/config",
                                   {"servers": {servers[1].url: None}}), 409)
        self.assertEqual(otto.fetch().server(), "server-2")
        self.expect(self.admin.server("PATCH", servers[1], {"state": "drain"}, "?force=true"), 200)
        self.assertEqual(otto.fetch().status, 503)
        for server in servers:
            self.expect(self.admin.server("DELETE", server, query="?force=true"), 204)
        self.assertEqual(self.admin.servers(), {})
        self.assertEqual(otto.fetch().status, 503)
        since = otto.log.mark()
        self.expect(self.admin.ask("DELETE", "/api/v1/config/overlay"), 200)
        for server in servers:
            otto.wait_flip(server, "healthy", since)
        self.assertEqual(otto.fetch().status, 200)

    def test_preconditions(self):
        servers = self.demo(2)
        self.started(settings(servers))
        target = "/api/v1/servers/" + next(iter(self.admin.servers().values()))["id"]
        tag = self.admin.get("servers").tag
        answer = self.admin.ask("PATCH", target, {"weight": 2}, {"If-Match": tag})
        self.assertNotEqual(self.expect(answer, 200).tag, tag)
        for stale in (tag, '"x"'):
            answer = self.admin.ask("PATCH", target, {"weight": 3}, {"If-Match": stale})
            self.expect(answer, 412)
            self.expect(self.admin.ask("DELETE", target, headers={"If-Match": stale}), 412)
        self.expect(self.admin.ask("PATCH", target, {"weight": 3}, {"If-Match": "*"}), 200)
        now = self.admin.get("config").tag
        both = {"If-Match": f'"x", {now}'}
        self.expect(self.admin.ask("PATCH", target, {"weight": 4}, both), 200)

    def test_a_configuration_that_is_known(self):
        server, other = self.demo(2)
        otto = self.started(settings([server]))
        known = self.admin.get("config").tag
        same = self.expect(self.admin.get("config", **{"If-None-Match": known}), 304)
        self.assertEqual((same.text, same.tag), ("", known))
        self.admin.server("PATCH", server, {"weight": 2})
        changed = self.expect(self.admin.get("config", **{"If-None-Match": known}), 200)
        # The file says now what the change said: what is in force is the same, the reply is not.
        otto.reload(settings([{"url": server.url, "weight": 2}]))
        after = self.expect(self.admin.get("config", **{"If-None-Match": changed.tag}), 200)
        self.assertEqual(after.json["effective"]["servers"], changed.json["effective"]["servers"])
        self.assertNotEqual(after.json["file"], changed.json["file"])
        self.expect(self.admin.ask("POST", "/api/v1/servers", {"url": other.url},
                                   {"If-Match": changed.tag}), 201)


class Draining(AdminCase):
    def test_wait_until_the_last_request_has_ended(self):
        held = Holding(self)
        slow = held.server
        otto = self.started(settings([slow, *self.demo(1)], balance="first"))
        otto.wait_healthy(2)
        replies = []
        request = threading.Thread(target=lambda: replies.append(otto.fetch("/slow").status))
        request.start()
        held.wait_arrived()
        self.assertEqual(self.admin.server("GET", slow).json["active"], 1)
        self.expect(self.admin.server("GET", slow, query="?wait=drained"), 409)
        answer = self.admin.server("PATCH", slow, {"state": "drain"},
                                   "?wait=drained&timeout=200ms")
        self.assertEqual((answer.json["drained"], answer.json["active"]), (False, 1))
        self.assertEqual(otto.fetch().server(), "server-1")
        answers = []
        waiter = threading.Thread(target=lambda: answers.append(
            self.admin.server("GET", slow, query="?wait=drained&timeout=1m")))
        waiter.start()
        self.assertEqual(answers, [])
        held.let_go()
        waiter.join(30)
        request.join(30)
        self.assertEqual((answers[0].json["drained"], answers[0].json["active"]), (True, 0))
        self.assertEqual(replies, [200])

    def test_a_removed_server_answers_what_it_has_begun(self):
        held = Holding(self)
        slow = held.server
        otto = self.started(settings([slow, *self.demo(1)], balance="first"))
        otto.wait_healthy(2)
        replies = []
        request = threading.Thread(target=lambda: replies.append(otto.fetch("/slow").status))
        request.start()
        held.wait_arrived()
        self.expect(self.admin.server("DELETE", slow), 204)
        self.assertEqual(len(self.admin.servers()), 1)
        held.let_go()
        request.join(30)
        self.assertEqual(replies, [200])

    def test_a_waiting_client_that_goes_away_harms_nobody(self):
        held = Holding(self)
        slow = held.server
        otto = self.started(settings([slow, *self.demo(1)], balance="first"))
        otto.wait_healthy(2)
        request = threading.Thread(target=lambda: otto.fetch("/slow"))
        request.start()
        held.wait_arrived()
        self.expect(self.admin.server("PATCH", slow, {"state": "drain"}), 200)
        target = "/api/v1/servers/" + self.admin.server("GET", slow).json["id"]
        for _ in range(20):
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(self.admin.place)
                client.sendall(f"GET {target}?wait=drained HTTP/1.1\r\nHost: localhost\r\n\r\n"
                               .encode())
                self.assertEqual(self.admin.ask("GET", "/healthz").status, 200)
        held.let_go()
        request.join(30)
        self.assertTrue(self.admin.server("GET", slow, query="?wait=drained").json["drained"])


class Configuration(AdminCase):
    def test_merge_patch(self):
        servers = self.demo(2)
        otto = self.started(settings(servers))
        otto.wait_healthy(2)
        patch = {"balance": "first", "timeouts": {"drain": None, "connect": "1s"},
                 "servers": {servers[0].url: {"weight": 5}}}
        shown = self.expect(self.admin.ask("PATCH", "/api/v1/config", patch), 200).json
        self.assertEqual(shown["file"], settings(servers))
        effective = shown["effective"]
        self.assertEqual((effective["balance"], effective["timeouts"]),
                         ("first", {"connect": "1s"}))
        self.assertEqual(effective["servers"],
                         [{"url": servers[0].url, "weight": 5}, servers[1].url])
        self.assertEqual(shown["changes"], self.overlay())
        self.assertEqual({otto.fetch().server() for _ in range(4)}, {"server-1"})
        self.expect(self.admin.ask("PATCH", "/api/v1/config", patch), 200)
        # A list takes the place of all servers.
        swapped = [servers[1].url, servers[0].url]
        shown = self.expect(self.admin.ask("PATCH", "/api/v1/config", {"servers": swapped}), 200)
        self.assertEqual(shown.json["effective"]["servers"], swapped)
        self.assertEqual({otto.fetch().server() for _ in range(4)}, {"server-2"})
        dropped = self.expect(self.admin.ask("DELETE", "/api/v1/config/overlay"), 200).json
        self.assertEqual((dropped["changes"], dropped["effective"]), ({}, settings(servers)))
        self.expect(self.admin.ask("DELETE", "/api/v1/config/overlay"), 200)

    def test_patches_that_do_not_hold(self):
        servers = self.demo(1)
        self.started(settings(servers))
        for body, status, pointer in (
                ("{", 400, None), ("[]", 422, None), ({"balnce": "first"}, 422, "/balnce"),
                ({"timeouts": {"connect": 3}}, 422, "/timeouts/connect"),
                ({"timeouts": 3}, 422, "/timeouts"), ({"servers": None}, 409, None),
                ({"servers": 3}, 422, "/servers"), ({"servers": {servers[0].url: 3}}, 422, None),
                ({"servers": []}, 409, None),
                ({"servers": [3]}, 422, "/servers/0"),
                ({"servers": {"nobody": {"weight": 2}}}, 422, "/servers/nobody"),
                ({"servers": {"http://x/": {"weight": 2}}}, 422, "/servers/http:~1~1x~1")):
            answer = self.expect(self.admin.ask("PATCH", "/api/v1/config", body), status)
            if pointer is not None:
                self.assertEqual(answer.json["errors"][0]["pointer"], pointer, answer)
        self.assertFalse(os.path.exists(os.path.join(self.state, "overlay.json")))

    def test_check_and_reload(self):
        servers = self.demo(2)
        otto = self.started(settings(servers[:1]))
        good = json.dumps(settings(servers))
        answer = self.expect(self.admin.ask("POST", "/api/v1/config/check", good), 200)
        self.assertEqual(answer.json, {"ok": True, "servers": 2})
        bad = '{\n  "servers": ["http://a", 17],\n  "wrokers": 1\n}'
        answer = self.expect(self.admin.ask("POST", "/api/v1/config/check", bad), 422)
        self.assertEqual([(error["line"], error["pointer"]) for error in answer.json["errors"]],
                         [(2, "/servers/1"), (3, "/wrokers")])
        otto.write(bad)
        answer = self.expect(self.admin.ask("POST", "/api/v1/reload"), 422)
        self.assertEqual(len(answer.json["errors"]), 2)
        self.assertEqual(self.admin.get("status").json["generation"], 1)
        otto.write(good)
        answer = self.expect(self.admin.ask("POST", "/api/v1/reload"), 200)
        self.assertEqual(answer.json, {"generation": 2, "changesInForce": True})
        self.assertEqual(len(self.admin.servers()), 2)


class Lasting(AdminCase):
    def test_over_reload_and_restart(self):
        servers = self.demo(3)
        otto = self.started(settings(servers[:2]))
        self.expect(self.admin.ask("POST", "/api/v1/servers", {"url": servers[2].url}), 201)
        self.expect(self.admin.server("DELETE", servers[0]), 204)
        self.expect(self.admin.server("PATCH", servers[1], {"weight": 4}), 200)
        overlay, tag = self.overlay(), self.admin.get("config").tag

        def check():
            self.assertEqual([(server["url"], server["weight"])
                              for server in self.admin.servers().values()],
                             [(servers[1].url, 4), (servers[2].url, 1)])
            self.assertEqual(self.admin.get("config").tag, tag)
        check()
        otto.reload(settings(servers[:2]))
        check()
        otto.finish()
        self.started(settings(servers[:2]), state=self.state)
        check()
        self.assertEqual(self.overlay(), overlay)

    def test_without_a_state_directory_until_the_end(self):
        servers = self.demo(2)
        otto = self.started(settings(servers), state="")
        self.expect(self.admin.server("PATCH", servers[0], {"weight": 4}), 200)
        otto.reload(settings(servers))
        self.assertEqual([server["weight"] for server in self.admin.servers().values()], [4, 1])
        self.assertRegex(self.admin.get("token").json["token"], "^[0-9a-f]{64}$")

    def test_a_file_without_the_changed_server(self):
        servers = self.demo(3)
        otto = self.started(settings(servers[:2]))
        self.expect(self.admin.server("PATCH", servers[0], {"weight": 4}), 200)
        self.expect(self.admin.ask("POST", "/api/v1/servers", {"url": servers[2].url}), 201)
        since, _ = otto.hang_up(settings(servers[1:2]))
        otto.wait_for_log("for servers that are no longer in the file", since)
        otto.wait_for_log("reloaded", since)
        self.assertEqual(set(self.admin.servers()),
                         {servers[1].url, servers[2].url})

    def test_changes_that_do_not_fit_the_file(self):
        servers = self.demo(2)
        otto = self.started(settings(servers[:1]))
        self.expect(self.admin.ask("POST", "/api/v1/servers",
                                   {"url": servers[1].url, "name": "two"}), 201)
        # Now the file has that server itself, under another name.
        since, notes = otto.hang_up(settings([servers[0], {"url": servers[1].url, "name": "2"}]))
        otto.wait_for_log("run-time change of servers/two is not applied", since)
        otto.wait_note(notes, STATUS="1 run-time change is not applied: servers/two")
        self.assertEqual(self.admin.get("status").json["changesInForce"], False)
        self.assertIn("\notto_config_changed 0\n", self.admin.ask("GET", "/metrics").text)
        self.assertEqual(len(self.admin.servers()), 2)
        self.assertIn("two", self.overlay()["servers"])
        # Other changes go on, and this one waits for a file that it fits.
        self.expect(self.admin.server("PATCH", servers[0], {"weight": 2}), 200)
        self.assertEqual(self.admin.get("status").json["changesLeftOut"][0]["pointer"],
                         "/servers/two")
        otto.reload(settings(servers[:1]))
        self.assertEqual(self.admin.get("status").json["changesInForce"], True)
        self.assertEqual(len(self.admin.servers()), 2)
        self.assertEqual(self.admin.servers()[servers[0].url]["weight"], 2)

    def test_one_conflict_leaves_the_other_changes(self):
        servers = self.demo(3)
        otto = self.started(settings(servers[:2]))
        self.expect(self.admin.server("PATCH", servers[0], {"state": "drain"}), 200)
        self.expect(self.admin.ask("PATCH", "/api/v1/config", {"balance": "first"}), 200)
        self.expect(self.admin.ask("POST", "/api/v1/servers",
                                   {"url": servers[2].url, "name": "three"}), 201)
        since, _ = otto.hang_up(settings([*servers[:2], {"url": servers[2].url, "name": "3"}]))
        otto.wait_for_log("servers/three is not applied", since)
        otto.wait_for_log("reloaded", since)
        shown = self.admin.get("config").json
        self.assertEqual(shown["changes"], {"balance": "first",
                                            "servers": {servers[0].url: {"state": "drain"}}})
        self.assertEqual(set(self.overlay()["servers"]), {servers[0].url, "three"})

    def test_keys_of_the_file_that_changes_hide(self):
        servers = self.demo(3)
        otto = self.started(settings(servers[:2]))
        self.expect(self.admin.ask("PATCH", "/api/v1/config",
                                   {"servers": [server.url for server in servers[:2][::-1]]}), 200)
        since, notes = otto.hang_up(settings(servers, timeouts={"connect": "1s"}))
        otto.wait_for_log("run-time changes override these keys of the file: servers", since)
        otto.wait_note(notes, STATUS="override these keys of the file: servers")
        self.assertEqual(self.admin.get("status").json["hiddenKeys"], ["servers"])
        self.expect(self.admin.ask("PATCH", "/api/v1/config", {"timeouts": {"connect": "3s"}}), 200)
        self.assertEqual(self.admin.get("status").json["hiddenKeys"],
                         ["timeouts/connect", "servers"])

    def test_what_only_the_file_sets(self):
        server, = self.demo(1)
        state = self.folder()
        with open(os.path.join(state, "overlay.json"), "w", encoding="utf-8") as file:
            json.dump({"port": ":1", "admin": {"port": ":2"}, "accessLog": state + "/overlay.json",
                       "balance": "first"}, file)
        otto = self.started(settings([server]), state=state)
        for name in ("port", "admin/port", "accessLog"):
            otto.wait_for_log(f"run-time change of {name} is not applied")
        shown = self.admin.get("config").json
        self.assertEqual(shown["changes"], {"balance": "first"})
        for patch in ({"port": ":1"}, {"admin": {"port": ":2"}}, {"admin": {"port": "unix:/x"}}):
            answer = self.expect(self.admin.ask("PATCH", "/api/v1/config", patch), 422)
            self.assertIn(otto.config_file, answer.json["detail"])
            self.assertIn("socket", answer.json["detail"])
        # What is as in the file changes nothing, and gets rid of what was left out.
        self.expect(self.admin.ask("PATCH", "/api/v1/config", {"port": shown["file"]["port"]}
                                   if "port" in shown["file"] else {"port": None}), 200)
        self.assertNotIn("port", self.overlay())
        self.assertIn("admin", self.overlay())
        self.expect(self.admin.ask("DELETE", "/api/v1/config/overlay"), 200)
        self.assertFalse(os.path.exists(os.path.join(state, "overlay.json")))

    def test_paths_of_the_access_log(self):
        server, = self.demo(1)
        logs, elsewhere = self.folder(), self.folder()
        otto = self.started(settings([server], accessLog=logs + "/access.log"))
        victim = os.path.join(elsewhere, "victim")
        for path in (victim, logs + "/linked", logs + "/hard"):
            with open(path, "w", encoding="utf-8"):
                pass
        os.link(logs + "/hard", logs + "/hard2")
        os.symlink(victim, logs + "/symbolic")
        os.mkfifo(logs + "/fifo")
        os.mkdir(logs + "/folder")
        refused = [victim, self.state + "/sticky.key", self.state + "/new", "/etc/passwd",
                   logs + "/../" + os.path.basename(elsewhere) + "/victim", logs + "/sub/new",
                   logs + "/symbolic", logs + "/hard", logs + "/fifo", logs + "/folder",
                   logs + "/.", logs + "/..", logs + "/", logs + "//x", "/", "/dev/null"]
        if os.geteuid() == 0:
            os.chown(logs + "/linked", 1, 1)
            refused.append(logs + "/linked")
        for path in refused:
            answer = self.admin.ask("PATCH", "/api/v1/config", {"accessLog": path})
            self.assertEqual(answer.status, 422, path)
        for path in (logs + "/new.log", logs + "/access.log", "off", "journal"):
            self.expect(self.admin.ask("PATCH", "/api/v1/config", {"accessLog": path}), 200)
        self.assertEqual(os.stat(victim).st_size, 0)
        # It becomes a link only after it was allowed: nothing is written through it.
        self.expect(self.admin.ask("PATCH", "/api/v1/config", {"accessLog": logs + "/late"}), 200)
        os.symlink(victim, logs + "/later")
        os.rename(logs + "/later", logs + "/late")
        since, _ = otto.hang_up(settings([server], accessLog=logs + "/access.log"))
        otto.wait_for_log("run-time change of accessLog is not applied", since)
        otto.wait_for_log("reloaded", since)
        self.assertEqual(otto.fetch().status, 200)
        otto.finish()
        self.assertEqual(os.stat(victim).st_size, 0)

    def test_a_corrupt_overlay_is_set_aside(self):
        servers = self.demo(1)
        for text in ("{", "[]", "\0\1\2", ""):
            state = self.folder()
            with open(os.path.join(state, "overlay.json"), "w", encoding="utf-8") as file:
                file.write(text)
            otto = self.started(settings(servers), state=state)
            otto.wait_for_log("renamed to overlay.json.bad")
            otto.wait_healthy(1)
            self.assertEqual(otto.fetch().status, 200)
            with open(os.path.join(state, "overlay.json.bad"), encoding="utf-8") as file:
                self.assertEqual(file.read(), text)
            self.expect(self.admin.server("PATCH", servers[0], {"weight": 2}), 200)
            otto.finish()

    def test_without_a_file_that_holds(self):
        servers = self.demo(1)
        otto = self.started("{", wait=False)
        otto.wait_ready()
        for method, target, body in (("PATCH", "config", {"balance": "first"}),
                                     ("POST", "servers", {"url": servers[0].url}),
                                     ("DELETE", "config/overlay", None)):
            self.expect(self.admin.ask(method, "/api/v1/" + target, body), 409)
        self.assertEqual(self.admin.get("config").json["file"], {})
        otto.write(settings(servers))
        self.expect(self.admin.ask("POST", "/api/v1/reload"), 200)
        otto.wait_healthy(1)
        self.expect(self.admin.server("PATCH", servers[0], {"weight": 2}), 200)


class Churn(AdminCase):
    def test_a_thousand_changes_under_load(self):
        servers = self.demo(6)
        otto = self.started(settings(servers[:3], slowStart="0s"))
        otto.wait_healthy(3)
        load = self.load(otto, 16)
        load.wait_for(300)
        chance = random.Random(20261123)
        present = {server.url for server in servers[:3]}
        memory = None
        for step in range(1000):
            server = chance.choice(servers)
            if step % 50 == 49:
                self.expect(self.admin.ask("POST", "/api/v1/reload"), 200)
            elif server.url not in present:
                self.expect(self.admin.ask("POST", "/api/v1/servers", {"url": server.url}), 201)
                present.add(server.url)
            elif chance.random() < 0.5 and len(present) > 2:
                self.expect(self.admin.server("DELETE", server), 204)
                present.discard(server.url)
            else:
                self.expect(self.admin.server("PATCH", server,
                                              {"weight": chance.randint(1, 9)}), 200)
            deadline = Deadline()
            while step % 20 == 19 and not self.admin.get("status").json["inForce"]:
                self.assertTrue(deadline.left(), "a worker is behind")
            if step == 300:
                memory = otto.memory()
        growth = otto.memory() / memory
        load.finish()
        self.assertEqual(load.failures, [])
        shown = {name for name in self.admin.servers()}
        self.assertEqual(len(shown), len(present))
        if "san" not in os.environ.get("OTTO", ""):
            self.assertLess(growth, 1.05)
        otto.finish()
        self.started(settings(servers[:3]), state=self.state)
        self.assertEqual({name for name in self.admin.servers()}, shown)


class WithoutSystemd(AdminCase):
    def test_a_socket_of_its_own(self):
        servers = self.demo(1)
        path = os.path.join(self.folder(), "otto.sock")
        config = settings(servers, port="127.0.0.1:0", admin={"port": "unix:" + path})
        otto = self.otto(config, sockets=[])
        otto.wait_ready()
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
        self.assertEqual(Admin(path).get("status").status, 200)
        self.assertEqual(Admin(path).get("token").status, 200)
        otto.signal(signal.SIGKILL)
        otto.wait_exit()
        again = self.otto(config, sockets=[])  # in spite of what is left of the socket
        again.wait_ready()
        self.assertEqual(Admin(path).get("status").status, 200)

    def test_several_sockets_of_its_own(self):
        servers = self.demo(1)
        paths = [os.path.join(self.folder(), name) for name in ("a.sock", "b.sock")]
        port = [f"unix:{path}" for path in paths]
        otto = self.otto(settings(servers, port="127.0.0.1:0", admin={"port": port}), sockets=[])
        otto.wait_ready()
        for path in paths:
            self.assertEqual(Admin(path).get("token").status, 200)

    def test_lists(self):
        file = os.path.join(self.folder(), "config.json")
        for port, place in (([], "/admin/port"), ([":1", ":1"], "/admin/port/1"),
                            ([":1", "127.0.0.1:1"], "/admin/port/1"),
                            ([":1", "0.0.0.0:2"], "/admin/port/1"), ([7], "/admin/port/0"),
                            ([f":{number}" for number in range(1, 18)], "/admin/port")):
            with open(file, "w", encoding="utf-8") as out:
                json.dump({"servers": ["http://a"], "admin": {"port": port}}, out)
            code, _, told = run_otto("--check", "--config", file)
            self.assertEqual(code, 78, port)
            self.assertIn(f" {place}: ", told)

    def test_a_token_that_no_file_has(self):
        port = tcp_listener()
        place = port.getsockname()[:2]
        port.close()
        otto = self.otto(settings(self.demo(1), port="127.0.0.1:0",
                                  admin={"port": f":{place[1]}"}), sockets=[])
        otto.wait_ready()
        for answer in (Admin(place).ask("POST", "/api/v1/reload"), Admin(place).get("token")):
            self.assertIn(answer.status, (401, 403))
            self.assertIn("no state directory", answer.json["detail"])
            self.assertIn('"unix:/PATH" to admin.port', answer.json["detail"])

    def test_loopback_only(self):
        folder = self.folder()
        for place in ("0.0.0.0:1", ":99999", "[::]:1", "192.0.2.1:80", "example.org:1", "", 7):
            file = os.path.join(folder, "config.json")
            with open(file, "w", encoding="utf-8") as out:
                json.dump({"servers": ["http://a"], "admin": {"port": place}}, out)
            code, _, told = run_otto("--check", "--config", file)
            self.assertEqual(code, 78, place)
            self.assertIn("/admin/port", told)
        listener = socket.create_server(("0.0.0.0", 0))
        otto = self.otto(settings(self.demo(1)), sockets=[tcp_listener(), listener],
                         names=["http", "admin"])
        otto.wait_for_log("the admin API is not served on 0.0.0.0")


if __name__ == "__main__":
    main()
