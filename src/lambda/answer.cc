#include "lambda/answer.h"

#include "base/base64.h"
#include "base/json.h"
#include "base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace rowgate::lambda {
namespace {

bool is_text(std::string_view type) {
  const std::string_view media = type.substr(0, type.find(';'));
  return media.starts_with("text/") || media.ends_with("json") || media.ends_with("yaml") ||
         media.ends_with("/sql") || media.ends_with("xml");
}

/// One value for each name: those of a field that stands several times are a list (RFC 9110 section 5.3).
http::Fields joined(const http::Fields& fields) {
  http::Fields all;
  for (const auto& [name, value] : fields) {
    const auto before = std::ranges::find(all, name, &http::Fields::value_type::first);
    if (before == all.end())
      all.emplace_back(name, value);
    else
      before->second += ", " + value;
  }
  return all;
}

}  // namespace

std::string answer_json(const http::WholeAnswer& answer) {
  std::string_view type;
  for (const auto& [name, value] : answer.headers)
    if (lower_ascii(name) == "content-type") type = value;
  const bool is_plain =
      answer.body.empty() || (is_text(type) && valid_utf8_prefix(answer.body) == answer.body.size());
  std::string json = fmt::format("{{\"statusCode\":{},\"headers\":{{", answer.status);
  std::string_view comma;
  for (const auto& [name, value] : joined(answer.headers)) {
    json += std::exchange(comma, ",");
    append_json_string(json, name);
    json += ':';
    append_json_string(json, value);
  }
  json += "},\"body\":";
  append_json_string(json, is_plain ? answer.body : base64_encode(answer.body));
  json += fmt::format(",\"isBase64Encoded\":{}}}", !is_plain);
  return json;
}

}  // namespace rowgate::lambda
