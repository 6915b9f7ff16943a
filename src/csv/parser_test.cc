#include "csv/parser.h"

#include "csv/testing.h"
#include "csv/writer.h"

#include <gmock/gmock.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

namespace rowgate::csv {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using testing::parse_all;
using testing::parse_plainly;

constexpr std::size_t kWholePieces = 1 << 22;

struct ParseCase {
  const char* what;
  std::string bytes;
  std::vector<std::string> records;
  Dialect dialect = {};
};

Dialect small_limits(std::uint32_t field, std::uint32_t record) {
  return {.max_field_bytes = field, .max_record_bytes = record};
}

const std::vector<ParseCase>& cases() {
  static const std::vector<ParseCase> all = {
      {"nothing", "", {}},
      {"one record", "a,b\n", {"1@0+3: [a][b]"}},
      {"no line end at the end", "a,b\nc,d", {"1@0+3: [a][b]", "2@4+3: [c][d]"}},
      {"CRLF", "a,b\r\nc\r\n", {"1@0+3: [a][b]", "2@5+1: [c]"}},
      {"empty fields", ",,\n,\n", {"1@0+2: [][][]", "2@3+1: [][]"}},
      {"blank lines", "\n\r\na\n\n", {"1@0+0: []", "2@1+0: []", "3@3+1: [a]", "4@5+0: []"}},
      {"a CR that ends nothing", "a\rb,c\r\n\rd\n", {"1@0+5: [a\rb][c]", "2@7+2: [\rd]"}},
      {"a CR at the end", "a\r", {"1@0+2: [a\r]"}},
      {"quoted", "\"a\",\"\",\"b,c\"\n", {"1@0+12: 'a]']'b,c]"}},
      {"doubled quotes", "\"a\"\"b\",\"\"\"\"\n", {"1@0+11: 'a\"b]'\"]"}},
      {"line ends in quotes", "\"a\r\nb\nc\",d\ne\n", {"1@0+10: 'a\r\nb\nc][d]", "4@11+1: [e]"}},
      {"quoted before CRLF", "\"a\"\r\n\"b\"\r\n", {"1@0+3: 'a]", "2@5+3: 'b]"}},
      {"quoted at the end", "a,\"b\"", {"1@0+5: [a]'b]"}},
      {"a quote in a plain field", "1,a\"b\n2,c\n", {"1@0+5: !csv.stray_quote 1:3 1:4 #1", "2@6+3: [2][c]"}},
      {"text behind a closing quote",
       "1,\"a\" b,c\n2,d\n",
       {"1@0+9: !csv.stray_quote 1:3 1:5 #1", "2@10+3: [2][d]"}},
      {"a CR behind a closing quote", "\"a\"\rb\n2\n", {"1@0+5: !csv.stray_quote 1:1 1:3 #0", "2@6+1: [2]"}},
      {"a quote that is never closed",
       "1,a\n2,\"b\n3,c\n",
       {"1@0+3: [1][a]", "2@4+4: !csv.unclosed_quote 2:3 2:3 #1", "3@9+3: [3][c]"}},
      {"a quote that the next one closes in the wrong place",
       "1,\"a\n2,\"b\"\n3,c\n",
       {"1@0+4: !csv.stray_quote 1:3 2:3 #1", "2@5+5: [2]'b]", "3@11+3: [3][c]"}},
      {"trouble in a later line of a record",
       "1,\"a\nb\",\"c\n2,d\n",
       {"1@0+10: !csv.unclosed_quote 2:4 2:4 #2", "3@11+3: [2][d]"}},
      {"a field at its limit",
       "abc,d\nabcd,e\nf\n",
       {"1@0+5: [abc][d]", "2@6+6: !limit.field 2:1 2:1 #0", "3@13+1: [f]"},
       small_limits(3, 100)},
      {"a quoted field at its limit",
       "\"abc\",d\n\"abcd\",e\nf\n",
       {"1@0+7: 'abc][d]", "2@8+8: !csv.unclosed_quote 2:1 2:1 #0", "3@17+1: [f]"},
       small_limits(3, 100)},
      {"a record at its limit",
       "a,b,c\na,b,c,\nd\n",
       {"1@0+5: [a][b][c]", "2@6+6: !limit.record 2:7 2:7 #3", "3@13+1: [d]"},
       small_limits(5, 5)},
      {"a quote behind the record's limit",
       ",f,\"a\"\nb\n",
       {"1@0+6: !limit.record 1:4 1:4 #2", "2@7+1: [b]"},
       small_limits(1, 2)},
      {"another delimiter and quote",
       "a;'b;c'\n",
       {"1@0+7: [a]'b;c]"},
       {.delimiter = ';', .quote_char = '\''}},
      {"lone CRs",
       "a,b\rc\r\nd\n\re\r",
       {"1@0+3: [a][b]", "2@4+1: [c]", "3@7+1: [d]", "4@9+0: []", "5@10+1: [e]"},
       {.line_end = LineEnd::CrOrLf}},
      {"lone CRs in quotes",
       "\"a\rb\r\nc\"\rd\r",
       {"1@0+8: 'a\rb\r\nc]", "4@9+1: [d]"},
       {.line_end = LineEnd::CrOrLf}},
      {"NUL and other bytes", std::string("a\0b,\xFF\n", 6), {std::string("1@0+5: [a\0b][\xFF]", 15)}},
  };
  return all;
}

TEST(Parser, SplitsRecordsHoweverTheyArrive) {
  for (const ParseCase& c : cases())
    for (const Kernel kernel : available_kernels())
      for (const std::size_t piece : {kWholePieces, std::size_t{1}, std::size_t{3}})
        EXPECT_THAT(parse_all(c.bytes, c.dialect, kernel, piece), ElementsAreArray(c.records))
            << c.what << ", " << name(kernel) << ", pieces of " << piece;
}

rc::Gen<std::string> csv_like_text() {
  return rc::gen::container<std::string>(rc::gen::weightedElement<char>(
      {{8, 'a'}, {5, ','}, {4, '"'}, {3, '\n'}, {2, '\r'}, {1, ';'}, {1, '\0'}, {1, '\xFF'}}));
}

RC_GTEST_PROP(ParserProperty, FastAndPlainAgree, ()) {
  const std::string text = *csv_like_text();
  Dialect dialect = *rc::gen::element(Dialect{}, small_limits(4, 9), small_limits(2, 3));
  dialect.line_end = *rc::gen::element(LineEnd::Lf, LineEnd::CrOrLf);
  const std::size_t piece = *rc::gen::inRange<std::size_t>(1, 20);
  const std::size_t batch_bytes = *rc::gen::inRange<std::size_t>(1, 40);
  for (const Kernel kernel : available_kernels())
    RC_ASSERT(parse_all(text, dialect, kernel, piece, {}, batch_bytes) == parse_plainly(text, dialect));
}

RC_GTEST_PROP(ParserProperty, WhatTheWriterWritesIsReadBack, ()) {
  const auto rows = *rc::gen::container<std::vector<std::vector<std::string>>>(
      rc::gen::nonEmpty(rc::gen::container<std::vector<std::string>>(csv_like_text())));
  std::string text;
  Writer out(text);
  for (const auto& row : rows) {
    for (const std::string& field : row) out.field(field);
    out.end_record();
  }
  testing::PieceSource source(text, 7);
  Parser parser(source, {});
  RecordBatch batch;
  std::vector<std::vector<std::string>> read;
  while (parser.next(batch) && !batch.empty())
    for (std::size_t record = 0; record < batch.size(); ++record) {
      read.emplace_back();
      for (std::size_t field = 0; field < batch.field_count(record); ++field)
        read.back().push_back(batch.value(record, field));
    }
  RC_ASSERT(read == rows);
}

TEST(Parser, CarriesRecordsOverBatches) {
  std::string text;
  std::vector<std::string> expected;
  for (int i = 0; text.size() < 5'000'000; ++i) {
    const std::string row =
        i % 1000 == 0 ? "\"two\nlines\"," + std::to_string(i) : "row," + std::to_string(i);
    expected.push_back(std::to_string(text.size()) + "+" + std::to_string(row.size()));
    text += row + "\n";
  }
  for (const Kernel kernel : available_kernels()) {
    testing::PieceSource source(text, 100'000);
    Parser parser(source, {}, {}, kernel);
    RecordBatch batch;
    std::size_t at = 0, batches = 0;
    std::uint64_t line = 1;
    for (; parser.next(batch) && !batch.empty(); ++batches) {
      EXPECT_EQ(batch.number, batches);
      EXPECT_EQ(batch.first_record, at + 1);
      for (std::size_t record = 0; record < batch.size(); ++record, ++at) {
        ASSERT_EQ(std::to_string(batch.offset(record)) + "+" + std::to_string(batch.length[record]),
                  expected[at]);
        ASSERT_EQ(batch.line[record], line);
        line += at % 1000 == 0 ? 2 : 1;
      }
    }
    EXPECT_EQ(at, expected.size());
    EXPECT_GT(batches, 3u);
  }
}

TEST(Parser, KeepsOnlyTheFrontOfAnEndlessLine) {
  const Dialect dialect = small_limits(1000, 4000);
  const std::string text = "a,b\n1,\"" + std::string(3'000'000, 'x') + "\r\nc,d\n";
  for (const Kernel kernel : available_kernels())
    EXPECT_THAT(
        parse_all(text, dialect, kernel, 50'000),
        ElementsAre("1@0+3: [a][b]", "2@4+3000003: !csv.unclosed_quote 2:3 2:3 #1", "3@3000009+3: [c][d]"));
  testing::PieceSource source(text, 50'000);
  Parser parser(source, dialect);
  RecordBatch batch;
  while (parser.next(batch) && !batch.empty()) EXPECT_LT(batch.bytes.size(), 3'000'000u);
}

TEST(Parser, MemoryIsBoundedByTheRecordLimit) {
  constexpr std::size_t kBatch = 1000, kPadding = 64;
  const Dialect dialect = small_limits(50'000, 50'000);
  const std::string good = "a,\"" + std::string(49'000, 'x') + "\"\n";
  const std::string text =
      good + "b,\"" + std::string(300'000, 'y') + "\n" + good + std::string(200'000, 'z') + "\n" + good;
  for (const Kernel kernel : available_kernels()) {
    testing::PieceSource source(text, 777);
    Parser parser(source, dialect, {}, kernel, kBatch);
    RecordBatch batch;
    std::size_t records = 0;
    for (; parser.next(batch) && !batch.empty(); records += batch.size())
      EXPECT_LE(batch.bytes.capacity(), dialect.max_record_bytes + 2 * kBatch + kPadding);
    EXPECT_EQ(records, 5u);
  }
}

TEST(Parser, OneRecordMayBeLargerThanABatch) {
  const std::string text =
      "a,\"" + std::string(900'000, 'x') + "\",\"" + std::string(900'000, 'y') + "\"\nb,c,d\n";
  for (const Kernel kernel : available_kernels()) {
    const std::vector<std::string> records = parse_all(text, {}, kernel, 1 << 20);
    ASSERT_EQ(records.size(), 2u);
    EXPECT_EQ(records[0].substr(0, 14), "1@0+1800007: [");
    EXPECT_EQ(records[1], "2@1800008+5: [b][c][d]");
  }
}

TEST(Parser, BeginsWhereItIsTold) {
  const std::string text = "rest of a line\nc,d\ne\n";
  EXPECT_THAT(parse_all(text, {}, best_kernel(), 4,
                        {.offset = 100, .line = 7, .record = 5, .at_record_start = false}),
              ElementsAre("8@115+3: [c][d]", "9@119+1: [e]"));
  EXPECT_THAT(
      parse_all("quoted\nstill\",x\nc,d\n", {}, best_kernel(), 4,
                {.offset = 100, .line = 7, .record = 5, .inside_quotes = true, .at_record_start = false}),
      ElementsAre("9@116+3: [c][d]"));
  EXPECT_THAT(
      parse_all("x\r\ny\r", {.line_end = LineEnd::CrOrLf}, best_kernel(), 1, {.at_record_start = false}),
      ElementsAre("2@3+1: [y]"));
  for (const std::size_t piece : {kWholePieces, std::size_t{1}})
    EXPECT_THAT(parse_all("a\r\nb\rc\"\r\ny\r", {.line_end = LineEnd::CrOrLf}, best_kernel(), piece,
                          {.inside_quotes = true, .at_record_start = false}, 1),
                ElementsAre("4@9+1: [y]"));
}

TEST(Parser, BeginsAtAnyByteOfACleanFile) {
  const std::string text = "1,\"a \"\"b\"\"\"\n\"two\r\nlines\",x\r\n\n\"\",\"\"\"\"\n9,z";
  const std::vector<std::string> all = parse_all(text, {}, best_kernel(), kWholePieces);
  const std::vector<std::size_t> begins = {0, 12, 28, 29, 37};
  ASSERT_EQ(all.size(), begins.size());
  StartState start;
  for (std::size_t cut = 0; cut < text.size(); ++cut) {
    start.offset = cut;
    start.at_record_start = std::ranges::count(begins, cut) != 0;
    const auto first = std::ranges::lower_bound(begins, cut) - begins.begin();
    for (const std::size_t piece : {kWholePieces, std::size_t{1}})
      EXPECT_THAT(parse_all(std::string_view(text).substr(cut), {}, best_kernel(), piece, start, 5),
                  ElementsAreArray(all.begin() + first, all.end()))
          << "from byte " << cut;
    if (text[cut] == '"') start.inside_quotes = !start.inside_quotes;
    if (text[cut] == '\n') ++start.line;
  }
}

TEST(Parser, EveryBorderBetweenBatchesGivesTheSameRecords) {
  for (const ParseCase& c : cases())
    for (const Kernel kernel : available_kernels())
      for (std::size_t batch_bytes = 1; batch_bytes <= c.bytes.size(); ++batch_bytes)
        EXPECT_THAT(parse_all(c.bytes, c.dialect, kernel, kWholePieces, {}, batch_bytes),
                    ElementsAreArray(c.records))
            << c.what << ", " << name(kernel) << ", batches of " << batch_bytes;
}

/// Gives some bytes and then fails.
class FailingSource : public io::Source {
 public:
  Result<std::size_t> read(std::span<char> into) override {
    if (failed_++ != 0) return std::unexpected(Error{.code = Code::FileBadCompression});
    into[0] = 'a';
    return 1;
  }

 private:
  int failed_ = 0;
};

TEST(Parser, FailsWithTheErrorOfItsSource) {
  FailingSource source;
  Parser parser(source, {});
  RecordBatch batch;
  const Result<void> read = parser.next(batch);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, Code::FileBadCompression);
}

TEST(AppendRecord, TakesTheWholeTextAsOneRecord) {
  RecordBatch batch;
  append_record(batch, "1,\"a\nb\"", {}, 10);
  append_record(batch, "2,\"x", {}, 20);
  append_record(batch, "3,c\n4,d", {}, 30);
  append_record(batch, "", {}, 40);
  ASSERT_EQ(batch.size(), 4u);
  EXPECT_EQ(batch.value(0, 1), "a\nb");
  EXPECT_EQ(batch.raw(1), "2,\"x");
  EXPECT_EQ(batch.field_count(1), 0u);
  ASSERT_EQ(batch.broken.size(), 2u);
  EXPECT_EQ(batch.broken[0].at, (Position{20, 3}));
  EXPECT_EQ(batch.broken[1].record, 2u);
  EXPECT_TRUE(batch.is_blank(3));
}

}  // namespace
}  // namespace rowgate::csv
