#include "api/core/replies.h"
#include "api/handlers/handlers.h"
#include "io/digest.h"

#include <fmt/format.h>

namespace rowgate::api {
namespace {

http::Response document(const Call& call, std::string_view type, std::string_view text) {
  http::Response response = text_response(200, type, std::string(text));
  response.set("Cache-Control", "no-cache");
  return unless_known(call.request, fmt::format("\"{}\"", io::sha256_hex(text).substr(0, 32)),
                      std::move(response));
}

}  // namespace

Result<http::Reply> openapi_yaml(Call& call, Body) {
  return document(call, "application/yaml", call.service.settings.openapi_yaml);
}

Result<http::Reply> openapi_json(Call& call, Body) {
  return document(call, "application/json", call.service.settings.openapi_json);
}

}  // namespace rowgate::api
