#include "base/text.h"
#include "config/reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

extern char** environ;

namespace rowgate::config {
namespace {

constexpr std::string_view kVariable = "ROWGATE_";

/// `$${` stands for `${` itself.
void expand(Node& node, std::vector<Error>& problems) {
  std::string out;
  std::string_view rest = node.scalar;
  for (;;) {
    const std::size_t begin = rest.find("${");
    if (begin != std::string_view::npos && begin > 0 && rest[begin - 1] == '$') {
      out.append(rest.substr(0, begin - 1)).append("${");
      rest.remove_prefix(begin + 2);
      continue;
    }
    const std::size_t end = begin == std::string_view::npos ? begin : rest.find('}', begin);
    if (end == std::string_view::npos) break;
    const std::string name(rest.substr(begin + 2, end - begin - 2));
    out += rest.substr(0, begin);
    rest.remove_prefix(end + 1);
    if (const char* value = std::getenv(name.c_str()))
      out += value;
    else
      problems.push_back({Code::ConfigInvalid,
                          fmt::format("the environment variable `{}` is not set", shown(name)),
                          "set it, or write $${ for a ${ that is meant as it stands",
                          node.at,
                          {}});
  }
  node.scalar = out.append(rest);
}

void expand_below(Node& node, std::vector<Error>& problems) {
  if (node.kind == Node::Kind::Scalar && node.scalar.find("${") != std::string::npos) expand(node, problems);
  for (Node& item : node.items) expand_below(item, problems);
  for (auto& [key, value] : node.members) expand_below(value, problems);
}

/// A schema may be made of a file that somebody sent: its texts are data, and must not name secrets.
void expand_table(Node& table, std::vector<Error>& problems) {
  if (table.kind != Node::Kind::Map) return expand_below(table, problems);
  for (auto& [key, value] : table.members)
    if (key != "schema") expand_below(value, problems);
}

/// ROWGATE_LIMITS__MAX_REJECTS as limits, max_rejects.
std::vector<std::string> parts_of(std::string_view name) {
  std::vector<std::string> parts;
  for (;;) {
    const std::size_t end = name.find("__");
    parts.push_back(lower_ascii(name.substr(0, end)));
    if (end == std::string_view::npos) return parts;
    name.remove_prefix(end + 2);
  }
}

Node& member(Node& map, const std::string& key) {
  for (auto& [name, value] : map.members)
    if (lower_ascii(name) == key) return value;
  map.members.emplace_back(key, Node{.at = {0, 0}});
  return map.members.back().second;
}

bool is_reserved(std::string_view name) {
  return name == "ROWGATE_CONFIG" || name == "ROWGATE_URL" || name == "ROWGATE_KEY";
}

/// A Service named "rowgate" (or "rowgate-...") gives every pod of its namespace ROWGATE_SERVICE_HOST,
/// ROWGATE_SERVICE_PORT, ROWGATE_SERVICE_PORT_HTTP, ROWGATE_PORT=tcp://..., ROWGATE_PORT_8080_TCP_ADDR, ...
/// (https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables).
bool is_of_kubernetes(std::string_view name, std::string_view value) {
  if (name.contains("__")) return false;
  if (name.ends_with("_SERVICE_HOST") || name.ends_with("_SERVICE_PORT") || name.contains("_SERVICE_PORT_"))
    return true;
  if (name.ends_with("_PORT") && value.contains("://")) return true;
  const std::size_t at = name.find("_PORT_");
  if (at == std::string_view::npos) return false;
  const std::string_view rest = name.substr(at + std::string_view("_PORT_").size());
  const std::size_t digits = std::min(rest.find_first_not_of("0123456789"), rest.size());
  const std::string_view protocol = rest.substr(digits);
  return digits > 0 &&
         (protocol.starts_with("_TCP") || protocol.starts_with("_UDP") || protocol.starts_with("_SCTP"));
}

}  // namespace

void expand_variables(Node& node, std::vector<Error>& problems) {
  if (node.kind != Node::Kind::Map) return expand_below(node, problems);
  for (auto& [key, value] : node.members) {
    if (key != "tables" || value.kind != Node::Kind::Map) {
      expand_below(value, problems);
      continue;
    }
    for (auto& [name, table] : value.members) expand_table(table, problems);
  }
}

void apply_environment(Document& document, std::vector<Error>& problems) {
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view variable = *entry;
    const std::size_t equals = variable.find('=');
    if (!variable.starts_with(kVariable) || equals == std::string_view::npos) continue;
    const std::string name(variable.substr(0, equals));
    if (is_reserved(name)) continue;
    if (is_of_kubernetes(name, variable.substr(equals + 1))) {
      document.passed_over.push_back(name);
      continue;
    }
    const std::vector<std::string> parts = parts_of(std::string_view(name).substr(kVariable.size()));
    Node* node = &document.root;
    for (const std::string& part : parts) {
      if (node->kind == Node::Kind::Null) node->kind = Node::Kind::Map;
      if (node->kind != Node::Kind::Map) break;
      node = &member(*node, part);
    }
    if (node->kind == Node::Kind::List || node->kind == Node::Kind::Map) {
      problems.push_back({Code::ConfigInvalid,
                          fmt::format("the environment variable `{}` names no single setting", name),
                          "a variable sets one value, for example ROWGATE_LIMITS__MAX_REJECTS=5%",
                          std::nullopt,
                          {}});
      continue;
    }
    *node = {.kind = Node::Kind::Scalar,
             .scalar = std::string(variable.substr(equals + 1)),
             .plain = true,
             .at = {0, 0}};
    document.from_environment[fmt::format("{}", fmt::join(parts, "."))] = name;
  }
}

}  // namespace rowgate::config
