#include "controlplane/config/document.h"

#include <gtest/gtest.h>

namespace weir::controlplane {
namespace {

TEST(Document, KnowsThePlaceOfKeysAndValues) {
    const Result<Node> root = parse_document("a: 1\nb:\n  c: [x, 'y']\n", "f");
    ASSERT_TRUE(root.has_value()) << root.error().message;
    ASSERT_EQ(root->entries.size(), 2u);
    EXPECT_EQ(root->entries[1].key_place.line, 2u);
    const Node* list = root->find("b")->find("c");
    ASSERT_NE(list, nullptr);
    ASSERT_EQ(list->items.size(), 2u);
    EXPECT_EQ(list->items[1].text, "y");
    EXPECT_TRUE(list->items[1].quoted);
    EXPECT_EQ(list->items[1].place.line, 3u);
    EXPECT_EQ(list->items[1].place.column, 10u);
    EXPECT_EQ(root->find("d"), nullptr);
}

TEST(Document, ResolvesAnchors) {
    const Result<Node> root = parse_document("a: &x {k: 7}\nb: *x\n", "f");
    ASSERT_TRUE(root.has_value()) << root.error().message;
    EXPECT_EQ(root->find("b")->find("k")->text, "7");
    EXPECT_EQ(root->find("b")->place.line, 2u);
}

TEST(Document, StopsABillionLaughs) {
    std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
    for (int i = 1; i < 12; ++i) {
        text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
        for (int j = 0; j < 10; ++j) text += (j == 0 ? "*a" : ", *a") + std::to_string(i - 1);
        text += "]\n";
    }
    const Result<Node> root = parse_document(text, "f");
    ASSERT_FALSE(root.has_value());
    EXPECT_NE(root.error().message.find("more than 1048576 values"), std::string::npos)
        << root.error().message;
}

TEST(Document, StopsDeepNesting) {
    const Result<Node> root = parse_document(std::string(100, '[') + std::string(100, ']'), "f");
    ASSERT_FALSE(root.has_value());
    EXPECT_EQ(root.error().message, "f:1:33: nested deeper than 32 levels");
}

TEST(Document, SurvivesHugeNesting) {
    EXPECT_FALSE(parse_document(std::string(200'000, '['), "f").has_value());
    EXPECT_FALSE(parse_document(std::string(200'000, '{'), "f").has_value());
}

TEST(Document, RefusesSecondDocumentsAndBinary) {
    EXPECT_FALSE(parse_document("a: 1\n---\nb: 2\n", "f").has_value());
    EXPECT_FALSE(parse_document(std::string("a\0b", 3), "f").has_value());
}

TEST(Document, RefusesFilesThatAreNone) {
    EXPECT_EQ(read_file("/nowhere/at/all", 10).error().message,
              "/nowhere/at/all: cannot open: No such file or directory");
    EXPECT_EQ(read_file("/tmp", 10).error().message, "/tmp: no regular file");
}

}  // namespace
}  // namespace weir::controlplane
