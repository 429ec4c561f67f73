// Machine code is unmapped when no worker runs it any more, and not before.

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <thread>

#include "dataplane/publication.h"
#include "maps/maps.h"
#include "tests/unit/dataplane/commands_fixture.h"
#include "vm/verifier/verifier.h"

namespace weir::dataplane {
namespace {

/// Mappings of machine code in a process.
size_t code_mappings(const std::string& process) {
    std::ifstream maps("/proc/" + process + "/maps");
    size_t count = 0;
    for (std::string line; std::getline(maps, line);)
        if (line.find("memfd:weir-jit") != std::string::npos) ++count;
    return count;
}

std::unique_ptr<Generation> generation(uint64_t number, uint32_t verdict) {
    const vm::ProgramSpec spec = testing_return(verdict);
    const auto verified =
        std::make_shared<const vm::VerifiedProgram>(*vm::accept(spec, *vm::verify(spec)));
    auto made = std::make_unique<Generation>();
    made->number = number;
    made->ports.resize(1);
    made->ports[0].ingress.push_back(
        {*jit::compile(verified, {}, maps::all_helpers(), jit::Engine::kJit), 0});
    return made;
}

uint32_t run_first(const LiveGeneration& live) {
    uint8_t bytes[64] = {};
    vm::XdpContext context{bytes, bytes + sizeof bytes, bytes, bytes, bytes + sizeof bytes, 1, 0,
                           0};
    vm::RunEnv env;
    return live.ports[0].ingress[0].program->run(context, env);
}

TEST(CodeLifetime, EndsAfterTheLastWorkerMovedOnAndNotBefore) {
    const size_t before = code_mappings("self");
    Publication publication(1, 1);
    std::thread first([&] {
        while (publication.enter_round(0).number() < 1) std::this_thread::yield();
    });
    ASSERT_TRUE(publication.publish(generation(1, vm::XDP_DROP)));
    first.join();
    const LiveGeneration& running = publication.enter_round(0);
    EXPECT_EQ(code_mappings("self"), before + 1);
    // The worker is still in its round when the next generation comes.
    EXPECT_FALSE(publication.publish(generation(2, vm::XDP_PASS)));
    EXPECT_EQ(code_mappings("self"), before + 2);
    EXPECT_EQ(run_first(running), vm::XDP_DROP);
    std::thread second([&] {
        while (publication.enter_round(0).number() < 3) std::this_thread::yield();
    });
    ASSERT_TRUE(publication.publish(generation(3, vm::XDP_TX)));
    second.join();
    EXPECT_EQ(code_mappings("self"), before + 1);
    EXPECT_EQ(run_first(publication.enter_round(0)), vm::XDP_TX);
}

TEST_F(CommandsTest, KeepsTheCodeOfWhatRunsAndOfNothingElseOverAThousandPublications) {
    configure();
    publish_counter();
    const std::string process = std::to_string(dataplane_.pid());
    ASSERT_EQ(code_mappings(process), 1u);
    const vm::MapSpec spec = testing_map("counts", vm::MapType::PercpuArray, 1);
    constexpr uint32_t kPublications = 1000;
    size_t most = 0;
    for (uint32_t i = 0; i < kPublications; ++i) {
        const uint32_t verdict = i % 2 == 0 ? vm::XDP_PASS : vm::XDP_DROP;
        const api::ProgramLoaded next = must(
            client_->load_program({"fw", testing_counter(verdict, spec), {map_}, "fw.o", "def"}));
        ASSERT_GT(next.jited_bytes, 0u);
        must(client_->publish({{{"wan", false, {next.handle}}}, "hash"}));
        most = std::max(most, code_mappings(process));
    }
    // Beside what runs, one may still wait for the worker.
    EXPECT_LE(most, 2u);
    EXPECT_GE(most, 1u);
    wait_for_runs("fw", 1);
}

}  // namespace
}  // namespace weir::dataplane
