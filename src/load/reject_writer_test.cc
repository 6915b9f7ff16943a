#include "load/reject_writer.h"

#include "csv/parser.h"
#include "load/testing.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

namespace rowgate::load {
namespace {

using ::testing::ElementsAre;
using testing::frame_of;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::stored;

const std::string kFile =
    "id,email,boss_id\n1,ada@example.org,\nx,b@example.org,\n3,c@example.org,9\n1,d@example.org,1\n";

table::TableSchema hires() {
  table::TableSchema schema = db::testing::make_schema(
      {{"id", table::Type::Integer}, {"email", table::Type::String}, {"boss_id", table::Type::Integer}});
  schema.unique_keys = {{1}};
  schema.foreign_keys = {{.fields = {2}, .table = "hires", .parent_fields = {"id"}}};
  return schema;
}

/// Where record `number` of kFile begins and how long it is.
struct Place {
  std::uint64_t line, offset, length;
};
Place place_of(std::uint64_t number) {
  std::size_t at = 0;
  for (std::uint64_t i = 0; i < number; ++i) at = kFile.find('\n', at) + 1;
  return {number + 1, at, kFile.find('\n', at) - at};
}

class RejectWriterTest : public ::testing::Test {
 protected:
  table::Reject reject(std::uint64_t number, std::vector<table::Problem> problems) const {
    const Place place = place_of(number);
    return {.line = place.line,
            .record = number,
            .offset = place.offset,
            .length = place.length,
            .problems = std::move(problems)};
  }
  void found(std::uint64_t number, Code code) {
    const Place place = place_of(number);
    ASSERT_TRUE(findings_.add({.line = place.line,
                               .record = number,
                               .offset = place.offset,
                               .length = place.length,
                               .code = code,
                               .key = 0}));
  }

  Result<bool> write(store::Store* store, const std::string& file = kFile,
                     const csv::DialectOptions& dialect = {}) {
    frame_ = frame_of(kFile, schema_, dialect);
    EXPECT_TRUE(findings_.finish());
    const RejectObserver observer = [this](std::size_t index, const RefusedRecord& record) {
      std::string line = fmt::format("{}: {} '{}'", index, record.line, record.raw);
      for (const RejectProblem& problem : record.problems)
        line += fmt::format(" | {} {} {}:{} #{} '{}'", text(problem.code), problem.field, problem.line,
                            problem.column, problem.column_number, problem.found);
      told_.push_back(std::move(line));
    };
    const auto source = io::memory_file(file);
    RejectWriter writer(*source, frame_,
                        {.store = store,
                         .head = {.run = "run_1",
                                  .table = "hires",
                                  .file = "hires.csv",
                                  .columns = frame_.opening.header,
                                  .schema = table::to_json(schema_)},
                         .observer = &observer,
                         .request_index = 3});
    return writer.write_all(log_, &findings_, counts_);
  }
  std::vector<std::string> groups() const {
    std::vector<std::string> out;
    for (const db::RejectGroup& group : counts_.groups())
      out.push_back(fmt::format("{} {} {}", text(group.code), group.field, group.count));
    return out;
  }

