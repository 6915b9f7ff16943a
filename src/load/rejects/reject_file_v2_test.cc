#include "load/kept_files.h"
#include "load/rejects/reject_file.h"
#include "load/testing.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <random>

namespace rowgate::load {
namespace {

using table::Problem;
using table::Reject;
using ::testing::HasSubstr;
using testing::stored;
using testing::TempFolder;

constexpr const char* kSchema = R"({"fields": [{"name": "id", "type": "integer"}, {"name": "name"}]})";

RejectFileHead head() {
  return {.run = "run_1",
          .table = "hires",
          .file = "hires.csv",
          .dialect = {.delimiter = ';'},
          .columns = {"id", "name"},
          .map = {{"a", "id"}},
          .schema = kSchema};
}

struct Kept {
  Reject reject;
  std::string raw;
};

/// Records as a file has them: places that go up, values that stand in them or do not.
rc::Gen<std::vector<Kept>> any_records() {
  const auto bytes = rc::gen::container<std::string>(rc::gen::arbitrary<char>());
  const auto text = rc::gen::map(rc::gen::container<std::string>(rc::gen::element('a', ';', '"', '\n', '7')),
                                 [](std::string all) { return all; });
  const auto problem = rc::gen::build<Problem>(
      rc::gen::set(&Problem::code,
                   rc::gen::element(Code::ValueNotInteger, Code::RuleRequired, Code::RecordNotUtf8)),
      rc::gen::set(&Problem::field, rc::gen::element(0u, 1u, Problem::kNoField)),
      rc::gen::set(&Problem::column, rc::gen::element(0u, 1u, 5u, Problem::kNoField)),
      rc::gen::set(&Problem::at, rc::gen::construct<Position>(rc::gen::inRange<std::uint64_t>(1, 3),
                                                              rc::gen::inRange<std::uint64_t>(1, 6))),
      rc::gen::set(&Problem::found, rc::gen::element<std::string>("", "a", "7;", "never there")),
      rc::gen::set(&Problem::detail, rc::gen::element<std::string>("", "at most 3")));
  const auto kept = rc::gen::build<Kept>(
      rc::gen::set(&Kept::raw, rc::gen::oneOf(text, bytes)),
      rc::gen::set(&Kept::reject,
                   rc::gen::build<Reject>(
                       rc::gen::set(&Reject::problems, rc::gen::container<std::vector<Problem>>(problem)))));
  return rc::gen::map(rc::gen::container<std::vector<Kept>>(kept), [](std::vector<Kept> all) {
    std::uint64_t line = 1, offset = 9;
    for (Kept& each : all) {
      each.reject.line = ++line;
      each.reject.record = line - 1;
      each.reject.offset = offset;
      offset += each.raw.size() + 1;
      for (Problem& problem : each.reject.problems) problem.at.line += line - 1;
    }
    return all;
  });
}

class RejectFileTest {
 public:
  std::string write(const std::vector<Kept>& records, std::uint64_t max_bytes = 1 << 30) {
    Result<RejectFileWriter> writer = RejectFileWriter::create(*store_, head(), max_bytes);
    EXPECT_TRUE(writer);
    for (const Kept& each : records) EXPECT_TRUE(writer->add(each.reject, each.raw));
    is_full_ = writer->is_full();
    EXPECT_TRUE(writer->close());
    return stored(*store_, reject_file_key("run_1"));
  }
  bool is_full_ = false;

