"""What one proxied request costs once everything is warm, counted rather than timed: the system
calls of the worker, and the heap allocations by whose code makes them.

Exits with 77 (skipped) where that cannot be counted: in a build with a sanitizer, and, for the
system calls, where this process may not trace Otto.
"""

import bisect
import collections
import contextlib
import mmap
import os
import re
import struct
import subprocess
import time

from harness import RARELY, TestCase, settings
from threads import thread_named
from tracing import Traced, kind_of, main_without_sanitizer

WARM_UP = 200   # requests, at least
MEASURED = 1000
LARGE = 1 << 20  # of a body that the kernel moves by itself
COPIED = 65536   # of its bytes, at most, and of everything else that belongs to its request
CLIENTS = 16    # where there are many

BROWSER = [  # a head of 1 KiB
    ("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"),
    ("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8"),
    ("Accept-Language", "en-GB,en;q=0.5"), ("Accept-Encoding", "gzip, deflate, br"),
    ("Referer", "http://otto.test/a/page?that=leads&to=this"), ("Cookie", "session=" + "a" * 500),
    ("Connection", "keep-alive"), ("Upgrade-Insecure-Requests", "1"),
    ("Sec-Fetch-Dest", "document"), ("Sec-Fetch-Mode", "navigate"),
    ("Sec-Fetch-Site", "same-origin")]

# What may come on top in all of the measured requests: a wait that a timer ended, a look at a
# connection that was idle for long by Otto's clock only, what the first and the last request did
# beyond the window.
MARGIN = 20
# Otto looks at a connection that was idle for longer (trust_time in proxy/upstream_pool.cc) before
# it uses it: after 10 ms by the coarse clock, whose ticks may come late.
TRUST = 0.004

LIBEVENT = ("libevent_core-", "libevent_extra-", "libevent_pthreads-")
# Their allocations are on behalf of whoever calls them.
TRANSPARENT = ("libc.so", "libstdc++.so", "libgcc_s.so", "libfmt.so", "libm.so", "ld-linux",
               "libcount_allocations.so")


def table(title, rows, per):
    """Lines "per request, count, what", the largest first."""
    lines = [f"{title}, in {per} requests:"]
    for what, count in sorted(rows.items(), key=lambda row: (-row[1], row[0])):
        lines.append(f"{count / per:8.3f} each {count:8d}  {what}")
    return "\n".join(lines)


def this_second():
    """By the clock that Otto's dates come from, which may be a tick late."""
    return int(time.clock_gettime(5))  # CLOCK_REALTIME_COARSE


def without_looks(calls):
    """The texts of the calls but for looks at connections that were idle for long."""
    used = {}  # when, by descriptor
    kept = []
    for when, text in calls:
        file = re.match(r"\w+\((\d+)", text)
        file = file[1] if file else ""
        if "MSG_PEEK" not in text or when - used.get(file, 0) < TRUST:
            kept.append(text)
        used[file] = when
    return kept


def shown(call):
    """A call without what differs from one to the next, for the table."""
    match = re.match(r"(\w+)\((.*)\) += (-?\d+)( \w+)?", call)
    if not match:
        return call
    name, arguments, result, error = match.groups()
    flags = "|".join(sorted(set(re.findall(r"\b(?:MSG|EPOLL_CTL|FION|SIOC)\w+", arguments))))
    outcome = error.strip() if error else "0" if result == "0" else "-1" if result == "-1" else "n"
    return f"{name}({flags}) = {outcome}"


