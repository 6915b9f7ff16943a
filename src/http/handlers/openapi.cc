#include "http/handlers/handlers.h"
#include "http/replies.h"
#include "io/digest.h"

#include <fmt/format.h>

namespace rowgate::http {
namespace {

Response document(const Call& call, std::string_view type, std::string_view text) {
  Response response = text_response(200, type, std::string(text));
  response.set("Cache-Control", "no-cache");
  return unless_known(call.request, fmt::format("\"{}\"", io::sha256_hex(text).substr(0, 32)),
                      std::move(response));
}

}  // namespace

Result<Reply> openapi_yaml(Call& call, Body) {
  return document(call, "application/yaml", call.service.settings.openapi_yaml);
}

Result<Reply> openapi_json(Call& call, Body) {
  return document(call, "application/json", call.service.settings.openapi_json);
}

}  // namespace rowgate::http
