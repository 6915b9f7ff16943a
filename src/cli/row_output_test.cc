#include "cli/row_output.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace rowgate::cli {
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

TEST_F(WriteOutputTest, ALinkIsFollowedAndStays) {
  const std::filesystem::path target = folder_ / "target.csv", link = folder_ / "link.csv";
  std::ofstream(target) << "something longer than what comes";
  std::filesystem::create_symlink(target, link);
  ASSERT_TRUE(write_output(terminal_, link, [](const report::Output& out) { return out("a,b\n"); }));
  EXPECT_TRUE(std::filesystem::is_symlink(link));
  std::ifstream file(target);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), "a,b\n");
}

TEST_F(WriteOutputTest, APipeIsWrittenIntoAndStays) {
  const std::filesystem::path pipe = folder_ / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const int reader =
      ::open(pipe.c_str(), O_RDWR | O_CLOEXEC);  // so that opening it for writing does not wait
  ASSERT_GE(reader, 0);
  ASSERT_TRUE(write_output(terminal_, pipe, [](const report::Output& out) { return out("a,b\n"); }));
  EXPECT_TRUE(std::filesystem::is_fifo(pipe));
  std::string got(4, ' ');
  EXPECT_EQ(::read(reader, got.data(), got.size()), 4);
  EXPECT_EQ(got, "a,b\n");
  ::close(reader);
}

}  // namespace
}  // namespace rowgate::cli