class Objects:
    """What is mapped into a process, and the exported symbols of it."""

    def __init__(self, pid):
        self._starts = []
        self._maps = []
        self._symbols = {}
        bases = {}
        with open(f"/proc/{pid}/maps", encoding="utf-8") as maps:
            for line in maps:
                fields = line.split(None, 5)
                if len(fields) < 6 or not fields[5].startswith("/"):
                    continue
                path = fields[5].rstrip("\n")
                start, end = (int(number, 16) for number in fields[0].split("-"))
                bases.setdefault(path, start - int(fields[2], 16))
                self._starts.append(start)
                self._maps.append((end, path, bases[path]))

    def find(self, address):
        """(path, offset) of the instruction that a return address follows."""
        at = bisect.bisect_right(self._starts, address - 1) - 1
        if at < 0 or address - 1 >= self._maps[at][0]:
            return "?", address
        _, path, base = self._maps[at]
        return path, address - 1 - base

    def symbol(self, path, offset):
        """The exported function there, or None: it is the object's own."""
        if path not in self._symbols:
            listed = subprocess.run(["nm", "-D", "--defined-only", "--print-size", path],
                                    capture_output=True, text=True, check=True).stdout
            found = [line.split() for line in listed.splitlines()]
            self._symbols[path] = sorted((int(start, 16), int(size, 16), name) for
                                         start, size, kind, name in
                                         (fields for fields in found if len(fields) == 4)
                                         if kind in "TtWwi")
        symbols = self._symbols[path]
        at = bisect.bisect_right(symbols, (offset, float("inf"), "")) - 1
        if at < 0 or offset >= symbols[at][0] + symbols[at][1]:
            return None
        return symbols[at][2].split("@")[0]

    @staticmethod
    def lines(path, offsets):
        """Where in Otto's source: "function at file:line", inlined functions before those that they
        stand in. Without debug information, the offsets."""
        done = subprocess.run(["addr2line", "-Cfip", "-e", path, *(hex(each) for each in offsets)],
                              capture_output=True, text=True, check=True).stdout
        places = []
        for line in done.splitlines():
            function, _, place = line.removeprefix(" (inlined by) ").rpartition(" at ")
            if "/daemon/" in place:
                file = place.partition("/daemon/")[2]
                places.append(f"{function.split('(')[0]} at {file}")
        return places or [hex(offset) for offset in offsets]


class Allocations:
    """Reads what count_allocations.cc counts; the layout is there."""

    FRAMES = 30
    SITE = struct.Struct(f"=QII{FRAMES}Q")

    def __init__(self, path):
        with open(path, "rb") as file:
            self._memory = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)

    def close(self):
        self._memory.close()

    def of(self, thread):
        """{stack: count}; a stack is a tuple of return addresses, the innermost first."""
        if struct.unpack_from("=Q", self._memory)[0] != 0:
            raise AssertionError("more call stacks than the table holds")
        counts = collections.Counter()
        for count, owner, depth, *frames in self.SITE.iter_unpack(self._memory[8:]):
            if count and owner == thread:
                counts[tuple(frames[:depth])] = count
        return counts


