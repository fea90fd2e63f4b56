"""ottoctl: what it prints, what it exits with, and `apply`."""

import json
import os
import stat
import subprocess
import threading

from admin import Holding, admin_socket
from ctl import BAD_CONFIG, REFUSED, TIMED_OUT, UNKNOWN, UNREACHABLE, USAGE, CtlCase
from fake_admin import server
from harness import PATIENCE, main, settings, tcp_listener


class Looking(CtlCase):
    def test_status_and_servers(self):
        servers = self.demo(2)
        otto = self.started(settings([{"url": servers[0].url, "name": "one"}, servers[1]]))
        otto.wait_healthy(2)
        told = self.ctl("status").out
        self.assertRegex(told, r"Service +All 2 servers receive requests\n")
        self.assertRegex(told, r"Servers +2 of 2 healthy\n")
        self.assertIn(otto.config_file, told)
        self.assertNotIn("\x1b", told)
        lines = self.ctl("servers").out.splitlines()
        self.assertRegex(lines[0], "^NAME +STATE +HEALTH +WEIGHT +ACTIVE +LATENCY +WHY$")
        self.assertRegex(lines[1], "^one +active +healthy +1 +0 ")
        self.assertEqual(self.ctl("status", "--json").json["servers"], {"healthy": 2, "total": 2})
        shown = self.ctl("--json", "servers").json["servers"]
        self.assertEqual([server["name"] for server in shown], ["one", servers[1].url])

    def test_colours_on_a_terminal_only(self):
        servers = self.demo(1)
        self.started(settings(servers)).wait_healthy(1)

        def shown(**environment):
            terminal = self.on_terminal("servers", **environment)
            self.assertEqual(terminal.wait_exit(), 0)
            return terminal.raw
        self.assertIn(b"\x1b[32mhealthy", shown())
        self.assertNotIn(b"\x1b", shown(NO_COLOR="1"))
        self.assertNotIn(b"\x1b", shown(TERM="dumb"))

    def test_no_otto(self):
        nowhere = os.path.join(self.folder(), "admin.sock")
        told = self.ctl("status", socket=nowhere, code=UNREACHABLE).err
        self.assertIn("is Otto running", told)
        listener = tcp_listener()
        place = "{}:{}".format(*listener.getsockname())
        listener.close()
        self.ctl("status", socket=place, code=UNREACHABLE)

    def test_what_is_no_otto(self):
        for status, body in ((200, b"hello"), (200, b""), (200, b"[]"), (404, b"not found"),
                             (502, b"<!DOCTYPE html>"), (404, b"")):
            fake = self.faked()
            for arguments in (("status",), ("servers",), ("top", "--once"), ("events",),
                              ("add", "http://localhost:1"), ("remove", "a"), ("drain", "a"),
                              ("enable", "a", "--wait"), ("weight", "a", "2"), ("reload",),
                              ("diff",), ("reset",), ("apply",), ("token",)):
                with self.subTest(status=status, body=body, arguments=arguments):
                    fake.answers = dict.fromkeys(
                        [f"GET /api/v1/{path}" for path in ("status", "servers", "config", "token",
                                                            "events")] +
                        [f"{method} /api/v1/servers/a" for method in ("DELETE", "PATCH")] +
                        ["POST /api/v1/servers", "POST /api/v1/reload",
                         "DELETE /api/v1/config/overlay"], (status, body))
                    told = self.ctl("--json", *arguments, code=UNREACHABLE)
                    self.assertIn("the response does not come from Otto", told.err)
                    self.assertIn("the response does not come from Otto", told.json["detail"])

    def test_only_a_removal_has_nothing_to_say(self):
        fake = self.faked()
        fake.answers["GET /api/v1/token"] = fake.answers["PATCH /api/v1/servers/a"] = 204, None
        for arguments in (("token",), ("drain", "a")):
            self.assertIn("without a JSON", self.ctl(*arguments, code=UNREACHABLE).err)

    def test_the_port_for_requests_is_no_otto(self):
        otto = self.started(settings(self.demo(1)))
        otto.wait_healthy(1)
        place = "{}:{}".format(*otto.address)
        for arguments in (("status",), ("drain", "a"), ("events",)):
            told = self.ctl(*arguments, socket=place, code=UNREACHABLE)
            self.assertIn("the response does not come from Otto", told.err)
            self.assertEqual(told.out, "")

    def test_places(self):
        self.started(settings(self.demo(1)), tcp=True)
        folder, name = os.path.split(self.socket)
        port = self.tcp.rsplit(":", 1)[1]
        for place in (name, "./" + name, f"../{os.path.basename(folder)}/{name}", self.tcp,
                      f"localhost:{port}", f"LocalHost:{port}", f":{port}"):
            with self.subTest(place=place):
                self.ctl("status", socket=place, folder=folder)
        self.assertIn("x: No such file", self.ctl("status", socket="x", code=UNREACHABLE).err)
        for place, why in (("example.com:80", "127.0.0.1:80"), ("localhost:", "port"),
                           ("localhost:http", "port"), ("[::1]", "port"), ("1::2", "brackets")):
            with self.subTest(place=place):
                told = self.ctl("status", socket=place, code=UNREACHABLE).err
                self.assertIn("neither a path nor ADDRESS:PORT", told)
                self.assertIn(why, told)

    def test_latencies(self):
        fake = self.faked()
        fake.answers["GET /api/v1/servers"] = 200, {"servers": [
            server("a", "one", latency={"p50": 1.25, "p90": 3, "p99": 7}, latencyMilliseconds=0),
            server("b", "two", latencyMilliseconds=5)]}
        told = self.ctl("servers").out
        self.assertRegex(told, r"(?m)^one +active +healthy +1 +0 +1.2ms +healthy for 2 min$")
        self.assertRegex(told, r"(?m)^two +active +healthy +1 +0 +- +healthy for 2 min$")

    def test_not_permitted(self):
        if os.geteuid() != 0:
            self.skipTest("needs root to become somebody else")
        folder = self.folder()
        os.chmod(folder, 0o755)
        listener, path = admin_socket(folder)
        os.chmod(path, 0o660)
        ottoctl = os.path.join(folder, "ottoctl")
        with open(os.environ["OTTOCTL"], "rb") as binary, open(ottoctl, "wb") as copy:
            copy.write(binary.read())
        os.chmod(ottoctl, 0o755)
        ran = subprocess.run([ottoctl, "--socket", path, "status"], capture_output=True, text=True,
                             user=65534, group=65534, extra_groups=[], check=False,
                             timeout=PATIENCE)
        listener.close()
        self.assertEqual(ran.returncode, UNREACHABLE, ran)
        self.assertIn("group otto-admin", ran.stderr)

    def test_the_command_line(self):
        self.socket = "/nowhere"
        for arguments in ((), ("nothing",), ("drain",), ("weight", "a"), ("weight", "a", "x"),
                          ("status", "more"), ("status", "--colour"), ("check",)):
            self.assertIn("--help", self.ctl(*arguments, code=USAGE).err)
        self.assertIn("drain", self.ctl("--help").out)
        self.assertIn("--timeout", self.ctl("drain", "--help").out)
        self.assertRegex(self.ctl("--version").out, r"^ottoctl \d+\.\d+\.\d+\n$")
        told = self.ctl("drain", "a", "--wait", "--timeout", "soon", code=USAGE).err
        self.assertIn("30s", told)


