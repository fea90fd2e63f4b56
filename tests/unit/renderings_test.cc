// What grows with servers is rendered once for all who wait.

#include "admin/renderings.h"

#include <map>

#include <gtest/gtest.h>

#include "config/json.h"
#include "event/loop.h"
#include "event/timer.h"

namespace otto::admin {
namespace {

using namespace std::chrono_literals;
using Kind = Renderings::Kind;

class RenderingsTest : public testing::Test {
  protected:
    /// Until `count` replies are there.
    void run(std::size_t count) {
        wanted_ = count;
        if (answers.size() >= wanted_) return;
        guard_.set_after(20s);
        EXPECT_TRUE(loop.run());
        EXPECT_GE(answers.size(), wanted_) << "nobody answered";
    }

    Loop loop = std::move(*Loop::open());
    Stretches stretches{loop};
    std::map<std::uint64_t, PlainReply> answers;
    std::vector<std::pair<std::uint64_t, std::size_t>> rooms;
    int begun = 0;
    std::function<void()> on_step = [] {};
    Renderings renderings{
        stretches,
        {.begin =
             [this](Kind) {
                 const int number = ++begun;
                 return Rendering{.reply = {},
                                  .step = [this, number, left = 5](std::string& body) mutable {
                                      on_step();
                                      body += std::to_string(number);
                                      return --left > 0;
                                  }};
             },
         .make_room = [this](std::uint64_t ticket,
                             std::size_t size) { rooms.emplace_back(ticket, size); },
         .answer =
             [this](std::uint64_t ticket, const PlainReply& reply) {
                 answers[ticket] = reply;
                 if (answers.size() == wanted_) loop.stop();
             }}};

  private:
    std::size_t wanted_ = 0;
    Timer guard_{loop, [this] { loop.stop(); }};
};

TEST_F(RenderingsTest, AllWhoWaitShareOne) {
    for (std::uint64_t ticket = 1; ticket <= 500; ++ticket) renderings.ask(Kind::servers, ticket);
    EXPECT_TRUE(answers.empty());
    run(500);
    EXPECT_EQ(begun, 1);
    EXPECT_EQ(answers[1].shared.text, "11111");
    for (const auto& [ticket, reply] : answers)
        EXPECT_EQ(reply.shared.owner, answers[1].shared.owner) << ticket;
}

TEST_F(RenderingsTest, WhoComesLaterGetsWhatIsSoThen) {
    renderings.ask(Kind::servers, 1);
    on_step = [this] {
        if (begun == 1) renderings.ask(Kind::servers, 2);
        on_step = [] {};
    };
    run(2);
    EXPECT_EQ(answers[1].shared.text, "11111");
    EXPECT_EQ(answers[2].shared.text, "22222");
}

TEST_F(RenderingsTest, KindsAreApart) {
    renderings.ask(Kind::servers, 1);
    renderings.ask(Kind::metrics, 2);
    run(2);
    EXPECT_EQ(begun, 2);
    EXPECT_NE(answers[1].shared.owner, answers[2].shared.owner);
}

TEST_F(RenderingsTest, RoomIsMadeForWhatTheLastOneTook) {
    renderings.ask(Kind::servers, 1);
    run(1);
    renderings.ask(Kind::servers, 2);
    renderings.ask(Kind::servers, 3);
    run(3);
    ASSERT_EQ(rooms.size(), 3u);
    EXPECT_EQ(rooms[0].second, 0u);
    EXPECT_GE(rooms[1].second, 5u);
}

TEST_F(RenderingsTest, NothingIsRenderedForThoseWhoHaveGone) {
    renderings.ask(Kind::servers, 1);
    renderings.forget(1);
    renderings.ask(Kind::metrics, 2);
    run(1);
    EXPECT_EQ(begun, 1);
    EXPECT_TRUE(answers.contains(2));
}

TEST(PrettyWriter, WritesInPiecesWhatPrettyWrites) {
    Json json = Json::object();
    Json list = Json::list();
    for (int at = 0; at < 1000; ++at)
        list.add(at % 3 == 0 ? Json::string("http://localhost:" + std::to_string(at))
                             : Json::object()
                                   .set("url", Json::string(std::string(40, 'x')))
                                   .set("name", Json::string(std::string(40, 'y'))));
    json.set("list", list).set("empty", Json::list()).set("none", Json::object()).set("null", {});
    std::string text;
    PrettyWriter writer(json);
    int steps = 1;
    while (writer.step(text)) {
        ++steps;
        ASSERT_LT(text.size(), static_cast<std::size_t>(steps) * 100 * 120);
    }
    EXPECT_GT(steps, 10);
    EXPECT_EQ(text + "\n", json.pretty());
    EXPECT_EQ(Json::parse(text)->pretty(), json.pretty());
}

}  // namespace
}  // namespace otto::admin
