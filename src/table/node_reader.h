#pragma once

#include "base/node.h"
#include "table/schema.h"

#include <algorithm>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rowgate::table {

template <class List, class Item>
bool has(const List& list, const Item& item) {
  return std::find(std::begin(list), std::end(list), item) != std::end(list);
}

/// A node and the path that names it in messages.
struct Place {
  const Node* node = nullptr;
  std::string path;
  explicit operator bool() const { return node != nullptr; }
  Place member(std::string_view key) const { return {node->find(key), path + '.' + std::string(key)}; }
  Place item(std::size_t index) const {
    return {&node->items[index], path + '[' + std::to_string(index) + ']'};
  }
};

/// Sets of types.
constexpr unsigned bit(Type type) {
  return 1u << static_cast<unsigned>(type);
}
inline constexpr unsigned kAllTypes = ~0u;

/// A property and the types that may have it.
struct Property {
  std::string_view name;
  unsigned types;
};

/// Takes settings out of a document; what is wrong is added to the problems, and the setting stays as it was.
class NodeReader {
 public:
  explicit NodeReader(std::vector<Error>& problems) : problems_(problems) {}

  void problem(const Place& at, std::string message, std::string hint = {});
  void problem(Error error) { problems_.push_back(std::move(error)); }
  std::size_t problem_count() const { return problems_.size(); }
  /// Whether the node is of that kind; a problem when not.
  bool is(const Place& at, Node::Kind kind, std::string_view what);
  /// Every member must be one of `known` and, where a type is given, fit that type.
  void check_members(const Place& map, std::span<const Property> known, std::optional<Type> type);

  void take_text(const Place& map, std::string_view key, std::string& into);
  void take_text(const Place& map, std::string_view key, std::optional<std::string>& into);
  void take_bool(const Place& map, std::string_view key, bool& into);
  void take_length(const Place& map, std::string_view key, std::optional<std::uint64_t>& into);
  /// A list of texts, each but once.
  std::optional<std::vector<std::string>> take_texts(const Place& map, std::string_view key);
  /// One of two words.
  void take_word(const Place& map, std::string_view key, std::string_view yes, std::string_view no,
                 bool& into);

 private:
  std::vector<Error>& problems_;
};

}  // namespace rowgate::table
