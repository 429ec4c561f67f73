"""A reader of pcapng after draft-ietf-opsawg-pcapng, which knows nothing of Weir's writer."""
import struct

SECTION, INTERFACE, STATISTICS, PACKET = 0x0A0D0D0A, 1, 5, 6


class Broken(Exception):
    """Not a file of whole blocks."""


def options(data):
    """Code -> values, in order."""
    found, at = {}, 0
    while at + 4 <= len(data):
        code, length = struct.unpack_from("<HH", data, at)
        if code == 0:
            break
        found.setdefault(code, []).append(data[at + 4:at + 4 + length])
        at += 4 + (length + 3) // 4 * 4
    return found


def blocks(data):
    at = 0
    while at < len(data):
        if len(data) - at < 12:
            raise Broken(f"{len(data) - at} bytes left at {at}")
        kind, length = struct.unpack_from("<II", data, at)
        if length < 12 or length % 4 or at + length > len(data):
            raise Broken(f"block of {length} bytes at {at} of {len(data)}")
        if struct.unpack_from("<I", data, at + length - 4)[0] != length:
            raise Broken(f"the lengths of the block at {at} differ")
        yield kind, data[at + 8:at + length - 4]
        at += length


class Packet:
    def __init__(self, body, interfaces):
        number, high, low, captured, self.wire_bytes = struct.unpack_from("<5I", body)
        self.interface = interfaces[number]
        self.time_ns = high << 32 | low
        self.data = body[20:20 + captured]
        extra = options(body[20 + (captured + 3) // 4 * 4:])
        self.comment = dict(word.split("=", 1) for word in extra[1][0].decode().split())
        self.direction = {1: "in", 2: "out"}[struct.unpack("<I", extra[2][0])[0] & 3]
        self.number = struct.unpack("<Q", extra[5][0])[0]
        self.verdict = struct.unpack("<BQ", extra[7][0]) if 7 in extra else None


class File:
    def __init__(self, path):
        with open(path, "rb") as file:
            self.parse(file.read())

    def parse(self, data):
        self.interfaces, self.filters, self.packets, self.statistics = [], [], [], []
        for index, (kind, body) in enumerate(blocks(data)):
            if index == 0 and (kind != SECTION or struct.unpack_from("<IHH", body) != (0x1A2B3C4D, 1, 0)):
                raise Broken("no section header")
            if kind == INTERFACE:
                extra = options(body[8:])
                if struct.unpack_from("<H", body)[0] != 1 or extra[9] != [b"\x09"]:
                    raise Broken("expected Ethernet, in nanoseconds")
                self.interfaces.append(extra[2][0].decode())
                self.filters += [text[1:].decode() for text in extra.get(11, [])]
            elif kind == PACKET:
                self.packets.append(Packet(body, self.interfaces))
            elif kind == STATISTICS:
                extra = options(body[12:])
                self.statistics.append({name: struct.unpack("<Q", extra[code][0])[0]
                                        for name, code in (("accepted", 6), ("dropped", 7), ("delivered", 8))})
