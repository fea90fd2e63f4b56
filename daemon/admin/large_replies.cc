#include "admin/large_replies.h"

#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "admin/problem.h"
#include "admin/render.h"
#include "metrics/page.h"

namespace otto::admin {

namespace {

constexpr const char* metrics_type = "text/plain; version=0.0.4; charset=utf-8";

PlainReply plain(const char* type = "application/json") {
    return {.status = 200, .body = {}, .type = type, .fields = api_fields()};
}

PlainReply tagged(const Changes& changes) {
    PlainReply reply = plain();
    reply.fields.emplace_back("ETag", changes.tag());
    return reply;
}

/// The list of servers, written as Json::pretty() would.
class ServersBody {
  public:
    ServersBody(const Control& control, const Changes& changes)
        : control_(control), changes_(changes), snapshot_(control.shared_snapshot()) {}

    bool step(std::string& body) {
        constexpr std::size_t at_once = 16;
        const auto& members = snapshot_->members();
        if (next_ == 0)
            body +=
                fmt::format("{{\n  \"generation\": {},\n  \"servers\": [", snapshot_->generation);
        for (std::size_t count = 0; count < at_once && next_ < members.size(); ++count) {
            body += next_ == 0 ? "\n    " : ",\n    ";
            const Json server = render_server(members[next_++], control_, changes_, time_);
            PrettyWriter writer(server, 4);
            while (writer.step(body)) continue;
        }
        if (next_ < members.size()) return true;
        body += members.empty() ? "]\n}\n" : "\n  ]\n}\n";
        return false;
    }

  private:
    const Control& control_;
    const Changes& changes_;
    const std::shared_ptr<const Snapshot> snapshot_;
    const TimePoint time_ = now();
    std::size_t next_ = 0;
};

/// File, changes and what they make, each a document of any size.
class ConfigBody {
  public:
    ConfigBody(const Control& control, const Changes& changes)
        : documents_(changes.documents()), frame_(render_config(control, changes)) {
        add("file", *documents_.file);
        add("changes", *documents_.overlay);
        add("effective", *documents_.document);
    }

    bool step(std::string& body) {
        if (next_ == 0 && !begun_) {
            // All but the closing brace, since members follow.
            body += frame_.pretty();
            body.resize(body.size() - std::string_view("\n}\n").size());
        }
        Part& part = parts_[next_];
        if (!std::exchange(begun_, true)) body += fmt::format(",\n  \"{}\": ", part.name);
        if (part.writer.step(body)) return true;
        begun_ = false;
        if (++next_ < parts_.size()) return true;
        body += "\n}\n";
        return false;
    }

  private:
    struct Part {
        std::string_view name;
        PrettyWriter writer;
    };

    void add(std::string_view name, const Json& document) {
        static const Json nothing = Json::object();
        parts_.push_back({name, PrettyWriter(document.is_null() ? nothing : document, 2)});
    }

    const Changes::Documents documents_;
    const Json frame_;
    std::vector<Part> parts_;
    std::size_t next_ = 0;
    bool begun_ = false;  // the part's name is written
};

/// A rendering by an object that has step().
template <typename Body>
Rendering by(PlainReply reply, std::shared_ptr<Body> body) {
    return {.reply = std::move(reply),
            .step = [body = std::move(body)](std::string& text) { return body->step(text); }};
}

}  // namespace

Rendering status_rendering(const Control& control, const Changes& changes, std::string token_file) {
    return {.reply = plain(),
            .step = [&control, &changes, file = std::move(token_file)](std::string& body) {
                body += render_status(control, changes, file).pretty();
                return false;
            }};
}

Rendering servers_rendering(const Control& control, const Changes& changes) {
    return by(tagged(changes), std::make_shared<ServersBody>(control, changes));
}

Rendering config_rendering(const Control& control, const Changes& changes) {
    return by(tagged(changes), std::make_shared<ConfigBody>(control, changes));
}

Rendering metrics_rendering(metrics::Readings readings) {
    return by({.status = 200, .body = {}, .type = metrics_type, .fields = {}},
              std::make_shared<metrics::Page>(std::move(readings)));
}

}  // namespace otto::admin
