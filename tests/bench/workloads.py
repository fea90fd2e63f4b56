"""The table of workloads, and what Otto is to reach in each against its peers."""

from dataclasses import dataclass, field

SMALL = {"nginx": 0.92, "haproxy": 0.88, "go": 0.25}
MEBI = 1 << 20


@dataclass(frozen=True)
class Workload:
    """One way to use a proxy. Those of one series run side by side, in the same rounds."""

    name: str
    title: str
    series: str = ""
    size: int = 100            # bytes of the reply's body
    upload: int = 0            # bytes of the request's
    connections: int = 64
    servers: int = 5
    workers: int = 1
    unix: bool = False         # servers on UNIX sockets
    browser: bool = False
    new_connections: bool = False
    idle: bool = False         # the connections are opened, used once, and held
    fixed_rate: bool = False   # open loop at 60 % of what the slowest peer can do
    also: tuple = ()           # peers that run in this one only
    goals: dict = field(default_factory=dict)  # greatest ratio by peer; of `metric`

    @property
    def group(self):
        return self.series or self.name

    @property
    def metric(self):
        return "peak" if self.idle else "p99" if self.fixed_rate else "cpu"

    def load_options(self):
        options = ["--path", f"/bytes/{self.size}", "--expect", str(self.size),
                   "--connections", str(self.connections)]
        if self.upload:
            options += ["--upload", str(self.upload)]
        for name in ("browser", "new_connections", "idle"):
            if getattr(self, name):
                options.append("--" + name.replace("_", "-"))
        return options

    def setting(self):
        """What a running proxy depends on."""
        return self.servers, self.unix, self.workers


WORKLOADS = [
    Workload("100B", "replies of 100 bytes", also=("nginx-minimal",),
             goals=SMALL | {"nginx-minimal": 0.86}),
    Workload("1KiB", "replies of 1 KiB", size=1024, goals=SMALL),
    Workload("64KiB", "replies of 64 KiB", size=65536, goals={"nginx": 0.55, "haproxy": 1.05}),
    Workload("10MiB", "replies of 10 MiB", size=10 * MEBI, connections=8, also=("haproxy-splice",),
             goals={"nginx": 0.35, "haproxy": 0.5, "haproxy-splice": 1.0}),
    Workload("browser", "request heads like a browser's (12 fields, 1 KiB), replies of 1 KiB",
             size=1024, browser=True, also=("nginx-minimal",),
             goals=SMALL | {"nginx-minimal": 0.90}),
    Workload("upload", "uploads of 10 MiB", size=2, upload=10 * MEBI, connections=8, also=("haproxy-splice",),
             goals={"nginx": 0.5, "haproxy": 1.0}),
    Workload("new-connections", "a new connection per request, replies of 100 bytes",
             new_connections=True, goals={"nginx": 0.92, "haproxy": 0.95}),
    Workload("unix", "servers on UNIX sockets, replies of 100 bytes", unix=True),
    *(Workload(f"servers-{count}", f"{count} servers, replies of 100 bytes", "servers",
               servers=count) for count in (5, 100, 1000)),
    *(Workload(f"connections-{count}", f"{count} busy connections, replies of 100 bytes",
               "connections", connections=count) for count in (10, 64, 1000, 4000)),
    Workload("2-workers", "replies of 100 bytes, 2 workers, nothing pinned", workers=2),
    Workload("idle-10000", "10,000 idle keep-alive clients", connections=10000, idle=True,
             goals={"nginx": 1.0, "haproxy": 1.2}),
    Workload("fixed-rate", "replies of 100 bytes at a fixed rate, 2 workers, nothing pinned",
             workers=2, fixed_rate=True, goals={"nginx": 1.15, "haproxy": 1.15}),
]

# From the first to the last of a series, Otto's CPU time per request grows by no more than this
# factor times that of the peer.
GROWTH_GOALS = {"nginx": 1.05}
