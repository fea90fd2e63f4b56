#!/usr/bin/env python3
"""Compares Otto with its peers, side by side on this machine. run.sh builds what this needs.

    compare.py [--workload NAME…] [--peer NAME…] [--rounds 9] [--seconds 2] [--json FILE]

In every round each proxy runs once, in an order that changes from round to round; all stay up over
the rounds of a workload, idle but for the one that is measured. A ratio is the median over the
rounds of Otto's figure by the peer's in the same round. With one worker the proxy has a CPU of its
own where there are two; with two workers nothing is pinned. CPU time is that of all processes of
the proxy (the clocks that clock_getcpuclockid(3) names), from the first request to the last reply.

No ratio is printed for a workload in which a proxy returned an error or did not start: stderr says
which, and the exit status is 1. A goal that was missed does not change the exit status.
"""

import argparse
import json
import os
import platform
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from types import SimpleNamespace

import report
from programs import NotStarted, Servers
from proxies import PEERS
from workloads import WORKLOADS

WARM_UP = 0.3
SHARE_OF_SLOWEST = 0.6


class Refused(Exception):
    """Why a workload has no result."""


def cpu_sets(workers):
    """(of the proxy, of everything else); None: not pinned."""
    cpus = sorted(os.sched_getaffinity(0))
    if workers > 1 or len(cpus) < 2:
        return None, None
    return {cpus[0]}, set(cpus[1:])


def load(tools, workload, proxy, *options, hold=None):
    """Runs the client. hold(): called while --idle connections are held."""
    _, cpus = cpu_sets(workload.workers)
    command = [tools.load, "--server", proxy.address, *workload.load_options(), *options]
    for pid in proxy.pids():
        command += ["--cpu-of", str(pid)]
    with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, preexec_fn=lambda: cpus and os.sched_setaffinity(0, cpus)) as client:
        try:
            held = hold() if hold and client.stdout.readline() else None
            out, err = client.communicate(timeout=120)
        except BaseException:
            client.kill()
            raise
    if client.returncode != 0 or not out:
        raise Refused(f"{proxy.name}: the client failed: {err.strip()}")
    result = json.loads(out)
    errors = {kind: count for kind, count in result["errors"].items() if count}
    if errors or not result["requests"]:
        raise Refused(f"{proxy.name} returned errors: {errors or 'no reply at all'}"
                      f"{proxy.program.last_words()}")
    return result, held


def run_busy(tools, options, workload, proxy, rate):
    more = ["--rate", str(rate)] if rate else []
    result, _ = load(tools, workload, proxy, "--seconds", str(options.seconds),
                     "--warm-up", str(WARM_UP), *more)
    return {"cpu": result["cpu"] / result["requests"] * 1e6, "rate": result["rate"],
            "p50": result["p50"], "p99": result["p99"], "p999": result["p999"],
            "busy": result["cpu"] / result["seconds"], "requests": result["requests"],
            "client": result["client_cpu"], "peak": proxy.peak(), "pss": proxy.pss()}


def run_idle(tools, workload, proxy):
    """Memory per idle client, after a few requests have made the proxy warm."""
    warm = next(other for other in WORKLOADS if other.name == "100B")
    load(tools, warm, proxy, "--seconds", str(WARM_UP), "--warm-up", "0")
    before = proxy.pss()
    _, after = load(tools, workload, proxy, hold=proxy.pss)
    return {"memory": (after - before) / workload.connections, "pss": after, "peak": proxy.peak()}


class Series:
    """Workloads that run side by side, with what runs for them."""

    def __init__(self, tools, options, directory, workloads):
        self.tools = tools
        self.options = options
        self.directory = directory
        self.workloads = workloads
        self.names = [name for name in options.peer
                      if not PEERS[name].special or any(name in w.also for w in workloads)]
        self.servers = {}
        self.proxies = {}
        self.started = 0
        self.rate = 0

    def run(self):
        """[{peer: [result of each round]} for each workload]."""
        results = [{name: [] for name in self.names} for _ in self.workloads]
        try:
            self._find_rate()
            for number in range(self.options.rounds):
                for name in self._order(number):
                    for workload, result in zip(self.workloads, results):
                        result[name].append(self._measure(workload, name))
                print(".", end="", file=sys.stderr, flush=True)
            print(file=sys.stderr)
            return results
        except (NotStarted, OSError) as error:
            raise Refused(str(error)) from error
        finally:
            self._stop()

    def _order(self, number):
        """Rotated each round, every other one backwards: nobody always follows the same one."""
        shift = number % len(self.names)
        order = self.names[shift:] + self.names[:shift]
        return order[::-1] if number % 2 else order

    def _measure(self, workload, name):
        proxy = self._proxy(workload, name)
        if not workload.idle:
            return run_busy(self.tools, self.options, workload, proxy, self.rate)
        try:
            return run_idle(self.tools, workload, proxy)
        finally:  # memory that it keeps would be no growth the next time
            self.proxies.pop((workload.setting(), name)).stop()

    def _find_rate(self):
        """Of a workload at a fixed rate; by a closed loop."""
        first = self.workloads[0]
        if first.fixed_rate:
            most = {name: self._measure(first, name)["rate"] for name in self.names}
            slowest = min(most, key=most.get)
            self.rate = round(SHARE_OF_SLOWEST * most[slowest])
            print(f"at most {slowest} does {most[slowest]:.0f} requests/s", file=sys.stderr)

    def _proxy(self, workload, name):
        setting = workload.setting()
        if setting not in self.servers:
            self.servers[setting] = Servers(
                self.tools, self._directory("servers"), workload.servers, workload.unix,
                cpu_sets(workload.workers)[1])
        if (setting, name) not in self.proxies:
            most = max(w.connections for w in self.workloads if w.setting() == setting)
            self.proxies[setting, name] = PEERS[name](
                self.tools, self._directory(name), self.servers[setting].urls, workload.workers,
                most, cpu_sets(workload.workers)[0])
        return self.proxies[setting, name]

    def _directory(self, name):
        self.started += 1
        return os.path.join(self.directory, f"{self.started}-{name}")

    def _stop(self):
        for running in [*self.proxies.values(), *self.servers.values()]:
            running.stop()
        self.proxies, self.servers = {}, {}


