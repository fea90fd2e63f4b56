// PROXY headers: as bytes arrive, the answer changes once, and what follows the header changes
// nothing.

#include "accept/proxy_protocol.h"

#include "fuzzing.h"

namespace {

using namespace otto::accept;

bool same(const ProxyHeader& a, const ProxyHeader& b) {
    return a.state == b.state && a.length == b.length && a.client == b.client &&
           a.destination == b.destination;
}

void check(const ProxyHeader& header, std::string_view input) {
    switch (header.state) {
        case ParseState::complete:
            OTTO_HOLDS(header.length != 0 && header.length <= input.size());
            OTTO_HOLDS(header.length <= max_proxy_header);
            OTTO_HOLDS(header.client.has_value() == header.destination.has_value());
            return;
        case ParseState::incomplete:
            OTTO_HOLDS(input.size() < max_proxy_header);
            return;
        case ParseState::malformed:
            OTTO_HOLDS(*header.reason != '\0' && !header.client);
            return;
    }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const otto::fuzz::Bytes input(data, size);
    otto::fuzz::Draw draw(input.view());
    const ProxyHeader whole = parse_proxy_header(input.view());
    check(whole, input.view());

    for (std::size_t seen = 0; seen < input.view().size();) {
        const otto::fuzz::Bytes arrived(input.view().substr(0, seen));
        const ProxyHeader header = parse_proxy_header(arrived.view());
        OTTO_HOLDS(header.state == ParseState::incomplete || same(header, whole));
        seen += draw.step(input.view().size() - seen);
    }
    if (whole.state != ParseState::complete) return 0;

    const otto::fuzz::Bytes exact(input.view().substr(0, whole.length));
    OTTO_HOLDS(same(parse_proxy_header(exact.view()), whole));
    const otto::fuzz::Bytes shorter(input.view().substr(0, whole.length - 1));
    OTTO_HOLDS(parse_proxy_header(shorter.view()).state == ParseState::incomplete);
    return 0;
}
