#include "db/server/named_sql.h"

#include "base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace rowgate::db::server {
namespace {

std::unexpected<Error> bad_sql(std::string message, std::string hint) {
  return fail(Code::ReportBadSql, std::move(message), std::move(hint));
}
std::unexpected<Error> not_reading() {
  return bad_sql("the statement would do more than read", "a report is one SELECT statement");
}

bool is_name_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool is_name_part(char c) {
  return is_name_start(c) || (c >= '0' && c <= '9');
}
bool is_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

/// Goes over the statement once, token by token.
class Reader {
 public:
  Reader(std::string_view sql, SqlFlavour flavour) : sql_(sql), flavour_(flavour) {}

  Result<NamedSql> read() {
    while (at_ < sql_.size()) TRY(step());
    if (words_.empty() && !has_more_)
      return bad_sql("there is no statement in it", "a report is one SELECT statement");
    TRY(check_words());
    out_.words = std::move(words_);
    std::ranges::move(quoted_names_, std::back_inserter(out_.words));
    return std::move(out_);
  }

 private:
  bool mysql() const { return flavour_ == SqlFlavour::MySql; }
  char peek(std::size_t ahead = 0) const { return at_ + ahead < sql_.size() ? sql_[at_ + ahead] : '\0'; }

  void copy_to(std::size_t end) {
    end = std::min(end, sql_.size());
    out_.sql.append(sql_, at_, end - at_);
    at_ = end;
  }

  /// Comments count as nothing. In MySQL "--" needs a space behind it, and /*! ... */ is no comment.
  bool skip_comment() {
    const bool dashes = peek() == '-' && peek(1) == '-' && (!mysql() || is_space(peek(2)) || peek(2) == '\0');
    if (dashes || (mysql() && peek() == '#')) {
      at_ = std::min(sql_.find('\n', at_), sql_.size());
      return true;
    }
    if (peek() != '/' || peek(1) != '*') return false;
    if (mysql() && (peek(2) == '!' || (peek(2) == 'M' && peek(3) == '!'))) return false;
    at_ += 2;
    for (int depth = 1; at_ < sql_.size() && depth > 0;) {
      if (peek() == '*' && peek(1) == '/') {
        --depth;
        at_ += 2;
      } else if (!mysql() && peek() == '/' && peek(1) == '*') {
        ++depth;
        at_ += 2;
      } else {
        ++at_;
      }
    }
    out_.sql += ' ';
    return true;
  }

  void quoted(char quote, bool backslashes) {
    std::size_t end = at_ + 1;
    for (; end < sql_.size(); ++end) {
      if (backslashes && sql_[end] == '\\') {
        ++end;
      } else if (sql_[end] == quote) {
        if (end + 1 < sql_.size() && sql_[end + 1] == quote)
          ++end;
        else
          break;
      }
    }
    copy_to(end + 1);
  }

  /// $tag$ ... $tag$
  bool dollar_quoted() {
    std::size_t end = at_ + 1;
    while (end < sql_.size() && is_name_part(sql_[end])) ++end;
    if (end >= sql_.size() || sql_[end] != '$') return false;
    const std::string_view tag = sql_.substr(at_, end + 1 - at_);
    const std::size_t close = sql_.find(tag, end + 1);
    copy_to(close == sql_.npos ? sql_.size() : close + tag.size());
    return true;
  }

  void word() {
    std::size_t end = at_;
    while (end < sql_.size() &&
           (is_name_part(sql_[end]) || sql_[end] == '$' || static_cast<unsigned char>(sql_[end]) >= 0x80))
      ++end;
    words_.push_back(lower_ascii(sql_.substr(at_, end - at_)));
    copy_to(end);
    if (!mysql() && words_.back() == "e" && peek() == '\'') quoted('\'', true);
  }

