"""Raw frames with numbers in them, sent and received at interfaces of any namespace."""
import collections
import contextlib
import ctypes
import os
import select
import socket
import struct
import time

from frames import ETH_P_ALL, PACKET_AUXDATA, SOL_PACKET, SO_RCVBUFFORCE, with_tag

ETHERTYPE = 0x88B5  # IEEE 802: for local experiments
PACKET_IGNORE_OUTGOING = 23
CLONE_NEWNET = 0x40000000
ADDRESSES = bytes.fromhex("020000000002" "020000000001")
LIBC = ctypes.CDLL(None, use_errno=True)


@contextlib.contextmanager
def inside(namespace):
    """This thread in a namespace of `ip netns`; sockets made here stay there."""
    if not namespace:
        yield
        return
    home = os.open("/proc/self/ns/net", os.O_RDONLY)
    there = os.open(f"/run/netns/{namespace}", os.O_RDONLY)
    try:
        if LIBC.setns(there, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"setns {namespace}")
        yield
    finally:
        LIBC.setns(home, CLONE_NEWNET)
        os.close(home)
        os.close(there)


def numbered(number, length=60, tags=b""):
    """An Ethernet frame of `length` bytes, tags aside, that carries its number."""
    head = ADDRESSES + tags + struct.pack("!HI", ETHERTYPE, number)
    return head + bytes(length - 18)


def number_of(frame):
    at = 12
    while frame[at:at + 2] in (b"\x81\x00", b"\x88\xa8"):
        at += 4
    kind, number = struct.unpack_from("!HI", frame, at)
    return number if kind == ETHERTYPE else None


class Wire:
    """One end of a link: what a host at this interface sends and sees, tags in their place."""

    def __init__(self, namespace, interface):
        with inside(namespace):
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
            self.socket.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
            self.socket.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
            self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 32 << 20)
            self.socket.bind((interface, 0))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, frame):
        self.socket.send(frame)

    def receive(self, seconds):
        """The next numbered frame, or None."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            if not select.select([self.socket], [], [], left)[0]:
                return None
            frame, ancillary, _, _ = self.socket.recvmsg(65536, 256)
            frame = with_tag(frame, ancillary)
            if len(frame) >= 18 and number_of(frame) is not None:
                return frame
        return None

    def collect(self, count, seconds=10):
        """Up to `count` numbered frames, in the order of arrival."""
        frames, deadline = [], time.monotonic() + seconds
        while len(frames) < count:
            frame = self.receive(deadline - time.monotonic())
            if frame is None:
                break
            frames.append(frame)
        return frames


def exchange(sender, receiver, frames, window=64):
    """Sends all, never more than `window` ahead of what arrived; what arrived."""
    arrived, sent = [], 0
    while sent < len(frames):
        for frame in frames[sent:sent + window]:
            sender.send(frame)
        sent += window
        got = receiver.collect(min(sent, len(frames)) - len(arrived))
        arrived += got
        if not got:
            break
    late = receiver.receive(0.2)
    return arrived + ([late] if late else [])


def differences(sent, arrived):
    """Lost, doubled and reordered numbers; damaged frames."""
    numbers = [number_of(frame) for frame in arrived]
    doubled = [number for number, times in collections.Counter(numbers).items() if times > 1]
    lost = sorted({number_of(frame) for frame in sent} - set(numbers))
    by_number = {number_of(frame): frame for frame in sent}
    damaged = [number for number, frame in zip(numbers, arrived) if by_number.get(number) != frame]
    reordered = sum(1 for before, after in zip(numbers, numbers[1:]) if after < before)
    return {"lost": lost, "doubled": doubled, "damaged": damaged, "reordered": reordered}


UNCHANGED = {"lost": [], "doubled": [], "damaged": [], "reordered": 0}
