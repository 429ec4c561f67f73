#!/usr/bin/env python3
"""Bytes over TCP and their SHA-256: download.py serve PORT MIB, download.py fetch ADDRESS PORT. Both print the hash."""
import hashlib
import random
import socket
import sys

CHUNK_BYTES = 1 << 20


def serve(port, mebibytes):
    with socket.create_server(("", port)) as listener:
        print("ready", flush=True)
        connection, _ = listener.accept()
        noise, digest = random.Random(mebibytes), hashlib.sha256()
        with connection:
            for _ in range(mebibytes):
                chunk = noise.randbytes(CHUNK_BYTES)
                digest.update(chunk)
                connection.sendall(chunk)
        print(digest.hexdigest(), flush=True)


def fetch(address, port):
    digest, count = hashlib.sha256(), 0
    with socket.create_connection((address, port), timeout=20) as connection:
        while chunk := connection.recv(CHUNK_BYTES):
            digest.update(chunk)
            count += len(chunk)
    print(count, digest.hexdigest(), flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(int(sys.argv[2]), int(sys.argv[3]))
    else:
        fetch(sys.argv[2], int(sys.argv[3]))