class SteadyState(TestCase):
    more = {}  # of the configuration

    def started(self, **options):
        # Nothing but requests shall happen: no check, and no idle connection that is closed.
        otto = self.otto(settings(self.demo(2), workers=1, healthCheck=RARELY,
                                  timeouts={"serverIdle": "5m"}, **self.more), **options)
        otto.wait_healthy(2)
        return otto

    def serve(self, clients, target="/", headers=(), body=None):
        """All send, then all read; how many they are."""
        method = "GET" if body is None else "POST"
        for client in clients:
            client.send_request(target, method, headers, body)
        for client in clients:
            self.assertEqual(client.response().status, 200)
        return len(clients)

    def warm(self, otto, count, **request):
        """That many connections, with as many to servers as they can ever need at once."""
        clients = [self.client(otto) for _ in range(count)]
        self.serve(clients, "/delay/2000" if count > 1 else "/")
        served = 0
        while served < WARM_UP:
            served += self.serve(clients, **request)
        return clients

    def measured(self, clients, **request):
        """How many requests were served. What Otto does once a second has happened, too."""
        second = this_second()
        served = 0
        while served < MEASURED or this_second() == second:
            served += self.serve(clients, **request)
        return served + self.serve(clients, **request)

    # ---- system calls --------------------------------------------------------------------------

    @contextlib.contextmanager
    def traced(self, otto):
        thread = thread_named(otto.pid, "otto-worker-0")
        try:
            with Traced(thread, os.path.join(self.folder(), "trace")) as traced:
                yield traced
        except Traced.Forbidden as reason:
            self.skipTest(str(reason))

    def calls(self, count):
        otto = self.started()
        clients = self.warm(otto, count)
        with self.traced(otto) as traced:
            requests = self.measured(clients)
        return traced.calls, requests

    def assert_calls(self, calls, requests, waits):
        kinds = collections.Counter(kind_of(call) for call in without_looks(calls))
        report = table(self.id(), collections.Counter(shown(call) for _, call in calls), requests)
        print(report, flush=True)
        limits = {"receive": 2 * requests + MARGIN, "send": 2 * requests,
                  "wait": waits * requests + MARGIN,
                  "restart_syscall": 1}  # attaching cuts a wait short
        excess = [f"{kind}: {count} in {requests} requests, not {limits.get(kind, 0)}"
                  for kind, count in sorted(kinds.items()) if count > limits.get(kind, 0)]
        self.assertGreaterEqual(kinds["send"], 2 * requests, "not all was traced")
        if excess:
            self.fail("\n".join(["too many system calls:", *excess, report]))

    def test_calls_one_after_the_other(self):
        # Each request is waited for, and so is its reply: there is nothing else to wake up for.
        self.assert_calls(*self.calls(1), waits=2)

    def test_calls_of_many_connections(self):
        self.assert_calls(*self.calls(CLIENTS), waits=1)

    def assert_spliced(self, **request):
        otto = self.started()
        clients = self.warm(otto, 2, **request)
        served = 0
        with self.traced(otto) as traced:
            while served < MEASURED / 10:
                served += self.serve(clients, **request)
        moved = collections.Counter()
        for _, call in traced.calls:
            kind = kind_of(call)
            result = re.search(r"\) += (\d+)$", call)
            if result and (kind == "splice" or kind == "receive" and "MSG_PEEK" not in call):
                moved[kind] += int(result[1])
        print(table(f"{self.id()}: bytes", moved, served), flush=True)
        self.assertGreaterEqual(moved["splice"], 2 * (LARGE - COPIED) * served, "into and out")
        self.assertLessEqual(moved["receive"], COPIED * served)

    def test_large_replies_are_not_copied(self):
        self.assert_spliced(target=f"/bytes/{LARGE}")

    def test_large_uploads_are_not_copied(self):
        self.assert_spliced(target="/echo", body=b"x" * LARGE)

    # ---- allocations ---------------------------------------------------------------------------

    def allocations(self, count, **request):
        """{stack: count} of the worker while it served, the number of requests, the objects."""
        file = os.path.join(self.folder(), "allocations")
        otto = self.started(environment={"LD_PRELOAD": os.environ["COUNT_ALLOCATIONS"],
                                         "COUNT_ALLOCATIONS_INTO": file})
        clients = self.warm(otto, count, **request)
        thread = thread_named(otto.pid, "otto-worker-0")
        allocations = Allocations(file)
        self.addCleanup(allocations.close)
        before = allocations.of(thread)
        self.assertTrue(before, "nothing is counted")
        requests = self.measured(clients, **request)
        return allocations.of(thread) - before, requests, Objects(otto.pid)

    def judge(self, stacks, objects):
        """({libevent's function: count}, {(object, offsets of the call): count} of all others)."""
        libevent, others = collections.Counter(), collections.Counter()
        for stack, count in stacks.items():
            places = [objects.find(address) for address in stack]
            callers = [place for place in places
                       if not os.path.basename(place[0]).startswith(TRANSPARENT)]
            culprit = callers[0][0] if callers else "?"
            if os.path.basename(culprit).startswith(LIBEVENT):
                libevent[self.name(callers, objects)] += count
            else:
                offsets = tuple(offset for path, offset in callers if path == culprit)
                others[culprit, offsets] += count
        return libevent, others

    @staticmethod
    def name(callers, objects):
        """Libevent's functions from the one that allocates to the one that was called."""
        names = []
        for path, offset in callers:
            if not os.path.basename(path).startswith(LIBEVENT):
                break
            name = objects.symbol(path, offset)
            if name is None and not names:  # a function of its own, which has no name outside
                name = f"{os.path.basename(path)}+{offset:#x}"
            if name and not name.startswith("event_mm_"):
                names.append(name)
        return " < ".join(names[:3])

    def assert_allocations(self, stacks, requests, objects):
        libevent, others = self.judge(stacks, objects)
        print(table(f"{self.id()}: libevent's allocations", libevent, requests), flush=True)
        self.assertLessEqual(sum(libevent.values()), MARGIN, "evhttp is asked once a connection")
        if others:
            sites = collections.Counter()
            from_ = "\n" + 24 * " " + "from "
            for (path, offsets), count in others.items():
                lines = objects.lines(path, offsets) if path.startswith("/") else []
                sites[from_.join([os.path.basename(path), *lines])] += count
            self.fail(table("Otto's own allocations", sites, requests))

    def test_allocations_one_after_the_other(self):
        self.assert_allocations(*self.allocations(1))

    def test_allocations_of_many_connections(self):
        self.assert_allocations(*self.allocations(CLIENTS))

    def test_allocations_of_a_browser(self):
        self.assert_allocations(*self.allocations(1, headers=BROWSER))

    def test_allocations_for_the_access_log(self):
        self.more = {"accessLog": "/dev/null"}
        self.assert_allocations(*self.allocations(1, headers=BROWSER))

    def test_allocations_of_small_uploads(self):
        self.assert_allocations(*self.allocations(1, target="/echo", body=b"x" * 100))


if __name__ == "__main__":
    main_without_sanitizer()
