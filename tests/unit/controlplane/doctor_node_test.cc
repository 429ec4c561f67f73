// What `weir doctor` makes of a node's answers.

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "controlplane/api/http_server.h"
#include "controlplane/cli/doctor_checks.h"
#include "controlplane/cli/options.h"
#include "tests/unit/dataplane/temporary_dir.h"

namespace weir::controlplane::cli {
namespace {

/// Answers /status with `status`, and /maps with none.
class AnsweringNode {
public:
    explicit AnsweringNode(const Json& status) {
        const Result<void> listens = server_.listen_unix(
            run_dir() + "/" + kControlSocketName, [this, status](const HttpRequest& request) {
                const bool is_status = request.path == "/status";
                if (is_status) ++status_questions_;
                return HttpAnswer{.body = is_status ? status.dump() : "[]"};
            });
        EXPECT_TRUE(listens) << listens.error().message;
        thread_ = std::thread([this] { server_.run(1, [this] { ticks_ = true; }); });
        while (!ticks_) std::this_thread::yield();
    }
    ~AnsweringNode() {
        server_.stop();
        thread_.join();
    }

    std::string run_dir() const { return folder_ / "."; }
    int status_questions() const { return status_questions_; }

    std::vector<Finding> findings() const {
        std::vector<Finding> found;
        check_node_ports(run_dir(), found);
        check_node_maps(run_dir(), found);
        return found;
    }

private:
    dataplane::TemporaryDir folder_;
    HttpServer server_;
    std::atomic<bool> ticks_ = false;
    std::atomic<int> status_questions_ = 0;
    std::thread thread_;
};

Json with_port_out_of_service() {
    const std::string why = "ingress: program fw: 3 faults; everything is dropped";
    return {{"ports", {{{"name", "wan"}, {"link_up", true}, {"out_of_service", why}}}},
            {"warnings", {"port wan is out of service: " + why}}};
}

TEST(DoctorNode, SaysOnceThatAPortIsOutOfService) {
    const AnsweringNode node(with_port_out_of_service());
    const std::vector<Finding> found = node.findings();
    ASSERT_EQ(found.size(), 2u);  // the other is of the maps
    EXPECT_EQ(found[0].check, "service");
    EXPECT_EQ(found[0].health, Health::Wrong);
    EXPECT_EQ(found[0].message,
              "port wan is out of service: ingress: program fw: 3 faults; everything is dropped");
    EXPECT_EQ(found[0].remedy, "weir apply CONFIG, or weir prog swap NAME OBJ");
    EXPECT_EQ(node.status_questions(), 1);
}

TEST(DoctorNode, SaysThatABypassIsOnAndHowToEndIt) {
    const AnsweringNode node(
        {{"bypass_left_ms", 1'500}, {"ports", {{{"name", "wan"}, {"link_up", true}}}}});
    const std::vector<Finding> found = node.findings();
    ASSERT_EQ(found.size(), 2u);
    EXPECT_EQ(found[0].check, "bypass");
    EXPECT_EQ(found[0].message, "nothing is filtered for another 2 s");
    EXPECT_EQ(found[0].remedy, "weir bypass off --run-dir " + node.run_dir());
}

TEST(DoctorNode, KeepsTheCommandOfOtherWarningsOfAPort) {
    const AnsweringNode node({{"ports", {{{"name", "wan"}, {"link_up", true}}}},
                              {"warnings", {"port wan: packets came broken; `ethtool -K` mends"}}});
    const std::vector<Finding> found = node.findings();
    ASSERT_EQ(found.size(), 2u);
    EXPECT_EQ(found[0].check, "ports");
    EXPECT_EQ(found[0].message, "port wan: packets came broken");
    EXPECT_EQ(found[0].remedy, "`ethtool -K` mends");
}

}  // namespace
}  // namespace weir::controlplane::cli
