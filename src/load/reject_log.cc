#include "load/reject_log.h"

#include <algorithm>
#include <cstring>

namespace rowgate::load {
namespace {

constexpr std::size_t kMemoryBytes = 1 << 20;
constexpr std::size_t kKeptValueBytes =
    1024;  ///< of an offending value; the record's bytes are read from the file again

template <class T>
void append_number(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

void append_text(std::string& out, std::string_view text) {
  text = text.substr(0, kKeptValueBytes);
  append_number(out, static_cast<std::uint32_t>(text.size()));
  out += text;
}

Error damaged() {
  return {Code::InternalError, "the scratch file of the rejects ended early"};
}

}  // namespace

void RejectCounts::add(const table::Reject& reject, const table::TableSchema& schema) {
  for (const table::Problem& problem : reject.problems) {
    const std::string field =
        problem.field == table::Problem::kNoField ? "" : schema.fields[problem.field].name;
    Count& count = counts_[{problem.code, field}];
    ++count.count;
    if (count.first_line == 0 || reject.line < count.first_line) count.first_line = reject.line;
  }
}

std::vector<db::RejectGroup> RejectCounts::groups() const {
  std::vector<db::RejectGroup> groups;
  for (const auto& [key, count] : counts_)
    groups.push_back({key.first, key.second, count.count, count.first_line});
  std::ranges::sort(groups, [](const db::RejectGroup& a, const db::RejectGroup& b) {
    return a.count != b.count ? a.count > b.count : a.first_line < b.first_line;
  });
  return groups;
}

Result<void> RejectLog::append(const table::Reject& reject) {
  for (const std::uint64_t number : {reject.line, reject.record, reject.offset, reject.length})
    append_number(buffer_, number);
  append_number(buffer_, static_cast<std::uint32_t>(reject.problems.size()));
  for (const table::Problem& problem : reject.problems) {
    append_number(buffer_, problem.code);
    append_number(buffer_, problem.field);
    append_number(buffer_, problem.column);
    append_number(buffer_, problem.at.line);
    append_number(buffer_, problem.at.column);
    append_text(buffer_, problem.found);
    append_text(buffer_, problem.detail);
  }
  ++count_;
  if (buffer_.size() >= kMemoryBytes) TRY(spill());
  return {};
}

Result<void> RejectLog::spill() {
  if (!scratch_) {
    TRY_ASSIGN(io::ScratchFile made, io::ScratchFile::create(scratch_folder_));
    scratch_.emplace(std::move(made));
  }
  TRY(scratch_->append(buffer_));
  buffer_.clear();
  return {};
}

Result<bool> RejectLog::refill(std::size_t needed) {
  if (!reading_) {
    reading_ = true;
    if (scratch_) TRY(spill());
  }
  if (buffer_.size() - used_ >= needed) return true;
  if (!scratch_) return false;
  buffer_.erase(0, used_);
  used_ = 0;
  const std::size_t kept = buffer_.size();
  buffer_.resize(std::max(kept + needed, kMemoryBytes));
  TRY_ASSIGN(const std::size_t got, scratch_->read_at(scratch_at_, std::span(buffer_).subspan(kept)));
  scratch_at_ += got;
  buffer_.resize(kept + got);
  return buffer_.size() >= needed;
}

Result<bool> RejectLog::read_bytes(void* into, std::size_t size) {
  TRY_ASSIGN(const bool there, refill(size));
  if (!there) return false;
  std::memcpy(into, buffer_.data() + used_, size);
  used_ += size;
  return true;
}

template <class T>
Result<T> RejectLog::read_number() {
  T value{};
  TRY_ASSIGN(const bool there, read_bytes(&value, sizeof value));
  if (!there) return std::unexpected(damaged());
  return value;
}

Result<std::string> RejectLog::read_text() {
  TRY_ASSIGN(const auto size, read_number<std::uint32_t>());
  std::string text(size, '\0');
  TRY_ASSIGN(const bool there, read_bytes(text.data(), size));
  if (!there) return std::unexpected(damaged());
  return text;
}

Result<std::optional<table::Reject>> RejectLog::next() {
  table::Reject reject;
  TRY_ASSIGN(const bool there, read_bytes(&reject.line, sizeof reject.line));
  if (!there) return std::optional<table::Reject>{};
  TRY_ASSIGN(reject.record, read_number<std::uint64_t>());
  TRY_ASSIGN(reject.offset, read_number<std::uint64_t>());
  TRY_ASSIGN(reject.length, read_number<std::uint64_t>());
  TRY_ASSIGN(const auto problems, read_number<std::uint32_t>());
  for (std::uint32_t i = 0; i < problems; ++i) {
    table::Problem problem{};
    TRY_ASSIGN(problem.code, read_number<Code>());
    TRY_ASSIGN(problem.field, read_number<std::uint32_t>());
    TRY_ASSIGN(problem.column, read_number<std::uint32_t>());
    TRY_ASSIGN(problem.at.line, read_number<std::uint64_t>());
    TRY_ASSIGN(problem.at.column, read_number<std::uint64_t>());
    TRY_ASSIGN(problem.found, read_text());
    TRY_ASSIGN(problem.detail, read_text());
    reject.problems.push_back(std::move(problem));
  }
  return std::optional<table::Reject>(std::move(reject));
}

}  // namespace rowgate::load
