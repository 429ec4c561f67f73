#pragma once
// A client of the real dataplane's command socket, with a program that counts.

#include <gtest/gtest.h>

#include <chrono>
#include <cstring>
#include <iostream>
#include <optional>
#include <thread>

#include "dataplane/api/client.h"
#include "tests/unit/dataplane/dataplane_process.h"
#include "tests/unit/dataplane/fixtures.h"

namespace weir::dataplane {

using api::Client;

/// Unwraps; a failure shows the error.
template <typename T>
T must(Result<T> result) {
    if (!result) {
        ADD_FAILURE() << result.error().message;
        return T{};
    }
    return std::move(*result);
}

class CommandsTest : public testing::Test {
protected:
    void SetUp() override {
        ASSERT_FALSE(DataplaneProcess::binary().empty()) << "WEIR_DATAPLANE names the binary";
        dataplane_.start();
        client_.emplace(dataplane_.connect());
    }
    void TearDown() override {
        client_.reset();
        if (HasFailure()) std::cerr << dataplane_.log();
    }
    void configure() { must(client_->configure(testing_configure())); }

    /// A program that counts in fw/counts and drops, published on wan.
    api::Publish publish_counter() {
        const vm::MapSpec spec = testing_map("counts", vm::MapType::PercpuArray, 1);
        map_ = must(client_->create_map({"fw/counts", spec}));
        const api::ProgramLoaded loaded = must(client_->load_program(
            {"fw", testing_counter(vm::XDP_DROP, spec), {map_}, "fw.o", "abc"}));
        api::Publish publish{{{"wan", false, {loaded.handle}}}, "hash1"};
        must(client_->publish(publish));
        return publish;
    }
    uint64_t runs_of(const std::string& program) {
        for (const api::ProgramInfo& info : must(client_->list_programs())) {
            if (info.name == program) return info.runs;
        }
        return 0;
    }
    void wait_for_runs(const std::string& program, uint64_t count) {
        for (int i = 0; i < 500 && runs_of(program) < count; ++i)
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        EXPECT_GE(runs_of(program), count);
    }

    TemporaryDir temporary_;
    DataplaneProcess dataplane_{temporary_ / "run"};
    std::optional<Client> client_;
    api::Handle map_ = 0;
};

}  // namespace weir::dataplane
