// All that is said about a refused value, in one place for every door.

#include "base/text.h"
#include "table/reject.h"
#include "table/temporal.h"

#include <fmt/format.h>

namespace rowgate::table {
namespace {

constexpr std::size_t kFoundBytes = 60;

std::string_view with_article(Type type) {
  switch (type) {
    case Type::Integer:
      return "a whole number";
    case Type::Number:
      return "a number";
    case Type::String:
      return "a text";
    case Type::Boolean:
      return "a boolean";
    case Type::Date:
      return "a date";
    case Type::Time:
      return "a time";
    case Type::Year:
      return "a year";
    case Type::YearMonth:
      return "a year and month";
    case Type::Duration:
      return "a duration";
    case Type::Object:
      return "a JSON object";
    case Type::Array:
      return "a JSON array";
    case Type::GeoJson:
      return "GeoJSON";
    case Type::List:
      return "a list";
    case Type::GeoPoint:
      return "a point on the earth";
    case Type::Any:
      return "a value";
    case Type::Datetime:
      break;
  }
  return "a date and time";
}

std::string format_name(const Field& field) {
  if (field.format == "email") return "an email address";
  if (field.format == "uri") return "a URI";
  if (field.format == "uuid") return "a UUID";
  if (field.format == "binary") return "base64";
  return fmt::format("of the format {}", field.format);
}

std::string words_of(const std::vector<std::string>& words) {
  return fmt::format("{}", fmt::join(words, ", "));
}

/// A value of a type that has one form only.
std::string_view usual_form(const Field& field) {
  switch (field.type) {
    case Type::Year:
      return "2021";
    case Type::YearMonth:
      return "2021-11";
    case Type::Duration:
      return "P1DT2H30M";
    case Type::Object:
      return R"({"size": 3})";
    case Type::Array:
      return "[1, 2]";
    case Type::GeoJson:
      return field.format == "topojson" ? "" : R"({"type": "Point", "coordinates": [8.6, 50.1]})";
    case Type::GeoPoint:
      return field.format == "array"    ? "[8.6, 50.1]"
             : field.format == "object" ? R"({"lon": 8.6, "lat": 50.1})"
                                        : "8.6,50.1";
    default:
      return "";
  }
}

/// What a value of the field looks like: form and example.
std::string expected_form(const Field& field) {
  switch (field.type) {
    case Type::Integer:
      return fmt::format("a whole number, for example {}", field.example.empty() ? "42" : field.example);
    case Type::Number:
      if (field.decimal)
        return fmt::format("a number of at most {} digits, {} of them after the point",
                           field.decimal->precision, field.decimal->scale);
      return fmt::format("a number, for example {}",
                         field.example.empty() ? fmt::format("12{}5", field.decimal_char) : field.example);
    case Type::Boolean:
      return fmt::format("one of {}; or {}", words_of(field.true_values), words_of(field.false_values));
    case Type::Date:
    case Type::Time:
    case Type::Datetime:
      if (const auto format = TemporalFormat::make(field.type, field.format))
        return fmt::format("{}, for example {}", format->form(),
                           field.example.empty() ? format->example() : field.example);
      return {};
    default:
      break;
  }
  if (field.example.empty() && !usual_form(field).empty())
    return fmt::format("for example {}", usual_form(field));
  return field.example.empty() ? std::string() : fmt::format("for example {}", field.example);
}

class Describer {
 public:
  Describer(const Problem& problem, const TableSchema& schema)
      : problem_(problem),
        field_(problem.field == Problem::kNoField ? nullptr : &schema.fields[problem.field]),
        name_(field_ == nullptr ? std::string("the value") : fmt::format("`{}`", field_->name)),
        found_(fmt::format("`{}`", shown(problem.found, kFoundBytes))) {}

