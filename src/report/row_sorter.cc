// An entry is: its size, the size of its key, the key (with the row's number behind it, so that equal keys
// keep their order), then the cells: kind, size, text. Sizes are 32 bits.

#include "report/row_sorter.h"

#include <algorithm>
#include <cstring>

namespace rowgate::report {
namespace {

constexpr std::size_t kSize = sizeof(std::uint32_t);
constexpr std::size_t kPartBufferBytes = 64 * 1024;

void append_size(std::string& out, std::size_t size) {
  const auto value = static_cast<std::uint32_t>(size);
  out.append(reinterpret_cast<const char*>(&value), kSize);
}

std::uint32_t size_at(const char* bytes) {
  std::uint32_t value = 0;
  std::memcpy(&value, bytes, kSize);
  return value;
}

std::string_view key_of(const char* entry) {
  return {entry + 2 * kSize, size_at(entry + kSize)};
}
std::string_view entry_at(const char* entry) {
  return {entry, size_at(entry)};
}

void read_cells(std::string_view entry, std::vector<OutputCell>& cells) {
  cells.clear();
  std::size_t at = 2 * kSize + key_of(entry.data()).size();
  while (at < entry.size()) {
    const auto kind = static_cast<OutputCell::Kind>(entry[at]);
    const std::uint32_t size = size_at(entry.data() + at + 1);
    cells.push_back({kind, entry.substr(at + 1 + kSize, size)});
    at += 1 + kSize + size;
  }
}

}  // namespace

RowSorter::RowSorter(std::filesystem::path scratch, std::size_t memory_bytes)
    : scratch_folder_(std::move(scratch)), memory_bytes_(memory_bytes) {}

Result<void> RowSorter::add(std::string_view key, std::span<const OutputCell> cells) {
  if (!entries_.empty() && buffer_.size() + entries_.size() * sizeof(std::size_t) >= memory_bytes_)
    TRY(spill());
  const std::size_t begin = buffer_.size();
  entries_.push_back(begin);
  append_size(buffer_, 0);
  append_size(buffer_, key.size() + sizeof count_);
  buffer_ += key;
  const std::uint64_t number = count_++;
  for (int shift = 56; shift >= 0; shift -= 8) buffer_ += static_cast<char>(number >> shift);
  for (const OutputCell& cell : cells) {
    buffer_ += static_cast<char>(cell.kind);
    append_size(buffer_, cell.text.size());
    buffer_ += cell.text;
  }
  const auto size = static_cast<std::uint32_t>(buffer_.size() - begin);
  std::memcpy(buffer_.data() + begin, &size, kSize);
  return {};
}

void RowSorter::sort_buffer() {
  std::ranges::sort(entries_, {}, [this](std::size_t at) { return key_of(buffer_.data() + at); });
}

Result<void> RowSorter::spill() {
  if (!scratch_) {
    TRY_ASSIGN(io::ScratchFile made, io::ScratchFile::create(scratch_folder_));
    scratch_.emplace(std::move(made));
  }
  sort_buffer();
  Part part{scratch_->size(), 0};
  std::string out;
  for (const std::size_t at : entries_) {
    out += entry_at(buffer_.data() + at);
    if (out.size() < kPartBufferBytes) continue;
    TRY(scratch_->append(out));
    out.clear();
  }
  TRY(scratch_->append(out));
  part.end = scratch_->size();
  parts_.push_back(std::move(part));
  buffer_.clear();
  entries_.clear();
  return {};
}

/// The part's next entry; false at its end. The entry lives until the part is loaded again.
Result<bool> RowSorter::load(Part& part, std::string_view& entry) const {
  const auto have = [&] { return part.buffer.size() - part.used; };
  const auto read_until = [&](std::size_t bytes) -> Result<void> {
    if (have() >= bytes) return {};
    part.buffer.erase(0, part.used);
    part.used = 0;
    const std::size_t old = part.buffer.size();
    const auto more = static_cast<std::size_t>(
        std::min<std::uint64_t>(std::max(bytes, kPartBufferBytes) - old, part.end - part.at));
    part.buffer.resize(old + more);
    TRY_ASSIGN(const std::size_t got, scratch_->read_at(part.at, std::span(part.buffer).subspan(old)));
    part.at += got;
    if (got < more || part.buffer.size() < bytes)
      return fail(Code::InternalError, "a scratch file ended early");
    return {};
  };
  if (have() == 0 && part.at == part.end) return false;
  TRY(read_until(kSize));
  const std::uint32_t size = size_at(part.buffer.data() + part.used);
  TRY(read_until(size));
  entry = {part.buffer.data() + part.used, size};
  part.used += size;
  return true;
}

Result<void> RowSorter::merge(const std::function<Result<void>(std::span<const OutputCell>)>& visit) {
  struct Head {
    std::string_view entry;
    std::size_t part;
  };
  const auto later = [](const Head& a, const Head& b) {
    return key_of(b.entry.data()) < key_of(a.entry.data());
  };
  std::vector<Head> heads;
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    Head head{{}, i};
    TRY_ASSIGN(const bool found, load(parts_[i], head.entry));
    if (found) heads.push_back(head);
  }
  std::ranges::make_heap(heads, later);
  std::vector<OutputCell> cells;
  while (!heads.empty()) {
    std::ranges::pop_heap(heads, later);
    Head& head = heads.back();
    read_cells(head.entry, cells);
    TRY(visit(cells));
    TRY_ASSIGN(const bool more, load(parts_[head.part], head.entry));
    if (more)
      std::ranges::push_heap(heads, later);
    else
      heads.pop_back();
  }
  return {};
}

Result<void> RowSorter::each(const std::function<Result<void>(std::span<const OutputCell>)>& visit) {
  if (scratch_) {
    if (!entries_.empty()) TRY(spill());
    buffer_ = {};
    return merge(visit);
  }
  sort_buffer();
  std::vector<OutputCell> cells;
  for (const std::size_t at : entries_) {
    read_cells(entry_at(buffer_.data() + at), cells);
    TRY(visit(cells));
  }
  return {};
}

}  // namespace rowgate::report
