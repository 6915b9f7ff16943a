#pragma once

#include "db/database.h"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace rowgate::runs {

/// Who is next. Among the runs whose table is free the one of the principal who has been served least lately,
/// so that a client with many files does not make the others wait; among one principal's runs the oldest. Not
/// thread safe.
class WaitingLine {
 public:
  struct Waiting {
    std::string run_id, principal;
    db::TableName table;
  };
  void push(Waiting waiting) { line_.push_back(std::move(waiting)); }
  /// Takes out the next run; nullopt where every table is busy, or nobody waits.
  std::optional<Waiting> take(const std::function<bool(const db::TableName&)>& is_busy);
  std::size_t size() const { return line_.size(); }

 private:
  std::uint64_t last_turn_of(const std::string& principal) const;
  std::vector<Waiting> line_;                                 ///< oldest first
  std::map<std::string, std::uint64_t, std::less<>> served_;  ///< when a principal had its last turn
  std::uint64_t turns_ = 0;
};

}  // namespace rowgate::runs
