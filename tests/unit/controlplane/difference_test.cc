#include <gtest/gtest.h>

#include "controlplane/deploy/deploy.h"

namespace weir::controlplane {
namespace {

dataplane::api::Configure base() {
    dataplane::api::Configure configure;
    configure.lcores = {0, 1};
    configure.ports.resize(1);
    configure.ports[0].name = "wan";
    configure.ports[0].device = "net_null0";
    return configure;
}

TEST(Difference, NamesTheFirstKeyThatDiffers) {
    EXPECT_EQ(configure_difference(base(), base()), "");
    dataplane::api::Configure wanted = base();
    wanted.ports[0].mtu = 9000;
    EXPECT_EQ(configure_difference(base(), wanted),
              "ports.wan.mtu is '0', the new configuration says '9000'");
    wanted = base();
    wanted.lcores = {1};
    EXPECT_EQ(configure_difference(base(), wanted),
              "workers.lcores is '0,1', the new configuration says '1'");
    wanted = base();
    wanted.ports.clear();
    EXPECT_EQ(configure_difference(base(), wanted),
              "ports is 'wan', the new configuration says ''");
}

}  // namespace
}  // namespace weir::controlplane
