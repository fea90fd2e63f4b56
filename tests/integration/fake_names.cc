// A getaddrinfo(3) that a test tells what to say, for test_names.py.
//
// Preloaded (LD_PRELOAD) into the program under test, which knows nothing of it. At each call it
// reads the file that NAMES_FILE names, which has a line for each name:
//
//   NAME ADDRESS…   these addresses, in this order
//   NAME fail       there is no such name (as when the file has no line for it)
//   NAME again      a failure for now
//   NAME hang       no answer until somebody opens the FIFO NAMES_FILE.hang for writing; the file
//   is
//                   then read afresh
//
// Each call adds a line with the name to NAMES_FILE.log.
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <unistd.h>

namespace {

using Getaddrinfo = int (*)(const char*, const char*, const addrinfo*, addrinfo**);

/// What the file says about a name.
std::string answer_for(const std::string& path, const std::string& name) {
    std::ifstream file(path);
    std::string line;
    while (std::getline(file, line)) {
        std::istringstream words(line);
        std::string first;
        words >> first;
        if (first != name) continue;
        std::string rest;
        std::getline(words >> std::ws, rest);
        return rest;
    }
    return "fail";
}

void note(const std::string& path, const std::string& name) {
    const int file = open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0) return;
    const std::string line = name + "\n";
    if (write(file, line.data(), line.size()) < 0) std::perror("fake_names");
    close(file);
}

/// Until somebody opens the FIFO for writing.
void hang(const std::string& fifo) {
    const int file = open(fifo.c_str(), O_RDONLY | O_CLOEXEC);
    if (file >= 0) close(file);
}

}  // namespace

extern "C" int getaddrinfo(const char* node, const char* service, const addrinfo* hints,
                           addrinfo** list) {
    static const auto real = reinterpret_cast<Getaddrinfo>(dlsym(RTLD_NEXT, "getaddrinfo"));
    const char* path = std::getenv("NAMES_FILE");
    if (path == nullptr || node == nullptr) return real(node, service, hints, list);
    const std::string file = path;
    note(file + ".log", node);
    std::string answer = answer_for(file, node);
    while (answer == "hang") {
        hang(file + ".hang");
        answer = answer_for(file, node);
    }
    if (answer == "again") return EAI_AGAIN;

    *list = nullptr;
    addrinfo** end = list;
    std::istringstream addresses(answer);
    for (std::string address; addresses >> address && address != "fail";) {
        const int failed = real(address.c_str(), service, hints, end);
        if (failed != 0) return failed;
        while (*end != nullptr) end = &(*end)->ai_next;
    }
    return *list == nullptr ? EAI_NONAME : 0;
}