  Description describe() {
    switch (problem_.code) {
      case Code::CsvUnclosedQuote:
        return words("a quoted value is not closed", or_detail("the quote opened here and is not closed"),
                     "close the quote, or double it if it is part of the text");
      case Code::CsvStrayQuote:
        return stray_quote();
      case Code::CsvNulByte:
        return words("a NUL byte", or_detail("byte 0x00"),
                     "find out what wrote the file; no text has this byte");
      case Code::RecordNotUtf8:
        return words("bytes that are not UTF-8", or_detail("not UTF-8 from here on"),
                     "convert the file first: iconv -f WINDOWS-1252 -t UTF-8 in.csv > out.csv");
      case Code::RecordTooFewFields:
        return words("fields are missing in this row", or_detail("the row ends here"),
                     "add the missing delimiters or values");
      case Code::RecordTooManyFields:
        return words("there are surplus fields in this row",
                     or_detail("the row should have ended before this"),
                     "quote the field that holds a delimiter, or take out what is too much");
      case Code::LimitField:
        return words("a field is longer than allowed", "this field goes on beyond the limit",
                     "check for a missing line end, or raise limits.max_field_bytes");
      case Code::LimitRecord:
        return words("a row is longer than allowed", "this field goes beyond the row's limit",
                     "check for a missing line end, or raise limits.max_record_bytes");
      default:
        return value();
    }
  }

 private:
  std::string or_detail(std::string otherwise) const {
    if (!problem_.detail.empty()) return problem_.detail;
    return otherwise;
  }
  static Description words(std::string title, std::string label, std::string help,
                           std::string expected = {}) {
    return {std::move(title), std::move(label), std::move(expected), std::move(help)};
  }

  Description stray_quote() const {
    // Told with what follows the quote only where the field began with one (structure.cc), whichever quote
    // the file has.
    const std::string& found = problem_.found;
    const bool quoted = found.starts_with('"') || (!found.empty() && !problem_.detail.empty());
    const char quote = quoted ? found[0] : '"';
    std::string help = "put the whole value in quotes and double each quote inside it";
    const bool whole =
        quoted && found.size() > 2 && found.back() == quote && found.find('\n') == std::string::npos;
    if (whole || (!quoted && found.find(quote) != std::string::npos))
      help = fmt::format("double the quotes inside: {}", shown(requoted(whole, quote)));
    return words(
        quoted ? "a quote in the middle of a quoted value" : "a quote in a value that is not quoted",
        or_detail(quoted ? "the quote opened here" : "the value does not begin with a quote, but has one"),
        std::move(help));
  }

  /// The value as it should have been written.
  std::string requoted(bool in_quotes, char quote) const {
    std::string_view inner = problem_.found;
    if (in_quotes) inner = inner.substr(1, inner.size() - 2);
    std::string out(1, quote);
    for (const char c : inner) {
      if (c == quote) out += quote;
      out += c;
    }
    return out + quote;
  }

  Description value() {
    const std::string type = field_ == nullptr ? "a value" : std::string(with_article(field_->type));
    const std::string form = field_ == nullptr ? std::string() : expected_form(*field_);
    switch (problem_.code) {
      case Code::ValueNotInteger:
      case Code::ValueNotNumber:
      case Code::ValueNotBoolean:
      case Code::ValueNotJson:
      case Code::ValueNotYear:
      case Code::ValueNotYearmonth:
      case Code::ValueNotDuration:
      case Code::ValueNotGeopoint:
        return words(fmt::format("{} is not {}", found_, type), or_detail(fmt::format("not {}", type)), "",
                     form);
      case Code::ValueNotList:
        return words(fmt::format("{} is not a list of {}", found_, name(field_->item_type)), problem_.detail,
                     "", form);
      case Code::ValueNotDate:
      case Code::ValueNotTime:
      case Code::ValueNotDatetime:
        return words(fmt::format("{} is not {}", found_, type), or_detail("of another form"),
                     "if your dates look different set `format` of the field, for example \"%d/%m/%Y\"",
                     form);
      case Code::ValueNotFormat: {
        const std::string format = format_name(*field_);
        return words(fmt::format("{} is not {}", found_, format), or_detail(fmt::format("not {}", format)),
                     "", form);
      }
      case Code::ValueOutOfRange:
        return words(fmt::format("the column cannot hold {} exactly", found_), or_detail("out of range"), "",
                     form);
      default:
        return rule(type, form);
    }
  }

