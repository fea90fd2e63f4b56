#include "accesslog/target.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/handle.h"
#include "sd/journal_socket.h"

namespace otto::accesslog {

namespace {

constexpr mode_t file_mode = 0640;
constexpr int open_flags = O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
/// What a pipe that is writable takes without waiting.
constexpr std::size_t pipe_piece = 4096;

enum class Kind {
    regular,
    stream,         // a FIFO or device of our own description, which never waits
    socket,         // whose description is shared
    shared_stream,  // a description that is shared, and may wait
};

class LineTarget final : public Target {
  public:
    LineTarget(UniqueFd fd, Kind kind) : fd_(std::move(fd)), kind_(kind) {}

    Result<bool> write(std::string& lines) override;
    int fd() const override { return fd_.get(); }
    bool removed() const override;
    bool begun() const override { return begun_; }

  private:
    ssize_t write_some(std::string_view lines) const;
    std::size_t keep_whole(std::string_view written, off_t start) const;

    UniqueFd fd_;
    const Kind kind_;
    bool begun_ = false;  // the next byte belongs to a line whose beginning is written
};

ssize_t LineTarget::write_some(std::string_view lines) const {
    switch (kind_) {
        case Kind::regular:
        case Kind::stream:
            return ::write(fd_.get(), lines.data(), lines.size());
        case Kind::socket:
            return ::send(fd_.get(), lines.data(), lines.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        case Kind::shared_stream:
            break;
    }
    pollfd ready{.fd = fd_.get(), .events = POLLOUT, .revents = 0};
    if (poll(&ready, 1, 0) == 1)
        return ::write(fd_.get(), lines.data(), std::min(lines.size(), pipe_piece));
    errno = EAGAIN;
    return -1;
}

/// Takes the line back that a file, which has no room for it, has the beginning of: nobody is ever
/// to read half a line, even if Otto ends now. Not when others write to the file as well. `written`
/// are the bytes that begin at `start`; how many of them still are.
std::size_t LineTarget::keep_whole(std::string_view written, off_t start) const {
    const std::size_t whole = written.rfind('\n') + 1;  // 0 without any
    struct stat status {};
    if (fstat(fd_.get(), &status) != 0 ||
        status.st_size != start + static_cast<off_t>(written.size()))
        return written.size();
    const bool cut = ftruncate(fd_.get(), start + static_cast<off_t>(whole)) == 0;
    return cut ? whole : written.size();
}

Result<bool> LineTarget::write(std::string& lines) {
    const off_t start = kind_ == Kind::regular ? lseek(fd_.get(), 0, SEEK_END) : 0;
    std::size_t done = 0;
    int failed = 0;
    while (done < lines.size() && failed == 0) {
        const ssize_t written = write_some(std::string_view(lines).substr(done));
        if (written < 0) {
            failed = errno;
        } else {
            done += static_cast<std::size_t>(written);
        }
    }
    if (kind_ == Kind::regular && done < lines.size())
        done = keep_whole(std::string_view(lines).substr(0, done), start);
    if (done > 0) begun_ = lines[done - 1] != '\n';
    lines.erase(0, done);
    if (failed == 0) return true;
    if (failed == EAGAIN) return false;
    return Error{std::strerror(failed), failed};
}

bool LineTarget::removed() const {
    struct stat status {};
    return kind_ == Kind::regular && fstat(fd_.get(), &status) == 0 && status.st_nlink == 0;
}

class JournalTarget final : public Target {
  public:
    explicit JournalTarget(JournalSocket socket) : socket_(std::move(socket)) {}

    Result<bool> write(std::string& record) override {
        auto sent = socket_.send(record);
        if (sent && *sent) record.clear();
        return sent;
    }
    int fd() const override { return socket_.fd(); }
    std::size_t batch() const override { return 1; }

  private:
    JournalSocket socket_;
};

Result<std::unique_ptr<Target>> make_target(UniqueFd fd) {
    struct stat status {};
    if (fstat(fd.get(), &status) != 0) return Error{std::strerror(errno), errno};
    const Kind kind = S_ISREG(status.st_mode) ? Kind::regular : Kind::stream;
    return std::unique_ptr<Target>(std::make_unique<LineTarget>(std::move(fd), kind));
}

bool is_own_file(int fd) {
    struct stat status {};
    return fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_uid == geteuid() &&
           status.st_nlink == 1;
}

Result<std::unique_ptr<Target>> open_file(const std::string& path, bool own_file) {
    UniqueFd fd(open(path.c_str(), open_flags | (own_file ? O_NOFOLLOW : 0)));
    if (!fd && errno == ENOENT) {
        fd.reset(open(path.c_str(), open_flags | O_CREAT | O_EXCL, file_mode));
        // The umask of the service is for its state; whoever may enter the folder may read this.
        if (fd) static_cast<void>(fchmod(fd.get(), file_mode));
    }
    if (!fd) return Error{std::strerror(errno), errno};
    if (own_file && !is_own_file(fd.get()))
        return Error{"a path set at run time must be a regular file that belongs to Otto's user",
                     EPERM};
    return make_target(std::move(fd));
}

Result<std::unique_ptr<Target>> open_stdout() {
    struct stat status {};
    if (fstat(STDOUT_FILENO, &status) != 0) return Error{std::strerror(errno), errno};
    // With a description of our own O_NONBLOCK is nobody else's affair. A socket has none to give.
    if (!S_ISSOCK(status.st_mode)) {
        UniqueFd own(open("/proc/self/fd/1", open_flags));
        if (own) return make_target(std::move(own));
    }
    UniqueFd copy(fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0));
    if (!copy) return Error{std::strerror(errno), errno};
    const Kind kind = S_ISSOCK(status.st_mode) ? Kind::socket : Kind::shared_stream;
    return std::unique_ptr<Target>(std::make_unique<LineTarget>(std::move(copy), kind));
}

Result<std::unique_ptr<Target>> open_journal() {
    auto socket = JournalSocket::open();
    if (!socket) return Error{std::strerror(socket.error().number), socket.error().number};
    return std::unique_ptr<Target>(std::make_unique<JournalTarget>(std::move(*socket)));
}

}  // namespace

Result<std::unique_ptr<Target>> Target::open(const std::string& target, bool own_file) {
    if (target == "journal") return open_journal();
    if (target == "stdout") return open_stdout();
    return open_file(target, own_file);
}

}  // namespace otto::accesslog
