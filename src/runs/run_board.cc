#include "runs/run_board.h"

#include <fmt/format.h>

namespace rowgate::runs {
namespace {

constexpr std::size_t kRemembered = 256;

/// Principals, methods and paths have no line ends, so no two keys become one text.
std::string text_of(const db::Idempotency& key) {
  return fmt::format("{}\n{}\n{}\n{}", key.principal, key.method, key.path, key.key);
}

}  // namespace

void RunBoard::add(const Entry& entry) {
  entries_[entry->run.id] = entry;
}

void RunBoard::erase(const Entry& entry) {
  release_key(entry->run.idempotency, entry->run.id);
  entries_.erase(entry->run.id);
}

RunBoard::Entry RunBoard::find(std::string_view run_id) const {
  const auto found = entries_.find(run_id);
  return found == entries_.end() ? nullptr : found->second;
}

RunBoard::Entry RunBoard::find_by_key(const db::Idempotency& key) const {
  if (!key) return nullptr;
  const auto found = run_of_key_.find(text_of(key));
  return found == run_of_key_.end() ? nullptr : find(found->second);
}

void RunBoard::claim_key(const Entry& entry) {
  if (entry->run.idempotency) run_of_key_[text_of(entry->run.idempotency)] = entry->run.id;
}

void RunBoard::release_key(const db::Idempotency& key, const std::string& run_id) {
  const auto found = key ? run_of_key_.find(text_of(key)) : run_of_key_.end();
  if (found != run_of_key_.end() && found->second == run_id) run_of_key_.erase(found);
}

void RunBoard::note_end(const Entry& entry) {
  ended_.push_back(entry->run.id);
  if (ended_.size() <= kRemembered) return;
  if (const Entry oldest = find(ended_.front())) erase(oldest);
  ended_.pop_front();
}

}  // namespace rowgate::runs
