#include "balance/policy_ip_hash.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>
#include <utility>

#include "balance/affinity.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace otto {

namespace {

constexpr double bound = 1.25;
constexpr std::size_t most_sampled = 64;

/// The best score of a server with this share: -share / ln(u), u being the hash as a number between
/// 0 and 1.
double score(std::uint64_t hash, std::uint32_t share) {
    const double u = (static_cast<double>(hash >> 12) + 0.5) * 0x1p-52;
    return -static_cast<double>(share) / std::log(u);
}

/// How many requests are under way for each unit of share: over all, or over enough of them.
double load_per_share(std::span<const Choice> choices, std::uint64_t start) {
    double active = 0;
    double shares = 0;
    std::size_t index = start % choices.size();
    for (std::size_t left = std::min(choices.size(), most_sampled); left > 0; --left) {
        active += choices[index].server->active();
        shares += choices[index].share;
        index = index + 1 == choices.size() ? 0 : index + 1;
    }
    return active / shares;
}

}  // namespace

Rendezvous::Rendezvous(std::span<const Choice> choices) : indices_(choices.size()) {
    std::iota(indices_.begin(), indices_.end(), 0u);
    std::stable_sort(indices_.begin(), indices_.end(), [choices](std::uint32_t a, std::uint32_t b) {
        return choices[a].share < choices[b].share;
    });
    keys_.reserve(choices.size());
    for (std::uint32_t place = 0; place < indices_.size(); ++place) {
        const Choice& choice = choices[indices_[place]];
        keys_.push_back(server_key(choice.server->url));
        shares_ += choice.share;
        if (groups_.empty() || groups_.back().share != choice.share)
            groups_.push_back({choice.share, place, place});
        ++groups_.back().end;
    }
}

/// The acceptable choice with the best score. Within a group that is the greatest hash.
template <typename Accept>
const Choice* Rendezvous::best(std::span<const Choice> choices, std::uint64_t client,
                               Accept accept) const {
    const Choice* winner = nullptr;
    double highest = 0;
    for (const Group& group : groups_) {
        const Choice* best_of_group = nullptr;
        std::uint64_t greatest = 0;
        for (std::uint32_t place = group.begin; place < group.end; ++place) {
            const std::uint64_t hash =
                XXH3_64bits_withSeed(&keys_[place], sizeof keys_[place], client);
            // Whom the hash rules out is not looked at: there may be thousands.
            if (hash < greatest || !accept(choices[indices_[place]])) continue;
            greatest = hash;
            best_of_group = &choices[indices_[place]];
        }
        if (best_of_group == nullptr) continue;
        const double of_group = score(greatest, group.share);
        if (winner != nullptr && of_group <= highest) continue;
        highest = of_group;
        winner = best_of_group;
    }
    return winner;
}

const Choice* Rendezvous::pick(std::span<const Choice> choices, std::uint64_t client,
                               std::uint64_t start, Homes& homes, Usable& usable) const {
    double load = -1;
    const auto acceptable = [&, this](const Choice& choice) {
        if (!usable(choice)) return false;
        const std::uint32_t active = choice.server->active();
        if (active < least_bound) return true;
        // The request that is being placed is one of those that are shared out.
        if (load < 0) load = load_per_share(choices, start) + 1 / shares_;
        return active < std::ceil(bound * load * choice.share);
    };
    Home* home = homes.empty() ? nullptr : &homes[client % homes.size()];
    if (home != nullptr && home->choice != nullptr && home->client == client &&
        acceptable(*home->choice))
        return home->choice;

    bool passed_over = false;
    const Choice* choice = best(choices, client, [&](const Choice& each) {
        const bool accepted = acceptable(each);
        passed_over = passed_over || !accepted;
        return accepted;
    });
    if (choice == nullptr)
        return best(choices, client, [&usable](const Choice& each) { return usable(each); });
    if (home != nullptr && !passed_over) *home = {client, choice};
    return choice;
}

Plan plan_ip_hash(std::span<const Choice> choices) {
    constexpr std::size_t homes_kept = 4'096;
    return [choices, rendezvous = std::make_shared<const Rendezvous>(choices)](const Seat& seat) {
        Rendezvous::Homes homes(choices.size() > most_compared ? homes_kept : 0);
        return Chooser([choices, rendezvous, homes = std::move(homes), random = seat.random](
                           const Asked& asked, bool /*takes_turn*/, Usable& usable) mutable {
            return rendezvous->pick(choices, asked.client, random.next(), homes, usable);
        });
    };
}

}  // namespace otto
