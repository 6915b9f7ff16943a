#pragma once

// Sorting more than memory holds.
//
// Records are collected in one buffer of `memory_bytes`. When it is full it is sorted and appended to a
// scratch file as a run. finish() sorts what is left and next() merges the runs through a heap, each run read
// through a small buffer. When everything fitted, no file is made. Order among equal records is not kept: put
// a tie-breaker into operator<.

#include "io/files.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <queue>
#include <type_traits>
#include <vector>

namespace rowgate::io {

/// T: trivially copyable with operator<. Used as add()..., finish(), next()...; not thread safe.
/// The scratch file lies in `folder`, unlinked. Errors are those of ScratchFile.
template <class T>
  requires std::is_trivially_copyable_v<T>
class ExternalSorter {
 public:
  ExternalSorter(std::filesystem::path folder, std::size_t memory_bytes);

  Result<void> add(const T& record);
  /// No add() afterwards. May be called once.
  Result<void> finish();
  /// The records in ascending order; nullopt at the end.
  Result<std::optional<T>> next();
  /// How many were added.
  std::uint64_t size() const { return count_; }

 private:
  static constexpr std::size_t kRunBufferBytes = 64 * 1024;
  static_assert(sizeof(T) <= kRunBufferBytes);
  struct Run {
    std::uint64_t at, end;  ///< bytes in the scratch file not yet buffered
    std::vector<T> buffer;
    std::size_t used = 0;
  };
  struct Head {
    T record;
    std::size_t run;
    bool operator<(const Head& other) const { return other.record < record; }  // a min-heap
  };
  Result<void> spill();
  Result<bool> refill(Run& run);
  Result<std::optional<T>> pull(std::size_t run);

  std::filesystem::path folder_;
  std::size_t capacity_;
  std::vector<T> buffer_;
  std::size_t used_ = 0;  ///< read position in buffer_ when nothing was spilled
  std::uint64_t count_ = 0;
  std::optional<ScratchFile> scratch_;
  std::vector<Run> runs_;
  std::priority_queue<Head> heads_;
};

template <class T>
  requires std::is_trivially_copyable_v<T>
ExternalSorter<T>::ExternalSorter(std::filesystem::path folder, std::size_t memory_bytes)
    : folder_(std::move(folder)), capacity_(std::max<std::size_t>(memory_bytes / sizeof(T), 16)) {}

template <class T>
  requires std::is_trivially_copyable_v<T>
Result<void> ExternalSorter<T>::add(const T& record) {
  if (buffer_.size() == capacity_) TRY(spill());
  if (buffer_.size() == buffer_.capacity())  // doubles, but never past the limit
    buffer_.reserve(std::min(capacity_, std::max<std::size_t>(buffer_.capacity() * 2, 256)));
  buffer_.push_back(record);
  ++count_;
  return {};
}

template <class T>
  requires std::is_trivially_copyable_v<T>
Result<void> ExternalSorter<T>::spill() {
  if (!scratch_) {
    TRY_ASSIGN(ScratchFile made, ScratchFile::create(folder_));
    scratch_.emplace(std::move(made));
  }
  std::sort(buffer_.begin(), buffer_.end());
  const std::uint64_t at = scratch_->size();
  const std::span<const char> bytes(reinterpret_cast<const char*>(buffer_.data()),
                                    buffer_.size() * sizeof(T));
  TRY(scratch_->append(bytes));
  runs_.push_back({at, scratch_->size(), {}, 0});
  buffer_.clear();
  return {};
}

template <class T>
  requires std::is_trivially_copyable_v<T>
Result<void> ExternalSorter<T>::finish() {
  if (!scratch_) {
    std::sort(buffer_.begin(), buffer_.end());
    return {};
  }
  if (!buffer_.empty()) TRY(spill());
  std::vector<T>().swap(buffer_);  // `= {}` would keep the memory, which the runs' buffers need now
  for (std::size_t i = 0; i < runs_.size(); ++i) {
    TRY_ASSIGN(std::optional<T> first, pull(i));
    if (first) heads_.push({*first, i});
  }
  return {};
}

template <class T>
  requires std::is_trivially_copyable_v<T>
Result<std::optional<T>> ExternalSorter<T>::next() {
  if (!scratch_) {
    if (used_ == buffer_.size()) return std::optional<T>{};
    return std::optional<T>{buffer_[used_++]};
  }
  if (heads_.empty()) return std::optional<T>{};
  const Head head = heads_.top();
  heads_.pop();
  TRY_ASSIGN(std::optional<T> following, pull(head.run));
  if (following) heads_.push({*following, head.run});
  return std::optional<T>{head.record};
}

template <class T>
  requires std::is_trivially_copyable_v<T>
Result<bool> ExternalSorter<T>::refill(Run& run) {
  const std::uint64_t bytes =
      std::min<std::uint64_t>(kRunBufferBytes / sizeof(T) * sizeof(T), run.end - run.at);
  if (bytes == 0) return false;
  run.buffer.resize(static_cast<std::size_t>(bytes / sizeof(T)));
  TRY_ASSIGN(const std::size_t got, scratch_->read_at(run.at, {reinterpret_cast<char*>(run.buffer.data()),
                                                               static_cast<std::size_t>(bytes)}));
  if (got != bytes) return fail(Code::InternalError, "a scratch file ended early");
  run.at += bytes;
  run.used = 0;
  return true;
}

template <class T>
  requires std::is_trivially_copyable_v<T>
Result<std::optional<T>> ExternalSorter<T>::pull(std::size_t index) {
  Run& run = runs_[index];
  if (run.used == run.buffer.size()) {
    TRY_ASSIGN(const bool more, refill(run));
    if (!more) return std::optional<T>{};
  }
  return std::optional<T>{run.buffer[run.used++]};
}

}  // namespace rowgate::io
