#include "dataplane/offloads.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

namespace weir::dataplane {
namespace {

constexpr uint32_t kFeaturesMax = 256;

/// One question to an interface's driver, answered in place.
class Question {
public:
    explicit Question(const std::string& interface)
        : fd_(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
        std::strncpy(request_.ifr_name, interface.c_str(), IFNAMSIZ - 1);
    }
    ~Question() {
        if (fd_ >= 0) close(fd_);
    }
    Question(const Question&) = delete;
    Question& operator=(const Question&) = delete;
    bool ask(void* body) {
        request_.ifr_data = static_cast<char*>(body);
        return ioctl(fd_, SIOCETHTOOL, &request_) == 0;
    }

private:
    int fd_;
    ifreq request_{};
};

/// How many features this kernel knows.
uint32_t feature_count(Question& question) {
    alignas(ethtool_sset_info) uint8_t body[sizeof(ethtool_sset_info) + sizeof(uint32_t)] = {};
    auto* info = reinterpret_cast<ethtool_sset_info*>(body);
    info->cmd = ETHTOOL_GSSET_INFO;
    info->sset_mask = uint64_t{1} << ETH_SS_FEATURES;
    if (!question.ask(info) || info->sset_mask == 0) return 0;
    return std::min(info->data[0], kFeaturesMax);
}

}  // namespace

std::set<std::string> active_offloads(const std::string& interface) {
    Question question(interface);
    const uint32_t count = feature_count(question);
    std::vector<uint8_t> names_body(sizeof(ethtool_gstrings) + count * ETH_GSTRING_LEN);
    auto* names = reinterpret_cast<ethtool_gstrings*>(names_body.data());
    names->cmd = ETHTOOL_GSTRINGS;
    names->string_set = ETH_SS_FEATURES;
    names->len = count;
    const uint32_t blocks = (count + 31) / 32;
    std::vector<uint8_t> bits_body(sizeof(ethtool_gfeatures) +
                                   blocks * sizeof(ethtool_get_features_block));
    auto* bits = reinterpret_cast<ethtool_gfeatures*>(bits_body.data());
    bits->cmd = ETHTOOL_GFEATURES;
    bits->size = blocks;
    std::set<std::string> active;
    if (count == 0 || !question.ask(names) || !question.ask(bits)) return active;
    for (uint32_t i = 0; i < count; ++i) {
        if ((bits->features[i / 32].active >> (i % 32) & 1) == 0) continue;
        const auto* name = reinterpret_cast<const char*>(names->data + i * ETH_GSTRING_LEN);
        active.emplace(name, strnlen(name, ETH_GSTRING_LEN));
    }
    return active;
}

Channels receive_channels(const std::string& interface) {
    Question question(interface);
    ethtool_channels channels{};
    channels.cmd = ETHTOOL_GCHANNELS;
    if (!question.ask(&channels)) return {};
    return {.count = channels.rx_count + channels.combined_count,
            .are_combined = channels.combined_count != 0};
}

}  // namespace weir::dataplane