  void place() {
    std::size_t end = at_ + 1;
    while (end < sql_.size() && is_name_part(sql_[end])) ++end;
    const std::string name(sql_.substr(at_ + 1, end - at_ - 1));
    at_ = end;
    if (mysql()) {
      out_.names.push_back(name);
      out_.sql += '?';
      return;
    }
    auto known = std::ranges::find(out_.names, name);
    if (known == out_.names.end()) known = out_.names.insert(out_.names.end(), name);
    out_.sql += fmt::format("${}", known - out_.names.begin() + 1);
  }

  Result<void> step() {
    const char c = peek();
    if (skip_comment()) return {};
    if (is_space(c)) {
      copy_to(at_ + 1);
      return {};
    }
    if (c == ';') {
      if (!words_.empty() || has_more_) is_ended_ = true;
      ++at_;
      return {};
    }
    if (is_ended_)
      return bad_sql("there is more than one statement in it", "a report is one SELECT statement");
    if (is_name_start(c) || static_cast<unsigned char>(c) >= 0x80) {
      word();
      return {};
    }
    if (words_.empty() && c != '(') has_more_ = true;
    if (c == '\'') {
      quoted(c, mysql());
    } else if (c == '"' || (c == '`' && mysql())) {
      const std::size_t begin = out_.sql.size() + 1;
      quoted(c, false);
      quoted_names_.push_back(out_.sql.substr(begin, out_.sql.size() - 1 - begin));
    } else if (c == '$' && !mysql() && dollar_quoted()) {
    } else if (c == ':' && peek(1) == ':') {
      copy_to(at_ + 2);
    } else if (c == ':' && is_name_start(peek(1))) {
      place();
    } else if ((c == '?' && mysql()) || (c == '$' && !mysql() && peek(1) >= '0' && peek(1) <= '9')) {
      return bad_sql("a parameter has no name of the form :name", "write :name, and declare it under params");
    } else {
      copy_to(at_ + 1);
    }
    return {};
  }

  /// What a transaction that only reads does not prevent.
  Result<void> check_words() const {
    constexpr std::string_view kFirst[] = {"select", "with", "values", "table"};
    if (!words_.empty() && std::ranges::find(kFirst, words_[0]) == std::end(kFirst)) {
      constexpr std::string_view kStatements[] = {
          "insert",  "update",  "delete",  "replace", "create",   "drop",   "alter",  "truncate",
          "grant",   "revoke",  "set",     "call",    "do",       "load",   "copy",   "pragma",
          "attach",  "begin",   "start",   "commit",  "rollback", "lock",   "unlock", "merge",
          "explain", "show",    "rename",  "analyze", "vacuum",   "kill",   "use",    "flush",
          "reset",   "handler", "prepare", "execute", "declare",  "listen", "notify"};
      if (std::ranges::find(kStatements, words_[0]) != std::end(kStatements)) return not_reading();
    }
    for (std::size_t i = 0; i < words_.size(); ++i)
      if (words_[i] == "into" && i > 0) return not_reading();  // OUTFILE, DUMPFILE, a variable, a new table
    return {};
  }

  std::string_view sql_;
  SqlFlavour flavour_;
  std::size_t at_ = 0;
  NamedSql out_;
  std::vector<std::string> words_, quoted_names_;
  bool has_more_ = false, is_ended_ = false;
};

}  // namespace

Result<NamedSql> read_query(std::string_view sql, SqlFlavour flavour) {
  return Reader(sql, flavour).read();
}

Result<std::vector<Value>> values_of(const NamedSql& sql,
                                     const std::vector<std::pair<std::string, Value>>& params) {
  std::vector<Value> values;
  for (const std::string& name : sql.names) {
    const auto found = std::ranges::find(params, name, &std::pair<std::string, Value>::first);
    if (found == params.end())
      return bad_sql(fmt::format("the parameter :{} has no value", name), "declare it under params");
    values.push_back(found->second);
  }
  return values;
}

}  // namespace rowgate::db::server
