// Ring buffers and perf event arrays: what programs get, and what a reader sees, of the live kernel
// and here.

#include <cerrno>
#include <cstring>
#include <random>

#include "maps/maps.h"
#include "maps/user_ringbuf_map.h"
#include "tests/differential/kernel_map_calls.h"
#include "tests/support/insns.h"
#include "vm/program/context.h"

namespace weir::tests {
namespace {

using Call = HelperProgram::Call;
using Shape = HelperProgram::Shape;
using vm::MapType;
using vm::Op;
using Records = std::vector<Bytes>;

constexpr int32_t kPerfOutput = 25, kRingOutput = 130, kRingReserve = 131, kRingSubmit = 132,
                  kRingDiscard = 133, kRingQuery = 134;

uint64_t call_helper(int32_t helper, uint64_t r1, uint64_t r2, uint64_t r3 = 0, uint64_t r4 = 0,
                     uint64_t r5 = 0) {
    vm::RunEnv env;
    return maps::all_helpers().at(helper)(r1, r2, r3, r4, r5, env);
}
uint64_t address(const void* pointer) {
    return reinterpret_cast<uint64_t>(pointer);
}

Records drain_own(vm::Map& map, uint32_t cpu = 0) {
    Records records;
    const int64_t count = map.drain_events(
        cpu,
        [](void* opaque, std::span<const uint8_t> record) {
            static_cast<Records*>(opaque)->emplace_back(record.begin(), record.end());
        },
        &records);
    EXPECT_EQ(count, static_cast<int64_t>(records.size()));
    return records;
}

class EventsAgainstKernel : public ::testing::Test {
protected:
    void SetUp() override {
        if (!kernel_answers()) GTEST_SKIP() << kKernelMissing;
        stay_on_first_cpu();
    }
    void make(const vm::MapSpec& spec) {
        map_ = create_in_kernel(spec);
        ASSERT_GE(map_, 0) << strerror(-map_);
        closer_ = std::make_unique<Fd>(map_);
        auto own = maps::create_map(spec, kernel_cpus());
        ASSERT_TRUE(own.has_value()) << own.error().message;
        own_ = std::move(*own);
    }

    int map_ = -1;
    std::unique_ptr<Fd> closer_;
    std::unique_ptr<vm::Map> own_;
};

int add_record(void* records, void* data, size_t bytes) {
    const auto* start = static_cast<const uint8_t*>(data);
    static_cast<Records*>(records)->emplace_back(start, start + bytes);
    return 0;
}

class RingsAgainstKernel : public EventsAgainstKernel {
protected:
    ~RingsAgainstKernel() override { ring_buffer__free(reader_); }

    void make_ring(uint32_t bytes) {
        ASSERT_NO_FATAL_FAILURE(
            make({.name = "r", .type = MapType::Ringbuf, .entries_max = bytes}));
        reader_ = ring_buffer__new(map_, add_record, &in_kernel_, nullptr);
        ASSERT_NE(reader_, nullptr);
        for (const uint32_t bytes_out : kOutputs)
            outputs_.emplace_back(map_, kRingOutput, Shape::Memory, 0, bytes_out);
        query_ = std::make_unique<HelperProgram>(map_, kRingQuery, Shape::Numbers, 0, 8);
        for (const int32_t reserved : kReserves)
            for (const int32_t end : {kRingSubmit, kRingDiscard})
                reserves_.emplace_back(load_xdp(reserve_program(reserved, end)));
    }
    /// Reserves, writes a number, gives back; -EAGAIN where there is no room.
    std::vector<vm::Insn> reserve_program(int32_t bytes, int32_t end) const {
        InsnWriter w;
        std::vector<vm::Insn> map = InsnWriter().load_imm64(1, static_cast<uint32_t>(map_)).insns();
        map[0].src = 1;  // BPF_PSEUDO_MAP_FD
        w.append(map).mov(2, bytes).mov(3, 0).call(kRingReserve);
        w.put(Op::kJne64Imm, 0, 0, 2, 0).mov(0, -EAGAIN).exit();
        w.mov_reg(1, 0).mov(2, bytes).store64(1, 0, 2).mov(2, 0).call(end).mov(0, 0);
        return w.exit().insns();
    }

