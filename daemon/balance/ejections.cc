#include "balance/ejections.h"

#include <algorithm>

namespace otto {

void Ejections::configure(Duration base, Duration max) {
    base_ = base;
    max_ = max;
}

std::optional<Ejections::Ejected> Ejections::eject(std::uint64_t server, TimePoint now) {
    Record& record = records_[server];
    if (record.phase != Phase::back) return std::nullopt;
    if (record.times != 0 && now - record.until >= max_) record.times = 0;
    ++out_;
    return put_out(record, now);
}

Ejections::Ejected Ejections::put_out(Record& record, TimePoint now) {
    Duration length = base_;
    for (unsigned before = 0; before < record.times && length < max_; ++before) length *= 2;
    length = std::min(length, max_);
    ++record.times;
    record.phase = Phase::ejected;
    record.until = now + length;
    return {length, record.times};
}

std::vector<std::uint64_t> Ejections::expire(TimePoint now) {
    std::vector<std::uint64_t> expired;
    if (out_ == 0) return expired;
    for (auto& [server, record] : records_) {
        if (record.phase != Phase::ejected || record.until > now) continue;
        record.phase = Phase::half_open;
        expired.push_back(server);
    }
    return expired;
}

bool Ejections::un_eject(std::uint64_t server, TimePoint now) {
    if (out_ == 0) return false;
    const auto found = records_.find(server);
    if (found == records_.end() || found->second.phase != Phase::half_open) return false;
    found->second.phase = Phase::back;
    found->second.until = now;
    --out_;
    return true;
}

std::optional<Ejections::Ejected> Ejections::eject_again(std::uint64_t server, TimePoint now) {
    const auto found = records_.find(server);
    if (found == records_.end() || found->second.phase != Phase::half_open) return std::nullopt;
    return put_out(found->second, now);
}

const Ejections::Record* Ejections::find_out(std::uint64_t server) const {
    const auto found = records_.find(server);
    return found == records_.end() || found->second.phase == Phase::back ? nullptr : &found->second;
}

bool Ejections::half_open(std::uint64_t server) const {
    const Record* record = out_ == 0 ? nullptr : find_out(server);
    return record != nullptr && record->phase == Phase::half_open;
}

std::optional<TimePoint> Ejections::until(std::uint64_t server) const {
    const Record* record = find_out(server);
    if (record == nullptr) return std::nullopt;
    return record->until;
}

std::optional<TimePoint> Ejections::next_end() const {
    std::optional<TimePoint> next;
    if (out_ == 0) return next;
    for (const auto& [server, record] : records_)
        if (record.phase == Phase::ejected && (!next || record.until < *next)) next = record.until;
    return next;
}

void Ejections::forget(std::uint64_t server) {
    const auto found = records_.find(server);
    if (found == records_.end()) return;
    if (found->second.phase != Phase::back) --out_;
    records_.erase(found);
}

std::vector<std::uint64_t> Ejections::known() const {
    std::vector<std::uint64_t> servers;
    servers.reserve(records_.size());
    for (const auto& each : records_) servers.push_back(each.first);
    return servers;
}

}  // namespace otto