  testing::TempFolder folder_;
  std::unique_ptr<store::Store> store_ = store::dir_store(folder_.path() / "store");
  table::TableSchema schema_ = hires();
  FileFrame frame_;
  RejectLog log_{folder_.path(), 1 << 30};
  db::KeyFindings findings_{folder_.path(), 1 << 20};
  RejectCounts counts_;
  std::vector<std::string> told_;
};

TEST_F(RejectWriterTest, BringsTheStagesTogetherInFileOrderWithTheRecordsOwnBytes) {
  found(4, Code::KeyNotUnique);
  found(4, Code::KeyDuplicateInTable);
  found(3, Code::KeyNoParent);
  ASSERT_TRUE(log_.append(
      {reject(2, {{.code = Code::ValueNotInteger, .field = 0, .column = 0, .at = {3, 1}, .found = "x"}})}));
  ASSERT_TRUE(write(store_.get()));
  EXPECT_THAT(told_, ElementsAre("3: 3 'x,b@example.org,' | value.not_integer id 3:1 #1 'x'",
                                 "3: 4 '3,c@example.org,9' | key.no_parent boss_id 4:17 #3 '9'",
                                 "3: 5 '1,d@example.org,1' | key.duplicate_in_table id 5:1 #1 '1'"
                                 " | key.not_unique email 5:3 #2 'd@example.org'"));
  // Those of the log were counted when they were logged.
  EXPECT_THAT(groups(), ElementsAre("key.no_parent boss_id 1", "key.duplicate_in_table id 1",
                                    "key.not_unique email 1"));

  const std::string file = stored(*store_, reject_file_key("run_1"));
  Result<RejectReader> opened = RejectReader::open(io::memory_file(file));
  ASSERT_TRUE(opened);
  RejectReader& reader = *opened;
  ASSERT_TRUE(reader.head());
  for (const std::uint64_t line : {3u, 4u, 5u}) {
    const auto record = reader.next();
    ASSERT_TRUE(record && *record);
    EXPECT_EQ((*record)->line, line);
    EXPECT_EQ((*record)->raw, told_[line - 3].substr(6, (*record)->raw.size()));
    EXPECT_FALSE((*record)->problems[0].title.empty());
  }
  const auto end = reader.next();
  ASSERT_TRUE(end);
  EXPECT_FALSE(*end);
}

TEST_F(RejectWriterTest, WithoutRejectsThereIsNoFile) {
  ASSERT_TRUE(write(store_.get()));
  EXPECT_FALSE(store_->open(reject_file_key("run_1")));
  EXPECT_THAT(told_, IsEmpty());
}

TEST_F(RejectWriterTest, ADryRunTellsAndStoresNothing) {
  ASSERT_TRUE(log_.append({reject(1, {{.code = Code::RuleRequired, .field = 2}})}));
  ASSERT_TRUE(write(nullptr));
  EXPECT_EQ(told_.size(), 1u);
  EXPECT_FALSE(std::filesystem::exists(folder_.path() / "store"));
}

TEST_F(RejectWriterTest, ARecordOverTheLimitIsStoredWholeInPieces) {
  std::string file = "id,email,boss_id\n1,";
  const std::uint64_t begin = 17;
  for (int i = 0; file.size() < 500'000; ++i) file += std::to_string(i) + "\xFF";
  const std::uint64_t length = file.size() - begin;
  file += "\n2,b@example.org,\n";
  ASSERT_TRUE(log_.append({{.line = 2,
                            .record = 1,
                            .offset = begin,
                            .length = length,
                            .problems = {{.code = Code::LimitField, .column = 1, .at = {2, 3}}}}}));
  ASSERT_TRUE(log_.append({{.line = 3,
                            .record = 2,
                            .offset = begin + length + 1,
                            .length = 16,
                            .problems = {{.code = Code::RuleRequired, .field = 2}}}}));
  ASSERT_TRUE(write(store_.get(), file, {.max_field_bytes = 100, .max_record_bytes = 1000}));
  Result<RejectReader> opened =
      RejectReader::open(io::memory_file(stored(*store_, reject_file_key("run_1"))));
  ASSERT_TRUE(opened);
  RejectReader& reader = *opened;
  ASSERT_TRUE(reader.head());
  const auto large = reader.next(), small = reader.next(), end = reader.next();
  ASSERT_TRUE(large && *large && small && *small && end);
  EXPECT_TRUE((*large)->raw == file.substr(begin, length));
  EXPECT_EQ((*small)->raw, "2,b@example.org,");
  EXPECT_FALSE(*end);
}

TEST_F(RejectWriterTest, AFileThatBecameShorterEndsIt) {
  ASSERT_TRUE(log_.append({reject(4, {{.code = Code::RuleRequired, .field = 2}})}));
  const Result<bool> done = write(store_.get(), kFile.substr(0, 60));
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::FileChanged);
  EXPECT_FALSE(store_->open(reject_file_key("run_1")));  // nothing half written is shown
}

TEST_F(RejectWriterTest, AStoreThatCannotBeWrittenEndsIt) {
  const auto full = store::dir_store("/proc/rowgate");
  ASSERT_TRUE(log_.append({reject(1, {{.code = Code::RuleRequired, .field = 2}})}));
  EXPECT_FALSE(write(full.get()));
}

TEST(KeyProblem, ShowsAllFieldsOfAKeyAndPointsAtTheFirst) {
  table::TableSchema schema = hires();
  schema.unique_keys = {{2, 0}};
  schema.foreign_keys = {{.fields = {2, 0}, .table = "people", .parent_fields = {"a", "b"}}};
  const FileFrame frame = frame_of(kFile, schema);
  csv::RecordBatch batch;
  csv::append_record(batch, "3,c@example.org,9", {}, 4);
  const table::Problem unique = key_problem(Code::KeyNotUnique, 0, frame, batch, 0, "");
  EXPECT_EQ(unique.found, "9, 3");
  EXPECT_EQ(unique.field, 2u);
  EXPECT_EQ(unique.at, (Position{4, 17}));
  EXPECT_EQ(key_problem(Code::KeyNoParent, 0, frame, batch, 0, "").detail, "people.a, b");
  const table::Problem twice = key_problem(Code::KeyDuplicateInFile, 1, frame, batch, 0, "first in line 2");
  EXPECT_EQ(twice.found, "9, 3");
  EXPECT_EQ(twice.detail, "first in line 2");
  EXPECT_EQ(key_problem(Code::KeyDuplicateInFile, 0, frame, batch, 0, "").found, "3");
}

TEST(KeyProblem, AFieldThatTheFileHasNotIsNoPlace) {
  table::TableSchema schema = hires();
  schema.fields_match = table::FieldsMatch::Superset;
  schema.unique_keys = {{2, 1}};
  const FileFrame frame = frame_of("id,email\n", schema);
  csv::RecordBatch batch;
  csv::append_record(batch, "3,c@example.org", {}, 4);
  const table::Problem problem = key_problem(Code::KeyNotUnique, 0, frame, batch, 0, "");
  EXPECT_EQ(problem.found, "c@example.org");
  EXPECT_EQ(problem.column, table::Problem::kNoField);
  EXPECT_EQ(problem.at, (Position{4, 1}));
}

}  // namespace
}  // namespace rowgate::load
