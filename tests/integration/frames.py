#!/usr/bin/env python3
"""Whole Ethernet frames in and out of an interface, as hex lines.

  frames.py listen INTERFACE   prints "ready", then what comes in, VLAN tags in their place, until stdin ends
  frames.py send INTERFACE     sends the lines of stdin
"""
import select
import socket
import struct
import sys

SOL_PACKET, PACKET_AUXDATA, PACKET_OUTGOING = 263, 8, 4
TP_STATUS_VLAN_VALID, TP_STATUS_VLAN_TPID_VALID = 1 << 4, 1 << 6
AUXDATA = struct.Struct("=IIIHHHH")  # status, len, snaplen, mac, net, vlan_tci, vlan_tpid
ADDRESSES_BYTES = 12
ETH_P_ALL = 3
SO_RCVBUFFORCE = 33


def open_socket(interface, protocol):
    endpoint = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(protocol))
    endpoint.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
    endpoint.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20)
    endpoint.bind((interface, protocol))
    return endpoint


def with_tag(frame, ancillary):
    """The kernel takes the outer tag out of what it receives, and says so beside the bytes."""
    for _, kind, data in ancillary:
        status, _, _, _, _, tci, tpid = AUXDATA.unpack_from(data)
        if kind == PACKET_AUXDATA and status & TP_STATUS_VLAN_VALID:
            tag = struct.pack("!HH", tpid if status & TP_STATUS_VLAN_TPID_VALID else 0x8100, tci)
            return frame[:ADDRESSES_BYTES] + tag + frame[ADDRESSES_BYTES:]
    return frame


def listen(interface):
    endpoint = open_socket(interface, ETH_P_ALL)
    print("ready", flush=True)
    while True:
        readable, _, _ = select.select([endpoint, sys.stdin], [], [])
        if endpoint in readable:
            frame, ancillary, _, address = endpoint.recvmsg(1 << 16, 256)
            if address[2] != PACKET_OUTGOING:
                print(with_tag(frame, ancillary).hex(), flush=True)
        elif sys.stdin.readline() == "":
            return


def send(interface):
    endpoint = open_socket(interface, 0)
    for line in sys.stdin:
        endpoint.send(bytes.fromhex(line.strip()))


if __name__ == "__main__":
    {"listen": listen, "send": send}[sys.argv[1]](sys.argv[2])
