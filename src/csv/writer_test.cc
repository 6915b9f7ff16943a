#include "csv/writer.h"

#include "csv/testing.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <optional>
#include <string>
#include <vector>

namespace rowgate::csv {
namespace {

using Fields = std::vector<std::optional<std::string>>;

std::string written(const std::vector<Fields>& records, Writer::Options options = {}) {
  std::string out;
  Writer writer(out, options);
  for (const Fields& fields : records) {
    for (const auto& field : fields) {
      if (field)
        writer.field(*field);
      else
        writer.null_field();
    }
    writer.end_record();
  }
  return out;
}

struct Case {
  const char* name;
  std::vector<Fields> records;
  const char* expected;
};

const Case kCases[] = {
    {"plain fields stand bare", {{"id", "name"}, {"1", "Ada"}}, "id,name\r\n1,Ada\r\n"},
    {"spaces are data and need no quotes", {{" a ", "b c"}}, " a ,b c\r\n"},
    {"a delimiter is quoted", {{"a,b", "c"}}, "\"a,b\",c\r\n"},
    {"another delimiter is not", {{"a;b", "c|d"}}, "a;b,c|d\r\n"},
    {"a quote is doubled", {{"say \"hi\""}}, "\"say \"\"hi\"\"\"\r\n"},
    {"only quotes", {{"\"\""}}, "\"\"\"\"\"\"\r\n"},
    {"LF, CR and CRLF are quoted", {{"a\nb", "c\rd", "e\r\nf"}}, "\"a\nb\",\"c\rd\",\"e\r\nf\"\r\n"},
    {"an empty text is quoted, a null is not", {{"", std::nullopt, ""}}, "\"\",,\"\"\r\n"},
    {"a record of nulls is no blank line",
     {{std::nullopt, std::nullopt}, {std::nullopt}},
     "\"\",\r\n\"\"\r\n"},
    {"non-ASCII stands as it is", {{"S\xC3\xA3o Paulo"}}, "S\xC3\xA3o Paulo\r\n"},
    {"formulas stand as they are unless asked", {{"=1+1", "-x"}}, "=1+1,-x\r\n"},
};

TEST(Writer, QuotesWhatMustBe) {
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(written(c.records), c.expected);
  }
}

TEST(Writer, QuotesByItsOwnQuoteThoughTheGuardOfAFormulaIsOne) {
  const Writer::Options options{.quote_char = '\'', .escape_formulas = true};
  EXPECT_EQ(written({{"a,b", "it's", "\"x\"", "=1", "'y", ""}}, options),
            "'a,b','it''s',\"x\",'''=1','''''y',''\r\n");
}

TEST(Writer, WithoutFormulaEscapeUndoesIt) {
  for (const char* cell : {"", "a", "=1", "'", "'a", "''", "'=1", "-x", "-1", "@", "\tx"}) {
    const std::string guarded = needs_formula_escape(cell) ? "'" + std::string(cell) : cell;
    EXPECT_EQ(without_formula_escape(guarded), cell);
  }
  EXPECT_EQ(without_formula_escape("'abc"), "'abc");  // nobody escaped that
}

TEST(Writer, QuotesItsOwnDelimiter) {
  EXPECT_EQ(written({{"a;b", "c,d"}}, {.delimiter = ';'}), "\"a;b\";c,d\r\n");
  EXPECT_EQ(written({{"a\tb", "c"}}, {.delimiter = '\t'}), "\"a\tb\"\tc\r\n");
}

TEST(Writer, EscapesFormulasInsideTheQuotes) {
  const Fields fields = {"=1+1", "@sum", "'as is", "+1,5", "-2.5", "", std::nullopt, "\tx", "=\"a\""};
  EXPECT_EQ(written({fields}, {.escape_formulas = true}),
            "'=1+1,'@sum,''as is,\"'+1,5\",-2.5,\"\",,'\tx,\"'=\"\"a\"\"\"\r\n");
}

TEST(Writer, KnowsFormulasFromNumbers) {
  for (const char* formula : {"=1", "=", "+", "-", "+a", "-1+2", "-1e", "-.", "--1", "-1.2.3", "@a", "\t",
                              "\r1", "'", "'5", "+1 ", "-0x1", "-1,5"})
    EXPECT_TRUE(needs_formula_escape(formula)) << formula;
  for (const char* plain :
       {"", "1", "-1", "+1", "-12.5", "-.5", "-5.", "+1e9", "-1.5E-3", "a=1", " =1", "1-2"})
    EXPECT_FALSE(needs_formula_escape(plain)) << plain;
}

RC_GTEST_PROP(WriterProperty, WhatItWritesReadsBackTheSame, ()) {
  const auto text = rc::gen::container<std::string>(rc::gen::elementOf(std::string("ab,;\"\r\n\t '=-\xC3")));
  const auto columns = *rc::gen::inRange<std::size_t>(1, 5);
  const auto rows = *rc::gen::container<std::vector<std::vector<std::string>>>(
      rc::gen::container<std::vector<std::string>>(columns, text));
  const char delimiter = *rc::gen::element(',', ';', '\t');
  std::string bytes;
  Writer writer(bytes, {.delimiter = delimiter});
  for (const auto& row : rows) {
    for (const std::string& field : row) writer.field(field);
    writer.end_record();
  }
  testing::PieceSource source(bytes, 7);
  Parser parser(source, {.delimiter = delimiter}, {}, Kernel::Scalar);
  std::vector<std::vector<std::string>> found;
  RecordBatch batch;
  while (parser.next(batch) && !batch.empty()) {
    RC_ASSERT(batch.broken.empty());
    for (std::size_t record = 0; record < batch.size(); ++record) {
      auto& fields = found.emplace_back();
      for (std::size_t i = 0; i < batch.field_count(record); ++i) fields.push_back(batch.value(record, i));
    }
  }
  RC_ASSERT(found == rows);
}

TEST(Writer, QuotesWithAnotherCharacter) {
  EXPECT_EQ(written({{"it's", "a\"b", "c;d", ""}}, {.delimiter = ';', .quote_char = '\''}),
            "'it''s';a\"b;'c;d';''\r\n");
}

}  // namespace
}  // namespace rowgate::csv
