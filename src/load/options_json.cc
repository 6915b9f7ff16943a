#include "load/options_json.h"

#include "load/run_state.h"

#include <nlohmann/json.hpp>

namespace rowgate::load {
namespace {

using Json = nlohmann::ordered_json;

void put(Json& json, const char* key, const std::optional<std::string>& value) {
  if (value) json[key] = *value;
}
std::optional<std::string> take(const Json& json, const char* key) {
  const auto found = json.find(key);
  if (found == json.end() || !found->is_string()) return std::nullopt;
  return found->get<std::string>();
}

}  // namespace

std::string to_json(const LoadOptions& options) {
  Json json = {{"mode", options.mode}, {"on_reject", options.on_reject}, {"dry_run", options.dry_run}};
  put(json, "max_rejects", options.max_rejects);
  put(json, "delimiter", options.delimiter);
  put(json, "encoding", options.encoding);
  put(json, "map", options.map);
  if (!options.parent.empty()) json["parent"] = options.parent;
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::optional<LoadOptions> options_of_state(std::string_view text) {
  const Json state = Json::parse(text, nullptr, false);
  if (!state.is_object() || !state.contains("options") || !state["options"].is_object()) return std::nullopt;
  const Json& json = state["options"];
  return LoadOptions{.mode = take(json, "mode").value_or("append"),
                     .on_reject = take(json, "on_reject").value_or("skip"),
                     .max_rejects = take(json, "max_rejects"),
                     .delimiter = take(json, "delimiter"),
                     .encoding = take(json, "encoding"),
                     .map = take(json, "map"),
                     .parent = take(json, "parent").value_or(""),
                     .dry_run = json.contains("dry_run") && json["dry_run"] == true};
}

std::string to_json(const Home& home) {
  return Json{{"place", home.place}, {"database", home.database}, {"storage", home.storage}}.dump();
}

Home home_of_state(std::string_view text) {
  const Json state = Json::parse(text, nullptr, false);
  if (!state.is_object() || !state.contains("home") || !state["home"].is_object()) return {};
  const Json& json = state["home"];
  return {take(json, "place").value_or(""), take(json, "database").value_or(""),
          take(json, "storage").value_or("")};
}

}  // namespace rowgate::load
