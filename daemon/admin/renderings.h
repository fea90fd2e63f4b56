#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "admin/plain_message.h"
#include "event/stretches.h"

namespace otto::admin {

/// A reply in the making whose body grows with the number of servers.
struct Rendering {
    PlainReply reply;  // all but its body
    /// Adds a small part of the body; false when it is complete. Takes well below a millisecond,
    /// whatever the number of servers.
    std::function<bool(std::string& body)> step;
};

/// Renders what grows with the number of servers: once for all who asked before a rendering was
/// begun, and in stretches, so that health checks and other events go on meanwhile. The clients
/// share the body. Owned by the Api; control thread.
class Renderings {
  public:
    enum class Kind : std::uint8_t { status, servers, config, metrics };
    static constexpr std::size_t kinds = 4;

    struct Callbacks {
        std::function<Rendering(Kind)> begin;
        /// A body of about `size` bytes will be made for this request.
        std::function<void(std::uint64_t ticket, std::size_t size)> make_room;
        std::function<void(std::uint64_t ticket, const PlainReply&)> answer;
    };

    Renderings(Stretches& stretches, Callbacks callbacks);

    /// `answer` will be called, but not from here.
    void ask(Kind kind, std::uint64_t ticket);
    /// The client of a request has gone.
    void forget(std::uint64_t ticket);

  private:
    /// One kind.
    struct Work {
        std::vector<std::uint64_t> waiting;
        std::vector<std::uint64_t> served;  // by the rendering that was begun
        std::optional<Rendering> rendering;
        std::string body;
        bool complete = false;
        std::size_t last_size = 0;  // the next one is much the same
        bool under_way = false;
    };

    bool step(Kind kind);
    bool begin(Work& work, Kind kind);
    bool answer_next(Work& work);

    Stretches& stretches_;
    const Callbacks callbacks_;
    std::array<Work, kinds> works_;
};

}  // namespace otto::admin
