"""The proxies that are compared: how each is configured and started.

Equal settings: so many workers, keep-alive with a pool of idle connections that is large enough on
the servers' side, no cap on requests per connection, no logs, no health checks, time-outs of idle
connections beyond a run, and the same forwarding fields for the server, except for nginx-minimal.
"""

import json
import os
import resource
import subprocess

from proxy import Proxy

IDLE = 120  # seconds
CLIENTS = 12000  # at once, at most
ENDLESS = 1_000_000_000


def first_line(*command):
    """What a program says about its version."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False)
    return done.stdout.strip().split("\n", 1)[0]


class Otto(Proxy):
    name = "otto"

    def configuration(self):
        return json.dumps({
            "port": self.address, "workers": self.workers, "servers": self.servers,
            "healthCheck": {"type": "off"}, "limits": {"connections": CLIENTS},
            "timeouts": {"clientIdle": f"{IDLE}s", "serverIdle": f"{IDLE}s", "drain": "1s"}})

    def command(self):
        return [self.tools.otto, "--config", self.file]

    def environment(self):
        return {"STATE_DIRECTORY": self.directory}

    @staticmethod
    def version(tools):
        return first_line(tools.otto, "--version")


class Nginx(Proxy):
    name = "nginx"
    set_fields = """
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $remote_addr;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_set_header X-Forwarded-Host $http_host;
            proxy_set_header Forwarded "for=$remote_addr;host=$http_host;proto=$scheme";
            proxy_set_header X-Request-Id $request_id;"""

    def configuration(self):
        files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        servers = "".join(f"        server {server.removeprefix('http://')};\n"
                          for server in self.servers)
        temporary = "".join(f"    {kind}_temp_path {self.path(kind)};\n" for kind in
                            ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        return f"""{"user root root;" if os.geteuid() == 0 else ""}
daemon off;
pid {self.path("pid")};
error_log stderr error;
worker_processes {self.workers};
worker_rlimit_nofile {files};
events {{ worker_connections {files - 100}; }}
http {{
{temporary}    access_log off;
    keepalive_timeout {IDLE}s;
    keepalive_requests {ENDLESS};
    client_max_body_size 0;
    upstream servers {{
{servers}        keepalive {self.pool};
        keepalive_timeout {IDLE}s;
        keepalive_requests {ENDLESS};
    }}
    server {{
        listen {self.address} backlog=4096;
        location / {{
            proxy_pass http://servers;
            proxy_http_version 1.1;
            proxy_set_header Connection "";{self.set_fields}
        }}
    }}
}}
"""

    def command(self):
        return ["nginx", "-p", self.directory, "-c", self.file, "-e", "stderr"]

    @staticmethod
    def version(tools):
        return first_line("nginx", "-v")


class NginxMinimal(Nginx):
    """As most manuals configure it: two fields, where Otto sets five."""

    name = "nginx-minimal"
    special = True
    fields = ("host", "x-forwarded-for")
    set_fields = """
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $remote_addr;"""


class Haproxy(Proxy):
    name = "haproxy"
    splice = ""

    def configuration(self):
        servers = "".join(
            f"    server s{number} {place(server)}\n" for number, server in enumerate(self.servers))
        return f"""global
    nbthread {self.workers}
    maxconn {CLIENTS}
    no strict-limits  # more clients than half of the limit on files is fine: most are idle
    tune.pool-low-fd-ratio 100  # by default no connection is kept when many files are open
    tune.pool-high-fd-ratio 100
defaults
    mode http
    no log
    timeout connect 5s
    timeout client {IDLE}s
    timeout server {IDLE}s
    timeout http-keep-alive {IDLE}s
    http-reuse always
    default-server pool-purge-delay {IDLE}s
    {self.splice}
frontend clients
    bind {self.address} backlog 4096
    maxconn {CLIENTS}
    http-request set-header X-Forwarded-For %[src]
    http-request set-header X-Forwarded-Proto http
    http-request set-header X-Forwarded-Host %[req.hdr(host)]
    http-request set-header Forwarded for=%[src];host=%[req.hdr(host)];proto=http
    http-request set-header X-Request-Id %[uuid]
    default_backend servers
backend servers
    balance roundrobin
{servers}"""

    def command(self):
        return ["haproxy", "-db", "-q", "-f", self.file]

    @staticmethod
    def version(tools):
        return first_line("haproxy", "-v")


class HaproxySplice(Haproxy):
    name = "haproxy-splice"
    special = True
    splice = "option splice-request\n    option splice-response"


class Caddy(Proxy):
    name = "caddy"

    def configuration(self):
        servers = " ".join(place(server).replace("unix@", "unix/") for server in self.servers)
        return f"""{{
    admin off
    auto_https off
    log {{
        level ERROR
    }}
    servers {{
        timeouts {{
            idle {IDLE}s
        }}
    }}
}}
http://:{self.port} {{
    bind 127.0.0.1
    reverse_proxy {servers} {{
        lb_policy round_robin
        header_up Forwarded "for={{remote_host}};host={{hostport}};proto={{scheme}}"
        header_up X-Request-Id {{http.request.uuid}}
        transport http {{
            compression off
            keepalive {IDLE}s
            keepalive_idle_conns {8 * self.pool}
            keepalive_idle_conns_per_host {self.pool}
        }}
    }}
}}
"""

    def command(self):
        return ["caddy", "run", "--config", self.file, "--adapter", "caddyfile"]

    def environment(self):
        return {"GOMAXPROCS": str(self.workers), "HOME": self.directory,
                "XDG_DATA_HOME": self.directory, "XDG_CONFIG_HOME": self.directory}

    @staticmethod
    def version(tools):
        return "caddy " + first_line("caddy", "version")


class Go(Proxy):
    name = "go"

    def command(self):
        return [self.tools.go_proxy, "-listen", self.address, *self.servers]

    def environment(self):
        return {"GOMAXPROCS": str(self.workers)}

    @staticmethod
    def version(tools):
        return "httputil.ReverseProxy, " + first_line("go", "version")


def place(server):
    """As HAProxy writes it."""
    if server.startswith("unix:"):
        return "unix@" + server.removeprefix("unix:")
    return server.removeprefix("http://")


PEERS = {kind.name: kind for kind in (Otto, Nginx, NginxMinimal, Haproxy, HaproxySplice, Caddy, Go)}
