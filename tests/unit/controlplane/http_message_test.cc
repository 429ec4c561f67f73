#include "controlplane/api/http_message.h"

#include <gtest/gtest.h>

namespace weir::controlplane {
namespace {

TEST(HttpMessage, EscapesAndUnescapesNames) {
    EXPECT_EQ(escape_url("firewall/protocols"), "firewall%2Fprotocols");
    for (const char* name : {"a/b", ".rodata", "x y%z", "ü"})
        EXPECT_EQ(unescape_url(escape_url(name)), name);
    EXPECT_EQ(unescape_url("100%"), "100%");
    EXPECT_EQ(unescape_url("%zz%4"), "%zz%4");
}

TEST(HttpMessage, SplitsPathAndQuery) {
    HttpRequest request;
    split_target("/maps/a%2Fb/elements?after=00ff&limit=5&x", request);
    EXPECT_EQ(request.path, "/maps/a%2Fb/elements");
    EXPECT_EQ(request.query["after"], "00ff");
    EXPECT_EQ(request.query["limit"], "5");
    EXPECT_TRUE(request.query.contains("x"));
}

TEST(HttpMessage, CarriesErrorsWithTheirKind) {
    for (const ErrorKind kind : {ErrorKind::kInvalid, ErrorKind::kRejected, ErrorKind::kNotFound,
                                 ErrorKind::kUnsupported, ErrorKind::kResource}) {
        const HttpAnswer answer = error_answer({kind, "line \"one\""});
        EXPECT_GE(answer.status, 400u);
        const Error error = error_of(answer);
        EXPECT_EQ(error.kind, kind);
        EXPECT_EQ(error.message, "line \"one\"");
    }
    EXPECT_EQ(error_of({500, "text/plain", "oops"}).kind, ErrorKind::kResource);
}

}  // namespace
}  // namespace weir::controlplane
