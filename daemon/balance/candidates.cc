#include "balance/candidates.h"

#include <algorithm>
#include <cstddef>
#include <functional>
#include <numeric>

#include "base/random.h"
#include "base/time.h"

namespace otto {

namespace {

/// Failing open, how long a server that refused a connection is asked after the others.
constexpr Duration rest = std::chrono::seconds(1);

}  // namespace

std::shared_ptr<const Candidates> Candidates::build(std::vector<Member> members,
                                                    Selection selection, std::uint64_t start) {
    auto cursor = std::make_shared<Cursor>();
    cursor->next.store(start, std::memory_order_relaxed);
    return build_at(std::move(members), std::move(selection), std::move(cursor), start);
}

std::shared_ptr<const Candidates> Candidates::build(std::vector<Member> members,
                                                    Selection selection,
                                                    const Candidates& predecessor) {
    return build_at(std::move(members), std::move(selection), predecessor.cursor_,
                    predecessor.seed_ + 1);
}

std::shared_ptr<const Candidates> Candidates::build_at(std::vector<Member> members,
                                                       Selection selection,
                                                       std::shared_ptr<Cursor> cursor,
                                                       std::uint64_t seed) {
    std::erase_if(members, [](const Member& member) { return member.share == 0; });
    auto candidates = std::make_shared<Candidates>();
    candidates->choices_.reserve(members.size());
    for (const Member& member : members) {
        candidates->choices_.push_back({member.server.get(), member.share, member.max_connections});
        candidates->total_share_ += member.share;
    }
    candidates->all_limited_ =
        !members.empty() && std::ranges::all_of(members, [](const Member& member) {
            return member.max_connections != 0;
        });
    candidates->members_ = std::move(members);
    candidates->selection_ = std::move(selection);
    candidates->cursor_ = std::move(cursor);
    candidates->seed_ = seed;
    candidates->index_servers();
    candidates->plan_ = candidates->policy().plan(candidates->choices_);
    return candidates;
}

void Candidates::index_servers() {
    by_server_.resize(choices_.size());
    std::iota(by_server_.begin(), by_server_.end(), 0u);
    std::sort(by_server_.begin(), by_server_.end(), [this](std::uint32_t a, std::uint32_t b) {
        return std::less<>()(choices_[a].server, choices_[b].server);
    });
}

const Choice* Candidates::find(const Server* server) const {
    const auto found = std::lower_bound(by_server_.begin(), by_server_.end(), server,
                                        [this](std::uint32_t index, const Server* wanted) {
                                            return std::less<>()(choices_[index].server, wanted);
                                        });
    if (found == by_server_.end() || choices_[*found].server != server) return nullptr;
    return &choices_[*found];
}

double Candidates::share_of(const Server& server) const {
    const Choice* choice = find(&server);
    if (choice == nullptr) return 0;
    if (policy().in_order) return choice == &choices_.front() ? 1 : 0;
    return static_cast<double>(choice->share) / static_cast<double>(total_share_);
}

Picker::Picker(std::shared_ptr<const Candidates> candidates, unsigned worker, unsigned workers)
    : candidates_(std::move(candidates)),
      choose_(candidates_->plan_(
          {.worker = worker,
           .workers = workers,
           .random = Random(Random(candidates_->seed_ * 0x10000 + worker).next()),
           .turn = candidates_->cursor_->next})) {
    if (const auto& reserve = candidates_->selection_.reserve)
        reserve_ = std::make_unique<Picker>(reserve, worker, workers);
}

Picked Picker::pick(const Asked& asked) {
    const Picked picked = pick_member(asked);
    if (picked.server != nullptr || picked.saturated || !reserve_) return picked;
    Picked reserve = reserve_->pick(asked);
    reserve.outdated = reserve.outdated || picked.outdated;
    return reserve;
}

Picked Picker::pick_member(const Asked& asked) {
    const bool first_try = asked.tried.empty();
    if (first_try && !candidates_->selection_.half_open.empty())
        if (const auto half_open = take_probe_request()) return *half_open;
    if (candidates_->empty()) return {};
    if (!candidates_->unhealthy()) return pick_usable(asked, first_try, Usable(asked.tried));
    const Picked picked =
        pick_usable(asked, first_try, Usable::failing_open(asked.tried, asked.now - rest));
    if (picked.server != nullptr) return picked;
    return pick_usable(asked, false, Usable::failing_open(asked.tried, TimePoint::max()));
}

Picked Picker::pick_usable(const Asked& asked, bool takes_turn, Usable usable) {
    if (asked.wanted != nullptr) {
        const Choice* wanted = candidates_->find(asked.wanted);
        if (wanted != nullptr && usable(*wanted))
            return {.server = wanted->server, .most = wanted->most};
    }
    const Choice* choice = choose_(asked, takes_turn, usable);
    if (choice == nullptr) return {.saturated = usable.saturated(), .outdated = usable.outdated()};
    return {.server = choice->server, .most = choice->most, .saturated = usable.saturated()};
}

/// A server that is still full of the requests of before waits for its probe request.
std::optional<Picked> Picker::take_probe_request() {
    for (const Member& each : candidates_->selection_.half_open) {
        Server& server = *each.server;
        if (!server.offers_probe_request()) continue;  // the rest is on contended cache lines
        const bool full = each.max_connections != 0 && server.active() >= each.max_connections;
        if (full || server.health() == Health::unhealthy || !server.take_probe_request()) continue;
        return Picked{.server = &server, .most = each.max_connections, .half_open = true};
    }
    return std::nullopt;
}

}  // namespace otto
