#include "table/node_reader.h"

#include "base/text.h"

#include <fmt/format.h>

namespace rowgate::table {
namespace {

/// In the standard or in rowgate's plans, but not built.
constexpr std::string_view kLater[] = {"categories",  "categoriesOrdered", "jsonSchema",
                                       "itemType",    "delimiter",         "rdfType",
                                       "rowgate:pii", "rowgate:physical",  "rowgate:index"};

std::string_view found_kind(const Node& node) {
  switch (node.kind) {
    case Node::Kind::Null:
      return "nothing";
    case Node::Kind::Scalar:
      return "a single value";
    case Node::Kind::List:
      return "a list";
    case Node::Kind::Map:
      break;
  }
  return "a map";
}

}  // namespace

void NodeReader::problem(const Place& at, std::string message, std::string hint) {
  std::optional<Position> where;
  if (at.node != nullptr) where = at.node->at;
  problems_.push_back(
      {Code::ConfigInvalid, fmt::format("{}: {}", at.path, message), std::move(hint), where, {}});
}

bool NodeReader::is(const Place& at, Node::Kind kind, std::string_view what) {
  if (at.node->kind == kind) return true;
  problem(at, fmt::format("expected {}, found {}", what, found_kind(*at.node)));
  return false;
}

void NodeReader::check_members(const Place& map, std::span<const Property> known, std::optional<Type> type) {
  for (const auto& [key, value] : map.node->members) {
    const Place at{&value, fmt::format("{}.{}", map.path, key)};
    const auto found =
        std::find_if(known.begin(), known.end(), [&](const Property& p) { return p.name == key; });
    if (found == known.end()) {
      if (has(kLater, key)) {
        problem(at, fmt::format("`{}` is not supported yet", key));
        continue;
      }
      std::vector<std::string> names;
      for (const Property& property : known) names.emplace_back(property.name);
      const std::string near = nearest(key, names);
      problem(at, fmt::format("there is no property `{}`", shown(key)),
              near.empty() ? std::string() : fmt::format("did you mean `{}`?", near));
    } else if (type && (found->types & bit(*type)) == 0) {
      problem(at, fmt::format("type {} has no `{}`", name(*type), key));
    }
  }
}

void NodeReader::take_text(const Place& map, std::string_view key, std::string& into) {
  const Place at = map.member(key);
  if (at && is(at, Node::Kind::Scalar, "a text")) into = at.node->scalar;
}

void NodeReader::take_bool(const Place& map, std::string_view key, bool& into) {
  const Place at = map.member(key);
  if (!at) return;
  if (Result<bool> value = as_bool(*at.node, at.path)) {
    into = *value;
  } else {
    problem(value.error());
  }
}

void NodeReader::take_length(const Place& map, std::string_view key, std::optional<std::uint64_t>& into) {
  const Place at = map.member(key);
  if (!at) return;
  Result<std::int64_t> value = as_integer(*at.node, at.path);
  if (!value) {
    problem(value.error());
  } else if (*value < 0) {
    problem(at, "a length is not negative");
  } else {
    into = static_cast<std::uint64_t>(*value);
  }
}

void NodeReader::take_text(const Place& map, std::string_view key, std::optional<std::string>& into) {
  const Place at = map.member(key);
  if (at && is(at, Node::Kind::Scalar, "a value")) into = at.node->scalar;
}

std::optional<std::vector<std::string>> NodeReader::take_texts(const Place& map, std::string_view key) {
  const Place at = map.member(key);
  if (!at || !is(at, Node::Kind::List, "a list")) return std::nullopt;
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < at.node->items.size(); ++i) {
    const Place item = at.item(i);
    if (!is(item, Node::Kind::Scalar, "a text")) continue;
    if (has(texts, item.node->scalar))
      problem(item, fmt::format("`{}` stands twice", shown(item.node->scalar)));
    texts.push_back(item.node->scalar);
  }
  return texts;
}

void NodeReader::take_word(const Place& map, std::string_view key, std::string_view yes, std::string_view no,
                           bool& into) {
  const Place at = map.member(key);
  if (!at || !is(at, Node::Kind::Scalar, fmt::format("`{}` or `{}`", yes, no))) return;
  into = at.node->scalar == yes;
  if (!into && at.node->scalar != no)
    problem(at, fmt::format("`{}` is neither `{}` nor `{}`", shown(at.node->scalar), yes, no));
}

}  // namespace rowgate::table
