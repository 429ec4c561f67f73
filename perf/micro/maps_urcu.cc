#include "perf/micro/maps_urcu.h"

#include <malloc.h>
#include <urcu/urcu-qsbr.h>
// After the flavour.
#include <urcu/rculfhash.h>

#include <cstring>

#include "maps/key_hash.h"

namespace weir::perf {
namespace {

uint64_t heap_bytes() {
    const struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

/// Registered for the whole run: readers of QSBR tables must be.
void register_thread() {
    static const bool once = [] {
        urcu_qsbr_register_thread();
        return true;
    }();
    static_cast<void>(once);
}

/// The hash of our own maps, so that tables are compared and not hashes.
template <uint32_t kKeyBytes>
class Table final : public UrcuHash {
public:
    explicit Table(uint32_t entries) : before_(heap_bytes()), hash_(maps::KeyHash::make(false)) {
        register_thread();
        nodes_.reserve(entries);
        table_ = cds_lfht_new_flavor(entries, entries, 0, 0, &urcu_qsbr_flavor, nullptr);
    }
    ~Table() override {
        for (Node& node : nodes_) cds_lfht_del(table_, &node.link);
        urcu_qsbr_synchronize_rcu();
        cds_lfht_destroy(table_, nullptr);
    }
    Table(const Table&) = delete;
    Table& operator=(const Table&) = delete;

    void add(const uint8_t* key) override {
        Node& node = nodes_.emplace_back();
        cds_lfht_node_init(&node.link);
        std::memcpy(node.key, key, kKeyBytes);
        cds_lfht_add(table_, hash_(key, kKeyBytes), &node.link);
    }
    const void* lookup(const uint8_t* key) const override {
        cds_lfht_iter found;
        cds_lfht_lookup(table_, hash_(key, kKeyBytes), is_key, key, &found);
        return cds_lfht_iter_get_node(&found);
    }
    void quiescent() const override { urcu_qsbr_quiescent_state(); }
    uint64_t memory_bytes() const override { return heap_bytes() - before_; }

private:
    /// With the value of eight bytes that all tables have.
    struct Node {
        cds_lfht_node link;
        uint8_t key[kKeyBytes];
        uint64_t value;
    };
    static int is_key(cds_lfht_node* node, const void* key) {
        const Node* const owner = reinterpret_cast<const Node*>(node);
        return std::memcmp(owner->key, key, kKeyBytes) == 0 ? 1 : 0;
    }

    uint64_t before_;
    maps::KeyHash hash_;
    std::vector<Node> nodes_;  ///< reserved: links point into it
    cds_lfht* table_ = nullptr;
};

}  // namespace

std::unique_ptr<UrcuHash> make_urcu_hash(uint32_t key_bytes, uint32_t entries) {
    if (key_bytes == 4) return std::make_unique<Table<4>>(entries);
    if (key_bytes == 8) return std::make_unique<Table<8>>(entries);
    return std::make_unique<Table<16>>(entries);
}

bool has_urcu() {
    return true;
}

}  // namespace weir::perf
