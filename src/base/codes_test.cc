#include "base/codes.h"

#include "base/error.h"
#include "base/errors_page.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cctype>
#include <map>
#include <set>
#include <string>

namespace rowgate {
namespace {

using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::EndsWith;
using ::testing::Ge;
using ::testing::HasSubstr;
using ::testing::Lt;
using ::testing::MatchesRegex;
using ::testing::Not;

std::string family(const CodeInfo& code) {
  return std::string(code.text.substr(0, code.text.find('.')));
}

TEST(Codes, StandInTheOrderOfTheEnum) {
  std::size_t at = 0;
  for (const CodeInfo& code : all_codes()) {
    EXPECT_EQ(static_cast<std::size_t>(code.code), at++);
    EXPECT_EQ(&info(code.code), &code);
    EXPECT_EQ(text(code.code), code.text);
  }
}

TEST(Codes, HaveATextOfTheirOwn) {
  std::set<std::string_view> seen;
  for (const CodeInfo& code : all_codes()) {
    SCOPED_TRACE(code.text);
    EXPECT_TRUE(seen.insert(code.text).second);
    EXPECT_THAT(std::string(code.text), MatchesRegex("[a-z]+\\.[a-z]+(_[a-z0-9]+)*"));
    EXPECT_EQ(code_from_text(code.text), code.code);
  }
}

TEST(Codes, AreReadByTheirWholeTextOnly) {
  for (const char* wrong : {"", "csv", "csv.", "csv.nul_byte ", "CSV.NUL_BYTE", "csv.nul", "nul_byte"})
    EXPECT_EQ(code_from_text(wrong), std::nullopt) << wrong;
}

TEST(Codes, OfOneFamilyStandTogether) {
  const std::set<std::string> families = {"file",   "csv",    "record",   "header", "table",   "value",
                                          "rule",   "key",    "database", "limit",  "run",     "report",
                                          "source", "config", "request",  "auth",   "storage", "internal"};
  std::set<std::string> closed;
  std::string current;
  for (const CodeInfo& code : all_codes()) {
    EXPECT_TRUE(families.contains(family(code))) << code.text;
    if (family(code) == current) continue;
    EXPECT_TRUE(closed.insert(family(code)).second) << code.text << " stands apart from its family";
    current = family(code);
  }
}

TEST(Codes, AreExplainedInFull) {
  for (const CodeInfo& code : all_codes()) {
    SCOPED_TRACE(code.text);
    EXPECT_FALSE(code.title.empty());
    EXPECT_NE(code.title.back(), '.');
    for (const std::string& sentence : {std::string(code.cause), std::string(code.fix)}) {
      EXPECT_FALSE(sentence.empty());
      if (sentence.empty()) continue;
      EXPECT_FALSE(std::islower(static_cast<unsigned char>(sentence.front()))) << sentence;
      EXPECT_THAT(sentence, Not(HasSubstr("  ")));
    }
    EXPECT_THAT(std::string(code.cause), EndsWith("."));
    EXPECT_FALSE(code.example.empty());
    for (const std::string_view part : {code.title, code.cause, code.fix, code.example})
      EXPECT_EQ(part.find('\n'), std::string_view::npos) << part;
    EXPECT_EQ(code.example.find('`'), std::string_view::npos) << "it is set in backticks";
  }
}

TEST(Codes, RefuseNothingWhenTheyWarn) {
  for (const CodeInfo& code : all_codes()) {
    if (code.severity == Severity::Warning)
      EXPECT_EQ(code.exit_code, 0) << code.text;
    else
      EXPECT_THAT(code.exit_code, AnyOf(1, 2, 3, 4, 5, 6, 130)) << code.text;
  }
}

TEST(Codes, ThatJudgeARecordSayDataRefused) {
  const std::set<std::string> judging = {"csv", "record", "header", "value", "rule", "key"};
  for (const CodeInfo& code : all_codes()) {
    if (code.severity == Severity::Warning || !judging.contains(family(code))) continue;
    EXPECT_EQ(code.exit_code, 3) << code.text;
  }
}

// The pages /problems/{slug} are API: a slug is a problem of one status, and keeps it.
TEST(Codes, ShareProblemTypesOfOneStatus) {
  std::map<std::string, int> statuses = {
      {"empty-file", 400},           {"one-file-expected", 400}, {"bad-header", 400},
      {"bad-compression", 400},      {"bad-encoding", 400},      {"bad-parameter", 400},
      {"bad-cursor", 400},           {"bad-json", 400},          {"bad-request", 400},
      {"unauthenticated", 401},      {"forbidden", 403},         {"unknown-table", 404},
      {"unknown-report", 404},       {"unknown-run", 404},       {"not-found", 404},
      {"method-not-allowed", 405},   {"not-acceptable", 406},    {"request-timeout", 408},
      {"table-busy", 409},           {"table-differs", 409},     {"idempotency-in-progress", 409},
      {"rejects-expired", 410},      {"link-expired", 410},      {"too-large", 413},
      {"uri-too-long", 414},         {"unsupported-media", 415}, {"unsupported-encoding", 415},
      {"header-mismatch", 422},      {"rows-rejected", 422},     {"idempotency-key-reused", 422},
      {"digest-mismatch", 422},      {"config-invalid", 422},    {"report-too-large", 422},
      {"header-too-large", 431},     {"internal", 500},          {"report-timeout", 504},
      {"database-unavailable", 503}, {"queue-full", 503},        {"draining", 503},
      {"storage-unavailable", 503},  {"storage-full", 503},
  };
  for (const CodeInfo& code : all_codes()) {
    SCOPED_TRACE(code.text);
    const std::string slug(code.slug);
    EXPECT_THAT(slug, MatchesRegex("[a-z]+(-[a-z]+)*"));
    EXPECT_EQ(statuses.try_emplace(slug, code.http_status).first->second, code.http_status);
    EXPECT_THAT(code.http_status, AllOf(Ge(400), Lt(600)));
  }
}

TEST(ErrorsPage, HasASectionForEachCode) {
  const std::string page = errors_page();
  for (const CodeInfo& code : all_codes()) {
    EXPECT_THAT(page, HasSubstr(fmt::format("\n## {}\n", family(code))));
    EXPECT_THAT(page, HasSubstr(fmt::format("\n### {}\n\n**{}** (", code.text, code.title)));
    EXPECT_THAT(page, HasSubstr(fmt::format("\n| {} | ", code.exit_code)));
  }
  EXPECT_THAT(page, HasSubstr("\n### record.blank\n\n**a blank line** (warning, Frictionless kind "
                              "`blank-row`)\n\nA line without any character stands between the records; it "
                              "is counted and skipped.\n\nNothing needs to be done.\n\nExample: `(an empty "
                              "line)`\n"));
  EXPECT_THAT(page, HasSubstr("**rows to be removed are still referenced** (error, exit code 3, HTTP 422 "
                              "`rows-rejected`, Frictionless kind `foreign-key`)"));
}

TEST(ErrorText, TellsPlaceMessageAndAdvice) {
  const Error bare{Code::FileEmpty, "the file is empty"};
  EXPECT_EQ(to_text(bare), "the file is empty");
  Error full{Code::CsvUnclosedQuote, "quoted field is not closed", "close the quote", Position{41, 7}};
  EXPECT_EQ(to_text(full), "41:7: quoted field is not closed (close the quote)");
  full.file = "orders.csv";
  EXPECT_EQ(to_text(full), "orders.csv:41:7: quoted field is not closed (close the quote)");
  full.at.reset();
  EXPECT_EQ(to_text(full), "orders.csv: quoted field is not closed (close the quote)");
}

Result<int> half(int number) {
  if (number % 2 != 0)
    return fail(Code::ValueOutOfRange, fmt::format("{} is odd", number), "add one", Position{3, 4});
  return number / 2;
}

Result<int> quarter(int number) {
  TRY(half(number));
  TRY_ASSIGN(const int once, half(number));
  TRY_ASSIGN(const int twice, half(once));
  return twice;
}

TEST(Result, CarriesTheFirstErrorOutAsItIs) {
  EXPECT_EQ(quarter(12).value(), 3);
  for (const int odd : {3, 6}) {
    const Result<int> failed = quarter(odd);
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code, Code::ValueOutOfRange);
    EXPECT_EQ(failed.error().message, "3 is odd");
    EXPECT_EQ(failed.error().hint, "add one");
    EXPECT_EQ(failed.error().at, (Position{3, 4}));
  }
}

}  // namespace
}  // namespace rowgate
