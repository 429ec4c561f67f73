#include "dataplane/link_table.h"

#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstring>

namespace weir::dataplane {
namespace {

constexpr size_t kAnswerBytes = 64 << 10;  ///< the kernel fills at most 32 KiB at a time
constexpr uint32_t kAnswersMax = 1024;

uint32_t number_of(const rtattr* attribute) {
    uint32_t number = 0;
    if (RTA_PAYLOAD(attribute) >= sizeof number)
        std::memcpy(&number, RTA_DATA(attribute), sizeof number);
    return number;
}

std::string text_of(const rtattr* attribute) {
    const auto* text = static_cast<const char*>(RTA_DATA(attribute));
    return {text, strnlen(text, RTA_PAYLOAD(attribute))};
}

template <typename Visit>
void for_each_attribute(const rtattr* attribute, size_t bytes, Visit&& visit) {
    auto left = static_cast<unsigned int>(bytes);
    for (; RTA_OK(attribute, left); attribute = RTA_NEXT(attribute, left))
        visit(attribute->rta_type & NLA_TYPE_MASK, attribute);
}

template <typename Visit>
void for_each_inside(const rtattr* attribute, Visit&& visit) {
    for_each_attribute(static_cast<const rtattr*>(RTA_DATA(attribute)), RTA_PAYLOAD(attribute),
                       visit);
}

LinkRow row_of(const nlmsghdr* answer) {
    const auto* link = static_cast<const ifinfomsg*>(NLMSG_DATA(answer));
    LinkRow row;
    row.index = static_cast<uint32_t>(link->ifi_index);
    for_each_attribute(IFLA_RTA(link), IFLA_PAYLOAD(answer),
                       [&](int type, const rtattr* attribute) {
                           if (type == IFLA_IFNAME) row.name = text_of(attribute);
                           if (type == IFLA_MASTER) row.master = number_of(attribute);
                           if (type == IFLA_LINK) row.lower = number_of(attribute);
                           if (type == IFLA_LINK_NETNSID) row.is_lower_elsewhere = true;
                           if (type == IFLA_LINKINFO)
                               for_each_inside(attribute, [&](int inner, const rtattr* of) {
                                   if (inner == IFLA_INFO_KIND) row.kind = text_of(of);
                               });
                           if (type == IFLA_XDP)
                               for_each_inside(attribute, [&](int inner, const rtattr* of) {
                                   if (inner == IFLA_XDP_PROG_ID)
                                       row.xdp_program_id = number_of(of);
                               });
                       });
    return row;
}

/// True when the last of the answers was among these.
bool take_answers(const std::vector<uint8_t>& buffer, size_t bytes, std::vector<LinkRow>& rows) {
    const auto* answer = reinterpret_cast<const nlmsghdr*>(buffer.data());
    for (; NLMSG_OK(answer, bytes); answer = NLMSG_NEXT(answer, bytes)) {
        if (answer->nlmsg_type == NLMSG_DONE || answer->nlmsg_type == NLMSG_ERROR) return true;
        if (answer->nlmsg_type == RTM_NEWLINK) rows.push_back(row_of(answer));
    }
    return false;
}

}  // namespace

std::vector<LinkRow> read_links() {
    struct {
        nlmsghdr header;
        ifinfomsg link;
    } request{};
    request.header.nlmsg_len = sizeof request;
    request.header.nlmsg_type = RTM_GETLINK;
    request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    request.link.ifi_family = AF_UNSPEC;
    std::vector<LinkRow> rows;
    const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (fd < 0) return rows;
    const timeval patience{.tv_sec = 1, .tv_usec = 0};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    std::vector<uint8_t> buffer(kAnswerBytes);
    bool done = send(fd, &request, sizeof request, 0) != static_cast<ssize_t>(sizeof request);
    for (uint32_t i = 0; !done && i < kAnswersMax; ++i) {
        const ssize_t bytes = recv(fd, buffer.data(), buffer.size(), 0);
        done = bytes <= 0 || take_answers(buffer, static_cast<size_t>(bytes), rows);
    }
    close(fd);
    return rows;
}

}  // namespace weir::dataplane
