#pragma once

#include <optional>

#include "api/route.h"
#include "director/control.h"
#include "http/server.h"

namespace shoal::api {

/// The resources under /api/v1 and who may use them; docs of each stand beside its function.
class Api : public http::Service {
  public:
    /// `operators`: the number of the group whose members are operators.
    Api(director::Control& control, std::optional<gid_t> operators);

    std::expected<std::size_t, http::HttpResponse> admit(const http::HttpRequest& header) override;
    http::HttpResponse answer(const http::HttpRequest& request) override;

  private:
    std::expected<const Resource*, http::HttpResponse> find(const http::HttpRequest& request) const;

    director::Control& control_;
    std::optional<gid_t> operators_;
    Routes router_;
};

}  // namespace shoal::api
