#include "controlplane/api/node_state.h"

#include <gtest/gtest.h>

namespace weir::controlplane {
namespace {

NodeState swapped_to(const std::string& function) {
    NodeState state;
    state.config_path = "/etc/weir/weir.yaml";
    state.config_text = R"(version: 1
ports:
  wan: {device: "net_null0", pass: drop, ingress: [{program: fw}]}
programs:
  fw: {object: old.o, program: filter}
)";
    state.swapped["fw"] = {"/opt/new.o", function};
    return state;
}

TEST(EffectiveConfig, ASwapWithoutAProgramKeepsTheConfiguredOne) {
    const Result<Config> config = effective_config(swapped_to(""));
    ASSERT_TRUE(config) << config.error().message;
    EXPECT_EQ(config->programs[0].object.value, "/opt/new.o");
    EXPECT_EQ(config->programs[0].function.value, "filter");
}

TEST(EffectiveConfig, ASwapsProgramGoesBeforeTheConfiguredOne) {
    const Result<Config> config = effective_config(swapped_to("count"));
    ASSERT_TRUE(config) << config.error().message;
    EXPECT_EQ(config->programs[0].object.value, "/opt/new.o");
    EXPECT_EQ(config->programs[0].function.value, "count");
}

}  // namespace
}  // namespace weir::controlplane
