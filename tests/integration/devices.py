"""Configurations without programs over any devices, captures, and what `weir status` says of a port."""
import pathlib
import struct


def config(ports, lcores="0"):
    text = f'version: 1\nworkers: {{lcores: "{lcores}", idle: adaptive}}\nmemory: {{hugepages: off, size: 192MiB}}\nports:\n'
    return text + "".join(f'  {name}: {{device: "{device}", pass: {target}}}\n' for name, device, target in ports)


def write_pcap(path, packets):
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for packet in packets:
            file.write(struct.pack("<IIII", 0, 0, len(packet), len(packet)) + packet)


def read_pcap(path):
    data, packets, at = pathlib.Path(path).read_bytes(), [], 24
    while at < len(data):
        length = struct.unpack_from("<I", data, at + 8)[0]
        packets.append(data[at + 16:at + 16 + length])
        at += 16 + length
    return packets


def port_of(running, name):
    return next(port for port in running.json("status")["ports"] if port["name"] == name)
