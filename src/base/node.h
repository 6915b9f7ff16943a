#pragma once

#include "base/error.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rowgate {

/// A parsed document (YAML or JSON) with the place of every value, so that a wrong setting can be shown where
/// it stands. Scalars keep their text; `plain` tells an unquoted one, which alone may be a number, true,
/// false or null (YAML 1.2 core schema). Maps keep their order; duplicate keys are refused by the reader.
struct Node {
  enum class Kind { Null, Scalar, List, Map };
  Kind kind = Kind::Null;
  std::string scalar = {};
  bool plain = false;
  Position at = {};
  std::vector<Node> items = {};                            ///< of a list
  std::vector<std::pair<std::string, Node>> members = {};  ///< of a map, in file order

  bool is_null() const { return kind == Kind::Null; }
  /// The member of a map; nullptr when absent or when this is no map.
  const Node* find(std::string_view key) const;
};

/// Typed reading; each fails with config.invalid at the node's place. `what` names the setting:
/// "limits.max_rejects".
Result<std::string> as_text(const Node& node, std::string_view what);
Result<std::int64_t> as_integer(const Node& node, std::string_view what);
Result<bool> as_bool(const Node& node, std::string_view what);
Result<std::vector<std::string>> as_texts(const Node& node,
                                          std::string_view what);  ///< a list, or one scalar
/// Every key of a map must be one of `known`; else config.invalid with the nearest name as hint.
Result<void> check_keys(const Node& map, std::span<const std::string> known, std::string_view what);

/// From JSON text (a stored schema); positions are not kept. Numbers keep their text. Fails with
/// config.invalid, also for a name that stands twice in an object, for more than 100 levels and for
/// more than 100,000 values.
Result<Node> node_from_json(std::string_view json);

}  // namespace rowgate