    void same_output(uint32_t which, uint8_t fill, uint64_t flags) {
        Call call{.value = Bytes(kOutputs[which], fill), .number = flags};
        const Bytes data = call.value;
        EXPECT_EQ(outputs_[which].run(call),
                  static_cast<int>(call_helper(kRingOutput, address(own_.get()),
                                               address(data.data()), data.size(), flags)));
    }
    void same_reserve(uint32_t which) {
        Bytes packet(64);
        bpf_test_run_opts options{};
        options.sz = sizeof options;
        options.data_in = packet.data();
        options.data_size_in = 64;
        ASSERT_EQ(bpf_prog_test_run_opts(reserves_[which].get(), &options), 0);
        const auto bytes = static_cast<uint64_t>(kReserves[which / 2]);
        const uint64_t record = call_helper(kRingReserve, address(own_.get()), bytes);
        EXPECT_EQ(static_cast<int>(options.retval), record == 0 ? -EAGAIN : 0);
        if (record == 0) return;
        std::memcpy(reinterpret_cast<void*>(record), &bytes, 8);
        call_helper(which % 2 == 0 ? kRingSubmit : kRingDiscard, record, 0);
    }
    void same_query(uint64_t what) {
        Call call{.value = Bytes(8), .number = what};
        EXPECT_EQ(query_->run(call),
                  static_cast<int>(call_helper(kRingQuery, address(own_.get()), what)))
            << "query " << what;
    }
    void same_drain() {
        in_kernel_.clear();
        EXPECT_GE(ring_buffer__consume(reader_), 0);
        Records own = drain_own(*own_);
        ASSERT_EQ(in_kernel_.size(), own.size());
        for (size_t i = 0; i < own.size(); ++i) {
            // What a program reserved and did not write is whatever stood there.
            if (own[i].size() > kOutputs.back()) own[i].resize(8), in_kernel_[i].resize(8);
            ASSERT_EQ(in_kernel_[i], own[i]) << "record " << i;
        }
    }

    static constexpr std::array<uint32_t, 5> kOutputs = {1, 7, 8, 24, 61};
    static constexpr std::array<int32_t, 4> kReserves = {64, 100, 2000, 4088};
    ring_buffer* reader_ = nullptr;
    Records in_kernel_;
    std::vector<HelperProgram> outputs_;
    std::unique_ptr<HelperProgram> query_;
    std::vector<Fd> reserves_;
};

TEST_F(RingsAgainstKernel, RecordsPositionsAndRefusalsAgree) {
    for (const uint32_t bytes : {4096u}) {
        ASSERT_NO_FATAL_FAILURE(make_ring(bytes));
        Draw draw(bytes);
        for (uint32_t step = 0; step < 20'000; ++step) {
            const uint32_t choice = draw(100);
            if (choice < 70) {
                const uint64_t flags = draw(16) == 0 ? draw(5) : 0;
                same_output(draw(5), static_cast<uint8_t>(draw(256)), flags);
            } else if (choice < 85) {
                same_reserve(draw(8));
            } else if (choice < 97) {
                same_query(draw(6));
            } else {
                same_drain();
            }
            ASSERT_FALSE(HasFailure()) << "step " << step;
        }
        EXPECT_GT(own_->lost_events(), 1000u) << "it was full at times";
    }
}

void add_perf_record(void* records, int /*cpu*/, void* data, uint32_t bytes) {
    add_record(records, data, bytes);
}

class PerfAgainstKernel : public EventsAgainstKernel {
protected:
    ~PerfAgainstKernel() override { perf_buffer__free(reader_); }

