#include "dataplane/xdp_guard.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <linux/if_link.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace weir::dataplane {

// The object file of bpf/af_xdp_guard.bpf.c, which the build puts into the binary.
extern const unsigned char kAfXdpGuardObject[];
extern const size_t kAfXdpGuardObjectBytes;

namespace {

constexpr const char* kProgramName = "xsk_def_prog";

/// An abstract socket's name belongs to the network namespace, as the interface does, and to the
/// process, however that ends.
Result<int> take(const std::string& interface) {
    const std::string name = "weir-dataplane/af_xdp/" + interface;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path + 1, name.data(), name.size());
    const auto bytes = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && bind(fd, reinterpret_cast<const sockaddr*>(&address), bytes) == 0) return fd;
    const int error = errno;
    if (fd >= 0) close(fd);
    if (error == EADDRINUSE)
        return fail(ErrorKind::kInvalid,
                    fmt::format("interface {} is in use by another dataplane", interface));
    return fail(ErrorKind::kResource,
                fmt::format("interface {}: socket: {}", interface, std::strerror(error)));
}

/// The kernel's hash of the instructions; zeroes where it says nothing.
struct Tag {
    unsigned char bytes[BPF_TAG_SIZE] = {};
    bool operator==(const Tag&) const = default;
};

Tag tag_of(int program) {
    Tag tag;
    bpf_prog_info info{};
    uint32_t bytes = sizeof info;
    if (bpf_obj_get_info_by_fd(program, &info, &bytes) == 0)
        std::memcpy(tag.bytes, info.tag, sizeof tag.bytes);
    return tag;
}

bool is_same_program(uint32_t attached_id, int program) {
    const int attached = bpf_prog_get_fd_by_id(attached_id);
    if (attached < 0) return false;
    const Tag tag = tag_of(attached);
    close(attached);
    return tag != Tag{} && tag == tag_of(program);
}

/// Loads the program: its file descriptor, or a negative errno.
int load_program() {
    bpf_object* object = bpf_object__open_mem(kAfXdpGuardObject, kAfXdpGuardObjectBytes, nullptr);
    if (object == nullptr) return -errno;
    int result = bpf_object__load(object);
    if (result == 0) {
        const bpf_program* program = bpf_object__find_program_by_name(object, kProgramName);
        result = program == nullptr ? -ENOENT : dup(bpf_program__fd(program));
        if (result == -1) result = -errno;
    }
    bpf_object__close(object);
    return result;
}

/// In the place of `attached_id`, or of none where that is 0.
int attach_program(uint32_t index, int program, uint32_t attached_id) {
    if (attached_id == 0)
        return bpf_xdp_attach(static_cast<int>(index), program, XDP_FLAGS_UPDATE_IF_NOEXIST,
                              nullptr);
    const int attached = bpf_prog_get_fd_by_id(attached_id);
    if (attached < 0) return -errno;
    LIBBPF_OPTS(bpf_xdp_attach_opts, options, .old_prog_fd = attached);
    const int result =
        bpf_xdp_attach(static_cast<int>(index), program, XDP_FLAGS_REPLACE, &options);
    close(attached);
    return result;
}

constexpr uint32_t kMtuThatFits = 3500;  ///< with headroom and a page's end: drivers want one page

/// Its MTU is the usual reason.
std::string attach_failure(const Interface& interface, int error) {
    if (error != -ERANGE)
        return fmt::format("interface {} does not take the XDP program that guards it: {}",
                           interface.name, std::strerror(-error));
    return fmt::format(
        "interface {} has MTU {}, which its driver does not take with XDP; `ip link "
        "set dev {} mtu {}`, on its peer too",
        interface.name, interface.mtu, interface.name, kMtuThatFits);
}

}  // namespace

XdpGuard::XdpGuard(std::string name, uint32_t index, int lock)
    : name_(std::move(name)), index_(index), lock_(lock) {}

Result<std::unique_ptr<XdpGuard>> XdpGuard::attach(const Interface& interface) {
    const Result<int> lock = take(interface.name);
    if (!lock) return std::unexpected(lock.error());
    std::unique_ptr<XdpGuard> guard(new XdpGuard(interface.name, interface.index, *lock));
    guard->program_ = load_program();
    if (guard->program_ < 0) {
        return fail(
            ErrorKind::kResource,
            fmt::format("interface {}: the kernel does not take the program that guards it: {}",
                        interface.name, std::strerror(-guard->program_)));
    }
    const uint32_t attached = interface.xdp_program_id;
    if (attached != 0 && !is_same_program(attached, guard->program_)) {
        return fail(ErrorKind::kInvalid,
                    fmt::format("XDP program {} is attached to {}: in use by another program? `ip "
                                "link set dev {} xdp off` takes away a left-over",
                                attached, interface.name, interface.name));
    }
    if (const int error = attach_program(interface.index, guard->program_, attached); error != 0)
        return fail(ErrorKind::kResource, attach_failure(interface, error));
    guard->stays_closed_ = attached != 0;
    guard->is_attached_ = true;
    return guard;
}

XdpGuard::~XdpGuard() {
    uint32_t attached = 0;
    const bool known = bpf_xdp_query_id(static_cast<int>(index_), 0, &attached) == 0;
    if (is_attached_ && known && stays_closed_ && attached == 0) {
        attach_program(index_, program_, 0);
    } else if (is_attached_ && known && !stays_closed_ && attached != 0) {
        LIBBPF_OPTS(bpf_xdp_attach_opts, options, .old_prog_fd = program_);
        bpf_xdp_detach(static_cast<int>(index_), XDP_FLAGS_REPLACE, &options);
    }
    if (program_ >= 0) close(program_);
    close(lock_);
}

}  // namespace weir::dataplane
