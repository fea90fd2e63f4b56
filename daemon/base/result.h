#pragma once

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>
#include <variant>

namespace otto {

/// Why something failed: a sentence for people, and the errno behind it (0: none).
struct Error {
    std::string message;
    int number = 0;

    /// "MESSAGE: strerror(number)", from errno unless told otherwise.
    static Error from_errno(std::string what, int number = errno) {
        return {std::move(what) + ": " + std::strerror(number), number};
    }
};

/// A value or the Error why there is none. Asking for the side that is not there is a bug of the
/// caller.
template <typename T>
class [[nodiscard]] Result {
  public:
    Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
    Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

    explicit operator bool() const { return state_.index() == 0; }
    T& operator*() & { return *std::get_if<0>(&state_); }
    const T& operator*() const& { return *std::get_if<0>(&state_); }
    T&& operator*() && { return std::move(*std::get_if<0>(&state_)); }
    T* operator->() { return std::get_if<0>(&state_); }
    const T* operator->() const { return std::get_if<0>(&state_); }
    const Error& error() const { return *std::get_if<1>(&state_); }

  private:
    std::variant<T, Error> state_;
};

/// Success, or the Error.
template <>
class [[nodiscard]] Result<void> {
  public:
    Result() = default;
    Result(Error error) : failed_(true), error_(std::move(error)) {}

    explicit operator bool() const { return !failed_; }
    const Error& error() const { return error_; }

  private:
    bool failed_ = false;
    Error error_;
};

using Status = Result<void>;

}  // namespace otto
