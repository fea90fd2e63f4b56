#pragma once

#include <chrono>
#include <string>

#include "admin/control.h"
#include "admin/overlay/changes.h"
#include "admin/sampler.h"
#include "config/json.h"

namespace otto::admin {

// How the admin API shows things.

/// The id of a server that stays whatever it is called: 16 hexadecimal digits of its URL.
std::string server_id(std::string_view url);

Json render_server(const Member& member, const Control& control, const Changes& changes,
                   TimePoint now);
Json render_status(const Control& control, const Changes& changes, const std::string& token_file);
/// All but the documents: "file", "changes" and "effective".
Json render_config(const Control& control, const Changes& changes);

/// Adds the rates and "latency": {"p50": …, "p90": …, "p99": …}, in milliseconds, null when there
/// was no request.
void set_rates(Json& json, const Sample& sample);
/// {"tone": …, "text": …, "notes": […]}.
Json render_verdict(const ServiceVerdict& verdict);
/// In milliseconds with as many decimals as are worth reading; "null" for none.
std::string milliseconds(Duration duration);

/// RFC 3339 in UTC, with milliseconds: "2026-11-23T10:00:00.123Z".
std::string rfc3339(std::chrono::system_clock::time_point time);

}  // namespace otto::admin