def parse_options():
    build = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../build/release")
    parser = argparse.ArgumentParser(
        description="Compares Otto with other proxies on this machine.")
    parser.add_argument("--workload", nargs="+", metavar="NAME", help="these only (or a series)")
    parser.add_argument("--peer", nargs="+", metavar="NAME", choices=[*PEERS],
                        help="these only, besides otto: " + ", ".join(list(PEERS)[1:]))
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=2.0, help="each run is measured")
    parser.add_argument("--json", metavar="FILE", help="all results, for machines")
    parser.add_argument("--otto", metavar="PATH", default=f"{build}/daemon/otto",
                        help="measure this binary instead of the release build's")
    parser.add_argument("--build", metavar="DIR", default=build, help=argparse.SUPPRESS)
    parser.add_argument("--list", action="store_true", help="the workloads")
    options = parser.parse_args()
    known = {name for workload in WORKLOADS for name in (workload.name, workload.group)}
    for name in options.workload or []:
        if name not in known:
            parser.error(f"no workload {name}; --list names them")
    options.peer = [name for name in PEERS
                    if name == "otto" or not options.peer or name in options.peer]
    return options


def selected(names):
    """The workloads, by series."""
    groups = {}
    for workload in WORKLOADS:
        if not names or workload.name in names or workload.group in names:
            groups.setdefault(workload.group, []).append(workload)
    return list(groups.values())


def machine(tools, options):
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        models = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    return {"cpu": models[0] if models else platform.machine(),
            "cpus": len(os.sched_getaffinity(0)), "kernel": platform.release(),
            "load": os.getloadavg(),
            "versions": {name: PEERS[name].version(tools) for name in options.peer}}


def raise_file_limit():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for limit in (65536, hard):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (max(limit, hard), max(limit, hard)))
            return
        except ValueError:  # only root may raise the hard limit
            continue


def main():
    options = parse_options()
    if options.list:
        for workload in WORKLOADS:
            print(f"{workload.name:18} {workload.title}")
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    raise_file_limit()
    built = os.path.abspath(os.path.join(options.build, "tests"))
    tools = SimpleNamespace(otto=os.path.abspath(options.otto), load=f"{built}/bench_load",
                            server=f"{built}/bench_server", go_proxy=f"{built}/reverse_proxy")
    for tool in vars(tools).values():
        if not os.access(tool, os.X_OK):
            sys.exit(f"compare.py: there is no {tool}; run.sh builds what is needed")
    about = machine(tools, options)
    report.print_machine(about, options)
    sys.stdout.flush()
    written, refused = [], False
    directory = tempfile.mkdtemp(prefix="otto-bench-")
    try:
        for workloads in selected(options.workload):
            series = Series(tools, options, tempfile.mkdtemp(dir=directory), workloads)
            print(f"{workloads[0].group}: ", end="", file=sys.stderr, flush=True)
            try:
                results = series.run()
            except Refused as error:
                refused = True
                print(f"\n{workloads[0].group}: NO RESULT: {error}", file=sys.stderr)
                written.append({"name": workloads[0].group, "error": str(error)})
                continue
            for workload, result in zip(workloads, results):
                written.append(report.block(workload, result, series.rate))
            written += report.growth(workloads, results)
            sys.stdout.flush()
    except KeyboardInterrupt:
        return 130
    finally:
        shutil.rmtree(directory, ignore_errors=True)
        if options.json:
            with open(options.json, "w", encoding="utf-8") as file:
                json.dump({"machine": about, "rounds": options.rounds,
                           "seconds": options.seconds, "workloads": written}, file, indent=1)
                file.write("\n")
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
