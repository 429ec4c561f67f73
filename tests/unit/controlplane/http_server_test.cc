#include "controlplane/api/http_server.h"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>

namespace weir::controlplane {
namespace {

TEST(HttpServer, GoesOnAfterATickThatThrows) {
    HttpServer server;
    std::atomic<int> ticks = 0;
    server.run(1, [&] {
        if (++ticks >= 3) return server.stop();
        throw std::runtime_error("no memory for this tick");
    });
    EXPECT_GE(ticks, 3);
}

}  // namespace
}  // namespace weir::controlplane
