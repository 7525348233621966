#!/usr/bin/env python3
"""Runs a twin script on the kernel of this machine and records every frame of every interface.

usage: record.py SCRIPT OUT      as root, on Linux

OUT gets <namespace>.<interface>.pcap, output.txt and meta.json (directions). The script runs in mount,
network and process namespaces of its own, which end with it. It runs on one CPU under SCHED_FIFO where that
is allowed: each process runs until it blocks. The line `#@record` opens the taps, `#@arp-probes` leaves the
probes of used stale neighbours at the kernel's 5 s. Exit code: 0 recorded, 77 not possible here.
"""
import ctypes
import json
import os
import select
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time

NETNS = "/run/netns"
CLONE_NEWNET = 0x40000000
ETH_P_ALL = 3
SOL_PACKET, PACKET_AUXDATA = 263, 8
SO_TIMESTAMPNS = 35
PACKET_OUTGOING = 4
VLAN_VALID = 0x10
SETTINGS = [
    "net.ipv6.conf.all.disable_ipv6=1",
    "net.ipv6.conf.default.disable_ipv6=1",
    "net.ipv4.conf.all.rp_filter=0",
    "net.ipv4.conf.default.rp_filter=0",
    "net.ipv4.tcp_rmem=4096 131072 6291456",
    "net.ipv4.tcp_wmem=4096 16384 4194304",
    "net.ipv4.tcp_congestion_control=cubic",
]
OFFLOADS = ["tx", "rx", "sg", "tso", "gso", "gro"]
TOOLS = ["ip", "unshare", "ethtool", "iptables", "bash", "sysctl"]

# Gives each namespace its settings when it is made, and waits at the line that opens the taps.
PRELUDE = """
ip() {
  command ip "$@" || return
  if [ "$1 $2" = "netns add" ]; then
    %s
    command ip -n "$3" link set lo up
  fi
}
__open_taps() { echo ready >&%d; read -r _ <&%d; }
"""


def refuse(reason):
    print("not recorded:", reason, file=sys.stderr)
    sys.exit(77)


def main():
    if len(sys.argv) == 4 and sys.argv[1] == "--inside":
        return inside(sys.argv[2], sys.argv[3])
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    if os.geteuid() != 0:
        refuse("needs root")
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        refuse("no " + ", ".join(missing))
    command = ["unshare", "--mount", "--net", "--pid", "--fork", "--mount-proc", "--kill-child"]
    if subprocess.run(command + ["true"], capture_output=True).returncode != 0:
        refuse("this machine lets nobody make namespaces")
    own = os.path.abspath(__file__)
    script, out = (os.path.abspath(path) for path in sys.argv[1:])
    return subprocess.run(command + [sys.executable, own, "--inside", script, out]).returncode


def inside(script, out):
    for folder in (NETNS, "/srv"):
        os.makedirs(folder, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", folder], check=True)
    text = open(script).read()
    taps = []
    process, ready, go, printed = start(text)
    collected = collect(printed)
    readable, _, _ = select.select([ready], [], [], 120)
    if readable and os.read(ready, 1):
        settle(keeps_probes="#@arp-probes" in text.split("\n"))
        taps = open_taps()
        recorder = Recorder(taps)
        time.sleep(0.3)
        os.write(go, b"go\n")
        process.wait()
        time.sleep(0.4)
        recorder.end()
    else:
        process.wait()
    write(out, taps, b"".join(collected))
    return 0


def start(text):
    ready, ready_end = os.pipe()
    go_end, go = os.pipe()
    printed, printed_end = os.pipe()
    for descriptor in (ready_end, go_end):
        os.set_inheritable(descriptor, True)
    settings = "\n    ".join(
        'command ip netns exec "$3" sysctl -q -w "%s" 2>/dev/null' % each for each in SETTINGS
    )
    prelude = PRELUDE % (settings, ready_end, go_end)
    lines = ["__open_taps" if line == "#@record" else line for line in text.split("\n")]
    path = "/srv/.script"
    with open(path, "w") as file:
        file.write(prelude + "\n".join(lines))
    process = subprocess.Popen(
        ["bash", path],
        cwd="/srv",
        stdin=subprocess.DEVNULL,
        stdout=printed_end,
        stderr=printed_end,
        pass_fds=(ready_end, go_end),
        preexec_fn=run_on_one_cpu,
    )
    for descriptor in (ready_end, go_end, printed_end):
        os.close(descriptor)
    return process, ready, go, printed


def run_on_one_cpu():
    try:
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10))
    except OSError:
        pass


