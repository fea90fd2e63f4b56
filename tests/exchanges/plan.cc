#include "plan.h"

#include <algorithm>

namespace exchanges {

using namespace std::chrono_literals;

namespace {

using Framing = BodyPlan::Framing;

/// Sizes around the buffers that Otto has: 4 KiB (the least perRequestBuffer), 16 KiB (the
/// default), 32 KiB (from here on bodies are spliced), 64 KiB (one read from a server), 256 KiB (a
/// pipe).
std::uint64_t draw_size(Random& random) {
    const auto near = [&random](std::uint64_t size) { return size - 3 + random.below(7); };
    switch (random.below(16)) {
        case 0:
            return 0;
        case 1:
            return random.between(1, 3);
        case 2:
            return near(random.pick({4096, 8192, 16384}));
        case 3:
            return near(random.pick({16384, 32768, 65536}));
        case 4:
            return random.below(40'000);
        case 5:
            return random.chance(300) ? random.between(60'000, 400'000) : random.below(20'000);
        default:
            return random.below(1000);
    }
}

std::uint64_t draw_chunk(Random& random, std::uint64_t size) {
    if (size < 500) return random.between(1, 64);
    return random.pick<std::uint64_t>({size, size, size, 7, 100, 1000, 4096, 16384, 65536});
}

Pace draw_pace(Random& random, std::uint64_t size, unsigned permille) {
    if (!random.chance(permille)) return {};
    const std::uint64_t piece = random.chance(500) ? random.between(1, 20) : 1 + size / 4;
    return {.piece = piece,
            .pause = nanoseconds(random.up_to_log(20'000'000)),
            .pauses = static_cast<unsigned>(random.between(1, 6))};
}

void draw_method(Random& random, const Seed& seed, ExchangePlan& plan) {
    plan.method =
        seed.profile == Profile::resets
            ? random.pick<std::string_view>({"GET", "POST", "POST", "POST", "PUT"})
            : random.pick<std::string_view>({"GET", "GET", "GET", "HEAD", "POST", "POST", "POST",
                                             "PUT", "PATCH", "DELETE", "OPTIONS"});
    plan.idempotent = plan.method != "POST" && plan.method != "PATCH";
    const bool uploads = plan.method == "PUT" || !plan.idempotent;
    if (!uploads && !random.chance(20)) return;
    plan.body.framing = random.chance(500) ? Framing::chunked : Framing::length;
    plan.body.size =
        seed.profile == Profile::resets ? random.between(1, 14'000) : draw_size(random);
    plan.body.chunk = draw_chunk(random, plan.body.size);
}

/// The fields of a reply that is meant to be read.
void draw_reply(Random& random, const Seed& seed, AttemptPlan& plan) {
    plan.status = random.chance(30) ? random.pick({204U, 304U, 404U, 500U, 502U, 503U}) : 200U;
    plan.continues = random.chance(800);
    plan.interim = random.chance(20) ? static_cast<unsigned>(random.below(4)) : 0;
    plan.padding = random.chance(100) ? random.up_to_log(8000) : 0;
    if (plan.status == 204 || plan.status == 304) return;
    plan.body.framing = random.pick({Framing::length, Framing::length, Framing::chunked});
    if (random.chance(50)) plan.body.framing = Framing::until_close;
    plan.body.size = seed.profile == Profile::resets ? random.below(200) : draw_size(random);
    plan.body.chunk = draw_chunk(random, plan.body.size);
    plan.pace = draw_pace(random, plan.body.size, 30);
    if (plan.body.framing == Framing::until_close) plan.ending = Ending::finish;
}

/// What is wrong with the reply, if anything, and with what comes behind it.
void draw_reply_faults(Random& random, const Seed& seed, AttemptPlan& plan) {
    const bool resets = seed.profile == Profile::resets;
    if (random.chance(resets ? 100 : 40)) {
        plan.cut_permille = random.below(1000);
        // A FIN within a body that ends with the connection would look like its end.
        const bool visible = plan.body.framing != Framing::until_close;
        plan.ending = visible ? random.pick({Ending::finish, Ending::reset}) : Ending::reset;
        return;
    }
    if (plan.body.framing == Framing::until_close) return;
    if (plan.body.framing == Framing::chunked && plan.body.size > 0) {
        plan.bad_chunk = random.chance(10);
    }
    plan.announces_close = random.chance(50);
    if (plan.announces_close) plan.ending = Ending::finish;
    if (random.chance(20)) {
        plan.surplus = random.between(1, 50);
        plan.surplus_is_reply = plan.pace.piece == 0 && plan.body.size < 1000 &&
                                plan.padding < 1000 && plan.interim == 0 && random.chance(500);
    }
    if (random.chance(resets ? 500 : 150)) {
        plan.ending = random.pick({Ending::finish, Ending::reset, Ending::reset});
        plan.ending_after = nanoseconds(random.up_to_log(random.chance(700) ? 200'000 : 5'000'000));
    }
    if (random.chance(5)) plan.interim = 20;  // more than Otto takes
}

}  // namespace

ExchangePlan plan_exchange(const Seed& seed, std::uint64_t id) {
    Random random(mix(mix(seed.number, 'e'), id));
    ExchangePlan plan;
    plan.id = id;
    draw_method(random, seed, plan);
    plan.http10 = random.chance(40);
    plan.keep_alive = random.chance(plan.http10 ? 500 : 950);
    if (plan.http10 && plan.body.framing == Framing::chunked) plan.body.framing = Framing::length;
    plan.expects = !plan.http10 && plan.body.framing != Framing::none && random.chance(50);
    plan.padding = random.chance(50) ? random.up_to_log(12'000) : 0;
    plan.pace = draw_pace(random, plan.body.size, 40);
    if (random.chance(40)) {
        plan.abort = random.pick({Ending::finish, Ending::reset});
        plan.abort_permille = random.below(1001);
        if (random.chance(300)) plan.abort_reading = random.up_to_log(100'000);
    } else if (random.chance(8)) {
        using Fault = ExchangePlan::Fault;
        plan.fault = random.pick({Fault::garbage, Fault::two_framings, Fault::bad_chunk});
        const bool chunked = plan.body.framing == Framing::chunked && plan.body.size > 0;
        if (plan.fault == Fault::bad_chunk && !chunked) plan.fault = Fault::garbage;
    }
    return plan;
}

AttemptPlan plan_attempt(const Seed& seed, const ExchangePlan& exchange, unsigned attempt) {
    Random random(mix(mix(seed.number, 'a'), mix(exchange.id, attempt)));
    AttemptPlan plan;
    draw_reply(random, seed, plan);
    draw_reply_faults(random, seed, plan);
    if (exchange.is_head()) plan.bad_chunk = false;
    if (random.chance(60)) {
        plan.trigger = random.chance(500) ? AttemptPlan::Trigger::head : AttemptPlan::Trigger::body;
        plan.trigger_permille = random.below(1000);
    }
    if (random.chance(60)) plan.think = nanoseconds(random.up_to_log(5'000'000));
    if (random.chance(20)) plan.read_pause = nanoseconds(random.up_to_log(50'000'000));
    const bool resets = seed.profile == Profile::resets;
    if (random.chance(resets ? 350 : 100)) {
        plan.action = random.chance(resets ? 990 : 850) ? AttemptPlan::Action::close
                      : random.chance(500)              ? AttemptPlan::Action::garbage
                                                        : AttemptPlan::Action::silence;
        plan.trigger = random.pick(
            {AttemptPlan::Trigger::head, AttemptPlan::Trigger::body, AttemptPlan::Trigger::end});
        plan.ending = random.pick({Ending::finish, Ending::reset});
    }
    return plan;
}

ConnectionPlan plan_connection(const Seed& seed, std::uint64_t number) {
    Random random(mix(mix(seed.number, 'c'), number));
    ConnectionPlan plan;
    plan.over_unix = random.chance(250);
    plan.requests = static_cast<unsigned>(random.between(1, random.chance(500) ? 3 : 20));
    plan.depth = random.chance(500) ? 1 : static_cast<unsigned>(random.between(2, 8));
    plan.ending = random.pick({Ending::finish, Ending::finish, Ending::reset});
    if (seed.profile == Profile::resets) return plan;
    plan.half_closes = random.chance(50);
    if (random.chance(50)) {
        plan.read_piece =
            random.chance(300) ? random.between(1, 100) : random.between(1000, 30'000);
        plan.read_pause = nanoseconds(random.up_to_log(10'000'000));
        plan.slow_reads = static_cast<unsigned>(random.between(1, 50));
    }
    if (random.chance(30)) plan.stall = nanoseconds(random.up_to_log(1'000'000'000));
    return plan;
}

}  // namespace exchanges
