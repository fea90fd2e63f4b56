#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/names.h"
#include "base/random.h"
#include "base/result.h"
#include "base/time.h"
#include "event/loop.h"
#include "event/mailbox.h"
#include "event/timer.h"

namespace otto {

/// Asks for the addresses of names, again and again (getaddrinfo(3) tells no time to live), and
/// never makes its owner wait: the lookups run on a few threads of its own. A name's last addresses
/// hold on while lookups of it fail. Control thread only; so are its callbacks.
class Resolver {
  public:
    /// Asks once, on a thread of the resolver; may block for as long as it likes, even beyond the
    /// resolver's end. Ports are 0. Must not throw.
    using Lookup = std::function<Result<std::vector<Address>>(const std::string& name)>;

    /// Something worth a record about a name that had addresses already.
    struct News {
        enum class Kind : std::uint8_t {
            moved,  // it has other addresses
            stale,  // it cannot be looked up; its last addresses hold on
            fresh,  // that is over
        };
        Kind kind;
        const std::string& name;
        const NameAnswer& answer;
    };

    struct Callbacks {
        /// Answers are not what they were. Many changes in short succession make one call.
        std::function<void()> on_change;
        std::function<void(const News&)> on_news;  // it may not call watch()
    };

    struct Pace {
        Duration interval = std::chrono::seconds(5);  // between lookups of a name, ±10 %
        Duration patience = std::chrono::seconds(1);  // with a first answer, and with a lookup
                                                      // before it stops counting as one of the few
        Duration staleness = std::chrono::seconds(10);  // of a lookup, before addresses are stale
    };

    /// `control` is the mailbox of this thread; it outlives the resolver.
    Resolver(const Loop& loop, Mailbox& control, Callbacks callbacks, Lookup lookup, Pace pace);
    /// Waits for none of the lookups under way: their threads end by themselves.
    ~Resolver();
    Resolver(const Resolver&) = delete;
    Resolver& operator=(const Resolver&) = delete;

    /// Keeps asking for exactly these names from now on, each at once. What was known about those
    /// that were watched before is kept.
    void watch(const std::vector<std::string>& names);

    /// One for each name that is watched.
    const NameAnswers& answers() const { return answers_; }

    /// Calls on_change soon, as if an answer had changed.
    void announce();

    /// getaddrinfo(3) for TCP.
    static Result<std::vector<Address>> ask_system(const std::string& name);

  private:
    struct Desk;
    struct Name;
    struct Found;

    void ask(const std::string& name, Name& record);
    void due(const std::string& name);
    void collect();
    void take(Found found);
    void succeeded(const std::string& name, Name& record, std::vector<Address> addresses);
    void failed(const std::string& name, Name& record, const std::string& trouble);
    void tell(News::Kind kind, const std::string& name) const;

    const Loop& loop_;
    const Callbacks callbacks_;
    const Pace pace_;
    Random random_;
    NameAnswers answers_;
    std::unordered_map<std::string, std::unique_ptr<Name>> names_;
    TimePoint announced_{};
    Timer announcing_;
    std::shared_ptr<Desk> desk_;
};

}  // namespace otto
