#include "dataplane/bpf/libbpf_messages.h"

#include <bpf/libbpf.h>

#include <array>
#include <cstdarg>
#include <cstdio>
#include <string_view>

namespace shoal::dataplane {

namespace {

thread_local std::string* collected = nullptr;

int collect(libbpf_print_level level, const char* format, va_list arguments) {
    if (level == LIBBPF_DEBUG || collected == nullptr) return 0;
    va_list again;
    va_copy(again, arguments);
    const int length = std::vsnprintf(nullptr, 0, format, arguments);
    if (length > 0) {
        const std::size_t end = collected->size();
        collected->resize(end + static_cast<std::size_t>(length) + 1);
        std::vsnprintf(collected->data() + end, static_cast<std::size_t>(length) + 1, format,
                       again);
        collected->pop_back();
    }
    va_end(again);
    return length;
}

}  // namespace

LibbpfMessages::LibbpfMessages() : previous_(collected) {
    libbpf_set_print(collect);
    collected = &text_;
}

LibbpfMessages::~LibbpfMessages() {
    collected = previous_;
}

std::string LibbpfMessages::kernel_reason() const {
    constexpr std::string_view prefix = "Kernel error message: ";
    const auto start = text_.rfind(prefix);
    if (start == std::string::npos) return {};
    const auto begin = start + prefix.size();
    return text_.substr(begin, text_.find('\n', begin) - begin);
}

std::string LibbpfMessages::tail(std::size_t length) const {
    if (text_.size() <= length) return text_;
    const auto line = text_.find('\n', text_.size() - length);
    return line == std::string::npos ? text_.substr(text_.size() - length) : text_.substr(line + 1);
}

}  // namespace shoal::dataplane
