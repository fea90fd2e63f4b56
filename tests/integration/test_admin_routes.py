"""Every route of the admin API, as the manual lists them: who may use it, and what it refuses."""

import json
import os
import re

from admin import Admin
from admin_case import AdminCase
from harness import RARELY, main, settings
from waiting import Deadline

SOURCES = os.environ["OTTO_SOURCE_DIR"]
READS = ("GET", "HEAD", "OPTIONS")
# Of the API, but not in the code's table of routes.
PAGE = ("GET", "/")


def read(path):
    with open(os.path.join(SOURCES, path), encoding="utf-8") as file:
        return file.read()


def manual_routes():
    """{(method, path)} of otto(8); "*" is the id of a server."""
    routes = set()
    for methods, path in re.findall(r"^\.It Cm ([A-Z][A-Z ,]*) (/\S*.*)$", read("man/otto.8"),
                                    re.M):
        path = path.replace(" Ns Ar id", "*")
        routes |= {(method, path) for method in re.findall("[A-Z]+", methods)}
    return routes


def code_routes():
    return set(re.findall(r'\{"([A-Z]+)", "(/[^"]*)", &Api::', read("daemon/admin/api.cc")))


class RouteCase(AdminCase):
    def setUp(self):
        self.servers = self.demo(2)
        self.config = settings(self.servers, healthCheck=RARELY)
        self.running = self.started(self.config, tcp=True)
        self.running.wait_healthy(2)
        self.token = {"Authorization": "Bearer " + self.admin.get("token").json["token"]}
        self.over_tcp = Admin(self.tcp)
        self.id = self.admin.servers()[self.servers[0].url]["id"]

    def target(self, path):
        return path.replace("*", self.id)

    def body(self, method, path):
        """One that the route would take."""
        return {("POST", "/api/v1/servers"): {"url": "http://127.0.0.1:9"},
                ("PATCH", "/api/v1/servers/*"): {"weight": 2},
                ("POST", "/api/v1/check-server"): {"url": "http://127.0.0.1:9"},
                ("PUT", "/api/v1/config"): {**self.config, "balance": "first"},
                ("PATCH", "/api/v1/config"): {"balance": "first"},
                ("POST", "/api/v1/config/check"): self.config}.get((method, path))

    def tag(self):
        return self.admin.get("config").tag


class Lists(RouteCase):
    def test_manual_and_code_agree(self):
        self.assertEqual(manual_routes(), code_routes() | {PAGE})
        self.assertGreater(len(code_routes()), 14)

    def test_each_path_says_what_it_can_be_asked_with(self):
        routes = manual_routes()
        for path in {path for _, path in routes}:
            methods = {method for method, each in routes if each == path} | {"OPTIONS"}
            methods |= {"HEAD"} if "GET" in methods else set()
            answer = self.expect(self.over_tcp.ask("OPTIONS", self.target(path)), 204)
            self.assertEqual(set(answer.headers["Allow"].split(", ")), methods, path)
            for method in ("GET", "PUT", "POST", "DELETE", "PATCH", "TRACE", "BREW"):
                if method not in methods:
                    refused = self.expect(self.admin.ask(method, self.target(path)), 405)
                    self.assertEqual(refused.headers["Allow"], answer.headers["Allow"])
        for path in ("/nothing", "/api/v1", "/api/v1/servers/", "/api/v1/servers/a/b", "/api/v1/",
                     "//api/v1/status", "/healthz/"):
            for method in ("GET", "OPTIONS", "DELETE"):
                self.expect(self.admin.ask(method, path), 404)

    def test_head(self):
        for method, path in sorted(manual_routes()):
            if method != "GET":
                continue
            head = self.admin.ask("HEAD", self.target(path))
            self.assertEqual((head.status, head.text), (200, ""), path)
            if path != "/api/v1/events":
                self.assertTrue(head.headers["Content-Length"], path)


