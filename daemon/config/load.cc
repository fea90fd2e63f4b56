#include "config/load.h"

#include <utility>

#include "base/files.h"
#include "config/json_tree.h"
#include "config/problems.h"
#include "config/reader.h"

namespace otto {

namespace {

constexpr std::size_t largest_file = 16 * 1024 * 1024;

}  // namespace

LoadedConfig load_config(const std::string& file) {
    auto text = read_regular_file(file, largest_file);
    if (text) return parse_config(*text, file);
    LoadedConfig loaded;
    loaded.problems.push_back({file, 0, 0, "", text.error().message});
    return loaded;
}

LoadedConfig parse_config(std::string_view source, const std::string& file) {
    LoadedConfig loaded;
    if (source.size() > largest_file) {
        loaded.problems.push_back({file, 0, 0, "", "the file has more than 16MiB"});
        return loaded;
    }
    loaded.source = source;
    Problems problems(source, file);
    const auto parsed = parse_json(source);
    if (const auto* root = std::get_if<Json>(&parsed)) {
        loaded.config = ConfigReader(source, problems).read(*root);
    } else {
        const auto& fault = std::get<JsonFault>(parsed);
        problems.add(fault.offset, "", fault.message);
    }
    loaded.problems = problems.take();
    return loaded;
}

}  // namespace otto
