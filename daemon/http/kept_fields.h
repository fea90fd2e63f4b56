#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "http/connection_options.h"
#include "http/fields.h"
#include "http/forwarding.h"
#include "http/message.h"

namespace otto::http {

/// The kinds of field that a message has. A value.
class FieldKinds {
  public:
    constexpr void add(FieldId id) { bits_ |= bit(id); }
    constexpr bool has(FieldId id) const { return (bits_ & bit(id)) != 0; }

  private:
    static constexpr std::uint32_t bit(FieldId id) { return 1u << static_cast<unsigned>(id); }
    static_assert(static_cast<unsigned>(FieldId::identity) < 32);

    std::uint32_t bits_ = 0;
};

/// The fields that a message keeps when it goes on, in either direction, besides those that each
/// keeps. Hop-by-hop fields go (RFC 9110 §7.6.1), and so do those that Otto writes itself. A value.
struct KeptFields {
    bool upgrade = false;
    bool trailer = false;
    bool expect = false;
    bool host = false;
    bool forwarding = false;  // X-Forwarded-Proto, -Host and -Port, and what claims an identity
    bool max_forwards = true;
    bool request_id = true;

    /// Those of a request. Its Host stays, its Upgrade does not.
    static KeptFields of_request(const RequestHead& request, const ForwardingContext& context);
    /// Those of a response, whose Upgrade and Trailer go.
    static constexpr KeptFields of_response() {
        return {.expect = true, .host = true, .forwarding = true};
    }

    constexpr bool has(FieldId id) const;

    /// Calls `visit(field)` with each of the fields that are kept. `nominates`: Connection names
    /// some, which are hop-by-hop then. Returns the kinds of all fields.
    template <typename Visit>
    FieldKinds for_each(const std::vector<Field>& fields, bool nominates, Visit visit) const;
};

/// Connection may only take away what Otto does not act on: else it would be a lever against Otto's
/// own fields.
constexpr bool may_be_nominated(FieldId id) {
    return id == FieldId::other || id == FieldId::accept || id == FieldId::alt_svc ||
           id == FieldId::authentication || id == FieldId::trailer;
}

constexpr bool KeptFields::has(FieldId id) const {
    switch (id) {
        case FieldId::connection:
        case FieldId::content_length:
        case FieldId::forwarded:
        case FieldId::http2_settings:
        case FieldId::keep_alive:
        case FieldId::proxy_authenticate:
        case FieldId::proxy_authentication_info:
        case FieldId::proxy_authorization:
        case FieldId::proxy_connection:
        case FieldId::te:
        case FieldId::transfer_encoding:
        case FieldId::x_forwarded_for:
            return false;
        case FieldId::upgrade:
            return upgrade;
        case FieldId::trailer:
            return trailer;
        case FieldId::expect:
            return expect;
        case FieldId::host:
            return host;
        case FieldId::identity:
        case FieldId::x_forwarded_host:
        case FieldId::x_forwarded_port:
        case FieldId::x_forwarded_proto:
            return forwarding;
        case FieldId::other:
        case FieldId::accept:
        case FieldId::alt_svc:
        case FieldId::authentication:
        case FieldId::content_type:
        case FieldId::date:
        case FieldId::via:
            return true;
        case FieldId::max_forwards:
            return max_forwards;
        case FieldId::x_request_id:
            return request_id;
    }
    return false;
}

template <typename Visit>
FieldKinds KeptFields::for_each(const std::vector<Field>& fields, bool nominates,
                                Visit visit) const {
    FieldKinds seen;
    std::optional<NominatedFields> nominated;
    if (nominates) nominated.emplace(fields);
    for (const Field& field : fields) {
        seen.add(field.id);
        if (!has(field.id)) continue;
        if (nominated && may_be_nominated(field.id) && nominated->has(field.name)) continue;
        visit(field);
    }
    return seen;
}

}  // namespace otto::http
