#include "api/status_json.h"

#include <fmt/format.h>

#include <iterator>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <tuple>
#include <utility>

#include "api/answer.h"
#include "http/response.h"
#include "model/text.h"

namespace shoal::api {

namespace {

using nlohmann::json;

// ---- The fields -------------------------------------------------------------------------------

template <class T>
struct Fields;

template <>
struct Fields<model::Counters> {
    using T = model::Counters;
    static constexpr std::tuple list{
        std::pair{"connections", &T::connections}, std::pair{"packets_in", &T::packets_in},
        std::pair{"packets_out", &T::packets_out}, std::pair{"bytes_in", &T::bytes_in},
        std::pair{"bytes_out", &T::bytes_out},
    };
};

template <>
struct Fields<model::Rates> {
    using T = model::Rates;
    static constexpr std::tuple list{
        std::pair{"connections", &T::connections}, std::pair{"packets_in", &T::packets_in},
        std::pair{"packets_out", &T::packets_out}, std::pair{"bytes_in", &T::bytes_in},
        std::pair{"bytes_out", &T::bytes_out},
    };
};

template <>
struct Fields<model::RealServerStatus> {
    using T = model::RealServerStatus;
    static constexpr std::tuple list{
        std::pair{"name", &T::name},
        std::pair{"address", &T::address},
        std::pair{"port", &T::port},
        std::pair{"method", &T::method},
        std::pair{"weight", &T::weight},
        std::pair{"weight_in_force", &T::weight_in_force},
        std::pair{"enabled", &T::enabled},
        std::pair{"state", &T::state},
        std::pair{"deadline_ms", &T::deadline_ms},
        std::pair{"until_ms", &T::until_ms},
        std::pair{"then", &T::then},
        std::pair{"health", &T::health},
        std::pair{"reason", &T::reason},
        std::pair{"since_ms", &T::since_ms},
        std::pair{"load", &T::load},
        std::pair{"load_age_ms", &T::load_age_ms},
        std::pair{"load_problem", &T::load_problem},
        std::pair{"weight_factor", &T::weight_factor},
        std::pair{"in_pool", &T::in_pool},
        std::pair{"overloaded", &T::overloaded},
        std::pair{"active_connections", &T::active_connections},
        std::pair{"inactive_connections", &T::inactive_connections},
        std::pair{"persistent_clients", &T::persistent_clients},
        std::pair{"counters", &T::counters},
        std::pair{"rates", &T::rates},
    };
};

template <>
struct Fields<model::VirtualServerStatus> {
    using T = model::VirtualServerStatus;
    static constexpr std::tuple list{
        std::pair{"name", &T::name},
        std::pair{"active", &T::active},
        std::pair{"address", &T::address},
        std::pair{"port", &T::port},
        std::pair{"protocol", &T::protocol},
        std::pair{"firewall_mark", &T::firewall_mark},
        std::pair{"mark_ports", &T::mark_ports},
        std::pair{"scheduler", &T::scheduler},
        std::pair{"persistence_ms", &T::persistence_ms},
        std::pair{"weight_scale", &T::weight_scale},
        std::pair{"quorum", &T::quorum},
        std::pair{"usable", &T::usable},
        std::pair{"quorum_lost", &T::quorum_lost},
        std::pair{"device", &T::device},
        std::pair{"counters", &T::counters},
        std::pair{"rates", &T::rates},
        std::pair{"real_servers", &T::real_servers},
        std::pair{"sorry_server", &T::sorry_server},
    };
};

template <>
struct Fields<model::TargetHealth> {
    using T = model::TargetHealth;
    static constexpr std::tuple list{
        std::pair{"virtual_server", &T::virtual_server},
        std::pair{"real_server", &T::real_server},
        std::pair{"address", &T::address},
        std::pair{"port", &T::port},
        std::pair{"virtual_address", &T::virtual_address},
        std::pair{"check", &T::check},
        std::pair{"state", &T::state},
        std::pair{"health", &T::health},
        std::pair{"since_ms", &T::since_ms},
        std::pair{"reason", &T::reason},
        std::pair{"heard", &T::heard},
        std::pair{"agent", &T::agent},
        std::pair{"checks", &T::checks},
        std::pair{"last_check_ms", &T::last_check_ms},
        std::pair{"latency_us", &T::latency_us},
        std::pair{"next_check_ms", &T::next_check_ms},
    };
};

template <>
struct Fields<model::HealthReport> {
    using T = model::HealthReport;
    static constexpr std::tuple list{
        std::pair{"now_ms", &T::now_ms},
        std::pair{"targets", &T::targets},
    };
};

template <>
struct Fields<model::HookStatus> {
    using T = model::HookStatus;
    static constexpr std::tuple list{
        std::pair{"device", &T::device},
        std::pair{"hook", &T::hook},
        std::pair{"reason", &T::reason},
    };
};

template <>
struct Fields<model::VerdictCount> {
    using T = model::VerdictCount;
    static constexpr std::tuple list{
        std::pair{"name", &T::name},
        std::pair{"meaning", &T::meaning},
        std::pair{"packets", &T::packets},
        std::pair{"per_second", &T::per_second},
    };
};

template <>
struct Fields<model::TableStatus> {
    using T = model::TableStatus;
    static constexpr std::tuple list{
        std::pair{"size", &T::size},
        std::pair{"used", &T::used},
        std::pair{"overflow", &T::overflow},
        std::pair{"memory_bytes", &T::memory_bytes},
        std::pair{"former_size", &T::former_size},
    };
};

template <>
struct Fields<model::RevisionStatus> {
    using T = model::RevisionStatus;
    static constexpr std::tuple list{
        std::pair{"number", &T::number},
        std::pair{"author", &T::author},
        std::pair{"comment", &T::comment},
        std::pair{"time_ms", &T::time_ms},
        std::pair{"confirm_until_ms", &T::confirm_until_ms},
        std::pair{"former", &T::former},
        std::pair{"file_is_edited", &T::file_is_edited},
    };
};

template <>
struct Fields<model::DirectorStatus> {
    using T = model::DirectorStatus;
    static constexpr std::tuple list{
        std::pair{"name", &T::name},
        std::pair{"version", &T::version},
        std::pair{"now_ms", &T::now_ms},
        std::pair{"started_ms", &T::started_ms},
        std::pair{"adopted", &T::adopted},
        std::pair{"configuration_file", &T::configuration_file},
        std::pair{"sweeper_age_ms", &T::sweeper_age_ms},
        std::pair{"table", &T::table},
        std::pair{"total", &T::total},
        std::pair{"total_rates", &T::total_rates},
        std::pair{"virtual_servers", &T::virtual_servers},
        std::pair{"hooks", &T::hooks},
        std::pair{"verdicts", &T::verdicts},
        std::pair{"problems", &T::problems},
    };
};

template <>
struct Fields<Statistics> {
    using T = Statistics;
    static constexpr std::tuple list{
        std::pair{"now_ms", &T::now_ms},
        std::pair{"total", &T::total},
        std::pair{"total_rates", &T::total_rates},
        std::pair{"virtual_servers", &T::virtual_servers},
        std::pair{"table", &T::table},
        std::pair{"verdicts", &T::verdicts},
    };
};

template <>
struct Fields<model::Connection> {
    using T = model::Connection;
    static constexpr std::tuple list{
        std::pair{"protocol", &T::protocol},
        std::pair{"mark", &T::mark},
        std::pair{"client", &T::client},
        std::pair{"client_port", &T::client_port},
        std::pair{"virtual_address", &T::virtual_address},
        std::pair{"virtual_port", &T::virtual_port},
        std::pair{"real_address", &T::real_address},
        std::pair{"real_port", &T::real_port},
        std::pair{"state", &T::state},
        std::pair{"active", &T::active},
        std::pair{"expires_in_ms", &T::expires_in_ms},
    };
};

template <>
struct Fields<dataplane::ConnectionPage> {
    using T = dataplane::ConnectionPage;
    static constexpr std::tuple list{
        std::pair{"connections", &T::connections},
        std::pair{"next", &T::next},
    };
};

template <>
struct Fields<StateAnswer> {
    using T = StateAnswer;
    static constexpr std::tuple list{
        std::pair{"virtual_server", &T::virtual_server},
        std::pair{"real_server", &T::real_server},
        std::pair{"state", &T::state},
    };
};

template <>
struct Fields<config::Problem> {
    using T = config::Problem;
    static constexpr std::tuple list{
        std::pair{"line", &T::line},
        std::pair{"column", &T::column},
        std::pair{"message", &T::message},
        std::pair{"advice", &T::advice},
    };
};

template <class T>
concept Described = requires { Fields<T>::list; };
template <class T>
concept Textual = std::same_as<T, net::Address> || std::same_as<T, net::Prefix>;

// ---- Writing ----------------------------------------------------------------------------------

template <class T>
    requires std::integral<T> || std::same_as<T, double> || std::same_as<T, std::string>
json write(const T& value) {
    return value;
}
template <Textual T>
json write(const T& value) {
    return value.to_string();
}
template <model::Enumerated T>
json write(T value) {
    return model::name_of(value);
}
/// As in the configuration: 80, 0 for every port, "8000-8100".
template <std::same_as<model::PortRange> T>
json write(const T& value) {
    if (value.first == value.last) return value.first;
    return model::format_port_range(value);
}
template <Described T>
json write(const T& value);
template <class T>
json write(const std::optional<T>& value) {
    return value ? write(*value) : json();
}
template <class T>
json write(const std::vector<T>& values) {
    auto array = json::array();
    for (const auto& value : values)
        array.push_back(write(value));
    return array;
}
template <Described T>
json write(const T& value) {
    auto object = json::object();
    const auto write_field = [&](const auto& field) {
        object[field.first] = write(value.*field.second);
    };
    std::apply([&](const auto&... field) { (write_field(field), ...); }, Fields<T>::list);
    return object;
}

// ---- Writing text, without the objects between: an order of magnitude faster ------------------

template <std::integral T>
void append(std::string& text, T value) {
    fmt::format_to(std::back_inserter(text), "{}", value);
}
void append(std::string& text, const std::string& value) {
    text += http::json_text(value);
}
template <Textual T>
void append(std::string& text, const T& value) {
    text += '"' + value.to_string() + '"';
}
template <model::Enumerated T>
void append(std::string& text, T value) {
    text += '"';
    text += model::name_of(value);
    text += '"';
}
template <Described T>
void append(std::string& text, const T& value);
template <class T>
void append(std::string& text, const std::optional<T>& value) {
    if (value) {
        append(text, *value);
    } else {
        text += "null";
    }
}
template <class T>
void append(std::string& text, const std::vector<T>& values) {
    char before = '[';
    for (const auto& value : values) {
        text += std::exchange(before, ',');
        append(text, value);
    }
    text += values.empty() ? "[]" : "]";
}
template <Described T>
void append(std::string& text, const T& value) {
    char before = '{';
    const auto append_field = [&](const auto& field) {
        text += std::exchange(before, ',');
        text += '"';
        text += field.first;
        text += "\":";
        append(text, value.*field.second);
    };
    std::apply([&](const auto&... field) { (append_field(field), ...); }, Fields<T>::list);
    text += '}';
}

// ---- Reading: failures are exceptions up to the edge, as nlohmann-json's own are ---------------

void read(const json& from, bool& value) {
    value = from.get<bool>();
}
void read(const json& from, std::string& value) {
    value = from.get<std::string>();
}
template <std::integral T>
void read(const json& from, T& value) {
    const auto take = [&](auto number) {
        if (!std::in_range<T>(number))
            throw std::range_error(fmt::format("{} is out of range", number));
        value = static_cast<T>(number);
    };
    if (from.is_number_unsigned()) {
        take(from.get<std::uint64_t>());
    } else if (from.is_number_integer()) {
        take(from.get<std::int64_t>());
    } else {
        throw std::invalid_argument("a whole number was expected");
    }
}
void read(const json& from, double& value) {
    value = from.get<double>();
}
template <Textual T>
void read(const json& from, T& value) {
    auto parsed = T::parse(from.get<std::string>());
    if (!parsed) throw std::invalid_argument(parsed.error().message);
    value = *parsed;
}
template <std::same_as<model::PortRange> T>
void read(const json& from, T& value) {
    if (from.is_string()) {
        const auto parsed = model::parse_port_range(from.get<std::string>());
        if (!parsed) throw std::invalid_argument(parsed.error().message);
        value = *parsed;
    } else {
        std::uint16_t port = 0;
        read(from, port);
        value = port;
    }
}
template <model::Enumerated T>
void read(const json& from, T& value) {
    const auto word = from.get<std::string>();
    const auto found = model::value_of<T>(word);
    if (!found) throw std::invalid_argument(fmt::format("unknown word \"{}\"", word));
    value = *found;
}
template <Described T>
void read(const json& from, T& value);
template <class T>
void read(const json& from, std::optional<T>& value) {
    value.reset();
    if (!from.is_null()) read(from, value.emplace());
}
template <class T>
void read(const json& from, std::vector<T>& values) {
    if (!from.is_array()) throw std::invalid_argument("a list was expected");
    values.clear();
    for (const auto& element : from)
        read(element, values.emplace_back());
}
template <Described T>
void read(const json& from, T& value) {
    std::apply(
        [&](const auto&... field) { (read(from.at(field.first), value.*field.second), ...); },
        Fields<T>::list);
}

template <class T>
Result<T> parse(std::string_view text) {
    return parse_answer<T>(text, [](const json& from, T& value) { read(from, value); });
}

}  // namespace

Statistics statistics_of(model::DirectorStatus status) {
    return {.now_ms = status.now_ms,
            .total = status.total,
            .total_rates = status.total_rates,
            .virtual_servers = std::move(status.virtual_servers),
            .table = status.table,
            .verdicts = std::move(status.verdicts)};
}

json to_json(const model::DirectorStatus& status) {
    return write(status);
}
json to_json(const model::RevisionStatus& status) {
    return write(status);
}
json to_json(const Statistics& statistics) {
    return write(statistics);
}
json to_json(const model::HealthReport& report) {
    return write(report);
}
std::string json_text(const dataplane::ConnectionPage& page) {
    std::string text;
    append(text, page);
    return text;
}
std::string json_text(const model::Connection& connection) {
    std::string text;
    append(text, connection);
    return text;
}
json to_json(const std::vector<config::Problem>& problems) {
    return write(problems);
}
json to_json(const StateAnswer& answer) {
    return write(answer);
}
json to_json(const ErrorBody& error) {
    json body{{"detail", error.message}};
    if (!error.problems.empty()) body["problems"] = write(error.problems);
    if (!error.failures.empty()) body["failures"] = error.failures;
    return body;
}

template <>
Result<model::DirectorStatus> from_json(std::string_view text) {
    return parse<model::DirectorStatus>(text);
}
template <>
Result<model::RevisionStatus> from_json(std::string_view text) {
    return parse_answer<model::RevisionStatus>(
        text,
        [](const json& from, model::RevisionStatus& status) { read(from.at("revision"), status); });
}
template <>
Result<Statistics> from_json(std::string_view text) {
    return parse<Statistics>(text);
}
template <>
Result<model::HealthReport> from_json(std::string_view text) {
    return parse<model::HealthReport>(text);
}
template <>
Result<dataplane::ConnectionPage> from_json(std::string_view text) {
    return parse<dataplane::ConnectionPage>(text);
}
template <>
Result<StateAnswer> from_json(std::string_view text) {
    return parse<StateAnswer>(text);
}
template <>
Result<ErrorBody> from_json(std::string_view text) {
    return parse_answer<ErrorBody>(text, [](const json& from, ErrorBody& error) {
        read(from.at("detail"), error.message);
        if (from.contains("problems")) read(from.at("problems"), error.problems);
        if (from.contains("failures")) read(from.at("failures"), error.failures);
    });
}

}  // namespace shoal::api