  Description rule(const std::string& type, const std::string& form) {
    switch (problem_.code) {
      case Code::RuleRequired:
        return words(fmt::format("{} is empty", name_), fmt::format("{} is required here", type),
                     fmt::format("give the value, or drop `required` from {} in the table's schema", name_));
      case Code::RuleMinimum:
        return words(fmt::format("{} is too small for {}", found_, name_), problem_.detail, "", "");
      case Code::RuleMaximum:
        return words(fmt::format("{} is too large for {}", found_, name_), problem_.detail, "", "");
      case Code::RuleMinLength:
        return words(fmt::format("{} is too short for {}", found_, name_), problem_.detail, "", "");
      case Code::RuleMaxLength:
        return words(fmt::format("{} is too long for {}", found_, name_), problem_.detail, "", "");
      case Code::RulePattern:
        return words(fmt::format("{} does not match the pattern of {}", found_, name_), problem_.detail, "",
                     form);
      case Code::RuleEnum:
        return words(fmt::format("{} is not one of the values of {}", found_, name_), problem_.detail, "",
                     "");
      default:
        return key();
    }
  }

  Description key() {
    switch (problem_.code) {
      case Code::KeyDuplicateInFile:
        return words(fmt::format("the key {} of {} stands in the file before", found_, name_),
                     problem_.detail, "keep one of the rows; the first one counts");
      case Code::KeyDuplicateInTable:
        return words(fmt::format("the key {} of {} is in the table already", found_, name_),
                     or_detail("already in the table"), "load with --mode upsert to update such rows");
      case Code::KeyNotUnique:
        return words(fmt::format("{} is in the table already, and {} must be unique", found_, name_),
                     or_detail("another row of the table has it"), "correct one of the two rows");
      case Code::KeyNoParent:
        return words(
            fmt::format("{} of {} does not exist", found_, name_),
            problem_.detail.empty() ? std::string("not found")
                                    : fmt::format("not found in {}", problem_.detail),
            fmt::format("load {} first, or correct the value",
                        problem_.detail.empty() ? "the parent table"
                                                : problem_.detail.substr(0, problem_.detail.find('.'))));
      default:
        return words(std::string(info(problem_.code).title), problem_.detail,
                     std::string(info(problem_.code).fix));
    }
  }

  const Problem& problem_;
  const Field* field_;
  std::string name_, found_;
};

}  // namespace

Description describe(const Problem& problem, const TableSchema& schema) {
  return Describer(problem, schema).describe();
}

std::string group_title(Code code, std::string_view field_name) {
  const CodeInfo& about = info(code);
  if (field_name.empty()) return std::string(about.title);
  const auto said = [&](std::string_view what) { return fmt::format("{} {}", field_name, what); };
  switch (code) {
    case Code::RuleRequired:
      return said("is empty");
    case Code::ValueNotInteger:
    case Code::ValueNotNumber:
    case Code::ValueNotBoolean:
    case Code::ValueNotDate:
    case Code::ValueNotTime:
    case Code::ValueNotDatetime:
    case Code::ValueNotFormat:
    case Code::ValueNotJson:
    case Code::ValueNotYear:
    case Code::ValueNotYearmonth:
    case Code::ValueNotDuration:
    case Code::ValueNotList:
    case Code::ValueNotGeopoint:
    case Code::RuleMinimum:
    case Code::RuleMaximum:
    case Code::RuleMinLength:
    case Code::RuleMaxLength:
    case Code::RuleEnum:
      return said(fmt::format("is {}", about.title));
    case Code::ValueOutOfRange:
      return said("has a value that the column cannot hold exactly");
    case Code::RulePattern:
      return said("does not match the pattern");
    case Code::KeyDuplicateInFile:
      return said("stands in the file before");
    case Code::KeyDuplicateInTable:
      return said("is in the table already");
    case Code::KeyNotUnique:
      return said("is in the table already and must be unique");
    case Code::KeyNoParent:
      return said("does not exist in the table it refers to");
    default:
      return fmt::format("{}: {}", field_name, about.title);
  }
}

}  // namespace rowgate::table
