#include "csv/dialect.h"
#include "io/files.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace rowgate::csv {
namespace {

using std::string_literals::operator""s;

Result<Opening> inspect_text(const std::string& text, const DialectOptions& options = {}) {
  return inspect(*io::memory_file(text), options);
}

/// Names and their columns as "id@1 name@4".
std::string header_text(const Opening& opening) {
  std::string out;
  for (std::size_t i = 0; i < opening.header.size(); ++i) {
    if (i > 0) out += ' ';
    out += opening.header[i] + "@" + std::to_string(opening.header_columns[i]);
  }
  return out;
}

struct HeaderCase {
  const char* name;
  std::string input;
  const char* header;
  const char* raw;
  std::uint64_t data_offset, data_line;
};

const HeaderCase kHeaderCases[] = {
    {"LF", "id,name\n1,a\n", "id@1 name@4", "id,name", 8, 2},
    {"CRLF", "id,name\r\n1,a\r\n", "id@1 name@4", "id,name", 9, 2},
    {"lone CR", "id,name\r1,a\r", "id@1 name@4", "id,name", 8, 2},
    {"no data and no line end", "id,name", "id@1 name@4", "id,name", 7, 1},
    {"no data", "id,name\n", "id@1 name@4", "id,name", 8, 2},
    {"byte order mark", "\xEF\xBB\xBFid,name\n", "id@1 name@4", "id,name", 11, 2},
    {"byte order mark before a quote", "\xEF\xBB\xBF\"id\",name\n", "id@1 name@6", "\"id\",name", 13, 2},
    {"quoted names", "\"id\",\"full, name\"\n", "id@1 full, name@6", "\"id\",\"full, name\"", 18, 2},
    {"doubled quotes", "\"a\"\"b\",c\n", "a\"b@1 c@8", "\"a\"\"b\",c", 9, 2},
    {"spaces are kept", " id , name\n", " id @1  name@6", " id , name", 11, 2},
    {"a line end inside a name", "\"a\nb\",c\n1,2\n", "a\nb@1 c@7", "\"a\nb\",c", 8, 3},
    {"blank lines before it", "\n\r\nid,name\n", "id@1 name@4", "id,name", 11, 4},
    {"blank lines in a CR file", "\r\rid,name\r1,2\r", "id@1 name@4", "id,name", 10, 4},
    {"one column", "id\n1\n", "id@1", "id", 3, 2},
    {"names that are not ASCII", "a\xC3\xA9,b\n", "a\xC3\xA9@1 b@5", "a\xC3\xA9,b", 6, 2},
};

TEST(Inspect, ReadsTheHeader) {
  for (const HeaderCase& c : kHeaderCases) {
    SCOPED_TRACE(c.name);
    const Result<Opening> opening = inspect_text(c.input);
    ASSERT_TRUE(opening) << to_text(opening.error());
    EXPECT_EQ(header_text(*opening), c.header);
    EXPECT_EQ(opening->header_raw, c.raw);
    EXPECT_EQ(opening->data_offset, c.data_offset);
    EXPECT_EQ(opening->data_line, c.data_line);
    EXPECT_EQ(opening->columns, opening->header.size());
    EXPECT_EQ(opening->bom_bytes, c.input.starts_with("\xEF\xBB\xBF") ? 3u : 0u);
  }
}

struct DelimiterCase {
  const char* name;
  const char* input;
  char expected;
};

const DelimiterCase kDelimiterCases[] = {
    {"comma", "a,b\n1,2\n", ','},
    {"semicolon", "a;b\n1;2\n", ';'},
    {"tab", "a\tb\n1\t2\n", '\t'},
    {"bar", "a|b\n1|2\n", '|'},
    {"comma for one column", "a\n1\n2\n", ','},
    {"comma for one column whose values hold others", "a\n1;2\n2;3\n", ','},
    {"decimal commas beside semicolons", "a;b\n1,5;2,5\n3,5;4,5\n", ';'},
    {"the following lines outvote the header", "a,b,c;d\n1;2\n3;4\n", ';'},
    {"the most frequent one where no line follows", "a;b;c,d\n", ';'},
    {"delimiters inside quotes do not count", "\"a;b;c;d\",e\n\"1;2;3;4\",2\n", ','},
    {"quotes inside a text open nothing", "a,5\" b;c\n1,2\n3,4\n", ','},
    {"a lone quote in the data hides no line", "a,b;c\n5\",x\n1,2\n3,4\n", ','},
    {"CR files", "a;b\r1;2\r3;4\r", ';'},
};

TEST(Inspect, FindsTheDelimiter) {
  for (const DelimiterCase& c : kDelimiterCases) {
    SCOPED_TRACE(c.name);
    const Result<Opening> opening = inspect_text(c.input, {.header = false});
    ASSERT_TRUE(opening) << to_text(opening.error());
    EXPECT_EQ(opening->dialect.delimiter, c.expected);
  }
}

TEST(Inspect, OptionsWinOverTheFile) {
  const Result<Opening> opening = inspect_text("'a,b';c\n", {.delimiter = ';',
                                                             .quote_char = '\'',
                                                             .max_field_bytes = 10,
                                                             .max_record_bytes = 20,
                                                             .max_columns = 3});
  ASSERT_TRUE(opening) << to_text(opening.error());
  EXPECT_EQ(header_text(*opening), "a,b@1 c@7");
  EXPECT_EQ(opening->dialect.delimiter, ';');
  EXPECT_EQ(opening->dialect.quote_char, '\'');
  EXPECT_EQ(opening->dialect.max_field_bytes, 10u);
  EXPECT_EQ(opening->dialect.max_record_bytes, 20u);
  EXPECT_EQ(opening->dialect.max_columns, 3u);
}

TEST(Inspect, GivenDelimiterMayBeAnyByte) {
  const Result<Opening> opening = inspect_text("a#\"b\r#\"#c\nx\n", {.delimiter = '#'});
  ASSERT_TRUE(opening) << to_text(opening.error());
  EXPECT_EQ(header_text(*opening), "a@1 b\r#@3 c@9");
  EXPECT_EQ(opening->dialect.line_end, LineEnd::Lf);
}

struct LineEndCase {
  const char* name;
  const char* input;
  LineEnd expected;
};

const LineEndCase kLineEndCases[] = {
    {"LF", "a\nb\rc", LineEnd::Lf},
    {"CRLF", "a\r\nb\r", LineEnd::Lf},
    {"a lone CR first", "a\rb\n", LineEnd::CrOrLf},
    {"a lone CR at the end", "a\r", LineEnd::CrOrLf},
    {"none", "a", LineEnd::Lf},
    {"a CR inside quotes is data", "\"a\rb\",c\nd\n", LineEnd::Lf},
    {"a CR after a doubled quote inside quotes is data", "\"a\"\"\rb\"\nd\n", LineEnd::Lf},
    {"an LF inside quotes is data", "\"a\nb\",c\rd\r", LineEnd::CrOrLf},
    {"a quote inside a text opens nothing", "a\"b\rc\"\n", LineEnd::CrOrLf},
};

TEST(Inspect, FindsTheLineEnd) {
  for (const LineEndCase& c : kLineEndCases) {
    SCOPED_TRACE(c.name);
    const Result<Opening> opening = inspect_text(c.input, {.header = false});
    ASSERT_TRUE(opening) << to_text(opening.error());
    EXPECT_EQ(opening->dialect.line_end, c.expected);
  }
}

TEST(Inspect, FindsTheLineEndOfALongHeader) {
  constexpr std::size_t kFirstLook = 64 * 1024;
  for (const std::size_t size :
       {kFirstLook - 2, kFirstLook - 1, kFirstLook, kFirstLook + 1, 5 * kFirstLook}) {
    SCOPED_TRACE(size);
    const std::string name(size, 'x');
    const Result<Opening> crlf = inspect_text(name + "\r\n1\r\n");
    ASSERT_TRUE(crlf) << to_text(crlf.error());
    EXPECT_EQ(crlf->dialect.line_end, LineEnd::Lf);
    EXPECT_EQ(crlf->header_raw, name);
    EXPECT_EQ(crlf->data_offset, size + 2);
    const Result<Opening> cr = inspect_text(name + "\r1\r2\r");
    ASSERT_TRUE(cr) << to_text(cr.error());
    EXPECT_EQ(cr->dialect.line_end, LineEnd::CrOrLf);
    EXPECT_EQ(cr->data_offset, size + 1);
  }
}

TEST(Inspect, ManyBlankLinesBeforeALongHeader) {
  const std::string blank(3u << 19, '\n');
  const std::string header(3u << 20, 'x');
  DialectOptions options{.max_field_bytes = 4u << 20, .max_record_bytes = 4u << 20};
  const Result<Opening> opening = inspect_text(blank + header + "\n1\n", options);
  ASSERT_TRUE(opening) << to_text(opening.error());
  EXPECT_EQ(opening->header_raw.size(), header.size());
  EXPECT_EQ(opening->data_line, blank.size() + 2);
  options.max_record_bytes = 2u << 20;
  const Result<Opening> too_large = inspect_text(blank + header + "\n1\n", options);
  ASSERT_FALSE(too_large);
  EXPECT_EQ(too_large.error().code, Code::LimitRecord);
}

TEST(Inspect, WithoutHeaderTheDataBeginsAtOnce) {
  const Result<Opening> opening = inspect_text("\xEF\xBB\xBF\n1,2,3\n4,5,6\n", {.header = false});
  ASSERT_TRUE(opening) << to_text(opening.error());
  EXPECT_FALSE(opening->dialect.header);
  EXPECT_TRUE(opening->header.empty());
  EXPECT_EQ(opening->columns, 3u);
  EXPECT_EQ(opening->data_offset, 3u);
  EXPECT_EQ(opening->data_line, 1u);
}

TEST(Inspect, WithoutHeaderABrokenFirstRecordIsForTheParser) {
  EXPECT_TRUE(inspect_text("\"a\n", {.header = false}));
  EXPECT_TRUE(inspect_text("1,\xFF\n", {.header = false}));
  EXPECT_TRUE(inspect_text("1,,1\n", {.header = false}));
}

struct RefusedCase {
  const char* name;
  std::string input;
  Code code;
  std::optional<Position> at;
  const char* message;  ///< a part of it
};

const RefusedCase kRefusedCases[] = {
    {"no bytes", "", Code::FileEmpty, {}, "empty"},
    {"a byte order mark only", "\xEF\xBB\xBF", Code::FileEmpty, {}, "empty"},
    {"blank lines only", "\n\r\n\n", Code::FileEmpty, {}, "empty"},
    {"UTF-16 LE with its mark", "\xFF\xFEi\0d\0"s, Code::RecordNotUtf8, Position{1, 1}, "UTF-16"},
    {"UTF-16 BE with its mark", "\xFE\xFF\0i\0d"s, Code::RecordNotUtf8, Position{1, 1}, "UTF-16"},
    {"UTF-16 LE without", "i\0d\0,\0n\0a\0m\0e\0\n\0"s, Code::RecordNotUtf8, Position{1, 1}, "UTF-16"},
    {"UTF-16 BE without", "\0i\0d\0,\0n\0a\0m\0e\0\n"s, Code::RecordNotUtf8, Position{1, 1}, "UTF-16"},
    {"NUL in the header", "id,na\0me\n"s, Code::CsvNulByte, Position{1, 6}, "NUL"},
    {"Latin-1 in the header", "id,caf\xE9\n", Code::RecordNotUtf8, Position{1, 7}, "not UTF-8"},
    {"not UTF-8 in the header's second line", "id,\"a\nb\xFF\"\n", Code::RecordNotUtf8, Position{2, 2},
     "not UTF-8"},
    {"an unclosed quote", "\nid,\"name\n1,2\n", Code::CsvUnclosedQuote, Position{2, 4}, "header"},
    {"a stray quote", "id,na\"me\n", Code::CsvStrayQuote, Position{1, 6}, "header"},
    {"text after a closing quote", "id,\"na\"me\n", Code::CsvStrayQuote, Position{1, 7}, "header"},
    {"a blank name", "id,,name\n", Code::HeaderBlank, Position{1, 4}, "column 2"},
    {"a blank last name", "id,\n", Code::HeaderBlank, Position{1, 4}, "column 2"},
    {"a name of spaces", "id, ,x\n", Code::HeaderBlank, Position{1, 4}, "column 2"},
    {"an empty name in quotes", "\"\",x\n", Code::HeaderBlank, Position{1, 1}, "column 1"},
    {"a name twice", "id,name,id\n", Code::HeaderDuplicate, Position{1, 9}, "'id' twice, as columns 1 and 3"},
    {"a name twice, once in quotes", "id,\"id\"\n", Code::HeaderDuplicate, Position{1, 4}, "columns 1 and 2"},
    {"a name twice but for spaces", "id, id\n", Code::HeaderDuplicate, Position{1, 4}, "columns 1 and 2"},
    {"a name twice in the second line", "\"a\nb\",c,c\n", Code::HeaderDuplicate, Position{2, 6},
     "columns 2 and 3"},
    {"a name twice behind a byte order mark", "\xEF\xBB\xBFid,id\n", Code::HeaderDuplicate, Position{1, 4},
     "'id'"},
};

TEST(Inspect, RefusesAtThePlace) {
  for (const RefusedCase& c : kRefusedCases) {
    SCOPED_TRACE(c.name);
    const Result<Opening> opening = inspect_text(c.input);
    ASSERT_FALSE(opening);
    EXPECT_EQ(text(opening.error().code), text(c.code));
    EXPECT_EQ(opening.error().at, c.at) << to_text(opening.error());
    EXPECT_TRUE(opening.error().message.contains(c.message)) << opening.error().message;
    EXPECT_FALSE(opening.error().hint.empty());
  }
}

TEST(Inspect, NamesThatDifferInCaseAreTwo) {
  EXPECT_TRUE(inspect_text("id,ID\n"));
}

TEST(Inspect, HoldsTheLimits) {
  const DialectOptions options{.max_field_bytes = 4, .max_record_bytes = 12, .max_columns = 3};
  struct Limit {
    const char* name;
    const char* input;
    std::optional<Code> code;
    Position at;
  };
  const Limit limits[] = {
      {"as many columns as allowed", "a,b,c\n", {}, {}},
      {"one column more", "a,b,c,d\n", Code::LimitColumns, {1, 1}},
      {"one column more, in the second line", "\na,b,c,d\n", Code::LimitColumns, {2, 1}},
      {"a field as long as allowed", "a,bbbb\n", {}, {}},
      {"a field one byte longer", "a,bbbbb\n", Code::LimitField, {1, 3}},
      {"a record as long as allowed", "aaaa,bbbb,cc\n", {}, {}},
      {"a record one byte longer", "aaaa,bbbb,ccc\n", Code::LimitRecord, {1, 11}},
  };
  for (const Limit& limit : limits) {
    SCOPED_TRACE(limit.name);
    const Result<Opening> opening = inspect_text(limit.input, options);
    EXPECT_EQ(opening.has_value(), !limit.code);
    if (opening || !limit.code) continue;
    EXPECT_EQ(text(opening.error().code), text(*limit.code));
    EXPECT_EQ(opening.error().at, limit.at);
  }
}

TEST(Inspect, LimitsHoldForFilesWithoutHeader) {
  const Result<Opening> opening = inspect_text("1,2,3\n", {.header = false, .max_columns = 2});
  ASSERT_FALSE(opening);
  EXPECT_EQ(opening.error().code, Code::LimitColumns);
}

}  // namespace
}  // namespace rowgate::csv
