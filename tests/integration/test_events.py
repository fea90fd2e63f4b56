"""The stream of events, and what bounds the admin API: streams, waiters, connections, memory."""
# labels: threads tsan

import re
import socket
import threading

from admin import Admin, Holding
from admin_case import AdminCase
from harness import RARELY, main, settings
from waiting import SLOWNESS, Deadline


NO_CONNECTIONS = "the admin API is not accepting connections"


def kilobytes(otto):
    return otto.memory() >> 10


class Stories(AdminCase):
    def test_a_server_dies_and_heals(self):
        servers = self.demo(2)
        otto = self.started(settings(servers, healthCheck={"unhealthyAfter": 1}))
        otto.wait_healthy(2)
        stream = self.events()
        self.assertEqual(stream.fields["content-type"], "text/event-stream")
        self.assertEqual(stream.fields["cache-control"], "no-store")
        first, at = stream.wait("counters")
        self.assertEqual((first["state"], first["ready"], first["healthy"], first["total"],
                          first["generation"]), ("running", True, 2, 2, 1))
        self.assertEqual(first["latency"], {"p50": None, "p90": None, "p99": None})
        self.assertEqual(stream.retry, "1000")
        url = servers[0].url
        servers[0].kill()
        record, _ = stream.record("server-unhealthy", since=at, server=url)
        self.assertEqual((record["priority"], record["fields"]["name"]), ("warning", url))
        self.assertRegex(record["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
        self.assertIn(f"server {url} is unhealthy", record["text"])
        changed, _ = stream.wait("servers", since=at, holds=lambda data: any(
            server["url"] == url and server["health"] == "unhealthy"
            for server in data["changed"]))
        shown = {server["url"]: server for server in changed["changed"]}
        self.assertRegex(shown[url]["why"], r"^unhealthy for \d+ s: .")
        self.assertEqual((shown[url]["share"], changed["removed"]), (0, []))
        self.assertEqual(shown[servers[1].url]["share"], 1)
        self.assertEqual(set(shown[url]), set(self.admin.servers()[url]))
        counters, _ = stream.wait("counters", since=at, holds=lambda data: data["healthy"] == 1)
        self.assertEqual(counters["total"], 2)

    def test_the_last_minutes(self):
        servers = self.demo(1)
        otto = self.started(settings(servers, healthCheck=RARELY))
        otto.wait_healthy(1)
        stream = self.events()
        for _ in range(20):
            otto.fetch()
        stream.wait("counters", lambda data: data["requests"] == 20)
        names = [name for name, _ in stream.events.items() if name in ("history", "counters")]
        self.assertEqual((names[0], names.count("history")), ("history", 1))
        late = self.events()
        data, _ = late.wait("history", lambda data: data["samples"])
        last = data["samples"][-1]
        self.assertGreater(last[0], 0)
        self.assertEqual((len(last), last[1]), (5, 0))
        self.assertGreater(last[4], 0)
        first, _ = late.wait("counters")
        self.assertEqual(first["requestsPerSecond"], last[0])

    def test_counters_say_what_differs(self):
        servers = self.demo(2)
        otto = self.started(settings(servers, balance="first", healthCheck=RARELY))
        otto.wait_healthy(2)
        used = self.admin.servers()[servers[0].url]["id"]
        stream = self.events()
        for _ in range(20):
            otto.fetch()
        data, at = stream.wait("counters", lambda data: data["requests"] == 20 and
                               data["servers"] and data["servers"][0][4] == 0)
        self.assertEqual([row[0] for row in data["servers"]], [used])
        row = data["servers"][0]
        self.assertEqual(len(row), 7)
        self.assertGreater(row[1], 0)
        self.assertEqual(row[2:5], [0, 0, 0])
        self.assertLessEqual(row[5], row[6])
        self.assertGreater(data["requestsPerSecond"], 0)
        self.assertGreater(data["latency"]["p99"], 0)
        # What the newcomer is told first is what the others have heard so far.
        late = self.events()
        full, _ = late.wait("counters")
        self.assertEqual([row[0] for row in full["servers"]], [used])
        # Nothing happens any more: nothing differs, until it is forgotten.
        stream.wait("counters", lambda data: data["servers"] == [], since=at)

    def test_servers_that_come_and_go_and_reloads(self):
        servers = self.demo(3)
        otto = self.started(settings(servers[:2]))
        otto.wait_healthy(2)
        stream = self.events()
        stream.wait("counters")
        gone = self.admin.servers()[servers[1].url]["id"]
        self.expect(self.admin.server("PATCH", servers[0], {"weight": 3}), 200)
        data, _ = stream.wait("servers", lambda data: data["changed"][0]["weight"] == 3)
        self.assertEqual(data["changed"][0]["changed"], True)
        record, _ = stream.record("changed-at-runtime")
        self.assertIn("weight", record["fields"]["overlay"])
        self.expect(self.admin.server("DELETE", servers[1]), 204)
        data, _ = stream.wait("servers", lambda data: gone in data["removed"])
        self.assertGreater(data["generation"], 1)
        self.expect(self.admin.ask("POST", "/api/v1/servers",
                                   {"url": servers[2].url, "name": "three"}), 201)
        stream.wait("servers", lambda data: any(server["name"] == "three" and
                                                server["health"] == "healthy"
                                                for server in data["changed"]))
        otto.reload(settings(servers[:2]))
        stream.record("reload-done")
        self.expect(self.admin.server("PATCH", "three", {"state": "drain"}), 200)
        data, _ = stream.wait("servers", lambda data: any(server["state"] == "drain"
                                                          for server in data["changed"]))
        why = {server["name"]: server["why"] for server in data["changed"]}
        self.assertEqual(why["three"], "drained: no requests left")

    def test_an_ejection(self):
        def fail(connection, _number):
            while True:
                connection.body()
                connection.reply(b"no", status="503 Service Unavailable")
                if not connection.next_request():
                    return
        bad = self.scripted(fail)
        otto = self.started(settings([bad, *self.demo(1)], balance="first", retries={"attempts": 1},
                                     healthCheck={**RARELY, "type": "tcp"}, slowStart="1m",
                                     ejection={"consecutiveErrors": 3, "base": "1m"}))
        otto.wait_healthy(2)
        stream = self.events()
        for _ in range(3):
            self.assertEqual(otto.fetch().status, 503)
        data, _ = stream.wait("servers", lambda data: any(server["ejected"]
                                                          for server in data["changed"]))
        shown = next(server for server in data["changed"] if server["ejected"])
        self.assertRegex(shown["why"], r"^ejected for \d\d s: 3 errors in a row$")
        self.assertIn(shown["ejectedForSeconds"], range(50, 61))
        self.assertEqual((shown["share"], shown["errors"]), (0, 3))
        stream.record("server-ejected", server=bad.url)


class Replay(AdminCase):
    def test_records_of_before(self):
        server = self.demo(1)[0]
        otto = self.started(settings([server]))
        otto.wait_healthy(1)
        stream = self.events()
        stream.record("started")
        stream.record("server-healthy")
        seen = stream.ids[-1]
        self.expect(self.admin.ask("POST", "/api/v1/reload"), 200)
        stream.record("reload-done")
        self.assertEqual(stream.ids, list(range(stream.ids[0], stream.ids[0] + len(stream.ids))))

        later = self.events(headers=[("Last-Event-ID", str(seen))])
        later.wait("counters")
        self.assertEqual(later.ids[0], seen + 1)
        known = stream.ids[-1]
        nothing = self.events(headers=[("Last-Event-ID", str(known))])
        nothing.wait("counters")
        self.assertFalse([number for number in nothing.ids if number <= known])
        for other in ("7", str(known + 1000), "x", "-1", ""):
            again = self.events(headers=[("Last-Event-ID", other)])
            again.wait("counters")
            self.assertEqual(again.ids[0], stream.ids[0], other)
            self.assertLessEqual(known, again.ids[-1])

    def test_the_last_200(self):
        servers = self.demo(2)
        self.started(settings(servers, healthCheck=RARELY))
        for weight in range(1, 221):
            self.expect(self.admin.server("PATCH", servers[0], {"weight": weight + 1}), 200)
        watcher = self.events()
        watcher.wait("record", lambda data: '"weight":221' in data["fields"].get("overlay", ""))
        stream = self.events()
        stream.wait("counters")
        self.assertEqual(len(stream.ids), 200)

    def test_names_that_could_be_mistaken(self):
        name = 'a"\\ </script>\U0001f600'
        server = self.demo(1)[0]
        self.started(settings([{"url": server.url, "name": name}]))
        stream = self.events()
        record, _ = stream.record("server-healthy")
        self.assertEqual(record["fields"]["name"], name)
        self.assertEqual(list(self.admin.servers()), [name])


class Readers(AdminCase):
    def test_over_tcp_and_head(self):
        self.started(settings(self.demo(1)), tcp=True)
        stream = self.events(self.tcp)
        stream.wait("counters")
        over_tcp = Admin(self.tcp)
        for place in (self.admin, over_tcp):
            head = place.ask("HEAD", "/api/v1/events")
            self.assertEqual((head.status, head.text), (200, ""))
            self.assertEqual(head.headers["Content-Type"], "text/event-stream")
        self.expect(over_tcp.get("events", Origin="http://evil.example"), 403)
        self.expect(over_tcp.get("events", Host="evil.example"), 403)
        self.expect(self.admin.ask("POST", "/api/v1/events"), 405)

    def test_they_are_ended_at_the_end(self):
        otto = self.started(settings(self.demo(1)), tcp=True)
        streams = [self.events(), self.events(self.tcp)]
        for stream in streams:
            stream.wait("counters")
        otto.stop()
        for stream in streams:
            self.assertTrue(stream.wait_end())
            self.assertTrue(stream.clean)

    def test_http_10(self):
        self.started(settings(self.demo(1)))
        client = self.connect()
        client.sendall(b"GET /api/v1/events HTTP/1.0\r\n\r\n")
        data = b""
        while b"event: counters" not in data:
            data += client.recv(65536)
        head, body = data.split(b"\r\n\r\n", 1)
        self.assertNotIn(b"chunked", head.lower())
        self.assertTrue(body.startswith(b"retry: 1000\n\n"), body[:100])

    def test_those_who_vanish_are_forgotten(self):
        otto = self.started(settings(self.demo(1)), tcp=True)
        before = otto.open_files()
        for _ in range(3):
            streams = [self.events(place, read=False)
                       for place in (self.admin.place, self.tcp) for _ in range(50)]
            self.assertGreaterEqual(otto.open_files(), before + 90)
            for stream in streams[::2]:
                stream.close()
            for stream in streams[1::2]:
                stream.client.reset()
            otto.wait_open_files(before + 3)

    def test_there_are_at_most_256(self):
        otto = self.started(settings(self.demo(1)), tcp=True)
        refused = None
        count = 0
        for _ in range(193):
            stream = self.events(self.tcp, read=False)
            count += stream.status == 200
            refused = stream
        self.assertEqual((count, refused.status), (192, 503))
        self.assertEqual(refused.fields["content-type"], "application/problem+json")
        self.assertEqual(refused.fields["retry-after"], "10")
        kept = [self.events(read=False) for _ in range(65)]
        self.assertEqual([stream.status for stream in kept], [200] * 64 + [503])
        # The API itself goes on, on both sides; and whoever goes makes room.
        self.assertEqual(self.admin.get("status").status, 200)
        self.assertEqual(Admin(self.tcp).get("status").status, 200)
        before = otto.open_files()
        kept[0].close()
        otto.wait_open_files(before - 1)
        self.assertEqual(self.events(read=False).status, 200)

    def test_slow_ones_are_dropped_without_growth(self):
        servers = self.demo(2)
        names = [{"url": f"http://127.0.0.1:9/{number}", "name": f"server-{number}-" + "x" * 80}
                 for number in range(40)]
        otto = self.started(settings([*servers, *names], healthCheck=RARELY), tcp=True)
        # All of them are in the overlay, which each record of a change cites: 4 KiB each.
        self.expect(self.admin.ask("PATCH", "/api/v1/config", {
            "servers": {entry["name"]: {"weight": 2} for entry in names}}), 200)
        reader = self.events()
        reader.wait("counters")
        stalled = [self.events(self.admin.place, read=False) for _ in range(60)]
        files = otto.open_files()
        before = kilobytes(otto)
        peak = before
        for step in range(400):
            since = reader.events.mark()
            self.expect(self.admin.server("PATCH", servers[0], {"weight": 2 + step % 100}), 200)
            reader.record("changed-at-runtime", since=since)
            peak = max(peak, kilobytes(otto))
            if otto.open_files() <= files - 60:
                break
        otto.wait_open_files(files - 60 + 3)
        # 256 KiB each, a part of which waits in the kernel.
        self.assertLess(peak - before, 60 * 300 * max(1, SLOWNESS))
        since = reader.events.mark()
        reader.wait("counters", since=since)
        for stream in stalled:
            stream.start()
            self.assertTrue(stream.wait_end())
            self.assertFalse(stream.clean)

    def test_what_a_reader_sends_is_left_alone(self):
        otto = self.started(settings(self.demo(1)))
        stream = self.events()
        stream.wait("counters")
        memory = kilobytes(otto)
        sent = 0
        try:
            for _ in range(1000):
                sent += stream.client.sock.send(b"x" * 65536, socket.MSG_DONTWAIT)
        except BlockingIOError:
            pass
        stream.wait("counters", since=stream.events.mark())
        self.assertLess(kilobytes(otto) - memory, 1024 * max(1, SLOWNESS))
        self.assertGreater(sent, 0)


class Bounds(AdminCase):
    def test_two_thousand_idle_connections(self):
        otto = self.started(settings(self.demo(1)), tcp=True)
        stream = self.events(self.tcp)
        stream.wait("counters")
        files = otto.open_files()
        over_tcp = Admin(self.tcp)
        idle = []
        for number in range(2000):
            idle.append(self.connect(self.tcp))
            if number % 3 == 0:
                idle[-1].sendall(b"GET /api/v1/status HTTP/1.1\r\nHost: local")
            if number % 3 == 1:
                idle[-1].sendall(b"POST /api/v1/reload HTTP/1.1\r\nHost: localhost\r\n"
                                 b"Content-Length: 10\r\n\r\n123")
            if number % 200 == 199:
                self.assertEqual(over_tcp.get("status").status, 200)
                self.assertEqual(self.admin.get("status").status, 200)
        self.assertLessEqual(otto.open_files() - files, 512)
        self.assertEqual(otto.log_lines(NO_CONNECTIONS), [], "room was made each time")
        # Who listens to events is not driven out.
        stream.wait("counters", since=stream.events.mark())
        self.assertEqual(otto.fetch().status, 200)

    def test_few_descriptors(self):
        otto = self.started(settings(self.demo(1)), tcp=True, nofile=1024)
        for place in (self.tcp, self.admin.place):
            streams = [self.events(place, read=False) for _ in range(60)]
            self.assertEqual({stream.status for stream in streams}, {200, 503})
            idle = [self.connect(place) for _ in range(100)]
            self.assertEqual(Admin(place).get("status").status, 200)
            self.assertEqual(len(idle), 100)
        self.assertLessEqual(otto.open_files(), 2 * 64 + 64)
        self.assertEqual(otto.fetch().status, 200)

    def test_bodies_that_never_come(self):
        otto = self.started(settings(self.demo(1)), tcp=True)
        files = otto.open_files()
        token = self.admin.get("token").json["token"]
        for _ in range(700):
            client = self.connect(self.tcp)
            client.sendall(b"POST /api/v1/reload HTTP/1.1\r\nHost: localhost\r\n"
                           b"Authorization: Bearer " + token.encode() +
                           b"\r\nContent-Length: 10\r\n\r\n123")
        self.assertEqual(Admin(self.tcp).get("status").status, 200)
        self.assertLessEqual(otto.open_files() - files, 512)
        self.assertEqual(otto.log_lines(NO_CONNECTIONS), [], "room was made each time")
        self.assertGreaterEqual(self.evicted(otto), 700 - 512)

    def evicted(self, otto):
        """How many connections were closed to make room, of which the log has a record."""
        otto.wait_for_log(r"closed \d+ connections? to the admin API .* to make room")
        page = self.admin.ask("GET", "/metrics").text
        return int(re.search(r"^otto_admin_connections_evicted_total (\d+)$", page, re.M)[1])

    MANY = [f"http://127.0.0.1:9/{number}" for number in range(5000)]

    def unread(self):
        """A connection whose client reads nothing of a reply that no buffer holds."""
        client = socket.socket()
        self.addCleanup(client.close)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(Deadline().timeout())
        client.connect(self.tcp)
        client.sendall(b"GET /api/v1/servers HTTP/1.1\r\nHost: localhost\r\n\r\n")
        return client

    def test_clients_that_read_nothing_make_room(self):
        otto = self.started(settings(self.MANY, healthCheck={"type": "off"}), tcp=True, nofile=256)
        clients = []
        for _ in range(20):  # more than there may be
            clients.append(self.unread())
            self.assertEqual(self.admin.get("status").status, 200)
        self.assertEqual(Admin(self.tcp).get("status").status, 200)
        self.assertEqual(otto.log_lines(NO_CONNECTIONS), [], "room was made each time")
        self.assertGreaterEqual(self.evicted(otto), 20 - 16)

    def test_replies_that_nobody_reads(self):
        otto = self.started(settings([*self.demo(1), *self.MANY[:1000]], healthCheck=RARELY),
                            tcp=True)
        memory = kilobytes(otto)
        # With a sanitizer each takes long, and memory says little.
        for _ in range(300 if SLOWNESS == 1 else 60):
            self.unread()
        self.assertEqual(len(self.admin.servers()), 1001)
        self.assertLess(kilobytes(otto) - memory, (100 << 10) * max(1, SLOWNESS))

    def waiting(self, place, count):
        """So many requests that wait for a server that is never drained; how each began."""
        clients = []
        for _ in range(count):
            client = self.connect(place)
            client.sendall(f"GET /api/v1/servers/{self.busy}?wait=drained HTTP/1.1\r\n"
                           "Host: localhost\r\n\r\n".encode())
            clients.append(client)
        return clients

    def test_waiters(self):
        held = Holding(self)
        slow = held.server
        otto = self.started(settings([slow, *self.demo(1)], balance="first"), tcp=True)
        otto.wait_healthy(2)
        request = threading.Thread(target=lambda: otto.fetch("/slow"))
        request.start()
        held.wait_arrived()
        self.expect(self.admin.server("PATCH", slow, {"state": "drain"}), 200)
        shown = self.admin.servers()[slow.url]
        self.busy = shown["id"]
        self.assertEqual(shown["why"], "draining: 1 request left")
        before = otto.open_files()

        remote = self.waiting(self.tcp, 65)
        self.assertIn(b" 503 ", remote[-1].recv(65536))
        local = self.waiting(self.admin.place, 193)
        self.assertIn(b" 503 ", local[-1].recv(65536))
        self.assertEqual(self.admin.get("status").status, 200)
        # Whoever goes is let go at once, and leaves room.
        for client in (remote.pop(0), local.pop(0)):
            client.close()
        otto.wait_open_files(before + 64 + 192 - 2 + 2)
        again = self.waiting(self.tcp, 1)
        held.let_go()
        request.join(30)
        for client in remote[:-1] + local[:-1] + again:
            self.assertIn(b'"drained": true', client.recv(65536))


if __name__ == "__main__":
    main()
