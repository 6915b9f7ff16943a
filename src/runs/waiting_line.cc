#include "runs/waiting_line.h"

#include <algorithm>

namespace rowgate::runs {
namespace {

constexpr std::size_t kRememberedPrincipals = 1'000;

}  // namespace

std::uint64_t WaitingLine::last_turn_of(const std::string& principal) const {
  const auto found = served_.find(principal);
  return found == served_.end() ? 0 : found->second;
}

std::optional<WaitingLine::Waiting> WaitingLine::take(
    const std::function<bool(const db::TableName&)>& is_busy) {
  auto best = line_.end();
  for (auto it = line_.begin(); it != line_.end(); ++it) {
    if (is_busy(it->table)) continue;
    if (best == line_.end() || last_turn_of(it->principal) < last_turn_of(best->principal)) best = it;
  }
  if (best == line_.end()) return std::nullopt;
  Waiting taken = std::move(*best);
  line_.erase(best);
  if (served_.size() >= kRememberedPrincipals) served_.clear();
  served_[taken.principal] = ++turns_;
  return taken;
}

}  // namespace rowgate::runs
