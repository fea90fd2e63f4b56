#include "ledger.h"

#include <fmt/format.h>

namespace exchanges {

namespace {

constexpr std::uint64_t most_reports = 20;

const char* to_string(BodyPlan::Framing framing) {
    switch (framing) {
        case BodyPlan::Framing::none:
            return "no body";
        case BodyPlan::Framing::length:
            return "Content-Length";
        case BodyPlan::Framing::chunked:
            return "chunked";
        case BodyPlan::Framing::until_close:
            return "until close";
    }
    return "";
}

}  // namespace

Tally& Tally::operator+=(const Tally& other) {
    exchanges += other.exchanges;
    whole += other.whole;
    for (const auto& [status, count] : other.own) own[status] += count;
    cut += other.cut;
    unanswered += other.unanswered;
    failures += other.failures;
    aborts += other.aborts;
    uploads += other.uploads;
    reloads += other.reloads;
    restarts += other.restarts;
    return *this;
}

std::uint64_t Ledger::add() {
    records_.emplace_back();
    return round_ << 32 | (records_.size() - 1);
}

void Ledger::began(std::uint64_t id) {
    if (at(id).began) return;
    at(id).began = true;
    ++tally_.exchanges;
}

void Ledger::sent_whole(std::uint64_t id) {
    at(id).sent_whole = true;
}

bool Ledger::knows(std::uint64_t id) const {
    return id >> 32 == round_ && (id & 0xffffffff) < records_.size() && at(id).began;
}

unsigned Ledger::arrived(const ExchangePlan& plan) {
    const unsigned before = at(plan.id).arrivals++;
    if (before > 0) ++tally_.restarts;
    if (before > 0 && !plan.idempotent)
        violation("a request that is not idempotent reached servers twice", plan.id,
                  describe(plan));
    if (before >= most_arrivals)
        violation("a request reached servers too often", plan.id, describe(plan));
    if (plan.fault == ExchangePlan::Fault::garbage ||
        plan.fault == ExchangePlan::Fault::two_framings)
        violation("a malformed request reached a server", plan.id, describe(plan));
    return before;
}

std::string_view Ledger::arrived_whole(const ExchangePlan& plan, std::uint64_t body_length) {
    ++tally_.uploads;
    if (body_length != plan.body.size) return "a request body was shortened";
    if (!at(plan.id).sent_whole || plan.fault != ExchangePlan::Fault::none)
        return "a request ended well that its client did not end";
    return {};
}

void Ledger::replied(std::uint64_t id, unsigned attempt) {
    if (attempt < 32) at(id).replied |= 1U << attempt;
}

bool Ledger::has_arrived(std::uint64_t id, unsigned attempt) const {
    return attempt < at(id).arrivals;
}

bool Ledger::has_replied(std::uint64_t id, unsigned attempt) const {
    return attempt < 32 && (at(id).replied >> attempt & 1) != 0;
}

void Ledger::violation(std::string_view rule, std::uint64_t id, std::string_view detail) {
    if (++violations_ > most_reports) return;
    fmt::print(stderr, "VIOLATION: {}: exchange {:016x}: {}\n", rule, id, detail);
}

std::string describe(const ExchangePlan& plan) {
    constexpr std::string_view faults[] = {"", ", garbage", ", two framings", ", a bad chunk"};
    return fmt::format("{}{} {} {} bytes in chunks of {}{}{}", plan.method,
                       plan.http10 ? " HTTP/1.0" : "", to_string(plan.body.framing), plan.body.size,
                       plan.body.chunk, plan.expects ? ", expects 100" : "",
                       faults[static_cast<std::size_t>(plan.fault)]);
}

}  // namespace exchanges
