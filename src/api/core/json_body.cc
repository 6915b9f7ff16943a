#include "api/core/json_body.h"

#include "base/text.h"

#include <fmt/format.h>

namespace rowgate::api {

Result<http::Accepted> accept_json(const Call& call) {
  const std::string_view type = call.request.header("content-type").value_or("application/json");
  if (lower_ascii(trim_spaces(type.substr(0, type.find(';')))) != "application/json")
    return fail(Code::RequestUnsupportedMedia, fmt::format("\"{}\" is not taken here", shown(type)),
                "send application/json, or no body");
  const std::string coding = lower_ascii(trim_spaces(call.request.header("content-encoding").value_or("")));
  if (!coding.empty() && coding != "identity")
    return fail(Code::RequestUnsupportedEncoding, fmt::format("\"{}\" is not taken here", shown(coding)),
                "send the JSON as it is");
  return http::Accepted{.receiver = std::make_unique<JsonBody>(),
                        .limit_bytes = call.service.settings.limits.max_body_bytes};
}

std::string json_text_of(const http::BodyReceiver* body) {
  return body != nullptr ? static_cast<const JsonBody*>(body)->text() : std::string();
}

Problem bad_json(std::string message, std::string hint, std::string pointer) {
  Problem problem{.error = {Code::RequestBadJson, std::move(message), std::move(hint)}};
  if (!pointer.empty())
    problem.items.push_back({.code = Code::RequestBadJson, .pointer = std::move(pointer)});
  return problem;
}

std::string pointer_to(std::string_view member) {
  std::string pointer = "/";
  for (const char c : member) {
    if (c == '~')
      pointer += "~0";
    else if (c == '/')
      pointer += "~1";
    else
      pointer += c;
  }
  return pointer;
}

}  // namespace rowgate::api
