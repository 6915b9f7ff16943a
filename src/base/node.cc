#include "base/node.h"

#include "base/text.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <set>

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

/// Takes what nlohmann's reader finds, piece by piece (its SAX interface). A tree of its own would lose the
/// text of numbers and names that stand twice, and walking one that nests without end would take the stack.
class NodeBuilder {
 public:
  bool null() { return put({}); }
  bool boolean(bool value) { return plain(value ? "true" : "false"); }
  bool number_integer(std::int64_t value) { return plain(std::to_string(value)); }
  bool number_unsigned(std::uint64_t value) { return plain(std::to_string(value)); }
  bool number_float(double, const std::string& text) { return plain(text); }
  bool string(std::string& text) { return put({.kind = Node::Kind::Scalar, .scalar = std::move(text)}); }
  bool binary(std::vector<std::uint8_t>&) { return false; }  // no JSON text has one
  bool start_object(std::size_t) { return begin(Node::Kind::Map); }
  bool end_object() { return end(); }
  bool start_array(std::size_t) { return begin(Node::Kind::List); }
  bool end_array() { return end(); }
  bool key(std::string& name) {
    if (!open_.back().names.insert(name).second)
      return stop(fmt::format("the name `{}` stands twice in one object", shown(name)));
    open_.back().node.members.emplace_back(std::move(name), Node{});
    return true;
  }
  bool parse_error(std::size_t at, const std::string&, const nlohmann::json::exception&) {
    return stop(fmt::format("not valid JSON at byte {}", at));
  }

  /// What was built; the error where the reader was told to stop.
  Result<Node> result() {
    if (!why_.empty()) return fail(Code::ConfigInvalid, why_);
    return std::move(root_);
  }

 private:
  struct Open {
    Node node;
    std::set<std::string> names = {};  ///< ordered: hashes of names from outside can be made to collide
  };
  static constexpr std::size_t kDeepest = 100;
  /// A value of two bytes of text takes fifty times as much here.
  static constexpr std::size_t kMostValues = 100'000;

  bool stop(std::string why) {
    why_ = std::move(why);
    return false;
  }
  bool plain(std::string text) {
    return put({.kind = Node::Kind::Scalar, .scalar = std::move(text), .plain = true});
  }
  bool begin(Node::Kind kind) {
    if (open_.size() == kDeepest) return stop(fmt::format("JSON that nests deeper than {} levels", kDeepest));
    open_.push_back({.node = {.kind = kind}});
    return true;
  }
  bool end() {
    Node done = std::move(open_.back().node);
    open_.pop_back();
    return put(std::move(done));
  }
  bool put(Node node) {
    if (++values_ > kMostValues)
      return stop(fmt::format("JSON of more than {} values", grouped(kMostValues)));
    if (open_.empty())
      root_ = std::move(node);
    else if (open_.back().node.kind == Node::Kind::List)
      open_.back().node.items.push_back(std::move(node));
    else
      open_.back().node.members.back().second = std::move(node);
    return true;
  }

  Node root_;
  std::vector<Open> open_;
  std::size_t values_ = 0;
  std::string why_;
};

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
  NodeBuilder builder;
  nlohmann::json::sax_parse(text, &builder);
  return builder.result();
}

}  // namespace rowgate
