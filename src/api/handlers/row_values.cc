#include "api/handlers/row_values.h"

#include "base/base64.h"
#include "base/text.h"

#include <nlohmann/json.hpp>

namespace rowgate::api {
namespace {

using Json = nlohmann::ordered_json;

/// Text that is not UTF-8 stands as {"base64": "..."}.
Json value_json(const db::Value& value) {
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return *integer;
  if (const auto* truth = std::get_if<bool>(&value)) return *truth;
  if (const auto* real = std::get_if<double>(&value)) return *real;
  const auto* text = std::get_if<std::string>(&value);
  if (text == nullptr) return nullptr;
  if (valid_utf8_prefix(*text) == text->size()) return *text;
  return {{"base64", base64_encode(*text)}};
}

std::optional<db::Value> value_of(const Json& json) {
  if (json.is_null()) return db::Value{};
  if (json.is_boolean()) return db::Value(json.get<bool>());
  if (json.is_number_float()) return db::Value(json.get<double>());
  if (json.is_number_integer()) return db::Value(json.get<std::int64_t>());
  if (json.is_string()) return db::Value(json.get<std::string>());
  if (!json.is_object() || !json.contains("base64") || !json["base64"].is_string()) return std::nullopt;
  const std::optional<std::string> bytes = base64_decode(json["base64"].get<std::string>());
  return bytes ? std::optional<db::Value>(*bytes) : std::nullopt;
}

}  // namespace

std::string values_to_json(const std::vector<db::Value>& values) {
  Json list = Json::array();
  for (const db::Value& value : values) list.push_back(value_json(value));
  return list.dump();
}

std::optional<std::vector<db::Value>> values_from_json(std::string_view json) {
  const Json list = Json::parse(json, nullptr, false);
  if (!list.is_array()) return std::nullopt;
  std::vector<db::Value> values;
  for (const Json& item : list) {
    std::optional<db::Value> value = value_of(item);
    if (!value) return std::nullopt;
    values.push_back(*std::move(value));
  }
  return values;
}

}  // namespace rowgate::api
