#include "options.h"

#include <vector>

#include <gtest/gtest.h>
#include <sysexits.h>

// The root of daemon/ is a program and not a library to link with.
#include "options.cc"

namespace otto {

namespace {

std::variant<Options, int> parse(std::vector<const char*> words) {
    words.insert(words.begin(), "otto");
    words.push_back(nullptr);
    return parse_options(static_cast<int>(words.size()) - 1, words.data());
}

struct Complaint {
    int code;
    std::string text;
};

Complaint complaint(const std::vector<const char*>& words) {
    testing::internal::CaptureStderr();
    const auto parsed = parse(words);
    const int* code = std::get_if<int>(&parsed);
    return {code != nullptr ? *code : -1, testing::internal::GetCapturedStderr()};
}

}  // namespace

TEST(Options, Defaults) {
    const auto parsed = parse({});
    const auto* options = std::get_if<Options>(&parsed);
    ASSERT_NE(options, nullptr);
    EXPECT_EQ(options->config, "/etc/otto/config.json");
    EXPECT_FALSE(options->check || options->print_schema || options->version);
}

TEST(Options, EachIsRead) {
    const auto check = std::get<Options>(parse({"--check", "--config", "a b"}));
    EXPECT_TRUE(check.check);
    EXPECT_EQ(check.config, "a b");
    EXPECT_EQ(std::get<Options>(parse({"--config=x"})).config, "x");
    EXPECT_TRUE(std::get<Options>(parse({"--reload"})).reload);
    EXPECT_TRUE(std::get<Options>(parse({"--print-schema"})).print_schema);
    EXPECT_TRUE(std::get<Options>(parse({"--version"})).version);
}

TEST(Options, HelpIsAnsweredOnStdout) {
    testing::internal::CaptureStdout();
    const auto parsed = parse({"--help"});
    const std::string text = testing::internal::GetCapturedStdout();
    EXPECT_EQ(std::get<int>(parsed), 0);
    for (const char* option :
         {"--config FILE", "--check", "--reload", "--print-schema", "--version"})
        EXPECT_NE(text.find(option), std::string::npos) << option;
}

TEST(Options, MistakesAreUsageErrors) {
    const std::vector<std::vector<const char*>> mistakes{{"--bogus"},
                                                         {"x"},
                                                         {"--config"},
                                                         {"--config", "a", "--config", "b"},
                                                         {"--check", "--version"}};
    for (const auto& words : mistakes) {
        const Complaint got = complaint(words);
        EXPECT_EQ(got.code, EX_USAGE) << words.front();
        EXPECT_EQ(got.text.rfind("otto: ", 0), 0u) << got.text;
        EXPECT_NE(got.text.find("otto --help"), std::string::npos);
    }
    EXPECT_NE(complaint({"--bogus"}).text.find("--bogus"), std::string::npos);
}

}  // namespace otto
