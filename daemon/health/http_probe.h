#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "config/config.h"
#include "health/probe.h"
#include "http/message.h"
#include "http1/parse_response.h"

namespace otto {

/// Sends one request on a connection of its own and judges the status of the response (RFC 9110
/// §15); the body is not read. Interim responses are skipped. What is not a response is a failure.
/// Control thread only.
class HttpProbe final : public Probe {
  public:
    HttpProbe(const Loop& loop, std::shared_ptr<Server> server, const HealthCheckConfig& config,
              OnDone on_done);

  private:
    void begin() override;
    void on_ready() override;
    void send_request();
    void receive();
    /// Looks at what has been received; true when the probe is over or the address given up.
    bool judge();

    const std::string request_;
    const http::Method method_;
    const unsigned status_min_;
    const unsigned status_max_;
    std::size_t sent_ = 0;
    std::string received_;
    http1::ResponseHeadReader reader_;
    http::ResponseHead head_;
    Bytes interim_bytes_ = 0;  // of heads with a status of 1xx so far
};

/// The path of a probe: "/" under a base path "/api" is "/api/".
std::string probe_path(std::string_view base_path, std::string_view path);

}  // namespace otto