    void make_events() {
        ASSERT_NO_FATAL_FAILURE(make({.name = "p",
                                      .type = MapType::PerfEventArray,
                                      .key_bytes = 4,
                                      .value_bytes = 4,
                                      .entries_max = kernel_cpus() + 1}));
        reader_ = perf_buffer__new(map_, 64, add_perf_record, nullptr, &in_kernel_, nullptr);
        ASSERT_NE(reader_, nullptr) << strerror(errno);
    }
    int same_output(const HelperProgram& program, const Bytes& data, uint64_t flags) {
        Call call{.value = data, .number = flags};
        Bytes packet = HelperProgram::packet_of(call);
        vm::XdpContext context{};
        context.frame_start = context.data_meta = context.data = packet.data();
        context.data_end = context.frame_limit = packet.data() + packet.size();
        const auto own =
            static_cast<int>(call_helper(kPerfOutput, address(&context), address(own_.get()), flags,
                                         address(data.data()), data.size()));
        EXPECT_EQ(program.run(call), own) << "flags " << flags << " bytes " << data.size();
        return own;
    }
    void same_drain(size_t written, size_t used) {
        in_kernel_.clear();
        EXPECT_GE(perf_buffer__consume(reader_), 0);
        Records own = drain_own(*own_);
        ASSERT_EQ(in_kernel_.size(), own.size());
        EXPECT_EQ(own.size(), written);
        for (size_t i = 0; i < own.size(); ++i) {
            EXPECT_EQ(in_kernel_[i].size(), own[i].size());
            // The kernel does not write the bytes that fill a record up.
            in_kernel_[i].resize(used), own[i].resize(used);
            ASSERT_EQ(in_kernel_[i], own[i]) << "record " << i;
        }
    }

    perf_buffer* reader_ = nullptr;
    Records in_kernel_;
};

TEST_F(PerfAgainstKernel, RecordsAndRefusalsAgree) {
    ASSERT_NO_FATAL_FAILURE(make_events());
    constexpr uint64_t kCurrent = 0xffffffff;
    for (const uint32_t bytes : {1u, 4u, 8u, 20u, 64u}) {
        const HelperProgram program(map_, kPerfOutput, Shape::ContextMemory, 0, bytes);
        for (const uint64_t packet_part : {0u, 1u, 60u, 144u, 145u, 0xfffffu}) {
            for (const uint64_t index : {uint64_t{0}, uint64_t{1}, uint64_t{2}, uint64_t{3},
                                         uint64_t{4}, kCurrent, uint64_t{1} << 52}) {
                const Bytes data(bytes, static_cast<uint8_t>(bytes + packet_part));
                const int status = same_output(program, data, index | packet_part << 32);
                same_drain(status == 0 ? 1 : 0, bytes + packet_part);
                ASSERT_FALSE(HasFailure()) << "index " << index << " packet " << packet_part;
            }
        }
    }
}

TEST_F(PerfAgainstKernel, TheFirstThatDoesNotFitIsTheSame) {
    ASSERT_NO_FATAL_FAILURE(make_events());
    const HelperProgram program(map_, kPerfOutput, Shape::ContextMemory, 0, 20);
    uint32_t written = 0;
    const Bytes data(20, 7);
    while (same_output(program, data, 0xffffffff | uint64_t{100} << 32) == 0) ++written;
    ASSERT_FALSE(HasFailure());
    EXPECT_GT(written, 1000u);
    EXPECT_EQ(own_->lost_events(), 1u);
    same_drain(written, 120);
}

// -- ring buffers from user space

/// Corpus programs drain them (maps/user_ringbuf.bpf.c); here is what the producer may put in.
TEST_F(EventsAgainstKernel, UserRingsTakeWhatTheKernelsProducerMayPutIn) {
    for (uint32_t seed = 1; seed <= 20; ++seed) {
        ASSERT_NO_FATAL_FAILURE(
            make({.name = "u", .type = MapType::UserRingbuf, .entries_max = 4096}));
        const std::unique_ptr<user_ring_buffer, decltype(&user_ring_buffer__free)> producer(
            user_ring_buffer__new(map_, nullptr), user_ring_buffer__free);
        ASSERT_NE(producer, nullptr);
        std::minstd_rand random(seed);
        for (uint32_t i = 0; i < 60; ++i) {
            const auto bytes = static_cast<uint32_t>(random() % (i % 10 == 0 ? 5000 : 400));
            void* const sample = user_ring_buffer__reserve(producer.get(), bytes);
            const int theirs = sample == nullptr ? -errno : 0;
            if (sample != nullptr) user_ring_buffer__submit(producer.get(), sample);
            EXPECT_EQ(static_cast<maps::UserRingbufMap&>(*own_).produce(Bytes(bytes)), theirs)
                << bytes << " bytes, seed " << seed;
        }
    }
}

}  // namespace
}  // namespace weir::tests
