#include "health/resolver.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <list>
#include <mutex>
#include <random>
#include <utility>

#include "base/thread.h"

namespace otto {

namespace {

/// Threads that ask, as long as answers come in half of Pace::patience: each lookup that takes
/// longer is made up for by one more, so that names that hang do not delay the others.
constexpr std::size_t usual_threads = 4;
constexpr std::size_t most_threads = 32;
/// Between two calls of on_change: each may mean work for all servers.
constexpr Duration least_pause = std::chrono::milliseconds(50);

constexpr const char* being_resolved = "its name is being resolved";

}  // namespace

struct Resolver::Found {
    std::string name;
    Result<std::vector<Address>> addresses;
};

/// Where names are handed to the threads and answers back. The threads share it with the resolver,
/// and may outlive it there.
struct Resolver::Desk {
    Desk(Resolver* owner_, Mailbox* control_, Lookup lookup_, Duration patience_)
        : owner(owner_), control(control_), lookup(std::move(lookup_)), patience(patience_) {}

    Resolver* owner;  // the control thread's; null once it is gone

    std::mutex mutex;  // guards all that follows but constants
    std::condition_variable changed;
    Mailbox* control;  // null once the resolver is gone
    const Lookup lookup;
    const Duration patience;
    std::deque<std::string> questions;
    std::vector<Found> found;
    std::size_t threads = 0;
    std::list<TimePoint> lookups;  // when those under way began

    std::size_t idle() const { return threads - lookups.size(); }

    /// How many threads there may be now. Half of the patience makes a lookup slow: it is looked at
    /// when all of that is over since its name was asked for, which is before it began.
    std::size_t allowed() const {
        const TimePoint before = now() - patience / 2;
        const auto slow =
            std::ranges::count_if(lookups, [before](TimePoint begun) { return begun <= before; });
        return std::min(usual_threads + static_cast<std::size_t>(slow), most_threads);
    }

    static void put(const std::shared_ptr<Desk>& desk, std::string name);
    static void hire(const std::shared_ptr<Desk>& desk);
    static void work(const std::shared_ptr<Desk>& desk);
    void answer(const std::shared_ptr<Desk>& self, std::unique_lock<std::mutex>& lock);
};

void Resolver::Desk::put(const std::shared_ptr<Desk>& desk, std::string name) {
    {
        const std::lock_guard lock(desk->mutex);
        desk->questions.push_back(std::move(name));
    }
    desk->changed.notify_one();
    hire(desk);
}

/// Starts the threads that are wanted.
void Resolver::Desk::hire(const std::shared_ptr<Desk>& desk) {
    const std::lock_guard lock(desk->mutex);
    while (desk->questions.size() > desk->idle() && desk->threads < desk->allowed()) {
        auto thread = start_thread("otto-names", [desk] { work(desk); });
        if (!thread) return;  // at a limit; the next question tries again
        thread->detach();
        ++desk->threads;
    }
}

void Resolver::Desk::work(const std::shared_ptr<Desk>& desk) {
    std::unique_lock lock(desk->mutex);
    for (;;) {
        desk->changed.wait(lock, [&desk] {
            return desk->control == nullptr || !desk->questions.empty() ||
                   desk->threads > desk->allowed();
        });
        if (desk->control == nullptr || desk->threads > desk->allowed()) break;
        desk->answer(desk, lock);
    }
    --desk->threads;
    // Another thread may be needed for a question, and the resolver may wait for the last one.
    desk->changed.notify_all();
}

/// Answers one question; the lock is not held meanwhile.
void Resolver::Desk::answer(const std::shared_ptr<Desk>& self, std::unique_lock<std::mutex>& lock) {
    std::string name = std::move(questions.front());
    questions.pop_front();
    const auto place = lookups.insert(lookups.end(), now());
    lock.unlock();
    auto addresses = lookup(name);
    lock.lock();
    lookups.erase(place);
    if (control == nullptr) return;
    found.push_back({std::move(name), std::move(addresses)});
    if (found.size() > 1) return;
    control->post([desk = self] {
        if (desk->owner != nullptr) desk->owner->collect();
    });
}

/// What is known about a name besides its answer.
struct Resolver::Name {
    Name(const Loop& loop, std::function<void()> on_due) : due(loop, std::move(on_due)) {}

