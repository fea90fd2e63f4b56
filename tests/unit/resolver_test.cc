#include "health/resolver.h"

#include <algorithm>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "event/loop.h"
#include "event/mailbox.h"
#include "event/timer.h"

namespace otto {
namespace {

using namespace std::chrono_literals;

/// Answers lookups as a test says; shared with the resolver's threads, which may outlive it.
class FakeNames {
  public:
    /// Addresses; none: the lookup fails for this reason. "hang": until release().
    struct Answer {
        std::vector<std::string> addresses;
        std::string failure;
    };

    void set(const std::string& name, Answer answer) {
        const std::lock_guard lock(mutex_);
        answers_[name] = std::move(answer);
    }
    void release() {
        const std::lock_guard lock(mutex_);
        released_ = true;
        changed_.notify_all();
    }
    std::size_t asked(const std::string& name) {
        const std::lock_guard lock(mutex_);
        return asked_[name];
    }
    std::size_t most_at_once() {
        const std::lock_guard lock(mutex_);
        return most_;
    }
    void wait_until_over() {
        std::unique_lock lock(mutex_);
        EXPECT_TRUE(changed_.wait_for(lock, 20s, [this] { return under_way_ == 0; }));
    }

    Result<std::vector<Address>> look_up(const std::string& name) {
        std::unique_lock lock(mutex_);
        ++asked_[name];
        most_ = std::max(most_, ++under_way_);
        if (answers_[name].failure == "hang") changed_.wait(lock, [this] { return released_; });
        --under_way_;
        changed_.notify_all();
        const Answer& answer = answers_[name];
        if (answer.addresses.empty()) return Error{answer.failure};
        std::vector<Address> addresses;
        for (const std::string& each : answer.addresses)
            addresses.push_back(*Address::from_ip(each, 0));
        return addresses;
    }

  private:
    std::mutex mutex_;  // guards all
    std::condition_variable changed_;
    std::map<std::string, Answer> answers_;
    std::map<std::string, std::size_t> asked_;
    std::size_t under_way_ = 0;
    std::size_t most_ = 0;
    bool released_ = false;
};

class ResolverTest : public testing::Test {
  protected:
    ResolverTest() {
        Resolver::Callbacks callbacks;
        callbacks.on_change = [this] {
            ++changes;
            if (resolver->answers().contains("app")) announced = addresses("app");
            check();
        };
        callbacks.on_news = [this](const Resolver::News& each) {
            static const std::map<Resolver::News::Kind, std::string> kinds{
                {Resolver::News::Kind::moved, "moved"},
                {Resolver::News::Kind::stale, "stale"},
                {Resolver::News::Kind::fresh, "fresh"}};
            news.push_back(each.name + " " + kinds.at(each.kind));
        };
        auto lookup = [names = names](const std::string& name) { return names->look_up(name); };
        resolver = std::make_unique<Resolver>(
            loop, *mailbox, std::move(callbacks), std::move(lookup),
            Resolver::Pace{.interval = 20ms, .patience = 50ms, .staleness = 5s});
    }

    ~ResolverTest() override {
        resolver.reset();
        names->release();
        names->wait_until_over();
    }

    /// Runs the loop until `reached` holds; fails the test when it does not for too long.
    void run_until(std::function<bool()> reached) {
        bool expired = false;
        Timer guard(loop, [this, &expired] {
            expired = true;
            loop.stop();
        });
        guard.set_after(20s);
        until = std::move(reached);
        Timer poll(loop, [this, &poll] {
            check();
            poll.set_after(1ms);
        });
        poll.set_after(0ms);
        EXPECT_TRUE(loop.run());
        until = nullptr;
        ASSERT_FALSE(expired) << "nothing happened";
    }
    void check() {
        if (until && until()) loop.stop();
    }

    std::vector<std::string> addresses(const std::string& name) const {
        std::vector<std::string> list;
        for (const Address& each : resolver->answers().at(name).addresses)
            list.push_back(each.ip());
        return list;
    }
    std::string trouble(const std::string& name) const {
        return resolver->answers().at(name).trouble;
    }

    using Texts = std::vector<std::string>;

