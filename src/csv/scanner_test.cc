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
      for (const char* good : {"\"\"", "\"a\"\"b\",", "\"a\"\r\n", "\"a\"\n\"b\"", "\"\"\"\"", "\"a", "\"a\"\r"})
        EXPECT_FALSE(marks_of(kernel, front + good).misquoted) << front << good << name(kernel);
    }
}

RC_GTEST_PROP(ScannerProperty, KernelsAgree, ()) {
  const std::string text = *rc::gen::scale(4, rc::gen::container<std::string>(rc::gen::weightedElement<char>(
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
