#!/usr/bin/env python3
"""What parts of Otto cost: the same Otto with and without them, side by side on this machine.
`run.sh cost` builds what this needs.

    cost.py [--cost NAME…] [--rounds 15] [--seconds 2] [--json FILE]
    cost.py --against PATH [--otto PATH] [--workload NAME] [--rounds 15] [--seconds 2]

The second form compares two binaries. In every round both variants run once, in an order that
alternates; a ratio is the median over the rounds of the one's figure by the other's in the same
round. A goal that was missed does not change the exit status; an error of a variant does.
"""

import argparse
import contextlib
import dataclasses
import http.client
import json
import os
import shutil
import statistics
import sys
import tempfile
import threading
import time
from types import SimpleNamespace

import report
from compare import SHARE_OF_SLOWEST, Refused, cpu_sets, raise_file_limit, run_busy
from programs import NotStarted, Servers
from proxies import Otto
from proxy import PATIENCE, free_port
from workloads import WORKLOADS, Workload

SCRAPE_GOAL = 0.05  # seconds


@dataclasses.dataclass(frozen=True)
class Variant:
    """An Otto: which binary ("otto" or "otto_plain", without metrics), and what its configuration
    has besides; DIRECTORY in it is one of its own."""
    name: str
    binary: str = "otto"
    config: dict = dataclasses.field(default_factory=dict)
    scraped: bool = False  # once a second


@dataclasses.dataclass(frozen=True)
class Cost:
    name: str
    title: str
    workload: Workload
    plain: Variant
    dear: Variant
    goal: float = None  # greatest ratio of `metric`

    @property
    def metric(self):
        return self.workload.metric


def workload(name):
    return next(each for each in WORKLOADS if each.name == name)


SMALL = workload("100B")
COSTS = [
    Cost("noise", "the same twice: what a ratio is worth here", SMALL,
         Variant("once"), Variant("again")),
    Cost("metrics", "metrics, against a build without them", SMALL,
         Variant("without", "otto_plain"), Variant("with"), 1.03),
    Cost("access-log", "an access log in a file, against none", SMALL,
         Variant("off"), Variant("file", config={"accessLog": "DIRECTORY/access.log"}), 1.10),
    Cost("scrape", "a scrape of 1,000 servers each second, against none",
         dataclasses.replace(workload("fixed-rate"), servers=1000),
         Variant("alone"), Variant("scraped", scraped=True)),
]


class Running(Otto):
    """An Otto of a variant."""

    def __init__(self, variant, tools, *more):
        self.variant = variant
        self.name = variant.name
        self.admin = free_port()
        self.scrapes = []  # seconds
        self.size = 0      # bytes of a scrape
        super().__init__(tools, *more)

    def configuration(self):
        config = json.loads(super().configuration())
        more = json.loads(json.dumps(self.variant.config).replace("DIRECTORY", self.directory))
        return json.dumps({**config, "admin": {"port": f"127.0.0.1:{self.admin}"}, **more})

    def command(self):
        return [getattr(self.tools, self.variant.binary), "--config", self.file]

    def scrape(self):
        connection = http.client.HTTPConnection(f"127.0.0.1:{self.admin}", timeout=PATIENCE)
        try:
            begun = time.monotonic()
            connection.request("GET", "/metrics")
            response = connection.getresponse()
            page = response.read()
            if response.status != 200:
                raise NotStarted(f"{self.name} answers {response.status} to a scrape")
            self.scrapes.append(time.monotonic() - begun)
            self.size = len(page)
        finally:
            connection.close()

    @contextlib.contextmanager
    def scraped(self):
        """A scrape each second meanwhile, if this variant is for that."""
        over = threading.Event()

        def work():
            self.scrape()
            while not over.wait(1):
                self.scrape()

        thread = threading.Thread(target=work, daemon=True)
        if self.variant.scraped:
            thread.start()
        try:
            yield
        finally:
            over.set()
            if self.variant.scraped:
                thread.join()


def measure(cost, tools, options, directory):
    """{variant: [result of each round]}, and how the scrapes went."""
    servers, running = None, []
    proxy_cpus, other_cpus = cpu_sets(cost.workload.workers)
    try:
        servers = Servers(tools, os.path.join(directory, "servers"), cost.workload.servers, False,
                          other_cpus)
        for variant in (cost.plain, cost.dear):
            running.append(Running(variant, tools, os.path.join(directory, variant.name),
                                   servers.urls, cost.workload.workers, cost.workload.connections,
                                   proxy_cpus))
        rate = 0
        if cost.workload.fixed_rate:
            most = min(run_busy(tools, options, cost.workload, each, 0)["rate"] for each in running)
            rate = round(SHARE_OF_SLOWEST * most)
        results = {each.name: [] for each in running}
        for number in range(options.rounds):
            for each in running[::-1] if number % 2 else running:
                with each.scraped():
                    results[each.name].append(
                        run_busy(tools, options, cost.workload, each, rate))
            print(".", end="", file=sys.stderr, flush=True)
        print(file=sys.stderr)
        return results, rate, running[1]
    except (NotStarted, OSError) as error:
        raise Refused(str(error)) from error
    finally:
        for each in [*running, *([servers] if servers else [])]:
            each.stop()


