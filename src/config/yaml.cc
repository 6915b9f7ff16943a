#include "config/yaml.h"

#include "base/text.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <istream>
#include <map>
#include <sstream>

namespace rowgate::config {
namespace {

constexpr std::size_t kMostNodes = 10'000;

/// What stops the reading; yaml-cpp's handlers can only throw.
struct Refused {
  Error error;
};

Position position(const YAML::Mark& mark) {
  return {static_cast<std::uint64_t>(mark.line + 1), static_cast<std::uint64_t>(mark.column + 1)};
}

[[noreturn]] void refuse(const YAML::Mark& mark, std::string message, std::string hint = {}) {
  throw Refused{{Code::ConfigInvalid, std::move(message), std::move(hint), position(mark), {}}};
}

/// YAML 1.2 core schema: these plain scalars are null.
bool is_null_word(const std::string& text) {
  return text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL";
}

std::size_t count_nodes(const Node& node) {
  std::size_t count = 1;
  for (const Node& item : node.items) count += count_nodes(item);
  for (const auto& [key, value] : node.members) count += count_nodes(value);
  return count;
}

/// Builds Nodes from yaml-cpp's events, with the place of each.
class Builder : public YAML::EventHandler {
 public:
  Node take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    add(mark, anchor, {.kind = Node::Kind::Null, .plain = true, .at = position(mark)});
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) refuse(mark, "this alias refers to a value that it is part of itself");
    Node copy = found->second;
    aliased_ += count_nodes(copy);
    if (aliased_ > kMostNodes)
      refuse(mark, fmt::format("aliases make more than {} values", grouped(kMostNodes)),
             "write the values out");
    copy.at = position(mark);
    add(mark, 0, std::move(copy));
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    refuse_tag(mark, tag);
    const bool plain = tag == "?";
    const bool null = plain && is_null_word(value);
    add(mark, anchor,
        {.kind = null ? Node::Kind::Null : Node::Kind::Scalar,
         .scalar = value,
         .plain = plain,
         .at = position(mark)});
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    refuse_tag(mark, tag);
    open({.kind = Node::Kind::List, .at = position(mark)}, anchor, mark);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    refuse_tag(mark, tag);
    open({.kind = Node::Kind::Map, .at = position(mark)}, anchor, mark);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Level {
    Node node;
    YAML::anchor_t anchor = 0;
    YAML::Mark mark = YAML::Mark::null_mark();
    std::optional<std::string> key = {};
  };

  static void refuse_tag(const YAML::Mark& mark, const std::string& tag) {
    if (!tag.empty() && tag != "?" && tag != "!")
      refuse(mark, fmt::format("tags such as `{}` are not allowed", shown(tag)));
  }

  void open(Node node, YAML::anchor_t anchor, const YAML::Mark& mark) {
    if (levels_.size() == 64) refuse(mark, "nested more than 64 levels deep");
    if (!levels_.empty() && levels_.back().node.kind == Node::Kind::Map && !levels_.back().key)
      refuse(mark, "a key must be a text");
    levels_.push_back({std::move(node), anchor, mark});
  }

  void close() {
    Level level = std::move(levels_.back());
    levels_.pop_back();
    add(level.mark, level.anchor, std::move(level.node));
  }

  void add(const YAML::Mark& mark, YAML::anchor_t anchor, Node node) {
    if (levels_.empty()) {
      root_ = std::move(node);
      return;
    }
    Level& level = levels_.back();
    if (level.node.kind == Node::Kind::List) {
      remember(anchor, node);
      level.node.items.push_back(std::move(node));
      return;
    }
    if (!level.key) {
      if (node.kind != Node::Kind::Scalar && node.kind != Node::Kind::Null)
        refuse(mark, "a key must be a text");
      for (const auto& [key, value] : level.node.members)
        if (key == node.scalar)
          refuse(mark, fmt::format("the key `{}` stands twice", shown(node.scalar)),
                 fmt::format("the first one is in line {}", value.at.line));
      level.key = node.scalar;
      return;
    }
    remember(anchor, node);
    if (*level.key == "<<")
      merge(mark, level.node, node);
    else
      level.node.members.emplace_back(*std::move(level.key), std::move(node));
    level.key.reset();
  }

  void remember(YAML::anchor_t anchor, const Node& node) {
    if (anchor != 0) anchors_.insert_or_assign(anchor, node);
  }

  /// `<<: *defaults`: members that the map has not got itself (those that stand before it).
  static void merge(const YAML::Mark& mark, Node& map, const Node& from) {
    if (from.kind != Node::Kind::Map) refuse(mark, "`<<` takes a map");
    for (const auto& [key, value] : from.members)
      if (map.find(key) == nullptr) map.members.emplace_back(key, value);
  }

  Node root_;
  std::vector<Level> levels_;
  std::map<YAML::anchor_t, Node> anchors_;
  std::size_t aliased_ = 0;
};

}  // namespace

Result<Node> read_yaml(const std::filesystem::path& file, std::string_view text) {
  const auto failed = [&](Error error) {
    error.file = file.string();
    return std::unexpected(std::move(error));
  };
  if (const std::size_t valid = valid_utf8_prefix(text); valid != text.size())
    return failed({Code::ConfigInvalid, "the file is not UTF-8", "convert it to UTF-8", std::nullopt, {}});
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    Builder builder;
    if (!parser.HandleNextDocument(builder)) return Node{};
    Builder second;
    if (parser.HandleNextDocument(second))
      return failed(
          {Code::ConfigInvalid, "there is more than one document in the file", "", std::nullopt, {}});
    return builder.take();
  } catch (const Refused& refused) {
    return failed(refused.error);
  } catch (const YAML::Exception& error) {
    return failed({Code::ConfigInvalid,
                   fmt::format("not valid YAML: {}", error.msg),
                   "check the indentation and the quotes around it",
                   error.mark.is_null() ? std::nullopt : std::optional(position(error.mark)),
                   {}});
  }
}

}  // namespace rowgate::config
