#include "health/loads/rstat.h"

#include <array>
#include <bit>
#include <cstddef>
#include <initializer_list>

namespace shoal::health::rstat {

namespace {

constexpr std::uint32_t call = 0;
constexpr std::uint32_t reply = 1;
constexpr std::uint32_t rpc_version = 2;
constexpr std::uint32_t portmapper_program = 100'000;
constexpr std::uint32_t portmapper_version = 2;
constexpr std::uint32_t get_port = 3;
constexpr std::uint32_t program = 100'001;
constexpr std::uint32_t statistics = 1;
constexpr std::uint32_t protocol_udp = 17;

constexpr std::uint32_t accepted = 0;
constexpr std::uint32_t denied = 1;
/// Of what an authenticator may hold, in bytes.
constexpr std::uint32_t longest_authenticator = 400;

/// Loads are in 256ths.
constexpr double load_scale = 256;

std::string words(std::initializer_list<std::uint32_t> values) {
    std::string bytes;
    for (const auto value : values) {
        for (const int shift : {24, 16, 8, 0})
            bytes.push_back(static_cast<char>(value >> shift));
    }
    return bytes;
}

/// A call without credentials: two empty authenticators.
std::string question(std::uint32_t transaction, std::uint32_t of_program, std::uint32_t version,
                     std::uint32_t procedure) {
    return words({transaction, call, rpc_version, of_program, version, procedure, 0, 0, 0, 0});
}

/// Takes words from the front; once there were too few, it stays failed and gives zeros.
class Reader {
  public:
    explicit Reader(std::string_view bytes) : rest_(bytes) {}

    std::uint32_t word() {
        if (rest_.size() < 4) {
            failed_ = true;
            return 0;
        }
        std::uint32_t value = 0;
        for (const char byte : rest_.substr(0, 4))
            value = value << 8 | static_cast<unsigned char>(byte);
        rest_.remove_prefix(4);
        return value;
    }
    void skip_words(std::uint32_t count) {
        if (count > rest_.size() / 4) {
            failed_ = true;
        } else {
            rest_.remove_prefix(std::size_t{4} * count);
        }
    }
    /// An array whose length stands before it.
    void skip_array() { skip_words(word()); }
    void skip_authenticator() {
        word();
        const auto length = word();
        if (length > longest_authenticator) failed_ = true;
        skip_words((length + 3) / 4);
    }
    bool failed() const { return failed_; }
    std::string_view rest() const { return rest_; }

  private:
    std::string_view rest_;
    bool failed_ = false;
};

Reply::Status read_status(std::uint32_t accept_status) {
    switch (accept_status) {
        case 0:
            return Reply::Status::success;
        case 1:
            return Reply::Status::no_program;
        case 2:
            return Reply::Status::other_version;
        default:
            return Reply::Status::refused;
    }
}

}  // namespace

std::string port_question(std::uint32_t transaction, std::uint32_t version) {
    return question(transaction, portmapper_program, portmapper_version, get_port) +
           words({program, version, protocol_udp, 0});
}

std::string load_question(std::uint32_t transaction, std::uint32_t version) {
    return question(transaction, program, version, statistics);
}

std::optional<Reply> read_reply(std::string_view datagram) {
    Reader reader(datagram);
    Reply result;
    result.transaction = reader.word();
    if (reader.word() != reply) return std::nullopt;
    const auto verdict = reader.word();
    if (verdict != accepted && verdict != denied) return std::nullopt;
    if (verdict == accepted) {
        reader.skip_authenticator();
        result.status = read_status(reader.word());
        if (result.status == Reply::Status::other_version) {
            result.least = reader.word();
            result.greatest = reader.word();
        }
    }
    if (reader.failed()) return std::nullopt;
    result.results = reader.rest();
    return result;
}

std::optional<std::uint16_t> read_port(std::string_view results) {
    Reader reader(results);
    const auto port = reader.word();
    if (reader.failed() || port > 65'535) return std::nullopt;
    return static_cast<std::uint16_t>(port);
}

std::optional<double> read_load(std::uint32_t version, std::string_view results) {
    Reader reader(results);
    if (version == greatest_version) {
        reader.skip_array();  // times of the CPUs
        reader.skip_array();  // transfers of the disks
        reader.skip_words(5 + 5 + 1);
    } else {
        // 4 times, 4 disks, 5 of paging and interrupts, 4 of interfaces, context switches.
        reader.skip_words(4 + 4 + 5 + 4 + 1);
    }
    const auto load = std::bit_cast<std::int32_t>(reader.word());
    // The averages of 5 and 15 minutes and the time of boot are there in every version.
    reader.skip_words(2 + 2);
    if (reader.failed()) return std::nullopt;
    return load / load_scale;
}

}  // namespace shoal::health::rstat
