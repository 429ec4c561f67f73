#include "controlplane/deploy/sha256.h"

#include "vm/base/sha256.h"

namespace weir::controlplane {

std::string to_hex(ByteSpan bytes) {
    constexpr char kDigits[] = "0123456789abcdef";
    std::string hex;
    hex.reserve(bytes.size() * 2);
    for (const uint8_t byte : bytes) {
        hex += kDigits[byte >> 4];
        hex += kDigits[byte & 15];
    }
    return hex;
}

bool from_hex(std::string_view hex, Bytes& bytes) {
    const auto digit = [](char letter) -> int {
        if (letter >= '0' && letter <= '9') return letter - '0';
        if (letter >= 'a' && letter <= 'f') return letter - 'a' + 10;
        if (letter >= 'A' && letter <= 'F') return letter - 'A' + 10;
        return -1;
    };
    bytes.clear();
    if (hex.size() % 2 != 0) return false;
    for (size_t i = 0; i < hex.size(); i += 2) {
        const int high = digit(hex[i]);
        const int low = digit(hex[i + 1]);
        if (high < 0 || low < 0) return false;
        bytes.push_back(static_cast<uint8_t>(high * 16 + low));
    }
    return true;
}

std::string sha256_hex(ByteSpan bytes) {
    return to_hex(sha256(bytes));
}

std::string sha256_hex(std::string_view text) {
    return sha256_hex(ByteSpan(reinterpret_cast<const uint8_t*>(text.data()), text.size()));
}

}  // namespace weir::controlplane
