// Runs a fuzz target over files and the files of folders, each once: what libFuzzer does with
// -runs=0, for compilers without it. A failed input ends the process after its name is out.

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "fuzzing.h"

namespace {

namespace fs = std::filesystem;

bool replay(const fs::path& file) {
    std::ifstream stream(file, std::ios::binary);
    const std::string bytes(std::istreambuf_iterator<char>(stream), {});
    if (stream.bad()) return false;
    std::printf("%s\n", file.c_str());
    std::fflush(stdout);
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    return true;
}

}  // namespace

int main(int argc, char** argv) {
    std::vector<fs::path> files;
    for (int i = 1; i < argc; ++i) {
        if (!fs::is_directory(argv[i])) {
            files.emplace_back(argv[i]);
            continue;
        }
        for (const auto& entry : fs::directory_iterator(argv[i])) files.push_back(entry.path());
    }
    for (const auto& file : files) {
        if (replay(file)) continue;
        std::fprintf(stderr, "cannot read %s\n", file.c_str());
        return 2;
    }
    if (!files.empty()) return 0;
    std::fprintf(stderr, "nothing to replay\n");
    return 2;
}
