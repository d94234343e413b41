#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "config/ipvsadm/ipvsadm.h"
#include "config/toml_reader.h"
#include "config/toml_writer.h"

// What ipvsadm and iptables print: a configuration that comes out of it is valid.

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    static_cast<void>(shoal::config::import_iptables(text));
    const auto import = shoal::config::import_ipvsadm(text);
    if (!import) return 0;
    const auto read = shoal::config::read_toml(shoal::config::to_toml(import->configuration), {});
    if (!read || *read != import->configuration) std::abort();
    return 0;
}
