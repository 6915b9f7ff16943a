#pragma once

// A configuration read from a text, for the tests of its sections.

#include "config/reader.h"
#include "config/yaml.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace rowgate::config::testing {

struct Read {
  Config config;
  std::vector<Error> problems;
  std::vector<Setting> settings;
  std::string setting(std::string_view path) const {
    for (const Setting& one : settings)
      if (one.path == path) return one.value + " from " + one.origin;
    return "none";
  }
  std::string problem() const {
    return problems.size() == 1 ? problems[0].message : fmt::format("{} problems", problems.size());
  }
};

/// As if it stood in /etc/rowgate/rowgate.yaml.
inline Read read(std::string_view yaml) {
  Read out;
  Result<Node> root = read_yaml("rowgate.yaml", yaml);
  EXPECT_TRUE(root) << root.error().message;
  const Document document{.root = *root, .file = "/etc/rowgate/rowgate.yaml", .folder = "/etc/rowgate"};
  out.config = read_config(document, out.problems);
  out.settings = settings_of(out.config, document);
  return out;
}

}  // namespace rowgate::config::testing
