#pragma once
// Captures on disk: classic pcap, little-endian.

#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

namespace weir::dataplane::testing {

using Frame = std::vector<uint8_t>;

template <typename T>
void put(std::ofstream& file, T value) {
    file.write(reinterpret_cast<const char*>(&value), sizeof value);
}

inline void write_pcap(const std::string& path, const std::vector<Frame>& frames) {
    std::ofstream file(path, std::ios::binary);
    put<uint32_t>(file, 0xa1b2c3d4);
    put<uint16_t>(file, 2);
    put<uint16_t>(file, 4);
    put<uint64_t>(file, 0);
    put<uint32_t>(file, 65535);
    put<uint32_t>(file, 1);
    for (const Frame& frame : frames) {
        put<uint64_t>(file, 0);
        put<uint32_t>(file, static_cast<uint32_t>(frame.size()));
        put<uint32_t>(file, static_cast<uint32_t>(frame.size()));
        file.write(reinterpret_cast<const char*>(frame.data()),
                   static_cast<std::streamsize>(frame.size()));
    }
}

inline std::vector<Frame> read_pcap(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    file.seekg(24);
    std::vector<Frame> frames;
    uint32_t header[4];
    while (file.read(reinterpret_cast<char*>(header), sizeof header)) {
        Frame frame(header[2]);
        file.read(reinterpret_cast<char*>(frame.data()),
                  static_cast<std::streamsize>(frame.size()));
        frames.push_back(std::move(frame));
    }
    return frames;
}

}  // namespace weir::dataplane::testing
