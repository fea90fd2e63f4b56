#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "config/json_tree.h"
#include "config/keys.h"
#include "config/problems.h"

namespace otto {

/// Turns a parsed file into a Config, driven by config_keys(). Everything that is wrong is added to
/// `problems`; the Config holds only when there is nothing. Lives for one load; `source` and
/// `problems` outlive it.
class ConfigReader {
  public:
    ConfigReader(std::string_view source, Problems& problems)
        : source_(source), problems_(problems) {}

    Config read(const Json& root);

  private:
    using Visit = std::function<void(const Key&, const Json&, const std::string& pointer)>;

    void read_members(const Json& object, std::string_view inside, const std::string& pointer,
                      const Visit& visit);
    void read_key(const Key& key, const Json& value, const std::string& pointer);
    void read_choice(const Key& key, const Json& value, const std::string& pointer);
    void read_listens(const Key& key, const Json& value, const std::string& pointer);
    void read_statuses(const Key& key, const Json& value, const std::string& pointer);
    void read_local_listens(const Key& key, const Json& value, const std::string& pointer);
    void read_cidrs(const Key& key, const Json& value, const std::string& pointer);
    void read_status(const Key& key, const Json& value, const std::string& pointer);
    void read_string(const Key& key, const Json& value, const std::string& pointer);
    void check_intervals(const Json& root);
    void check_ejection(const Json& root);
    void check_proxy_protocol(const Json& root);
    bool check_list(const Key& key, const Json& value, const std::string& pointer);

    // Of a servers[] list, in servers_reader.cc.
    void read_servers(const Key& key, const Json& value, const std::string& pointer);
    bool read_server(const Json& item, const std::string& pointer, ServerConfig& server);
    void read_server_member(const Key& key, const Json& value, const std::string& pointer,
                            ServerConfig& server);
    void read_server_url(const Key& key, const Json& value, const std::string& pointer,
                         ServerConfig& server);
    void read_server_name(const Key& key, const Json& value, const std::string& pointer,
                          ServerConfig& server);

    void refuse(const Key& key, const Json& value, const std::string& pointer,
                std::string_view reason = "");
    void refuse(std::string_view what, const Json& value, const std::string& pointer,
                std::string_view reason = "");

    std::string_view source_;
    Problems& problems_;
    Config config_;
};

}  // namespace otto
