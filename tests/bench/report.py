"""Results as people read them: medians over the rounds, with the least and the greatest [a–b]."""

from statistics import median

from workloads import GROWTH_GOALS

COLUMNS = {  # of a result: heading, factor, decimals
    "cpu": ("CPU µs/request", 1, 2),
    "rate": ("requests/s", 1, 0),
    "p50": ("p50 µs", 1, 0),
    "p99": ("p99 µs", 1, 0),
    "p999": ("p99.9 µs", 1, 0),
    "busy": ("CPUs busy", 1, 2),
    "memory": ("KiB/client", 1 / 1024, 2),
    "peak": ("peak RSS MiB", 1 / (1 << 20), 1),
    "pss": ("PSS MiB", 1 / (1 << 20), 1),
}
METRICS = {"cpu": "CPU per request", "p99": "p99", "peak": "peak RSS, all processes"}


def print_machine(about, options):
    print(f"{about['cpu']}, {about['cpus']} CPUs, Linux {about['kernel']}, load average "
          f"{about['load'][0]:.2f}; {options.rounds} rounds of {options.seconds:g} s")
    for name, version in about["versions"].items():
        print(f"  {name}: {version}")
    if about["load"][0] > 0.5:
        print("  The machine is not idle: other work is in these figures.")


def spread(values, factor, decimals):
    low, high = min(values) * factor, max(values) * factor
    return f"{median(values) * factor:.{decimals}f} [{low:.{decimals}f}–{high:.{decimals}f}]"


def print_table(rows):
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
        print("  " + "  ".join(cells).rstrip())


def verdict(ratios, goal):
    if goal is None:
        return ""
    return f"goal ≤ {goal:g}  {'ok' if median(ratios) <= goal else 'MISSED'}"


def as_ratio(what, peer, ratios, goal):
    """A row for people, and the same for machines."""
    row = [f"otto/{peer}, {what}", spread(ratios, 1, 3), verdict(ratios, goal)]
    return row, {"peer": peer, "what": what, "median": median(ratios), "least": min(ratios),
                 "greatest": max(ratios), "goal": goal,
                 "ok": None if goal is None else median(ratios) <= goal}


def block(workload, result, rate):
    """Prints a workload's table; returns what --json writes of it."""
    pace = f", {rate} requests/s" if rate else ""
    print(f"\n{workload.name}: {workload.title} ({workload.workers} worker"
          f"{'s' if workload.workers > 1 else ''}, {workload.connections} connections, "
          f"{workload.servers} servers{pace})")
    first = next(iter(result.values()))[0]
    columns = [name for name in COLUMNS if name in first]
    rows = [["proxy", *(COLUMNS[name][0] for name in columns)]]
    for peer, runs in result.items():
        cells = []
        for name in columns:
            _, factor, decimals = COLUMNS[name]
            values = [run[name] for run in runs]
            if name in (workload.metric, "rate"):
                cells.append(spread(values, factor, decimals))
            else:
                cells.append(f"{median(values) * factor:.{decimals}f}")
        rows.append([peer, *cells])
    print_table(rows)

    ratios = []
    for peer, runs in result.items():
        if peer != "otto":
            ratios.append(as_ratio(
                METRICS[workload.metric], peer,
                [ours[workload.metric] / theirs[workload.metric]
                 for ours, theirs in zip(result["otto"], runs)], workload.goals.get(peer)))
    if ratios:
        print_table([row for row, _ in ratios])
    return {"name": workload.name, "title": workload.title, "rate": rate or None,
            "runs": result, "ratios": [data for _, data in ratios]}


def growth(workloads, results):
    """How CPU per request grows over a series, Otto's by each peer's."""
    if len(workloads) < 2:
        return []
    first, last = results[0], results[-1]
    grown = {peer: [b["cpu"] / a["cpu"] for a, b in zip(first[peer], last[peer])]
             for peer in first}
    print(f"\nCPU per request, {workloads[-1].name} by {workloads[0].name}")
    print_table([[peer, spread(values, 1, 3)] for peer, values in grown.items()])
    ratios = [as_ratio("growth", peer, [a / b for a, b in zip(grown["otto"], values)],
                       GROWTH_GOALS.get(peer))
              for peer, values in grown.items() if peer != "otto"]
    if ratios:
        print_table([row for row, _ in ratios])
    return [{"name": f"growth of {workloads[0].group}", "growth": grown,
             "ratios": [data for _, data in ratios]}]
