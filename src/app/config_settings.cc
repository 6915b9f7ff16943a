#include "app/config_reader.h"

#include <fmt/format.h>

namespace rowgate::app {
namespace {

class Lister {
 public:
  explicit Lister(const Document& document) : document_(document) {}

  void add(const std::string& path, std::string value) {
    settings_.push_back({path, std::move(value), origin_of(path)});
  }

  /// Every single value below a node, as it stands in the file.
  void add_leaves(const std::string& path, const Node& node) {
    if (node.kind == Node::Kind::Map) {
      for (const auto& [key, value] : node.members) add_leaves(path + "." + key, value);
      return;
    }
    std::string text = node.is_null() ? "null" : node.scalar;
    if (node.kind == Node::Kind::List) text = list_text(node);
    const auto variable = document_.from_environment.find(path);
    settings_.push_back({path, std::move(text),
                         variable != document_.from_environment.end() ? variable->second : place(node)});
  }

  std::vector<Setting> take() { return std::move(settings_); }

 private:
  std::string place(const Node& node) const {
    return fmt::format("{}:{}", document_.file.filename().string(), node.at.line);
  }

  std::string origin_of(const std::string& path) const {
    if (const auto variable = document_.from_environment.find(path);
        variable != document_.from_environment.end())
      return variable->second;
    const std::size_t dot = path.find('.');
    const Node* section = document_.root.find(path.substr(0, dot));
    const Node* node = section == nullptr ? nullptr : section->find(path.substr(dot + 1));
    return node == nullptr ? std::string("default") : place(*node);
  }

  static std::string list_text(const Node& node) {
    std::vector<std::string> parts;
    for (const Node& item : node.items)
      parts.push_back(item.kind == Node::Kind::Scalar ? item.scalar
                      : item.kind == Node::Kind::List ? list_text(item)
                                                      : map_text(item));
    return fmt::format("[{}]", fmt::join(parts, ", "));
  }
  static std::string map_text(const Node& node) {
    std::vector<std::string> parts;
    for (const auto& [key, value] : node.members)
      parts.push_back(fmt::format("{}: {}", key,
                                  value.kind == Node::Kind::Scalar ? value.scalar
                                  : value.kind == Node::Kind::List ? list_text(value)
                                                                   : map_text(value)));
    return node.is_null() ? std::string("null") : fmt::format("{{ {} }}", fmt::join(parts, ", "));
  }

  const Document& document_;
  std::vector<Setting> settings_;
};

}  // namespace

std::vector<Setting> settings_of(const Config& config, const Document& document) {
  Lister list(document);
  list.add("database.url", "sqlite:" + config.database_path.string());
  list.add("storage.url", "file:" + config.storage_path.string());
  list.add("storage.spool", config.spool_path.string());
  const Limits& limits = config.limits;
  const load::LoadLimits& loads = config.catalog.limits;
  list.add("limits.max_rejects", loads.max_rejects.text());
  list.add("limits.max_columns", fmt::format("{}", loads.max_columns));
  list.add("limits.max_field_bytes", bytes_text(loads.max_field_bytes));
  list.add("limits.max_record_bytes", bytes_text(loads.max_record_bytes));
  list.add("limits.report_timeout", fmt::format("{}ms", limits.report_timeout.count()));
  list.add("limits.report_max_rows", fmt::format("{}", limits.report_max_rows));
  for (const std::string_view section : {"tables", "reports"})
    if (const Node* node = document.root.find(section)) list.add_leaves(std::string(section), *node);
  return list.take();
}

}  // namespace rowgate::app
