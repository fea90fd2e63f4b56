#include "config/load.h"

#include <array>
#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include "base/handle.h"
#include "config/json_tree.h"
#include "config/problems.h"
#include "config/reader.h"

namespace otto {

namespace {

constexpr std::size_t largest_file = 16 * 1024 * 1024;

Result<std::string> read_file(const std::string& file) {
    const UniqueFd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) return Error::from_errno("cannot open the file");
    std::string text;
    std::array<char, 64 * 1024> block;
    for (;;) {
        const ssize_t length = ::read(fd.get(), block.data(), block.size());
        if (length == 0) return text;
        if (length < 0 && errno == EINTR) continue;
        if (length < 0) return Error::from_errno("cannot read the file");
        text.append(block.data(), static_cast<std::size_t>(length));
        if (text.size() > largest_file) return Error{"the file has more than 16MiB"};
    }
}

}  // namespace

LoadedConfig load_config(const std::string& file) {
    auto text = read_file(file);
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
    if (const auto* root = std::get_if<JsonValue>(&parsed)) {
        loaded.config = ConfigReader(source, problems).read(*root);
    } else {
        const auto& fault = std::get<JsonFault>(parsed);
        problems.add(fault.offset, "", fault.message);
    }
    loaded.problems = problems.take();
    return loaded;
}

}  // namespace otto
