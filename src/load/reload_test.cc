#include "load/reload.h"

#include "csv/testing.h"
#include "csv/writer.h"
#include "load/testing.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

namespace rowgate::load {
namespace {

using ::testing::ElementsAre;
using testing::exported;
using testing::frame_of;
using ::testing::StartsWith;

table::TableSchema texts(std::size_t fields) {
  table::TableSchema schema;
  for (std::size_t i = 0; i < fields; ++i) schema.fields.push_back({.name = fmt::format("f{}", i)});
  return schema;
}

/// A record's data: "[value]" by field, "-" for a field without bytes, and whether there are too few or too
/// many of them; or "broken: " and its text. `own` columns of ours stand behind `columns` of data.
std::string data_of(const csv::RecordBatch& batch, std::size_t record, std::size_t columns, std::size_t own) {
  for (const csv::BrokenRecord& broken : batch.broken)
    if (broken.record == record) return "broken: " + std::string(batch.raw(record));
  std::string out;
  const std::size_t count = batch.field_count(record);
  for (std::size_t field = 0; field < count; ++field) {
    if (field >= columns && field < columns + own) continue;
    out += batch.raw_field(record, field).empty() ? "-" : "[" + batch.value(record, field) + "]";
  }
  if (count < columns + own) out += " too few";
  if (count > columns + own) out += " too many";
  return out;
}

/// The records of a reject file as Reload makes them.
struct Reloaded {
  std::vector<std::string> records;
  std::vector<std::uint64_t> lines;
  std::string parent;
};
Reloaded reload(const std::string& file, std::size_t columns, const csv::DialectOptions& options = {}) {
  const table::TableSchema schema = texts(columns);
  const FileFrame frame = frame_of(file, schema, options);
  EXPECT_TRUE(frame.columns.is_reject_file);
  Reload reload(frame.opening, frame.columns);
  csv::testing::PieceSource source(std::string_view(file).substr(frame.opening.data_offset), 1 << 20);
  csv::Parser parser(source, frame.opening.dialect,
                     {.offset = frame.opening.data_offset, .line = frame.opening.data_line},
                     csv::best_kernel(), 300);
  csv::RecordBatch from, to;
  Reloaded out;
  while (parser.next(from) && !from.empty()) {
    reload.rewrite(from, to);
    EXPECT_EQ(to.size(), from.size());
    EXPECT_EQ(to.first_record, from.first_record);
    for (std::size_t record = 0; record < to.size(); ++record) {
      EXPECT_EQ(to.line[record], from.line[record]);
      EXPECT_EQ(to.offset(record), from.offset(record));
      EXPECT_EQ(to.length[record], from.length[record]);
      out.records.push_back(data_of(to, record, columns, 6));
      out.lines.push_back(to.line[record]);
    }
  }
  out.parent = reload.parent();
  return out;
}

std::string reject_csv(const std::vector<std::string>& raws, std::size_t columns,
                       const csv::Dialect& dialect) {
  RejectFileHead head{.run = "run_1", .table = "hires", .file = "hires.csv", .dialect = dialect};
  for (std::size_t i = 0; i < columns; ++i) head.columns.push_back(fmt::format("f{}", i));
  std::vector<RefusedRecord> records;
  std::uint64_t line = 1;
  for (const std::string& raw : raws)
    records.push_back({.line = ++line,
                       .record = line - 1,
                       .problems = {{.code = Code::RuleRequired, .title = "`f0` is empty; it, \"too\""}},
                       .raw = raw});
  return exported(export_csv, testing::old_reject_file(head, records));
}

/// Fields as somebody may have typed them, and records that no field structure fits.
rc::Gen<std::string> any_raw(const csv::Dialect& dialect, std::size_t columns) {
  const auto cell_text = rc::gen::container<std::string>(rc::gen::element(
      'a', '=', '+', '-', '@', '\'', '"', ',', ';', '\n', '\r', '\t', ' ', '1', '\xC3', '\xA9'));
  const auto cell = rc::gen::map(cell_text, [dialect](const std::string& value) {
    std::string out;
    csv::Writer writer(out, {.delimiter = dialect.delimiter, .quote_char = dialect.quote_char});
    if (value.starts_with('1'))
      writer.null_field();
    else
      writer.field(value);
    return out;
  });
  const auto record = rc::gen::map(
      rc::gen::mapcat(
          rc::gen::weightedElement<std::size_t>({{8, columns}, {1, columns + 1}, {1, columns + 6}, {1, 1}}),
          [cell](std::size_t count) { return rc::gen::container<std::vector<std::string>>(count, cell); }),
      [dialect](const std::vector<std::string>& cells) {
        return fmt::format("{}", fmt::join(cells, std::string(1, dialect.delimiter)));
      });
  return rc::gen::suchThat(rc::gen::weightedOneOf<std::string>({{8, record}, {1, cell_text}}),
                           [](const std::string& raw) { return !raw.empty(); });
}

/// What a record is without any detour, parsed for itself.
std::string plainly_parsed(const std::string& raw, const csv::Dialect& dialect, std::size_t columns) {
  csv::RecordBatch batch;
  csv::append_record(batch, raw, dialect, 1);
  return data_of(batch, 0, columns, 0);
}

/// Exported and loaded again every record is what it was, guards, quotes and all.
RC_GTEST_PROP(Reload, ARejectCsvHoldsTheSameRecords, ()) {
  const csv::Dialect dialect{.delimiter = *rc::gen::element(',', ';', '\t'),
                             .quote_char = *rc::gen::weightedElement<char>({{3, '"'}, {1, '\''}})};
  constexpr std::size_t kColumns = 3;
  const auto raws = *rc::gen::container<std::vector<std::string>>(any_raw(dialect, kColumns));
  const std::string file = reject_csv(raws, kColumns, dialect);
  const Reloaded reloaded =
      reload(file, kColumns, {.delimiter = dialect.delimiter, .quote_char = dialect.quote_char});
  RC_ASSERT(reloaded.records.size() == raws.size());
  for (std::size_t i = 0; i < raws.size(); ++i)
    RC_ASSERT(reloaded.records[i] == plainly_parsed(raws[i], dialect, kColumns));
  RC_ASSERT(reloaded.parent == (raws.empty() ? "" : "run_1"));
}

constexpr std::string_view kHeader = "f0,f1,rg_run,rg_line,rg_codes,rg_fields,rg_message,rg_raw\r\n";

TEST(Reload, TheWholeTextCountsWhereItIsGiven) {
  const std::string file = std::string(kHeader) +
                           "x,y,run_7,2,c,f,m,\r\n"
                           ",,run_7,3,c,f,m,\"x,\"\"y,z\"\"\"\r\n"  // repaired in rg_raw
                           ",,run_7,4,c,f,m,'=x\r\n";
  EXPECT_THAT(reload(file, 2).records, ElementsAre("[x][y]", "[x][y,z]", "[=x] too few"));
}

/// As many fields more as there are columns of ours: the count alone would let it pass.
TEST(Reload, SixFieldsTooManyAreStillTooMany) {
  const std::string file = std::string(kHeader) + ",,run_7,3,c,f,m,\"a,b,c,d,e,f,g,h\"\r\n";
  EXPECT_THAT(reload(file, 2).records, ElementsAre("[a][b][c][d][e][f][g][h] too many"));
}

TEST(Reload, ColumnsOfOursMayStandAnywhere) {
  const std::string file =
      "rg_raw,f1,rg_run,rg_line,f0,rg_codes,rg_fields,rg_message\r\n,y,run_7,2,x,c,f,m\r\n\"x,y\",,,,,,,\r\n";
  const table::TableSchema schema = texts(2);
  const FileFrame frame = frame_of(file, schema);
  Reload reload(frame.opening, frame.columns);
  csv::RecordBatch from, to;
  csv::append_record(from, ",y,run_7,2,x,c,f,m", {}, 2);
  csv::append_record(from, "\"x,y\",,,,,,,", {}, 3);
  from.first_record = 1;
  reload.rewrite(from, to);
  for (std::size_t record = 0; record < 2; ++record) EXPECT_EQ(to.field_count(record), 8u);
  EXPECT_EQ(to.value(0, 1), "y");
  EXPECT_EQ(to.value(0, 4), "x");
  EXPECT_EQ(to.value(1, 1), "x");  // the text is in the order of the file it came from
  EXPECT_EQ(to.value(1, 4), "y");
}

TEST(Reload, BlankLinesStayBlankAndCountNoMore) {
  const table::TableSchema schema = texts(2);
  const std::string file(kHeader);
  const FileFrame frame = frame_of(file, schema);
  Reload reload(frame.opening, frame.columns);
  csv::RecordBatch from, to;
  csv::append_record(from, "", {}, 2);
  reload.rewrite(from, to);
  EXPECT_TRUE(to.is_blank(0));
  EXPECT_EQ(reload.parent(), "");
}

/// The parser keeps only the beginning of a record over its limit. That must not pass for the record.
TEST(Reload, ARecordOverItsLimitStaysBroken) {
  const std::string file =
      std::string(kHeader) + "x,y,run_7,2,c,f,m," + std::string(3000, 'z') + "\r\nx,y,,,,,,\r\n";
  const table::TableSchema schema = texts(2);
  const csv::DialectOptions options{.max_field_bytes = 100, .max_record_bytes = 200};
  const FileFrame frame = frame_of(file, schema, options);
  Reload reload(frame.opening, frame.columns);
  csv::testing::PieceSource source(std::string_view(file).substr(frame.opening.data_offset), 1 << 20);
  csv::Parser parser(source, frame.opening.dialect, {.offset = frame.opening.data_offset, .line = 2});
  csv::RecordBatch from, to;
  ASSERT_TRUE(parser.next(from));
  reload.rewrite(from, to);
  ASSERT_EQ(to.size(), 2u);
  EXPECT_EQ(to.broken, from.broken);
  EXPECT_EQ(to.broken.size(), 1u);
  EXPECT_EQ(to.field_count(0), 0u);
  EXPECT_GT(to.length[0], 3000u);
  EXPECT_EQ(data_of(to, 1, 2, 6), "[x][y]");
}

}  // namespace
}  // namespace rowgate::load