class Strangers(RouteCase):
    def test_reading_is_free_and_changing_is_not(self):
        for method, path in sorted(manual_routes()):
            if method in READS:
                if path != "/api/v1/events":
                    wanted = 403 if path == "/api/v1/token" else 200
                    self.expect(self.over_tcp.ask(method, self.target(path)), wanted)
                continue
            before = self.tag()
            for headers in ({}, {"Authorization": "Bearer " + "0" * 64},
                            {"Authorization": "Basic " + "0" * 64}):
                answer = self.expect(self.over_tcp.ask(method, self.target(path),
                                                       self.body(method, path), headers), 401)
                self.assertIn("Bearer", answer.headers["WWW-Authenticate"])
            self.assertEqual(self.tag(), before, (method, path))

    def test_from_elsewhere_nothing_works_not_even_with_the_token(self):
        own = f"127.0.0.1:{self.tcp[1]}"
        strange = ({"Host": "evil.example"}, {"Host": "localhost.evil.example:8081"},
                   {"Host": own, "Origin": "http://evil.example"},
                   {"Host": own, "Origin": "null"}, {"Host": own, "Origin": "https://" + own},
                   {"Host": own, "Origin": "http://localhost:1"})
        for method, path in sorted(manual_routes() | {("OPTIONS", "/api/v1/config")}):
            before = self.tag()
            for headers in strange:
                self.expect(self.over_tcp.ask(method, self.target(path), self.body(method, path),
                                              {**self.token, **headers}), 403)
            self.assertEqual(self.tag(), before, (method, path))

    def test_with_the_token_all_works(self):
        wanted = {("POST", "/api/v1/servers"): 201, ("DELETE", "/api/v1/servers/*"): 204}
        for method, path in sorted(manual_routes(), key=lambda route: route[0] == "DELETE"):
            if method not in READS:
                headers = {**self.token, "Origin": f"http://127.0.0.1:{self.tcp[1]}"}
                self.expect(self.over_tcp.ask(method, self.target(path), self.body(method, path),
                                              headers), wanted.get((method, path), 200))

    def test_who_is_refused_need_not_send_a_body(self):
        client = self.connect(self.tcp)
        client.sendall(b"PATCH /api/v1/config HTTP/1.1\r\nHost: localhost\r\n"
                       b"Content-Length: 1000000\r\nExpect: 100-continue\r\n\r\n")
        self.assertTrue(client.recv(65536).startswith(b"HTTP/1.1 401 "))
        allowed = self.connect()
        allowed.sendall(b"POST /api/v1/config/check HTTP/1.1\r\nHost: localhost\r\n"
                        b"Content-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        self.assertEqual(allowed.recv(65536), b"HTTP/1.1 100 Continue\r\n\r\n")
        allowed.sendall(b"{}")
        self.assertTrue(allowed.recv(65536).startswith(b"HTTP/1.1 422 "))


class BadRequests(RouteCase):
    def changing(self):
        return sorted(route for route in manual_routes() if route[0] not in READS)

    def taking_bodies(self):
        return [route for route in self.changing() if self.body(*route) is not None]

    def test_bodies_that_are_no_json(self):
        for method, path in self.taking_bodies():
            # A check is asked about the text, whatever it is: it answers as it does for a file.
            status = 422 if path.endswith("/check") else 400
            before = self.tag()
            for body, line, column in (("{", 1, 2), ('{\n  "a": 1,\n  }', 3, 3), ("", 1, 1),
                                       ("\xff", 1, 1), ('{"a": 01}', 1, 8), ("[1] 2", 1, 5)):
                answer = self.expect(self.admin.ask(method, self.target(path),
                                                    body.encode("latin-1")), status)
                error = answer.json["errors"][0]
                self.assertEqual((error["line"], error["column"]), (line, column), (path, answer))
                self.assertTrue(error["detail"])
            twice = self.expect(self.admin.ask(method, self.target(path),
                                               '{"weight": 1, "weight": 2}'), status)
            self.assertIn("duplicate key", twice.text)
            self.assertIn((1, 15), [(error["line"], error["column"])
                                    for error in twice.json["errors"]])
            deep = self.admin.ask(method, self.target(path), "[" * 1000)
            self.expect(deep, status)
            self.assertEqual(self.tag(), before)

    def test_a_hundred_errors_are_enough(self):
        unknown = {f"key{number}": 1 for number in range(60_000)}
        for body in (unknown, {"timeouts": unknown}):
            answer = self.expect(self.admin.ask("PATCH", "/api/v1/config", body), 422)
            self.assertEqual(len(answer.json["errors"]), 100)
            self.assertIn("and 59999 more", answer.json["detail"])
        strangers = {"servers": {key: {"weight": 1} for key in list(unknown)[:30_000]}}
        answer = self.expect(self.admin.ask("PATCH", "/api/v1/config", strangers), 422)
        self.assertEqual(len(answer.json["errors"]), 100)

    def test_json_of_another_type(self):
        for method, path in self.taking_bodies():
            before = self.tag()
            for body in ("[]", "3", "null", "true", '"x"' if path != "/api/v1/servers" else "17"):
                answer = self.expect(self.admin.ask(method, self.target(path), body), 422)
                self.assertEqual(answer.json["errors"][0]["pointer"], "", (path, answer))
            self.assertEqual(self.tag(), before)
        for (method, path), body, pointer in (
                (("POST", "/api/v1/servers"), {"url": 1}, "/url"),
                (("POST", "/api/v1/servers"), {"url": "http://a", "weight": []}, "/weight"),
                (("PATCH", "/api/v1/servers/*"), {"weight": {}}, "/weight"),
                (("PATCH", "/api/v1/config"), {"timeouts": {"connect": 1}}, "/timeouts/connect"),
                (("PUT", "/api/v1/config"), {"servers": ["http://a", 3]}, "/servers/1"),
                (("PUT", "/api/v1/config"), {"servers": ["http://a"], "wrokers": 1}, "/wrokers"),
                (("PUT", "/api/v1/config"), {}, ""),
                (("POST", "/api/v1/config/check"), {"servers": 3}, "/servers")):
            answer = self.expect(self.admin.ask(method, self.target(path), body), 422)
            self.assertEqual(answer.json["errors"][0]["pointer"], pointer, answer)

    def test_bodies_that_are_too_large(self):
        large = b" " * ((1 << 20) + 1)
        for method, path in self.changing():
            answer = self.admin.ask(method, self.target(path), large)
            self.expect(answer, 413)
            client = self.connect()
            client.sendall(f"{method} {self.target(path)} HTTP/1.1\r\nHost: localhost\r\n"
                           "Transfer-Encoding: chunked\r\n\r\n".encode())
            try:
                for _ in range(17):
                    client.sendall(b"10000\r\n" + b" " * 0x10000 + b"\r\n")
            except (BrokenPipeError, ConnectionResetError):
                pass
            self.assertTrue(client.recv(65536).startswith(b"HTTP/1.1 413 "), path)
        self.expect(self.admin.ask("POST", "/api/v1/config/check", b" " * (1 << 20)), 422)

    def test_bodies_of_another_kind(self):
        for method, path in self.taking_bodies():
            for kind in ("text/plain;charset=UTF-8", "application/xml",
                         "multipart/form-data; boundary=x", "", "json", "text/json"):
                self.expect(self.admin.ask(method, self.target(path), self.body(method, path),
                                           {"Content-Type": kind}), 415)
            self.assertEqual(self.admin.get("config").json["changes"], {})
        for kind in ("application/json; charset=utf-8", "application/merge-patch+json",
                     "application/x-www-form-urlencoded"):  # which is what curl says
            self.expect(self.admin.ask("PATCH", "/api/v1/config", {}, {"Content-Type": kind}), 200)

    def test_stale_tags(self):
        tag = self.tag()
        self.expect(self.admin.ask("PATCH", "/api/v1/config", {"balance": "fastest"}), 200)
        now = self.tag()
        self.assertNotEqual(tag, now)
        for method, path in self.changing():
            if path.endswith(("/check", "/check-server")):
                continue
            for stale in (tag, '"x"', f'"x", {tag}', "W/" + now, now.strip('"'), "", f"{now} x",
                          f"*, {tag}"):
                answer = self.admin.ask(method, self.target(path), self.body(method, path),
                                        {"If-Match": stale})
                self.assertEqual(self.expect(answer, 412).tag, now, (method, path, stale))
        self.assertEqual(self.tag(), now)
        for good in ("*", now, f'"x" , {now}', f'"a,b", W/"c", {now}'):
            self.expect(self.admin.ask("PATCH", "/api/v1/config", {"balance": "fastest"},
                                       {"If-Match": good}), 200)

    def test_parameters_that_make_no_sense(self):
        for method, path in self.changing():
            for query in ("force=yes", "wait=long", "wait=drained&timeout=soon", "timeout=-1s"):
                answer = self.admin.ask(method, self.target(path) + "?" + query,
                                        self.body(method, path))
                self.assertIn(query.split("=")[-1], self.expect(answer, 400).json["detail"])
        self.assertEqual(self.admin.get("config").json["changes"], {})

    def test_requests_that_are_malformed(self):
        for head, status in (("GET /healthz HTTP/1.1\r\n\r\n", 400),
                             ("GET /healthz HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
                             ("GET /healthz HTTP/2.0\r\nHost: a\r\n\r\n", 505),
                             ("GET /healthz HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n", 400),
                             ("POST /api/v1/reload HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n"
                              "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
                             ("POST /api/v1/reload HTTP/1.1\r\nHost: a\r\n"
                              "Transfer-Encoding: chunked\r\n\r\nx\r\n\r\n", 400),
                             ("GET /" + "x" * 9000 + " HTTP/1.1\r\nHost: a\r\n\r\n", 414),
                             ("GET / HTTP/1.1\r\nHost: a\r\nX: " + "x" * 17000 + "\r\n\r\n", 431)):
            client = self.connect()
            client.sendall(head.encode())
            reply = b""
            while piece := client.recv(65536):
                reply += piece
            self.assertTrue(reply.startswith(f"HTTP/1.1 {status} ".encode()), reply[:200])
            self.assertIn(b"Content-Type: application/problem+json\r\n", reply)
            problem = json.loads(reply.split(b"\r\n\r\n", 1)[1])
            self.assertEqual(problem["status"], status)

    def test_pipelines_and_old_clients(self):
        client = self.connect()
        client.settimeout(Deadline().timeout())
        client.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n" * 3 +
                       b"POST /api/v1/config/check HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n"
                       b"\r\n{}GET /healthz HTTP/1.0\r\n\r\n")
        replies = b""
        while piece := client.recv(65536):
            replies += piece
        self.assertEqual([int(status) for status in re.findall(rb"HTTP/1.1 (\d+) ", replies)],
                         [200, 200, 200, 422, 200])


class WholeDocuments(RouteCase):
    def put(self, document, status=200, **headers):
        return self.expect(self.admin.ask("PUT", "/api/v1/config", document,
                                          {name.replace("_", "-"): value
                                           for name, value in headers.items()}), status)

    def test_what_is_put_is_in_force(self):
        tag = self.tag()
        wanted = {**self.config, "balance": "first", "timeouts": {"connect": "1s"},
                  "servers": [self.servers[0].url, {"url": self.servers[1].url, "weight": 5}]}
        shown = self.put(wanted, If_Match=tag).json
        self.assertEqual(shown["effective"], wanted)
        self.assertEqual(shown["file"], self.config)
        self.assertEqual(shown["changes"], self.overlay())
        self.assertEqual(shown["changes"]["servers"], {self.servers[1].url: {"weight": 5}})
        self.assertEqual(self.admin.servers()[self.servers[1].url]["weight"], 5)
        changed = {name: server["changed"] for name, server in self.admin.servers().items()}
        self.assertEqual(changed, {self.servers[0].url: False, self.servers[1].url: True})
        self.put(wanted, 412, If_Match=tag)
        again = self.put(wanted)
        self.assertEqual(again.tag, self.tag())
        # The file's own document leaves no change.
        self.assertEqual(self.put(self.config).json["changes"], {})
        self.assertFalse(os.path.exists(os.path.join(self.state, "overlay.json")))

    def test_the_order_of_servers_counts(self):
        wanted = {**self.config, "servers": [server.url for server in reversed(self.servers)]}
        shown = self.put(wanted).json
        self.assertEqual(shown["effective"], wanted)
        self.assertEqual(list(self.admin.servers()), wanted["servers"])

    def test_errors_have_their_place_in_the_body(self):
        body = '{\n  "servers": [\n    "http://a",\n    17\n  ],\n  "wrokers": 1\n}\n'
        answer = self.put(body, 422)
        self.assertEqual([(error["line"], error["column"], error["pointer"])
                          for error in answer.json["errors"]],
                         [(4, 5, "/servers/1"), (6, 3, "/wrokers")])
        checked = self.expect(self.admin.ask("POST", "/api/v1/config/check", body), 422)
        self.assertEqual(checked.json["errors"], answer.json["errors"])

    def test_the_last_server(self):
        wanted = {**self.config, "servers": [{"url": self.servers[0].url, "state": "drain"}]}
        self.put(wanted, 409)
        self.expect(self.admin.ask("PUT", "/api/v1/config?force=true", wanted), 200)

    def test_it_replaces_changes_that_do_not_fit(self):
        self.expect(self.admin.ask("POST", "/api/v1/servers",
                                   {"url": "http://127.0.0.1:9", "name": "nine"}), 201)
        file = {**self.config, "servers": [*self.config["servers"],
                                           {"url": "http://127.0.0.1:9", "name": "9"}]}
        since, _ = self.running.hang_up(file)
        self.running.wait_for_log("is not applied", since)
        self.assertEqual(self.admin.get("status").json["changesInForce"], False)
        shown = self.put({**file, "balance": "first"}).json
        self.assertEqual((shown["changesInForce"], shown["changes"]), (True, {"balance": "first"}))


if __name__ == "__main__":
    main()
