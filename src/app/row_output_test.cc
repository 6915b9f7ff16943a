#include "app/row_output.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <iterator>

namespace rowgate::app {
namespace {

using Kind = report::OutputCell::Kind;

std::string written(const std::vector<report::Column>& columns,
                    const std::vector<std::vector<report::OutputCell>>& rows) {
  std::string text;
  const auto writer = text_writer([&](std::string_view bytes) -> Result<void> {
    text += bytes;
    return {};
  });
  EXPECT_TRUE(writer->begin(columns));
  for (const auto& row : rows) EXPECT_TRUE(writer->row(row));
  EXPECT_TRUE(writer->end());
  return text;
}

TEST(TextWriterTest, AlignsNumbersRightAndTextsLeft) {
  EXPECT_EQ(written({{"id"}, {"department"}, {"hired"}},
                    {{{Kind::Number, "8"}, {Kind::Text, "Support"}, {Kind::Number, "216"}},
                     {{Kind::Number, "12"}, {Kind::Text, "IT"}, {Kind::Null, ""}}}),
            "  id  department  hired\n"
            "   8  Support       216\n"
            "  12  IT\n");
}

TEST(TextWriterTest, WritesTheHeaderWhereThereAreNoRows) {
  EXPECT_EQ(written({{"id"}, {"name"}}, {}), "  id  name\n");
}

TEST(TextWriterTest, ShowsLineEndsInValuesAsEscapes) {
  EXPECT_EQ(written({{"name"}}, {{{Kind::Text, "a\nb"}}}), "  name\n  a\\nb\n");
}

TEST(TextWriterTest, WritesRowsBeyondTheSampleAtOnceAndWhole) {
  const std::vector<std::vector<report::OutputCell>> rows(1000, {{Kind::Number, "7"}});
  const std::string text = written({{"n"}}, rows);
  EXPECT_EQ(std::ranges::count(text, '\n'), 1001);
  EXPECT_TRUE(text.ends_with("  7\n  7\n"));
}

TEST(RowWriterTest, RefusesAnUnknownFormat) {
  const Terminal terminal;
  const auto writer = row_writer("xml", terminal, to_stdout(terminal), false);
  ASSERT_FALSE(writer);
  EXPECT_EQ(writer.error().code, Code::RequestInvalid);
}

class WriteOutputTest : public ::testing::Test {
 protected:
  WriteOutputTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "rowgate_output_XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    terminal_.quiet = true;
  }
  ~WriteOutputTest() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path folder_;
  Terminal terminal_;
};

TEST_F(WriteOutputTest, AFileAppearsWhenAllWentWell) {
  const std::string path = folder_ / "out.csv";
  ASSERT_TRUE(write_output(terminal_, path, [](const report::Output& out) { return out("a,b\n"); }));
  std::ifstream file(path);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), "a,b\n");
}

TEST_F(WriteOutputTest, NoFileAppearsAfterAFailure) {
  const std::string path = folder_ / "out.csv";
  const Result<void> done = write_output(terminal_, path, [](const report::Output& out) -> Result<void> {
    TRY(out("a,b\n"));
    return fail(Code::ReportTimeout, "too slow");
  });
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::ReportTimeout);
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
}

}  // namespace
}  // namespace rowgate::app