    bool asked = false;  // a lookup waits or is under way
    bool stale = false;  // and that has been told
    TimePoint asked_at;
    Timer due;  // the next lookup; while one is under way, the next look at it
};

Resolver::Resolver(const Loop& loop, Mailbox& control, Callbacks callbacks, Lookup lookup,
                   Pace pace)
    : loop_(loop),
      callbacks_(std::move(callbacks)),
      pace_(pace),
      random_(std::random_device{}()),
      announcing_(loop,
                  [this] {
                      announced_ = coarse_now();
                      callbacks_.on_change();
                  }),
      desk_(std::make_shared<Desk>(this, &control, std::move(lookup), pace.patience)) {}

Resolver::~Resolver() {
    desk_->owner = nullptr;
    std::unique_lock lock(desk_->mutex);
    desk_->control = nullptr;
    desk_->changed.notify_all();
    // A thread that looks nothing up ends at once; the others never use the mailbox again.
    desk_->changed.wait(lock, [this] { return desk_->idle() == 0; });
}

Result<std::vector<Address>> Resolver::ask_system(const std::string& name) {
    return resolve(name, 0);
}

void Resolver::watch(const std::vector<std::string>& names) {
    auto before = std::exchange(names_, {});
    NameAnswers answers;
    for (const std::string& name : names) {
        std::unique_ptr<Name>& record = names_[name];
        if (record) continue;
        if (const auto known = before.find(name); known != before.end()) {
            record = std::move(known->second);
            answers[name] = std::move(answers_[name]);
        } else {
            record = std::make_unique<Name>(loop_, [this, name] { due(name); });
            answers[name] = {};
        }
        if (!record->asked) ask(name, *record);
    }
    answers_ = std::move(answers);
}

void Resolver::announce() {
    if (!announcing_.pending()) announcing_.set(std::max(coarse_now(), announced_ + least_pause));
}

void Resolver::ask(const std::string& name, Name& record) {
    record.asked = true;
    record.asked_at = coarse_now();
    record.due.set_after(pace_.patience);
    Desk::put(desk_, name);
}

void Resolver::due(const std::string& name) {
    Name& record = *names_.at(name);
    if (!record.asked) {
        ask(name, record);
        return;
    }
    record.due.set_after(pace_.patience);
    Desk::hire(desk_);
    const bool nothing = answers_.at(name).addresses.empty();
    if (nothing || coarse_now() - record.asked_at >= pace_.staleness)
        failed(name, record, being_resolved);
}

void Resolver::collect() {
    std::vector<Found> found;
    {
        const std::lock_guard lock(desk_->mutex);
        found.swap(desk_->found);
    }
    for (Found& each : found) take(std::move(each));
}

void Resolver::take(Found found) {
    const auto known = names_.find(found.name);
    if (known == names_.end()) return;
    Name& record = *known->second;
    record.asked = false;
    record.due.set_after(
        std::chrono::duration_cast<Duration>(pace_.interval * (0.9 + 0.2 * random_.fraction())));
    if (found.addresses && !found.addresses->empty()) {
        succeeded(found.name, record, std::move(*found.addresses));
    } else {
        const std::string why = found.addresses ? "no address" : found.addresses.error().message;
        failed(found.name, record, "its name does not resolve (" + why + ")");
    }
}

void Resolver::succeeded(const std::string& name, Name& record, std::vector<Address> addresses) {
    NameAnswer& answer = answers_.at(name);
    answer.trouble.clear();
    if (std::exchange(record.stale, false)) tell(News::Kind::fresh, name);
    if (same_addresses(answer.addresses, addresses)) return;
    const bool first = answer.addresses.empty();
    answer.addresses = std::move(addresses);
    if (!first) tell(News::Kind::moved, name);
    announce();
}

void Resolver::failed(const std::string& name, Name& record, const std::string& trouble) {
    NameAnswer& answer = answers_.at(name);
    const bool changed = answer.trouble != trouble;
    answer.trouble = trouble;
    if (answer.addresses.empty()) {
        if (changed) announce();
    } else if (!std::exchange(record.stale, true)) {
        tell(News::Kind::stale, name);
    }
}

void Resolver::tell(News::Kind kind, const std::string& name) const {
    if (callbacks_.on_news) callbacks_.on_news({kind, name, answers_.at(name)});
}

}  // namespace otto