  TempFolder folder_;
  std::unique_ptr<store::Store> store_ = store::dir_store(folder_.path() / "files");
};

/// All record lines from the reader on, or what went wrong.
std::string lines_of(RejectReader& reader) {
  std::string lines;
  for (;;) {
    const Result<std::optional<RefusedRecord>> record = reader.next();
    if (!record) return to_text(record.error());
    if (!*record) return lines;
    lines += record_line(**record);
  }
}

std::string lines_of(const std::string& bytes) {
  Result<RejectReader> reader = RejectReader::open(io::memory_file(bytes));
  if (!reader) return to_text(reader.error());
  if (const Result<RejectFileHead> read = reader->head(); !read) return to_text(read.error());
  return lines_of(*reader);
}

std::string expected_lines(const std::vector<Kept>& records) {
  const table::TableSchema schema = *table::schema_from_json(kSchema, "hires");
  std::string lines;
  for (const Kept& each : records) lines += record_line(in_words(each.reject, each.raw, schema));
  return lines;
}

RC_GTEST_PROP(RejectFile, GivesBackEveryRecordInWords, ()) {
  const std::vector<Kept> records = *any_records();
  RejectFileTest files;
  RC_ASSERT(lines_of(files.write(records)) == expected_lines(records));
}

RC_GTEST_PROP(RejectFile, SkipsToAnyRecord, ()) {
  std::vector<Kept> records = *any_records();
  // Enough bytes for several frames, and no more.
  if (records.size() > 20) records.erase(records.begin() + 20, records.end());
  for (Kept& each : records) each.raw += std::string(100'000, 'x');
  const auto skipped = *rc::gen::inRange<std::size_t>(0, records.size() + 3);
  RejectFileTest files;
  Result<RejectReader> reader = RejectReader::open(io::memory_file(files.write(records)));
  RC_ASSERT(reader);
  RC_ASSERT(reader->head());
  RC_ASSERT(reader->skip(skipped));
  const std::vector<Kept> rest(
      records.begin() + static_cast<std::ptrdiff_t>(std::min(skipped, records.size())), records.end());
  RC_ASSERT(lines_of(*reader) == expected_lines(rest));
}

TEST(RejectFile, KeepsTheHead) {
  RejectFileTest files;
  Result<RejectReader> reader = RejectReader::open(io::memory_file(files.write({})));
  ASSERT_TRUE(reader);
  const Result<RejectFileHead> read = reader->head();
  ASSERT_TRUE(read);
  EXPECT_EQ(read->run, "run_1");
  EXPECT_EQ(read->table, "hires");
  EXPECT_EQ(read->file, "hires.csv");
  EXPECT_EQ(read->dialect.delimiter, ';');
  EXPECT_EQ(read->columns, head().columns);
  EXPECT_EQ(read->map, head().map);
  EXPECT_EQ(read->schema, kSchema);
}

TEST(RejectFile, TornOrChangedAnywhereItIsNotBelieved) {
  RejectFileTest files;
  const std::string whole =
      files.write({{{.line = 2, .record = 1, .problems = {{.code = Code::RuleRequired, .field = 1}}}, "1;"},
                   {{.line = 3, .record = 2}, "2;\xFF"}});
  const std::string right = lines_of(whole);
  for (std::size_t at = 0; at < whole.size(); ++at) {
    EXPECT_THAT(lines_of(whole.substr(0, at)), HasSubstr("damaged")) << "cut at byte " << at;
    std::string other = whole;
    other[at] = static_cast<char>(other[at] ^ 0x10);
    const std::string read = lines_of(other);
    EXPECT_TRUE(read == right || read.contains("damaged")) << "changed at byte " << at << ": " << read;
  }
}

/// Records of one or two bytes, each refused, are the worst case.
TEST(RejectFile, IsNeverMuchLargerThanTheRecords) {
  constexpr std::uint64_t kMiB = 1 << 20;
  struct Case {
    const char* name;
    std::function<std::string(std::uint64_t)> raw;
    std::size_t problems;
  };
  const Case cases[] = {
      {"one letter", [](std::uint64_t i) { return std::string(1, static_cast<char>('a' + i * 7919 % 26)); },
       1},
      {"an empty field", [](std::uint64_t) { return std::string("x;"); }, 1},
      {"a hundred problems", [](std::uint64_t i) { return fmt::format("{:050}", i); }, 100},
      {"no UTF-8",
       [](std::uint64_t i) {
         std::string bytes;
         for (std::uint64_t k = 0; k < 30; ++k) bytes += static_cast<char>((i * 31 + k * k * 7919) >> 3);
         return bytes;
       },
       1},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    RejectFileTest files;
    std::vector<Kept> records;
    std::uint64_t bytes = 0;
    for (std::uint64_t i = 0; bytes < kMiB && i < 300'000; ++i) {
      Kept& each = records.emplace_back(Kept{{.line = i + 2, .record = i + 1, .offset = bytes}, c.raw(i)});
      for (std::size_t k = 0; k < c.problems && k * 50 < 5000; ++k)
        each.reject.problems.push_back({.code = Code::ValueNotInteger,
                                        .field = static_cast<std::uint32_t>(k % 2),
                                        .column = static_cast<std::uint32_t>(k),
                                        .at = {i + 2, 1},
                                        .found = each.raw.substr(0, 40)});
      bytes += each.raw.size() + 1;
    }
    EXPECT_LE(files.write(records).size(), 3 * bytes + kMiB);
  }
}

TEST(RejectFile, TakesNoMoreOnceItIsFull) {
  RejectFileTest files;
  std::vector<Kept> records;
  std::mt19937_64 random(7);
  for (std::uint64_t i = 0; i < 100; ++i) {
    std::string raw;
    for (std::uint64_t k = 0; k < 20'000; ++k) raw += static_cast<char>('a' + random() % 23);
    records.push_back({{.line = i + 2, .record = i + 1}, std::move(raw)});
  }
  const std::string bytes = files.write(records, 10'000);
  EXPECT_TRUE(files.is_full_);
  EXPECT_LT(bytes.size(), 1'000'000U);
  EXPECT_THAT(lines_of(bytes), HasSubstr("\"line\":2,")) << "what is there can be read";
}

/// A record larger than memory.
class LargeRecordTest : public ::testing::Test {
 protected:
  static constexpr std::uint64_t kPieces = 12;
  static constexpr std::size_t kPieceBytes = 768 * 1024;

  LargeRecordTest() {
    Result<RejectFileWriter> writer = RejectFileWriter::create(*files_.store_, head(), 1 << 30);
    EXPECT_TRUE(writer);
    EXPECT_TRUE(writer->add({.line = 2, .record = 1}, "first"));
    const Reject large{.line = 3, .record = 2, .problems = {{.code = Code::LimitRecord, .at = {3, 1}}}};
    EXPECT_TRUE(writer->begin_large(large, kPieces * kPieceBytes));
    for (std::uint64_t i = 0; i < kPieces; ++i) {
      const std::string piece(kPieceBytes, static_cast<char>(i == 5 ? '"' : 'a' + i));
      raw_ += piece;
      EXPECT_TRUE(writer->add_piece(piece));
    }
    EXPECT_TRUE(writer->add({.line = 4, .record = 3}, "last"));
    EXPECT_TRUE(writer->close());
    bytes_ = stored(*files_.store_, reject_file_key("run_1"));
  }
  RejectFileTest files_;
  std::string raw_, bytes_;
};

TEST_F(LargeRecordTest, IsReadInPiecesOrPassedOver) {
  EXPECT_LT(bytes_.size(), 20'000U);
  for (const bool reads_pieces : {true, false}) {
    Result<RejectReader> reader = RejectReader::open(io::memory_file(bytes_));
    ASSERT_TRUE(reader && reader->head() && reader->next());
    const Result<std::optional<RefusedRecord>> record = reader->next();
    ASSERT_TRUE(record && *record);
    EXPECT_EQ((*record)->raw_bytes, raw_.size());
    EXPECT_EQ((*record)->raw, "");
    EXPECT_THAT(record_line(**record), HasSubstr(fmt::format("\"raw_bytes\":{}", raw_.size())));
    std::string read;
    while (reads_pieces) {
      const Result<std::string> piece = reader->next_piece();
      ASSERT_TRUE(piece);
      if (piece->empty()) break;
      read += *piece;
    }
    EXPECT_TRUE(read == (reads_pieces ? raw_ : ""));
    const Result<std::optional<RefusedRecord>> last = reader->next();
    ASSERT_TRUE(last && *last);
    EXPECT_EQ((*last)->raw, "last");
    EXPECT_FALSE(reader->next()->has_value());
  }
}

TEST_F(LargeRecordTest, BothExportsHaveAllOfIt) {
  std::string quoted = "\"";
  for (const char byte : raw_) quoted.append(byte == '"' ? 2 : 1, byte);
  const std::string csv = testing::exported(export_csv, bytes_);
  EXPECT_TRUE(csv.contains(";" + quoted + "\"\r\n"));
  EXPECT_TRUE(csv.ends_with(";last\r\n")) << csv.substr(csv.size() - 100);
  const std::string jsonl = testing::exported(export_jsonl, bytes_);
  EXPECT_EQ(std::ranges::count(jsonl, '\n'), 3);
  EXPECT_TRUE(jsonl.contains("\"raw_base64\":\""));
  EXPECT_GT(jsonl.size(), raw_.size());
}

}  // namespace
}  // namespace rowgate::load