class Changing(CtlCase):
    def test_changes_that_a_restart_drops(self):
        servers = self.demo(2)
        otto = self.started(settings(servers), state="")
        otto.wait_healthy(2)
        remark = "this lasts until Otto restarts"
        one = servers[0].url
        for arguments in (("drain", one), ("enable", one), ("disable", one), ("weight", one, "2"),
                          ("remove", one), ("add", one, "--name", "one"), ("set", "via=true")):
            self.assertIn(remark, self.ctl(*arguments).err, arguments)
        self.assertEqual(self.ctl("reset").err, "")
        self.started(settings(servers)).wait_healthy(2)
        self.assertEqual(self.ctl("drain", one).err, "")

    def test_servers(self):
        servers = self.demo(3)
        otto = self.started(settings(servers[:1]))
        otto.wait_healthy(1)
        self.ctl("add", servers[1].url, "--name", "two", "--weight", "3", "--max-connections", "9")
        self.ctl("add", servers[2].url, "--backup")
        self.assertIn("already", self.ctl("add", servers[2].url, "--backup").out)
        shown = self.admin.servers()
        self.assertEqual((shown["two"]["weight"], shown["two"]["maxConnections"]), (3, 9))
        self.assertTrue(shown[servers[2].url]["backup"])
        self.ctl("weight", "two", "5")
        self.ctl("drain", servers[0].url)
        self.assertEqual(self.admin.servers()[servers[0].url]["state"], "drain")
        self.ctl("enable", servers[0].url)
        self.ctl("disable", shown[servers[0].url]["id"])
        self.assertEqual(self.admin.servers()[servers[0].url]["state"], "disabled")
        self.assertRegex(self.ctl("servers").out, "disabled +unknown")
        self.ctl("remove", servers[2].url)
        self.assertEqual(set(self.admin.servers()), {servers[0].url, "two"})
        told = self.ctl("diff", code=REFUSED).out
        self.assertIn('+ server two {"url":', told)
        self.assertIn(f'+ server {servers[0].url}: state "disabled"', told)
        self.assertEqual(set(self.ctl("diff", "--json", code=REFUSED).json["servers"]), {servers[0].url, "two"})
        self.assertIn("ottoctl diff", self.ctl("status").out)
        self.ctl("reset")
        self.assertEqual(self.ctl("diff").out, "no changes\n")
        self.assertEqual(self.ctl("diff", "--json").json, {})
        self.assertEqual(set(self.admin.servers()), {servers[0].url})

    def test_several_servers(self):
        servers = self.demo(3)
        self.started(settings(servers)).wait_healthy(3)
        one, two, three = [server.url for server in servers]
        told = self.ctl("drain", one, two, "--wait").out
        self.assertEqual(told.count("receives no new requests"), 2)
        self.assertEqual({name for name, server in self.admin.servers().items()
                          if server["state"] == "drain"}, {one, two})
        done = self.ctl("enable", one, "nobody", two, code=UNKNOWN)
        self.assertIn('no server "nobody"', done.err)
        self.assertEqual({server["state"] for server in self.admin.servers().values()}, {"active"})
        self.ctl("weight", one, three, "7")
        self.assertEqual([self.admin.servers()[url]["weight"] for url in (one, two, three)], [7, 1, 7])
        for arguments in ((one,), (one, two), ()):
            self.ctl("weight", *arguments, code=USAGE)
        documents = self.ctl("--json", "disable", one, two).json["servers"]
        self.assertEqual([document["state"] for document in documents], ["disabled"] * 2)
        documents = self.ctl("--json", "show", one, "nobody", code=UNKNOWN).json["servers"]
        self.assertEqual(documents[0]["weight"], 7)
        self.assertIn("nobody", documents[1]["detail"])
        self.ctl("add", "http://localhost:1", "http://localhost:2", "--name", "x", code=USAGE)
        self.ctl("add", "http://localhost:1", "http://localhost:2")
        self.ctl("remove", "http://localhost:1", "http://localhost:2", "--wait")
        self.assertEqual(set(self.admin.servers()), {one, two, three})

    def test_several_drain_at_once(self):
        """The wait for one server holds up none of the others."""
        slow = [Holding(self), Holding(self)]
        urls = [each.server.url for each in slow]
        otto = self.started(settings([*urls, *self.demo(1)]))
        otto.wait_healthy(3)
        requests = [threading.Thread(target=otto.fetch, args=("/slow",), daemon=True)
                    for _ in range(6)]
        for request in requests:
            request.start()
        for each in slow:
            each.wait_arrived()
        since = otto.log.mark()
        waiting = self.piped("drain", *urls, "--wait")
        for url in urls:
            otto.wait_for_log(f" drained {url}", since)
        for each in slow:
            each.let_go()
        self.assertEqual(waiting.wait(PATIENCE), 0)

    def test_show_and_config(self):
        servers = self.demo(1)
        self.started(settings(servers)).wait_healthy(1)
        told = self.ctl("show", servers[0].url).out
        self.assertRegex(told, rf"(?m)^Name +{servers[0].url}$")
        self.assertRegex(told, r"(?m)^Health +healthy$")
        self.assertRegex(told, r"(?m)^Why +healthy for ")
        self.ctl("weight", servers[0].url, "3")
        active = json.loads(self.ctl("config").out)
        self.assertEqual(active["servers"], [{"url": servers[0].url, "weight": 3}])
        self.assertEqual(self.ctl("config", "--json").json, active)

    def test_set(self):
        self.started(settings(self.demo(1))).wait_healthy(1)
        told = self.ctl("set", "timeouts.connect=3s", "balance=ip-hash", "sticky={}").out
        self.assertIn('+ balance "ip-hash"', told)
        active = self.ctl("config").json
        self.assertEqual((active["timeouts"]["connect"], active["balance"], active["sticky"]),
                         ("3s", "ip-hash", {}))
        self.assertIn("next restart", self.ctl("set", "workers=4").err)
        done = self.ctl("set", "timeouts.response=9s", "balnce=first", code=REFUSED)
        self.assertIn('did you mean "balance"?', done.err)
        self.assertNotIn("response", self.ctl("config").json["timeouts"])
        self.ctl("set", "timeouts.connect=null", "balance=null", "sticky=null", "workers=2")
        self.assertEqual(self.ctl("diff").out, "no changes\n")
        for wrong in ("balance", "=x", ".a=x", "a.=x", "a..b=x", "servers=[]", "servers.a=1"):
            self.ctl("set", wrong, code=USAGE)
        self.ctl("set", code=USAGE)

    def test_check_server(self):
        servers = self.demo(2)
        self.started(settings(servers[:1])).wait_healthy(1)
        self.assertRegex(self.ctl("check-server", servers[0].url).out,
                         rf"^{servers[0].url} passed in \S+ \(127\.0\.0\.1:\d+\)\n$")
        port = servers[1].url.rsplit(":", 1)[1]
        for spelt in (servers[1].url, port, f"localhost:{port}"):
            document = self.ctl("--json", "check-server", spelt).json
            self.assertTrue(document["passed"], document)
            self.assertGreater(document["milliseconds"], 0)
        self.assertEqual(set(self.admin.servers()), {servers[0].url})
        servers[1].kill()
        done = self.ctl("check-server", servers[1].url, servers[0].url, code=REFUSED)
        self.assertIn("failed: connection refused", done.out)
        self.assertIn("passed", done.out)
        nowhere = os.path.join(self.folder(), "none.sock")
        self.assertIn("no such file", self.ctl("check-server", f"unix:{nowhere}", code=REFUSED).out)
        self.assertIn("does not resolve",
                      self.ctl("check-server", "http://nowhere.invalid", code=REFUSED).out)
        self.assertIn("neither a server nor a URL", self.ctl("check-server", "ftp://x", code=REFUSED).err)

    def test_did_you_mean(self):
        for words, meant in ((["statsu"], "status"), (["--json", "Drain", "a"], "drain"),
                             (["check-sever", "a"], "check-server"), (["servers", "--jsno"], "--json"),
                             (["drain", "a", "--wiat"], "--wait")):
            self.assertIn(f'did you mean "{meant}"?', self.ctl(*words, socket="/x", code=USAGE).err)
        told = self.ctl("nonsense", socket="/x", code=USAGE).err
        self.assertIn('there is no command "nonsense"\n', told)

    def test_refusals(self):
        servers = self.demo(2)
        self.started(settings([servers[0], {"url": servers[1].url, "name": "number-two"}]))
        told = self.ctl("drain", "nunber-two", code=UNKNOWN).err
        self.assertIn('did you mean "number-two"?', told)
        self.assertIn("1001", self.ctl("weight", "number-two", "1001", code=REFUSED).err)
        self.assertIn("ftp", self.ctl("add", "ftp://x", code=REFUSED).err.lower() + "ftp")
        self.ctl("drain", "number-two")
        self.assertIn("--force", self.ctl("drain", servers[0].url, code=REFUSED).err)
        self.ctl("drain", servers[0].url, "--force")
        told = self.ctl("remove", "nobody", "--json", code=UNKNOWN)
        self.assertEqual(told.json["status"], 404)

    def test_drain_waits_for_the_last_request(self):
        slow = Holding(self)
        url = slow.server.url
        otto = self.started(settings([url, *self.demo(1)], balance="first"))
        otto.wait_healthy(2)
        replies = []
        request = threading.Thread(target=lambda: replies.append(otto.fetch("/slow").status))
        request.start()
        slow.wait_arrived()
        told = self.ctl("drain", url, "--wait", "--timeout", "100ms", code=TIMED_OUT).err
        self.assertIn("with 1 request still in progress after 100ms", told)
        answers = []
        waiter = threading.Thread(
            target=lambda: answers.append(self.ctl("drain", url, "--wait").out))
        waiter.start()
        slow.let_go()
        waiter.join(PATIENCE)
        request.join(PATIENCE)
        self.assertIn("no requests are in progress", answers[0])
        self.assertEqual(replies, [200])

    def test_over_tcp_with_the_token(self):
        servers = self.demo(1)
        self.started(settings(servers), tcp=True)
        self.ctl("status", socket=self.tcp)
        self.assertIn("ottoctl token", self.ctl("weight", servers[0].url, "2", socket=self.tcp,
                                                code=REFUSED).err)
        token = self.ctl("token").out.strip()
        self.ctl("weight", servers[0].url, "2", socket=self.tcp, OTTO_TOKEN=token)
        self.assertEqual(self.admin.servers()[servers[0].url]["weight"], 2)


