#include "health/http_probe.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/phrases.h"

namespace otto {

namespace {

/// What the configuration may allow at most: a check is no stricter than requests are.
constexpr http::ResponseLimits limits{.header_bytes = 1024 * 1024, .header_count = 1000};

std::string host_field(const Server& server, const HealthCheckConfig& config) {
    if (!config.host.empty()) return config.host;
    const bool has_name =
        !server.host.empty() && (server.addresses.empty() || server.addresses.front().is_ip());
    return has_name ? server.host : "localhost";
}

std::string request_for(const Server& server, const HealthCheckConfig& config) {
    return config.method + ' ' + probe_path(server.base_path, config.path) +
           " HTTP/1.1\r\nHost: " + host_field(server, config) +
           "\r\nConnection: close\r\nUser-Agent: otto-health-check\r\nAccept: */*\r\n\r\n";
}

}  // namespace

std::string probe_path(std::string_view base_path, std::string_view path) {
    std::string joined(base_path);
    if (!joined.empty() && joined.back() == '/') joined.pop_back();
    if (path.empty() || path.front() != '/') joined += '/';
    joined += path;
    return joined;
}

HttpProbe::HttpProbe(const Loop& loop, std::shared_ptr<Server> server,
                     const HealthCheckConfig& config, OnDone on_done)
    : Probe(loop, server, config.timeout, std::move(on_done)),
      request_(request_for(*server, config)),
      // Only that HEAD's responses have no body matters to the parser.
      method_(config.method == "HEAD" ? http::Method::head : http::Method::get),
      status_min_(config.status_min),
      status_max_(config.status_max) {}

void HttpProbe::begin() {
    sent_ = 0;
    received_.clear();
    reader_ = {};
    interim_bytes_ = 0;
    on_ready();
}

void HttpProbe::on_ready() {
    send_request();
    receive();
}

void HttpProbe::send_request() {
    while (sent_ < request_.size()) {
        iovec rest{const_cast<char*>(request_.data()) + sent_, request_.size() - sent_};
        const ssize_t count = stream().send({&rest, 1});
        // A server that hung up may have answered first: whatever went wrong, receiving tells.
        if (count <= 0) return;
        sent_ += static_cast<std::size_t>(count);
    }
}

void HttpProbe::receive() {
    std::array<char, 4096> bytes;
    for (;;) {
        const ssize_t count = stream().receive(bytes.data(), bytes.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0 && errno == EAGAIN) return;
        if (count < 0) {
            give_up_address(error_text(errno));
            return;
        }
        if (count == 0) {
            give_up_address(received_.empty() ? "closed without a response"
                                              : "closed within the response header");
            return;
        }
        heard();
        received_.append(bytes.data(), static_cast<std::size_t>(count));
        if (judge()) return;
    }
}

bool HttpProbe::judge() {
    for (;;) {
        const http1::ResponseParse parse = reader_.parse(received_, method_, head_, limits);
        switch (parse.state) {
            case http1::ParseState::malformed:
                give_up_address(std::string("malformed response: ") + parse.reason);
                return true;
            case http1::ParseState::incomplete:
                return false;
            case http1::ParseState::complete:
                break;
        }
        const bool interim = head_.status < 200 && head_.status != 101;
        if (!interim) break;
        interim_bytes_ += parse.length;
        if (interim_bytes_ > limits.header_bytes) {
            give_up_address("too many interim responses");
            return true;
        }
        received_.erase(0, parse.length);
    }
    const unsigned status = head_.status;
    if (status == 101) {
        give_up_address("malformed response: unsolicited protocol switch");
        return true;
    }
    const bool passed = status >= status_min_ && status <= status_max_;
    answered(passed, passed ? "" : "status " + std::to_string(status));
    return true;
}

}  // namespace otto
