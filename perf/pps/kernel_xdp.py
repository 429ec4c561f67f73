"""The live kernel's XDP through libbpf: loads an object as it is, runs one program over packets (BPF_PROG_TEST_RUN). Root."""
import ctypes
import ctypes.util
import ipaddress
import socket
import struct

REPEAT = 2000


class TestRun(ctypes.Structure):
    """struct bpf_test_run_opts of libbpf."""
    _fields_ = [("sz", ctypes.c_size_t), ("data_in", ctypes.c_void_p), ("data_out", ctypes.c_void_p), ("data_size_in", ctypes.c_uint32),
                ("data_size_out", ctypes.c_uint32), ("ctx_in", ctypes.c_void_p), ("ctx_out", ctypes.c_void_p), ("ctx_size_in", ctypes.c_uint32),
                ("ctx_size_out", ctypes.c_uint32), ("retval", ctypes.c_uint32), ("repeat", ctypes.c_int), ("duration", ctypes.c_uint32),
                ("flags", ctypes.c_uint32), ("cpu", ctypes.c_uint32), ("batch_size", ctypes.c_uint32)]


class KernelObject:
    def __init__(self, path):
        self.lib = ctypes.CDLL(ctypes.util.find_library("bpf") or "libbpf.so.1", use_errno=True)
        for name in ("bpf_object__open_file", "bpf_object__find_program_by_name", "bpf_object__find_map_by_name"):
            getattr(self.lib, name).restype = ctypes.c_void_p
        self.object = self.lib.bpf_object__open_file(str(path).encode(), None)
        if not self.object or self.lib.bpf_object__load(ctypes.c_void_p(self.object)) != 0:
            raise OSError(ctypes.get_errno(), f"the kernel does not load {path}")

    def fill_prefixes(self, name, path):
        handle = self.lib.bpf_object__find_map_by_name(ctypes.c_void_p(self.object), name.encode())
        if not handle:
            raise OSError(ctypes.get_errno(), f"the object has no map {name}")
        for line in open(path):
            prefix = ipaddress.ip_network(line.strip())
            key = struct.pack("=I", prefix.prefixlen) + socket.inet_aton(str(prefix.network_address))
            error = self.lib.bpf_map__update_elem(ctypes.c_void_p(handle), key, ctypes.c_size_t(8), struct.pack("=I", 1), ctypes.c_size_t(4),
                                                  ctypes.c_uint64(0))
            if error != 0:
                raise OSError(-error, f"the kernel's map {name} does not take {prefix}")

    def run_ns(self, program, packets):
        """Mean time of one run over the packets, each REPEAT times, with the test loop's own time in it."""
        handle = self.lib.bpf_object__find_program_by_name(ctypes.c_void_p(self.object), program.encode())
        fd = self.lib.bpf_program__fd(ctypes.c_void_p(handle))
        total = 0
        for packet in packets:
            data = ctypes.create_string_buffer(packet, len(packet))
            opts = TestRun(sz=ctypes.sizeof(TestRun), data_in=ctypes.addressof(data), data_size_in=len(packet), repeat=REPEAT)
            if self.lib.bpf_prog_test_run_opts(fd, ctypes.byref(opts)) != 0:
                raise OSError(ctypes.get_errno(), f"the kernel does not run {program}")
            total += opts.duration
        return total / len(packets)

    def close(self):
        self.lib.bpf_object__close(ctypes.c_void_p(self.object))


def packets_of(path):
    """Of a classic little-endian capture."""
    data, at, packets = open(path, "rb").read(), 24, []
    while at < len(data):
        length = struct.unpack_from("<I", data, at + 8)[0]
        packets.append(data[at + 16:at + 16 + length])
        at += 16 + length
    return packets