def tell(cost, results, rate, dear):
    """Prints it; returns what --json writes."""
    pace = f", {rate} requests/s" if rate else ""
    print(f"\n{cost.name}: {cost.title} ({cost.workload.title}{pace})")
    columns = ["cpu", "rate", "p50", "p99", "p999", "busy"]
    rows = [["variant", *(report.COLUMNS[column][0] for column in columns)]]
    for name, runs in results.items():
        rows.append([name, *(report.spread([run[column] for run in runs],
                                           *report.COLUMNS[column][1:])
                             if column in (cost.metric, "p99") else
                             f"{statistics.median(run[column] for run in runs):.{report.COLUMNS[column][2]}f}"
                             for column in columns)])
    report.print_table(rows)
    written = {"name": cost.name, "runs": results, "rate": rate or None, "ratios": {}}
    for metric in dict.fromkeys((cost.metric, "cpu")):
        ratios = [mine[metric] / theirs[metric]
                  for theirs, mine in zip(results[cost.plain.name], results[cost.dear.name])]
        goal = cost.goal if metric == cost.metric else None
        report.print_table([[f"{cost.dear.name}/{cost.plain.name}, {report.METRICS[metric]}",
                             report.spread(ratios, 1, 3), report.verdict(ratios, goal)]])
        written["ratios"][metric] = ratios
    if dear.scrapes:
        took = statistics.median(dear.scrapes)
        print(f"  a scrape of {dear.size / (1 << 20):.1f} MiB takes "
              f"{report.spread(dear.scrapes, 1000, 1)} ms under that load  "
              f"goal ≤ {SCRAPE_GOAL * 1000:g}  {'ok' if took <= SCRAPE_GOAL else 'MISSED'}")
        written["scrapes"] = dear.scrapes
    sys.stdout.flush()
    return written


def parse_options():
    build = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../build")
    parser = argparse.ArgumentParser(description="What parts of Otto cost.")
    parser.add_argument("--cost", nargs="+", metavar="NAME", choices=[each.name for each in COSTS],
                        help="these only: " + ", ".join(each.name for each in COSTS))
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=2.0, help="each run is measured")
    parser.add_argument("--json", metavar="FILE", help="all results, for machines")
    parser.add_argument("--otto", metavar="PATH", default=f"{build}/release/daemon/otto")
    parser.add_argument("--plain", metavar="PATH", default=f"{build}/no-metrics/daemon/otto",
                        help="an Otto built with OTTO_METRICS=OFF")
    parser.add_argument("--against", metavar="PATH", help="compare --otto with this binary alone")
    parser.add_argument("--workload", metavar="NAME", default="100B", help="for that",
                        choices=[each.name for each in WORKLOADS if not each.idle])
    parser.add_argument("--tools", metavar="DIR", default=f"{build}/release/tests",
                        help=argparse.SUPPRESS)
    return parser.parse_args()


def main():
    options = parse_options()
    raise_file_limit()
    tools = SimpleNamespace(otto=os.path.abspath(options.otto),
                            otto_plain=os.path.abspath(options.against or options.plain),
                            load=os.path.abspath(f"{options.tools}/bench_load"),
                            server=os.path.abspath(f"{options.tools}/bench_server"))
    costs = [each for each in COSTS if not options.cost or each.name in options.cost]
    if options.against:
        costs = [Cost("binaries", f"{options.otto} against {options.against}",
                      workload(options.workload), Variant("against", "otto_plain"),
                      Variant("otto"))]
    written, refused = [], False
    directory = tempfile.mkdtemp(prefix="otto-bench-")
    try:
        for cost in costs:
            print(f"{cost.name}: ", end="", file=sys.stderr, flush=True)
            try:
                written.append(tell(cost, *measure(cost, tools, options,
                                                   tempfile.mkdtemp(dir=directory))))
            except Refused as error:
                refused = True
                print(f"\n{cost.name}: NO RESULT: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        return 130
    finally:
        shutil.rmtree(directory, ignore_errors=True)
        if options.json:
            with open(options.json, "w", encoding="utf-8") as file:
                json.dump({"rounds": options.rounds, "seconds": options.seconds,
                           "costs": written}, file, indent=1)
                file.write("\n")
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
