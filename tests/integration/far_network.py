"""A network in which everything takes a while, as between a data centre and its clients.

    if __name__ == "__main__":
        far_network.enter()
        main()

enter() runs the script again in a network namespace of its own. There, FarNetwork makes a listener at
FarNetwork.HERE one that clients reach at FarNetwork.THERE: each packet goes through a TUN device and comes
back later with its addresses swapped. The kernel's TCP is at both ends, so a FIN crosses a request as it does in
the field. tc's netem does the same where the kernel has it.
"""

import collections
import fcntl
import os
import selectors
import struct
import subprocess
import sys
import threading
import time

SKIPPED = 77  # exit status, as tests/CMakeLists.txt says
TUNSETIFF = 0x400454ca
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000


def enter():
    """Goes on in a new network namespace, or ends the process with SKIPPED."""
    if os.environ.get("OTTO_FAR_NETWORK"):
        return
    unshare = ["unshare", "--net"] + ([] if os.geteuid() == 0 else ["--user", "--map-root-user"])
    tried = subprocess.run([*unshare, "ip", "tuntap", "add", "dev", "far", "mode", "tun"],
                           capture_output=True, text=True, check=False)
    if tried.returncode != 0:
        print(f"skipped: no network namespace with a TUN device: {tried.stderr.strip()}", file=sys.stderr)
        sys.exit(SKIPPED)
    os.environ["OTTO_FAR_NETWORK"] = "1"
    os.execvp("unshare", [*unshare, sys.executable, "-B", *sys.argv])


class FarNetwork:
    """Each packet takes `one_way` seconds. One at a time; in a namespace that enter() made."""

    HERE, THERE = "10.9.0.1", "10.9.0.2"

    def __init__(self, one_way):
        self._one_way = one_way
        self._device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(self._device, TUNSETIFF, struct.pack("16sH22x", b"far", IFF_TUN | IFF_NO_PI))
        for command in ("link set lo up", f"address add {self.HERE}/24 dev far", "link set far up"):
            subprocess.run(["ip", *command.split()], check=True)
        self._stop, self._stopped = os.pipe()
        self._thread = threading.Thread(target=self._carry, daemon=True)
        self._thread.start()

    def close(self):
        os.close(self._stopped)
        self._thread.join()
        os.close(self._stop)
        os.close(self._device)

    def _carry(self):
        on_their_way = collections.deque()  # (when they arrive, packet)
        with selectors.DefaultSelector() as selector:
            selector.register(self._device, selectors.EVENT_READ)
            selector.register(self._stop, selectors.EVENT_READ)
            while True:
                now = time.monotonic()
                while on_their_way and on_their_way[0][0] <= now:
                    os.write(self._device, on_their_way.popleft()[1])
                wait = on_their_way[0][0] - now if on_their_way else None
                for key, _ in selector.select(wait):
                    if key.fd == self._stop:
                        return
                    for packet in self._packets():
                        on_their_way.append((time.monotonic() + self._one_way, packet))

    def _packets(self):
        """Those that wait, swapped; the checksums stay right. Only IPv4 is carried."""
        while True:
            try:
                packet = os.read(self._device, 65536)
            except BlockingIOError:
                return
            if packet[0] >> 4 == 4:
                yield packet[:12] + packet[16:20] + packet[12:16] + packet[20:]
