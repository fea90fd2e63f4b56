// The access log: whatever a client sends, a record survives the ring, is one line of valid JSON,
// one printable line in the combined format, and has no unsafe character in the journal.

#include <algorithm>
#include <string>

#include "accesslog/format.h"
#include "accesslog/record.h"
#include "config/json.h"
#include "config/utf8.h"
#include "fuzzing.h"

namespace {

using namespace otto;
using namespace otto::accesslog;
using otto::fuzz::Draw;
using otto::observe::own_replies;
using otto::observe::OwnReply;
using otto::observe::Trace;

/// Takes the input apart at its line breaks, or anywhere.
Record record_of(std::string_view input, Draw& draw) {
    Record record;
    for (const auto text :
         {&Record::method, &Record::target, &Record::host, &Record::user_agent, &Record::referer}) {
        const std::size_t line = std::min(input.find('\n'), input.size());
        const std::size_t end = draw.below(4) == 0 ? draw.below(input.size() + 1) : line;
        record.*text = input.substr(0, std::min(end, Limits::target));
        input.remove_prefix(std::min(end + 1, input.size()));
    }
    record.detail = input.substr(0, Limits::target);
    record.facts.status = static_cast<std::uint16_t>(draw.below(600));
    record.facts.total = Duration(static_cast<Duration::rep>(draw.below(1u << 30)));
    record.facts.own = static_cast<OwnReply>(draw.below(own_replies));
    record.facts.end = static_cast<Trace::End>(draw.below(3));
    record.tried_count = draw.below(Record::most_tried + 1);
    for (std::size_t i = 0; i < record.tried_count; ++i)
        record.tried[i] = record.host.substr(0, 256);
    return record;
}

bool is_one_line(std::string_view text) {
    return text.find('\n') == text.size() - 1;
}

bool is_printable(std::string_view line) {
    return std::ranges::all_of(line, [](char c) { return c >= ' ' && c <= '~'; });
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const otto::fuzz::Bytes input(data, size);
    Draw draw(input.view());
    const Record record = record_of(input.view(), draw);
    std::string bytes(record_size(record), '\0');
    write_record(record, bytes);
    const otto::fuzz::Bytes stored(bytes);
    const std::string_view view = stored.view();
    const Record back = read_record(view);

    Format format;
    std::string json;
    std::string again;
    format.append_json(json, record);
    format.append_json(again, back);
    OTTO_HOLDS(json == again);
    OTTO_HOLDS(is_one_line(json));
    OTTO_HOLDS(static_cast<bool>(Json::parse(std::string_view(json).substr(0, json.size() - 1))));

    std::string combined;
    format.append_combined(combined, back);
    OTTO_HOLDS(is_one_line(combined));
    OTTO_HOLDS(is_printable(std::string_view(combined).substr(0, combined.size() - 1)));

    std::string journal;
    format.append_journal(journal, back);
    OTTO_HOLDS(is_printable(std::string_view(journal).substr(0, journal.find('\n'))));
    for (std::size_t at = 0; at < journal.size(); ++at)
        OTTO_HOLDS(journal[at] == '\n' ||
                   otto::unsafe_character(std::string_view(journal).substr(at)) == 0);
    return 0;
}
