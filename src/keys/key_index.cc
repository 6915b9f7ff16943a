#include "keys/key_index.h"

#include <sodium.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>

namespace rowgate::keys {
namespace {

using table::Cell;
using table::CellKind;

bool has_null(const std::vector<std::size_t>& fields, const Cell* row) {
  for (const std::size_t field : fields)
    if (row[field].kind == CellKind::Null) return true;
  return false;
}

/// Big-endian bits that sort as the numbers do.
void append_big_endian(std::string& out, std::uint64_t bits) {
  for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<char>(bits >> shift & 0xff));
}

std::uint64_t sortable(std::int64_t value) {
  return std::bit_cast<std::uint64_t>(value) ^ (std::uint64_t{1} << 63);
}

std::uint64_t sortable(double value) {
  const std::uint64_t bits = std::bit_cast<std::uint64_t>(value == 0 ? 0.0 : value);  // -0 is 0
  return bits >> 63 != 0 ? ~bits : bits ^ (std::uint64_t{1} << 63);
}

/// A cell in bytes that are equal, and sort, as the values do.
void append_sortable(std::string& out, const Cell& cell) {
  switch (cell.kind) {
    case CellKind::Null:
      break;
    case CellKind::Integer:
      append_big_endian(out, sortable(cell.integer));
      break;
    case CellKind::Real:
      append_big_endian(out, sortable(cell.real));
      break;
    case CellKind::Text:
    case CellKind::Bytes:
      out.append(cell.text, cell.size);
      break;
  }
}

bool is_one_integer(const table::TableSchema& schema, const std::vector<std::size_t>& fields) {
  return fields.size() == 1 && schema.fields[fields[0]].type == table::Type::Integer;
}

}  // namespace

KeyOrder::KeyOrder(const table::TableSchema& schema) {
  for (const std::vector<std::size_t>& fields : schema.keys()) {
    const bool primary = fields == schema.primary_key;
    keys_.push_back({.fields = fields, .primary = primary});
    if (!is_one_integer(schema, fields)) keys_.back().last.resize(fields.size());
  }
}

void KeyOrder::observe(const table::CheckedBatch& batch) {
  for (Watched& key : keys_) {
    if (!key.ascends) continue;
    if (key.last.empty())
      observe_integers(key, batch);
    else
      observe_any(key, batch);
  }
}

void KeyOrder::observe_integers(Watched& key, const table::CheckedBatch& batch) {
  for (std::size_t row = 0; row < batch.rows(); ++row) {
    const Cell& cell = batch.row(row)[key.fields[0]];
    if (cell.kind == CellKind::Null) continue;
    if (key.started && cell.integer <= key.last_integer) {
      key.ascends = false;
      return;
    }
    key.started = true;
    key.last_integer = cell.integer;
  }
}

void KeyOrder::observe_any(Watched& key, const table::CheckedBatch& batch) {
  std::vector<std::string> current(key.fields.size());
  for (std::size_t row = 0; row < batch.rows(); ++row) {
    const Cell* cells = batch.row(row);
    if (has_null(key.fields, cells)) continue;
    for (std::size_t i = 0; i < key.fields.size(); ++i) {
      current[i].clear();
      append_sortable(current[i], cells[key.fields[i]]);
    }
    if (key.started && current <= key.last) {
      key.ascends = false;
      return;
    }
    key.started = true;
    std::swap(current, key.last);
  }
}

bool KeyOrder::all_ascend() const {
  return std::ranges::all_of(keys_, [](const Watched& key) { return key.ascends; });
}

bool KeyOrder::primary_ascends() const {
  return std::ranges::all_of(keys_, [](const Watched& key) { return key.ascends || !key.primary; });
}

DuplicateFinder::DuplicateFinder(const table::TableSchema& schema, std::filesystem::path scratch,
                                 std::size_t memory_bytes)
    : duplicates_(scratch, memory_bytes / 8) {
  if (sodium_init() < 0) std::abort();  // no randomness to be had; hashing itself needs no set-up
  randombytes_buf(hash_key_.data(), hash_key_.size());
  static_assert(crypto_shorthash_siphashx24_KEYBYTES == sizeof hash_key_);
  const std::vector<std::vector<std::size_t>> keys = schema.keys();
  for (const std::vector<std::size_t>& fields : keys)
    keys_.push_back({fields, io::ExternalSorter<Entry>(scratch, memory_bytes / keys.size())});
}

bool DuplicateFinder::make_entry(const Key& key, const Cell* row, std::uint64_t line, Entry& out) {
  if (has_null(key.fields, row)) return false;
  const Cell& first = row[key.fields[0]];
  if (key.fields.size() == 1 && first.kind == CellKind::Integer) {
    out = {sortable(first.integer), 0, line};
    return true;
  }
  encoded_.clear();
  for (const std::size_t field : key.fields) {
    const Cell& cell = row[field];
    append_big_endian(encoded_,
                      cell.is_text() ? cell.size : 8);  // so that ("a","bc") is not ("ab","c")
    append_sortable(encoded_, cell);
  }
  std::array<unsigned char, crypto_shorthash_siphashx24_BYTES> hash;
  crypto_shorthash_siphashx24(hash.data(), reinterpret_cast<const unsigned char*>(encoded_.data()),
                              encoded_.size(), hash_key_.data());
  std::memcpy(&out.high, hash.data(), 8);
  std::memcpy(&out.low, hash.data() + 8, 8);
  out.line = line;
  return true;
}

Result<void> DuplicateFinder::add(const table::CheckedBatch& batch) {
  Entry entry{};
  for (Key& key : keys_)
    for (std::size_t row = 0; row < batch.rows(); ++row)
      if (make_entry(key, batch.row(row), batch.line(row), entry)) TRY(key.entries.add(entry));
  return {};
}

Result<void> DuplicateFinder::finish() {
  for (std::uint32_t index = 0; index < keys_.size(); ++index) {
    io::ExternalSorter<Entry>& entries = keys_[index].entries;
    TRY(entries.finish());
    std::optional<Entry> winner;
    for (;;) {
      TRY_ASSIGN(const std::optional<Entry> entry, entries.next());
      if (!entry) break;
      if (winner && winner->same_value(*entry))
        TRY(duplicates_.add({.line = entry->line, .first_line = winner->line, .key = index}));
      else
        winner = entry;
    }
  }
  keys_.clear();  // their memory and scratch files
  TRY(duplicates_.finish());
  TRY_ASSIGN(pending_, duplicates_.next());
  return {};
}

Result<std::vector<Duplicate>> DuplicateFinder::take_until(std::uint64_t line) {
  std::vector<Duplicate> taken;
  while (pending_ && pending_->line <= line) {
    taken.push_back(*pending_);
    TRY_ASSIGN(pending_, duplicates_.next());
  }
  return taken;
}

}  // namespace rowgate::keys
