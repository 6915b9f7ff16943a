#pragma once

// What the tests of reports share: rows made of texts, and writers into texts.

#include "db/testing.h"
#include "report/report.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace rowgate::report::testing {

using db::testing::TempFolder;

/// A cell that owns its text.
struct OwnedCell {
  OutputCell::Kind kind = OutputCell::Kind::Null;
  std::string text = {};
  OutputCell view() const { return {kind, text}; }
  friend bool operator==(const OwnedCell&, const OwnedCell&) = default;
};
using OwnedRow = std::vector<OwnedCell>;

inline std::vector<OutputCell> views(const OwnedRow& row) {
  std::vector<OutputCell> out;
  for (const OwnedCell& cell : row) out.push_back(cell.view());
  return out;
}

inline OwnedRow owned(std::span<const OutputCell> cells) {
  OwnedRow row;
  for (const OutputCell& cell : cells) row.push_back({cell.kind, std::string(cell.text)});
  return row;
}

/// A writer's whole output.
inline Output into(std::string& out) {
  return [&out](std::string_view piece) -> Result<void> {
    out += piece;
    return {};
  };
}

}  // namespace rowgate::report::testing
