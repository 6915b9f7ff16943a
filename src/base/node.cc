#include "base/node.h"

#include "base/text.h"

#include <nlohmann/json.hpp>

#include <charconv>

namespace rowgate {
namespace {

std::unexpected<Error> wrong(const Node& node, std::string_view what, std::string_view wanted) {
  const std::string found = node.kind == Node::Kind::Scalar ? fmt::format("'{}'", shown(node.scalar))
                            : node.is_null()                ? "nothing"
                            : node.kind == Node::Kind::List ? "a list"
                                                            : "a map";
  return fail(Code::ConfigInvalid, fmt::format("{}: expected {}, found {}", what, wanted, found), {},
              node.at);
}

Node from_json(const nlohmann::ordered_json& json) {
  Node node;
  if (json.is_object()) {
    node.kind = Node::Kind::Map;
    for (const auto& [key, value] : json.items()) node.members.emplace_back(key, from_json(value));
  } else if (json.is_array()) {
    node.kind = Node::Kind::List;
    for (const auto& value : json) node.items.push_back(from_json(value));
  } else if (!json.is_null()) {
    node.kind = Node::Kind::Scalar;
    node.plain = !json.is_string();
    node.scalar = json.is_string() ? json.get<std::string>() : json.dump();
  }
  return node;
}

}  // namespace

const Node* Node::find(std::string_view key) const {
  for (const auto& [name, value] : members)
    if (name == key) return &value;
  return nullptr;
}

Result<std::string> as_text(const Node& node, std::string_view what) {
  if (node.kind != Node::Kind::Scalar) return wrong(node, what, "a text");
  return node.scalar;
}

Result<std::int64_t> as_integer(const Node& node, std::string_view what) {
  std::int64_t value = 0;
  const char* end = node.scalar.data() + node.scalar.size();
  const auto [stop, error] = std::from_chars(node.scalar.data(), end, value);
  if (node.kind != Node::Kind::Scalar || !node.plain || error != std::errc{} || stop != end ||
      node.scalar.empty())
    return wrong(node, what, "a whole number");
  return value;
}

Result<bool> as_bool(const Node& node, std::string_view what) {
  if (node.kind == Node::Kind::Scalar && node.plain) {
    const std::string word = lower_ascii(node.scalar);
    if (word == "true") return true;
    if (word == "false") return false;
  }
  return wrong(node, what, "true or false");
}

Result<std::vector<std::string>> as_texts(const Node& node, std::string_view what) {
  if (node.kind == Node::Kind::Scalar) return std::vector<std::string>{node.scalar};
  if (node.kind != Node::Kind::List) return wrong(node, what, "a list");
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    TRY_ASSIGN(std::string item, as_text(node.items[i], fmt::format("{}[{}]", what, i)));
    texts.push_back(std::move(item));
  }
  return texts;
}

Result<void> check_keys(const Node& map, std::span<const std::string> known, std::string_view what) {
  if (map.kind != Node::Kind::Map) return wrong(map, what, "a map");
  for (const auto& [key, value] : map.members) {
    if (std::ranges::find(known, key) != known.end()) continue;
    const std::string near = nearest(key, known);
    return fail(Code::ConfigInvalid, fmt::format("{}: unknown key `{}`", what, shown(key)),
                near.empty() ? fmt::format("known are {}", fmt::join(known, ", "))
                             : fmt::format("did you mean `{}`?", near),
                value.at);
  }
  return {};
}

Result<Node> node_from_json(std::string_view text) {
  const auto json = nlohmann::ordered_json::parse(text, nullptr, false);
  if (json.is_discarded()) return fail(Code::ConfigInvalid, "not valid JSON");
  return from_json(json);
}

}  // namespace rowgate
