#include "cli/terminal/terminal.h"

#include "cli/terminal/utf8.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace rowgate::cli {
namespace {

/// Sets a variable of the environment, or takes it away, until the end of the test.
class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name) {
    if (const char* before = std::getenv(name); before != nullptr) before_ = before;
    set(value);
  }
  ~Variable() { set(before_ ? before_->c_str() : nullptr); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  void set(const char* value) {
    if (value == nullptr)
      unsetenv(name_);
    else
      setenv(name_, value, 1);
  }
  const char* name_;
  std::optional<std::string> before_;
};

TEST(DisplayWidth, CountsColumnsAndNotBytes) {
  const std::pair<std::string_view, std::size_t> cases[] = {
      {"", 0},
      {"abc", 3},
      {"a\tb", 3},
      {"Zo\xC3\xAB", 3},                // e with diaeresis as one character
      {"Zoe\xCC\x88", 3},               // the same as a letter and a combining mark
      {"\xE6\x9D\xB1\xE4\xBA\xAC", 4},  // two wide characters
      {"\xF0\x9F\x98\x80", 2},          // an emoji
      {"\xFF", 1},                      // not UTF-8
  };
  for (const auto& [text, width] : cases) EXPECT_EQ(display_width(text), width) << text;
}

TEST(BytesWithinWidth, NeverCutsACharacter) {
  EXPECT_EQ(bytes_within_width("abc", 2), 2U);
  EXPECT_EQ(bytes_within_width("\xE6\x9D\xB1\xE4\xBA\xAC", 3), 3U);
  EXPECT_EQ(bytes_within_width("\xE6\x9D\xB1\xE4\xBA\xAC", 4), 6U);
  EXPECT_EQ(bytes_within_width("abc", 9), 3U);
}

TEST(DetectTerminal, FlagBeatsTheEnvironment) {
  const Variable forced("CLICOLOR_FORCE", "1");
  EXPECT_FALSE(detect_terminal(ColorChoice::Never).color);
  const Variable none("NO_COLOR", "1");
  EXPECT_TRUE(detect_terminal(ColorChoice::Always).color);
}

TEST(DetectTerminal, ForcedColorBeatsNoColor) {
  const Variable none("NO_COLOR", "1");
  const Variable forced("CLICOLOR_FORCE", "1");
  EXPECT_TRUE(detect_terminal(ColorChoice::Auto).color);
  const Variable off("CLICOLOR_FORCE", "0");
  EXPECT_FALSE(detect_terminal(ColorChoice::Auto).color);
}

TEST(DetectTerminal, MarksAreWordsWhereTheLocaleIsNotUtf8) {
  const Variable all("LC_ALL", "C");
  const Terminal plain = detect_terminal(ColorChoice::Auto);
  EXPECT_FALSE(plain.utf8);
  EXPECT_EQ(plain.mark_ok(), "ok");
  EXPECT_EQ(plain.mark_error(), "error");
  const Variable utf8("LC_ALL", "C.UTF-8");
  EXPECT_TRUE(detect_terminal(ColorChoice::Auto).utf8);
}

TEST(DetectTerminal, FirstLocaleVariableThatIsSetCounts) {
  const Variable all("LC_ALL", "");
  const Variable type("LC_CTYPE", "de_DE.utf8");
  const Variable lang("LANG", "C");
  EXPECT_TRUE(detect_terminal(ColorChoice::Auto).utf8);
}

TEST(Styled, AddsNothingWithoutColor) {
  Terminal terminal;
  EXPECT_EQ(terminal.styled("red", "x"), "x");
  terminal.color = true;
  EXPECT_EQ(terminal.styled("red", "x"), "\033[1;31mx\033[0m");
  EXPECT_EQ(terminal.styled("no such style", "x"), "x");
}

TEST(Command, FindsTheSameDatabase) {
  Terminal terminal;
  EXPECT_EQ(terminal.command("runs"), "rowgate runs");
  terminal.to_flags = " --to sqlite:people.db";
  EXPECT_EQ(terminal.command("runs"), "rowgate runs --to sqlite:people.db");
}

TEST(ShellWord, IsInQuotesWhereAShellWantsThem) {
  EXPECT_EQ(shell_word("data/people.csv"), "data/people.csv");
  EXPECT_EQ(shell_word("my file.csv"), "'my file.csv'");
  EXPECT_EQ(shell_word("it's;rm"), "'it'\\''s;rm'");
  EXPECT_EQ(shell_word(""), "''");
}

}  // namespace
}  // namespace rowgate::cli