class Configuration(CtlCase):
    def test_check_and_reload(self):
        servers = self.demo(2)
        otto = self.started(settings(servers[:1]))
        self.assertIn("ok, 1 server\n", self.ctl("check", otto.config_file).out)
        self.assertEqual(self.ctl("check", otto.config_file, "--json").json,
                         {"ok": True, "servers": 1, "errors": []})
        self.assertIn("generation 2", self.ctl("reload").out)
        otto.write('{\n  "servers": 3\n}')
        told = self.ctl("check", otto.config_file, code=BAD_CONFIG).err
        self.assertIn(":2:14: /servers: ", told)
        found = self.ctl("check", otto.config_file, "--json", code=BAD_CONFIG).json
        self.assertEqual((found["ok"], found["errors"][0]["line"]), (False, 2))
        self.assertEqual(told, found["detail"] + "\n")
        self.assertEqual(self.ctl("check", otto.config_file, "--json", code=BAD_CONFIG).err, told)
        self.assertIn("2:14: /servers: ", self.ctl("reload", code=BAD_CONFIG).err)
        otto.write('{\n  "servers": [],\n  "prot": 3\n}')
        found = self.ctl("check", otto.config_file, "--json", code=BAD_CONFIG)
        self.assertEqual(len(found.err.splitlines()), len(found.json["errors"]))
        self.assertEqual(found.json["errors"][0]["file"], otto.config_file)
        self.assertTrue(found.json["detail"].endswith(f"; and {len(found.json['errors']) - 1} more"))
        self.ctl("check", os.path.join(self.folder(), "none.json"), code=BAD_CONFIG)

    def test_errors_of_a_reload(self):
        fake = self.faked()
        places = {"file": "/etc/a.json", "line": 2, "column": 1, "pointer": "/b", "detail": "no"}
        for without, line in (((), "/etc/a.json:2:1: /b: no"), (("pointer",), "/etc/a.json:2:1: no"),
                              (("line", "column"), "/etc/a.json: /b: no"),
                              (("line", "column", "pointer"), "/etc/a.json: no"),
                              (("file",), "2:1: /b: no"), (("file", "pointer"), "2:1: no"),
                              (("file", "line", "column", "pointer"), "no")):
            with self.subTest(without=without):
                # As Otto tells that there is none.
                nothing = {"file": "", "line": 0, "column": 0, "pointer": ""}
                error = {**places, **{name: nothing[name] for name in without}}
                fake.answers["POST /api/v1/reload"] = 422, {"detail": "no", "errors": [error] * 2}
                told = self.ctl("reload", code=BAD_CONFIG).err
                self.assertEqual(told, f"ottoctl: {line}\n" * 2 + "ottoctl: nothing has changed\n")
                fake.answers["DELETE /api/v1/config/overlay"] = fake.answers["POST /api/v1/reload"]
                told = self.ctl("reset", code=REFUSED).err
                self.assertEqual(told, f"ottoctl: {line}\n" * 2)

    def test_apply(self):
        servers = self.demo(3)
        config = settings([servers[0], {"url": servers[1].url, "weight": 2}])
        otto = self.started(config)
        os.chmod(otto.config_file, 0o640)
        link = os.path.join(self.folder(), "link.json")
        os.symlink(otto.config_file, link)
        self.assertIn("nothing to apply", self.ctl("apply", otto.config_file).out)
        self.ctl("add", servers[2].url)
        self.ctl("weight", servers[0].url, "4")
        self.ctl("remove", servers[1].url)
        self.assertEqual(
            self.admin.ask("PATCH", "/api/v1/config", {"balance": "first"}).status, 200)
        before = self.admin.get("config").json["effective"]
        told = self.ctl("apply", link).out
        self.assertIn("rewritten", told)
        with open(otto.config_file, encoding="utf-8") as file:
            written = json.load(file)
        self.assertEqual(written, before)
        self.assertEqual(written["servers"],
                         [{"url": servers[0].url, "weight": 4}, servers[2].url])
        self.assertEqual(stat.S_IMODE(os.stat(otto.config_file).st_mode), 0o640)
        self.assertTrue(os.path.islink(link))
        shown = self.admin.get("config").json
        self.assertEqual((shown["changes"], shown["file"]), ({}, before))
        self.assertFalse(os.path.exists(os.path.join(self.state, "overlay.json")))
        self.assertEqual(os.listdir(os.path.dirname(otto.config_file)).count("config.json.new"), 0)

    def test_apply_after_an_edit_that_was_not_reloaded(self):
        servers = self.demo(2)
        otto = self.started(settings(servers[:1]))
        self.ctl("add", servers[1].url)
        edited = {**settings(servers[:1]), "balance": "first"}
        edited["port"] = "{}:{}".format(*otto.sockets[0].getsockname())
        otto.write(edited)
        # What was in force is not what the file says now: nothing is dropped before somebody looks.
        self.assertIn("apply again", self.ctl("apply", otto.config_file, code=REFUSED).err)
        self.assertEqual(len(self.admin.servers()), 2)
        self.ctl("apply", otto.config_file)
        shown = self.admin.get("config").json
        self.assertEqual((shown["changes"], shown["effective"]["balance"]), ({}, "first"))
        self.assertEqual(len(self.admin.servers()), 2)

    def test_apply_to_another_file(self):
        servers = self.demo(2)
        otto = self.started(settings(servers[:1]))
        self.ctl("add", servers[1].url)
        other = os.path.join(self.folder(), "other.json")
        with open(other, "w", encoding="utf-8") as file:
            json.dump({"servers": ["http://localhost:1"]}, file)
        self.assertIn(otto.config_file, self.ctl("apply", other).err)
        with open(other, encoding="utf-8") as file:
            self.assertEqual(json.load(file), {"servers": ["http://localhost:1", servers[1].url]})
        self.assertEqual(len(self.ctl("diff", "--json", code=REFUSED).json), 1)
        with open(other, "w", encoding="utf-8") as file:
            file.write("{")
        self.assertIn("correct it first", self.ctl("apply", other, code=REFUSED).err)
        self.ctl("apply", other + ".none", code=REFUSED)


if __name__ == "__main__":
    main()
