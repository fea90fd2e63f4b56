#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "balance/choice.h"
#include "balance/policy.h"

namespace otto {

/// Gives each client a server of its own by weighted rendezvous (Thaler and Ravishankar 1998;
/// weights as in Schindelhauer and Schomaker 2005): every server has a score for every client, in
/// which the other servers have no part, and the best wins. So a server that leaves moves only its
/// own clients, each client goes to servers in proportion to their shares, and neither the order of
/// the servers nor the process matters.
///
/// Loads are bounded (Mirrokni, Thorup and Zadimoghaddam 2016): a server with more than 1.25 times
/// its share of the requests under way, and with at least `least_bound` of them (a browser's
/// parallel requests are no reason to spread them), passes new ones on to the client's next best.
///
/// Immutable and pure. O(N) a pick, about 2 ns a server; the logarithms that weights cost are one
/// for each share that occurs. Of thousands of servers, a worker remembers who came out best.
class Rendezvous {
  public:
    static constexpr std::uint32_t least_bound = 8;

    /// The best server of some clients, others with the same slot displacing them. Holds for one
    /// Rendezvous; of one thread. May be empty.
    struct Home {
        std::uint64_t client;
        const Choice* choice = nullptr;
    };
    using Homes = std::vector<Home>;

    Rendezvous() = default;
    /// The choices' servers are told apart by their URLs.
    explicit Rendezvous(std::span<const Choice> choices);

    /// The choice for a client, or null when none is usable. `choices` are those of the
    /// constructor; `start` varies, and says where the load is sampled when there are many.
    const Choice* pick(std::span<const Choice> choices, std::uint64_t client, std::uint64_t start,
                       Homes& homes, Usable& usable) const;

  private:
    struct Group {  // those of one share
        std::uint32_t share;
        std::uint32_t begin;
        std::uint32_t end;
    };

    template <typename Accept>
    const Choice* best(std::span<const Choice> choices, std::uint64_t client, Accept accept) const;

    std::vector<Group> groups_;
    std::vector<std::uint64_t> keys_;     // of the servers, group by group
    std::vector<std::uint32_t> indices_;  // of the choices, likewise
    double shares_ = 0;                   // their sum
};

/// Each client has a server of its own, by Rendezvous.
Plan plan_ip_hash(std::span<const Choice> choices);

}  // namespace otto
