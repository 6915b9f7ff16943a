#include "csv/scanner.h"

#include <gmock/gmock.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

namespace rowgate::csv {
namespace {

Marks marks_of(Kernel kernel, std::string bytes, const Dialect& dialect = {}) {
  const std::size_t size = bytes.size();
  bytes.append(64, '"');  // readable, and must not be looked at
  Marks marks;
  scan(kernel, {bytes.data(), size}, dialect, marks);
  marks.at.resize(marks.count);
  return marks;
}

TEST(Scanner, FindsWhatCountsOutsideQuotes) {
  for (const Kernel kernel : available_kernels()) {
    const Marks marks = marks_of(kernel, "7,\"A,\"\"B\"\"\n\",x\n");
    EXPECT_THAT(marks.at, ::testing::ElementsAre(1, 12, 14)) << name(kernel);
    EXPECT_TRUE(marks.quoted && marks.lines_in_quotes && !marks.misquoted && !marks.inside_quotes);
  }
}

TEST(Scanner, TellsMisquotes) {
  const std::string far(63, 'x');  // moves the trouble over the border of a block
  for (const Kernel kernel : available_kernels())
    for (const std::string& front : {std::string(), far + ",", far + "x,", far + "\n"}) {
      for (const char* bad : {"a\"b", "\"a\"b", "\"a\" ,", "a\"\"b", "\"a\"\rb"})
        EXPECT_TRUE(marks_of(kernel, front + bad).misquoted) << front << bad << name(kernel);
      for (const char* good :
           {"\"\"", "\"a\"\"b\",", "\"a\"\r\n", "\"a\"\n\"b\"", "\"\"\"\"", "\"a", "\"a\"\r"})
        EXPECT_FALSE(marks_of(kernel, front + good).misquoted) << front << good << name(kernel);
    }
}

void expect_equal_marks(const std::string& text, const Dialect& dialect) {
  const Marks scalar = marks_of(Kernel::Scalar, text, dialect);
  for (const Kernel kernel : available_kernels()) {
    const Marks marks = marks_of(kernel, text, dialect);
    EXPECT_EQ(marks.misquoted, scalar.misquoted) << text << name(kernel);
    EXPECT_EQ(marks.inside_quotes, scalar.inside_quotes) << text << name(kernel);
    EXPECT_EQ(marks.quoted, scalar.quoted) << text << name(kernel);
    EXPECT_EQ(marks.lines_in_quotes, scalar.lines_in_quotes) << text << name(kernel);
    EXPECT_EQ(marks.at, scalar.at) << text << name(kernel);
  }
}

TEST(Scanner, KernelsAgreeOnEveryFormAtTheBorderOfABlock) {
  constexpr std::string_view kAlphabet = "a,\"\n\r";
  constexpr std::size_t kLength = 5, kForms = 5 * 5 * 5 * 5 * 5;
  for (std::size_t form = 0; form < kForms; ++form) {
    std::string middle;
    for (std::size_t rest = form; middle.size() < kLength; rest /= kAlphabet.size())
      middle += kAlphabet[rest % kAlphabet.size()];
    for (const std::size_t before : {60u, 61u, 62u, 63u})
      for (const char* front : {"", "\""})
        for (const LineEnd line_end : {LineEnd::Lf, LineEnd::CrOrLf}) {
          std::string text = front;
          text.resize(before - 1, 'x');
          expect_equal_marks(text + "," + middle, {.line_end = line_end});
          expect_equal_marks(text + "," + middle + std::string(70, 'y'), {.line_end = line_end});
        }
  }
}

RC_GTEST_PROP(ScannerProperty, KernelsAgree, ()) {
  const std::string text =
      *rc::gen::scale(4, rc::gen::container<std::string>(rc::gen::weightedElement<char>(
                             {{12, 'a'}, {5, ','}, {3, '"'}, {3, '\n'}, {2, '\r'}, {1, ';'}})));
  const Dialect dialect{.delimiter = *rc::gen::element(',', ';'),
                        .line_end = *rc::gen::element(LineEnd::Lf, LineEnd::CrOrLf)};
  const Marks scalar = marks_of(Kernel::Scalar, text, dialect);
  for (const Kernel kernel : available_kernels()) {
    const Marks marks = marks_of(kernel, text, dialect);
    RC_ASSERT(marks.misquoted == scalar.misquoted);
    RC_ASSERT(marks.inside_quotes == scalar.inside_quotes);
    RC_ASSERT(marks.quoted == scalar.quoted);
    RC_ASSERT(marks.lines_in_quotes == scalar.lines_in_quotes);
    RC_ASSERT(marks.at == scalar.at);
  }
}

}  // namespace
}  // namespace rowgate::csv
