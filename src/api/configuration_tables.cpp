#include "api/configuration_tables.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "api/configuration.h"
#include "api/status_json.h"
#include "config/edit/edit.h"
#include "config/json_reader.h"
#include "config/toml_reader.h"
#include "http/response.h"
#include "model/json.h"

namespace shoal::api {

namespace {

using http::HttpRequest;
using http::HttpResponse;
using nlohmann::json;
template <class T>
using OrAnswer = std::expected<T, HttpResponse>;

/// More than any virtual server needs.
constexpr std::size_t longest_table = std::size_t{4} << 20;

/// A list of tables: the key of the list, that of its tables' names, and what one is called.
struct Kind {
    const char* list;
    const char* name;
    const char* word;
};
constexpr Kind virtual_servers{"virtual_server", "name", "virtual server"};
constexpr Kind real_servers{"real_server", "name", "real server"};
constexpr Kind marks{"mark", "value", "mark"};

std::unexpected<HttpResponse> refuse(int status, const std::string& message) {
    return std::unexpected(http::error_response(status, message));
}

std::string name_of(const Kind& kind, const json& table) {
    const auto name = table.find(kind.name);
    if (name == table.end()) return "";
    return name->is_string() ? name->get<std::string>() : name->dump();
}

/// The tables of this kind, where there are none yet an empty list.
json& list_in(json& owner, const Kind& kind) {
    auto& list = owner[kind.list];
    if (list.is_null()) list = json::array();
    return list;
}

OrAnswer<json*> find(json& list, const Kind& kind, const std::string& name) {
    json* found = nullptr;
    for (auto& table : list) {
        if (name_of(kind, table) != name) continue;
        // The rules of a mark may have one value.
        if (found != nullptr)
            return refuse(409, fmt::format("there are several tables of {} \"{}\": change them by "
                                           "the configuration as a whole",
                                           kind.word, name));
        found = &table;
    }
    if (found != nullptr) return found;
    return refuse(404, fmt::format("there is no {} \"{}\"", kind.word, name));
}

/// The list that the path names. The path is "api", "v1", the list, a name, "real-servers", a name.
template <Kind const& kind>
OrAnswer<json*> list_of(json& document, const HttpRequest& request) {
    if constexpr (&kind != &real_servers) return &list_in(document, kind);
    const auto owner = find(list_in(document, virtual_servers), virtual_servers, request.path[3]);
    if (!owner) return std::unexpected(owner.error());
    return &list_in(**owner, real_servers);
}

template <Kind const& kind>
const std::string& name_in(const HttpRequest& request) {
    return request.path[&kind == &real_servers ? 5 : 3];
}

OrAnswer<json> document_of(const std::string& text) {
    const auto configuration = config::read_toml(text, {});
    if (!configuration) return refuse(500, "the configuration in force cannot be read any more");
    return model::to_json(*configuration);
}

OrAnswer<json> table_in(const HttpRequest& request) {
    auto table = json::parse(request.body, nullptr, false);
    if (!table.is_object()) return refuse(400, "the body is no JSON object");
    return table;
}

OrAnswer<std::string> written(const std::string& text, const json& document) {
    const auto intended = config::read_json(document, {});
    if (!intended) {
        const auto count = intended.error().size();
        return std::unexpected(http::problem_response(
            422, "/problems/configuration", "The configuration has problems",
            fmt::format("the configuration would have {} problem{}", count, count == 1 ? "" : "s"),
            {{"problems", to_json(intended.error())}}));
    }
    auto edited = config::edit_toml(text, *intended);
    if (edited) return std::move(*edited);
    return std::unexpected(http::problem_response(409, "/problems/not-editable",
                                                  "The text cannot be edited by a program",
                                                  edited.error(), json::object()));
}

/// `change` changes the list that the path names, or says why not.
template <Kind const& kind, class Change>
HttpResponse edit(director::Control& control, const HttpRequest& request, Change change) {
    return apply_edit(control, request, [&](const std::string& text) -> OrAnswer<std::string> {
        auto document = document_of(text);
        if (!document) return std::unexpected(document.error());
        const auto list = list_of<kind>(*document, request);
        if (!list) return std::unexpected(list.error());
        if (OrAnswer<void> done = change(**list); !done) return std::unexpected(done.error());
        return written(text, *document);
    });
}

template <Kind const& kind>
HttpResponse get_list(director::Control& control, const HttpRequest& request) {
    return look(control, [&](const std::string& text) -> OrAnswer<json> {
        auto document = document_of(text);
        if (!document) return document;
        const auto list = list_of<kind>(*document, request);
        if (!list) return std::unexpected(list.error());
        return json{{kind.list, std::move(**list)}};
    });
}

template <Kind const& kind>
HttpResponse get_one(director::Control& control, const HttpRequest& request) {
    return look(control, [&](const std::string& text) -> OrAnswer<json> {
        auto document = document_of(text);
        if (!document) return document;
        const auto list = list_of<kind>(*document, request);
        if (!list) return std::unexpected(list.error());
        const auto table = find(**list, kind, name_in<kind>(request));
        if (!table) return std::unexpected(table.error());
        return std::move(**table);
    });
}

template <Kind const& kind>
HttpResponse post_one(director::Control& control, const HttpRequest& request) {
    return edit<kind>(control, request, [&](json& list) -> OrAnswer<void> {
        auto table = table_in(request);
        if (!table) return std::unexpected(table.error());
        const auto name = name_of(kind, *table);
        if (find(list, kind, name)) {
            return std::unexpected(http::problem_response(
                409, "/problems/exists", "There is one already",
                fmt::format("there is a {} \"{}\" already", kind.word, name), json::object()));
        }
        list.push_back(std::move(*table));
        return {};
    });
}

template <Kind const& kind>
HttpResponse put_one(director::Control& control, const HttpRequest& request) {
    return edit<kind>(control, request, [&](json& list) -> OrAnswer<void> {
        auto table = table_in(request);
        if (!table) return std::unexpected(table.error());
        const auto present = find(list, kind, name_in<kind>(request));
        if (!present) return std::unexpected(present.error());
        // Another name in the body is the new one.
        if (!table->contains(kind.name)) (*table)[kind.name] = (**present)[kind.name];
        **present = std::move(*table);
        return {};
    });
}

template <Kind const& kind>
HttpResponse delete_one(director::Control& control, const HttpRequest& request) {
    return edit<kind>(control, request, [&](json& list) -> OrAnswer<void> {
        const auto present = find(list, kind, name_in<kind>(request));
        if (!present) return std::unexpected(present.error());
        list.erase(static_cast<std::size_t>(*present - &list.front()));
        return {};
    });
}

template <Kind const& kind>
void add_routes(Routes& routes, const std::string& path) {
    using enum http::Method;
    routes.add(get, path, {Role::operator_, 0, get_list<kind>});
    routes.add(post, path, {Role::administrator, longest_table, post_one<kind>});
    const auto one = path + "/{name}";
    routes.add(get, one, {Role::operator_, 0, get_one<kind>});
    routes.add(put, one, {Role::administrator, longest_table, put_one<kind>});
    routes.add(delete_, one, {Role::administrator, 0, delete_one<kind>});
}

}  // namespace

void add_table_routes(Routes& routes) {
    add_routes<virtual_servers>(routes, "/api/v1/virtual-servers");
    add_routes<real_servers>(routes, "/api/v1/virtual-servers/{virtual}/real-servers");
    add_routes<marks>(routes, "/api/v1/marks");
}

}  // namespace shoal::api
