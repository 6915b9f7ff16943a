#include "load/rejects/reject_log.h"

#include "io/zstd_frame.h"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <cstdlib>
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
  const auto note = [&](Code code, std::uint32_t index) {
    const std::string& field = index == table::Problem::kNoField ? std::string() : schema.fields[index].name;
    Count& count = counts_[{code, field}];
    ++count.count;
    if (count.first_line == 0 || reject.line < count.first_line) count.first_line = reject.line;
  };
  for (const table::Problem& problem : reject.problems) note(problem.code, problem.field);
  for (const auto& [code, field] : reject.unkept) note(code, field);
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

RecordHash hash_of(std::string_view bytes) {
  static const auto key = [] {
    if (sodium_init() < 0) std::abort();  // no randomness to be had
    std::array<unsigned char, crypto_shorthash_siphashx24_KEYBYTES> random{};
    randombytes_buf(random.data(), random.size());
    return random;
  }();
  std::array<unsigned char, crypto_shorthash_siphashx24_BYTES> hash{};
  crypto_shorthash_siphashx24(hash.data(), reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
                              key.data());
  RecordHash out;
  std::memcpy(&out.high, hash.data(), 8);
  std::memcpy(&out.low, hash.data() + 8, 8);
  return out;
}

Result<void> RejectLog::append(const LoggedReject& logged) {
  if (is_full()) return {};
  const table::Reject& reject = logged.reject;
  for (const std::uint64_t number : {reject.line, reject.record, reject.offset, reject.length})
    append_number(buffer_, number);
  append_number(buffer_, static_cast<std::uint8_t>(logged.hash ? 1 : 0));
  if (logged.hash) {
    append_number(buffer_, logged.hash->high);
    append_number(buffer_, logged.hash->low);
  }

  append_number(buffer_, static_cast<std::uint32_t>(reject.unkept.size()));
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

/// Blocks of whole rejects, each behind its size.
Result<void> RejectLog::spill() {
  if (!scratch_) {
    TRY_ASSIGN(io::ScratchFile made, io::ScratchFile::create(scratch_folder_));
    scratch_.emplace(std::move(made));
  }
  TRY_ASSIGN(const std::string frame, io::zstd_frame(buffer_));
  std::string block;
  append_number(block, static_cast<std::uint64_t>(frame.size()));
  TRY(scratch_->append(block.append(frame)));
  buffer_.clear();
  return {};
}

/// False when all are read.
Result<bool> RejectLog::next_block() {
  if (scratch_ && scratch_at_ == 0 && !buffer_.empty()) TRY(spill());  // the last ones, in their place
  if (!scratch_ || scratch_at_ == scratch_->size()) return false;

  std::uint64_t size = 0;
  TRY_ASSIGN(std::size_t got,
             scratch_->read_at(scratch_at_, std::span(reinterpret_cast<char*>(&size), sizeof size)));
  std::string frame(got == sizeof size ? static_cast<std::size_t>(size) : 0, '\0');
  TRY_ASSIGN(got, scratch_->read_at(scratch_at_ + sizeof size, frame));
  if (got != frame.size()) return std::unexpected(damaged());
  scratch_at_ += sizeof size + frame.size();
  TRY_ASSIGN(buffer_, io::unpack_zstd_frame(frame, std::size_t{1} << 30));
  used_ = 0;
  return true;
}

/// False at the end; within a reject that cannot be.
Result<bool> RejectLog::read_bytes(void* into, std::size_t size) {
  if (buffer_.size() == used_ || (scratch_ && scratch_at_ == 0)) {
    TRY_ASSIGN(const bool more, next_block());
    if (!more && buffer_.size() == used_) return false;
  }
  if (buffer_.size() - used_ < size) return std::unexpected(damaged());
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
  if (size == 0) return std::string();
  std::string text(size, '\0');
  TRY_ASSIGN(const bool there, read_bytes(text.data(), size));
  if (!there) return std::unexpected(damaged());
  return text;
}

Result<std::optional<LoggedReject>> RejectLog::next() {
  LoggedReject logged;
  table::Reject& reject = logged.reject;
  TRY_ASSIGN(const bool there, read_bytes(&reject.line, sizeof reject.line));
  if (!there) return std::optional<LoggedReject>{};
  TRY_ASSIGN(reject.record, read_number<std::uint64_t>());
  TRY_ASSIGN(reject.offset, read_number<std::uint64_t>());
  TRY_ASSIGN(reject.length, read_number<std::uint64_t>());
  TRY_ASSIGN(const auto has_hash, read_number<std::uint8_t>());
  if (has_hash != 0) {
    logged.hash.emplace();
    TRY_ASSIGN(logged.hash->high, read_number<std::uint64_t>());
    TRY_ASSIGN(logged.hash->low, read_number<std::uint64_t>());
  }
  TRY_ASSIGN(const auto unkept, read_number<std::uint32_t>());
  reject.unkept.resize(unkept);  // how many there are; which ones is counted already
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
  return std::optional(std::move(logged));
}

}  // namespace rowgate::load
