#pragma once

#include <expected>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "director/control.h"
#include "http/message.h"

namespace shoal::api {

// Revisions are {"number", "author", "uid" (or null), "comment", "time_ms", "hash", "state"}; the
// state is one of "in force", "on trial", "taken back", "earlier".
//
// What changes the configuration answers {"revision": {...}, "replaced": N, "confirm_until_ms":
// N or null, "warnings": [...]}, or a problem: 409 where something else must end first or there is
// nothing to do, 412 where another revision is in force than was expected (with `fields`, the
// settings that both changed), 422 with `problems` (line, column, message, advice), 500 with
// `failures`: what the kernel refused, after all was put back.

// GET /api/v1/config: the text in force; its ETag is for If-Match.
http::HttpResponse get_config(director::Control& control, const http::HttpRequest& request);

// GET /api/v1/config/file: the text of the configuration file, which may have been edited.
http::HttpResponse get_config_file(director::Control& control, const http::HttpRequest& request);

// PUT /api/v1/config?comment=&confirm=60s&expect=N, the text of a shoal.toml. With If-Match or
// `expect` only where that revision is in force.
http::HttpResponse put_config(director::Control& control, const http::HttpRequest& request);

// POST /api/v1/config/validate, the text of a shoal.toml: {"good", "problems", "notes"}. Nothing is
// changed.
http::HttpResponse post_validate(director::Control& control, const http::HttpRequest& request);

// POST /api/v1/config/confirm, and /revert: end the trial of the revision in force.
http::HttpResponse post_confirm(director::Control& control, const http::HttpRequest& request);
http::HttpResponse post_revert(director::Control& control, const http::HttpRequest& request);

// POST /api/v1/config/restore?revision=N&comment=&confirm=60s: applies an earlier one as a new one.
http::HttpResponse post_restore(director::Control& control, const http::HttpRequest& request);

// POST /api/v1/config/reload: applies the configuration file.
http::HttpResponse post_reload(director::Control& control, const http::HttpRequest& request);

// GET /api/v1/config/revisions: {"revisions": [...]}, newest first.
http::HttpResponse get_revisions(director::Control& control, const http::HttpRequest& request);

// GET /api/v1/config/revisions/N: the text of one.
http::HttpResponse get_revision(director::Control& control, const http::HttpRequest& request);

// For resources that are parts of the configuration in force.

/// Makes of the text in force what is to be, or the answer that says why not.
using EditOfText =
    std::function<std::expected<std::string, http::HttpResponse>(const std::string& text)>;
/// Applies what `edit` makes, with the parameters and answers of PUT /api/v1/config.
http::HttpResponse apply_edit(director::Control& control, const http::HttpRequest& request,
                              const EditOfText& edit);
/// Applies a draft, which goes once it is in force; the revision that it was begun with must be in
/// force, unless the request says which.
http::HttpResponse apply_draft(director::Control& control, const http::HttpRequest& request,
                               config::Revision draft);
/// Answers what `look_at` sees in it, with the ETag of GET /api/v1/config.
using LookAtText =
    std::function<std::expected<nlohmann::json, http::HttpResponse>(const std::string& text)>;
http::HttpResponse look(director::Control& control, const LookAtText& look_at);

}  // namespace shoal::api
