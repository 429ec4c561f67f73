"""Captures and blocked prefixes for measurements: varied headers and sizes, the same from every run.

    capture.py FILE.pcap PREFIXES.txt [--packets N] [--seed N] [--size BYTES]
"""
import argparse
import ipaddress
import pathlib
import random
import struct

SIZES = [64] * 7 + [594] * 4 + [1514]  # the simple IMIX
BLOCKED_PORT = 53
BLOCKED_PREFIXES = 10_000


def draw_prefixes(source, count):
    """Distinct IPv4 prefixes of 16 to 32 bits, most of them of 24 and 32."""
    drawn = set()
    while len(drawn) < count:
        bits = source.choice([16, 20, 22, 23, 24, 24, 24, 24, 28, 32, 32, 32, 32])
        address = source.randrange(1 << 24, 224 << 24) >> (32 - bits) << (32 - bits)
        drawn.add(ipaddress.ip_network((address, bits)))
    return sorted(drawn)


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def transport(source, protocol, length, port):
    ports = struct.pack("!HH", source.randrange(1024, 65536), port)
    if protocol == 17:
        return ports + struct.pack("!HH", length, 0) + bytes(length - 8)
    if protocol == 6:
        return ports + struct.pack("!IIHHHH", source.getrandbits(32), source.getrandbits(32), 0x5018, 65535, 0, 0) + bytes(length - 20)
    return struct.pack("!BBHI", 8, 0, 0, source.getrandbits(32)) + bytes(length - 8)


def frame(source, prefixes, size):
    vlan = struct.pack("!HH", 0x8100, source.randrange(1, 4095)) if source.random() < 0.1 else b""
    is_v6 = source.random() < 0.3 and size >= 82
    protocol = source.choices([6, 17, 1], [60, 35, 5])[0]
    port = BLOCKED_PORT if source.random() < 0.1 else source.choice([80, 443, 8080, 22, source.randrange(1024, 65536)])
    ethernet = bytes.fromhex("020000000002") + bytes.fromhex("020000000001") + vlan + struct.pack("!H", 0x86DD if is_v6 else 0x0800)
    room = size - len(ethernet) - (40 if is_v6 else 20)
    if is_v6:
        protocol = 58 if protocol == 1 else protocol
        body = transport(source, protocol, room, port)
        address = (0x20010DB8 << 96) | source.getrandbits(64)
        header = struct.pack("!IHBB", 6 << 28, len(body), protocol, 64) + address.to_bytes(16, "big") + (0x20010DB8_0001 << 80 | 1).to_bytes(16, "big")
        return ethernet + header + body
    if source.random() < 0.1:
        prefix = source.choice(prefixes)
        address = int(prefix.network_address) + source.randrange(prefix.num_addresses)
    else:
        address = source.randrange(1 << 24, 224 << 24)
    body = transport(source, protocol, room, port)
    header = struct.pack("!BBHHHBBHII", 0x45, 0, 20 + len(body), source.getrandbits(16), 0, 64, protocol, 0, address, 0xC0000201)
    return ethernet + header[:10] + struct.pack("!H", checksum(header)) + header[12:] + body


def write(path, prefixes_path, packets=1024, seed=1, size=None):
    source = random.Random(seed)
    prefixes = draw_prefixes(source, BLOCKED_PREFIXES)
    pathlib.Path(prefixes_path).write_text("".join(f"{p}\n" for p in prefixes))
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for _ in range(packets):
            data = frame(source, prefixes, size or source.choice(SIZES))
            file.write(struct.pack("<IIII", 0, 0, len(data), len(data)) + data)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("capture")
    parser.add_argument("prefixes")
    parser.add_argument("--packets", type=int, default=1024)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--size", type=int, help="one size for all")
    given = parser.parse_args()
    write(given.capture, given.prefixes, given.packets, given.seed, given.size)
