#include "control/reloader.h"

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "members.h"
#include "sd/state.h"

namespace otto::control {

namespace {

using State = Reloader::State;
using Origin = Reloader::Origin;

std::string file_of(const std::string& servers) {
    return R"({"servers": [)" + servers + "]}";
}

const std::string one = file_of(R"("http://127.0.0.1:1")");
const std::string two = file_of(R"("http://127.0.0.1:1", "http://127.0.0.1:2")");
const std::string bad = file_of(R"("ftp://127.0.0.1")");

/// One start of Otto: a reloader with two workers, which confirm when the test says so. What it has
/// done is in `events`.
struct Process {
    explicit Process(const std::optional<std::string>& directory, bool binds = true)
        : changes(directory, "config.json"),
          publisher({.settled = [] { return true; },
                     .balance =
                         [](const Candidates& predecessor) {
                             return Candidates::build({}, {}, predecessor);
                         },
                     .apply = [this](const auto&) { events += "publish "; },
                     .wake = [] {},
                     .on_published = [](bool) {},
                     .ask = [] { return 2u; },
                     .on_confirmed = [this] { reloader.confirmed(); }}),
          reloader(
              "config.json", directory, binds, changes, publisher,
              {.load = [this] { return parse_config(file, "config.json"); },
               .use =
                   [this](Config config) {
                       const auto before = publisher.snapshot();
                       publisher.take(make_snapshot(std::move(config), before.get(), {}).snapshot);
                   },
               .check_port = [this](const auto& port) { events += "port " + port[0].text + " "; },
               .on_reloading = [this] { events += "RELOADING "; },
               .on_ready = [this] { events += "READY "; }}) {}

    void start(const std::string& text) {
        file = text;
        reloader.use(reloader.begin(parse_config(file, "config.json")));
        happened();
    }
    std::vector<ConfigProblem> reload(const std::string& text) {
        file = text;
        return reloader.reload();
    }
    void confirm(int workers) {
        for (int worker = 0; worker < workers; ++worker) publisher.confirmed();
    }
    std::string happened() { return std::exchange(events, ""); }
    std::size_t servers() const { return publisher.snapshot()->members().size(); }
    std::uint64_t generation() const { return publisher.snapshot()->generation; }

    std::string file;
    std::string events;
    admin::Changes changes;
    Publisher publisher;
    Reloader reloader;
};

class ReloaderTest : public testing::Test {
  protected:
    void SetUp() override {
        std::string name = "/tmp/otto-reloader.XXXXXX";
        ASSERT_NE(::mkdtemp(name.data()), nullptr);
        directory_ = name;
    }
    void TearDown() override { std::filesystem::remove_all(directory_); }
    std::string last_good() const {
        const auto text = load_last_good(directory_);
        return text ? *text : "";
    }

    std::string directory_;
};

}  // namespace

TEST_F(ReloaderTest, IsReadyOnceEachWorkerHasConfirmed) {
    Process otto(directory_);
    otto.start(one);
    EXPECT_EQ(otto.generation(), 1u);
    EXPECT_TRUE(otto.reload(two).empty());
    EXPECT_EQ(otto.happened(), "RELOADING publish port :8080 ");
    EXPECT_EQ(otto.servers(), 2u);
    EXPECT_EQ(otto.reloader.state(), State::reloading);
    otto.confirm(1);
    EXPECT_EQ(otto.happened(), "") << "one of two";
    otto.confirm(1);
    EXPECT_EQ(otto.happened(), "READY ");
    EXPECT_EQ(otto.reloader.state(), State::ready);
    EXPECT_EQ(otto.generation(), 2u);
    EXPECT_EQ(otto.reloader.loads().done, 1u);
    EXPECT_FALSE(otto.reloader.loads().failed_last);
}

TEST_F(ReloaderTest, PublishesWhatIsDueBeforeItIsReady) {
    Process otto(directory_);
    otto.start(one);
    otto.reload(one);
    otto.happened();
    otto.publisher.changed();
    otto.confirm(2);
    EXPECT_EQ(otto.happened(), "publish READY ");
}

TEST_F(ReloaderTest, ABadFileChangesNothing) {
    Process otto(directory_);
    otto.start(two);
    const auto before = otto.publisher.snapshot();
    const auto problems = otto.reload(bad);
    ASSERT_EQ(problems.size(), 1u);
    EXPECT_EQ(otto.happened(), "RELOADING READY ") << "at once: no worker has anything to confirm";
    EXPECT_EQ(otto.publisher.snapshot(), before);
    EXPECT_EQ(last_good(), two);
    EXPECT_EQ(otto.reloader.trouble(),
              "the file has errors, so generation 1 stays active: " + problems[0].text());
    EXPECT_TRUE(otto.reloader.loads().failed_last);
    EXPECT_EQ(otto.reloader.loads().failed, 1u);
    EXPECT_EQ(otto.reloader.loads().done, 0u);

    EXPECT_TRUE(otto.reload(one).empty());
    EXPECT_EQ(otto.reloader.trouble(), "");
    EXPECT_FALSE(otto.reloader.loads().failed_last);
    EXPECT_EQ(last_good(), one);
}

TEST_F(ReloaderTest, AReloadDuringAReload) {
    Process otto(directory_);
    otto.start(one);
    otto.reload(two);
    otto.confirm(1);
    otto.reload(one);
    EXPECT_EQ(otto.generation(), 3u);
    otto.happened();
    otto.confirm(2);
    EXPECT_EQ(otto.happened(), "") << "one worker does not use the last one";
    otto.confirm(1);
    EXPECT_EQ(otto.happened(), "READY ");
}

TEST_F(ReloaderTest, ABadFileDuringAReloadDoesNotEndIt) {
    Process otto(directory_);
    otto.start(one);
    otto.reload(two);
    otto.confirm(1);
    otto.happened();
    EXPECT_FALSE(otto.reload(bad).empty());
    EXPECT_EQ(otto.happened(), "RELOADING ");
    EXPECT_EQ(otto.servers(), 2u);
    otto.confirm(1);
    EXPECT_EQ(otto.happened(), "READY ");
}

TEST_F(ReloaderTest, AtTheStartTheLastValidFileStandsInForABadOne) {
    {
        Process before(directory_);
        before.start(two);
        EXPECT_EQ(before.reloader.origin(), Origin::file);
        EXPECT_EQ(before.reloader.trouble(), "");
    }
    Process otto(directory_);
    otto.start(bad);
    EXPECT_EQ(otto.servers(), 2u);
    EXPECT_EQ(otto.reloader.origin(), Origin::last_good);
    const std::string trouble = otto.reloader.trouble();
    EXPECT_TRUE(trouble.starts_with("using the last valid configuration, because the file has"));
    EXPECT_TRUE(otto.reloader.loads().failed_last);
    EXPECT_EQ(last_good(), two);

    otto.reload(bad);
    EXPECT_EQ(otto.reloader.origin(), Origin::last_good);
    EXPECT_EQ(otto.reloader.trouble(), trouble) << "that is what operators need to know";
    otto.reload(one);
    EXPECT_EQ(otto.reloader.origin(), Origin::file);
    EXPECT_EQ(otto.reloader.trouble(), "");
    EXPECT_EQ(otto.servers(), 1u);
}

TEST_F(ReloaderTest, WithoutAnyValidFileNothingIsServed) {
    Process otto(directory_);
    otto.start(bad);
    EXPECT_EQ(otto.reloader.origin(), Origin::nothing);
    EXPECT_EQ(otto.servers(), 0u);
    EXPECT_TRUE(otto.reloader.trouble().starts_with("answering 503, because the file has errors"));
    EXPECT_FALSE(otto.changes.has_file());
    EXPECT_EQ(last_good(), "");

    ASSERT_TRUE(save_last_good(directory_, bad)) << "nor does a last one help that is bad";
    Process again(directory_);
    again.start(bad);
    EXPECT_EQ(again.reloader.origin(), Origin::nothing);
}

TEST_F(ReloaderTest, WithoutAStateDirectoryNothingIsKept) {
    Process otto(std::nullopt);
    otto.start(one);
    otto.reload(two);
    EXPECT_EQ(otto.servers(), 2u);
    EXPECT_EQ(last_good(), "");
    Process again(std::nullopt);
    again.start(bad);
    EXPECT_EQ(again.reloader.origin(), Origin::nothing);
}

TEST_F(ReloaderTest, ChangesLieOverTheFileAtTheStartAndAfterReloads) {
    {
        Process otto(directory_);
        otto.start(one);
        const auto proposal = otto.changes.propose(*Json::parse(R"({"balance": "first"})"));
        ASSERT_TRUE(proposal.problems.empty());
        ASSERT_TRUE(otto.changes.keep(proposal));
        otto.reloader.apply(proposal.config);
        EXPECT_EQ(otto.happened(), "publish ") << "no reload, and the same port";
        EXPECT_EQ(otto.publisher.snapshot()->config.balance, find_policy("first"));
        otto.reload(two);
        EXPECT_EQ(otto.servers(), 2u);
        EXPECT_EQ(otto.publisher.snapshot()->config.balance, find_policy("first"));
        EXPECT_EQ(last_good(), two) << "the file alone";
    }
    Process again(directory_);
    again.start(bad);
    EXPECT_EQ(again.servers(), 2u);
    EXPECT_EQ(again.publisher.snapshot()->config.balance, find_policy("first"));
}

TEST_F(ReloaderTest, AnotherPortIsCompared) {
    Process otto(directory_);
    otto.start(one);
    Config config = otto.publisher.snapshot()->config;
    otto.reloader.apply(config);
    EXPECT_EQ(otto.happened(), "publish ");
    config.port = parse_config(R"({"port": ":81", "servers": []})", "f").config.port;
    ASSERT_EQ(config.port.size(), 1u);
    otto.reloader.apply(config);
    EXPECT_EQ(otto.happened(), "publish port :81 ");
}

TEST_F(ReloaderTest, NoReloadWhileOttoStops) {
    Process otto(directory_);
    otto.start(one);
    otto.reload(two);
    otto.happened();
    otto.reloader.close();
    otto.confirm(2);
    EXPECT_EQ(otto.happened(), "") << "READY=1 would take STOPPING=1 back";
    const auto problems = otto.reload(one);
    ASSERT_EQ(problems.size(), 1u);
    EXPECT_EQ(problems[0].message, "Otto is stopping");
    EXPECT_EQ(otto.happened(), "");
    EXPECT_EQ(otto.servers(), 2u);
}

}  // namespace otto::control
