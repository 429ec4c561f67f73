#!/usr/bin/env python3
"""Numbered UDP datagrams from one namespace to another; says which numbers were lost, doubled or out of order.

  numbered.py receive PORT           prints one JSON line once a datagram says that it is the last, or 3 s after silence
  numbered.py send ADDRESS PORT PPS SECONDS
"""
import json
import socket
import struct
import sys
import time

FORMAT = struct.Struct("!QQ")  # number, how many there will be (0: not known yet)
PADDING = b"x" * 84
SO_RCVBUFFORCE = 33
RECEIVE_BUFFER_BYTES = 64 << 20


def receive(port):
    endpoint = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        endpoint.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER_BYTES)
    except PermissionError:
        endpoint.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
    endpoint.bind(("", port))
    print("ready", flush=True)
    endpoint.settimeout(30)
    numbers, total = [], 0
    try:
        while True:
            number, total_here = FORMAT.unpack_from(endpoint.recv(2048))
            endpoint.settimeout(3)
            if total_here:
                total = total_here
                break
            numbers.append(number)
    except TimeoutError:
        pass
    seen = set(numbers)
    reordered = sum(1 for before, after in zip(numbers, numbers[1:]) if after < before)
    lost = [number for number in range(total) if number not in seen]
    print(json.dumps({"sent": total, "received": len(numbers), "lost": len(lost), "first_lost": lost[:10],
                      "doubled": len(numbers) - len(seen), "reordered": reordered}), flush=True)


def send(address, port, rate, seconds):
    endpoint = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    endpoint.connect((address, port))
    began, number, total = time.monotonic(), 0, int(rate * seconds)
    while number < total:
        due = min(total, int((time.monotonic() - began) * rate) + 1)
        while number < due:
            endpoint.send(FORMAT.pack(number, 0) + PADDING)
            number += 1
        time.sleep(0.001)
    time.sleep(0.5)
    for _ in range(3):
        endpoint.send(FORMAT.pack(number, total))


if __name__ == "__main__":
    if sys.argv[1] == "receive":
        receive(int(sys.argv[2]))
    else:
        send(sys.argv[2], int(sys.argv[3]), float(sys.argv[4]), float(sys.argv[5]))