    Loop loop = std::move(*Loop::open());
    std::unique_ptr<Mailbox> mailbox = std::move(*Mailbox::open(loop));
    std::shared_ptr<FakeNames> names = std::make_shared<FakeNames>();
    std::unique_ptr<Resolver> resolver;
    std::function<bool()> until;
    unsigned changes = 0;
    Texts announced;  // addresses of "app" at the last change
    Texts news;
};

TEST_F(ResolverTest, AnswersLater) {
    names->set("app", {.addresses = {"192.0.2.1", "192.0.2.2"}, .failure = ""});
    resolver->watch({"app"});
    EXPECT_EQ(addresses("app"), Texts{});
    EXPECT_EQ(trouble("app"), "");
    run_until([this] { return !announced.empty(); });
    EXPECT_EQ(addresses("app"), (Texts{"192.0.2.1", "192.0.2.2"}));
    EXPECT_EQ(trouble("app"), "");
    EXPECT_EQ(news, Texts{});
}

TEST_F(ResolverTest, TellsWhyANameDoesNotResolve) {
    names->set("app", {.addresses = {}, .failure = "no such name"});
    resolver->watch({"app"});
    run_until([this] { return trouble("app") == "its name does not resolve (no such name)"; });
    names->set("app", {.addresses = {"192.0.2.1"}, .failure = ""});
    run_until([this] { return !announced.empty(); });
    EXPECT_EQ(trouble("app"), "");
    EXPECT_EQ(addresses("app"), Texts{"192.0.2.1"});
    EXPECT_EQ(news, Texts{});
}

TEST_F(ResolverTest, AsksAgainAndNoticesOtherAddresses) {
    names->set("app", {.addresses = {"192.0.2.1", "192.0.2.2"}, .failure = ""});
    resolver->watch({"app"});
    run_until([this] { return !announced.empty(); });
    const unsigned before = changes;
    names->set("app", {.addresses = {"192.0.2.2", "192.0.2.1"}, .failure = ""});
    const std::size_t asked = names->asked("app");
    run_until([this, asked] { return names->asked("app") >= asked + 3; });
    EXPECT_EQ(changes, before) << "their order alone is no change";
    names->set("app", {.addresses = {"192.0.2.3"}, .failure = ""});
    run_until([this] { return announced == Texts{"192.0.2.3"}; });
    EXPECT_EQ(news, Texts{"app moved"});
}

TEST_F(ResolverTest, KeepsTheLastAddressesThroughFailures) {
    names->set("app", {.addresses = {"192.0.2.1"}, .failure = ""});
    resolver->watch({"app"});
    run_until([this] { return !announced.empty(); });
    const unsigned before = changes;
    names->set("app", {.addresses = {}, .failure = "no server answers"});
    run_until([this] { return !news.empty(); });
    names->set("app", {.addresses = {}, .failure = "another reason"});
    const std::size_t asked = names->asked("app");
    run_until([this, asked] { return names->asked("app") >= asked + 3; });
    EXPECT_EQ(addresses("app"), Texts{"192.0.2.1"});
    EXPECT_EQ(trouble("app"), "its name does not resolve (another reason)");
    names->set("app", {.addresses = {"192.0.2.1"}, .failure = ""});
    run_until([this] { return news.size() > 1; });
    EXPECT_EQ(news, (Texts{"app stale", "app fresh"}));
    EXPECT_EQ(changes, before);
}

TEST_F(ResolverTest, NamesThatHangDoNotDelayTheOthers) {
    Texts all;
    for (unsigned i = 0; i < 20; ++i) {
        all.push_back("hanging-" + std::to_string(i));
        names->set(all.back(), {.addresses = {}, .failure = "hang"});
    }
    all.push_back("app");
    names->set("app", {.addresses = {"192.0.2.1"}, .failure = ""});
    resolver->watch(all);
    run_until([this] { return !addresses("app").empty(); });
    run_until([this] { return names->asked("app") > 3; });
    EXPECT_EQ(trouble("hanging-0"), "its name is being resolved");
    EXPECT_EQ(trouble("hanging-19"), "its name is being resolved");
    EXPECT_EQ(names->asked("hanging-0"), 1u);
}

TEST_F(ResolverTest, AsksFewAtOnceAndTellsManyTogether) {
    Texts all;
    for (unsigned i = 0; i < 2000; ++i) {
        all.push_back("name-" + std::to_string(i));
        names->set(all.back(), {.addresses = {"192.0.2.1"}, .failure = ""});
    }
    resolver->watch(all);
    run_until([this, &all] {
        return std::all_of(all.begin(), all.end(),
                           [this](const std::string& name) { return !addresses(name).empty(); });
    });
    EXPECT_LE(names->most_at_once(), 8u);
    EXPECT_LT(changes, 200u);
}

TEST_F(ResolverTest, AddressesGoStaleWhenALookupHangs) {
    names->set("app", {.addresses = {"192.0.2.1"}, .failure = ""});
    resolver->watch({"app"});
    run_until([this] { return !announced.empty(); });
    names->set("app", {.addresses = {}, .failure = "hang"});
    run_until([this] { return !news.empty(); });
    EXPECT_EQ(news, Texts{"app stale"});
    EXPECT_EQ(addresses("app"), Texts{"192.0.2.1"});
    names->set("app", {.addresses = {"192.0.2.1"}, .failure = ""});
    names->release();
    run_until([this] { return news.size() == 2; });
    EXPECT_EQ(news.back(), "app fresh");
}

TEST_F(ResolverTest, ForgetsNamesAndKeepsWhatIsKnownOfOthers) {
    names->set("app", {.addresses = {"192.0.2.1"}, .failure = ""});
    names->set("gone", {.addresses = {}, .failure = "hang"});
    resolver->watch({"app", "gone"});
    run_until([this] { return !addresses("app").empty(); });
    run_until([this] { return names->asked("gone") == 1; });
    resolver->watch({"app", "new", "app"});
    EXPECT_EQ(addresses("app"), Texts{"192.0.2.1"});
    EXPECT_EQ(resolver->answers().size(), 2u);
    names->release();
    run_until([this] { return !trouble("new").empty(); });
    EXPECT_EQ(names->asked("gone"), 1u);
    EXPECT_FALSE(resolver->answers().contains("gone"));
}

TEST_F(ResolverTest, EndsWhileLookupsHang) {
    for (const char* name : {"one", "two", "three"})
        names->set(name, {.addresses = {}, .failure = "hang"});
    resolver->watch({"one", "two", "three", "four"});
    run_until([this] { return names->asked("one") + names->asked("two") == 2; });
    resolver.reset();
    names->release();
    names->wait_until_over();
}

TEST_F(ResolverTest, AnnouncesOnDemandButNotAtOnce) {
    resolver->announce();
    resolver->announce();
    EXPECT_EQ(changes, 0u);
    run_until([this] { return changes == 1; });
}

}  // namespace
}  // namespace otto
