#pragma once

// What the tests of loads share: a clock, schemas and frames from texts, reject files in memory.

#include "base/clock.h"
#include "db/testing.h"
#include "io/files.h"
#include "load/reject_writer.h"
#include "load/rejects/reject_formats.h"
#include "load/run_state.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <atomic>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace rowgate::load::testing {

using db::testing::TempFolder;

/// Every look at it is a millisecond later.
class TickingClock : public Clock {
 public:
  Timestamp now() const override { return {1'700'000'000'000'000 + 1000 * ++looks_}; }

 private:
  mutable std::atomic<std::int64_t> looks_{0};
};

/// The runs whose owners died, all of them held.
inline std::vector<Orphan> take_orphans(const std::filesystem::path& spool) {
  std::vector<Orphan> orphans;
  visit_orphans(
      spool, [](const KeptRun&) { return true; },
      [&](Orphan orphan) { orphans.push_back(std::move(orphan)); });
  return orphans;
}

inline table::TableSchema schema_of(std::string_view json, std::string_view table = "hires") {
  Result<table::TableSchema> schema = table::schema_from_json(json, table);
  EXPECT_TRUE(schema) << (schema ? "" : to_text(schema.error()));
  return schema ? *std::move(schema) : table::TableSchema{};
}

/// How `bytes` are read under `schema`, which outlives it.
inline FileFrame frame_of(const std::string& bytes, const table::TableSchema& schema,
                          const csv::DialectOptions& dialect = {}) {
  FileFrame frame;
  const std::shared_ptr<io::SourceFile> file = io::memory_file(bytes);
  Result<csv::Opening> opening = csv::inspect(*file, dialect);
  EXPECT_TRUE(opening) << (opening ? "" : to_text(opening.error()));
  if (opening) frame.opening = *std::move(opening);
  Result<table::ColumnMap> columns = table::map_columns(frame.opening, schema, {});
  EXPECT_TRUE(columns) << (columns ? "" : to_text(columns.error()));
  if (columns) frame.columns = *std::move(columns);
  frame.schema = &schema;
  return frame;
}

/// A reject file of version 1, as it was written before version 2 came.
inline std::string old_reject_file(const RejectFileHead& head, const std::vector<RefusedRecord>& records) {
  std::string bytes =
      head_json(head, 1).dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  bytes += '\n';
  for (const RefusedRecord& record : records) bytes += record_line(record);
  return bytes + fmt::format("{{\"end\":true,\"rejects\":{}}}\n", records.size());
}

/// Everything that an export writes, or its error as text.
template <class Export>
std::string exported(Export write, const std::string& reject_file) {
  Result<RejectReader> reader = RejectReader::open(io::memory_file(reject_file));
  if (!reader) return to_text(reader.error());
  std::string out;
  const Result<void> done = write(*reader, [&out](std::string_view piece) -> Result<void> {
    out += piece;
    return {};
  });
  return done ? out : to_text(done.error());
}

/// A stored file whole; empty when it is not there.
inline std::string stored(store::Store& store, const store::FileKey& key) {
  Result<std::unique_ptr<io::Source>> source = store.open(key);
  if (!source) return {};
  return io::read_all(**source, 1 << 30).value_or("");
}

}  // namespace rowgate::load::testing
