#include "config/keepalived/check_http.h"

#include <fmt/format.h>

#include <array>

#include "config/keepalived/keywords.h"
#include "config/monitor_texts.h"
#include "model/pattern.h"
#include "model/text.h"

namespace shoal::config::keepalived {

namespace {

/// Those of PCRE that RE2 writes before the pattern.
struct RegexOption {
    std::string_view name;
    char letter;
};
constexpr std::array<RegexOption, 4> regex_options{
    {{"caseless", 'i'}, {"multiline", 'm'}, {"dotall", 's'}, {"ungreedy", 'U'}}};

class UrlReader {
  public:
    UrlReader(model::Monitor& monitor, Remarks& remarks) : monitor_(monitor), remarks_(remarks) {}

    void run(const Statement& url);

    void path(const Statement& statement) {
        const auto value = value_of(statement, remarks_);
        if (value.empty()) return;
        if (is_http_path(value)) {
            monitor_.path = value;
        } else {
            remarks_.add(statement.place, fmt::format("{}: {} is no path of a request, left out",
                                                      statement.keyword, model::in_quotes(value)));
        }
    }

    void status(const Statement& statement) {
        for (const auto& word : statement.arguments) {
            const auto range = model::parse_status_range(word);
            if (range) {
                monitor_.status.push_back(*range);
            } else {
                remarks_.add(statement.place,
                             fmt::format("status_code: {} is no status code, left out",
                                         model::in_quotes(word)),
                             range.error().message);
            }
        }
    }

    void host(const Statement& statement) {
        if (const auto host = read_host(statement, remarks_)) monitor_.host = *host;
    }

    void regex(const Statement& statement) {
        regex_ = value_of(statement, remarks_);
        regex_place_ = statement.place;
    }

    void options(const Statement& statement) {
        for (const auto& word : statement.arguments) {
            const auto option = std::ranges::find(regex_options, word, &RegexOption::name);
            if (option != regex_options.end()) {
                flags_ += option->letter;
            } else {
                remarks_.add(statement.place,
                             fmt::format("regex_options: {} is left out", model::in_quotes(word)));
            }
        }
    }

    void no_match(const Statement& statement) {
        no_match_ = true;
        remarks_.add(statement.place,
                     "regex_no_match has no counterpart, and the regex is left out with it",
                     "write a pattern that matches a good answer");
    }

  private:
    void pattern() {
        if (regex_.empty() || no_match_) return;
        const auto text = flags_.empty() ? regex_ : fmt::format("(?{}){}", flags_, regex_);
        const auto line = model::parse_line(text);
        const auto compiled = model::Pattern::compile(text);
        if (line && compiled) {
            monitor_.expect_pattern = text;
            return;
        }
        remarks_.add(regex_place_,
                     fmt::format("the regex is not one of RE2's, and is left out: {}",
                                 line ? compiled.error().message : line.error().message),
                     "write it in RE2's syntax, as expect_pattern");
    }

    model::Monitor& monitor_;
    Remarks& remarks_;
    std::string regex_;
    Place regex_place_;
    std::string flags_;
    bool no_match_ = false;
};

constexpr std::string_view whole_body = "the whole body is searched";
constexpr std::array<Keyword<UrlReader>, 11> url_keywords{{
    {"path", &UrlReader::path},
    {"status_code", &UrlReader::status},
    {"virtualhost", &UrlReader::host},
    {"regex", &UrlReader::regex},
    {"regex_options", &UrlReader::options},
    {"regex_no_match", &UrlReader::no_match},
    {"digest", nullptr, "the status is judged; expect_pattern judges the body"},
    {"regex_stack", nullptr, "RE2 needs none"},
    {"regex_min_offset", nullptr, whole_body},
    {"regex_max_offset", nullptr, whole_body},
    {"tls_compliant", nullptr, "TLS is spoken as OpenSSL speaks it"},
}};

void UrlReader::run(const Statement& url) {
    read_block<UrlReader>(*this, url.block, url_keywords, "url", remarks_);
    pattern();
}

}  // namespace

std::optional<std::string> read_host(const Statement& statement, Remarks& remarks) {
    return value_of(statement, remarks, "host", [](std::string_view text) {
        return is_host(text) ? std::optional(std::string(text)) : std::nullopt;
    });
}

void read_url(const Statement& url, model::Monitor& monitor, Remarks& remarks) {
    UrlReader(monitor, remarks).run(url);
}

}  // namespace shoal::config::keepalived