def collect(descriptor):
    pieces = []

    def read():
        while True:
            piece = os.read(descriptor, 65536)
            if not piece:
                return
            pieces.append(piece)

    threading.Thread(target=read, daemon=True).start()
    return pieces


def within(namespace, act):
    """Does something in a namespace: only this thread goes there, and comes back."""
    libc = ctypes.CDLL(None, use_errno=True)
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    there = os.open(os.path.join(NETNS, namespace), os.O_RDONLY)
    if libc.setns(there, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")
    try:
        return act()
    finally:
        libc.setns(home, CLONE_NEWNET)
        os.close(home)
        os.close(there)


def interfaces():
    for namespace in sorted(os.listdir(NETNS)):
        names = within(namespace, lambda: [name for _, name in socket.if_nameindex()])
        yield namespace, [name for name in names if name != "lo"]


def settle(keeps_probes):
    for namespace, names in interfaces():
        inside_it = ["ip", "netns", "exec", namespace]
        for name in names:
            for offload in OFFLOADS:
                quietly(inside_it + ["ethtool", "-K", name, offload, "off"])
            if not keeps_probes:
                key = "net/ipv4/neigh/%s/delay_first_probe_time" % name
                quietly(inside_it + ["sysctl", "-q", "-w", key + "=600"])
    time.sleep(0.3)


def quietly(command):
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class Tap:
    def __init__(self, namespace, name, channel):
        self.file = "%s.%s.pcap" % (namespace, name)
        self.channel = channel
        self.frames = []

    def read(self):
        data, extra, _, address = self.channel.recvmsg(262144, 256)
        when = time.time_ns()
        for level, kind, value in extra:
            if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS:
                seconds, rest = struct.unpack("qq", value[:16])
                when = seconds * 10**9 + rest
            if level == SOL_PACKET and kind == PACKET_AUXDATA:
                status, _, _, _, _, tag, protocol = struct.unpack("IIIHHHH", value[:20])
                if status & VLAN_VALID:
                    data = data[:12] + struct.pack("!HH", protocol or 0x8100, tag) + data[12:]
        self.frames.append((when, "o" if address[2] == PACKET_OUTGOING else "i", data))


def open_taps():
    taps = []
    for namespace, names in interfaces():
        for name in names:

            def channel():
                made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
                made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 24)
                made.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
                made.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
                made.bind((name, ETH_P_ALL))
                return made

            taps.append(Tap(namespace, name, within(namespace, channel)))
    return taps


class Recorder:
    """Reads all taps in a thread until it is told to end and nothing is left."""

    def __init__(self, taps):
        self.taps = {tap.channel.fileno(): tap for tap in taps}
        self.is_over = False
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        poll = select.poll()
        for descriptor in self.taps:
            poll.register(descriptor, select.POLLIN)
        while True:
            events = poll.poll(50)
            for descriptor, _ in events:
                try:
                    self.taps[descriptor].read()
                except OSError:  # the interface went down or away
                    pass
            if not events and self.is_over:
                return

    def end(self):
        self.is_over = True
        self.thread.join()


def write(out, taps, printed):
    os.makedirs(out, exist_ok=True)
    for tap in taps:
        with open(os.path.join(out, tap.file), "wb") as file:
            file.write(struct.pack("<IHHIIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, 1))
            for when, _, data in tap.frames:
                file.write(struct.pack("<IIII", *divmod(when, 10**9), len(data), len(data)) + data)
    with open(os.path.join(out, "output.txt"), "wb") as file:
        file.write(printed)
    meta = {
        "kernel": ".".join(os.uname().release.split(".")[:2]),
        "partial_checksums": [],
        "directions": {tap.file: "".join(way for _, way, _ in tap.frames) for tap in taps},
    }
    with open(os.path.join(out, "meta.json"), "w") as file:
        json.dump(meta, file, indent=1)


if __name__ == "__main__":
    sys.exit(main())
