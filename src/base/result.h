#pragma once

#include <expected>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>

namespace shoal {

/// What went wrong, in one sentence for the administrator.
struct Error {
    std::string message;

    /// The same error with what was being done in front: "adding 192.0.2.80: File exists".
    Error within(std::string_view doing) const { return {std::string(doing) + ": " + message}; }
};

/// `what` and the text of a system call's errno (or a negative errno, as libbpf returns it).
inline Error system_error(std::string_view what, int error_number) {
    const int number = error_number < 0 ? -error_number : error_number;
    return {std::string(what) + ": " + std::generic_category().message(number)};
}

/// A value or an Error. libstdc++ 12 has std::expected without the monadic operations and does not
/// warn when one is dropped; this class adds both.
template <class T>
class [[nodiscard]] Result : public std::expected<T, Error> {
  public:
    using std::expected<T, Error>::expected;

    /// `next(value)`, which returns a Result, or this error.
    template <class F>
    auto and_then(F&& next) && {
        using Next = std::remove_cvref_t<std::invoke_result_t<F, T&&>>;
        if (!this->has_value()) return Next(std::unexpected(std::move(this->error())));
        return std::forward<F>(next)(std::move(**this));
    }

    /// `f(value)` as a Result, or this error.
    template <class F>
    auto transform(F&& f) && {
        using Next = Result<std::remove_cvref_t<std::invoke_result_t<F, T&&>>>;
        if (!this->has_value()) return Next(std::unexpected(std::move(this->error())));
        return Next(std::forward<F>(f)(std::move(**this)));
    }
};

template <>
class [[nodiscard]] Result<void> : public std::expected<void, Error> {
  public:
    using std::expected<void, Error>::expected;

    /// `next()`, which returns a Result, or this error.
    template <class F>
    auto and_then(F&& next) && {
        using Next = std::remove_cvref_t<std::invoke_result_t<F>>;
        if (!this->has_value()) return Next(std::unexpected(std::move(this->error())));
        return std::forward<F>(next)();
    }
};

/// `return fail("no such device: {}", name)` is spelled `return fail(fmt::format(...))`.
inline std::unexpected<Error> fail(std::string message) {
    return std::unexpected(Error{std::move(message)});
}
inline std::unexpected<Error> fail(Error error) {
    return std::unexpected(std::move(error));
}

}  // namespace shoal
